"""How a batch lands: parsed by the intake instance, carried over as Arrow, its rejects noted with it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.engines.duck.errors import translate
from penstock.engines.duck.intake import columns_of
from penstock.engines.duck.layout import read_schema, write_schema
from penstock.engines.duck.words import SYSTEM, ident, idents, literal, one, stored
from penstock.model.change import Change, Staged
from penstock.model.relation import Query, Relation
from penstock.model.schema import Schema, widen
from penstock.protocols.engine import Replay, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.engines.duck.desk import Desk
    from penstock.engines.duck.intake import Reading
    from penstock.model.schema import Column


@contextmanager
def _crossing(
    desk: Desk, reading: Reading, have: Schema | None, required: tuple[str, ...] = ()
) -> Iterator[tuple[str, Schema]]:
    """Give a batch as a view of the warehouse instance, with its columns; note its rejects afterwards."""
    opened = reading.open(have, required)
    if opened.rows is None:
        _note_opened(desk, reading, opened.rejects)
        yield "", Schema()
        return
    view = f"crossing_{desk.new_stage()}"
    try:
        desk.show(view, opened.rows)
        schema = opened.schema if len(opened.schema) else columns_of(desk.con, view)
        yield view, schema.settled
    except duckdb.Error as error:
        if reading.failed():
            raise Replay from error
        query = Query(reading.shape.select, file=reading.shape.file, line=reading.shape.line)
        raise translate(error, query, 1, reading.shape.table) from error
    reading.verify()
    _note_opened(desk, reading, opened.rejects)


def _note_opened(desk: Desk, reading: Reading, rejects: Any) -> None:
    if rejects is not None:
        note_rejects(desk, reading.shape.table, reading.partition, rejects)


def note_rejects(desk: Desk, source: str, partition: str, rejects: Any) -> None:
    """Write rejects, given as a stream or as rows of (place, row, reason)."""
    begin = f"insert into {SYSTEM}.rejected select"
    number = f"coalesce((select max(id) from {SYSTEM}.rejected), 0) + row_number() over ()"
    who = f"{literal(source)}, {literal(partition)}"
    end = f"{desk.version}, null"
    if isinstance(rejects, list):
        if not rejects:
            return
        lists = [[r[at] for r in rejects] for at in range(3)]
        parts = "select unnest(?::varchar[]) as place, unnest(?::varchar[]) as row, unnest(?::varchar[]) as reason"
        desk.con.execute(f"{begin} {number}, {who}, place, row, reason, {end} from ({parts})", lists)
        desk.state.rejected += len(rejects)
        return
    view = f"rejects_{desk.new_stage()}"
    desk.show(view, rejects)
    done = one(desk.con.execute(f"{begin} {number}, {who}, place, row, reason, {end} from {view}"))
    desk.state.rejected += int(done[0]) if done else 0


def stage(desk: Desk, reading: Reading) -> Staged:
    """Parse a batch into a stage, through the user's `select` where there is one."""
    required = reading.shape.required
    have = _known(desk, reading) if not reading.shape.select else None
    name = desk.new_stage()
    before = required if not reading.shape.select else ()
    with _crossing(desk, reading, have, before) as (view, schema):
        if not view:
            return Staged(name, Schema(), 0, reading.partition)
        desk.put(f"select {_casts(schema)} from {view}", name)
        if reading.shape.select:
            _select(desk, reading, name)
        desk.state.sizes[name] -= _without_key(desk, reading, name)
        desk.state.nulls[name, tuple(required)] = False  # where one of its columns lacks, nobody will ask
    return Staged(name, columns_of(desk.con, name), desk.rows(name), reading.partition)


def _known(desk: Desk, reading: Reading) -> Schema | None:
    """Return the columns that the table of a batch has, if it has rows that the same definition loaded."""
    present, wanted = desk.current(reading.shape.table), reading.shape.fingerprint
    same = present is not None and present.rows and wanted in ("", present.fingerprint)
    return present.schema if present is not None and same else None


def _select(desk: Desk, reading: Reading, name: str) -> None:
    """Run the user's `select` over the staged rows as `batch`; the outcome takes the stage's place."""
    desk.catalog.make_known(desk.con, reading.shape.select)
    desk.con.execute(f"create or replace temp view batch as select * from {name}")
    _, rows = desk.put(reading.shape.select, f"{name}_selected")
    desk.con.execute(f"drop view batch; drop table {name}; alter table {name}_selected rename to {name}")
    desk.state.sizes[name] = rows


