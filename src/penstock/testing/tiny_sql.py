"""Queries of the tiny engine: SQLite evaluates them, over rows that are laid out for each anew."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

from penstock.base.errors import PlanError, UnsupportedError
from penstock.model.names import split
from penstock.model.queryplan import PlanStep
from penstock.model.schema import Column, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.model.relation import Query

Row: TypeAlias = tuple[Any, ...]

TYPES = {"bigint": "integer", "double": "real", "varchar": "text", "blob": "blob"}
_OF_AFFINITY = {"INT": "bigint", "INTEGER": "bigint", "REAL": "double", "TEXT": "varchar"}
_OF_VALUE = {"integer": "bigint", "real": "double", "text": "varchar", "blob": "blob"}
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})


class TinyRows:
    """A result, computed already."""

    def __init__(self, schema: Schema, rows: Sequence[Row]) -> None:
        self._schema, self._rows = schema, list(rows)

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        return self._schema

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Give the rows as a PyCapsule of an Arrow C stream."""
        return self.native().__arrow_c_stream__(requested_schema)

    def fetch(self, limit: int | None = None) -> list[Row]:
        """Return rows as Python values."""
        return self._rows[:limit]

    def native(self) -> Any:
        """Return the rows as an Arrow table."""
        from arro3.core import Array, DataType, Table

        kinds = {
            "bigint": DataType.int64(), "double": DataType.float64(), "varchar": DataType.utf8(),
            "blob": DataType.binary(),
        }  # fmt: skip
        arrays = [Array([row[at] for row in self._rows], type=kinds[c.type]) for at, c in enumerate(self._schema)]
        return Table.from_arrays(arrays, names=list(self._schema.names))

    def plan(self, *, measure: bool = False) -> PlanStep:
        """Say that there is nothing left to do."""
        return PlanStep("Computed already", rows=len(self._rows) if measure else None)

    def stop(self) -> None:
        """Go on: it is computed already."""

    def close(self) -> None:
        """Hold nothing."""


def received(rows: Any) -> tuple[Schema, list[Row]]:
    """Return Arrow rows as a schema and Python values; raises `UnsupportedError` for a type that is not known here."""
    from arro3.core import Table

    table = Table.from_arrow(rows)
    kinds = {"int64": "bigint", "float64": "double", "utf8": "varchar", "largeutf8": "varchar", "binary": "blob"}
    columns = []
    for name in table.column_names:
        word = str(table.column(name).type).partition("<")[2].partition(">")[0].lower()
        if word not in kinds:
            raise UnsupportedError(f"a column of type {word}", where=name)
        columns.append(Column(name, kinds[word]))
    values = [table.column(name).to_pylist() for name in table.column_names]
    return Schema(tuple(columns)), list(zip(*values, strict=True))


def evaluate(query: Query, tables: Mapping[str, tuple[Schema, Sequence[Row]]]) -> tuple[Schema, list[Row]]:
    """Return columns and rows of one select over tables; raises `PlanError` for what is no such thing."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as con:
        con.execute("pragma case_sensitive_like = on")
        for name, (schema, rows) in tables.items():
            _lay(con, name, schema, rows)
        con.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)
        try:
            cursor = con.execute(query.text)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise PlanError(str(error), where=query.file or None) from error
        names = [column[0] for column in cursor.description or ()]
        if not names:
            raise PlanError("only one select can be run here", expected="one select")
        try:
            found = cursor.fetchall()
        except sqlite3.Error as error:
            raise PlanError(str(error), where=query.file or None) from error
        con.set_authorizer(None)
        return Schema(tuple(_typed(con, query.text, names, found))), found


def _lay(con: sqlite3.Connection, name: str, schema: Schema, rows: Sequence[Row]) -> None:
    folder, bare = split(name)
    attached = {row[1] for row in con.execute("pragma database_list")}
    if folder not in attached:
        con.execute(f'attach database ":memory:" as "{folder}"')
    columns = ", ".join(f'"{c.name}" {TYPES[c.type]}' for c in schema)
    con.execute(f'create table "{folder}"."{bare}" ({columns})')
    marks = ", ".join("?" * len(schema))
    con.executemany(f'insert into "{folder}"."{bare}" values ({marks})', rows)


def _typed(con: sqlite3.Connection, text: str, names: list[str], rows: list[Row]) -> Iterator[Column]:
    """Give the columns a type: that of the column they come from, or else that of their values."""
    con.execute(f"create temp table _typed as select * from ({text}) limit 0")
    said = [row[2] for row in con.execute("pragma temp.table_info(_typed)")]
    for at, (name, affinity) in enumerate(zip(names, said, strict=True)):
        values = {_kind(row[at]) for row in rows if row[at] is not None}
        usual = _OF_AFFINITY.get(affinity) or (_OF_VALUE[min(values)] if values else "varchar")
        mixed = values - {"real" if usual == "double" else TYPES[usual]}
        yield Column(name, "double" if mixed == {"real"} else usual)


def _kind(value: Any) -> str:
    kinds = {int: "integer", float: "real", str: "text", bytes: "blob"}
    return kinds[type(value)]
