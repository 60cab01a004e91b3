"""What is shown while a run takes its time: a live picture on a terminal, or a line a step that ended."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.base import text
from penstock.cli.style import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from penstock.run.events import Event

_PATIENCE = 0.4
_WAIT = ("waiting", "")
_ANOTHER = "another run is under way"
_VERBS = {"intake": "reading", "table": "computing", "deliver": "delivering", "verify": "comparing"}


@dataclass
class _Going:
    """A step that has begun: what it is, since when, and how far it has come."""

    stage: str
    since: float
    rows: int = 0
    bytes: int = 0

    def words(self, now: float) -> tuple[str, str, str, str]:
        """Return what it does, rows, bytes and rate, as people read them."""
        rate = self.rows / max(now - self.since, 0.001)
        return (
            _VERBS.get(self.stage, self.stage),
            f"{self.rows:,} rows" if self.rows else "",
            text.size(self.bytes) if self.bytes else "",
            f"{rate:,.0f} rows/s" if self.rows else text.seconds(now - self.since),
        )


def listener(*, silent: bool) -> Silent | Lines | Live:
    """Return what listens to a run: nothing said on stdout is its doing."""
    if silent:
        return Silent()
    return Live() if is_terminal(sys.stderr) else Lines()


class Silent:
    """Says nothing."""

    def __enter__(self) -> Callable[[Event], None] | None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Lines:
    """Writes a line to stderr for each step that ended and did something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Hear of an event, from any thread."""
        if event.kind == "wait":
            print(f"waiting: {_ANOTHER}", file=sys.stderr)
        if event.kind == "note":
            print(f"{event.table}: {event.text}", file=sys.stderr)
        step = event.step
        if event.kind != "end" or step is None or step.state in ("unchanged", "skipped"):
            return
        parts = [f"{step.table}: {step.state}"]
        parts += [f"{text.plural(step.rows_in, 'row')} read"] if step.rows_in else []
        parts += [f"{step.added:,} added"] if step.added else []
        parts += [f"{step.removed:,} removed"] if step.removed else []
        parts += [f"{step.rejected:,} rejected"] if step.rejected else []
        with self._lock:
            print(", ".join([*parts, text.seconds(step.seconds)]), file=sys.stderr)


@dataclass
class Live:
    """Draws what is going on, on stderr, once it has taken longer than a person waits without wondering."""

    _going: dict[tuple[str, str], _Going] = field(default_factory=dict)
    _ended: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _timer: threading.Timer | None = None
    _live: Any = None

    def __enter__(self) -> Self:
        self._timer = threading.Timer(_PATIENCE, self._begin)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Hear of an event, from any thread."""
        key = (event.table, event.stage)
        with self._lock:
            self._going.pop(_WAIT, None)
            if event.kind == "wait":
                self._going[_WAIT] = _Going(_ANOTHER, time.monotonic())
                return
            if event.kind == "end":
                self._going.pop(key, None)
                self._ended += 1
                return
            going = self._going.setdefault(key, _Going(event.stage, time.monotonic()))
            going.rows = max(going.rows, event.rows)
            going.bytes = max(going.bytes, event.bytes)

    def _begin(self) -> None:
        from rich.console import Console
        from rich.live import Live as Drawn

        drawn = Drawn(
            console=Console(file=sys.stderr),
            get_renderable=self.picture,
            refresh_per_second=8,
            transient=True,
        )
        drawn.start()
        self._live = drawn

    def picture(self) -> Any:
        """Return what is going on now, for rich to draw."""
        from rich.table import Table
        from rich.text import Text

        from penstock.base.cells import clean

        now = time.monotonic()
        with self._lock:
            going = sorted(self._going.items(), key=lambda item: item[1].since)
            ended = self._ended
        drawn = Table.grid(padding=(0, 2))
        for justify in ("left", "left", "right", "right", "right"):
            drawn.add_column(justify=justify, no_wrap=True)
        for (table, _), one in going[:12]:
            drawn.add_row(*(Text(clean(word)) for word in (table, *one.words(now))))
        drawn.add_row(Text(f"{text.plural(ended, 'step')} done, {len(going):,} going on", style="dim"))
        return drawn
