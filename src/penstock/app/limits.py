"""How long an answer may take, and how much memory: what the warehouse does for it is stopped then, or on request."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from penstock.base import memory
from penstock.base.errors import FatalError
from penstock.protocols.engine import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from typing import Self

    from penstock.protocols.engine import Rows

PAGE_HINT = (
    "choose a shorter period or fewer values; or make a table of what it computes; "
    'or give pages more time: page_limit = "2 minutes" in penstock.toml'
)
_SMALLER = "ask for fewer rows or shorter values; repeat(…), lpad(…) and range(…) make as much as a column says"
_AGAIN_SECONDS = 0.02
_LOOK_SECONDS = 0.05
_CURRENT: ContextVar[Question | None] = ContextVar("question", default=None)


class TooSlowError(StoppedError):
    """A question took longer than it may."""


class TooLargeError(StoppedError):
    """A question took more memory than there is for it."""


class Question:
    """A question on its way: it ends by itself, when its time or the memory is over, or when someone stops it.

    `hint` says what to do where its time was too short.
    """

    def __init__(self, seconds: float, hint: str = "ask for less, or give it more time") -> None:
        self.seconds = seconds
        self.too_slow = False
        self.too_large = False
        self.stopped = False
        self._hint = hint
        self._rows: Rows | None = None
        self._lock = threading.Lock()
        self._told = threading.Event()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._guard, name="question", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._rows = None
        self._ended.set()
        self._told.set()

    def _guard(self) -> None:
        """Wait for its end, and stop it when it has to be: again and again until it has ended.

        What stops a query that has not quite begun is lost on the engine; values that it is making go on being made.
        """
        most, (_, before) = memory.most(), memory.taken()
        most = max(most, before + memory.ROOM)
        end = time.monotonic() + self.seconds
        while not self._told.wait(max(min(_LOOK_SECONDS, end - time.monotonic()), 0)):
            self.too_slow = time.monotonic() >= end
            self.too_large = memory.taken()[1] > most
            if self.is_over:
                break
        with ExitStack() as brake:
            while not self._ended.wait(_AGAIN_SECONDS):
                with self._lock:
                    if self._rows is not None:
                        self._rows.stop()
                if memory.taken()[1] > most:
                    brake.enter_context(memory.BRAKE)
                    most = sys.maxsize

    @property
    def is_over(self) -> bool:
        """Whether its time or the memory is over, or someone stopped it."""
        return self.stopped or self.too_slow or self.too_large

    def reads(self, rows: Rows) -> Rows:
        """Take what is about to be read; raises where it was stopped before."""
        with self._lock:
            self._rows = rows
        if self.is_over:
            rows.close()
            raise self.error()
        return rows

    def stop(self) -> None:
        """Stop it, from any thread."""
        self.stopped = True
        self._told.set()

    def error(self) -> StoppedError:
        """Say why it was stopped."""
        if self.stopped or not self.is_over:
            return StoppedError("the query was stopped before it had ended")
        if self.too_large:
            share = f"{memory.SHARE:.0%} of the machine's memory"
            return TooLargeError(f"the query was stopped: with it the warehouse took {share}", hint=_SMALLER)
        return TooSlowError(f"this took longer than {_said(self.seconds)}, and was stopped", hint=self._hint)


def _said(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 or seconds % 60 else f"{seconds / 60:g} min"  # noqa: PLR2004


@contextmanager
def within(limit: timedelta | None, hint: str = PAGE_HINT) -> Iterator[Question | None]:
    """Let all that is read in it take so long together, and where that is too long raise `TooSlowError`.

    Within another one that one's time holds. None is for as long as it takes. It gives what stops it from elsewhere.
    """
    outer = _CURRENT.get()
    if outer is not None:
        with telling(outer):
            yield outer
        return
    if limit is None:
        yield None
        return
    with Question(limit.total_seconds(), hint) as question:
        token = _CURRENT.set(question)
        try:
            with telling(question):
                yield question
        finally:
            _CURRENT.reset(token)


@contextmanager
def telling(question: Question) -> Iterator[None]:
    """Raise what stopped a question in place of what the engine says of it."""
    try:
        yield
    except (StoppedError, FatalError, MemoryError, KeyboardInterrupt):  # Ctrl-C is none of its own
        if not question.is_over:
            raise
        raise question.error() from None


def limited(rows: Rows) -> Rows:
    """Return rows that are about to be read, which are stopped when the time that holds here is over."""
    question = _CURRENT.get()
    return rows if question is None else question.reads(rows)
