"""A tiny engine, in memory, that only knows `full`: the least that the protocol asks for, and so the place to read it.

All that it holds is one value, which a commit puts in the place of the one before: readers and roll-backs need
nothing more. It has whole numbers, floats, texts and blobs. Whatever it does not declare raises `UnsupportedError`.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from penstock.base.errors import FatalError, PlanError, UnsupportedError
from penstock.model.change import Change, Staged
from penstock.model.commit import Commit, Counts, Removed
from penstock.model.relation import Query, Read, Relation, Span
from penstock.model.schema import Schema
from penstock.model.step import Build, Compare, Compute, Conform, Found, Receive
from penstock.protocols.engine import EngineCan
from penstock.testing.tiny_sql import Row, TinyRows, evaluate, received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from penstock.model.position import Position
    from penstock.model.shape import Shape
    from penstock.protocols.engine import Reading, Step, Target
    from penstock.protocols.export import Exporter
    from penstock.protocols.source import Batch, Reject


@dataclass(frozen=True)
class Kept:
    """A row with its id, the version that brought it, and the one that took it; 0 while it lives."""

    rid: int
    row: Row
    seq: int
    gone: int = 0


@dataclass(frozen=True)
class Held:
    """All that a warehouse holds at a version."""

    version: int = 0
    next_rid: int = 1
    relations: dict[str, Relation] = field(default_factory=dict)
    retired: tuple[tuple[Relation, int], ...] = ()
    rows: dict[str, tuple[Kept, ...]] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    commits: tuple[Commit, ...] = ()

    def read(self, read: Read) -> list[Row]:
        """Return the rows that a read asks for."""
        low, high = read.low, read.high
        kept = self.rows[read.relation.physical]
        if read.mode == "live":
            return [k.row for k in kept if not k.gone]
        if read.mode == "minus":
            return [k.row for k in kept if k.seq <= low < k.gone <= high]
        since = low if read.mode == "plus" else 0
        return [k.row for k in kept if since < k.seq <= high and not 0 < k.gone <= high]

    def live(self, relation: Relation) -> list[Kept]:
        """Return the rows of a relation as it stands."""
        return [kept for kept in self.rows[relation.physical] if not kept.gone]

    def run(self, query: Query) -> tuple[Schema, list[Row]]:
        """Return columns and rows of a query."""
        named = dict(query.reads)
        reads = {name: named.get(name) or Read(relation) for name, relation in self.relations.items()}
        reads |= named
        return evaluate(query, {name: (read.relation.schema, self.read(read)) for name, read in reads.items()})


class TinyEngine:
    """A warehouse that is open; see `protocols.engine.Engine` for what each method does."""

    def __init__(self) -> None:
        self.kept = Held()
        self.epochs: dict[str, int] = {}
        self.open: TinyTxn | None = None

    @property
    def can(self) -> EngineCan:
        """What this engine can do: compute everything anew."""
        return EngineCan(scans=frozenset(), writes=frozenset(), strategies=frozenset({"full"}))

    @property
    def version(self) -> int:
        """The last committed version."""
        return self.kept.version

    def relations(self) -> Mapping[str, Relation]:
        """Return every table as it stands."""
        return self.kept.relations

    def relation_at(self, name: str, version: int) -> Relation | None:
        """Return the relation that a table's name showed at a version."""
        ended = [(relation, until) for relation, until in self.kept.retired if relation.name == name]
        present = self.kept.relations.get(name)
        spans = [*ended, *([(present, version + 1)] if present else [])]
        return next((relation for relation, until in spans if relation.built <= version < until), None)

    def held(self, source: str) -> Mapping[str, Position]:
        """Hold no pages."""
        del source
        return {}

    def delivered(self, sink: str) -> int | None:
        """Return the newest version that this warehouse has set out to deliver to a sink."""
        return self.epochs.get(sink)

    def shown(self, sink: str) -> int | None:
        """Return the oldest version that a sink may show: of the newest alone it knows."""
        return self.epochs.get(sink)

    def deliver(self, sink: str, version: int, since: int = 0) -> None:
        """Note that this warehouse sets out to deliver a version to a sink."""
        del since
        self.epochs[sink] = version

    def spans(self, name: str) -> Sequence[Span]:
        """Return what a table's name has shown, the oldest first."""
        ended = [Span(one, one.built, until) for one, until in self.kept.retired if one.name == name]
        present = self.kept.relations.get(name)
        return [*ended, *([Span(present, present.built)] if present else [])]

    def kept_since(self, name: str) -> int:
        """Keep all that ever was."""
        del name
        return 0

    def version_at(self, at: datetime) -> int | None:
        """Return the last version that was committed at an instant or before it."""
        return max((commit.version for commit in self.kept.commits if commit.at <= at), default=None)

    def vacuumed(self) -> tuple[datetime, int] | None:
        """Never vacuum."""
        return None

    def unsound(self, relation: Relation) -> list[str]:
        """Return what of a relation's storage breaks its rules: nothing can, each version is a copy."""
        del relation
        return []

    def refused(self) -> Mapping[str, str]:
        """Refuse no definition."""
        return {}

    def vacuum(self, floors: Mapping[str, int], horizon: int, at: datetime) -> Removed:
        """Remove nothing."""
        del floors, horizon, at
        return Removed()

    def commits(self, limit: int | None = None, run: str = "") -> Sequence[Commit]:
        """Return commits, the newest first."""
        return [commit for commit in reversed(self.kept.commits) if run in ("", commit.run)][:limit]

    def rejects(self) -> Mapping[str, int]:
        """Reject nothing."""
        return {}

    def prepare(self, batch: Batch, shape: Shape, partition: str) -> Reading:
        """Refuse: it reads no batches."""
        _unsupported("reading a batch")

    def positions(self, source: str) -> Mapping[str, Position]:
        """Return the committed position of each partition of a raw table."""
        return {partition: at for (name, partition), at in self.kept.positions.items() if name == source}

    def describe(self, query: Query, schemas: Mapping[str, Schema]) -> Schema:
        """Return the columns that a query gives over tables of these schemas."""
        schema, _ = evaluate(query, {name: (schema, []) for name, schema in schemas.items()})
        return schema

    def read(self, query: Query, version: int | None = None) -> TinyRows:
        """Run one select on what is committed."""
        if version is not None and version != self.version:
            raise UnsupportedError("a whole query at an earlier version")
        return TinyRows(*self.kept.run(query))

    def turn(self, waits: Callable[[], None] | None = None) -> AbstractContextManager[None]:
        """Have the turn at once: one thread uses it."""
        del waits
        return nullcontext()

    def begin(self) -> TinyTxn:
        """Begin the one transaction that may write."""
        if self.open is not None:
            raise FatalError("a transaction of this warehouse is open already")
        self.open = TinyTxn(self)
        return self.open

    def exporter(self) -> Exporter:
        """Refuse: it writes nothing outside."""
        _unsupported("writing outside the warehouse")

    def close(self) -> None:
        """Hold nothing outside."""


