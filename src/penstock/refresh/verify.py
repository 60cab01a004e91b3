"""Tables recomputed in full and compared with what is stored, each with its inputs as of the version that it shows.

Everything is read on cursors of its own: whoever writes meanwhile is not held up. What a table was compared with is
found again by its versions, so that a commit in between changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PenstockError
from penstock.base.text import plural
from penstock.model.names import is_hidden
from penstock.model.proof import Verified
from penstock.model.relation import NONE, Query, Read
from penstock.model.schema import STATE
from penstock.model.table import Table
from penstock.plan import delta
from penstock.plan.blocks import Plan
from penstock.plan.explain import called
from penstock.plan.inline import inlined
from penstock.plan.reasons import reason, volatile
from penstock.plan.sql.tree import OPEN_PIVOT
from penstock.refresh.compare import Difference, comparing, difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.base.clock import Clock
    from penstock.model.project import Project
    from penstock.model.relation import Relation
    from penstock.model.schema import Column, Schema
    from penstock.model.source import RawTable
    from penstock.model.table import Function
    from penstock.plan.blocks import Block
    from penstock.protocols.engine import Engine

_TRIES = 3
_SELF = "@self"
_OTHERWISE = "its function gives other rows than are stored; one of time or chance always does"
_PARTS = ", and one that looks at more than it says under rows= or by="


class _LeftOut(Exception):  # noqa: N818  # an answer, not an error
    """A table is left out, for a reason."""


@dataclass
class Verifier:
    """Compares tables; `scratch` opens an empty warehouse for what Python tables give, `limit` is for rows to show.

    What is live is read as it is, unless all reads are `pinned` to their versions, which takes longer.
    """

    engine: Engine
    project: Project
    load: Callable[[Function], Callable[..., Any]]
    scratch: Callable[[], Engine]
    clock: Clock
    limit: int = 5
    parts: dict[str, Difference] = field(default_factory=dict)
    pinned: bool = False

    def table(self, item: RawTable | Table) -> Verified:
        """Compare one table; what goes wrong is in the answer, not raised."""
        started = self.clock.monotonic()
        found = self._settled(item)
        return replace(found, seconds=self.clock.monotonic() - started)

    def _settled(self, item: RawTable | Table) -> Verified:
        """Return an answer that no commit in between can have made wrong, without holding up whoever commits."""
        for _ in range(_TRIES):
            version = self.engine.version
            found = self._tried(item)
            if found.state in ("same", "skipped") or self.engine.version == version:
                return found
            self.parts.clear()
        self.pinned = True
        try:
            found = self._tried(item)
        finally:
            self.pinned = False
        if found.state == "differs":
            return found
        with self.engine.turn():  # what nobody sees has no versions, nor has every text a form that reads them
            return self._tried(item)

    def _tried(self, item: RawTable | Table) -> Verified:
        kind = "raw" if not isinstance(item, Table) else "python" if item.function else "sql"
        relation = self.engine.relations().get(item.name)
        if relation is None:
            return Verified(item.name, kind, "skipped", "it was never built")
        blank = Verified(item.name, kind, "same", version=relation.seen or self.engine.version, rows=relation.rows)
        if relation.fingerprint != item.fingerprint:
            if self.engine.refused().get(item.name) == item.fingerprint:
                return replace(blank, state="skipped", reason="it was rolled back, and shows an earlier definition")
            return replace(blank, state="skipped", reason="its definition changed: the next run builds it anew")
        broken = self.engine.unsound(relation)
        found = self._compared(item, relation, blank)
        if not broken:
            return found
        return replace(found, state="differs", reason=f"its storage is damaged: {', '.join(broken)}")

    def _compared(self, item: RawTable | Table, relation: Relation, blank: Verified) -> Verified:
        try:
            if not isinstance(item, Table):
                return self.raw(relation, blank)
            return self.python(item, relation, blank) if item.function else self.sql(item, relation, blank)
        except _LeftOut as reason:
            return replace(blank, state="skipped", reason=str(reason))
        except PenstockError as error:
            return replace(blank, state="failed", reason=f"it could not be recomputed: {error.subject}")

    # -- raw tables --------------------------------------------------------------------------------------------

    def raw(self, relation: Relation, blank: Verified) -> Verified:
        """Look for keys that are there more than once; a source cannot be read again as it was."""
        if not relation.key:
            return replace(blank, version=self.engine.version)
        key = ", ".join(map(_ident, relation.key))
        text = f'select {key}, count(*) - 1 as "more" from "{_SELF}" group by {key} having count(*) > 1 order by {key}'
        rows = self.engine.read(Query(text, ((_SELF, Read(relation, ids=True)),)))
        try:
            found = rows.fetch()
        finally:
            rows.close()
        if not found:
            return replace(blank, version=self.engine.version)
        extra = tuple(dict(zip(relation.key, row[:-1], strict=True)) for row in found[: self.limit])
        reason = f"{plural(len(found), 'key')} {'is' if len(found) == 1 else 'are'} there more than once"
        return replace(blank, state="differs", reason=reason, extra=sum(row[-1] for row in found), extra_rows=extra)

    # -- SQL tables --------------------------------------------------------------------------------------------

    def sql(self, table: Table, relation: Relation, blank: Verified) -> Verified:
        """Compare a SQL table with its own text, and what is kept for it with its plan."""
        plan = self.plan(table, relation)
        parts = {} if self.pinned else self.kept(plan, relation)
        blank = replace(blank, parts=tuple(parts))
        try:
            found = self.text(table, relation, plan, blank)
        except _LeftOut as reason:
            found = replace(blank, state="skipped", reason=str(reason))
        bad = next(((name, part) for name, part in parts.items() if not part.same), None)
        if bad is None or found.state == "differs":
            return found
        return _differs(blank, bad[1], f"what it keeps is not what it should be: {bad[0]}")

    def text(self, table: Table, relation: Relation, plan: Plan, blank: Verified) -> Verified:
        """Compare a SQL table with its own text."""
        _leave_out_what_is_open(table, plan)
        wanted = self.own(table, relation)
        schema = self.described(wanted)
        if _shape(schema) != _shape(relation.schema):
            if wanted.reads:
                raise _LeftOut("a table that it reads has other columns by now: penstock run, then verify again")
            return replace(blank, state="differs", reason=_shapes(schema, relation.schema))
        found = self.compare(wanted, relation, relation.schema)
        return blank if found.same else self.tied(plan, relation, wanted, _differs(blank, found))

    def plan(self, table: Table, relation: Relation) -> Plan:
        """Return a table's plan over its inputs as they are."""
        from penstock.plan.sql.cut import cut

        relations = self.engine.relations()
        if any(name not in relations for name in table.parents):
            return Plan()
        schemas = {name: relations[name].schema for name in table.parents}
        plan = cut(table.sql, schemas, relation.schema.names, table.name, self.engine.can.states)
        return plan.fitting(relation.layout)

    def own(self, table: Table, relation: Relation) -> Query:
        """Return a table's own text over its inputs as the table has seen them."""
        from penstock.plan.sql.renamed import renamed

        past = {name: read for name, read in self.seen(table.parents, relation.seen).items() if read.mode != "live"}
        where = table.where.file if table.where else ""
        if not past:
            return Query(table.sql, file=where, line=table.line)
        names = {name: f"@past{at}" for at, name in enumerate(past, 1)}
        text = renamed(table.sql, names)
        if text is None:
            listed = ", ".join(past)
            raise _LeftOut(f"{listed} changed since it was computed: penstock run {table.name}, then verify again")
        return Query(text, tuple((names[name], replace(read, ids=False)) for name, read in past.items()), None, where)

    def seen(self, names: Iterable[str], version: int) -> dict[str, Read]:
        """Return how to read tables as of a version; a live table that did not change since is read as it is."""
        relations = self.engine.relations()
        found = {}
        for name in names:
            relation: Relation | None = relations.get(name)
            if relation is not None and relation.built > version:
                relation = self.engine.relation_at(name, version)
            if relation is None or (relation.changed > version and self.engine.kept_since(name) > version):
                raise _LeftOut(f"{name} as of version {version} is not kept any more: penstock run, then verify again")
            live = relation.changed <= version and relation is relations.get(name) and not self.pinned
            found[name] = Read(relation, "live" if live else "at", 0, version, ids=True)
        return found

    def described(self, query: Query) -> Schema:
        """Return the columns of a query over the warehouse."""
        rows = self.engine.read(replace(query, text=f'select * from (\n{query.text}\n) as "@x"', line=query.line - 1))
        try:
            return rows.schema.settled
        finally:
            rows.close()

    def stored(self, relation: Relation, schema: Schema) -> Query:
        """Return the query of columns of a relation, as it is or as it was when it last changed."""
        shown = ", ".join(map(_ident, schema.names))
        whole = Read(replace(relation, schema=relation.whole, hidden=NONE), ids=True)
        read = Read(relation, "at", 0, relation.changed, ids=True) if self.pinned else whole
        return Query(f'select {shown} from "{_SELF}"', ((_SELF, read),))

    def compare(self, wanted: Query, relation: Relation, schema: Schema) -> Difference:
        """Compare a query with columns of a relation."""
        return self.between(wanted, self.stored(relation, schema), schema)

    def between(self, wanted: Query, stored: Query, schema: Schema) -> Difference:
        """Compare two queries of the same columns."""
        rows = self.engine.read(comparing(wanted, stored, schema, self.limit))
        return difference(rows, schema.names, self.limit)

    def tied(self, plan: Plan, relation: Relation, wanted: Query, found: Verified) -> Verified:
        """Judge a difference where the text leaves open which of equal rows comes first: the plan settles that."""
        if not any(block.tied for block in plan.blocks):
            return found
        base = [name for block in plan.blocks for name in block.tables if not is_hidden(name)]
        reads = self.seen(base, relation.seen)
        made = inlined(plan, {name: read.relation for name, read in reads.items()}, relation.schema.names)
        settled = replace(made, reads=tuple((name, reads[read.relation.name]) for name, read in made.reads))
        if self.between(settled, wanted, relation.schema).same:
            return found
        if self.compare(settled, relation, relation.schema).same:
            note = "rows that its order leaves equal are told apart by all of their columns"
            return replace(found, state="same", reason=note, missing=0, extra=0, missing_rows=(), extra_rows=())
        if relation.layout:
            return found
        raise _LeftOut("its order leaves rows equal, so that its answer is open: order by more columns")

    # -- what plans keep ---------------------------------------------------------------------------------------

    def kept(self, plan: Plan, relation: Relation) -> dict[str, Difference]:
        """Compare what a table's plan keeps, its hidden relations and columns, with what it should be."""
        if not relation.layout or not plan.blocks or plan.blocks[-1].mark != relation.layout:
            return {}
        names, relations = called(plan), self.engine.relations()
        found = {}
        for block in plan.blocks:
            one = relations.get(block.name)
            if one is None or (block is plan.blocks[-1] and not block.hidden):
                continue
            if block.name not in self.parts:
                self.parts[block.name] = self.block(block, one)
            found[names[block.name]] = self.parts[block.name]
        return found

    def block(self, block: Block, relation: Relation) -> Difference:
        """Compare a relation with all that its block gives, hidden columns included."""
        reads = self.seen(block.tables, relation.seen)
        inputs = {name: delta.Input(read.relation) for name, read in reads.items()}
        query = delta.whole(block, inputs, relation.seen, relation.whole)
        query = replace(query, reads=tuple((name, reads[read.relation.name]) for name, read in query.reads))
        if block.loose:
            return Difference()
        whole = relation.whole
        wanted, stored = (_comparable(block, whole, one) for one in (query, self.stored(relation, whole)))
        return self.between(wanted, stored, self.described(wanted) if STATE in whole.types.values() else whole)

    # -- Python tables -----------------------------------------------------------------------------------------

    def python(self, table: Table, relation: Relation, blank: Verified) -> Verified:
        """Call a Python table's function again, and compare in a warehouse of its own."""
        from penstock.refresh.aside import recomputed

        reads = self.seen(table.parents, relation.seen)
        own = self.engine.read(self.stored(relation, relation.schema))
        try:
            scratch = self.scratch()
            try:
                schema, found = recomputed(table, relation, reads, self.engine, scratch, self.load, own, self.limit)
            finally:
                scratch.close()
        finally:
            own.close()
        if schema is not None:
            return replace(blank, state="differs", reason=_shapes(schema, relation.schema))
        if found.same:
            return blank
        parted = table.function is not None and (table.function.rows or table.function.by)
        return _differs(blank, found, _OTHERWISE + (_PARTS if parted else ""))


