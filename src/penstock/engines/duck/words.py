"""Small pieces of DuckDB's SQL: quoted names, literals, column lists, types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.model.names import split
from penstock.model.schema import Column, Schema, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

SYSTEM = "_penstock"
_NULL = re.compile(r'(?<!")\bnull\b(?!")')  # the type of a part that was always null


def ident(name: str) -> str:
    """Return a quoted identifier.

    >>> print(ident('say "x" now'))
    "say ""x"" now"
    """
    return '"' + name.replace('"', '""') + '"'


def idents(names: Iterable[str], prefix: str = "") -> str:
    """Return quoted identifiers with commas between, each with an optional prefix such as `l.`."""
    return ", ".join(prefix + ident(name) for name in names)


def literal(value: object) -> str:
    """Return a SQL literal of a text, number, boolean, list or mapping of these.

    >>> literal(["it's", 2, True])
    "['it''s', 2, true]"
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def one(cursor: duckdb.DuckDBPyConnection) -> tuple[Any, ...] | None:
    """Return the only row of a result, read to its end: an unfinished one would block the connection."""
    rows = cursor.fetchall()
    return rows[0] if rows else None


def table(name: str) -> str:
    """Return a table's name as users know it, quoted: schema and bare name."""
    schema, bare = split(name)
    return f"{ident(schema)}.{ident(bare)}"


def stored(physical: str) -> str:
    """Return the storage of live rows, quoted."""
    return f"{ident(SYSTEM)}.{ident(physical)}"


def buried(physical: str) -> str:
    """Return the storage of gone rows, quoted."""
    return f"{ident(SYSTEM)}.{ident(physical + '_gone')}"


def options(values: Mapping[str, object]) -> str:
    """Return named arguments of a table function, each after a comma; None leaves one out."""
    return "".join(f", {name}={literal(value)}" for name, value in values.items() if value is not None)


def schema_of(names: Sequence[str], types: Iterable[object]) -> Schema:
    """Return our schema of a result's columns; a type that is DuckDB's alone is kept in its words, lower case."""
    return Schema(tuple(Column(n, ours(str(t))) for n, t in zip(names, types, strict=True)))


def ours(kind: str) -> str:
    """Return our word for a DuckDB type."""
    if kind.upper().startswith("ENUM"):
        return "varchar"
    try:
        word = canonical(kind)
        return word if word == "null" else _NULL.sub("varchar", word)
    except ValueError:
        return kind.lower()


def same(names: Iterable[str], left: str, right: str) -> str:
    """Return the condition that two rows agree in these columns, nulls and NaN being equal to themselves."""
    return " and ".join(f"{left}.{ident(n)} is not distinct from {right}.{ident(n)}" for n in names) or "true"


_FEW = 8  # rows that are planned faster one by one than as lists


def given(columns: Sequence[Sequence[object]], kinds: Sequence[str]) -> tuple[str, list[Any]]:
    """Return rows, given column by column with their types, as a select and its parameters."""
    if len(columns[0]) > _FEW:
        return f"select {', '.join(f'unnest(?::{kind}[])' for kind in kinds)}", list(columns)
    row = f"({', '.join('?' * len(columns))})"
    values = [value for one in zip(*columns, strict=True) for value in one]
    return f"values {', '.join([row] * len(columns[0]))}", values


def among(names: str, columns: Sequence[Sequence[object]]) -> tuple[str, list[Any]]:
    """Return the condition that columns, given by their names, are among texts, given column by column."""
    if len(columns[0]) > _FEW:
        return f"({names}) in (select {', '.join('unnest(?::varchar[])' for _ in columns)})", list(columns)
    row = f"({', '.join('?' * len(columns))})"
    values = [value for one in zip(*columns, strict=True) for value in one]
    return f"({names}) in ({', '.join([row] * len(columns[0]))})", values
