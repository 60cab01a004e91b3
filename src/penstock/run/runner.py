"""A run: sources pulled, the cascade committed, the changes delivered, and all of it recorded as it happens."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.base import faults
from penstock.base.errors import PenstockError
from penstock.base.record import record
from penstock.model.run import Note, Run, Step
from penstock.model.tuning import Tuning
from penstock.protocols.source import Arrow, Batch, Kind
from penstock.refresh import cascade as cascading
from penstock.refresh.ingest import Portion
from penstock.run.events import Event
from penstock.run.pull import Pulls, lease
from penstock.run.recovery import is_alive, recover

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from random import Random

    from penstock.base.clock import Clock
    from penstock.model.project import Project
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.model.table import Function
    from penstock.protocols.engine import Engine
    from penstock.protocols.journal import Journal
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Source
    from penstock.run.events import Listener
    from penstock.run.pull import Arrival

_under_way: set[str] = set()  # the runs that this process carries on
_IN_CASCADE = 64 * 1024 * 1024
_BEAT_SECONDS = 5.0


@record
class World:
    """What a run works with: implementations and inputs, chosen by `app`."""

    project: Project
    engine: Engine
    journal: Journal
    clock: Clock
    random: Random
    source: Callable[[RawTable], Source]
    sink: Callable[[SinkTable], Sink]
    load: Callable[[Function], Callable[..., Any]]
    tuning: Tuning = field(default_factory=Tuning)


@record
class Order:
    """What a run is asked to do: the tables it may touch, and how."""

    tables: Collection[str]
    id: str
    full: bool = False
    command: str = ""
    listener: Listener | None = None


def run(world: World, order: Order) -> Run:
    """Bring the tables of an order up to date once; a failure stops that table and what depends on it only.

    Waits while another run is under way.
    """
    tell = order.listener or (lambda _: None)
    with world.engine.turn(lambda: tell(Event("wait", "", ""))):
        return _run(world, order)


def _run(world: World, order: Order) -> Run:
    repair(world)
    started = Run(order.id, world.clock.now(), pid=os.getpid(), command=order.command)
    _under_way.add(order.id)
    world.journal.start(started)
    over = lease(lambda: world.journal.beat(order.id), _BEAT_SECONDS)
    going = _Going(world, order, world.clock.monotonic())
    state = "interrupted"
    try:
        going.all()
        state = "failed" if going.failed else "done"
    except PenstockError as error:
        state = "failed"
        world.journal.step(order.id, Step("warehouse", "table", "failed", error=error.fields()))
        raise
    finally:
        over.set()
        world.journal.end(order.id, state, going.version)
        _under_way.discard(order.id)
    return world.journal.find(order.id) or replace(started, state=state)


def repair(world: World) -> list[Run]:
    """Mark the runs that a crash left behind; the warehouse's commits say how far each came."""

    def last(run: str) -> int | None:
        found = world.engine.commits(1, run)
        return found[0].version if found else None

    return recover(world.journal, last, world.clock, is_alive, mine=_under_way)


