"""How a project's warehouse is come by: borrowed from the process that serves it, or opened by oneself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from penstock.base.record import record

if TYPE_CHECKING:
    from pathlib import Path

    from penstock.base.clock import Clock
    from penstock.model.project import Project
    from penstock.protocols.engine import Engine

# Seconds after which a process that holds the warehouse is looked at anew: it may be about to lend it.
_LOOK = 0.25


@record
class Place:
    """Where a warehouse is lent, and which one it is."""

    socket: Path
    warehouse: str


def place_of(root: Path, state: Path, project: Project) -> Place | None:
    """Return where a project's warehouse is lent; None for one in memory."""
    address = project.warehouse.partition(":")[2]
    if address == ":memory:":
        return None
    env = project.env
    name = "serve.sock" if env == "default" else f"serve-{env}.sock"
    return Place(state / name, os.path.realpath(root / address))


def open_warehouse(path: Path | None, place: Place | None, wait: float, clock: Clock) -> Engine:
    """Borrow the warehouse, or open it; one in memory where there is no path.

    Waits up to `wait` seconds while another process holds it and does not lend it; raises `HeldError` then.
    """
    if path is None or place is None:
        from penstock.engines.duck import open_engine

        return open_engine(":memory:", clock=clock)
    until = clock.monotonic() + wait
    while True:
        stale = os.path.lexists(place.socket)
        if stale:
            found = _borrowed(place)
            if found is not None:
                return found
        from penstock.engines.duck import open_engine
        from penstock.engines.duck.errors import HeldError

        left = until - clock.monotonic()
        try:
            engine = open_engine(path, wait=max(min(left, _LOOK), 0.0), clock=clock)
        except HeldError:
            if left <= _LOOK:
                raise
            continue
        if stale:
            _forget(place)
        return engine


def _borrowed(place: Place) -> Engine | None:
    from penstock.engines.lent.borrowed import borrow

    return cast("Engine | None", borrow(place.socket, place.warehouse, _pack, _unpack))


def _forget(place: Place) -> None:
    """Remove the socket of a process that was killed; nobody lends what is open here."""
    from penstock.engines.lent import place as places

    end = places.reach(place.socket)
    if end is None:
        places.remove(place.socket)
    else:  # it lends another warehouse
        end.close()


def _pack(rows: object, path: Path) -> tuple[tuple[str, bool], ...]:
    from penstock.engines.duck.parcel import pack

    return pack(rows, path)


def _unpack(path: str, columns: tuple[tuple[str, bool], ...]) -> object:
    from penstock.engines.duck.parcel import Parcel

    return Parcel(path, columns)
