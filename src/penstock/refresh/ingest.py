"""Source into raw table: batches applied in transactions that also hold their positions and rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.shape import Shape

if TYPE_CHECKING:
    from penstock.model.position import Position
    from penstock.model.source import RawTable
    from penstock.protocols.engine import Engine, Reading
    from penstock.protocols.source import Batch


@record
class Portion:
    """A batch on its way in: its table and partition, and the batch made ready.

    `reading` is None where the pages of a snapshot are all held and only have to be published.
    """

    table: RawTable
    partition: str
    batch: Batch
    reading: Reading | None

    @property
    def position(self) -> Position:
        """The position after the last row of the batch."""
        return self.batch.position


def shape(table: RawTable) -> Shape:
    """Return what is done to a raw table's rows before the load."""
    return Shape(
        table.name,
        table.select,
        table.clean,
        table.columns,
        table.key,
        table.where.file if table.where else "",
        table.line,
        table.fingerprint,
    )


def after(table: RawTable, engine: Engine) -> dict[str, Position]:
    """Return the position to read on from, by partition; none where the definition changed: all is read again."""
    relation = engine.relations().get(table.name)
    if relation is not None and relation.fingerprint != table.fingerprint:
        return {}
    return {**engine.positions(table.name), **engine.held(table.name)}
