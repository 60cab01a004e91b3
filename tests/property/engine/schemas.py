"""Raw tables of every type, with values from small domains so that joins meet and groups empty out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.property.engine.case import Raw

if TYPE_CHECKING:
    from tests.property.engine.choose import Choose


@dataclass(frozen=True)
class Col:
    """A column as the grammar sees it.

    `family` is the kind of its type. `fine` values are the same however they are computed, so a query may compare,
    group and order by them; `wild` numbers are fine by themselves while their sums depend on the order.
    """

    name: str
    family: str
    fine: bool = True
    wild: bool = False


# type → its family, and its values; the first are the simplest
TYPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "bigint": ("int", ("0", "1", "2", "3", "-1", "null")),
    "varchar": ("text", ("'a'", "'b'", "''", "null", "'A'", "'it''s'", "'ü'", "'a b'")),
    "integer": ("int", ("0", "1", "2", "3", "null")),
    "double": ("real", ("0", "0.25", "0.5", "-1.5", "2", "null", "-0.0", "'nan'")),
    "timestamp": (
        "ts",
        (*tuple(f"'2024-01-0{day} {hour}'" for day in (1, 2, 3) for hour in ("00:00:00", "06:30:00")), "null"),
    ),
    "boolean": ("bool", ("true", "false", "null")),
    "decimal(10,2)": ("dec", ("0.00", "1.00", "1.10", "-2.25", "null")),
    "date": ("date", ("'2024-01-01'", "'2024-01-02'", "'2024-02-29'", "null")),
    "timestamptz": ("tz", ("'2024-01-01 00:00:00+00'", "'2024-01-01 02:00:00+02'", "'2024-03-31 02:30:00+01'", "null")),
    "integer[]": ("ints", ("[]", "[1]", "[1, 2]", "[2, null, 1]", "null")),
    "varchar[]": ("texts", ("[]", "['a']", "['a', 'b', 'a']", "['']", "null")),
    "struct(a integer, b varchar)": ("struct", ("{'a': 1, 'b': 'x'}", "{'a': null, 'b': ''}", "null")),
    "smallint": ("int", ("0", "1", "2", "null")),
    "tinyint": ("int", ("0", "1", "2", "null")),
    "ubigint": ("int", ("0", "1", "2", "null")),
    "hugeint": ("int", ("0", "1", "2", "null")),
    "float": ("real", ("0", "0.5", "-1.5", "null")),
    "decimal(30,6)": ("dec", ("0.000000", "1.100000", "-3.000001", "null")),
    "time": ("time", ("'00:00:00'", "'12:30:00'", "null")),
    "interval": ("span", ("interval '1 day'", "interval '3 days'", "null")),
    "uuid": (
        "uuid",
        ("'00000000-0000-0000-0000-000000000001'", "'ffffffff-0000-0000-0000-000000000002'", "null"),
    ),
    "blob": ("blob", ("'x'::blob", "''::blob", "null")),
    "map(varchar, integer)": ("map", ("map {'a': 1}", "map {}", "null")),
}
WILD = ("0.1", "-0.1", "0.3", "1000.3333333333334", "-1000.3333333333334", "1e-3", "null", "'nan'", "'inf'")
_COMMON = (("k", "varchar"), ("g", "integer"), ("t", "timestamp"))


def family(kind: str) -> str:
    """Return the family of a type."""
    return TYPES[kind][0]


def values(name: str, kind: str) -> tuple[str, ...]:
    """Return the values that a column takes; what is not wild adds up exactly."""
    if name == "id":
        return tuple(str(n) for n in range(8))
    return WILD if name.startswith("w") and kind == "double" else TYPES[kind][1]


def cols(raw: Raw) -> tuple[Col, ...]:
    """Return the columns of a raw table as the grammar sees them."""
    return tuple(
        Col(name, family(kind), fine=family(kind) != "map", wild=name.startswith("w") and kind == "double")
        for name, kind in raw.columns
    )


def raw_tables(choose: Choose) -> tuple[Raw, ...]:
    """Make one to three raw tables, which have some columns in common so that joins make sense."""
    return tuple(_raw(choose, f"raw.{letter}") for letter in "abc"[: choose.of((2, 1, 2, 3))])


def _raw(choose: Choose, name: str) -> Raw:
    columns = {"id": "bigint"} | {column: kind for column, kind in _COMMON if choose.chance(85)}
    columns["v"] = choose.of(("integer", "bigint", "double", "decimal(10,2)"))
    for number in range(choose.of((1, 0, 2, 3))):
        columns[f"x{number}"] = choose.of(list(TYPES))
    if choose.chance(20):
        columns["w"] = "double"
    key = ("id",) if choose.chance(70) else ()
    return Raw(name, tuple(columns.items()), key)
