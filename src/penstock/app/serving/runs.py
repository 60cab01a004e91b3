"""Runs as the web app shows them: a list, and one run with its steps, its checks and what happened when."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from penstock.app import requests
from penstock.app.serving import grids
from penstock.app.serving.missing import NoSuchError
from penstock.app.serving.shapes import CheckState, LogLine, RunPage, RunRow, StepRow
from penstock.base import text as words
from penstock.base.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from penstock.app.opened import App
    from penstock.model.check import Verdict
    from penstock.model.run import Note, Run, Step

_LOOKED_THROUGH = 1_000
_DOES = {"intake": "reading", "table": "computing", "deliver": "delivering", "check": "checking"}


def runs(app: App, limit: int, before: str = "", table: str = "", state: str = "") -> list[RunRow]:
    """Return runs, the newest first: those before a run, that touched a table, that ended in a state."""
    some = bool(before or table or state)
    found: list[RunRow] = []
    behind = not before
    for run in requests.runs(app, _LOOKED_THROUGH if some else limit):
        if not behind:
            behind = run.id == before
            continue
        if (table and all(step.table != table for step in run.steps)) or (state and run.state != state):
            continue
        found.append(run_row(run))
        if len(found) == limit:
            break
    return found


def page(app: App, run_id: str) -> RunPage:
    """Return all that is said of a run; raises `NoSuchError` for an unknown one."""
    try:
        run, verdicts = requests.run_detail(app, run_id)
    except ConfigError as error:
        raise NoSuchError.of(error) from None
    return RunPage(
        run_row(run),
        tuple(step_row(step) for step in run.steps),
        tuple(_check(run, verdict) for verdict in verdicts),
        tuple(sorted((*_logs(run, verdicts), *_said(run, requests.notes(app, run.id))), key=lambda line: line.at)),
    )


def step_row(step: Step) -> StepRow:
    """Return a step as it is shown."""
    return StepRow(
        step.table, step.stage, step.state, step.strategy, step.reason, step.added, step.removed, step.rejected,
        step.rows_in, step.bytes_in, step.seconds, step.began, step.error,
    )  # fmt: skip


def _check(run: Run, verdict: Verdict) -> CheckState:
    check = verdict.check
    return CheckState(
        verdict.table, check.label, check.text, check.severity, verdict.state, verdict.failed,
        grids.of_samples(verdict.samples), run.id, run.started,
    )  # fmt: skip


def _logs(run: Run, verdicts: Sequence[Verdict]) -> Iterator[LogLine]:
    """Tell what happened when, as far as it was noted."""
    yield LogLine(run.started, "info", f"the run began: {run.command}" if run.command else "the run began")
    for step in run.steps:
        yield from _of_step(run, step)
    ended = run.ended or run.started
    for verdict in verdicts:
        if verdict.state != "passed":
            level = "error" if verdict.state == "failed" else "warning"
            said = f"{verdict.table}: {words.plural(verdict.failed, 'row')} against {verdict.check.label}"
            yield LogLine(_end_of(run, verdict.table) or ended, level, said)
    if run.ended:
        level = "info" if run.state == "done" else "error"
        version = f", version {run.version:,}" if run.version is not None else ""
        yield LogLine(run.ended, level, f"the run ended: {run.state}{version}")


def _said(run: Run, notes: Sequence[Note]) -> Iterator[LogLine]:
    for note in notes:
        text = f"{note.table}: {note.text}" if note.table else note.text
        yield LogLine(run.started + timedelta(seconds=note.at), note.level, text)


def _of_step(run: Run, step: Step) -> Iterator[LogLine]:
    began = run.started + timedelta(seconds=step.began) if step.began is not None else None
    if began is not None and step.state != "skipped":
        yield LogLine(began, "info", f"{step.table}: {_DOES.get(step.stage, step.stage)} began")
    if step.state != "running":
        level = {"failed": "error", "interrupted": "error", "skipped": "warning"}.get(step.state, "info")
        yield LogLine(_end_of(run, step.table, step) or run.ended or run.started, level, _ended(step))


def _end_of(run: Run, table: str, step: Step | None = None) -> datetime | None:
    """Return when a step of a table ended, where it was noted when it began."""
    found = step or next((s for s in run.steps if s.table == table and s.began is not None), None)
    if found is None or found.began is None:
        return None
    return run.started + timedelta(seconds=found.began + found.seconds)


def _ended(step: Step) -> str:
    if step.state in ("failed", "interrupted", "skipped"):
        why = (step.error or {}).get("subject") or step.reason
        return f"{step.table}: {step.state}" + (f", {why}" if why else "")
    counts = ((step.rows_in, "in"), (step.added, "added"), (step.removed, "removed"), (step.rejected, "rejected"))
    said = [f"{many:,} {what}" for many, what in counts if many]
    how = f" by {step.strategy}" if step.strategy else ""
    return f"{step.table}: {step.state}{how}, {', '.join(said) or 'nothing new'}, {words.seconds(step.seconds)}"


def run_row(run: Run) -> RunRow:
    """Return a run as a row of a list."""
    own = [step for step in run.steps if step.stage != "deliver"]
    return RunRow(
        run.id,
        run.started,
        run.ended,
        (run.ended - run.started).total_seconds() if run.ended else None,
        run.state,
        run.command,
        run.version,
        len({step.table for step in own}),
        tuple(dict.fromkeys(step.table for step in run.failed)),
        sum(step.rows_in for step in own),
        sum(step.added for step in own),
        sum(step.removed for step in own),
        sum(step.rejected for step in own),
    )
