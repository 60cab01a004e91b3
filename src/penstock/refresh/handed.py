"""What a Python table's function is handed: its inputs, whole or in part, in the form that it asks for."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.model import handover
from penstock.model.names import split
from penstock.model.relation import Query, Read, Relation
from penstock.model.table import Input

if TYPE_CHECKING:
    from penstock.protocols.engine import Txn


@record
class Part:
    """Rows of an input, fit for a `from`, and what the names in it read."""

    rows: str
    reads: tuple[tuple[str, Read], ...]


def whole(relation: Relation) -> Part:
    """Return all rows of a table."""
    name = ".".join('"' + part.replace('"', '""') + '"' for part in split(relation.name))
    return Part(name, ((relation.name, Read(relation)),))


def handed(one: Input, relation: Relation, part: Part, txn: Txn, opened: ExitStack) -> Any:
    """Return rows of an input in the form that is asked for, read to their end: an open stream blocks the transaction.

    A relation of the engine's own is read as it is used, and closed with `opened`.
    """
    if one.form == "relation":
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in relation.schema.names)
    else:
        columns = handover.select(relation.schema, polars=one.form == "polars")
    rows = txn.read(Query(f"select {columns} from {part.rows}", part.reads))
    if one.form == "relation":
        opened.callback(rows.close)
        return rows.native()
    from arro3.core import Table as ArrowTable

    try:
        table = handover.plain(ArrowTable.from_arrow(rows))
    finally:
        rows.close()
    if one.form == "polars":
        return handover.to_polars(table)
    if one.form == "pandas":
        return handover.to_pandas(table)
    return iter(table.to_batches()) if one.form == "batches" else table
