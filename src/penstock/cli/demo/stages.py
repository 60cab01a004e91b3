"""How long each stage of the demo took, told from the events of its run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.base.clock import Clock
    from penstock.model.check import Verdict
    from penstock.run.events import Event

_NAMES = {"intake": "intake", "table": "tables", "deliver": "sinks"}


@dataclass
class Stopwatch:
    """Listens to a run, whose stages follow each other: one lasts until the next begins."""

    clock: Clock
    _began: dict[str, float] = field(default_factory=dict)
    _last: float = 0.0

    def __call__(self, event: Event) -> None:
        """Hear of an event, from any thread."""
        self._last = self.clock.monotonic()
        if event.kind == "start" and event.stage in _NAMES:
            self._began.setdefault(_NAMES[event.stage], self._last)

    def stages(self, verdicts: list[Verdict]) -> dict[str, float]:
        """Return the seconds of intake, tables, checks and sinks; the checks' are taken out of the tables'."""
        ends = [*list(self._began.values())[1:], self._last]
        took = {name: end - self._began[name] for name, end in zip(self._began, ends, strict=True)}
        checks = min(sum(verdict.seconds for verdict in verdicts), took.get("tables", 0.0))
        tables = took.get("tables", 0.0) - checks
        return {"intake": took.get("intake", 0.0), "tables": tables, "checks": checks, "sinks": took.get("sinks", 0.0)}
