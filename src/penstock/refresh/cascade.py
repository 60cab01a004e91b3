"""The cascade: every table that a change reaches, brought to one new version in one transaction."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.base import faults
from penstock.base.errors import FatalError, PenstockError, RunError
from penstock.base.record import record
from penstock.base.text import plural
from penstock.model.change import Change, Staged
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.run import Step
from penstock.model.tuning import Tuning
from penstock.protocols.engine import Replay
from penstock.refresh.applied import Applied
from penstock.refresh.rollback import HOW_ON, ROLLED_BACK, is_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from penstock.base.clock import Clock
    from penstock.model.check import Verdict
    from penstock.model.position import Position
    from penstock.model.project import Project
    from penstock.model.relation import Relation
    from penstock.model.source import RawTable
    from penstock.model.table import Function, Table
    from penstock.plan.blocks import Plan
    from penstock.protocols.engine import Engine, Txn
    from penstock.refresh.ingest import Portion
    from penstock.refresh.transform import Keeper


# Words that pick rows by an order, which may leave some equal: no other texts are worth a plan for that.
_MAY_TIE = re.compile(r"\b(over|qualify|limit|fetch)\b|\bdistinct\s+on\b", re.IGNORECASE)


class CheckFailedError(RunError):
    """A check of severity `error` failed: the table stays at its last good version."""


class _Failed(Exception):  # noqa: N818
    """A table failed and the transaction with it; it is begun anew without that table."""

    def __init__(self, table: str, error: PenstockError) -> None:
        super().__init__(table)
        self.table, self.error = table, error


class _Misplanned(Exception):  # noqa: N818
    """A table's plan could not be carried out; the cascade is begun anew with that table computed in full."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


@record
class Job:
    """What a cascade has to do.

    `tables` are the tables that may be touched, each after its parents; `portions` what came from the sources, by raw
    table; `full` recomputes every table, changed input or not; `tuning` says how refreshes are chosen; `began` is told
    each table as its turn comes.
    """

    project: Project
    tables: Sequence[str]
    portions: Mapping[str, Sequence[Portion]]
    run: str
    load: Callable[[Function], Callable[..., Any]]
    full: bool = False
    tuning: Tuning = field(default_factory=Tuning)
    began: Callable[[str, str], None] = lambda _table, _stage: None


@dataclass
class Outcome:
    """What a cascade did: its version (None when nothing changed), a step for each table, and the checks."""

    version: int | None = None
    steps: dict[str, Step] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    failed: dict[str, PenstockError] = field(default_factory=dict)


def cascade(engine: Engine, job: Job, clock: Clock, failed: Mapping[str, PenstockError] | None = None) -> Outcome:
    """Bring all tables of a job to one version; what fails, and what depends on it, stays as it was.

    `failed` are tables that failed already (a source that could not be read): what depends on them is skipped.
    """
    known = dict(failed or {})
    plain: set[str] = set()
    while True:
        attempt = _Attempt(engine, job, clock, known, plain)
        try:
            outcome = attempt.all()
        except Replay:
            attempt.undo()
        except _Misplanned as failure:
            attempt.undo()
            plain.add(failure.table)
        except _Failed as failure:
            attempt.undo()
            known[failure.table] = failure.error
        except BaseException:
            attempt.undo()
            raise
        else:
            outcome.failed = {**known, **outcome.failed}
            return outcome


def commit_portions(engine: Engine, table: RawTable, portions: Sequence[Portion], run: str, clock: Clock) -> Outcome:
    """Commit batches of a larger pull by themselves, ahead of the cascade; raises what is wrong with them."""
    while True:
        attempt = _Attempt(engine, _job_of_one(table, portions, run), clock, {})
        try:
            attempt.raw(table)
            attempt.end()
        except Replay:
            attempt.undo()
        except _Failed as failure:
            attempt.undo()
            raise failure.error from failure
        except BaseException:
            attempt.undo()
            raise
        else:
            return attempt.outcome


def hold_page(engine: Engine, portion: Portion, run: str, clock: Clock) -> Outcome:
    """Commit a page of a snapshot where no reader sees it; what it rejects counts at once, the rest with the whole."""
    from penstock.refresh import absorb

    while True:
        txn = engine.begin()
        try:
            absorb.hold(txn, portion)
            rejected = txn.rejected()
            txn.commit(Commit(txn.version, clock.now(), run))
        except Replay:
            txn.rollback()
        except BaseException:
            txn.rollback()
            raise
        else:
            name, kind = portion.table.name, _kinds([portion])
            step = Step(name, "intake", "done", kind, rejected=rejected, rows_in=rejected)
            return Outcome(steps={name: step} if rejected else {})


