"""Routes about runs: a list, one run, a new one, one once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app.serving import runs
from penstock.app.serving.shapes import RunPage, RunRow
from penstock.base.record import record
from penstock.web.route import AskError, Book, Call, number, text
from penstock.web.site import TakenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.project import Project

BOOK = Book()
_STATES = ("", "running", "done", "failed", "interrupted")


@record
class RunRows:
    """Runs, the newest first."""

    runs: tuple[RunRow, ...]


@record
class RunAsk:
    """Which tables to bring up to date; none named means all. `full` computes even what nothing has changed for."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    full: bool = False


@record
class RunStarted:
    """The id of a run that has begun."""

    run: str


@BOOK.get(
    "/runs",
    RunRows,
    number("limit", "Runs at most.", 50, 1, 1_000),
    text("before", "Only runs older than this one."),
    text("table", "Only runs that touched this table."),
    text("state", "Only runs that ended so.", choices=_STATES),
)
def list_runs(call: Call) -> RunRows:
    """The newest runs."""
    given = call.given
    return RunRows(tuple(runs.runs(call.site.app, given["limit"], given["before"], given["table"], given["state"])))


@BOOK.get("/runs/{id}", RunPage)
def get_run(call: Call) -> RunPage:
    """All that is said of one run."""
    return runs.page(call.site.app, call.path["id"])


@BOOK.post("/runs", RunStarted, RunAsk, status=202, errors=(409,))
def post_run(call: Call) -> RunStarted:
    """Begins a run."""
    ask: RunAsk = call.body
    for word in (*ask.select, *ask.exclude):
        if not word.strip() or "\0" in word:
            raise AskError("a table's name is empty", expected="names of tables, or none for all")
    words = [*ask.select, *(part for one in ask.exclude for part in ("--exclude", one))]
    command = " ".join(["web: run", *words, *(["--full"] if ask.full else [])])
    return RunStarted(call.site.start(ask.select, ask.exclude, full=ask.full, command=command))


@BOOK.post("/runs/{id}/retry", RunStarted, status=202, errors=(409,))
def post_run_retry(call: Call) -> RunStarted:
    """Begins a run of what failed in an earlier one, and of what waits for it."""
    page = runs.page(call.site.app, call.path["id"])
    select = list(_again(page, call.site.app.project))
    if not select:
        raise TakenError("nothing of that run can be tried again", hint="begin a run of all tables")
    command = f"web: retry {page.run.id}"
    return RunStarted(call.site.start(select, (), full=False, command=command))


def _again(page: RunPage, project: Project) -> Iterator[str]:
    """Give the tables of a run that did not end well, or whose delivery did not."""
    tables = dict.fromkeys(
        project.sinks[step.table].table if step.table in project.sinks else step.table
        for step in page.steps
        if step.state in ("failed", "skipped", "interrupted")
    )
    yield from (name for name in tables if name in project.order)
