"""The recent past of a project, read from its journal once for all that is said of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from penstock.app.opened import App
    from penstock.model.check import Verdict
    from penstock.model.run import Run, Step

RUNS = 60
_ENDED = ("done", "unchanged", "failed")


class Past:
    """The newest runs, and what the steps and checks in them say of each table."""

    def __init__(self, app: App, runs: int = RUNS) -> None:
        self._journal = app.journal
        self.runs: Sequence[Run] = app.journal.runs(runs)
        self.last: dict[str, tuple[Run, Step]] = {}
        self.good: dict[str, tuple[Run, Step]] = {}
        self.running: set[str] = set()
        for run in self.runs:
            for step in run.steps:
                self._take(run, step)

    def _take(self, run: Run, step: Step) -> None:
        if step.stage == "deliver":
            return
        if step.state == "running" and run.state == "running":
            self.running.add(step.table)
        if step.state in _ENDED:
            self.last.setdefault(step.table, (run, step))
        if step.state in ("done", "unchanged"):
            self.good.setdefault(step.table, (run, step))

    def verdicts(self) -> dict[tuple[str, str], tuple[Run, Verdict]]:
        """Return how each check of each table ended when it last ran, by table and label."""
        found: dict[tuple[str, str], tuple[Run, Verdict]] = {}
        for run in self.runs:
            for verdict in self._journal.checks(run.id):
                found.setdefault((verdict.table, verdict.check.label), (run, verdict))
        return found


def checked(run: Run, step: Step) -> datetime:
    """Return when a step looked for changes: what came later is not in."""
    return run.started + timedelta(seconds=step.began or 0.0)
