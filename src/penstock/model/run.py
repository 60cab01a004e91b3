"""Runs: attempts to bring tables up to date, and what happened in them."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any

from penstock.base.record import record


@record
class Step:
    """What one table or sink went through in a run.

    `stage` is `intake`, `table`, `check` or `deliver`; `state` is `running`, `done`, `unchanged`, `failed`,
    `skipped` or `interrupted`; `strategy` says how the rows were found. `error` has the fields of the error. `began` is
    how many seconds after the run it began, None where that was not noted.
    """

    table: str
    stage: str
    state: str
    strategy: str = ""
    reason: str = ""
    added: int = 0
    removed: int = 0
    rejected: int = 0
    rows_in: int = 0
    bytes_in: int = 0
    seconds: float = 0.0
    error: dict[str, Any] | None = None
    began: float | None = None


@record
class Note:
    """Something that a run says of itself: `at` is seconds after it began, `table` is empty where it is of none.

    `level` is `info` or `warning`.
    """

    at: float
    text: str
    table: str = ""
    level: str = "info"


@record
class Run:
    """One attempt: `state` is `running`, `done`, `failed` (something failed, the rest is in) or `interrupted`.

    `host` and `pid` name the process that holds it, `lease` until when it does unless it says so again.
    """

    id: str
    started: datetime
    state: str = "running"
    ended: datetime | None = None
    pid: int = 0
    command: str = ""
    version: int | None = None
    steps: tuple[Step, ...] = field(default_factory=tuple)
    host: str = ""
    lease: datetime | None = None

    @property
    def failed(self) -> tuple[Step, ...]:
        """The steps that failed."""
        return tuple(s for s in self.steps if s.state == "failed")
