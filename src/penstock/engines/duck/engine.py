"""The warehouse in one DuckDB file: opened, locked, read by many cursors, written by one transaction at a time."""

from __future__ import annotations

import json
import os
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.base.clock import Clock, SystemClock
from penstock.base.errors import FatalError, PlanError, UnsupportedError
from penstock.engines.duck import history, layout
from penstock.engines.duck.catalog import Catalog
from penstock.engines.duck.errors import HeldError, translate, translated
from penstock.engines.duck.hands import ONE, Hands
from penstock.engines.duck.known import make_known, make_known_here
from penstock.engines.duck.reads import sql_of
from penstock.engines.duck.rows import DuckRows, lazily
from penstock.engines.duck.words import SYSTEM, ident, schema_of, table
from penstock.engines.turns import Turns
from penstock.model.commit import Commit, Counts, Removed
from penstock.model.names import split
from penstock.model.position import decode
from penstock.protocols.engine import EngineCan
from penstock.protocols.source import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from penstock.engines.duck.export import DuckExporter
    from penstock.engines.duck.intake import Intake, Reading
    from penstock.engines.duck.txn import DuckTxn
    from penstock.model.position import Position
    from penstock.model.relation import Query, Relation, Span
    from penstock.model.schema import Schema
    from penstock.model.shape import Shape
    from penstock.protocols import engine as protocol

_POLL_SECONDS = 0.05
# What fills a new warehouse is most of it: DuckDB then writes it to its place at once and not into the log first.
_LISTED = "list the values: pivot … on kind in ('a', 'b')"
_NEW = "set checkpoint_threshold = '1MB'"
_FILLED = "set checkpoint_threshold = '64MB'"
_LOCKED = """
set enable_external_access = false;
set python_enable_replacements = false;
set autoload_known_extensions = false;
set allowed_configs = ['threads'];
"""
# What computes a part once that a query has twice computes the whole of it, where each place wants a few of its rows.
_UNWANTED = "common_subplan"
_SETTLED = "set lock_configuration = true"


def open_engine(path: str | Path, *, wait: float = 5.0, clock: Clock | None = None) -> DuckEngine:
    """Open the warehouse in a file, made when it is missing; `:memory:` gives one that leaves nothing behind.

    Waits up to `wait` seconds while another process holds the file, then raises `HeldError` with its pid.
    """
    time = clock or SystemClock()
    if str(path) == ":memory:":
        import tempfile

        scratch = Path(tempfile.gettempdir()) / "penstock"
    else:
        scratch = Path(f"{path}.tmp")
        scratch.parent.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "40%", "temp_directory": str(scratch), "TimeZone": "UTC", "arrow_lossless_conversion": "true",
        "autoinstall_known_extensions": "false", "allow_unsigned_extensions": "false",
        "disabled_optimizers": _UNWANTED, **ONE,
    }  # fmt: skip
    con = _connect(str(path), config, wait, time)
    if str(path) != ":memory:":
        _sweep(scratch)
    with translated(subject=str(path)):
        new = layout.prepare(con)
        con.execute(_LOCKED)
        con.execute(_NEW if new else _SETTLED)
    return DuckEngine(con, scratch, new=new)


def _sweep(scratch: Path) -> None:
    """Remove what processes that died left in a folder that only the holder of the warehouse uses."""
    for left in scratch.glob("*-*-*"):
        if left.name.split("-")[1] != str(os.getpid()):
            left.unlink(missing_ok=True)


def _connect(
    path: str, config: dict[str, str | bool | int | float | list[str]], wait: float, clock: Clock
) -> duckdb.DuckDBPyConnection:
    """Connect, waiting a little while another process holds the file."""
    until = clock.monotonic() + wait
    while True:
        try:
            return duckdb.connect(path, config=config)
        except duckdb.Error as error:
            found = translate(error, None, subject=path)
            if not isinstance(found, HeldError):
                raise found from error
            if clock.monotonic() >= until:
                found.where = path
                raise found from error
            clock.sleep(_POLL_SECONDS)


