"""How long an answer may take: what the warehouse does for it is stopped when its time is over, or on request."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

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
_AGAIN_SECONDS = 0.02
_CURRENT: ContextVar[Question | None] = ContextVar("question", default=None)


class TooSlowError(StoppedError):
    """A question took longer than it may."""


class Question:
    """A question on its way: it ends by itself, when its time is over, or when someone stops it.

    `hint` says what to do where its time was too short.
    """

    def __init__(self, seconds: float, hint: str = "ask for less, or give it more time") -> None:
        self.seconds = seconds
        self.too_slow = False
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
        """Wait for its end, and stop it when its time is over or someone says so: again and again until it has ended.

        What stops a query that has not quite begun is lost on the engine.
        """
        if not self._told.wait(self.seconds):
            self.too_slow = True
        while not self._ended.wait(_AGAIN_SECONDS):
            with self._lock:
                if self._rows is not None:
                    self._rows.stop()

    @property
    def is_over(self) -> bool:
        """Whether its time is over, or someone stopped it."""
        return self.stopped or self.too_slow

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
        if not self.too_slow or self.stopped:
            return StoppedError("the query was stopped before it had ended")
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
        with _telling(outer):
            yield outer
        return
    if limit is None:
        yield None
        return
    with Question(limit.total_seconds(), hint) as question:
        token = _CURRENT.set(question)
        try:
            with _telling(question):
                yield question
        finally:
            _CURRENT.reset(token)


@contextmanager
def _telling(question: Question) -> Iterator[None]:
    try:
        yield
    except (StoppedError, KeyboardInterrupt):  # Ctrl-C is none of its own
        if not question.is_over:
            raise
        raise question.error() from None


def limited(rows: Rows) -> Rows:
    """Return rows that are about to be read, which are stopped when the time that holds here is over."""
    question = _CURRENT.get()
    return rows if question is None else question.reads(rows)
