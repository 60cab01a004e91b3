"""A case put through the real cascade, and compared with the oracle after every step."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.base import faults
from penstock.base.clock import SystemClock
from penstock.engines.duck import open_engine
from penstock.load.build import build
from penstock.model.relation import Query, Read
from penstock.model.schema import Schema, canonical
from penstock.model.source import Connection, RawTable
from penstock.model.table import Table
from penstock.model.tuning import Tuning
from penstock.plan.sql.cut import cut
from penstock.protocols.source import Arrow, Batch, Kind
from penstock.refresh.cascade import Job, Outcome, cascade
from penstock.refresh.ingest import Portion, shape
from tests.property.engine.case import Step
from tests.property.engine.oracle import Oracle, difference, shown, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.model.project import Project
    from penstock.model.relation import Relation
    from penstock.model.table import Function
    from penstock.protocols.engine import Engine
    from tests.property.engine.case import Case, Feed

_SHOWN = 6


def forced(dense: int = 2) -> dict[str, Any]:
    """Return what a cascade is told so that the smallest table is kept by its deltas rather than computed anew."""
    return {"tuning": Tuning(smallest=0, strict=True, follow=True, looked_up=0, shared=0, dense=dense)}


class DiffersError(AssertionError):
    """A table is not what its query says, or a run did what it should not."""


class Killed(BaseException):  # nothing may catch it as an error
    """The process ends here; in its place the transaction is lost."""


@dataclass
class Held:
    """What a case that held has shown: for each table that was brought up to date, its text and the strategy.

    `forms` counts by which strategies tables were followed that keep states, and nothing else that could merge
    (`states`), and tables that keep different values apart (`divided`).
    """

    steps: int = 0
    refreshed: list[tuple[str, str, bool]] = field(default_factory=list)
    forms: Counter[tuple[str, str]] = field(default_factory=Counter)


def hold(case: Case) -> Held:
    """Put a case through; raises `DiffersError` where a table is not equal to its query."""
    held = Held()
    with _folder(case) as path:
        drive = Drive(case, path, held)
        try:
            for number, step in enumerate(case.steps):
                drive.step(number, step)
            drive.idle()
            drive.history()
        finally:
            drive.engine.close()
    return held


@contextmanager
def _folder(case: Case) -> Iterator[str]:
    if not any(step.reopen for step in case.steps):
        yield ":memory:"
        return
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        yield str(Path(folder) / "w.duckdb")


@cache
def _feeder() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1, "arrow_lossless_conversion": "true"})
    con.execute("set TimeZone = 'UTC'")
    return con


class _Stream:
    """Rows of a query that show nothing but their Arrow stream."""

    def __init__(self, text: str) -> None:
        self._rows = _feeder().sql(text)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._rows.__arrow_c_stream__()


@contextmanager
def _kill_at(name: str, nth: int) -> Iterator[None]:
    passed, point = 0, faults.point

    def strike(at: str) -> None:
        nonlocal passed
        passed += at == name
        if at == name and passed == nth:
            raise Killed

    faults.point = strike
    try:
        yield
    finally:
        faults.point = point


def _no_function(function: Function) -> Callable[..., Any]:
    raise AssertionError(f"no function runs here: {function.name}")


class Drive:
    """A warehouse on its way through a case."""

    def __init__(self, case: Case, path: str, held: Held, dense: int = 2) -> None:
        self.case, self.path, self.held, self.dense = case, path, held, dense
        self.engine: Engine = open_engine(path)
        self.oracle = Oracle(case)
        self.columns = {raw.name: list(raw.columns) for raw in case.raws}
        self.texts = dict(case.tables)
        self.project = self._project()
        self.positions: dict[str, int] = {}
        self.past: dict[str, dict[int, tuple[str, list[Any]]]] = {}  # by table and version: how it was shown, its rows
        self.number = 0

    def _project(self) -> Project:
        memory = Connection("memory", "memory")
        raws = [RawTable(raw.name, memory, read=raw.name, key=raw.key) for raw in self.case.raws]
        return build("case", "/", raw=raws, tables=[Table(n, sql=t) for n, t in self.texts.items()])

    # -- a step --------------------------------------------------------------------------------------------------

    def step(self, number: int, step: Step) -> None:
        """Do what a step says, run, and compare."""
        self.number = number
        if step.reopen:
            self.engine.close()
            self.engine = open_engine(self.path)
        for raw, column, kind in step.wider:
            self.columns[raw].append((column, kind))
        if step.redefine:
            self.texts.update(step.redefine)
            self.project = self._project()
        tables = [name for name, _ in self.case.tables if not step.only or name in step.only]
        self.oracle.take(step, tables)
        outcome = self._killed(step, tables) or self._run(step, tables)
        for name in {feed.raw for feed in step.feeds}:
            self.positions[name] = number
        self._note(outcome)
        self._compare(outcome)

    def idle(self) -> None:
        """Run without anything new: what was left out catches up, and a second time nothing is computed."""
        self.step(self.number + 1, Step())
        outcome = self._run(Step(), list(self.texts))
        busy = [step for step in outcome.steps.values() if step.state != "unchanged"]
        if outcome.version is not None or busy:
            self._fail("", outcome, f"a run with nothing new did something: {busy}")

    def _run(self, step: Step, tables: list[str]) -> Outcome:
        portions: dict[str, list[Portion]] = {}
        for feed in step.feeds:
            portions.setdefault(feed.raw, []).append(self._portion(feed))
        names = [name for name in self.project.order if name in tables or name in self.project.raw]
        job = Job(self.project, names, portions, f"run {self.number}", _no_function, **forced(self.dense))
        try:
            return cascade(self.engine, job, SystemClock())
        finally:
            for portion in [one for some in portions.values() for one in some]:
                if portion.reading is not None:
                    portion.reading.close()

    def _portion(self, feed: Feed) -> Portion:
        table = self.project.raw[feed.raw]
        columns = self.columns[feed.raw]
        if feed.kind == "delete":
            columns = [(name, kind) for name, kind in columns if name in table.key]
        names = ", ".join(name for name, _ in columns)
        rows = values(feed.rows or [("null",) * len(columns)], columns)
        text = f"select * from (values {rows}) v({names}){'' if feed.rows else ' where false'}"
        batch = Batch(Arrow(_Stream(text)), self.number, Kind(feed.kind), Schema.of(columns))
        return Portion(table, "", batch, self.engine.prepare(batch, shape(table), ""))

    def _killed(self, step: Step, tables: list[str]) -> Outcome | None:
        """Lose the transaction at a fault point, after which all is as before; returns what was done if none is met."""
        if step.kill is None:
            return None
        before = self.engine.version, dict(self.engine.relations())
        try:
            with _kill_at(*step.kill):
                return self._run(step, tables)
        except Killed:
            if (self.engine.version, dict(self.engine.relations())) != before:
                raise DiffersError(f"step {self.number}: what was killed left something behind") from None
            return None

    # -- comparing -----------------------------------------------------------------------------------------------

    def _note(self, outcome: Outcome) -> None:
        self.held.steps += 1
        for name, step in outcome.steps.items():
            if step.stage == "table" and step.strategy:
                self.held.refreshed.append((self.texts[name], step.strategy, step.state == "done"))
                form = self._form(name)
                if form:
                    self.held.forms.update((form, one) for one in step.strategy.split(" → "))

    def _form(self, name: str) -> str:
        """Return what is to be said of how a table's plan keeps its groups."""
        relations, table = self.engine.relations(), self.project.tables[name]
        schemas = {one: relations[one].schema for one in table.parents}
        plan = cut(table.sql, schemas, relations[name].schema.names, name, self.engine.can.states)
        if plan.divided is not None and plan.fitting(relations[name].layout) is plan.divided:
            return "divided"
        merges = [block.merge for block in plan.blocks if block.merge is not None]
        return "states" if merges and all(one.states for one in merges) else ""

    def _compare(self, outcome: Outcome) -> None:
        for name, error in outcome.failed.items():
            self._fail(name, outcome, f"it failed: {error.fields()}")
        relations = self.engine.relations()
        for name in [*(raw.name for raw in self.case.raws), *self.texts]:
            if name not in relations:
                if name in outcome.steps and outcome.steps[name].state != "skipped":
                    self._fail(name, outcome, "it is not there")
                continue
            self._compare_one(name, outcome)
        for name, position in self.positions.items():
            if dict(self.engine.positions(name)) != {"": position}:
                self._fail(name, outcome, f"its position is {self.engine.positions(name)}, not {position}")

    def _compare_one(self, name: str, outcome: Outcome) -> None:
        wanted = self.oracle.types(name)
        relation = self.engine.relations()[name]
        types = [(c.name, canonical(c.type)) for c in relation.schema]
        if types != wanted:
            self._fail(name, outcome, f"its columns are\n{types}, not\n{wanted}")
        text = shown(name, wanted)
        have = self._rows(text)
        extra, missing = difference(have, self.oracle.con.execute(text).fetchall())
        if extra or missing:
            self._fail(name, outcome, f"too many: {extra[:_SHOWN]}\nmissing: {missing[:_SHOWN]}")
        self.past.setdefault(name, {})[self.engine.version] = text, have
        if relation.rows != len(have):
            self._fail(name, outcome, f"it counts {relation.rows} rows and has {len(have)}")

    def _rows(self, text: str, read: Read | None = None) -> list[Any]:
        rows = self.engine.read(Query(text, (("d", read),) if read else ()))
        try:
            return rows.fetch()
        finally:
            rows.close()

    def history(self) -> None:
        """Read what was: a table at earlier versions, and the rows that came and went from the first to the last."""
        for name, versions in self.past.items():
            told = sorted(versions)
            for version in {told[0], told[len(told) // 2]}:
                self._compare_past(name, version)
            relation = self.engine.relations()[name]
            since = [v for v in told if v >= relation.built and versions[v][0] == versions[told[-1]][0]]
            if since:
                self._compare_change(name, relation, since[0], since[-1])

    def _compare_past(self, name: str, version: int) -> None:
        text, want = self.past[name][version]
        relation = self.engine.relation_at(name, version)
        if relation is None:
            raise DiffersError(f"{name}: it was there at version {version}, and is not known any more")
        have = self._rows(text.replace(f"from {name}", "from d"), Read(relation, "at", 0, version))
        extra, missing = difference(have, want)
        if extra or missing:
            raise DiffersError(f"{name} at version {version}: too many: {extra}\nmissing: {missing}\n{self.texts}")

    def _compare_change(self, name: str, relation: Relation, low: int, high: int) -> None:
        text, want = self.past[name][high]
        text = text.replace(f"from {name}", "from d")
        came, went = (self._rows(text, Read(relation, mode, low, high)) for mode in ("plus", "minus"))
        extra, missing = difference([*self.past[name][low][1], *came], [*want, *went])
        if extra or missing:
            what = f"came: {came}\nwent: {went}\ntoo many: {extra}\nmissing: {missing}"
            raise DiffersError(f"{name} from version {low} to {high}: {what}\n{self.texts}")

    def _fail(self, name: str, outcome: Outcome, what: str) -> None:
        step = outcome.steps.get(name)
        how = f" ({step.strategy}; {step.reason})" if step else ""
        raise DiffersError(f"step {self.number}, {name}{how}: {what}\n{self.texts.get(name, '')}")