class DuckEngine:
    """A warehouse that is open; see `protocols.engine.Engine` for what each method does."""

    def __init__(self, con: duckdb.DuckDBPyConnection, scratch: Path, *, new: bool = False) -> None:
        self._con = con
        self._new = new
        self.scratch = scratch
        self._made_intake: Intake | None = None
        self._txn: DuckTxn | None = None
        self._catalog = Catalog(con)
        self.turns = Turns()
        self.on_commit: Callable[[Commit], None] | None = None
        self._hands = Hands(con)

    @property
    def _intake(self) -> Intake:
        """The instance that touches files, made when it is first needed."""
        if self._made_intake is None:
            from penstock.engines.duck.intake import Intake

            self._made_intake = Intake(self.scratch)
        return self._made_intake

    @property
    def can(self) -> EngineCan:
        """What this engine can do."""
        return EngineCan(
            scans=frozenset({"csv", "json", "parquet", "lines"}),
            writes=frozenset({"parquet", "csv", "duckdb"}),
            strategies=frozenset({"append", "merge", "keys", "full"}),
            states=f"duckdb {duckdb.__version__}",
        )

    @property
    def version(self) -> int:
        """The last committed version."""
        return self._catalog.version

    def relations(self) -> Mapping[str, Relation]:
        """Return every table as it stands."""
        return self._catalog.relations

    def relation_at(self, name: str, version: int) -> Relation | None:
        """Return the relation that a table's name showed at a version."""
        quoted = name.replace("'", "''")
        condition = f"name = '{quoted}' and built <= {version} and (retired is null or retired > {version})"
        with self._con.cursor() as cursor:
            return layout.relations(cursor, condition).get(name)

    def spans(self, name: str) -> list[Span]:
        """Return what a table's name has shown, the oldest first."""
        with self._settled()[0] as cursor:
            return history.spans(cursor, name)

    def kept_since(self, name: str) -> int:
        """Return the first version at which a table can be read."""
        return self._catalog.floors.get(name, 0)

    def version_at(self, at: datetime) -> int | None:
        """Return the last version that was committed at an instant or before it."""
        with self._con.cursor() as cursor:
            return history.version_at(cursor, at)

    def vacuumed(self) -> tuple[datetime, int] | None:
        """Return when the warehouse was last vacuumed and from which version on every commit is kept."""
        return history.vacuumed(self._con)

    def refused(self) -> Mapping[str, str]:
        """Return the fingerprint of the definition that each table was rolled back from."""
        return self._catalog.refused

    def unsound(self, relation: Relation) -> list[str]:
        """Return what of a relation's storage breaks its rules."""
        from penstock.engines.duck.soundness import unsound

        with self._catalog.lock:
            cursor, graves = self._settled()
            version, now = self._catalog.version, self._catalog.relations.get(relation.name, relation)
        with cursor, translated(subject=relation.name):
            relation = now if now.physical == relation.physical else relation
            return unsound(cursor, relation, version, relation.physical in graves)

    def _settled(self) -> tuple[duckdb.DuckDBPyConnection, set[str]]:
        """Return a cursor that sees the last version for good, and the storages that have lost rows by then."""
        with self._catalog.lock:
            cursor = self._con.cursor()
            cursor.execute("begin")
            cursor.execute(f"select 1 from {SYSTEM}.commits limit 1").fetchall()
            return cursor, self._catalog.with_graves

    def _asked(self, text: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Read what is committed, whatever the transaction is doing."""
        with self._con.cursor() as cursor:
            return cursor.execute(text, list(values)).fetchall()

    def positions(self, source: str) -> Mapping[str, Position]:
        """Return the committed position of each partition of a raw table."""
        return self._catalog.positions.get(source, {})

    def held(self, source: str) -> Mapping[str, Position]:
        """Return the position that an incomplete snapshot has reached, by partition."""
        rows = self._asked(f"select partition, position from {SYSTEM}.pages where source = ?", [source])
        return {row[0]: decode(row[1]) for row in rows}

    def delivered(self, sink: str) -> int | None:
        """Return the newest version that this warehouse has set out to deliver to a sink."""
        return self._epoch(sink, "max")

    def shown(self, sink: str) -> int | None:
        """Return the oldest version that a sink may show, should its last delivery have failed."""
        return self._epoch(sink, "min")

    def _epoch(self, sink: str, which: str) -> int | None:
        found = self._asked(f"select {which}(epoch) from {SYSTEM}.deliveries where sink = ?", [sink])
        return int(found[0][0]) if found[0][0] is not None else None

    def deliver(self, sink: str, version: int, since: int = 0) -> None:
        """Note that this warehouse sets out to deliver a version to a sink that shows the version `since`."""
        with translated(subject=sink):
            self._con.execute("begin")
            self._con.execute(f"delete from {SYSTEM}.deliveries where sink = ?", [sink])
            for epoch in {version, since or version}:
                self._con.execute(f"insert into {SYSTEM}.deliveries values (?, ?)", [sink, epoch])
            self._con.execute("commit")

    def commits(self, limit: int | None = None, run: str = "") -> list[Commit]:
        """Return commits, the newest first."""
        rows = self._asked(
            f"select version, committed_at, run, tables from {SYSTEM}.commits where ? in ('', run) "
            "order by version desc limit ?",
            [run, limit if limit is not None else 2**31],
        )
        return [
            Commit(v, at.replace(tzinfo=UTC), who, {n: Counts(*c) for n, c in json.loads(tables).items()})
            for v, at, who, tables in rows
        ]

    def rejects(self) -> Mapping[str, int]:
        """Return how many rejects of each raw table are open."""
        found = f"select source, count(*) from {SYSTEM}.rejected where replayed is null group by source"
        return dict(self._asked(found))

    def prepare(self, batch: Batch, shape: Shape, partition: str) -> Reading:
        """Make a batch ready to be parsed."""
        return self._intake.prepare(batch, shape, partition)

    def reading(self, batch: Batch | protocol.Reading, shape: Shape, partition: str) -> Reading:
        """Return a batch as a reading, whichever of the two it is."""
        from penstock.engines.duck.intake import Reading

        if isinstance(batch, Reading):
            return batch
        if not isinstance(batch, Batch):
            raise FatalError("a reading of another engine cannot be parsed here")
        return self._intake.prepare(batch, shape, partition)

    def describe(self, query: Query, schemas: Mapping[str, Schema]) -> Schema:
        """Return the columns that a query gives over tables of these schemas."""
        con = duckdb.connect(config={"TimeZone": "UTC", "autoinstall_known_extensions": "false"})
        try:
            make_known(con, query.text, set())
            for name, schema in schemas.items():
                con.execute(f"create schema if not exists {ident(split(name)[0])}")
                con.execute(f"create table {table(name)} ({layout.columns_ddl(schema)})")
            con.execute(_LOCKED)
            con.execute(_SETTLED)
            with translated(query, 1):
                rows = con.execute(f"describe\n{query.text}").fetchall()
        finally:
            con.close()
        return schema_of([row[0] for row in rows], [row[1] for row in rows])

    def read(self, query: Query, version: int | None = None) -> DuckRows:
        """Run one select on a cursor of its own."""
        if version is not None and version != self.version:
            raise UnsupportedError("a whole query at an earlier version", hint="read single tables at a version")
        self._hands.fit(self._catalog.rows)
        cursor, graves = self._settled()
        try:
            with translated(query):
                _one_select(cursor.extract_statements(query.text))
                make_known_here(cursor, query.text)
                return DuckRows(lazily(cursor, sql_of(query, graves), query), query, cursor, own=True)
        except BaseException:
            cursor.close()
            raise

    def turn(self, waits: Callable[[], None] | None = None) -> AbstractContextManager[None]:
        """Have the turn of those who change it."""
        return self.turns.turn(waits)

    def begin(self) -> DuckTxn:
        """Begin the one transaction that may write."""
        if self._txn is not None:
            raise FatalError("a transaction of this warehouse is open already")
        from penstock.engines.duck.txn import DuckTxn

        # What a transaction stages is of its connection, and goes with it: to drop one by one takes ten times as long.
        self._txn = DuckTxn(self._con.cursor(), self._catalog, self._hands, self.reading, self._ended)
        return self._txn

    def vacuum(self, floors: Mapping[str, int], horizon: int, at: datetime) -> Removed:
        """Remove what of each table is older than its floor, and commits before the horizon."""
        if self._txn is not None:
            raise FatalError("a transaction of this warehouse is open already")
        from penstock.engines.duck import vacuum

        catalog = self._catalog
        return vacuum.vacuum(self._con, catalog.with_graves, floors, horizon, at, catalog.vacuumed)

    def _ended(self, txn: DuckTxn, commit: Commit | None) -> None:
        """Let the next transaction begin; what this one staged goes, and whoever listens hears of a commit."""
        self._txn = None
        txn.close()
        if commit is not None:
            if self._new:  # from now on commits are small: what they write goes to the log
                self._con.execute(_FILLED)
                self._con.execute(_SETTLED)
                self._new = False
        else:
            self._catalog.undone()
        if commit is not None and self.on_commit is not None:
            self.on_commit(commit)

    def exporter(self) -> DuckExporter:
        """Return what writes outside the warehouse."""
        from penstock.engines.duck.export import DuckExporter

        return DuckExporter(lambda: self._intake)

    def close(self) -> None:
        """Let go of the warehouse."""
        if self._made_intake is not None:
            self._made_intake.close()
        self._hands.close()
        self._con.close()
        if self.scratch.is_dir() and not any(self.scratch.iterdir()):
            self.scratch.rmdir()


def _one_select(statements: list[duckdb.Statement]) -> None:
    kinds = [statement.type.name.lower() for statement in statements]
    if kinds == ["multi"]:
        raise PlanError("a pivot that takes its columns from the rows cannot be run here", hint=_LISTED)
    if kinds != ["select"]:
        got = f"{len(kinds)} statements" if len(kinds) != 1 else kinds[0]
        raise PlanError("only one select can be run here", expected="one select", got=got)
