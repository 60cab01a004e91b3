"""What the columns of a SQLite relation are, and how their values become Arrow arrays of exactly that type.

SQLite declares types and holds whatever it is given. A declared type that says something is kept to, and a value
that does not fit it is no value of that column. A type that says nothing exact (none at all, a bare NUMERIC, a date,
for which SQLite has no storage) is read off the values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.connect.sqlite import arrays
from penstock.connect.sqlite.database import quoted
from penstock.model.schema import Column, Schema, canonical

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

_DECIMAL = re.compile(r"\s*(?:dec|numeric|number)[a-z_]*\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", re.IGNORECASE)
_MOST_DIGITS = 38
_EXACT_INT = 2**53
_INSTANTS = ("date", "time", "timestamp", "timestamptz")
_BY_NAME = (
    ("", ("interval", "point", "huge")),
    ("timestamptz", ("timestamptz", "with time zone")),
    ("timestamp", ("datetime", "timestamp")),
    ("date", ("date",)),
    ("time", ("time",)),
    ("boolean", ("bool",)),
    ("bigint", ("int",)),
    ("json", ("json",)),
    ("uuid", ("uuid", "guid", "uniqueidentifier")),
    ("varchar", ("char", "clob", "text")),
    ("blob", ("blob", "binary")),
    ("double", ("real", "floa", "doub")),
)


@record
class Target:
    """One column: its type, the expression that reads it, and what makes an array of its values.

    `build` raises one of `arrays.MISFIT` when a value is none of the type.
    """

    name: str
    type: str
    expression: str
    build: Callable[[Sequence[Any]], Any]

    @property
    def plain(self) -> bool:
        """Whether the value is read as it stands."""
        return self.expression == quoted(self.name)


def targets(
    db: sqlite3.Connection,
    relation: str,
    declared: Sequence[tuple[str, str]],
    wanted: Mapping[str, str],
) -> tuple[Target, ...]:
    """Decide on every column's type: what the project asks for (`wanted`), what is declared, what the values are."""
    chosen = {name: wanted.get(name.lower()) or by_declaration(kind) for name, kind in declared}
    for name, kind in chosen.items():
        if kind in _INSTANTS and name.lower() not in wanted:
            chosen[name] = _by_first(db, relation, name, kind)
    unsaid = [name for name, kind in chosen.items() if not kind]
    chosen |= _by_storage(db, relation, unsaid) if unsaid else {}
    loose = {*unsaid, *(name for name, _ in declared if name.lower() in wanted)}
    return tuple(_target(name, chosen[name], loose=name in loose) for name, _ in declared)


def schema_of(columns: Sequence[Target]) -> Schema:
    """Return the schema of the columns."""
    return Schema(tuple(Column(c.name, c.type) for c in columns))


def by_declaration(declared: str) -> str:
    """Return the type that a declaration promises, or "" where it promises nothing exact.

    >>> [by_declaration(t) for t in ("VARCHAR(20)", "DECIMAL(10,2)", "numeric", "BIGINT", "TINYINT(1)")]
    ['varchar', 'decimal(10,2)', '', 'bigint', 'bigint']
    """
    match = _DECIMAL.match(declared)
    if match:
        digits, scale = int(match[1]), int(match[2] or 0)
        return f"decimal({digits},{scale})" if scale <= digits <= _MOST_DIGITS else ""
    lowered = declared.lower()
    return next((kind for kind, words in _BY_NAME if any(w in lowered for w in words)), "")


def _by_first(db: sqlite3.Connection, relation: str, name: str, declared: str) -> str:
    """Read off the first value which of the forms that people keep instants in this column has."""
    column = quoted(name)
    row = db.execute(
        f"select {column} from {relation} where {column} is not null and {column} <> '' limit 1"
    ).fetchone()
    if row is None:
        return declared
    if isinstance(row[0], str):
        return arrays.form_of(row[0])
    return {int: "bigint", float: "double"}.get(type(row[0]), "blob")


def _by_storage(db: sqlite3.Connection, relation: str, names: Sequence[str]) -> dict[str, str]:
    """Read off all values' storage classes which type holds every one of them."""
    asked = ", ".join(
        f"total(typeof({c}) = 'integer'), total(typeof({c}) = 'real'), total(typeof({c}) = 'text'), "
        f"total(typeof({c}) = 'blob'), "
        f"max(case when typeof({c}) = 'integer' then {c} between -{_EXACT_INT} and {_EXACT_INT} end = 0)"
        for c in map(quoted, names)
    )
    found = db.execute(f"select {asked} from {relation}").fetchone()
    return {name: _holding(*found[at * 5 : at * 5 + 5]) for at, name in enumerate(names)}


def _holding(integers: float, reals: float, texts: float, blobs: float, large: int | None) -> str:
    if blobs:
        return "blob"
    if texts or (reals and large):
        return "varchar"
    if reals:
        return "double"
    return "bigint" if integers else "varchar"


def _target(name: str, kind: str, *, loose: bool) -> Target:
    column = quoted(name)
    decimal = arrays.digits_of(kind)
    if decimal:
        return Target(name, kind, _scaled(column, decimal[1]), arrays.decimals(*decimal))
    if kind == "varchar":
        return Target(name, kind, column, arrays.mixed if loose else arrays.texts)
    return Target(name, canonical(kind), column, arrays.BUILDERS.get(kind, arrays.texts))


def _scaled(column: str, scale: int) -> str:
    """Read a number as the integer of its smallest unit where that is exact, and as it stands where not.

    A real is exactly the double nearest to n / 10^scale if, and only if, that division gives it back.
    """
    unit = 10**scale
    if scale > 15:  # noqa: PLR2004
        return f"case typeof({column}) when 'integer' then cast({column} as text) else {column} end"
    most = (2**63 - 1) // unit
    whole = f"cast(round({column} * {unit}.0) as integer)"
    return (
        f"case typeof({column}) when 'integer' then "
        f"case when {column} between -{most} and {most} then {column} * {unit} else cast({column} as text) end "
        f"when 'real' then case when abs({column} * {unit}.0) < {_EXACT_INT}.0 "
        f"and cast({whole} as real) / {unit}.0 = {column} then {whole} else {column} end else {column} end"
    )
