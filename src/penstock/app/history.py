"""Requests about the past: tables as they were, what changed in them, and the way back to an earlier definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app import requests
from penstock.model.relation import Query
from penstock.refresh.history import Pasts

if TYPE_CHECKING:
    from penstock.app.opened import App
    from penstock.model.relation import Read
    from penstock.protocols.engine import Rows
    from penstock.refresh.history import Point

_ALL = 2**62


def at(app: App, table: str, point: Point, limit: int = _ALL) -> Rows:
    """Return the first rows of a table as it was at a version or a time."""
    requests.check_table(app, table)
    return _rows(app, _pasts(app).at(table, point), limit)


def changes(app: App, table: str, low: Point, high: Point | None = None, limit: int = _ALL) -> Rows:
    """Return what came and went in a table after one version or time up to another, in the order of the versions."""
    requests.check_table(app, table)
    return _rows(app, _pasts(app).changes(table, low, high), limit, "order by 2, 1")


def history(app: App, table: str, limit: int = _ALL) -> Rows:
    """Return all rows that a table has and had, each with the times between which it was valid."""
    requests.check_table(app, table)
    return _rows(app, _pasts(app).history(table), limit)


def _pasts(app: App) -> Pasts:
    return Pasts(app.engine, app.clock)


def _rows(app: App, read: Read, limit: int, order: str = "") -> Rows:
    return app.engine.read(Query(f'select * from "@1" {order} limit {int(limit)}', (("@1", read),)))