def _without_key(desk: Desk, reading: Reading, name: str) -> int:
    """Move staged rows whose key is null to the rejects, in the source's own form where it can be had."""
    schema = columns_of(desk.con, name)
    there = [c for c in reading.shape.required if schema.find(c) is not None]
    if not there:
        return 0
    null = " or ".join(f"{ident(c)} is null" for c in there)
    if one(desk.con.execute(f"select 1 from {name} where {null} limit 1")) is None:
        return 0
    if not reading.shape.select and reading.failed():
        raise Replay
    reason = f"the key ({', '.join(there)}) is null"
    rows = desk.con.execute(f"select to_json({name})::varchar from {name} where {null}").fetchall()
    note_rejects(desk, reading.shape.table, reading.partition, [(reading.partition, row[0], reason) for row in rows])
    desk.con.execute(f"delete from {name} where {null}")
    return len(rows)


def _casts(schema: Schema) -> str:
    """Return every column, cast to its exact type where Arrow may have lost it."""
    return ", ".join(f"cast({ident(c.name)} as {c.type}) as {ident(c.name)}" for c in schema)


def load(desk: Desk, reading: Reading, into: Target) -> Change:
    """Parse a batch straight into a table that only grows, or into new storage."""
    if reading.shape.select:
        return _from_stage(desk, stage(desk, reading), reading.partition, into)
    relation = into.relation if into.relation is not None and into.relation.rows else None
    with _crossing(desk, reading, relation.schema if relation else None) as (view, schema):
        if not view:
            return Change(into.relation or Relation(into.name, Schema(), into.fingerprint, ""), 0, 0)
        if relation is None:
            return found(desk, view, schema, into, reading.partition)
        rows = _seen(desk, relation.schema, view, schema)
        grown = desk.evolve(relation, Staged(rows, schema, 0, reading.partition))
        return _grow(desk, grown, rows, schema, reading.partition)


def _seen(desk: Desk, have: Schema, rows: str, schema: Schema) -> str:
    """Return rows so that they can be read twice, where their types alone do not say whether they fit."""
    pairs = ((have.find(column.name), column) for column in schema)
    mixed = any(one is not None and widen(one.type, other.type) is None for one, other in pairs)
    return desk.put(f"select {_casts(schema)} from {rows}")[0] if mixed else rows


def _from_stage(desk: Desk, staged: Staged, partition: str, into: Target) -> Change:
    if not len(staged.schema):
        return Change(into.relation or Relation(into.name, Schema(), into.fingerprint, ""), 0, 0)
    if into.relation is None or not into.relation.rows:
        return found(desk, staged.name, staged.schema, into, partition)
    return _grow(desk, desk.evolve(into.relation, staged), staged.name, staged.schema, partition)


def found(desk: Desk, rows: str, schema: Schema, into: Target, partition: str, *, partitioned: bool = True) -> Change:
    """Make new storage from a view or stage."""
    name = desk.new_storage(into.name)
    count = _count(
        desk,
        f"create table {stored(name)} as select {_casts(schema)}, {desk.hidden(partitioned, partition)} from {rows}",
    )
    desk.state.next_rid += count
    now = desk.version
    relation = Relation(into.name, schema, into.fingerprint, name, into.key, partitioned, now, now, now, count)
    after = f"select {idents(schema.names)} from {stored(name)}"
    return Change(relation, count, 0, after=after, partition=partition, built=True)


def _grow(desk: Desk, relation: Relation, rows: str, schema: Schema, partition: str) -> Change:
    live = stored(relation.physical)
    there = [c for c in relation.schema if schema.find(c.name) is not None]
    casts = "".join(f"cast({ident(c.name)} as {c.type}), " for c in there)
    names = "".join(f"{ident(c.name)}, " for c in there)
    count = _count(
        desk,
        f"insert into {live} ({names}{desk.hidden_names(relation.partitioned)}) "
        f"select {casts}{desk.hidden(relation.partitioned, partition)} from {rows}",
    )
    desk.state.next_rid += count
    after = f"select {idents(relation.schema.names)} from {live}"
    came = f"select {idents(relation.schema.names)} from {live} where _rid >= {desk.state.next_rid - count}"
    return Change(relation, count, 0, plus=f"({came})", after=after, partition=partition, in_place=True)