def _job_of_one(table: RawTable, portions: Sequence[Portion], run: str) -> Job:
    from penstock.model.project import Project

    def none(function: Function) -> Callable[..., Any]:
        raise FatalError(f"no function runs here: {function.name}")

    project = Project("", "", raw={table.name: table}, order=(table.name,))
    return Job(project, (table.name,), {table.name: portions}, run, none)


class _Attempt:
    """One try at a cascade, inside one transaction."""

    def __init__(
        self,
        engine: Engine,
        job: Job,
        clock: Clock,
        known: Mapping[str, PenstockError],
        plain: AbstractSet[str] = frozenset(),
    ) -> None:
        self.engine, self.job, self.clock = engine, job, clock
        self.plain = plain
        self.keeper: Keeper | None = None
        self.begun: Txn | None = None
        self.known = known
        self.outcome = Outcome()
        self.relations: dict[str, Relation] = dict(engine.relations())
        self.applied = Applied(self.relations)
        self.changed: set[str] = set()
        self.stopped: set[str] = set(known)
        self.positions: dict[tuple[str, str], Position] = {}
        self.noted = False

    @property
    def txn(self) -> Txn:
        """The transaction, begun when there is something to do."""
        if self.begun is None:
            self.begun = self.engine.begin()
        return self.begun

    def undo(self) -> None:
        """Roll back what was begun."""
        if self.begun is not None:
            self.begun.rollback()

    def all(self) -> Outcome:
        """Go through all tables in order, then commit if anything is worth it."""
        for name in self.job.tables:
            if name in self.known:
                continue
            started = self.clock.monotonic()
            if name in self.job.project.raw:
                if self.job.portions.get(name):
                    self.job.began(name, "intake")
                    self.raw(self.job.project.raw[name])
                if name not in self.relations:
                    self.without_rows(self.job.project.raw[name])
            else:
                self.table(self.job.project.tables[name])
            if name in self.outcome.steps:
                took = self.clock.monotonic() - started
                self.outcome.steps[name] = replace(self.outcome.steps[name], seconds=took)
        self.end()
        return self.outcome

    def end(self) -> None:
        """Commit, or leave no trace where nothing happened."""
        if self.changed or self.positions or self.noted:
            faults.point("cascade.commit.before")
            at = self.clock.now()
            self.txn.commit(Commit(self.txn.version, at, self.job.run, positions=self.positions))
            self.outcome.version = self.txn.version
            faults.point("cascade.commit.after")
        else:
            self.undo()

    # -- raw tables --------------------------------------------------------------------------------------------

    def raw(self, table: RawTable) -> None:
        """Apply the portions of a raw table."""
        from penstock.refresh import absorb

        before = self.txn.rejected()
        added = removed = came = 0
        try:
            for portion in self.job.portions[table.name]:
                change, rows = absorb.absorb(self.txn, portion, self.relations.get(table.name))
                came += rows
                self.positions[table.name, portion.partition] = portion.position
                faults.point("cascade.raw.absorbed")
                if change is not None:
                    change = self._judged(table.checks, change)
                    self.applied.apply(self.txn, change)
                    added, removed = added + change.added, removed + change.removed
                    if not change.empty:
                        self.changed.add(table.name)
        except Replay:
            raise
        except PenstockError as error:
            raise _Failed(table.name, error.placed(table.name, table.where)) from error
        rejected = self.txn.rejected() - before
        self.noted = self.noted or rejected > 0
        portions = self.job.portions[table.name]
        state = "done" if added or removed or rejected else "unchanged"
        self.outcome.steps[table.name] = Step(
            table.name, "intake", state, _kinds(portions), added=added, removed=removed, rejected=rejected,
            rows_in=came, bytes_in=sum(p.batch.bytes for p in portions),
        )  # fmt: skip

    def without_rows(self, table: RawTable) -> None:
        """Make a raw table that has never had a row, where its declaration says its columns."""
        from penstock.refresh import absorb

        if not absorb.declares(table):
            return
        try:
            change = self._judged(table.checks, absorb.declared(self.txn, table))
            self.applied.apply(self.txn, change)
            self.noted = True
        except Replay:
            raise
        except PenstockError as error:
            raise _Failed(table.name, error.placed(table.name, table.where)) from error

    # -- tables ------------------------------------------------------------------------------------------------

    def table(self, table: Table) -> None:
        """Bring a table up to date where its definition or its inputs changed."""
        stopped = sorted(set(table.parents) & self.stopped)
        missing = sorted(p for p in table.parents if p not in self.relations and p not in self.stopped)
        if stopped or missing:
            self.stopped.add(table.name)
            reason = f"{missing[0]} has no rows yet" if missing else self._stopped_by(stopped[0])
            self.outcome.steps[table.name] = Step(table.name, "table", "skipped", reason=reason)
            return
        relation = self.relations.get(table.name)
        refused = self.engine.refused().get(table.name, "")
        why = due(table, relation, self.relations, full=self.job.full, refused=refused)
        if not why:
            step = Step(table.name, "table", "unchanged")
            if is_refused(table, relation, refused):
                step = replace(step, strategy=ROLLED_BACK, reason=HOW_ON)
            self.outcome.steps[table.name] = step
            return
        self.job.began(table.name, "table")
        try:
            change, strategy, costs = self._compute(table, relation)
            self._settle(table, change, strategy, why, costs)
        except (Replay, _Failed, _Misplanned):
            raise
        except PenstockError as error:
            raise _Failed(table.name, error.placed(table.name, table.where)) from error

    def _stopped_by(self, name: str) -> str:
        """Return why a table that reads `name` is skipped: it failed, or it was skipped itself."""
        step = self.outcome.steps.get(name)
        return step.reason if step is not None and step.state == "skipped" else f"{name} failed"

    def _compute(self, table: Table, relation: Relation | None) -> tuple[Change, str, tuple[float, ...]]:
        """Return the change of a table, how it was found, and what is known of its costs."""
        if table.function:
            from penstock.refresh import python

            return (*python.change(table, self.relations, self.txn, self.job.load, full=self.job.full), ())
        if self._pays(table, relation):
            found = self._by_plan(table)
            if found is not None:
                return found
        return (*self._in_full(table, relation), ())

    def _pays(self, table: Table, relation: Relation | None) -> bool:
        """Tell whether following changes can pay for a table."""
        if table.name in self.plain:
            return False
        if relation is not None and relation.layout and relation.fingerprint == table.fingerprint:
            return True
        return sum(self.relations[name].rows for name in table.parents) >= self.job.tuning.smallest

    def _by_plan(self, table: Table) -> tuple[Change, str, tuple[float, ...]] | None:
        from penstock.refresh import transform

        known = transform.planned(table, self.relations, self.txn, self.engine.can.states)
        if not known.plan.blocks:
            return None
        if self.keeper is None:
            tuning = self.job.tuning
            self.keeper = transform.Keeper(self.txn, self.applied, self.clock, tuning, self.job.full)
            self.keeper.shared.expect(self._expected())
        try:
            change = self.keeper.table(table, known)
        except Replay:
            raise
        except PenstockError as error:
            if self.job.tuning.strict:
                raise
            raise _Misplanned(table.name) from error
        if change is None:
            return None
        how = " → ".join(dict.fromkeys(self.keeper.how)) or "followed"
        return change, how, tuple(astuple(self.keeper.costs))

    def _expected(self) -> Iterator[Plan]:
        """Give the plans of the tables that what changed may reach, where there is something large to look up in."""
        from penstock.refresh import transform

        if all(one.rows < self.job.tuning.shared for one in self.relations.values()):
            return
        tables, reached = self.job.project.tables, set()
        # A table that will be computed by another text shows columns that those who read it cannot count on.
        settled = {
            name
            for name, one in self.relations.items()
            if name not in tables or (one.fingerprint == tables[name].fingerprint and not tables[name].function)
        }
        for name in self.job.tables:
            if name not in tables or name not in settled or not settled.issuperset(tables[name].parents):
                continue
            table, have = tables[name], self.relations[name]
            if not any(p in reached or self.relations[p].changed > have.seen for p in table.parents):
                continue
            reached.add(name)
            if have.layout and name not in self.plain and name not in self.known:
                try:
                    yield transform.planned(table, self.relations, self.txn, self.engine.can.states).plan
                except Replay:
                    raise
                except PenstockError as error:
                    raise _Failed(name, error) from error

    def _in_full(self, table: Table, relation: Relation | None) -> tuple[Change, str]:
        """Compute a table as a whole, and compare: from its own text, but for what that leaves open."""
        query = Query(table.sql, file=table.where.file if table.where else "", line=table.line)
        if table.function or table.name in self.plain or not _MAY_TIE.search(table.sql):
            return self._whole(table, relation, query)
        from penstock.refresh import transform

        try:
            settled = transform.settled(table, self.relations, self.txn, self.engine.can.states)
            return self._whole(table, relation, settled or query)
        except Replay:
            raise
        except PenstockError as error:  # the text itself says it with its place
            raise _Misplanned(table.name) from error

    def _whole(self, table: Table, relation: Relation | None, query: Query) -> tuple[Change, str]:
        """Compute a table by a query or its function, and compare."""
        from penstock.model.step import Build, Compare, Compute, Found

        new = relation is None or relation.fingerprint != table.fingerprint or bool(relation.layout)
        if new:
            return _change(self.txn.run(Build(table.name, query, table.fingerprint, table.key))), "build"
        staged = _stage(self.txn.run(Compute(query)))
        if relation is None or staged.schema != relation.schema:
            step = Found(table.name, staged.name, staged.schema, table.fingerprint, table.key)
            return _change(self.txn.run(step)), "build"
        return _change(self.txn.run(Compare(relation, staged.name, table.key))), "full, compared"

    def _settle(self, table: Table, change: Change, strategy: str, why: str, costs: tuple[float, ...]) -> None:
        """Check a change and apply it, or leave the table at its last good version."""
        step = Step(table.name, "table", "done", strategy, why, change.added, change.removed)
        faults.point("cascade.table.computed")
        try:
            change = self._judged(table.checks, change)
        except CheckFailedError as error:
            self.txn.drop(change)
            self.stopped.add(table.name)
            self.outcome.failed[table.name] = error
            self.outcome.steps[table.name] = replace(step, state="failed", added=0, removed=0, error=error.fields())
            return
        applied = self.applied.apply(self.txn, change)
        self.txn.seen(applied, self.txn.version, costs)
        self.noted = True
        if change.empty:
            step = replace(step, state="unchanged")
        else:
            self.changed.add(table.name)
        self.outcome.steps[table.name] = step

    def _measure(self, change: Change) -> Callable[[tuple[str, ...], str], str]:
        """Return what says how metrics are measured over what a table would be."""

        def measure(names: tuple[str, ...], rows: str) -> str:
            from penstock.plan.metrics.known import known_by, measured

            schemas = {name: relation.schema for name, relation in self.relations.items()}
            schemas[change.relation.name] = change.relation.schema
            return measured(names, known_by(self.job.project, schemas, self.txn.read, {change.relation.name: rows}))

        return measure

    def _judged(self, wanted: Iterable[Any], change: Change) -> Change:
        """Return a change that passed the checks of its table; raises `CheckFailedError` where it did not."""
        judged = tuple(wanted)
        if not judged and not change.relation.passed:
            return change
        from penstock.refresh import checks

        found = checks.verify(judged, change, self.txn, measure=self._measure(change))
        self.outcome.verdicts += found
        bad = next((v for v in found if v.state == "failed"), None)
        if bad is not None:
            raise CheckFailedError(
                f"the check '{bad.check.label}' failed for {plural(bad.failed, 'row')}",
                where=bad.check.where,
                got=", ".join(f"{k} = {v}" for k, v in (bad.samples[0] if bad.samples else {}).items()),
                hint="the table stays at its last good version; mend the rows or the check",
            )
        return checks.passed(judged, change)


def due(
    table: Table, relation: Relation | None, relations: Mapping[str, Relation], *, full: bool = False, refused: str = ""
) -> str:
    """Return why a table has to be computed, or nothing where it is up to date or its definition is `refused`."""
    if relation is None:
        return "new"
    if is_refused(table, relation, refused):
        return "asked for" if full else ""
    if relation.fingerprint != table.fingerprint:
        return "its definition changed"
    changed = sorted(p for p in table.parents if p in relations and relations[p].changed > relation.seen)
    if changed:
        return f"{', '.join(changed)} changed"
    return "asked for" if full else ""


def _kinds(portions: Sequence[Portion]) -> str:
    return ", ".join(sorted({str(p.batch.kind) for p in portions}))


def _change(found: Change | Staged) -> Change:
    assert isinstance(found, Change)  # noqa: S101
    return found


def _stage(found: Change | Staged) -> Staged:
    assert isinstance(found, Staged)  # noqa: S101
    return found
