"""Runs and checks as people read them: the finding, then trouble and what to do about it, then the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.app.finding import finding
from penstock.base import text
from penstock.base.cells import cell, clean
from penstock.cli import exact
from penstock.cli.grid import grid, room
from penstock.cli.report import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.cli.style import Paint
    from penstock.model.check import Verdict
    from penstock.model.run import Run, Step

_SAMPLES = 3
_RUN = ("id", "state", "started", "ended", "version", "command", "steps")
_ROLLED_BACK = "rolled back"
_STAGES = {"intake": "read", "table": "compute", "check": "check", "deliver": "deliver"}


def run(found: Run, verdicts: Sequence[Verdict], paint: Paint) -> Iterator[str]:
    """Tell of a run."""
    yield paint(finding(found, verdicts), "bold")
    yield from run_trouble(found, verdicts, paint)
    busy = [s for s in found.steps if s.state != "unchanged" or s.strategy == _ROLLED_BACK]
    if busy:
        yield ""
        yield from steps(busy, paint)
    quiet = len(found.steps) - len(busy)
    version = f", version {found.version:,}" if found.version is not None else ""
    unchanged = f", {text.plural(quiet, 'step')} with nothing new" if quiet else ""
    yield ""
    yield paint(f"run {clean(found.id)}{version}{unchanged}", "dim")


def run_trouble(found: Run, verdicts: Sequence[Verdict], paint: Paint) -> Iterator[str]:
    """Tell what went wrong in a run: failures, then checks, then rejected rows."""
    for step in found.failed:
        yield ""
        yield from failure(step.table, step.error or {}, paint)
    for verdict in sorted(verdicts, key=lambda v: v.state):
        if verdict.state != "passed":
            yield ""
            yield from check(verdict, paint)
    rejects = [s for s in found.steps if s.rejected]
    if rejects:
        counts = ", ".join(f"{text.plural(s.rejected, 'row')} of {clean(s.table)}" for s in rejects)
        yield ""
        yield _label("rejects", paint) + f"could not be loaded: {counts}"
        yield _under('why: penstock sql "select * from penstock.rejected where replayed is null"')
        table = clean(rejects[0].table)
        yield _under(f"declaration mended: penstock run {table}; the same again: penstock replay {table}")
    if found.state == "interrupted":
        yield ""
        yield _label("interrupted", paint) + "what was committed stays; penstock run goes on from there"


def failure(name: str, error: dict[str, Any], paint: Paint) -> Iterator[str]:
    """Tell of an error in a table, from its fields."""
    subject = str(error.get("subject", "failed"))
    first, *rest = said({**error, "subject": subject if subject.startswith(f"{name}: ") else f"{name}: {subject}"})
    yield _label("failed", paint) + first
    yield from map(_under, rest)


def check(verdict: Verdict, paint: Paint) -> Iterator[str]:
    """Tell of a check that fails or warns: how many rows, some of them, and how to see them all."""
    label = "fails" if verdict.state == "failed" else "warns"
    where = f"{verdict.check.where}: " if verdict.check.where else ""
    count = f" ({text.plural(verdict.failed, 'row')})"
    yield _label(label, paint) + clean(f"{where}{verdict.table}: {verdict.check.label}") + count
    for sample in verdict.samples[:_SAMPLES]:
        yield _under("such as " + ", ".join(f"{clean(name)} = {cell(value)}" for name, value in sample.items()))


def steps(found: Sequence[Step], paint: Paint) -> Iterator[str]:
    """Lay out steps as a table; a column that is empty for all is left out."""
    every: list[tuple[str, bool, list[str]]] = [
        ("table", False, [clean(s.table) for s in found]),
        ("step", False, [_STAGES.get(s.stage, s.stage) for s in found]),
        ("state", False, [s.state for s in found]),
        ("how", False, [clean(s.strategy) for s in found]),
        ("rows in", True, [_number(s.rows_in) for s in found]),
        ("added", True, [_number(s.added) for s in found]),
        ("removed", True, [_number(s.removed) for s in found]),
        ("rejected", True, [_number(s.rejected) for s in found]),
        ("bytes", True, [text.size(s.bytes_in) if s.bytes_in else "" for s in found]),
        ("time", True, [text.seconds(s.seconds) if s.state != "skipped" else "" for s in found]),
        ("why", False, [clean(s.reason) for s in found]),
    ]
    shown = [column for column in every if any(column[2])]
    body = list(zip(*(cells for _, _, cells in shown), strict=True))
    heads = [[name for name, _, _ in shown]]
    yield from grid(heads, body, [right for _, right, _ in shown], width=room(), indent="  ", paint=paint)


def run_shape(found: Run) -> dict[str, Any]:
    """Return a run as a JSON object; what only Penstock needs of it (who holds it) is left out."""
    return {name: exact.shape(getattr(found, name)) for name in _RUN}


def verdict_shape(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as a JSON object."""
    made = verdict.check
    return {
        "table": verdict.table,
        "check": made.text,
        "name": made.name,
        "severity": made.severity,
        "state": verdict.state,
        "failed": verdict.failed,
        "samples": exact.shape(verdict.samples),
        "seconds": exact.shape(verdict.seconds),
        "where": str(made.where) if made.where else None,
    }


def _number(count: int) -> str:
    return f"{count:,}" if count else ""


def _label(word: str, paint: Paint) -> str:
    return "  " + paint.state(f"{word:<8}") + " "


def _under(line: str) -> str:
    return " " * 11 + line
