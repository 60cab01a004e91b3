"""uvicorn's server in a thread: it leaves signals to whoever started it, and tells when it listens."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator


class Server(uvicorn.Server):
    """A server for a thread; `ready` is set once it listens, `ended` when it does no more."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self.ended = threading.Event()

    def listen(self, listening: socket.socket) -> None:
        """Serve until told to end."""
        try:
            self.run([listening])
        finally:
            self.ended.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell that it did."""
        await super().startup(sockets)
        if self.started:
            self.ready.set()
