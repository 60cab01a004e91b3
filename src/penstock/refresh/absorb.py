"""A portion absorbed: what its rows change in the raw table, by their kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.errors import FatalError, PlanError
from penstock.base.text import did_you_mean
from penstock.model.change import Change, Staged
from penstock.model.relation import Query
from penstock.model.step import Compare, Compute, Conform, Dedupe, Found, Remove, Upsert
from penstock.protocols.engine import Target
from penstock.protocols.source import Kind
from penstock.refresh.ingest import shape

if TYPE_CHECKING:
    from penstock.model.relation import Relation
    from penstock.model.source import RawTable
    from penstock.protocols.engine import Txn
    from penstock.protocols.source import Batch
    from penstock.refresh.ingest import Portion


def hold(txn: Txn, portion: Portion) -> None:
    """Keep a page of a snapshot until the rest is there."""
    assert portion.reading is not None  # noqa: S101
    if portion.batch.restart:
        txn.held(portion.table.name, portion.partition)
    txn.hold(portion.reading, shape(portion.table), portion.partition, portion.position)
    _refuse_rejects(txn, portion.batch, portion)


def absorb(txn: Txn, portion: Portion, relation: Relation | None) -> tuple[Change | None, int]:
    """Compute what a portion changes in its raw table, and count the rows that came in, rejected ones too.

    There is no change where it brings no rows and no columns.
    """
    before = txn.rejected()
    change, rows = _absorbed(txn, portion, relation)
    return change, rows + txn.rejected() - before


def _absorbed(txn: Txn, portion: Portion, relation: Relation | None) -> tuple[Change | None, int]:
    table, kind = portion.table, portion.batch.kind
    current = relation if relation is not None and relation.fingerprint == table.fingerprint else None
    if kind is Kind.SNAPSHOT and portion.reading is not None:
        txn.outdated(table.name, portion.partition)
    _refuse_rejects(txn, portion.batch, portion)
    if portion.reading is not None and kind is Kind.APPEND:
        target = Target(table.name, current, table.fingerprint, table.key)
        change = txn.load(portion.reading, shape(table), portion.partition, target)
        return (change, change.added) if change.relation.physical else (None, 0)
    staged = _staged(txn, portion)
    if staged is None or not len(staged.schema):
        return _emptied(txn, portion, current), 0
    return _changed(txn, portion, staged, current), staged.rows


def _refuse_rejects(txn: Txn, batch: Batch, portion: Portion) -> None:
    if batch.rejects:
        txn.reject(portion.table.name, portion.partition, batch.rejects)


def _staged(txn: Txn, portion: Portion) -> Staged | None:
    if portion.batch.kind is Kind.SNAPSHOT:
        held = txn.held(portion.table.name, portion.partition)
        if portion.reading is None:
            return held
    assert portion.reading is not None  # noqa: S101
    return txn.stage(portion.reading, shape(portion.table), portion.partition)


def _emptied(txn: Txn, portion: Portion, current: Relation | None) -> Change | None:
    """Return the change of a snapshot without any row: everything of its partition is gone."""
    if current is None or portion.batch.kind is not Kind.SNAPSHOT or not current.rows:
        return None
    nothing = txn.run(Compute(Query(f"select {_columns(current)} from {_quoted(current.name)} limit 0")))
    assert isinstance(nothing, Staged)  # noqa: S101
    change = txn.run(Compare(current, nothing.name, (), portion.partition))
    assert isinstance(change, Change)  # noqa: S101
    return change


def declares(table: RawTable) -> bool:
    """Tell whether a raw table can be made before it has a row: its declaration says its columns."""
    said = table.columns
    return said is not None and not table.select and all(said.find(column) for column in table.key)


def declared(txn: Txn, table: RawTable) -> Change:
    """Return a table without rows, of the columns that its declaration says."""
    columns = ", ".join(f"cast(null as {one.type}) as {_column(one.name)}" for one in table.columns or ())
    staged = txn.run(Compute(Query(f"select {columns} limit 0")))
    assert isinstance(staged, Staged)  # noqa: S101
    change = txn.run(Found(table.name, staged.name, staged.schema, table.fingerprint, table.key, True, ""))
    assert isinstance(change, Change)  # noqa: S101
    return change


def _columns(relation: Relation) -> str:
    return ", ".join(_column(name) for name in relation.schema.names)


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


def _changed(txn: Txn, portion: Portion, staged: Staged, current: Relation | None) -> Change:
    table, key = portion.table, portion.table.key
    name = staged.name
    _has_cursor(table, staged, current)
    if key and portion.batch.kind is not Kind.DELETE:
        deduped = txn.run(Dedupe(name, key, table.cursor))
        assert isinstance(deduped, Staged)  # noqa: S101
        name = deduped.name
    deleting = portion.batch.kind is Kind.DELETE
    if current is None and deleting:
        raise FatalError("rows to delete came before any others", where=table.name)
    # What never had a row takes its types from the first ones; as long as none come, it stays as it is.
    begins = current is not None and not current.rows and (staged.rows or staged.schema != current.schema)
    if current is None or (begins and not deleting):
        step = Found(table.name, name, staged.schema, table.fingerprint, key, True, portion.partition)
        change = txn.run(step)
    else:
        change = _against(txn, portion, name, staged, current)
    assert isinstance(change, Change)  # noqa: S101
    return change


def _has_cursor(table: RawTable, staged: Staged, current: Relation | None) -> None:
    """Raise where neither the rows nor the table have the cursor; a select may leave out what the source knows."""
    schema = current.schema if current is not None else staged.schema
    if table.cursor and not table.select and not (schema.find(table.cursor) or staged.schema.find(table.cursor)):
        raise PlanError(
            f"the cursor names the column '{table.cursor}', which the table has not",
            where=table.at("cursor") or table.name, hint=did_you_mean(table.cursor, schema.names),
        )  # fmt: skip


def _against(txn: Txn, portion: Portion, name: str, staged: Staged, current: Relation) -> Change | Staged:
    key, kind = portion.table.key, portion.batch.kind
    if kind is Kind.DELETE:
        return txn.run(Remove(current, name, key))
    grown = txn.evolve(current, replace(staged, name=name))
    conformed = txn.run(Conform(grown, name))
    if kind is Kind.SNAPSHOT:
        return txn.run(Compare(grown, conformed.name, key, portion.partition))  # type: ignore[union-attr]
    if not key:
        raise PlanError(
            "rows that replace earlier ones need a key", where=portion.table.where or portion.table.name,
            hint='add key = "…" to the source',
        )  # fmt: skip
    return txn.run(Upsert(grown, conformed.name, key, portion.partition))  # type: ignore[union-attr]
