"""The first page: what fails or is late, in words; what is pinned; how fresh every table is; what happens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.app.pages import dashboards
from penstock.app.past import Past
from penstock.app.serving import tables
from penstock.app.serving.shapes import Activity, Link, TableRow, Trouble
from penstock.base.errors import ConfigErrors
from penstock.base.record import record
from penstock.base.text import plural
from penstock.model.page import PageInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.opened import App
    from penstock.base.errors import ConfigError

_HOUR = timedelta(hours=1)
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@record
class Home:
    """What the first page shows; `state` is `ok`, `warn` or `bad`."""

    headline: str
    detail: str
    state: str
    trouble: tuple[Trouble, ...]
    pinned: tuple[PageInfo, ...]
    freshness: tuple[TableRow, ...]
    activity: Activity


def home(app: App, mistakes: ConfigError | None = None) -> Home:
    """Return the first page; `mistakes` are those of files that changed since the project was loaded."""
    past = Past(app)
    rows = tables.rows(app, past)
    pages = dashboards.dashboards(app)
    trouble = (*_of_files(mistakes), *_of_tables(rows, past), *_of_sinks(app, past), *_of_pages(pages))
    trouble = tuple(sorted(trouble, key=lambda one: one.level != "bad"))
    state = "bad" if any(one.level == "bad" for one in trouble) else "warn" if trouble else "ok"
    return Home(
        headline(rows, trouble),
        _detail(rows, past, app),
        state,
        trouble,
        tuple(one for one in pages if one.pinned),
        tuple(sorted(rows, key=_by_freshness)),
        _activity(app, past),
    )


def headline(rows: Sequence[TableRow], trouble: Sequence[Trouble]) -> str:
    """Say in one line how everything stands, the worst first."""
    if not rows and not trouble:
        return "This project has no tables yet"
    kinds = [one.kind for one in trouble]
    said = [
        plural(kinds.count("page"), "file with mistakes", "files with mistakes"),
        plural(kinds.count("failed"), "failure"),
        plural(kinds.count("late"), "table is late", "tables are late"),
        plural(kinds.count("warned"), "check warns", "checks warn"),
        plural(sum(row.rejects for row in rows), "row was rejected", "rows were rejected"),
    ]
    said = [one for one in said if not one.startswith("0 ")]
    if said:
        return ", ".join(said)
    empty = sum(row.state == "empty" for row in rows)
    if empty == len(rows):
        return f"{plural(empty, 'table')}, none of them built yet"
    if empty:
        return f"{plural(empty, 'table was', 'tables were')} never built, the others are as they should be"
    return f"All {plural(len(rows), 'table')} are as they should be" if len(rows) > 1 else "The one table is fine"


def _detail(rows: Sequence[TableRow], past: Past, app: App) -> str:
    if not past.runs:
        return "Nothing has run yet"
    last = past.runs[0]
    ago = span((app.clock.now() - last.started).total_seconds())
    promised = [row for row in rows if row.fresh_seconds is not None]
    kept = sum(row.used is not None and row.used <= 1 for row in promised)
    fresh = f"; {kept:,} of {len(promised):,} promised freshnesses are kept" if promised else ""
    return f"The last run began {ago} ago and is {last.state}{fresh}"


def span(seconds: float) -> str:
    """Return a span of time in its largest unit.

    >>> span(7_300), span(0.2)
    ('2 hours', 'a moment')
    """
    for size, unit in _UNITS:
        if seconds >= size:
            return plural(int(seconds // size), unit)
    return "a moment"


def _by_freshness(row: TableRow) -> tuple[bool, float, str]:
    return (row.used is None, -(row.used or 0.0), row.name)


def _activity(app: App, past: Past) -> Activity:
    since = app.clock.now() - _HOUR
    recent = [run for run in past.runs if run.started >= since]
    came = sum(step.added for run in recent for step in run.steps if step.stage == "intake")
    return Activity(len(recent), sum(run.state == "failed" for run in recent), came)


# ── trouble ─────────────────────────────────────────────────────────────────────────────────────────────


def _of_files(mistakes: ConfigError | None) -> Iterator[Trouble]:
    """Tell of mistakes in files that changed; until they are mended, the definitions of before stay in force."""
    if mistakes is None:
        return
    for one in mistakes.errors if isinstance(mistakes, ConfigErrors) else (mistakes,):
        yield Trouble(
            "page", "bad", None, one.subject,
            "The project's files have a mistake; what was loaded before it stays in force",
            str(one.where) if one.where else None, one.expected or None, one.got or None, one.excerpt or None,
            one.hint or None,
        )  # fmt: skip


def _of_pages(pages: Sequence[PageInfo]) -> Iterator[Trouble]:
    for one in pages:
        if one.mistakes:
            yield Trouble(
                "page", "warn", None, f"the dashboard '{one.title}' has {plural(one.mistakes, 'mistake')}",
                "Each is shown in its place in the page", one.file,
                links=(Link("the page", f"/dashboards/{one.name}"),),
            )  # fmt: skip


def _of_tables(rows: Sequence[TableRow], past: Past) -> Iterator[Trouble]:
    for row in rows:
        if row.state == "failed":
            yield _failed(row, past)
        if row.used is not None and row.used > 1:
            yield _late(row)
        for label in row.warnings:
            yield Trouble(
                "warned", "warn", row.name, f"{row.name} breaks the check: {label}",
                "The check warns, and holds nothing up",
                links=(Link("its checks", f"/data/{row.name}#checks"),),
            )  # fmt: skip
        if row.rejects:
            yield Trouble(
                "rejects", "warn", row.name, f"{row.name}: {plural(row.rejects, 'row')} could not be loaded",
                "They are kept with their reason, and can be tried again",
                links=(Link("the rejected rows", f"/data/{row.name}#rejects"),),
            )  # fmt: skip


def _failed(row: TableRow, past: Past) -> Trouble:
    run, step = past.last[row.name]
    return of_error("failed", row.name, step.error or {}, (Link("the run", f"/runs/{run.id}"), _table(row.name)))


def of_error(kind: str, table: str, error: dict[str, Any], links: tuple[Link, ...]) -> Trouble:
    """Return an error, by its fields, as trouble of a table or sink."""

    def said(name: str) -> str | None:
        return str(error[name]) if error.get(name) else None

    return Trouble(
        kind, "bad", table, f"{table}: {error.get('subject', 'it failed')}", None, said("where"), said("expected"),
        said("got"), said("excerpt"), said("hint"), links,
    )  # fmt: skip


def _late(row: TableRow) -> Trouble:
    age, fresh = span(row.age_seconds or 0), span(row.fresh_seconds or 0)
    return Trouble(
        "late", "warn", row.name, f"{row.name} is late: {age} old, promised within {fresh}",
        "No run has looked for changes since", links=(_table(row.name), Link("runs", f"/runs?table={row.name}")),
    )  # fmt: skip


def _table(name: str) -> Link:
    return Link("the table", f"/data/{name}")


def _of_sinks(app: App, past: Past) -> Iterator[Trouble]:
    """Tell of deliveries that failed when they were last tried."""
    tried: set[str] = set()
    for run in past.runs:
        for step in run.steps:
            if step.stage != "deliver" or step.table in tried or step.state in ("running", "skipped"):
                continue
            tried.add(step.table)
            if step.state == "failed" and step.table in app.project.sinks:
                yield of_error("failed", step.table, step.error or {}, (Link("the run", f"/runs/{run.id}"),))