def outdated(desk: Desk, source: str, partition: str) -> None:
    """Close the rejects of a partition whose rows are about to be replaced as a whole."""
    desk.con.execute(
        f"update {SYSTEM}.rejected set replayed = {desk.version} "
        "where source = ? and partition = ? and replayed is null",
        [source, partition],
    )


def hold(desk: Desk, reading: Reading, position: str) -> int:
    """Keep a page of a snapshot until all of it is there; one without rows moves the position, too."""
    source, partition = reading.shape.table, reading.partition
    row = one(
        desk.con.execute(
            f"select physical, columns, rows from {SYSTEM}.pages where source = ? and partition = ?",
            [source, partition],
        )
    )
    pages = Relation(source, read_schema(row[1]), "", row[0], rows=int(row[2])) if row and row[0] else None
    if row is None:
        outdated(desk, source, partition)
    grown = _staged_page(desk, reading, pages) if reading.shape.select else _page(desk, reading, pages)
    kept = grown or pages or Relation(source, Schema(), "", "")
    desk.con.execute(f"delete from {SYSTEM}.pages where source = ? and partition = ?", [source, partition])
    desk.con.execute(
        f"insert into {SYSTEM}.pages values (?, ?, ?, ?, ?, ?)",
        [source, partition, position, write_schema(kept.schema), kept.rows, kept.physical],
    )
    return kept.rows


def _page(desk: Desk, reading: Reading, pages: Relation | None) -> Relation | None:
    """Let a page cross straight into the storage of the pages."""
    have = pages.schema if pages else _known(desk, reading)
    with _crossing(desk, reading, have, reading.shape.required) as (view, schema):
        return _kept(desk, reading, pages, view, schema) if view else None


def _staged_page(desk: Desk, reading: Reading, pages: Relation | None) -> Relation | None:
    staged = stage(desk, reading)
    return _kept(desk, reading, pages, staged.name, staged.schema) if len(staged.schema) else None


def _kept(desk: Desk, reading: Reading, pages: Relation | None, rows: str, schema: Schema) -> Relation:
    """Add rows to the storage of the pages, made now where there is none."""
    if pages is None:
        name = desk.new_storage(f"{reading.shape.table}#pages")
        count = _count(desk, f"create table {stored(name)} as select {_casts(schema)} from {rows}")
        pages = Relation(reading.shape.table, schema, "", name)
    else:
        rows = _seen(desk, pages.schema, rows, schema)
        pages = replace(pages, schema=_held_schema(desk, pages, rows, schema))
        count = _count(desk, f"insert into {stored(pages.physical)} by name select {_casts(schema)} from {rows}")
    count -= _without_key(desk, reading, stored(pages.physical))
    return replace(pages, rows=pages.rows + count)


def _held_schema(desk: Desk, pages: Relation, rows: str, schema: Schema) -> Schema:
    grown = pages.schema
    for column in schema:
        have = pages.schema.find(column.name)
        kind = widen(have.type, column.type) or _either(desk, pages, have, rows, column) if have else column.type
        if have is None or kind != have.type:
            what = f"alter column {ident(have.name)} type {kind}" if have else f"add column {ident(column.name)} {kind}"
            desk.con.execute(f"alter table {stored(pages.physical)} {what}")
            grown = grown.with_column(replace(column, type=kind))
    return grown


def _either(desk: Desk, pages: Relation, have: Column, rows: str, come: Column) -> str:
    """Return the type of one side that the values of the other fit, or else text."""
    place = stored(pages.physical)
    return desk.fitting([place], have, rows, come) or desk.fitting([rows], come, place, have) or "varchar"


def held(desk: Desk, source: str, partition: str) -> Staged | None:
    """Give the held pages as a stage, which goes when the transaction is committed, and forget them."""
    row = one(
        desk.con.execute(
            f"select physical, columns, rows from {SYSTEM}.pages where source = ? and partition = ?",
            [source, partition],
        )
    )
    if row is None:
        return None
    desk.con.execute(f"delete from {SYSTEM}.pages where source = ? and partition = ?", [source, partition])
    if not row[0]:
        return None  # no page had rows
    desk.state.leaving.append(stored(row[0]))
    return Staged(stored(row[0]), read_schema(row[1]), int(row[2]), partition)


def _count(desk: Desk, sql: str, values: Sequence[object] = ()) -> int:
    row = one(desk.con.execute(sql, list(values))) if values else one(desk.con.execute(sql))
    return int(row[0]) if row else 0
