"""The one line that says what came of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base import text as words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.check import Verdict
    from penstock.model.run import Run

# States of a step, the later the worse; of a table's several steps the worst counts.
_WORSE = ("unchanged", "done", "running", "skipped", "interrupted", "failed")
_BAD = ("failed", "interrupted", "skipped")


def finding(run: Run, verdicts: Sequence[Verdict] = ()) -> str:
    """Say in one line what came of a run, trouble first.

    >>> from datetime import UTC, datetime
    >>> from penstock.model.run import Run
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> finding(Run("r1", start, "done", start))
    'nothing to do, 0 ms'
    """
    tables: dict[str, str] = {}
    for step in run.steps:
        if step.stage != "deliver":
            tables[step.table] = max(tables.get(step.table, _WORSE[0]), step.state, key=_WORSE.index)
    states = list(tables.values())
    good = states.count("done") + states.count("unchanged")
    said: list[str] = []
    for many, state in (*((states.count(bad), bad) for bad in _BAD), (good, "up to date")):
        if many:
            said.append(f"{many:,} {state}" if said else f"{words.plural(many, 'table')} {state}")
    undelivered = sum(s.stage == "deliver" and s.state == "failed" for s in run.steps)
    if undelivered:
        said.insert("failed" in states, words.plural(undelivered, "delivery failed", "deliveries failed"))
    ends = [v.state for v in verdicts]
    more = (
        (ends.count("failed"), "check fails", "checks fail"),
        (ends.count("warned"), "check warns", "checks warn"),
        (sum(s.rejected for s in run.steps), "row rejected", "rows rejected"),
    )
    said += [words.plural(many, *forms) for many, *forms in more if many]
    if run.state in ("interrupted", "running"):
        said.insert(0, run.state)
    elif all(s.state == "unchanged" for s in run.steps):
        said.append("nothing new" if said else "nothing to do")
    took = [words.seconds((run.ended - run.started).total_seconds())] if run.ended else []
    return ", ".join([*said, *took])
