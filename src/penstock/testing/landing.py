"""What the warehouse makes of a batch: the real engine parses it, and nothing is kept."""

from __future__ import annotations

import atexit
import tempfile
from functools import cache
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.model.project import Project
from penstock.model.relation import Query
from penstock.model.shape import Shape
from penstock.protocols.engine import Replay

if TYPE_CHECKING:
    from penstock.model.schema import Schema
    from penstock.model.source import RawTable
    from penstock.protocols.engine import Engine, Txn
    from penstock.protocols.source import Batch

_ATTEMPTS = 3


@record
class Landed:
    """A batch as the warehouse sees it: columns, rows, and the rejects as (place, row, reason)."""

    schema: Schema
    rows: list[dict[str, Any]]
    rejects: list[tuple[str, str, str]]


@cache
def engine() -> Engine:
    """Return a warehouse in memory, closed when the process ends."""
    from penstock.app.opened import App

    app = App(Project("testing", tempfile.mkdtemp(prefix="penstock-"), warehouse="duckdb::memory:"))
    atexit.register(app.close)
    return app.engine


def landed(batch: Batch, table: RawTable, partition: str = "") -> Landed:
    """Parse a batch as an intake would, in a transaction that is rolled back."""
    shape = Shape(table.name, table.select, table.clean, table.columns, table.key)
    reading = engine().prepare(batch, shape, partition)
    try:
        for _ in range(_ATTEMPTS):
            txn = engine().begin()
            try:
                return _look(txn, batch, txn.stage(reading, shape, partition).name, table, partition)
            except Replay:
                continue
            finally:
                txn.rollback()
        raise AssertionError("the engine asked for the same batch again and again")
    finally:
        reading.close()


def _look(txn: Txn, batch: Batch, stage: str, table: RawTable, partition: str) -> Landed:
    if batch.rejects:
        txn.reject(table.name, partition, batch.rejects)
    rejects = txn.read(Query("select position, row, reason from penstock.rejected order by id"))
    told = [(str(place), str(row), str(reason)) for place, row, reason in rejects.fetch()]
    rejects.close()
    found = txn.read(Query(f"select * from {stage}")) if _exists(txn, stage) else None
    if found is None:
        return Landed(batch.schema or _nothing(), [], told)
    schema = found.schema
    rows = [dict(zip(schema.names, row, strict=True)) for row in found.fetch()]
    found.close()
    return Landed(schema, rows, told)


def _exists(txn: Txn, stage: str) -> bool:
    """Tell whether a batch left a stage: one without any bytes leaves none."""
    found = txn.read(Query(f"select count(*) from duckdb_tables() where table_name = '{stage}'"))
    (count,) = found.fetch()[0]
    found.close()
    return bool(count)


def _nothing() -> Schema:
    from penstock.model.schema import Schema

    return Schema()
