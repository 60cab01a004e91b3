"""How a table is kept fresh, found out without running anything: its plan, its columns, and what it has cost so far."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError
from penstock.base.text import did_you_mean, plural
from penstock.model.names import is_hidden
from penstock.model.relation import Query, Relation
from penstock.model.schema import STATE, Column, Schema
from penstock.plan import delta
from penstock.plan.cost import Costs
from penstock.plan.estimate import Estimate, Known, Past, by_blocks, estimate
from penstock.plan.explain import Explained, Follows, explain, with_rows
from penstock.plan.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.app.opened import App
    from penstock.model.table import Function, Table
    from penstock.plan.blocks import Plan

SIZES = (1, 1_000, 1_000_000)
_RUNS = 200
_RID = Column("_rid", "bigint")


def explained(app: App, name: str) -> Explained:
    """Explain how a table is kept fresh; raises `ConfigError` for an unknown one, `PlanError` for wrong SQL."""
    project = app.project
    if name in project.raw:
        return _raw(app, name)
    if name not in project.tables:
        raise ConfigError(f"no table '{name}'", hint=did_you_mean(name, project.order))
    table = project.tables[name]
    found = _python(app, table) if table.function else _sql(app, table)
    relations = app.engine.relations()
    rows = sum(relations[one].rows for one in table.parents if one in relations)
    found = replace(found, rows_in=rows, smallest=0 if table.function else app.tuning.smallest)
    kept = bool(found.blocks) and name in relations and bool(relations[name].layout)
    costs = tuple(_costs(app, found, kept or rows >= found.smallest))
    return replace(found, notes=(*found.notes, *_notes(found, kept)), costs=costs)


def _raw(app: App, name: str) -> Explained:
    table = app.project.raw[name]
    way = "rows of known keys replace those that are there" if table.key else "rows that came are added"
    return Explained(name, "raw", f"it is read from its source: {way}; a source that gives all rows is compared")


def _python(app: App, table: Table) -> Explained:
    function = table.function
    if function is None or not (function.rows or function.by):
        finding = "its function is called with all rows whenever an input changed, and compared"
        return Explained(
            table.name, "python", finding, inputs=tuple(Follows(one, "full", "full") for one in table.parents)
        )
    parted = _parted(app, function)
    if function.rows:
        word, finding = "rows", f"its function is called with the new and changed rows of {', '.join(parted)}"
    else:
        word = "by keys"
        finding = f"its function is called with all rows of the keys ({', '.join(function.by)}) that changed"
    whole = [one for one in table.parents if one not in parted]
    notes = tuple(f"{one} is given whole: when it changes, everything is computed" for one in whole)
    words = [(one, "full" if one in whole else word) for one in table.parents]
    return Explained(
        table.name, "python", finding, inputs=tuple(Follows(one, way, way) for one, way in words), notes=notes
    )


def _parted(app: App, function: Function) -> list[str]:
    """Return the inputs of a function that come in parts; one whose columns are not known yet counts as such."""
    if function.rows:
        return [one.table for one in function.inputs if one.parameter == function.rows]
    relations = app.engine.relations()
    return [
        one.table
        for one in function.inputs
        if one.table not in relations or all(relations[one.table].schema.find(name) for name in function.by)
    ]


# ── SQL ─────────────────────────────────────────────────────────────────────────────────────────────────


def _sql(app: App, table: Table) -> Explained:
    from penstock.plan.sql.cut import cut

    schemas, missing = known(app, table)
    if missing:
        said = "its plan depends on columns that are not known yet"
        return Explained(table.name, "sql", said, missing=missing, notes=tuple(_to_load(app, missing)))
    schema = app.engine.describe(_query(table), schemas)
    plan = cut(table.sql, schemas, schema.names, table.name, app.engine.can.states)
    built = app.engine.relations().get(table.name)
    plan = plan.fitting(built.layout if built is not None else "")
    wholes = _columns(app, plan, schemas)
    if plan.blocks and _types(wholes[table.name], len(schema)) != _types(schema):
        words = "its plan gives other types than the query"
        return Explained(
            table.name, "sql", "it is computed in full whenever an input changed", reasons=(reason(words),)
        )
    relations = app.engine.relations()
    rows = {one: relations[one].rows for one in wholes if one in relations and _is_built(one, plan, relations)}
    types = {one: whole.types for one, whole in wholes.items()}
    return with_rows(explain(table.name, plan, types), rows)


def _query(table: Table) -> Query:
    return Query(table.sql, file=table.where.file if table.where else "", line=table.line)


def known(app: App, table: Table) -> tuple[dict[str, Schema], tuple[str, ...]]:
    """Return the columns of what a table reads, and the raw and Python tables whose columns nobody knows yet."""
    relations = app.engine.relations()
    found: dict[str, Schema] = {}
    missing: dict[str, None] = {}
    for name in table.parents:
        relation, item = relations.get(name), app.project.find(name)
        if relation is not None and relation.fingerprint == item.fingerprint:
            found[name] = relation.schema
            continue
        above = app.project.tables.get(name)
        if above is None or above.function is not None:
            if relation is not None:  # its definition is newer: what it gave before is the best guess
                found[name] = relation.schema
            else:
                missing[name] = None
            continue
        schemas, lacking = known(app, above)
        missing.update(dict.fromkeys(lacking))
        if not lacking:
            found[name] = app.engine.describe(_query(above), schemas).settled
    return found, tuple(missing)


def _to_load(app: App, missing: Sequence[str]) -> Iterator[str]:
    many = ", ".join(missing)
    run = " ".join(name if name in app.project.raw else f"+{name}" for name in missing)  # what is made needs its inputs
    yield f"{many} {'has' if len(missing) == 1 else 'have'} no rows yet: penstock run {run} loads them"


def _columns(app: App, plan: Plan, schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the columns of each block of a plan, hidden ones too, by its relation."""
    known = {name: Relation(name, schema, "", "") for name, schema in schemas.items()}
    found = {}
    for block in plan.blocks:
        query = delta.whole(block, {name: delta.Input(known[name]) for name in block.tables}, 0)
        reads = {name: Schema((*_writable(read.relation.schema), _RID)) for name, read in query.reads}
        found[block.name] = app.engine.describe(Query(query.text), reads)
        known[block.name] = Relation(block.name, found[block.name], "", "")
    return found


