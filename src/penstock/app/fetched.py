"""Queries of ours: read within the time that holds, or asked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.app.limits import limited

if TYPE_CHECKING:
    from penstock.app.opened import App
    from penstock.model.relation import Query
    from penstock.protocols.engine import Rows


def reading(app: App, query: Query) -> Rows:
    """Return the rows of a query, which are stopped when the time that holds here is over."""
    return limited(app.engine.read(query))


def fetched(app: App, query: Query) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    rows = reading(app, query)
    try:
        return rows.fetch()
    finally:
        rows.close()
