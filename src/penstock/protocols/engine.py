"""The engine protocol: storage and computation of a warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from penstock.base.errors import FatalError, RetryableError
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from penstock.model.change import Change, Staged
    from penstock.model.commit import Commit, Removed
    from penstock.model.position import Position
    from penstock.model.queryplan import PlanStep
    from penstock.model.relation import Query, Relation, Span
    from penstock.model.schema import Schema
    from penstock.model.shape import Shape
    from penstock.model.step import (
        Build,
        Compare,
        Compute,
        Conform,
        Dedupe,
        Extend,
        Found,
        Receive,
        Remove,
        Replace,
        Swap,
        Take,
        Upsert,
    )
    from penstock.protocols.export import Exporter
    from penstock.protocols.source import Batch, Reject

    Step = (
        Build | Compare | Compute | Conform | Dedupe | Extend | Found
        | Receive | Remove | Replace | Swap | Take | Upsert
    )  # fmt: skip


@record
class EngineCan:
    """What an engine can do: formats it reads and writes by itself, and the strategies that it renders.

    `states` is the form in which it keeps states of aggregates, empty where it cannot: another form means that what
    was kept before cannot be read any more, and is computed again.
    """

    scans: frozenset[str]
    writes: frozenset[str]
    strategies: frozenset[str]
    transactions: bool = True
    states: str = ""


class StoppedError(FatalError):
    """A query was stopped on its way by whoever asked for it, or because it took too long."""


class Rows(Protocol):
    """A result: its schema, and its rows as an Arrow stream, to be read once."""

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        ...

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Give the rows as a PyCapsule of an Arrow C stream."""
        ...

    def fetch(self, limit: int | None = None) -> list[tuple[Any, ...]]:
        """Return rows as Python values, for showing; at most `limit`."""
        ...

    def native(self) -> Any:
        """Return the engine's own lazy form of the result (a DuckDB relation)."""
        ...

    def plan(self, *, measure: bool = False) -> PlanStep:
        """Return how the engine would compute it; with `measure` it is computed, and each step says what it took."""
        ...

    def stop(self) -> None:
        """Stop reading it, from another thread: whoever reads gets `StoppedError`."""
        ...

    def close(self) -> None:
        """Let go of the result."""
        ...


class Reading(Protocol):
    """A batch made ready to be parsed: kept over a transaction that has to be begun anew, closed when it is in."""

    def verify(self) -> None:
        """Raise `RetryableError` when what was read changed meanwhile."""
        ...

    def close(self) -> None:
        """Let go of what was spooled for it."""
        ...


class Replay(RetryableError):  # noqa: N818  # an instruction more than an error
    """The transaction cannot go on, but the same work will succeed when it is begun anew."""

    def __init__(self) -> None:
        super().__init__("the batch has to be read once more, carefully")


@record
class Target:
    """Where a batch is loaded: the raw table as it stands, or None, and what new storage for it would be."""

    name: str
    relation: Relation | None
    fingerprint: str
    key: tuple[str, ...] = ()


class Txn(Protocol):
    """One transaction: everything in it becomes one version, or nothing does."""

    @property
    def version(self) -> int:
        """The version that this transaction will have."""
        ...

    def stage(self, batch: Batch | Reading, shape: Shape, partition: str) -> Staged:
        """Parse, transform and stage a batch; rows that cannot be loaded are noted as rejects of this transaction.

        Raises `Replay` when the batch has to be read once more in a transaction begun anew.
        """
        ...

    def load(self, batch: Batch | Reading, shape: Shape, partition: str, into: Target) -> Change:
        """Parse a batch straight into the storage of a table that only grows, or of one that is new.

        The Change is `in_place` or `built`; with no columns at all (an empty text) its relation has no storage.
        """
        ...

    def hold(self, batch: Batch | Reading, shape: Shape, partition: str, position: Position) -> int:
        """Add a page to those held for a snapshot that is not complete; returns how many rows are held."""
        ...

    def held(self, source: str, partition: str) -> Staged | None:
        """Give the held pages as a stage and forget them, or None where there are none."""
        ...

    def rejected(self) -> int:
        """Return how many rows were rejected in this transaction so far."""
        ...

    def outdated(self, source: str, partition: str) -> None:
        """Close the rejects of a partition whose rows are about to be replaced as a whole."""
        ...

    def open_rejects(self, source: str) -> Sequence[tuple[int, str, str]]:
        """Return id, partition and raw row of the rejects of a raw table that were not replayed."""
        ...

    def replayed(self, ids: Sequence[int]) -> None:
        """Note that rejects were tried again in this transaction."""
        ...

    def run(self, step: Step) -> Staged | Change:
        """Carry out a step."""
        ...

    def describe(self, query: Query) -> Schema:
        """Return the columns that a query gives inside the transaction, without running it."""
        ...

    def kept_since(self, name: str) -> int:
        """Return the first version since which all changes of a table are there, by what was vacuumed."""
        ...

    def evolve(self, relation: Relation, staged: Staged) -> Relation:
        """Add the columns and widen the types that staged rows ask for, recorded.

        Raises `FatalError` for what would lose. A column of floats stays one where whole numbers come that each are a
        float exactly, and every column what it is where nothing but null comes.
        """
        ...

    def apply(self, change: Change) -> Relation:
        """Bury, delete and insert, or swap in what was built; returns the relation as it now stands."""
        ...

    def restore(self, relation: Relation) -> Relation:
        """Let a table's name show a relation again that it showed before, and note that its definition is refused.

        The relation counts as built in this transaction: whoever reads it takes all of it as changed.
        """
        ...

    def drop(self, change: Change) -> None:
        """Take back a change that was not applied."""
        ...

    def read(self, query: Query) -> Rows:
        """Read inside the transaction."""
        ...

    def reject(self, table: str, partition: str, rejects: Sequence[Reject]) -> None:
        """Note rows that a source could not make sense of."""
        ...

    def seen(self, relation: Relation, version: int, costs: tuple[float, ...] | None = None) -> None:
        """Note that a table shows its inputs as of a version, whether or not its rows changed; and its `costs`."""
        ...

    def commit(self, commit: Commit) -> None:
        """Make it a version, durably."""
        ...

    def rollback(self) -> None:
        """Leave everything as it was."""
        ...


