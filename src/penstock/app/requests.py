"""One function for each thing that can be asked of a project."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.app import absent
from penstock.app.opened import App, open_project
from penstock.base.errors import ConfigError, ConfigErrors, PlanError
from penstock.base.text import did_you_mean
from penstock.model.relation import Query
from penstock.model.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.app.answers import Explained, Lineage, Planned, Replayed, TableStatus, UnitResult, Verified
    from penstock.app.past import Past
    from penstock.model.check import Verdict
    from penstock.model.relation import Relation
    from penstock.model.run import Note, Run, Step
    from penstock.protocols.engine import Rows
    from penstock.run.events import Event

__all__ = [
    "App", "check", "explain", "lineage", "notes", "open_project", "plan", "replay", "run", "run_detail", "runs",
    "show", "sql", "status", "test", "verify",
]  # fmt: skip


def run(
    app: App,
    select: Sequence[str] = (),
    *,
    exclude: Sequence[str] = (),
    listener: Callable[[Event], None] | None = None,
    full: bool = False,
    command: str = "",
    named: str = "",
) -> Run:
    """Bring tables up to date once; a failure is in the run that comes back, not raised. `named` gives it its id."""
    from penstock.run.runner import Order
    from penstock.run.runner import run as go

    tables = _selected(app, select, exclude)
    name = named or run_id(app)
    hear = app.hear or getattr(app.engine, "tell", None)  # whoever lends the warehouse wants to know, too
    if hear is None:
        return go(app.world(), Order(tables, name, full, command, listener))
    listener = told(hear, name, listener)
    try:
        return go(app.world(), Order(tables, name, full, command, listener))
    finally:
        hear(name, None)


def told(
    hear: Callable[[str, Event | None], None], run: str, listener: Callable[[Event], None] | None
) -> Callable[[Event], None]:
    """Return a listener that tells whoever hears of all runs, and then the one of this run."""

    def tell(event: Event) -> None:
        hear(run, event)
        if listener is not None:
            listener(event)

    return tell


def plan(app: App, select: Sequence[str] = (), *, exclude: Sequence[str] = ()) -> list[Planned]:
    """Return what a run would do and why; changes nothing."""
    from penstock.app.answers import Planned
    from penstock.refresh.cascade import due
    from penstock.refresh.rollback import HOW_ON, is_refused

    tables = _selected(app, select, exclude)
    relations, refused = app.engine.relations(), app.engine.refused()
    moving: set[str] = set()
    found: list[Planned] = []
    for item in app.project:
        if item.name not in tables:
            continue
        relation = relations.get(item.name)
        if isinstance(item, Table):
            held = refused.get(item.name, "")
            why = due(item, relation, relations, refused=held)
            above = sorted(set(item.parents) & moving)
            action = "nothing"
            if is_refused(item, relation, held):
                why = HOW_ON
            elif why:
                action = {"new": "build", "its definition changed": "rebuild"}.get(why, "refresh")
            elif above:
                action, why = "refresh", f"{', '.join(above)} may change"
            found.append(Planned(item.name, "python" if item.function else "sql", action, why or "up to date"))
        else:
            why = _why_read(relation, item.fingerprint)
            action = "read"
            found.append(Planned(item.name, "raw", action, why))
        if action != "nothing":
            moving.add(item.name)
    for name, sink in app.project.sinks.items():
        if sink.table in tables:
            action = "deliver" if sink.table in moving else "nothing"
            reason = f"{sink.table} may change" if action == "deliver" else f"{sink.table} is up to date"
            found.append(Planned(name, "sink", action, reason))
    return found


def _why_read(relation: Relation | None, fingerprint: str) -> str:
    if relation is None:
        return "new: reads all of its source"
    if relation.fingerprint != fingerprint:
        return "its definition changed: reads all of its source again"
    return "reads what is new in its source"


def sql(app: App, text: str) -> Rows:
    """Run one select on the warehouse; raises `PlanError` with the line and column of what is wrong."""
    try:
        return app.engine.read(asked(app, text))
    except PlanError as error:
        raise absent.explained(app, text, error) from error


def asked(app: App, text: str) -> Query:
    """Return what a user asks as a query: its metrics and its reads of the past found."""
    from penstock.refresh.history import Pasts, asked

    pasts = Pasts(app.engine, app.clock)
    if "metric" not in text.lower():
        return asked(pasts, text)
    from penstock.app.metrics import rewritten

    measured = rewritten(app, text)
    found = asked(pasts, measured.text)
    return replace(found, shown=text, made=measured.made) if measured.made else found


def show(app: App, table: str, limit: int = 20) -> Rows:
    """Return the first rows of a table."""
    absent.check_table(app, table)
    return app.engine.read(Query(f"select * from {_quoted(table)} limit {int(limit)}"))


_RUNS = 20  # how many are looked at for how tables stand


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def check(app: App, select: Sequence[str] = ()) -> list[Verdict]:
    """Run the checks of tables on what stands in the warehouse; raises what is wrong with their metrics first."""
    from penstock.refresh.checks import verify_table

    relations = app.engine.relations()
    tables = _selected(app, select)
    if app.project.metrics:
        from penstock.app.metrics import raise_mistakes

        raise_mistakes(app, tables)
    found: list[Verdict] = []
    for item in app.project:
        if item.name in tables and item.checks and item.name in relations:
            found += verify_table(item.checks, item.name, app.engine.read, measure=_measure(app))
    return found


def check_sources(app: App, select: Sequence[str] = ()) -> None:
    """Raise what the settings of sources cannot mean, all together; nothing is read."""
    from penstock.base.theirs import said, theirs

    tables, wrong = _selected(app, select), list[ConfigError]()
    for table in app.project.raw.values():
        if table.name not in tables:
            continue
        broken = f"the source of {table.name} broke"
        try:
            with theirs(lambda raised, why=broken: ConfigError(f"{why}: {said(raised)}")):  # type: ignore[misc]
                app.source(table).close()
        except ConfigError as error:
            wrong.append(error.placed(table.name, table.where))
    if wrong:
        raise wrong[0] if len(wrong) == 1 else ConfigErrors(wrong)


def _measure(app: App) -> Callable[[tuple[str, ...], str], str]:
    def measure(names: tuple[str, ...], _: str) -> str:
        from penstock.analyse.metrics import known
        from penstock.plan.metrics.known import measured

        return measured(names, known(app.project, app.engine))

    return measure


def test(app: App, select: Sequence[str] = ()) -> list[UnitResult]:  # noqa: PT028
    """Run the unit tests of tables, each on rows of its own in a warehouse of its own."""
    from penstock.engines.duck import open_engine
    from penstock.refresh.units import run_units

    tables = _selected(app, select)
    units = [u for u in app.project.units if u.table in tables]
    schemas = {name: relation.schema for name, relation in app.engine.relations().items()}
    return run_units(app.project, units, lambda: open_engine(":memory:"), app.function, schemas=schemas)


def explain(app: App, table: str) -> Explained:
    """Return how a table is kept fresh, and why; runs and changes nothing."""
    from penstock.app.explain import explained

    return explained(app, table)


def verify(
    app: App, select: Sequence[str] = (), *, rows: int = 5, listener: Callable[[Event], None] | None = None
) -> list[Verified]:
    """Recompute tables in full and compare, with at most so many rows of a difference; holds nobody up."""
    from penstock.engines.duck import open_engine
    from penstock.model.run import Step
    from penstock.refresh.verify import Verifier
    from penstock.run.events import Event

    tables = _selected(app, select)
    verifier = Verifier(app.engine, app.project, app.function, lambda: open_engine(":memory:"), app.clock, rows)
    tell = listener or (lambda _: None)
    found = []
    for item in app.project:
        if item.name in tables:
            tell(Event("start", item.name, "verify"))
            one = verifier.table(item)
            found.append(one)
            tell(Event("end", item.name, "verify", Step(item.name, "verify", one.state, seconds=one.seconds)))
    return found


def lineage(app: App, table: str) -> Lineage:
    """Return what a table reads and what reads it, tables and sinks."""
    from penstock.app.answers import Lineage
    from penstock.plan import lineage as lines

    return Lineage(*_lineage_parts(lines, app, table))


def _lineage_parts(lines: Any, app: App, table: str) -> tuple[Any, ...]:
    found = lines.lineage(app.project, table)
    return (found.table, found.upstream, found.downstream, found.edges, found.kinds)


def status(app: App, past: Past | None = None) -> list[TableStatus]:
    """Return how every table stands; its `past` is read from the journal where it is not given."""
    from penstock.app.answers import TableStatus
    from penstock.app.past import Past

    past = past or Past(app, _RUNS)

    relations, rejects = app.engine.relations(), app.engine.rejects()
    times = {c.version: c.at for c in app.engine.commits()}
    refused = app.engine.refused()
    warned = _warnings(past)
    found = []
    for item in app.project:
        relation, step = relations.get(item.name), past.last[item.name][1] if item.name in past.last else None
        kind = "raw" if not isinstance(item, Table) else "python" if item.function else "sql"
        warnings = warned.get(item.name, ())
        found.append(
            TableStatus(
                item.name,
                kind,
                _state(relation, item.fingerprint, step, warnings, refused.get(item.name)),
                relation.rows if relation else 0,
                relation.changed if relation else 0,
                times.get(relation.changed) if relation else None,
                item.fresh.total_seconds() if item.fresh else None,
                rejects.get(item.name, 0),
                step.error if step and step.state == "failed" else None,
                warnings,
            )
        )
    return found


def _state(
    relation: Relation | None, fingerprint: str, step: Step | None, warnings: Sequence[str], refused: str | None
) -> str:
    if step is not None and step.state == "failed":
        return "failed"
    if relation is None:
        return "empty"
    if relation.fingerprint != fingerprint:
        return "rolled back" if refused == fingerprint else "changed"
    return "warned" if warnings else "ok"


def _warnings(past: Past) -> dict[str, tuple[str, ...]]:
    """Return the checks of each table that warned when they last ran."""
    found: dict[str, tuple[str, ...]] = {}
    for (table, label), (_, verdict) in past.verdicts().items():
        if verdict.state == "warned":
            found[table] = (*found.get(table, ()), label)
    return found


def runs(app: App, limit: int = 20) -> list[Run]:
    """Return the newest runs, newest first; runs that a crash left behind are marked as such first."""
    _repair(app)
    return list(app.journal.runs(limit))


def run_detail(app: App, run_id: str) -> tuple[Run, list[Verdict]]:
    """Return one run, by its id or the beginning of it, and how its checks ended."""
    _repair(app)
    found = app.journal.find(run_id)
    if found is None:
        raise ConfigError(f"no run '{run_id}'", hint=did_you_mean(run_id, (r.id for r in app.journal.runs(20))))
    return found, list(app.journal.checks(found.id))


def notes(app: App, run: str) -> list[Note]:
    """Return what a run said of itself beside its steps: that a source was tried again, and why."""
    return list(app.journal.notes(run))


def _repair(app: App) -> None:
    """Mark runs left behind by a crash, where there are any and the warehouse is free."""
    if app.journal.unfinished():
        from penstock.engines.duck.errors import HeldError
        from penstock.run.runner import repair

        try:
            repair(app.world())
        except HeldError:  # the run is on its way in the process that holds the warehouse
            return


def replay(app: App, table: str, *, command: str = "") -> Replayed:
    """Try the rejected rows of a raw table again, and refresh what depends on it; all in one version."""
    from penstock.app.answers import Replayed
    from penstock.run.replay import replay as go

    if table not in app.project.raw:
        raise ConfigError(f"no raw table '{table}'", hint=did_you_mean(table, app.project.raw))
    tried, loaded, rejected = go(app.world(), app.project.raw[table], run_id(app), command)
    return Replayed(table, tried, loaded, rejected)


def _selected(app: App, select: Sequence[str], exclude: Sequence[str] = ()) -> frozenset[str]:
    if not select and not exclude:
        return frozenset(app.project.order)
    from penstock.plan.select import select as find

    return find(app.project, select, exclude)


def chosen(app: App, select: Sequence[str], exclude: Sequence[str] = ()) -> frozenset[str]:
    """Return the tables that words choose; raises `ConfigError` for a word that chooses nothing."""
    return _selected(app, select, exclude)


def run_id(app: App) -> str:
    """Return an id for a run that begins now."""
    import uuid

    return f"{app.clock.now():%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
