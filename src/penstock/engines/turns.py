"""Turns: whoever changes a warehouse does so alone, and whoever waits for that can be called off."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Condition, get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Turns:
    """One turn at a time, for a thread or any other owner; who has it may take it again.

    >>> turns = Turns()
    >>> with turns.turn(), turns.turn():
    ...     turns.take("somebody else", wait=False)
    False
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._owner: object = None
        self._depth = 0

    @contextmanager
    def turn(self, waits: Callable[[], None] | None = None) -> Iterator[None]:
        """Have the turn while the body runs; `waits` is called first where somebody else has it."""
        who = get_ident()
        if not self.take(who, wait=False):
            if waits is not None:
                waits()
            self.take(who)
        try:
            yield
        finally:
            self.give(who)

    def take(self, who: object, *, wait: bool = True, stopped: Callable[[], bool] = bool) -> bool:
        """Take the turn, once it is free; tells whether it was had, which it is not once `stopped` says so."""
        with self._changed:
            while self._owner not in (None, who):
                if not wait or stopped():
                    return False
                self._changed.wait()
            self._owner = who
            self._depth += 1
            return True

    def give(self, who: object, *, wholly: bool = False) -> None:
        """Give back a turn, or all that `who` has."""
        with self._changed:
            if self._owner == who:
                self._depth = 0 if wholly else self._depth - 1
                if not self._depth:
                    self._owner = None
                    self._changed.notify_all()

    def look_again(self) -> None:
        """Let those who wait ask whether they are stopped."""
        with self._changed:
            self._changed.notify_all()