@dataclass
class _Going:
    """A run on its way."""

    world: World
    order: Order
    zero: float = 0.0
    failed: dict[str, PenstockError] = field(default_factory=dict)
    version: int | None = None
    pending: dict[str, list[Portion]] = field(default_factory=lambda: defaultdict(list))
    paged: dict[str, set[str]] = field(default_factory=dict)
    steps: dict[tuple[str, str], Step] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    turns: dict[str, float] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    def all(self) -> None:
        """Go through intake, cascade and delivery."""
        try:
            self.intake()
            faults.point("run.intake.done")
            self.cascade()
        finally:
            self.release()
        faults.point("run.cascade.done")
        self.deliver()
        self.vacuum()

    # -- intake ------------------------------------------------------------------------------------------------

    def intake(self) -> None:
        """Pull all sources; larger pulls are committed as they come."""
        world = self.world
        tables = [
            world.project.raw[n] for n in world.project.order if n in world.project.raw and n in self.order.tables
        ]
        pulls = Pulls(tables, world.source, world.engine, world.clock, world.random)
        for table in tables:
            self.started[table.name] = world.clock.monotonic()
            self.paged[table.name] = set(world.engine.held(table.name))
            self.turns[table.name] = self.started[table.name] - self.zero
            self.note(Step(table.name, "intake", "running", began=self.turns[table.name]))
        try:
            for arrival in pulls:
                if arrival.table.name in self.failed:
                    arrival.release()
                    continue
                try:
                    self.arrived(arrival)
                except PenstockError as error:
                    self.failed[arrival.table.name] = error.placed(arrival.table.name, arrival.table.where)
                    pulls.stop(arrival.table.name)
        finally:
            pulls.stop()

    def arrived(self, arrival: Arrival) -> None:
        """Take in one arrival."""
        name = arrival.table.name
        if arrival.note:
            self.say(arrival.note, name)
        elif arrival.portion is not None:
            self.waits(arrival.table, arrival.partition, arrival.portion)
            self.tell(Event("progress", name, "intake", bytes=arrival.portion.batch.bytes))
        elif arrival.ended:
            self.publish(arrival.table, arrival.partition)
        elif arrival.error is not None:
            self.failed[name] = arrival.error.placed(name, arrival.table.where)
            self.flush(arrival.table)
        if arrival.done:
            self.took[name] = self.world.clock.monotonic() - self.started[name]

    def waits(self, table: RawTable, partition: str, portion: Portion) -> None:
        """Let a portion wait for the cascade; what makes it a larger pull is committed ahead."""
        paged = self.paged[table.name]
        if portion.batch.kind is not Kind.SNAPSHOT:
            self.publish(table, partition)
        elif portion.batch.restart:
            paged.discard(partition)
        if any(p.partition == partition and p.reading is not None for p in self.pending[table.name]):
            self.flush(table, partition)
        self.pending[table.name].append(portion)
        if sum(p.batch.bytes for p in self.pending[table.name]) > _IN_CASCADE:
            self.flush(table)

    def flush(self, table: RawTable, partition: str | None = None) -> None:
        """Commit what waits of a raw table: rows as a version of their own, pages of a snapshot out of sight.

        With a `partition`, pages of the others and whole snapshots that are ready go on waiting.
        """
        going: list[Portion] = []
        pages: list[Portion] = []
        staying: list[Portion] = []
        for portion in self.pending[table.name]:
            page = portion.batch.kind is Kind.SNAPSHOT and portion.reading is not None
            if partition is not None and page and portion.partition != partition:
                staying.append(portion)
            else:
                (pages if page else going).append(portion)
        self.pending[table.name] = staying
        try:
            for page_portion in pages:
                held = cascading.hold_page(self.world.engine, page_portion, self.order.id, self.world.clock)
                self.add(table.name, held)
                self.paged[table.name].add(page_portion.partition)
                faults.point("run.page.held")
            if going:
                outcome = cascading.commit_portions(self.world.engine, table, going, self.order.id, self.world.clock)
                self.add(table.name, outcome)
                faults.point("run.portion.committed")
        finally:
            for portion in (*pages, *going):
                if portion.reading is not None:
                    portion.reading.close()

    def publish(self, table: RawTable, partition: str) -> None:
        """Make a snapshot that came in several pages ready to be compared as a whole."""
        if partition not in self.paged[table.name]:
            return
        self.flush(table, partition)
        self.paged[table.name].discard(partition)
        position = self.world.engine.held(table.name)[partition]
        whole = Batch(Arrow(None), position, Kind.SNAPSHOT)
        self.pending[table.name].append(Portion(table, partition, whole, None))

    def add(self, name: str, outcome: cascading.Outcome) -> None:
        """Add what a commit ahead of the cascade did to the table's step."""
        self.version = outcome.version or self.version
        if outcome.verdicts:
            self.world.journal.verdicts(self.order.id, outcome.verdicts)
        step = outcome.steps.get(name)
        if step is not None:
            self.steps[name, "intake"] = _sum(self.steps.get((name, "intake")), step) or step
            self.tell(Event("progress", name, "intake", rows=step.rows_in))

    # -- cascade -----------------------------------------------------------------------------------------------

    def cascade(self) -> None:
        """Bring the tables to one version."""
        project = self.world.project
        tables = [name for name in project.order if name in self.order.tables]
        job = cascading.Job(
            project, tables, self.pending, self.order.id, self.world.load, self.order.full, self.world.tuning,
            self.began,
        )  # fmt: skip
        outcome = cascading.cascade(self.world.engine, job, self.world.clock, self.failed)
        self.release()
        self.version = outcome.version or self.version
        self.failed.update(outcome.failed)
        if outcome.verdicts:
            self.world.journal.verdicts(self.order.id, outcome.verdicts)
        self.end(*(self.settled(name, outcome.steps.get(name)) for name in tables))

    def release(self) -> None:
        """Let go of what came from the sources."""
        for portions in self.pending.values():
            for portion in portions:
                if portion.reading is not None:
                    portion.reading.close()

    def settled(self, name: str, step: Step | None) -> Step:
        """Return how a table ended."""
        stage = "intake" if name in self.world.project.raw else "table"
        whole = _sum(self.steps.get((name, stage)), step) if stage == "intake" else step
        error = self.failed.get(name)
        if whole is None:
            whole = Step(name, stage, "unchanged")
        if error is not None:
            whole = replace(whole, state="failed", error=error.fields())
        return replace(whole, seconds=whole.seconds + self.took.get(name, 0.0), began=self.turns.get(name))

    def began(self, table: str, stage: str) -> None:
        """Note that a table's turn has come."""
        self.turns.setdefault(table, self.world.clock.monotonic() - self.zero)
        self.tell(Event("start", table, stage))

    # -- delivery ----------------------------------------------------------------------------------------------

    def deliver(self) -> None:
        """Bring the sinks of the tables up to date."""
        for name, sink in self.world.project.sinks.items():
            if sink.table not in self.order.tables:
                continue
            started = self.world.clock.monotonic()
            self.tell(Event("start", name, "deliver"))
            step = self.delivered(name, sink)
            self.end(replace(step, seconds=self.world.clock.monotonic() - started, began=started - self.zero))

    def delivered(self, name: str, definition: SinkTable) -> Step:
        """Deliver to one sink; returns its step, failed or not."""
        relation = self.world.engine.relations().get(definition.table)
        if definition.table in self.failed or relation is None:
            reason = f"{definition.table} failed" if relation else f"{definition.table} has no rows yet"
            return Step(name, "deliver", "skipped", reason=reason)
        from penstock.refresh.deliver import deliver

        try:
            sink = self.world.sink(definition)
            try:
                return deliver(definition, sink, self.world.engine, relation)
            finally:
                sink.close()
        except PenstockError as error:
            self.failed[name] = error
            return Step(name, "deliver", "failed", error=error.fields())

    def vacuum(self) -> None:
        """Remove what is older than the project keeps, where there is enough of it."""
        from penstock.refresh.retention import tend

        tend(self.world.engine, self.world.project, self.world.clock)

    # -- recording ---------------------------------------------------------------------------------------------

    def note(self, step: Step) -> None:
        """Record a step that begins."""
        self.world.journal.step(self.order.id, step)
        self.tell(Event("start", step.table, step.stage))

    def say(self, text: str, table: str) -> None:
        """Record that something went otherwise than one would think."""
        self.world.journal.note(self.order.id, Note(self.world.clock.monotonic() - self.zero, text, table, "warning"))
        self.tell(Event("note", table, "intake", text=text))

    def end(self, *steps: Step) -> None:
        """Record steps that ended."""
        self.world.journal.step(self.order.id, *steps)
        for step in steps:
            self.steps[step.table, step.stage] = step
            self.tell(Event("end", step.table, step.stage, step, step.rows_in, step.bytes_in))

    def tell(self, event: Event) -> None:
        """Let whoever listens know."""
        if self.order.listener is not None:
            self.order.listener(event)


def _sum(first: Step | None, second: Step | None) -> Step | None:
    """Return two steps of one table as one."""
    if first is None or second is None:
        return first or second
    return replace(
        second,
        state=first.state if second.state == "unchanged" else second.state,
        added=first.added + second.added,
        removed=first.removed + second.removed,
        rejected=first.rejected + second.rejected,
        rows_in=first.rows_in + second.rows_in,
        bytes_in=first.bytes_in + second.bytes_in,
        seconds=first.seconds + second.seconds,
    )
