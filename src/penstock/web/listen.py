"""Listening: a free port, a server in a thread of its own, and an orderly end."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, PenstockError, UnsupportedError
from penstock.web.guard import LOOPBACK, token_of
from penstock.web.site import Settings, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.opened import App

PORT = 8642
_MORE_PORTS = 20
_ENDS_WITHIN = 2.0


class Serving:
    """A server that listens; `address` is where."""

    def __init__(self, site: Site, address: str, ended: threading.Event) -> None:
        self.site = site
        self.address = address
        self._ended = ended

    @property
    def url(self) -> str:
        """The address to open: with the token where one is asked for."""
        token = self.site.settings.token
        return f"{self.address}/?token={token}" if token else self.address

    def wait(self) -> None:
        """Wait until the server ends, which it does by itself only when it breaks, or until Ctrl-C."""
        self._ended.wait()  # an event: a thread whose join is interrupted counts as ended, on Python 3.11


@contextlib.contextmanager
def serving(app: App, port: int | None = None, host: str = "127.0.0.1") -> Iterator[Serving]:
    """Serve an open project while the body runs: at the port given, by default at the first free one from 8642 on.

    Anywhere but on this machine's own addresses a token is asked for. Raises `ConfigError` for an address that cannot
    be listened at.
    """
    import uvicorn

    from penstock.web.server import make
    from penstock.web.unheard import Server

    token = "" if host in LOOPBACK else token_of(app.state)
    listening = _bound(host, port)
    own = listening.getsockname()[1]
    site = Site(app, Settings(host, own, token, secrets.token_urlsafe(24)))
    config = uvicorn.Config(
        make(site),
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
    )
    try:
        held = _held(app, site)
    except PenstockError:
        listening.close()
        raise
    server = Server(config)
    threading.Thread(target=server.listen, args=(listening,), name="web", daemon=True).start()
    try:
        while not server.ready.wait(0.1):
            if server.ended.is_set():
                raise ConfigError("the server could not start", hint="its output above says why")
        yield Serving(site, f"http://{_shown(host)}:{own}", server.ended)
    finally:
        held.close()
        site.close()
        server.should_exit = True
        server.ended.wait(_ENDS_WITHIN)
        listening.close()
        app.hear = None
        site.wait(_ENDS_WITHIN)


def _held(app: App, site: Site) -> contextlib.ExitStack:
    """Lend the warehouse to other processes meanwhile, where that can be done; the server hears of every commit."""
    from penstock.app.holder import hold

    held = contextlib.ExitStack()
    with contextlib.suppress(UnsupportedError):
        held.enter_context(hold(app, on_commit=site.watch.committed))
    return held


def _bound(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens: at the port given, or at the first free one."""
    tried = [port] if port is not None else [*range(PORT, PORT + _MORE_PORTS), 0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    error: OSError | None = None
    for one in tried:
        # Said to be TCP, or asyncio lets each answer wait for the browser to confirm the one before: 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, one))
            listening.listen(128)
        except OSError as found:
            listening.close()
            error = found
            continue
        return listening
    said = error.strerror if error else "no port"
    hint = "choose another one with --port, or let it be chosen" if port else "choose one of this machine's addresses"
    raise ConfigError(f"cannot listen at {host}" + (f":{port}" if port else ""), got=str(said), hint=hint)


def _shown(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104  # the name by which others reach it
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
