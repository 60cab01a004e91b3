"""A process that lives long holds the warehouse, and lends it to the others: no command meets a lock meanwhile."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

from penstock.base.errors import FatalError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from penstock.app.opened import App
    from penstock.engines.duck import DuckEngine
    from penstock.engines.lent.lender import Lender
    from penstock.model.commit import Commit
    from penstock.run.events import Event


class Holder:
    """The warehouse is lent until this is stopped; what other processes are doing then is undone."""

    def __init__(self, engine: DuckEngine, lender: Lender) -> None:
        self._engine, self._lender = engine, lender

    def stop(self) -> None:
        """Lend it no longer; the app keeps it."""
        self._lender.stop()
        self._engine.on_commit = None

    def __enter__(self) -> Self:
        """Use it in a `with` statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


def is_lent(app: App) -> bool:
    """Tell whether another process holds the warehouse of an app, and lends it."""
    from penstock.engines.lent.borrowed import Borrowed

    return isinstance(app.engine, Borrowed)


def hold(app: App, *, on_commit: Callable[[Commit], None] | None = None) -> Holder:
    """Hold the warehouse of an app, and lend it to other processes of the same user over a private socket.

    `on_commit` is called after each commit, whoever made it, in the thread that did: it has to be quick. The app's
    `hear` hears of the runs of other processes, too. Raises `FatalError` where another process lends the warehouse
    already, `UnsupportedError` for one in memory, or where there are no Unix sockets.
    """
    from penstock.engines.lent.borrowed import Borrowed

    if not hasattr(socket, "AF_UNIX"):
        raise UnsupportedError("this system has no Unix sockets, over which a warehouse could be lent")
    if app.place is None:
        raise UnsupportedError("a warehouse in memory cannot be lent")
    engine = cast("DuckEngine | Borrowed", app.engine)
    if isinstance(engine, Borrowed):
        raise FatalError(
            f"the project is served already, by process {engine.pid}",
            where=str(app.root),
            hint="use that one, or stop it first",
        )
    from penstock.engines.duck.parcel import Parcel, pack
    from penstock.engines.lent.lender import Lender, Lent

    def tell(run: str, event: Event | None) -> None:
        if app.hear is not None:
            app.hear(run, event)

    lent = Lent(engine, engine.turns, app.place.warehouse, engine.scratch, pack, Parcel, tell)
    lender = Lender(lent, app.place.socket)
    engine.on_commit = on_commit
    return Holder(engine, lender)