class TinyTxn:
    """One transaction: a value of its own, which `commit` puts in the place of the engine's."""

    def __init__(self, engine: TinyEngine) -> None:
        self.engine = engine
        self.now = engine.kept
        self.stages: dict[str, tuple[Schema, list[Row]]] = {}
        self.going: dict[str, frozenset[int]] = {}
        self.counts: dict[str, Counts] = {}

    @property
    def version(self) -> int:
        """The version that this transaction will have."""
        return self.engine.kept.version + 1

    # -- rows in: none of it is declared ---------------------------------------------------------------------------

    def stage(self, batch: Batch | Reading, shape: Shape, partition: str) -> Staged:
        """Refuse: it reads no batches."""
        _unsupported("reading a batch")

    def load(self, batch: Batch | Reading, shape: Shape, partition: str, into: Target) -> Change:
        """Refuse: it reads no batches."""
        _unsupported("reading a batch")

    def hold(self, batch: Batch | Reading, shape: Shape, partition: str, position: Position) -> int:
        """Refuse: it reads no batches."""
        _unsupported("reading a batch")

    def held(self, source: str, partition: str) -> Staged | None:
        """Hold no pages."""

    def rejected(self) -> int:
        """Reject nothing."""
        return 0

    def outdated(self, source: str, partition: str) -> None:
        """Have no rejects to close."""

    def open_rejects(self, source: str) -> Sequence[tuple[int, str, str]]:
        """Have no rejects."""
        del source
        return []

    def replayed(self, ids: Sequence[int]) -> None:
        """Have no rejects."""

    def reject(self, table: str, partition: str, rejects: Sequence[Reject]) -> None:
        """Refuse: it reads no batches."""
        _unsupported("rejects")

    def evolve(self, relation: Relation, staged: Staged) -> Relation:
        """Refuse: a table with other columns is made anew."""
        _unsupported("changing the columns of a table")

    # -- computing -------------------------------------------------------------------------------------------------

    def describe(self, query: Query) -> Schema:
        """Return the columns that a query gives over the tables as this transaction has them."""
        schema, _ = self.now.run(query)
        return schema

    def run(self, step: Step) -> Staged | Change:
        """Carry out a step."""
        if isinstance(step, Compute):
            return self._staged(*self.now.run(step.query))
        if isinstance(step, Receive):
            return self._staged(*received(step.rows))
        if isinstance(step, Conform):
            return self._conformed(step)
        if isinstance(step, Build):
            return self._built(step, *self.now.run(step.query))
        if isinstance(step, Found):
            return self._built(step, *self.stages[step.stage])
        if not isinstance(step, Compare):
            _unsupported(f"the step {type(step).__name__}")
        return self.compared(step)

    def _staged(self, schema: Schema, rows: Sequence[Row]) -> Staged:
        name = f"stage_{len(self.stages) + len(self.going) + 1}"
        self.stages[name] = schema, list(rows)
        return Staged(name, schema, len(rows))

    def _conformed(self, step: Conform) -> Staged:
        schema, rows = self.stages[step.stage]
        at = [list(schema.names).index(c.name) if schema.find(c.name) else None for c in step.relation.schema]
        cast = [float if c.type == "double" else None for c in step.relation.schema]

        def fitted(row: Row) -> Row:
            values = [None if n is None else row[n] for n in at]
            return tuple(v if v is None or f is None else f(v) for v, f in zip(values, cast, strict=True))

        return self._staged(step.relation.schema, [fitted(row) for row in rows])

    def _built(self, step: Build | Found, schema: Schema, rows: list[Row]) -> Change:
        name, key = step.name, step.key
        if not len(schema):
            raise PlanError("the table has no columns", where=name)
        _unique(name, key, schema, rows)
        version, first = self.version, self.now.next_rid
        physical = f"{name}@{version}.{len(self.now.rows)}"
        kept = tuple(Kept(first + n, row, version) for n, row in enumerate(rows))
        self.now = replace(self.now, rows={**self.now.rows, physical: kept}, next_rid=first + len(rows))
        relation = Relation(
            name, schema, step.fingerprint, physical, key, built=version, changed=version, seen=version, rows=len(rows)
        )
        staged = self._staged(schema, rows)
        return Change(relation, len(rows), 0, after=f"select * from {staged.name}", built=True)

    def compared(self, step: Compare) -> Change:
        """Compute what is more and what is less in a stage than in a relation."""
        schema, rows = self.stages[step.stage]
        _unique(step.relation.name, step.key, schema, rows)
        left = Counter(rows)
        going = set()
        for kept in self.now.live(step.relation):
            if left[kept.row] > 0:
                left[kept.row] -= 1
            else:
                going.add(kept.rid)
        return self.change(step.relation, list(left.elements()), going)

    def change(self, relation: Relation, coming: list[Row], going: set[int]) -> Change:
        """Stage the two sides of a change."""
        staying = [kept.row for kept in self.now.live(relation) if kept.rid not in going]
        after = self._staged(relation.schema, [*staying, *coming])
        plus = self._staged(relation.schema, coming)
        minus = f"going_{len(self.going) + 1}"
        self.going[minus] = frozenset(going)
        return Change(
            relation, len(coming), len(going), plus.name if coming else None, minus if going else None,
            f"select * from {after.name}",
        )  # fmt: skip

    def read(self, query: Query) -> TinyRows:
        """Read inside the transaction, its stages too."""
        staged = tuple((name, Read(_as_relation(name, schema))) for name, (schema, _) in self.stages.items())
        rows = {name: tuple(Kept(0, row, 0) for row in rows) for name, (_, rows) in self.stages.items()}
        seen = replace(self.now, rows={**self.now.rows, **rows})
        return TinyRows(*seen.run(replace(query, reads=(*staged, *query.reads))))

    # -- changing --------------------------------------------------------------------------------------------------

    def apply(self, change: Change) -> Relation:
        """Bury and insert, or swap in what was built."""
        relation = change.relation
        if change.built:
            old = self.now.relations.get(relation.name)
            if old is not None:
                self.now = replace(self.now, retired=(*self.now.retired, (old, self.version)))
            rows = relation.rows
        else:
            self._move(change)
            rows = relation.rows + change.added - change.removed
        applied = replace(relation, rows=rows, changed=relation.changed if change.empty else self.version)
        self._know(applied)
        if not change.empty:
            before = self.counts.get(relation.name, Counts())
            self.counts[relation.name] = Counts(before.added + change.added, before.removed + change.removed)
        return applied

    def _move(self, change: Change) -> None:
        going = self.going[change.minus] if change.minus else frozenset()
        coming = self.stages[change.plus][1] if change.plus else []
        first = self.now.next_rid
        physical = change.relation.physical
        there = [replace(kept, gone=self.version) if kept.rid in going else kept for kept in self.now.rows[physical]]
        there += [Kept(first + n, row, self.version) for n, row in enumerate(coming)]
        self.now = replace(self.now, rows={**self.now.rows, physical: tuple(there)}, next_rid=first + len(coming))

    def drop(self, change: Change) -> None:
        """Take back a change that was not applied."""
        if change.built:
            rows = {name: kept for name, kept in self.now.rows.items() if name != change.relation.physical}
            self.now = replace(self.now, rows=rows)

    def kept_since(self, name: str) -> int:
        """Keep all that ever was."""
        del name
        return 0

    def restore(self, relation: Relation) -> Relation:
        """Refuse: it goes back to nothing."""
        _unsupported(f"rolling {relation.name} back")

    def seen(self, relation: Relation, version: int, costs: tuple[float, ...] | None = None) -> None:
        """Note that a table shows its inputs as of a version, and what was learned of its costs."""
        present = self.now.relations.get(relation.name, relation)
        self._know(replace(present, seen=version, costs=present.costs if costs is None else costs))

    def _know(self, relation: Relation) -> None:
        self.now = replace(self.now, relations={**self.now.relations, relation.name: relation})

    # -- the end ---------------------------------------------------------------------------------------------------

    def commit(self, commit: Commit) -> None:
        """Make it a version."""
        if commit.version != self.version:
            raise PlanError(f"the commit is numbered {commit.version}, the transaction {self.version}")
        done = replace(commit, tables=dict(self.counts))
        positions = {**self.now.positions, **commit.positions}
        self.engine.kept = replace(
            self.now, version=commit.version, positions=positions, commits=(*self.now.commits, done)
        )
        self.engine.open = None

    def rollback(self) -> None:
        """Leave everything as it was."""
        self.engine.open = None


def _as_relation(name: str, schema: Schema) -> Relation:
    return Relation(name, schema, "", name)


def _unique(name: str, key: tuple[str, ...], schema: Schema, rows: Sequence[Row]) -> None:
    for column in key:
        if schema.find(column) is None:
            raise PlanError(f"the key names the column '{column}', which the table has not", where=name)
    at = [list(schema.names).index(column) for column in key]
    keys = [tuple(row[n] for n in at) for row in rows]
    if key and any(None in one for one in keys):
        raise FatalError(f"the key ({', '.join(key)}) is null", where=name)
    if key and len(set(keys)) < len(keys):
        raise FatalError(f"the key ({', '.join(key)}) is not unique", where=name)


def _unsupported(what: str) -> NoReturn:
    raise UnsupportedError(what, hint="the tiny engine only computes tables anew")


if TYPE_CHECKING:
    from penstock.protocols.engine import Engine, Txn

    # the type checker compares the two with the protocol
    _engine: Engine = TinyEngine()
    _txn: Txn = TinyTxn(TinyEngine())
