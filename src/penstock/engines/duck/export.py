"""Rows on their way out: files and DuckDB databases, written by the intake instance."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.base import faults
from penstock.base.errors import FatalError, UnsupportedError
from penstock.engines.duck.errors import translated
from penstock.engines.duck.rows import Capsule
from penstock.engines.duck.words import ident, idents, literal, one, ours, same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.engines.duck.intake import Intake
    from penstock.model.sink import DeliveryNote

_WRITES = ("parquet", "csv")
_EPOCHS = "penstock_epoch"


class DuckExporter:
    """Writes outside the warehouse."""

    def __init__(self, intake: Callable[[], Intake]) -> None:
        self._intake = intake

    def write_file(self, rows: Any, path: Path, format: str, options: Mapping[str, Any]) -> int:  # noqa: A002
        """Write a file, flushed to the disk; returns the number of rows."""
        if format not in _WRITES:
            raise UnsupportedError(f"files of the format '{format}' cannot be written", expected=" or ".join(_WRITES))
        con = self._intake().con
        more = "".join(f", {name} {literal(value)}" for name, value in options.items())
        con.register("outgoing", Capsule(rows))
        try:
            with translated(subject=str(path)):
                done = one(con.execute(f"copy (from outgoing) to {literal(str(path))} (format {format}{more})"))
        finally:
            con.unregister("outgoing")
        with path.open("rb+") as written:
            os.fsync(written.fileno())
        return int(done[0]) if done else 0

    def write_database(self, path: Path, note: DeliveryNote, target: str, plus: Any, minus: Any) -> None:
        """Bring a table in a DuckDB file to `note.epoch` in one transaction with the epoch itself."""
        con = self._intake().con
        path.parent.mkdir(parents=True, exist_ok=True)
        with translated(subject=str(path)):
            con.execute(f"attach {literal(str(path))} as outside")
            for name, rows in (("came", plus), ("went", minus)):
                if rows is not None:
                    con.register(name, Capsule(rows))
            try:
                con.execute("begin")
                _write(con, note, f"outside.{_target(target)}", went=minus is not None)
                faults.point("duckdb.sink.staged")
                con.execute("commit")
                faults.point("duckdb.sink.committed")
            except BaseException:
                with suppress(duckdb.TransactionException):  # the error has ended it already
                    con.execute("rollback")
                raise
            finally:
                for name, rows in (("came", plus), ("went", minus)):
                    if rows is not None:
                        con.unregister(name)
                con.execute("detach outside")

    def database_epoch(self, path: Path, sink: str) -> int | None:
        """Return the epoch that a sink has in a DuckDB file, or None."""
        if not path.exists():
            return None
        con = self._intake().con
        with translated(subject=str(path)):
            con.execute(f"attach {literal(str(path))} as outside (read_only)")
            try:
                found = one(
                    con.execute(
                        "select 1 from duckdb_tables() where database_name = 'outside' and table_name = ?",
                        [_EPOCHS],
                    )
                )
                if not found:
                    return None
                row = one(con.execute(f"select epoch from outside.{_EPOCHS} where sink = ?", [sink]))
                return int(row[0]) if row else None
            finally:
                con.execute("detach outside")


def _target(name: str) -> str:
    schema, _, bare = name.rpartition(".")
    return f"{ident(schema or 'main')}.{ident(bare)}"


def _write(con: duckdb.DuckDBPyConnection, note: DeliveryNote, target: str, *, went: bool) -> None:
    con.execute(f"create table if not exists outside.{_EPOCHS} (sink varchar, epoch bigint)")
    row = one(con.execute(f"select epoch from outside.{_EPOCHS} where sink = ?", [note.sink]))
    if row and int(row[0]) > note.epoch:
        raise FatalError(f"the target of the sink '{note.sink}' is newer than this warehouse", got=f"epoch {row[0]}")
    schema = target.split(".")[1]
    con.execute(f"create schema if not exists outside.{schema}")
    names = note.schema.names
    casts = ", ".join(f"cast({ident(c.name)} as {c.type}) as {ident(c.name)}" for c in note.schema)
    if row is None and _columns(con, target):
        raise FatalError(
            f"the table {note.table} is delivered to stands there already, and was not written by this sink",
            got=target.removeprefix("outside."), hint="drop it, or name another",
        )  # fmt: skip
    if note.whole and note.mode == "mirror":
        con.execute(f"create or replace table {target} as select {casts} from came")
    else:
        con.execute(f"create table if not exists {target} as select {casts} from came limit 0")
        _grow(con, note, target)
        if went and note.mode == "mirror":
            # Before anything comes: of rows of before and of this transaction DuckDB 2.0.0 may pass some over.
            con.execute("create or replace temp table leaving as select * from went")
            con.execute(f"delete from {target} where rowid in ({_leaving(target, names)})")
        con.execute(f"insert into {target} by name select {casts} from came")
    con.execute(f"delete from outside.{_EPOCHS} where sink = ?", [note.sink])
    con.execute(f"insert into outside.{_EPOCHS} values (?, ?)", [note.sink, note.epoch])


def _columns(con: duckdb.DuckDBPyConnection, target: str) -> dict[str, str]:
    """Return the columns of the target, empty where there is none."""
    _, schema, name = (part.strip('"') for part in target.split("."))
    found = con.execute(
        "select column_name, data_type from duckdb_columns() "
        "where database_name = 'outside' and schema_name = ? and table_name = ?",
        [schema, name],
    )
    return {row[0].lower(): ours(row[1]) for row in found.fetchall()}


def _grow(con: duckdb.DuckDBPyConnection, note: DeliveryNote, target: str) -> None:
    """Add columns that the table gained, and widen those that it widened."""
    have = _columns(con, target)
    for column in note.schema:
        kind = have.get(column.name.lower())
        if kind is None:
            con.execute(f"alter table {target} add column {ident(column.name)} {column.type}")
        elif kind != column.type:
            con.execute(f"alter table {target} alter column {ident(column.name)} type {column.type}")


def _leaving(target: str, names: tuple[str, ...]) -> str:
    """Return the select of the rowids to delete: as many of equal rows as went."""
    number = f"row_number() over (partition by {idents(names)})"
    return (
        f"select t.r from (select {idents(names)}, rowid as r, {number} as _k from {target}) t "
        f"semi join (select *, {number} as _k from leaving) w on {same((*names, '_k'), 't', 'w')}"
    )
