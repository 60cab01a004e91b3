"""A query of ours, asked at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.app.opened import App
    from penstock.model.relation import Query


def fetched(app: App, query: Query) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    rows = app.engine.read(query)
    try:
        return rows.fetch()
    finally:
        rows.close()