class Engine(Protocol):
    """A warehouse that is open."""

    @property
    def can(self) -> EngineCan:
        """What this engine can do."""
        ...

    @property
    def version(self) -> int:
        """The last committed version; 0 for an empty warehouse."""
        ...

    def relations(self) -> Mapping[str, Relation]:
        """Return every table as it stands, by name."""
        ...

    def relation_at(self, name: str, version: int) -> Relation | None:
        """Return the relation that a table's name showed at a version, or None; an older one may have been vacuumed."""
        ...

    def spans(self, name: str) -> Sequence[Span]:
        """Return what a table's name has shown, as far as it is kept, the oldest first; nothing for an unknown name."""
        ...

    def kept_since(self, name: str) -> int:
        """Return the first version at which a table can be read, by what was vacuumed; 0 where nothing was."""
        ...

    def version_at(self, at: datetime) -> int | None:
        """Return the last version that was committed at an instant or before it, or None where there is none."""
        ...

    def vacuumed(self) -> tuple[datetime, int] | None:
        """Return when the warehouse was last vacuumed and from which version on every commit is kept."""
        ...

    def refused(self) -> Mapping[str, str]:
        """Return the fingerprint of the definition that each table was rolled back from."""
        ...

    def unsound(self, relation: Relation) -> Sequence[str]:
        """Return what of a relation's storage breaks the rules by which it is kept, in words; nothing where none."""
        ...

    def held(self, source: str) -> Mapping[str, Position]:
        """Return the position that an incomplete snapshot has reached, by partition."""
        ...

    def delivered(self, sink: str) -> int | None:
        """Return the newest version that this warehouse has set out to deliver to a sink, or None for never."""
        ...

    def deliver(self, sink: str, version: int, since: int = 0) -> None:
        """Note, durably, that this warehouse sets out to deliver a version to a sink that shows the version `since`."""
        ...

    def shown(self, sink: str) -> int | None:
        """Return the oldest version that a sink may show, should its last delivery have failed; None for never."""
        ...

    def vacuum(self, floors: Mapping[str, int], horizon: int, at: datetime) -> Removed:
        """Remove what of each table is older than its floor, and commits before the horizon; raises if a Txn is open.

        A table that is not among the floors keeps all; a floor is a version at which the table can still be read.
        """
        ...

    def commits(self, limit: int | None = None, run: str = "") -> Sequence[Commit]:
        """Return commits, the newest first; with `run` only those of that run."""
        ...

    def rejects(self) -> Mapping[str, int]:
        """Return how many rejects of each raw table are open."""
        ...

    def prepare(self, batch: Batch, shape: Shape, partition: str) -> Reading:
        """Make a batch ready: its text is read now, so that it can be parsed more than once."""
        ...

    def positions(self, source: str) -> Mapping[str, Position]:
        """Return the committed position of each partition of a raw table."""
        ...

    def describe(self, query: Query, schemas: Mapping[str, Schema]) -> Schema:
        """Return the columns that a query gives over tables of these schemas, without running it."""
        ...

    def read(self, query: Query, version: int | None = None) -> Rows:
        """Run one select of the user on a cursor of its own; raises `PlanError` for anything but one select."""
        ...

    def turn(self, waits: Callable[[], None] | None = None) -> AbstractContextManager[None]:
        """Have the turn of those who change the warehouse, for as long as several transactions belong together.

        Waits for whoever has it, another thread or process; `waits` is called first where that is so.
        """
        ...

    def begin(self) -> Txn:
        """Begin the one transaction that may write."""
        ...

    def exporter(self) -> Exporter:
        """Return what writes outside the warehouse."""
        ...

    def close(self) -> None:
        """Let go of the warehouse."""
        ...