def _writable(schema: Schema) -> Iterator[Column]:
    """Give the columns of a relation that a table can be made with; no block reads what another keeps as states."""
    return (column for column in schema if column.type != STATE)


def _types(schema: Schema, count: int | None = None) -> list[str]:
    return [column.type for column in schema.columns[:count]]


def _is_built(name: str, plan: Plan, relations: Mapping[str, Relation]) -> bool:
    """Tell whether a block's rows stand in the warehouse as this plan asks for them."""
    return is_hidden(name) or relations[name].layout == plan.blocks[-1].mark


# ── what else there is to say ───────────────────────────────────────────────────────────────────────────


def _notes(found: Explained, kept: bool) -> Iterator[str]:
    if not found.blocks or not found.inputs or kept:
        return
    if found.rows_in < found.smallest:
        have = plural(found.rows_in, "row")
        yield (
            f"its inputs have {have}: below {found.smallest:,} a table is computed in full, which takes no longer; "
            "the blocks are kept once there are more"
        )
    else:
        yield "the blocks are kept from the next run that computes it"


def _costs(app: App, found: Explained, follows: bool) -> Iterator[Estimate]:
    """Return what a change would cost by what this table's refreshes have cost; `follows` is not for small tables."""
    if found.missing or not app.project.tables[found.table].parents:
        return
    blocks = list(_blocks(app.engine.relations(), found))
    if follows and blocks and all(one.costs.full for one in blocks):
        for size in SIZES:
            yield by_blocks(size, found.rows_in, blocks)
        return
    past = tuple(_past(app, found.table))
    ways = [one.loses for one in found.inputs if one.loses != "full" or found.blocks]
    way = max(ways, key=len, default="full") if follows else "full"
    if found.kind == "python" and way != "full":  # there it is the function that says, and no cost decides
        past = tuple(one for one in past if not one.full)
    for size in SIZES:
        yield estimate(size, way, found.rows_in, past)


def _blocks(relations: Mapping[str, Relation], found: Explained) -> Iterator[Known]:
    """Return each block's strategy when rows of its first input change, what it has learned, and its inputs' rows."""
    names = {f"block {number}": piece.relation for number, piece in enumerate(found.blocks, 1)}
    for piece in found.blocks:
        relation = relations.get(piece.relation)
        known = relation.costs if relation is not None and piece.rows is not None else ()
        inputs = [relations[name] for name in (names.get(one, one) for one in piece.reads) if name in relations]
        if piece.effects:
            costs = Costs(*known)  # type: ignore[arg-type]  # the last ones count rows and turns
            rows = sum(one.rows for one in inputs)
            yield Known(piece.effects[1].strategy, costs, rows, all(one in names for one in piece.reads))


def _past(app: App, name: str) -> Iterator[Past]:
    """Return the refreshes of a table that the journal knows, newest first, each with what had changed above it."""
    parents = set(app.project.tables[name].parents)
    for run in app.journal.runs(_RUNS):
        own = next((s for s in run.steps if s.table == name and s.stage == "table" and s.strategy), None)
        if own is not None and own.state in ("done", "unchanged"):
            above = (s for s in run.steps if s.table in parents and s.stage in ("intake", "table"))
            yield Past(own.strategy, sum(s.added + s.removed for s in above), own.seconds)
