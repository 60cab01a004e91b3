"""What happens, told to every browser that listens: one ring of events, from which each reads at its own pace."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock.web.carry import encoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

KEPT = 2_000
MOST_LISTENERS = 200
BEAT_SECONDS = 15.0


class Hub:
    """Events with increasing numbers; whoever was away reads on where it left, as long as the ring has it.

    An id is `EPOCH-NUMBER`: the epoch is that of this process, so that the id of an earlier one is never mistaken.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.epoch = secrets.token_hex(4)
        self.last = 0
        self.closed = False
        self._ring: deque[tuple[int, bytes]] = deque(maxlen=kept)
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.came: Callable[[], None] = lambda: None

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def tell(self, kind: str, data: Any) -> None:
        """Tell an event, from any thread."""
        body = encoded(data).decode()
        with self._lock:
            self.last += 1
            text = f"id: {self.epoch}-{self.last}\nevent: {kind}\ndata: {body}\n\n"
            self._ring.append((self.last, text.encode()))
        self._wake()

    def close(self) -> None:
        """Let everyone who listens go."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiting = list(self._listeners.items())
        for event, loop in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def since(self, number: int) -> tuple[list[bytes], int, bool]:
        """Return the events after a number, the last one's number, and whether some in between are gone."""
        with self._lock:
            first = self._ring[0][0] if self._ring else self.last + 1
            return [text for at, text in self._ring if at > number], self.last, number + 1 < first

    def number_of(self, event_id: str) -> int | None:
        """Return the number of an id that this process gave, or None."""
        epoch, _, number = event_id.partition("-")
        known = epoch == self.epoch and number.isascii() and number.isdecimal() and len(number) < 19  # noqa: PLR2004
        return int(number) if known and int(number) <= self.last else None

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        with self._lock:
            self._listeners[event] = asyncio.get_running_loop()
        self.came()
        try:
            yield event
        finally:
            with self._lock:
                del self._listeners[event]

    async def listen(self, version: Callable[[], int], last_id: str = "") -> AsyncIterator[bytes]:
        """Give events as they come: first `hello`, then what was missed since `last_id`, then what happens.

        `hello` has the warehouse's version, and whether events were lost that cannot be given again.
        """
        with self._listening() as woken:
            known = self.number_of(last_id)
            number = self.last if known is None else known
            waiting, number, lost = self.since(number)
            yield self._hello(version(), lost or (bool(last_id) and known is None))
            while True:
                if waiting:
                    yield b"".join(waiting)
                ended = self.closed
                if not ended:
                    try:
                        await asyncio.wait_for(woken.wait(), BEAT_SECONDS)
                    except TimeoutError:
                        yield b": beat\n\n"
                    woken.clear()
                waiting, number, lost = self.since(number)
                if lost:
                    yield self._hello(version(), lost)
                if ended:
                    yield b"".join(waiting)
                    return

    def _hello(self, version: int, lost: bool) -> bytes:
        body = encoded({"version": version, "lost": lost}).decode()
        return f"retry: 1000\nid: {self.epoch}-{self.last}\nevent: hello\ndata: {body}\n\n".encode()
