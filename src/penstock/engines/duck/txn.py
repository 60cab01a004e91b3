"""One transaction of the warehouse: changes staged, checked by the caller, applied, and committed as one version."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.base import faults
from penstock.base.errors import FatalError, PlanError
from penstock.engines.duck import landing, rollback, steps
from penstock.engines.duck.desk import Desk
from penstock.engines.duck.errors import translated
from penstock.engines.duck.layout import write_schema
from penstock.engines.duck.rows import DuckRows, lazily
from penstock.engines.duck.words import SYSTEM, among, buried, given, idents, one, schema_of, stored
from penstock.model.change import Change, Staged
from penstock.model.commit import Counts
from penstock.model.names import is_hidden
from penstock.model.position import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.engines.duck.catalog import Catalog
    from penstock.engines.duck.hands import Hands
    from penstock.engines.duck.intake import Reading as OwnReading
    from penstock.model.commit import Commit
    from penstock.model.position import Position
    from penstock.model.relation import Query, Relation
    from penstock.model.schema import Schema
    from penstock.model.shape import Shape
    from penstock.protocols.engine import Reading, Step, Target
    from penstock.protocols.source import Batch, Reject


class DuckTxn(Desk):
    """The one transaction that writes; after an error of DuckDB nothing but `rollback` is left to it."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        catalog: Catalog,
        hands: Hands,
        reading: Callable[[Batch | Reading, Shape, str], OwnReading],
        ended: Callable[[DuckTxn, Commit | None], None],
    ) -> None:
        super().__init__(con, catalog, hands)
        self._reading = reading
        self._ended = ended
        self._open = Lock()
        self._closed = False
        self.con.execute("begin")

    # -- rows in -----------------------------------------------------------------------------------------------

    def stage(self, batch: Batch | Reading, shape: Shape, partition: str) -> Staged:
        """Parse, transform and stage a batch."""
        return landing.stage(self, self._read(batch, shape, partition))

    def load(self, batch: Batch | Reading, shape: Shape, partition: str, into: Target) -> Change:
        """Parse a batch straight into the storage of a table that only grows, or of one that is new."""
        return landing.load(self, self._read(batch, shape, partition), into)

    def hold(self, batch: Batch | Reading, shape: Shape, partition: str, position: Position) -> int:
        """Add a page to those held for a snapshot that is not complete."""
        return landing.hold(self, self._read(batch, shape, partition), encode(position))

    def _read(self, batch: Batch | Reading, shape: Shape, partition: str) -> OwnReading:
        reading = self._reading(batch, shape, partition)
        self.hands.fit(size=reading.size)
        return reading

    def held(self, source: str, partition: str) -> Staged | None:
        """Give the held pages as a stage and forget them."""
        return landing.held(self, source, partition)

    def rejected(self) -> int:
        """Return how many rows were rejected in this transaction so far."""
        return self.state.rejected

    def reject(self, table: str, partition: str, rejects: Sequence[Reject]) -> None:
        """Note rows that a source could not make sense of."""
        landing.note_rejects(self, table, partition, [(r.place, r.row, r.reason) for r in rejects])

    def outdated(self, source: str, partition: str) -> None:
        """Close the rejects of a partition whose rows are about to be replaced as a whole."""
        landing.outdated(self, source, partition)

    def open_rejects(self, source: str) -> list[tuple[int, str, str]]:
        """Return id, partition and raw row of the rejects of a raw table that were not replayed."""
        found = f"select id, partition, row from {SYSTEM}.rejected where source = ? and replayed is null order by id"
        return self.con.execute(found, [source]).fetchall()

    def replayed(self, ids: Sequence[int]) -> None:
        """Note that rejects were tried again in this transaction."""
        self.con.execute(
            f"update {SYSTEM}.rejected set replayed = {self.version} where id in (select unnest(?::bigint[]))",
            [list(ids)],
        )

    # -- computing ---------------------------------------------------------------------------------------------

    def run(self, step: Step) -> Staged | Change:
        """Carry out a step."""
        return steps.run(self, step)

    def describe(self, query: Query) -> Schema:
        """Return the columns that a query gives inside the transaction."""
        with translated(query, 1):
            self.catalog.make_known(self.con, query.text)
            rows = self.con.execute(f"describe\n{self.text(query)}").fetchall()
        return schema_of([row[0] for row in rows], [row[1] for row in rows]).settled

    def kept_since(self, name: str) -> int:
        """Return the first version since which all changes of a table are there."""
        return self.catalog.floors.get(name, 0)

    def read(self, query: Query) -> DuckRows:
        """Read inside the transaction."""
        self.hands.fit(self.reading_rows(query))
        with translated(query):
            self.catalog.make_known(self.con, query.text)
            return DuckRows(lazily(self.con, self.text(query), query), query, self.con)

    # -- changing ----------------------------------------------------------------------------------------------

    def apply(self, change: Change) -> Relation:
        """Bury, delete and insert, or swap in what was built."""
        relation = change.relation
        with translated(subject=relation.name):
            rollback.accept(self, relation.name)
            if change.built:
                made = self.state.relations.get(relation.name)
                if made is not None and made.built == self.version:
                    self.con.execute(f"drop table {stored(made.physical)}")
                old = self.catalog.relations.get(relation.name)
                if old is not None and old.physical not in self.state.retired:
                    self.state.retired.append(old.physical)
                    if relation.partitioned and old.fingerprint != relation.fingerprint:
                        self.con.execute(f"delete from {SYSTEM}.positions where source = ?", [relation.name])
                        self.state.outlived.add(relation.name)
                        self.con.execute(
                            f"update {SYSTEM}.rejected set replayed = {self.version} "
                            f"where source = ? and replayed is null and version < {self.version}",
                            [relation.name],
                        )
                self.reveal(relation)
            elif not change.in_place:
                self._move(change)
        rows = relation.rows if change.built else relation.rows + change.added - change.removed
        applied = replace(
            relation,
            rows=rows,
            changed=relation.changed if change.empty else self.version,
            lost=self.version if change.removed else relation.lost,
        )
        self.state.relations[relation.name] = applied
        if not change.empty and not is_hidden(relation.name):
            before = self.state.counts.get(relation.name, Counts())
            counts = Counts(before.added + change.added, before.removed + change.removed)
            self.state.counts[relation.name] = counts
        return applied

    def restore(self, relation: Relation) -> Relation:
        """Show again what a table's name showed before, and refuse the present definition."""
        with translated(subject=relation.name):
            return rollback.restore(self, relation)

    def _move(self, change: Change) -> None:
        relation, live = change.relation, stored(change.relation.physical)
        if change.removed:
            grave = buried(relation.physical)
            # What users never see of a row nobody asks for once it is gone.
            names = idents((*relation.schema.names, "_rid", "_seq", *(["_part"] if relation.partitioned else [])))
            if relation.physical not in self.with_graves:
                self.con.execute(f"create table {grave} as select {names}, 0::bigint as _gone from {live} limit 0")
                self.state.with_graves.add(relation.physical)
            self.con.execute(  # a row that came in this very version was never seen
                f"insert into {grave} ({names}, _gone) select {names}, {self.version} from {change.minus} "
                f"where _seq < {self.version}"
            )
            self._delete(change)
        if change.added:
            names = idents(relation.whole.names)
            ids = ("_rid" if change.ids else self.numbered()) if change.keeps else ""
            hidden = self.hidden(relation.partitioned, change.partition, ids)
            self.con.execute(
                f"insert into {live} ({names}, {self.hidden_names(relation.partitioned)}) "
                f"select {names}, {hidden} from {change.plus}"
            )
            self.state.next_rid += 0 if change.ids else change.added

    def _delete(self, change: Change) -> None:
        """Delete the rows that go; those that came in this transaction apart.

        DuckDB 2.0.0 now and then passes over a committed row where the ids of both kinds are looked up at once, be it
        to read or to delete; not where those that are looked up are of one kind, whatever else is in the table.
        """
        relation, among_them = change.relation, f"select _row from {change.minus}"
        parts = [""]
        if self.state.relations.get(relation.name, relation).changed == self.version:
            parts = [f" where _row < {_FIRST_OF_OURS}", f" where _row >= {_FIRST_OF_OURS}"]
        deleted = 0
        for part in parts:
            found = f"delete from {stored(relation.physical)} where rowid in ({among_them}{part})"
            deleted += int((one(self.con.execute(found)) or (0,))[0])
        if deleted != change.removed:
            raise FatalError(f"{change.removed:,} rows were to go, and {deleted:,} went", where=relation.name)

    def drop(self, change: Change) -> None:
        """Take back a change that was not applied."""
        with translated(subject=change.relation.name):
            if change.built:
                self.con.execute(f"drop table {stored(change.relation.physical)}")
            elif change.in_place and change.added:
                first = self.state.next_rid - change.added
                self.con.execute(f"delete from {stored(change.relation.physical)} where _rid >= {first}")

    def seen(self, relation: Relation, version: int, costs: tuple[float, ...] | None = None) -> None:
        """Note that a table shows its inputs as of a version, and what was learned of its costs."""
        present = self.state.relations.get(relation.name, relation)
        known = present.costs if costs is None else costs
        self.state.relations[relation.name] = replace(present, seen=version, costs=known)

    def stop(self) -> None:
        """Stop what this transaction computes in another thread, which gets `StoppedError`; nothing where it ended."""
        with self._open:
            if not self._closed:
                self.con.interrupt()

    def close(self) -> None:
        """Let go of the connection, and with it of what was staged."""
        with self._open:
            self._closed = True
            self.con.close()

    # -- the end -----------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Make it a version, durably."""
        if commit.version != self.version:
            raise PlanError(f"the commit is numbered {commit.version}, the transaction {self.version}")
        with translated(subject="commit"):
            self._write(commit)
            faults.point("engine.commit.before")
            with self.catalog.lock:
                self.con.execute("commit")
                self.catalog.take(self.version, self.state)
        faults.point("engine.commit.after")
        self._ended(self, replace(commit, tables=self.state.counts))

    def _write(self, commit: Commit) -> None:
        tables = {name: [c.added, c.removed] for name, c in self.state.counts.items()}
        marks: dict[str, dict[str, Any]] = {}
        for (source, partition), position in commit.positions.items():
            marks.setdefault(source, {})[partition] = position
        self.con.execute(
            f"insert into {SYSTEM}.commits values (?, ?::timestamp, ?, ?, ?, ?)",
            [
                self.version, commit.at.replace(tzinfo=None).isoformat(), commit.run, self.state.next_rid,
                json.dumps(tables), json.dumps(marks) if len(commit.positions) <= _POSITIONS_SHOWN else "{}",
            ],
        )  # fmt: skip
        self._write_relations()
        for pages in self.state.leaving:
            self.con.execute(f"drop table {pages}")
        self.state.positions = {where: encode(position) for where, position in commit.positions.items()}
        if self.state.positions:
            keys = list(self.state.positions)
            values = [[k[0] for k in keys], [k[1] for k in keys], list(self.state.positions.values())]
            condition, known = among("source, partition", values[:2])
            self.con.execute(f"delete from {SYSTEM}.positions where {condition}", known)
            rows, new = given([*values, [self.version] * len(keys)], ["varchar", "varchar", "varchar", "bigint"])
            self.con.execute(f"insert into {SYSTEM}.positions {rows}", new)

    def _write_relations(self) -> None:
        if self.state.retired:
            self.con.execute(
                f"update {SYSTEM}.relations set retired = {self.version} "
                "where retired is null and physical in (select unnest(?::varchar[]))",
                [self.state.retired],
            )
        found = list(self.state.relations.values())
        if not found:
            return
        condition, known = among("physical", [[r.physical for r in found]])
        self.con.execute(f"delete from {SYSTEM}.relations where retired is null and {condition}", known)
        columns: list[list[Any]] = [
            [r.name for r in found], [r.physical for r in found], [r.fingerprint for r in found],
            [write_schema(r.schema) for r in found], [json.dumps(r.key) for r in found],
            [r.partitioned for r in found], [r.built for r in found], [r.changed for r in found],
            [r.seen for r in found], [r.rows for r in found], [None] * len(found), [r.lost for r in found],
            [write_schema(r.hidden) for r in found], [r.layout for r in found], [json.dumps(r.parts) for r in found],
            [json.dumps(r.costs) for r in found], [json.dumps(r.passed) for r in found],
        ]  # fmt: skip
        kinds = ["varchar"] * 5 + ["boolean"] + ["bigint"] * 6 + ["varchar"] * 5
        rows, new = given(columns, kinds)
        self.con.execute(f"insert into {SYSTEM}.relations {rows}", new)

    def rollback(self) -> None:
        """Leave everything as it was."""
        try:
            self.con.execute("rollback")
        except duckdb.TransactionException:  # the error that brought us here has ended it already
            return
        finally:
            self._ended(self, None)


_POSITIONS_SHOWN = 1000
_FIRST_OF_OURS = 36_028_797_018_960_000  # the row ids of rows that the transaction itself made begin here
