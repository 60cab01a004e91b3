"""Columns and their types, in Penstock's own words, and which type can take in another without loss.

A type is a text: `boolean`, `tinyint` … `hugeint`, `utinyint` … `ubigint`, `float`, `double`, `decimal(p,s)`,
`varchar`, `blob`, `date`, `time`, `timestamp`, `timestamptz`, `interval`, `uuid`, `json`, `T[]`,
`struct(a T, …)`, `map(K, V)`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATE = "aggregate_state"  # the type of a hidden column: no words make it, it can only be computed
_ALIASES = {
    "bool": "boolean", "logical": "boolean", "int1": "tinyint", "int2": "smallint", "short": "smallint",
    "int": "integer", "int4": "integer", "int32": "integer", "signed": "integer", "int8": "bigint",
    "int16": "smallint", "int64": "bigint", "long": "bigint", "int128": "hugeint", "real": "float",
    "float4": "float", "float32": "float", "float8": "double", "float64": "double", "double precision": "double",
    "numeric": "decimal", "string": "varchar", "text": "varchar", "char": "varchar", "bpchar": "varchar",
    "nvarchar": "varchar", "bytea": "blob", "binary": "blob", "varbinary": "blob", "datetime": "timestamp",
    "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz", "guid": "uuid",
    "time without time zone": "time", "time with time zone": "timetz",
}  # fmt: skip
_SIMPLE = frozenset(
    [
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "hugeint",
        "utinyint",
        "usmallint",
        "uinteger",
        "ubigint",
        "uhugeint",
        "float",
        "double",
        "decimal",
        "varchar",
        "blob",
        "bit",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "timestamp_s",
        "timestamp_ms",
        "timestamp_ns",
        "interval",
        "uuid",
        "json",
        "struct",
        "map",
        "enum",
        "null",
        "variant",
        "geometry",
    ]
)
_RANKS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "hugeint": 39}
_UNSIGNED = {"utinyint": 3, "usmallint": 5, "uinteger": 10, "ubigint": 20}
_INT_DIGITS = {**_RANKS, **_UNSIGNED}
_EXACT_IN_DOUBLE = 15
_MOST_DIGITS = 38
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)\Z")


def canonical(text: str) -> str:
    """Return a type in Penstock's own words; raises `ValueError` for what is no type.

    >>> canonical("NUMERIC(10, 2)"), canonical("Text[]"), canonical("TIMESTAMP WITH TIME ZONE")
    ('decimal(10,2)', 'varchar[]', 'timestamptz')
    """
    stripped = text.strip()
    if stripped.endswith("[]"):
        return canonical(stripped[:-2]) + "[]"
    head, paren, inside = stripped.partition("(")
    word = re.sub(r"\s+", " ", head.strip().strip('"').lower())
    kind = _ALIASES.get(word, word)
    if kind not in _SIMPLE:
        raise ValueError(f"'{text}' is not a type")
    if kind == "decimal":
        digits = [part.strip() for part in inside.rstrip(") ").split(",")] if paren else ["18", "3"]
        return f"decimal({digits[0]},{digits[1] if len(digits) > 1 else '0'})"
    if kind in ("struct", "map", "enum") and paren:
        return f"{kind}({_canonical_inside(kind, inside.rstrip().removesuffix(')'))})"
    return kind


def _canonical_inside(kind: str, inside: str) -> str:
    if kind == "enum":
        return inside.strip()
    parts = []
    for part in split_list(inside):
        if kind == "map":
            parts.append(canonical(part))
        else:
            name, rest = _field(part.strip())
            parts.append(f"{name} {canonical(rest)}")
    return ", ".join(parts)


def _field(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        end = text.index('"', 1)
        while text[end + 1 : end + 2] == '"':
            end = text.index('"', end + 2)
        return text[: end + 1], text[end + 1 :]
    name, _, rest = text.partition(" ")
    return name, rest


def field_of(text: str) -> tuple[str, str]:
    """Return name and type of a field of a struct, the name without its quotes.

    >>> field_of('"a b" varchar'), field_of("a integer[]")
    (('a b', 'varchar'), ('a', 'integer[]'))
    """
    name, kind = _field(text.strip())
    if name.startswith('"'):
        name = name[1:-1].replace('""', '"')
    return name, kind.strip()


def split_list(text: str) -> list[str]:
    """Split at the commas that stand in no bracket and no quotes.

    >>> split_list("a struct(x int, y int), b varchar")
    ['a struct(x int, y int)', 'b varchar']
    """
    parts, depth, quote, start = [], 0, "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:at].strip())
            start = at + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def widen(have: str, come: str) -> str | None:
    """Return the type that holds every value of both without loss, or None where there is none.

    >>> widen("integer", "bigint"), widen("bigint", "double"), widen("integer", "decimal(10,2)")
    ('bigint', None, 'decimal(12,2)')
    """
    if come in (have, "null"):
        return have
    if have == "null":
        return come
    for low, high in ((have, come), (come, have)):
        if (low, high) in _SAFE:
            return high
    return _widen_numbers(have, come)


def cast(value: str, kind: str) -> str:
    """Return SQL that gives a value a type; a state, and a column that is always null, have one that no words make.

    >>> cast("x", "bigint"), cast("null", "null")
    ('cast(x as bigint)', 'null')
    """
    return value if kind in ("null", STATE) else f"cast({value} as {kind})"


def exact_up_to(have: str, come: str) -> int | None:
    """Return up to which size whole numbers of a type fit a type of floats without a loss; None for other types.

    >>> exact_up_to("double", "bigint"), exact_up_to("bigint", "double")
    (9007199254740992, None)
    """
    return _EXACT_UP_TO.get(have) if is_whole(come) else None


def is_whole(kind: str) -> bool:
    """Tell whether a type is one of whole numbers.

    >>> is_whole("bigint"), is_whole("decimal(18,0)")
    (True, False)
    """
    return kind in _INT_DIGITS


_EXACT_UP_TO = {"double": 2**53, "float": 2**24}
_SAFE = {
    ("float", "double"), ("date", "timestamp"), ("timestamp_s", "timestamp"), ("timestamp_ms", "timestamp"),
    ("timestamp", "timestamp_ns"), ("uuid", "varchar"),
}  # fmt: skip


def _widen_numbers(have: str, come: str) -> str | None:
    if have in _RANKS and come in _RANKS:
        return max(have, come, key=_RANKS.__getitem__)
    if have in _UNSIGNED and come in _UNSIGNED:
        return max(have, come, key=_UNSIGNED.__getitem__)
    if have in _INT_DIGITS and come in _INT_DIGITS:
        need = max(_INT_DIGITS[have], _INT_DIGITS[come])
        return next((name for name, digits in _RANKS.items() if digits >= need + (need in (3, 5, 10))), None)
    if "double" in (have, come) or "float" in (have, come):
        other = come if have in ("double", "float") else have
        return "double" if _INT_DIGITS.get(other, 99) <= _EXACT_IN_DOUBLE else None
    whole_a, scale_a = _digits(have)
    whole_b, scale_b = _digits(come)
    if min(whole_a, whole_b) < 0:
        return None
    whole, scale = max(whole_a, whole_b), max(scale_a, scale_b)
    return f"decimal({whole + scale},{scale})" if whole + scale <= _MOST_DIGITS else None


def _digits(kind: str) -> tuple[int, int]:
    """Return the digits before and after the point, or (-1, 0) for what is no exact number."""
    match = _DECIMAL.match(kind)
    if match:
        return int(match[1]) - int(match[2]), int(match[2])
    return _INT_DIGITS.get(kind, -1), 0


@record
class Column:
    """One column: its name as written, its type, and whether it may be null."""

    name: str
    type: str
    nullable: bool = True


@record
class Schema:
    """The columns of a table, in order; names are compared without regard to case."""

    columns: tuple[Column, ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Schema:
        """Make a schema of (name, type) pairs; types may be written in any accepted form.

        >>> Schema.of([("id", "INT")]).types
        {'id': 'integer'}
        """
        return cls(tuple(Column(name, canonical(kind)) for name, kind in pairs))

    def __iter__(self) -> Iterator[Column]:
        """Walk the columns in order."""
        return iter(self.columns)

    def __len__(self) -> int:
        """Count the columns."""
        return len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(c.name for c in self.columns)

    @property
    def types(self) -> dict[str, str]:
        """Type by name."""
        return {c.name: c.type for c in self.columns}

    @property
    def settled(self) -> Schema:
        """The columns with those that have no type, having no values, as text."""
        return Schema(tuple(replace(c, type="varchar") if c.type == "null" else c for c in self.columns))

    def find(self, name: str) -> Column | None:
        """Return the column of that name, whatever its case."""
        lowered = name.lower()
        return next((c for c in self.columns if c.name.lower() == lowered), None)

    def with_column(self, column: Column) -> Schema:
        """Return the schema with a column replaced where it stands, or added at the end."""
        if self.find(column.name) is None:
            return Schema((*self.columns, column))
        lowered = column.name.lower()
        return Schema(tuple(replace(column, name=c.name) if c.name.lower() == lowered else c for c in self.columns))
