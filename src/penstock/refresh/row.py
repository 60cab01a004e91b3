"""The only row of a query, read to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.model.relation import Query
    from penstock.protocols.engine import Engine, Txn


def only(reader: Engine | Txn, query: Query) -> tuple[Any, ...]:
    """Return the only row that a query gives."""
    rows = reader.read(query)
    try:
        return rows.fetch()[0]
    finally:
        rows.close()
