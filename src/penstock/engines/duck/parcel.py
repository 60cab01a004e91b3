"""Rows on their way to another process: a DuckDB file, in which all types stay what they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.engines.duck.errors import translated
from penstock.engines.duck.rows import Capsule, schema_capsule
from penstock.engines.duck.words import ident, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "TimeZone": "UTC", "arrow_lossless_conversion": "true", "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false", "threads": 1,
}  # fmt: skip


def pack(rows: Any, path: str | os.PathLike[str]) -> tuple[tuple[str, bool], ...]:
    """Write rows (with `__arrow_c_stream__`) into a new file; returns each column's name, and whether it has no type.

    Columns are stored by their place: two may have one name, and what is null in every row has no type to store.
    """
    con = duckdb.connect(config=_CONFIG)
    try:
        given, rows = _told_apart(rows)
        con.register("came", Capsule(rows))
        came = con.sql("from came")
        bare = [str(kind).strip('"').lower() == "null" for kind in came.types]
        columns = tuple(zip(given, bare, strict=True))
        names = [f"c{at}" for at in range(len(columns))]
        kept = [name for name, (_, bare) in zip(names, columns, strict=True) if not bare]
        listed = f"({', '.join(names)})" if names else ""
        con.execute(f"attach {literal(os.fspath(path))} as parcel")
        with translated():
            con.execute(f"create table parcel.packed as select {', '.join(['1 as c', *kept])} from came as t{listed}")
        con.execute("detach parcel")
        con.unregister("came")
    finally:
        con.close()
    return columns


def _told_apart(rows: Any) -> tuple[list[str], Any]:
    """Return the names of columns, and rows in which no two columns have one name: DuckDB takes none in."""
    from arro3.core import RecordBatchReader, Schema, Table

    lazy = hasattr(rows, "limit")  # a relation, or a frame: it can be asked for its columns
    if not lazy and not hasattr(rows, "__arrow_c_schema__"):
        rows = RecordBatchReader.from_stream(rows)
    names = list(rows.columns if lazy else Schema.from_arrow(rows).names)
    if len({name.lower() for name in names}) == len(names):
        return names, rows
    return names, Table.from_arrow(rows).rename_columns([f"c{at}" for at in range(len(names))])


class Parcel:
    """The rows of a file that `pack` wrote, which is gone once it is opened; close it when they are read."""

    def __init__(self, path: str | os.PathLike[str], columns: Sequence[tuple[str, bool]]) -> None:
        self._con = duckdb.connect(config=_CONFIG)
        self._con.execute(f"attach {literal(os.fspath(path))} as parcel (read_only)")
        self._con.execute("set enable_external_access = false")
        Path(path).unlink()
        named = [f"{'null' if bare else f'c{at}'} as {ident(name)}" for at, (name, bare) in enumerate(columns)]
        self._relation: duckdb.DuckDBPyRelation | None = self._con.sql(f"select {', '.join(named)} from parcel.packed")

    def native(self) -> duckdb.DuckDBPyRelation:
        """Return DuckDB's own relation."""
        if self._relation is None:
            raise ValueError("the result is closed")
        return self._relation

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Give the rows as a PyCapsule of an Arrow C stream."""
        return self.native().__arrow_c_stream__()

    def __arrow_c_schema__(self) -> Any:
        """Give the columns as a PyCapsule of an Arrow C schema."""
        return schema_capsule(self.native()).__arrow_c_schema__()

    def close(self) -> None:
        """Let go of the rows."""
        self._relation = None
        self._con.close()
