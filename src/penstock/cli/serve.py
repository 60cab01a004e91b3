"""The verb `serve`: the web app of a project, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from penstock.cli.call import Call, emit, flush, verb, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.requests import App
    from penstock.web.listen import Serving

LOCAL = "127.0.0.1"


@verb(
    click.Option(
        ["--port"], type=click.IntRange(0, 65535), metavar="N", help="By default the first free from 8642 on."
    ),
    click.Option(
        ["--host"],
        default=LOCAL,
        metavar="H",
        help="The address to listen at; beyond this machine a token is asked for.",
    ),
    click.Option(["--open", "opens"], is_flag=True, help="Open it in the browser."),
    examples=[
        ("penstock serve", "the web app, for this machine only"),
        ("penstock serve --open", "and open it in the browser"),
        ("penstock serve --host 0.0.0.0 --port 8080", "for others, who need the printed token"),
    ],
)
def serve(call: Call, port: int | None, host: str, opens: bool) -> int:
    """Serve the project's web app and API until Ctrl-C.

    While it serves, it holds the warehouse; other calls of penstock go through it.
    """
    with call.open() as app:
        stay(call, app, port, host, opens=opens)
    return 0


def stay(call: Call, app: App, port: int | None = None, host: str = LOCAL, *, opens: bool = False) -> None:
    """Serve an open project and say where, until Ctrl-C or a request to end: either is how this ends well."""
    with interruptible(call), serving(app, port, host) as made:
        if call.json:
            emit({"serving": {"address": made.address, "url": made.url}})
        elif not call.quiet:
            write(told(made, app.project.name, call))
        flush()
        if opens:
            show(made.url)
        made.wait()


def told(made: Serving, name: str, call: Call) -> Iterator[str]:
    """Say where a project is served."""
    yield call.paint(f"{name} is at {made.url}", "bold")
    if made.site.settings.token:
        yield "whoever has this address can read the project and run it; the token is in .penstock/token"
    yield call.paint("Ctrl-C ends it", "dim")


@contextmanager
def serving(app: App, port: int | None = None, host: str = LOCAL) -> Iterator[Serving]:
    """Serve an open project while the body runs, to other calls of penstock as well."""
    from penstock.web.listen import serving as listen

    with listen(app, port, host) as made:
        yield made


@contextmanager
def interruptible(call: Call) -> Iterator[None]:
    """Let Ctrl-C, and a request to end, end the body and nothing more."""
    if call.stop is not None:
        call.stop.expected = True
    before = signal.getsignal(signal.SIGTERM)
    mine = threading.current_thread() is threading.main_thread()
    if mine:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        if mine:
            signal.signal(signal.SIGTERM, before)


def show(url: str, err: TextIO = sys.stderr) -> None:
    """Open an address in the browser, or say that there is none."""
    import webbrowser

    if not webbrowser.open(url):
        print(f"no browser was found: open {url}", file=err)