def _leave_out_what_is_open(table: Table, plan: Plan) -> None:
    """Raise for a table whose answer its query leaves open."""
    word = volatile(table.sql)
    if word:
        raise _LeftOut(f"{word} gives another answer each time")
    loose = [one for block in plan.blocks for one in block.loose]
    loose += [one for one in plan.words if one == OPEN_PIVOT]
    if loose:
        advice = reason(loose[0]).advice
        raise _LeftOut(f"its answer is open: {loose[0]}" + (f"; {advice} makes it certain" if advice else ""))


def _comparable(block: Block, schema: Schema, query: Query) -> Query:
    """Return a query of a block's columns as they are compared: a kept sum of no rows is null or nought, and states
    are alike where their values are.
    """
    parts = {part.column: part for part in block.merge.parts} if block.merge else {}

    def told(column: Column) -> str:
        name, part = _ident(column.name), parts.get(column.name)
        if part is not None and part.state is not None:
            return f"{part.state.shown.format(name)} as {name}"
        return f"coalesce({name}, cast(0 as {column.type})) as {name}" if part and part.kind == "sum" else name

    items = ", ".join(told(column) for column in schema)
    return replace(query, text=f'select {items} from (\n{query.text}\n) as "@x"')


def _differs(blank: Verified, found: Difference, reason: str = "") -> Verified:
    return replace(
        blank, state="differs", reason=reason, missing=found.missing, extra=found.extra,
        missing_rows=found.missing_rows, extra_rows=found.extra_rows,
    )  # fmt: skip


def _shape(schema: Schema) -> list[tuple[str, str]]:
    return [(column.name.lower(), column.type) for column in schema]


def _shapes(wanted: Schema, stored: Schema) -> str:
    """Say in which columns two schemas differ."""
    parts = list(_apart(wanted, stored))
    return f"its columns are not those of its definition: {', '.join(parts) or 'their order'}"


def _apart(wanted: Schema, stored: Schema) -> Iterator[str]:
    for column in wanted:
        have = stored.find(column.name)
        if have is None or have.type != column.type:
            yield f"{column.name} {have.type if have else 'missing'}, not {column.type}"
    for column in stored:
        if wanted.find(column.name) is None:
            yield f"{column.name} too many"


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
