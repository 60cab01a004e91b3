"""Results as grids: columns and rows that JSON can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.app.serving.shapes import Grid, GridColumn
from penstock.base.exact import PLAIN, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.protocols.engine import Rows


def grid(found: Rows, limit: int, total: int | None = None) -> Grid:
    """Return at most `limit` rows of a result and close it."""
    try:
        columns = tuple(GridColumn(c.name, c.type) for c in found.schema)
        rows = found.fetch(limit + 1)
    finally:
        found.close()
    return Grid(columns, carried(columns, rows[:limit]), total, len(rows) > limit)


def carried(columns: Sequence[GridColumn], rows: Sequence[Sequence[Any]]) -> tuple[tuple[Any, ...], ...]:
    """Return rows as JSON can carry them; columns whose type goes in as it is are left as they are."""
    odd = [at for at, column in enumerate(columns) if column.type not in PLAIN]
    if not odd:
        return tuple(tuple(row) for row in rows)
    if len(odd) == len(columns):
        return tuple(tuple(map(value, row)) for row in rows)
    made = []
    for row in rows:
        cells = list(row)
        for at in odd:
            cells[at] = value(cells[at])
        made.append(tuple(cells))
    return tuple(made)


def of_samples(samples: Sequence[dict[str, object]]) -> Grid | None:
    """Return rows that were kept as mappings, or None where there are none; their types are not known any more."""
    if not samples:
        return None
    names = list(dict.fromkeys(name for sample in samples for name in sample))
    rows = tuple(tuple(value(sample.get(name)) for name in names) for sample in samples)
    return Grid(tuple(GridColumn(name, "varchar") for name in names), rows, None, False)
