"""Steps carried out: each kind of step has its function here."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PlanError
from penstock.engines.duck import keys, landing, strategies
from penstock.engines.duck.errors import translated
from penstock.engines.duck.intake import columns_of
from penstock.engines.duck.reads import matching
from penstock.engines.duck.words import ident, idents, literal, one, schema_of, stored
from penstock.model.change import Change, Staged
from penstock.model.names import HIDDEN, is_hidden
from penstock.model.relation import Relation, Within
from penstock.model.schema import Schema, cast
from penstock.model.step import (
    Build,
    Compare,
    Compute,
    Conform,
    Dedupe,
    Extend,
    Found,
    Receive,
    Remove,
    Replace,
    Swap,
    Take,
    Upsert,
)
from penstock.protocols.engine import Target

if TYPE_CHECKING:
    from penstock.engines.duck.desk import Desk


def run(desk: Desk, step: Any) -> Staged | Change:
    """Carry out a step."""
    query = step.query if isinstance(step, (Build, Compute)) else None
    desk.hands.fit(_rows_read(step, desk))
    with translated(query, 1):
        if query is not None:
            desk.catalog.make_known(desk.con, query.text)
        return _run(step, desk)


def _rows_read(step: Any, desk: Desk) -> int:
    """Return how many rows a step may read, at most; stages are taken to be small."""
    if isinstance(step, Compute) and not step.described and not step.query.reads:
        return 0  # a query over stages
    if isinstance(step, (Build, Compute)):
        return desk.reading_rows(step.query)
    relation = getattr(step, "relation", None)
    return relation.rows if isinstance(relation, Relation) else 0


@singledispatch
def _run(step: Any, _txn: Desk) -> Staged | Change:
    raise PlanError(f"the engine knows no step {type(step).__name__}")


_UNTYPED = '"NULL"'
_FEW = 100_000  # rows of which it is soon told whether two are equal, which is dear to allow for


@_run.register(Build)
def _build(step: Build, desk: Desk) -> Change:
    name = desk.new_storage(step.name)
    text = desk.text(step.query)
    hidden = desk.hidden(False, "")
    rows = desk.created(stored(name), f"create table {stored(name)} as select *, {hidden} from (\n{text}\n)")
    whole = _without_hidden(_typed(desk, stored(name), among_blocks=is_hidden(step.name)), step.name)
    schema, further = whole, Schema()
    if step.hidden:
        schema = Schema(whole.columns[: -len(step.hidden)])
        further = Schema(whole.columns[-len(step.hidden) :])
    desk.state.next_rid += rows
    relation = Relation(
        step.name, schema, step.fingerprint, name, step.key, False, desk.version, desk.version, desk.version, rows,
        hidden=further, layout=step.layout, parts=step.parts,
    )  # fmt: skip
    keys.unique(desk, step.name, stored(name), step.key, schema)
    return Change(relation, rows, 0, after=f"select {idents(schema.names)} from {stored(name)}", built=True)


def _typed(desk: Desk, table: str, *, among_blocks: bool) -> Schema:
    """Return the columns of a new table; those that have no type, `null as x`, become text.

    Among the blocks of a query they stay as they are: there a null can still become whatever it stands beside.
    """
    made = desk.con.sql(f"from {table}")
    schema = schema_of(made.columns, made.types)
    schema = schema if among_blocks else schema.settled
    for column, kind in zip(schema, made.types, strict=True):
        if _UNTYPED in str(kind) and column.type != "null":
            desk.con.execute(f"alter table {table} alter column {ident(column.name)} type {column.type}")
    return schema


def _without_hidden(schema: Schema, table: str) -> Schema:
    """Return a new table's columns without ours; a column of the user's with such a name was renamed by DuckDB."""
    clash = [
        c.name for c in schema if c.name.lower().rstrip("0123456789_") in HIDDEN and c.name not in ("_rid", "_seq")
    ]
    plain = tuple(c for c in schema if c.name.lower() not in ("_rid", "_seq"))
    names = [c.name.lower() for c in schema]
    if clash or names.count("_rid") > 1 or len(plain) != len(schema) - 2:
        raise PlanError(
            f"the column name '{(clash or ['_rid'])[0]}' is reserved",
            where=table,
            hint="give it another name",
        )
    if not plain:
        raise PlanError("the table has no columns", where=table)
    return replace(schema, columns=plain)


@_run.register(Compute)
def _compute(step: Compute, desk: Desk) -> Staged:
    text = desk.text(step.query)
    if step.numbered == "all":
        text = f"select *, {desk.next_id} as _rid from (\n{text}\n)"
    elif step.numbered:
        text = f"select * replace ({desk.numbered()} as _rid) from (\n{text}\n)"
    name, rows = desk.put(text)
    if step.numbered:
        desk.state.next_rid += rows
        desk.state.numbered.add(name)
    schema = columns_of(desk.con, name).settled if step.described else Schema()
    return Staged(name, schema, rows)


@_run.register(Receive)
def _receive(step: Receive, desk: Desk) -> Staged:
    name = desk.new_stage()
    view = f"received_{name}"
    desk.show(view, step.rows)
    columns = "*"
    if step.schema is not None:
        columns = ", ".join(f"{cast(ident(c.name), c.type)} as {ident(c.name)}" for c in step.schema)
    _, rows = desk.put(f"select {columns} from {view}", name)
    return Staged(name, columns_of(desk.con, name), rows)


@_run.register(Dedupe)
def _dedupe(step: Dedupe, desk: Desk) -> Staged:
    keys.has_key("", step.key, columns_of(desk.con, step.stage))
    twice = f"select 1 from {step.stage} group by {idents(step.key)} having count(*) > 1 limit 1"
    if one(desk.con.execute(twice)) is None:
        return Staged(step.stage, columns_of(desk.con, step.stage), desk.rows(step.stage))
    name, rows = desk.put(strategies.last_wins(step.stage, step.key, step.order))
    return Staged(name, columns_of(desk.con, name), rows)


@_run.register(Conform)
def _conform(step: Conform, desk: Desk) -> Staged:
    schema = columns_of(desk.con, step.stage)
    wanted = step.relation.schema
    if schema == wanted:
        return Staged(step.stage, schema, desk.rows(step.stage))
    columns = ", ".join(
        f"{cast(ident(c.name) if schema.find(c.name) else 'null', c.type)} as {ident(c.name)}" for c in wanted
    )
    name, rows = desk.put(f"select {columns} from {step.stage}")
    return Staged(name, wanted, rows)


@_run.register(Found)
def _found(step: Found, desk: Desk) -> Change:
    for column in step.schema:
        if column.name.lower() in HIDDEN:
            raise PlanError(
                f"the column name '{column.name}' is reserved", where=step.name, hint="give it another name"
            )
    if step.key:
        keys.unique(desk, step.name, step.stage, step.key, step.schema)
    into = Target(step.name, None, step.fingerprint, step.key)
    return landing.found(desk, step.stage, step.schema, into, step.partition, partitioned=step.partitioned)


@_run.register(Compare)
def _compare(step: Compare, desk: Desk) -> Change:
    relation = step.relation
    if step.key:
        keys.unique(desk, relation.name, step.stage, step.key, relation.schema)
    where = further = ""
    if step.partition is not None and relation.partitioned:
        where = f" where l._part = {literal(step.partition)}"
        if step.key:  # what was of another part, and is of this one now
            equal = " and ".join(f"s.{ident(k)} = l.{ident(k)}" for k in step.key)  # never null, and found by ranges
            moved = f"semi join {step.stage} s on {equal} where l._part <> {literal(step.partition)}"
            further = f"({_live(relation)} {moved})"
    old = f"({_live(relation)}{where})"
    rows = strategies.Rows(step.stage, old, step.key, bool(step.key), step.partition is None, further)
    return _difference(desk, relation, rows, step.partition or "")


@_run.register(Upsert)
def _upsert(step: Upsert, desk: Desk) -> Change:
    old, _ = _old(desk, step.relation, (Within(step.key, step.stage, step.key),))
    return _difference(desk, step.relation, strategies.Rows(step.stage, old, step.key, True), step.partition)


@_run.register(Replace)
def _replace(step: Replace, desk: Desk) -> Change:
    if step.old is None:
        old = f"({_live(step.relation)})"
    else:
        old = step.old if isinstance(step.old, str) else _old(desk, step.relation, step.old)[0]
    rows = strategies.Rows(step.stage, old, step.by, step.unique, step.loose)
    return keys.still_unique(desk, _difference(desk, step.relation, rows, ""), step.by, step.unique)


def _live(relation: Relation) -> str:
    names = (*relation.whole.names, *strategies.hidden_of(relation))
    return f"select {idents(names, 'l.')}, l.rowid as _row from {stored(relation.physical)} l"


@_run.register(Take)
def _take(step: Take, desk: Desk) -> Staged:
    name, rows = _old(desk, step.relation, step.within)
    return Staged(name, step.relation.whole, rows)


@_run.register(Swap)
def _swap(step: Swap, desk: Desk) -> Change:
    relation = step.relation
    came, went = step.came if step.added else "", step.went if step.removed else ""
    shown = f"(select {idents(relation.schema.names)} from {step.came})"
    after = _after(relation, came, went)
    ids = step.came in desk.state.numbered
    change = Change(
        relation, step.added, step.removed, came or None, went or None, after, keeps=True, ids=ids, shown=shown
    )
    return keys.still_unique(desk, change, step.by, step.unique)


def _old(desk: Desk, relation: Relation, within: tuple[Within, ...]) -> tuple[str, int]:
    """Stage the rows of a relation that are within stages; returns the stage and how many they are."""
    return desk.put(f"{_live(relation)} {matching(within, desk.has_nulls)}")


def _difference(desk: Desk, relation: Relation, rows: strategies.Rows, partition: str) -> Change:
    """Stage what comes and what goes where some rows take the place of others."""
    went = desk.new_stage()
    few = relation.rows <= _FEW and not (rows.unique or rows.by)
    if few and one(desk.con.execute(strategies.twins(relation, rows))) is None:
        rows = replace(rows, by=relation.whole.names, unique=True)
    plus, minus = strategies.difference(relation, rows, went)
    _, removed = desk.put(minus, went)
    came, added = desk.put(f"select * replace ({desk.numbered()} as _rid) from ({plus})")
    desk.state.next_rid += added
    after = _after(relation, came if added else "", went if removed else "")
    shown = f"(select {idents(relation.schema.names)} from {came})"
    parts = (came if added else None, went if removed else None)
    return Change(relation, added, removed, *parts, after, partition, keeps=True, ids=True, shown=shown)


def _after(relation: Relation, came: str, went: str) -> str:
    """Return the query of a table as it would be after a change."""
    names = idents(relation.schema.names)
    after = f"select {names} from {stored(relation.physical)}"
    if went:
        after += f" where _rid not in (select _rid from {went})"
    return f"{after} union all select {names} from {came}" if came else after


@_run.register(Remove)
def _remove(step: Remove, desk: Desk) -> Change:
    went, removed = desk.put(strategies.remove(step, step.stage))
    after = _after(step.relation, "", went if removed else "")
    return Change(step.relation, 0, removed, None, went if removed else None, after)


@_run.register(Extend)
def _extend(step: Extend, desk: Desk) -> Change:
    came = step.stage if step.rows else ""
    after = _after(step.relation, came, "")
    shown = f"(select {idents(step.relation.schema.names)} from {came})"
    ids = step.stage in desk.state.numbered
    change = Change(step.relation, step.rows, 0, came or None, after=after, keeps=ids, ids=ids, shown=shown)
    return keys.still_unique(desk, change)
