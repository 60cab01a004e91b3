"""What a run tells while it goes, to whoever shows its progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from penstock.base.record import record
from penstock.model.run import Step


@record
class Event:
    """Something happened to a table or sink.

    `kind` is `start`, `progress` or `end`; `stage` is that of `Step`; `step` says how it ended and is None
    before. `wait` is told once, of no table, where another run has to end first; `note` has a `text`, such as that a
    source is tried again. `rows` and `bytes` count what came in so far.
    """

    kind: str
    table: str
    stage: str
    step: Step | None = None
    rows: int = 0
    bytes: int = 0
    text: str = ""


Listener: TypeAlias = Callable[[Event], None]
