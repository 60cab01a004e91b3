"""Keeps a table of a SQLite file equal to one of ours, or adds our new rows: rows and epoch in one transaction."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from penstock.base import faults
from penstock.base.errors import ConfigError, FatalError
from penstock.connect.sqlite import cells
from penstock.connect.sqlite.database import columns_of, names_of, path_of, quoted, told
from penstock.model import names
from penstock.protocols.sink import SinkCan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from penstock.model.schema import Schema
    from penstock.model.sink import DeliveryNote, SinkTable
    from penstock.protocols.source import Context

_EPOCHS = "penstock_epoch"
_MODES = frozenset({"mirror", "append"})


class SqliteSink:
    """One table of a SQLite file, made where it is missing; what is staged waits in the open transaction."""

    def __init__(self, sink: SinkTable, context: Context) -> None:
        self._sink = sink
        self._path: Path = path_of(sink.connection, context.root)
        self._timeout = float(sink.connection.options.get("timeout", 2))
        self._target = sink.write or names.split(sink.table)[1]
        self._db: sqlite3.Connection | None = None
        self._staged: int | None = None
        if sink.mode not in _MODES:
            raise ConfigError(
                f"sink '{sink.name}' has an unknown mode",
                expected="mirror or append",
                got=sink.mode,
                where=sink.where,
            )
        if self._target.lower() in (_EPOCHS, ""):
            raise ConfigError(f"sink '{sink.name}' cannot write '{self._target}'", where=sink.where)

    @property
    def can(self) -> SinkCan:
        return SinkCan(modes=_MODES, changes=bool(self._sink.key) or self._sink.mode == "append")

    def epoch(self) -> int | None:
        if self._db is None and not self._path.exists():
            return None
        with told(self._path):
            return self._epoch(self._opened())

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        with told(self._path, "written"):
            db = self._opened()
            self._drop()
            db.execute("begin immediate")
            try:
                if self._fence(db, note):
                    self._write(db, note, plus, minus)
                    db.execute(
                        f"insert into {_EPOCHS} values (?, ?) on conflict do update set epoch = excluded.epoch",
                        (note.sink, note.epoch),
                    )
            except BaseException:
                self._drop()
                raise
        self._staged = note.epoch
        faults.point("sqlite.sink.staged")

    def commit(self, epoch: int) -> None:
        if self._db is None or self._staged != epoch:
            found = self.epoch()
            if found is None or found < epoch:
                raise FatalError(f"sink '{self._sink.name}': epoch {epoch} was not staged", got=f"epoch {found}")
            return
        with told(self._path, "written"):
            self._db.execute("commit")
        self._staged = None
        faults.point("sqlite.sink.committed")

    def close(self) -> None:
        if self._db is not None:
            self._drop()
            self._db.close()
            self._db = None

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        return self._db

    def _drop(self) -> None:
        if self._db is not None and self._db.in_transaction:
            self._db.execute("rollback")
        self._staged = None

    def _epoch(self, db: sqlite3.Connection) -> int | None:
        if _EPOCHS not in names_of(db):
            return None
        row = db.execute(f"select epoch from {_EPOCHS} where sink = ?", (self._sink.name,)).fetchone()
        return int(row[0]) if row else None

    def _fence(self, db: sqlite3.Connection, note: DeliveryNote) -> bool:
        """Tell whether there is anything to do; raises `FatalError` where the rows do not follow the target's epoch."""
        db.execute(f"create table if not exists {_EPOCHS} (sink text primary key, epoch integer not null)")
        epoch = self._epoch(db)
        if epoch is not None and epoch > note.epoch:
            raise FatalError(
                f"the target of the sink '{note.sink}' is newer than this warehouse",
                expected=f"epoch {note.since} or {note.epoch}",
                got=f"epoch {epoch}",
                where=str(self._path),
                hint="another writer delivers to it: give one of the two another name or another target",
            )
        if not note.whole and (epoch or 0) not in (note.since, note.epoch):
            raise FatalError(
                f"the target of the sink '{note.sink}' lacks changes",
                expected=f"epoch {note.since}",
                got=f"epoch {epoch}",
                where=str(self._path),
            )
        if epoch is None and note.mode == "mirror":
            self._refuse_foreign(db, note)
        return epoch != note.epoch

    def _refuse_foreign(self, db: sqlite3.Connection, note: DeliveryNote) -> None:
        """A table with rows that this sink never wrote is somebody else's: it is not replaced."""
        if self._exists(db) and db.execute(f"select 1 from {quoted(self._target)} limit 1").fetchone():
            raise FatalError(
                f"{self._path.name} has a table '{self._target}' with rows that the sink '{note.sink}' did not write",
                where=self._sink.where or str(self._path),
                hint="drop it, or choose another name with `write`",
            )

    # Writing -------------------------------------------------------------------------------------------------

    def _write(self, db: sqlite3.Connection, note: DeliveryNote, plus: Any, minus: Any) -> None:
        mirrors = note.mode == "mirror"
        if mirrors and note.whole:
            self._shape_anew(db, note)
            db.execute(f"delete from {quoted(self._target)}")
        else:
            self._shape(db, note)
        if mirrors and not note.whole:
            if not note.key:
                raise FatalError(f"sink '{note.sink}' takes changes only with a key", where=self._sink.where)
            for rows in (minus, plus):
                if rows is not None:
                    # What is deleted by `plus` is what it replaces, so it is read twice: kept in a stage of our own.
                    self._stage_rows(db, note, rows, "gone" if rows is minus else "came")
            self._replace(db, note, minus=minus is not None)
            return
        self._insert(db, quoted(self._target), note.schema, plus)

    def _stage_rows(self, db: sqlite3.Connection, note: DeliveryNote, rows: Any, name: str) -> None:
        db.execute(f"drop table if exists temp.penstock_{name}")
        listed = ", ".join(f"{quoted(c.name)} {cells.declared(c.type)}" for c in note.schema)
        db.execute(f"create temp table penstock_{name} ({listed})")
        self._insert(db, f"temp.penstock_{name}", note.schema, rows)

    def _replace(self, db: sqlite3.Connection, note: DeliveryNote, *, minus: bool) -> None:
        target, keys = quoted(self._target), [quoted(k) for k in note.key]
        same = " and ".join(f"t.{k} is s.{k}" for k in keys)
        for name in ["gone"] * minus + ["came"]:
            # The cross join keeps SQLite from walking the target: it looks up every staged key in its index.
            db.execute(
                f"delete from main.{target} where rowid in (select t.rowid from temp.penstock_{name} s "
                f"cross join main.{target} t where {same})"
            )
        listed = ", ".join(quoted(c.name) for c in note.schema)
        db.execute(f"insert into main.{target} ({listed}) select {listed} from temp.penstock_came")
        for name in ["gone"] * minus + ["came"]:
            db.execute(f"drop table temp.penstock_{name}")

    def _insert(self, db: sqlite3.Connection, target: str, schema: Schema, rows: Any) -> None:
        listed = ", ".join(quoted(c.name) for c in schema)
        marks = ", ".join(cells.placeholder(c.type) for c in schema)
        for part in _parts(rows, schema):
            db.executemany(f"insert into {target} ({listed}) values ({marks})", part)

    # The table -----------------------------------------------------------------------------------------------

    def _exists(self, db: sqlite3.Connection) -> bool:
        return self._target.lower() in [name.lower() for name in names_of(db)]

    def _create(self, db: sqlite3.Connection, name: str, note: DeliveryNote) -> None:
        parts = [f"{quoted(c.name)} {cells.declared(c.type)}" for c in note.schema]
        if note.key and note.mode == "mirror":
            parts.append(f"primary key ({', '.join(map(quoted, note.key))})")
        db.execute(f"create table {quoted(name)} ({', '.join(parts)})")

    def _shape_anew(self, db: sqlite3.Connection, note: DeliveryNote) -> None:
        """Make the table, or make it anew where its columns are not the ones to come."""
        wanted = [(c.name.lower(), cells.declared(c.type).lower()) for c in note.schema]
        if self._exists(db):
            have = columns_of(db, self._target)
            keys = {name.lower() for name, _, at in have if at}
            keyed = note.mode != "mirror" or keys == {k.lower() for k in note.key}
            if keyed and [(name.lower(), kind.lower()) for name, kind, _ in have] == wanted:
                return
            db.execute(f"drop table {quoted(self._target)}")
        self._create(db, self._target, note)

    def _shape(self, db: sqlite3.Connection, note: DeliveryNote) -> None:
        """Make the table, add columns that it lacks, and rebuild it where a type has changed."""
        if not self._exists(db):
            self._create(db, self._target, note)
            return
        have = {name.lower(): kind.lower() for name, kind, _ in columns_of(db, self._target)}
        wanted = {c.name.lower(): cells.declared(c.type).lower() for c in note.schema}
        if any(kind != have.get(name, kind) for name, kind in wanted.items()):
            self._rebuild(db, note)
            return
        for column in note.schema:
            if column.name.lower() not in have:
                added = f"{quoted(column.name)} {cells.declared(column.type)}"
                db.execute(f"alter table {quoted(self._target)} add column {added}")

    def _rebuild(self, db: sqlite3.Connection, note: DeliveryNote) -> None:
        have = {name.lower() for name, _, _ in columns_of(db, self._target)}
        kept = ", ".join(quoted(c.name) for c in note.schema if c.name.lower() in have)
        db.execute("drop table if exists penstock_rebuilt")
        self._create(db, "penstock_rebuilt", note)
        db.execute(f"insert into penstock_rebuilt ({kept}) select {kept} from {quoted(self._target)}")
        db.execute(f"drop table {quoted(self._target)}")
        db.execute(f"alter table penstock_rebuilt rename to {quoted(self._target)}")


def _parts(rows: Any, schema: Schema) -> Iterator[Iterable[tuple[Any, ...]]]:
    """Hand over Arrow rows as tuples in the order of the schema's columns, a record batch at a time."""
    from arro3.core import RecordBatchReader

    for batch in RecordBatchReader.from_stream(rows):
        found = {name.lower(): at for at, name in enumerate(batch.schema.names)}
        columns = [cells.values(batch.column(found[c.name.lower()]), c.type) for c in schema]
        yield zip(*columns, strict=True)
