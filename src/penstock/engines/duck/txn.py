"""One transaction of the warehouse: changes staged, checked by the caller, applied, and committed as one version."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.base import faults
from penstock.base.errors import FatalError, PlanError
from penstock.engines.duck import landing, steps
from penstock.engines.duck.errors import translated
from penstock.engines.duck.layout import write_schema
from penstock.engines.duck.reads import sql_of
from penstock.engines.duck.rows import Capsule, DuckRows
from penstock.engines.duck.words import SYSTEM, buried, ident, idents, literal, stored, table
from penstock.model.change import Change, Staged
from penstock.model.commit import Counts
from penstock.model.names import MAIN, split
from penstock.model.position import encode
from penstock.model.schema import Schema, widen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.engines.duck.engine import DuckEngine
    from penstock.model.commit import Commit
    from penstock.model.position import Position
    from penstock.model.relation import Query, Relation
    from penstock.model.step import Shape
    from penstock.protocols.engine import Reading, Step, Target
    from penstock.protocols.source import Batch, Reject


@dataclass
class State:
    """What a transaction has done so far and the engine must know once it is committed."""

    relations: dict[str, Relation] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    next_rid: int = 1
    stages: int = 0
    rejected: int = 0
    views: list[str] = field(default_factory=list)
    with_graves: set[str] = field(default_factory=set)


class DuckTxn:
    """The one transaction that writes; after an error of DuckDB nothing but `rollback` is left to it."""

    def __init__(self, engine: DuckEngine, con: duckdb.DuckDBPyConnection, version: int, next_rid: int) -> None:
        self.engine = engine
        self.con = con
        self.version = version
        self.state = State(next_rid=next_rid)
        self.con.execute("begin")

    # -- rows in -----------------------------------------------------------------------------------------------

    def stage(self, batch: Batch | Reading, shape: Shape, partition: str) -> Staged:
        """Parse, transform and stage a batch."""
        return landing.stage(self, self.engine.reading(batch, shape, partition))

    def load(self, batch: Batch | Reading, shape: Shape, partition: str, into: Target) -> Change:
        """Parse a batch straight into the storage of a table that only grows, or of one that is new."""
        return landing.load(self, self.engine.reading(batch, shape, partition), into)

    def hold(self, batch: Batch | Reading, shape: Shape, partition: str, position: Position) -> int:
        """Add a page to those held for a snapshot that is not complete."""
        return landing.hold(self, self.engine.reading(batch, shape, partition), encode(position))

    def held(self, source: str, partition: str) -> Staged | None:
        """Give the held pages as a stage and forget them."""
        return landing.held(self, source, partition)

    def rejected(self) -> int:
        """Return how many rows were rejected in this transaction so far."""
        return self.state.rejected

    def reject(self, table: str, partition: str, rejects: Sequence[Reject]) -> None:
        """Note rows that a source could not make sense of."""
        landing.note_rejects(self, table, partition, [(r.place, r.row, r.reason) for r in rejects])

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

    def read(self, query: Query) -> DuckRows:
        """Read inside the transaction."""
        with translated(query):
            return DuckRows(self.con.sql(sql_of(query, self.engine.with_graves | self.state.with_graves)), query)

    def current(self, name: str) -> Relation | None:
        """Return a relation as this transaction sees it."""
        return self.state.relations.get(name) or self.engine.relations().get(name)

    # -- changing ----------------------------------------------------------------------------------------------

    def evolve(self, relation: Relation, schema: Schema) -> Relation:
        """Add the columns and widen the types that `schema` asks for."""
        grown = relation.schema
        changes: list[tuple[str, str, str]] = []
        for column in schema:
            have = relation.schema.find(column.name)
            kind = column.type if have is None else widen(have.type, column.type)
            if kind is None and have is not None:
                raise FatalError(
                    f"{relation.name}.{have.name}: the type changed in a way that would lose values",
                    expected=have.type, got=column.type,
                    hint=f'declare it: columns = {{ {have.name} = "varchar" }}, or cast it in `select`',
                )  # fmt: skip
            if kind and (have is None or kind != have.type):
                changes.append((column.name if have is None else have.name, have.type if have else "", kind))
                grown = grown.with_column(replace(column, type=kind))
        if not changes:
            return relation
        self._alter(relation, changes)
        grown_relation = replace(relation, schema=grown)
        self._show(grown_relation)
        self.state.relations[relation.name] = grown_relation
        return grown_relation

    def _alter(self, relation: Relation, changes: list[tuple[str, str, str]]) -> None:
        places = [stored(relation.physical)]
        if relation.physical in self.engine.with_graves | self.state.with_graves:
            places.append(buried(relation.physical))
        with translated(subject=relation.name):
            for name, old, new in changes:
                for place in places:
                    what = f"alter column {ident(name)} type {new}" if old else f"add column {ident(name)} {new}"
                    self.con.execute(f"alter table {place} {what}")
                self.con.execute(
                    f"insert into {SYSTEM}.schema_changes values (?, ?, ?, ?, ?)",
                    [relation.name, name, old or None, new, self.version],
                )

    def apply(self, change: Change) -> Relation:
        """Bury, delete and insert, or swap in what was built."""
        relation = change.relation
        with translated(subject=relation.name):
            if change.built:
                old = self.engine.relations().get(relation.name)
                if old is not None:
                    self.state.retired.append(old.physical)
                    if relation.partitioned and old.fingerprint != relation.fingerprint:
                        self.con.execute(f"delete from {SYSTEM}.positions where source = ?", [relation.name])
                self._show(relation)
            elif not change.in_place:
                self._move(change)
        rows = relation.rows if change.built else relation.rows + change.added - change.removed
        applied = replace(relation, rows=rows, changed=relation.changed if change.empty else self.version)
        self.state.relations[relation.name] = applied
        if not change.empty:
            before = self.state.counts.get(relation.name, Counts())
            counts = Counts(before.added + change.added, before.removed + change.removed)
            self.state.counts[relation.name] = counts
        return applied

    def _move(self, change: Change) -> None:
        relation, live = change.relation, stored(change.relation.physical)
        if change.removed:
            grave = buried(relation.physical)
            if relation.physical not in self.engine.with_graves | self.state.with_graves:
                self.con.execute(f"create table {grave} as select *, 0::bigint as _gone from {live} limit 0")
                self.state.with_graves.add(relation.physical)
            which = f"_rid in (select _rid from {change.minus})"
            names = idents((*relation.schema.names, "_rid", "_seq", *(["_part"] if relation.partitioned else [])))
            self.con.execute(
                f"insert into {grave} ({names}, _gone) select {names}, {self.version} from {live} where {which}"
            )
            self.con.execute(f"delete from {live} where {which}")
        if change.added:
            names = idents(relation.schema.names)
            self.con.execute(
                f"insert into {live} ({names}, {self.hidden_names(relation.partitioned)}) "
                f"select {names}, {self.hidden(relation.partitioned, change.partition)} from {change.plus}"
            )
            self.state.next_rid += change.added

    def hidden_names(self, partitioned: bool) -> str:
        """Return the names of the hidden columns."""
        return "_rid, _seq, _part" if partitioned else "_rid, _seq"

    def hidden(self, partitioned: bool, partition: str) -> str:
        """Return the SQL of the hidden columns of rows that come now."""
        part = f", {literal(partition)}::varchar as _part" if partitioned else ""
        rid = f"(row_number() over () + {self.state.next_rid - 1})::bigint as _rid"
        return f"{rid}, {self.version}::bigint as _seq{part}"

    def drop(self, change: Change) -> None:
        """Take back a change that was not applied."""
        with translated(subject=change.relation.name):
            if change.built:
                self.con.execute(f"drop table {stored(change.relation.physical)}")
            elif change.in_place and change.added:
                first = self.state.next_rid - change.added
                self.con.execute(f"delete from {stored(change.relation.physical)} where _rid >= {first}")

    def _show(self, relation: Relation) -> None:
        """Let the table's view show a relation."""
        schema, _ = split(relation.name)
        if schema != MAIN:
            self.con.execute(f"create schema if not exists {ident(schema)}")
        self.con.execute(
            f"create or replace view {table(relation.name)} as select {idents(relation.schema.names)} "
            f"from {stored(relation.physical)}"
        )

    def seen(self, relation: Relation, version: int) -> None:
        """Note that a table shows its inputs as of a version."""
        present = self.state.relations.get(relation.name, relation)
        self.state.relations[relation.name] = replace(present, seen=version)

    def show(self, view: str, rows: Any) -> None:
        """Let the transaction read rows in Arrow form under a name, until it ends."""
        self.state.views.append(view)
        self.con.register(view, Capsule(rows))

    def new_stage(self) -> str:
        """Return a name for a temporary table that nothing else has."""
        self.state.stages += 1
        return f"stage_{self.version}_{self.state.stages}"

    # -- the end -----------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Make it a version, durably."""
        if commit.version != self.version:
            raise PlanError(f"the commit is numbered {commit.version}, the transaction {self.version}")
        with translated(subject="commit"):
            self._write(commit)
            faults.point("engine.commit.before")
            self.con.execute("commit")
        faults.point("engine.commit.after")
        self.engine.committed(self)

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
        if commit.positions:
            keys = list(commit.positions)
            values = [
                [k[0] for k in keys],
                [k[1] for k in keys],
                [encode(p) for p in commit.positions.values()],
            ]
            self.con.execute(
                f"delete from {SYSTEM}.positions where (source, partition) in "
                "(select unnest(?::varchar[]), unnest(?::varchar[]))", values[:2],
            )  # fmt: skip
            self.con.execute(
                f"insert into {SYSTEM}.positions select unnest(?::varchar[]), unnest(?::varchar[]), "
                f"unnest(?::varchar[]), {self.version}", values,
            )  # fmt: skip

    def _write_relations(self) -> None:
        if self.state.retired:
            self.con.execute(
                f"update {SYSTEM}.relations set retired = {self.version} "
                "where physical in (select unnest(?::varchar[]))",
                [self.state.retired],
            )
        found = list(self.state.relations.values())
        if not found:
            return
        self.con.execute(
            f"delete from {SYSTEM}.relations where physical in (select unnest(?::varchar[]))",
            [[r.physical for r in found]],
        )
        columns: list[list[Any]] = [
            [r.name for r in found], [r.physical for r in found], [r.fingerprint for r in found],
            [write_schema(r.schema) for r in found], [json.dumps(r.key) for r in found],
            [r.partitioned for r in found], [r.built for r in found], [r.changed for r in found],
            [r.seen for r in found], [r.rows for r in found],
        ]  # fmt: skip
        kinds = ["varchar"] * 5 + ["boolean"] + ["bigint"] * 4
        lists = ", ".join(f"unnest(?::{kind}[])" for kind in kinds)
        self.con.execute(f"insert into {SYSTEM}.relations select {lists}, null", columns)

    def rollback(self) -> None:
        """Leave everything as it was."""
        try:
            self.con.execute("rollback")
        except duckdb.TransactionException:  # the error that brought us here has ended it already
            return
        finally:
            self.engine.ended(self)


_POSITIONS_SHOWN = 1000
