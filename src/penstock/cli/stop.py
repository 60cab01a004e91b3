"""Ctrl-C: asked for gently first, and enforced where a library keeps the process from listening.

Python acts on a signal only between its own instructions, so a query that computes for an hour inside the engine
would hold Ctrl-C up for that hour. A thread hears of the signal at once. What it then cuts off is what a crash would
cut off, which the warehouse is made for: what was committed stays, the rest never was.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING

from penstock.cli import report
from penstock.cli.style import is_terminal

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_SAY_AFTER = 0.5
_END_AFTER = 3.0
_SHOW_CURSOR = "\x1b[?25h"


class Stop:
    """Listens for Ctrl-C while its body runs; `seen` tells whether there was one, `expected` that it is no trouble."""

    def __init__(self, how: report.How) -> None:
        self.seen = False
        self.expected = False
        self._how = how
        self._ends: tuple[int, int] | None = None
        self._before = -1
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._ends = os.pipe()
            os.set_blocking(self._ends[1], False)
            self._before = signal.set_wakeup_fd(self._ends[1], warn_on_full_buffer=False)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ends is not None:
            signal.set_wakeup_fd(self._before)
            os.close(self._ends[1])
            self._thread.join()
            os.close(self._ends[0])
            self._ends = None

    def _listen(self) -> None:
        """Wait for a first Ctrl-C; then for the body to end, for a second one, or for patience to end."""
        if self._hear(None) != "signal":
            return
        self.seen = True
        heard = self._hear(_SAY_AFTER)
        if heard == "silence":
            if not self._how.json:
                print("stopping; Ctrl-C again stops at once", file=sys.stderr, flush=True)
            heard = self._hear(_END_AFTER)
        if heard != "ended":
            self._end()

    def _hear(self, seconds: float | None) -> str:
        """Return what comes first: `signal`, the body has `ended`, or `silence` for so long."""
        assert self._ends is not None  # noqa: S101
        listening = self._ends[0]
        while select.select([listening], [], [], seconds)[0]:
            byte = os.read(listening, 1)
            if not byte:
                return "ended"
            if byte[0] == signal.SIGINT:
                return "signal"
        return "silence"

    def _end(self) -> None:
        if is_terminal(sys.stderr):
            sys.stderr.write(_SHOW_CURSOR)
        code = 0 if self.expected else report.interrupted(self._how)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
