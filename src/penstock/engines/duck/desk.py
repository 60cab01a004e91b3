"""The transaction's desk: its connection, what it has done so far, and the moves that all strategies share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError
from penstock.engines.duck.errors import translated
from penstock.engines.duck.layout import physical
from penstock.engines.duck.reads import sql_of
from penstock.engines.duck.rows import Capsule
from penstock.engines.duck.state import State
from penstock.engines.duck.words import SYSTEM, buried, ident, idents, literal, one, stored, table
from penstock.model.names import MAIN, is_hidden, split
from penstock.model.schema import exact_up_to, widen

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from penstock.engines.duck.catalog import Catalog
    from penstock.engines.duck.hands import Hands
    from penstock.model.change import Staged
    from penstock.model.relation import Query, Relation
    from penstock.model.schema import Column


class Desk:
    """What a transaction works on: landing and steps are functions over it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, catalog: Catalog, hands: Hands) -> None:
        self.con = con
        self.catalog = catalog
        self.hands = hands
        self.version = catalog.version + 1
        self.state = State(next_rid=catalog.next_rid)

    @property
    def with_graves(self) -> set[str]:
        """The storages that have lost rows, in this transaction or before."""
        return self.catalog.with_graves | self.state.with_graves

    def text(self, query: Query) -> str:
        """Return a query as DuckDB runs it in this transaction."""
        return sql_of(query, self.with_graves, self.has_nulls)

    def reading_rows(self, query: Query) -> int:
        """Return how many rows a query may read, at most; what came or went of a table is taken to be little."""
        if query.reads:
            return sum(read.relation.rows for _, read in query.reads if read.mode not in ("plus", "minus"))
        return self.catalog.rows + sum(relation.rows for relation in self.state.relations.values())

    def has_nulls(self, stage: str, columns: Sequence[str]) -> bool:
        """Tell whether one of some columns of a stage is null somewhere."""
        known = self.state.nulls
        asked = (stage, tuple(columns))
        if asked not in known:
            condition = " or ".join(f"{ident(c)} is null" for c in columns)
            known[asked] = bool(self.con.execute(f"select 1 from {stage} where {condition} limit 1").fetchall())
        return known[asked]

    def current(self, name: str) -> Relation | None:
        """Return a relation as this transaction sees it."""
        return self.state.relations.get(name) or self.catalog.relations.get(name)

    def evolve(self, relation: Relation, staged: Staged) -> Relation:
        """Add the columns and widen the types that staged rows ask for; their values say it where types do not."""
        grown = relation.schema
        changes: list[tuple[str, str, str]] = []
        for column in staged.schema:
            have = relation.schema.find(column.name)
            kind = column.type if have is None else widen(have.type, column.type)
            if kind is None and have is not None:
                kind = self.fitting(self._places(relation), have, staged.name, column)
            if kind is None and have is not None:
                raise FatalError(
                    f"{relation.name}.{have.name}: the type changed in a way that would lose values",
                    expected=have.type, got=column.type,
                    hint=f'declare it: columns = {{ {have.name} = "varchar" }}, or cast it in `select`',
                )  # fmt: skip
            if kind and (have is None or kind != have.type):
                changes.append((column.name if have is None else have.name, have.type if have else "", kind))
                grown = grown.with_column(replace(column, type=kind))
        if not changes:
            return relation
        self._alter(relation, changes)
        grown_relation = replace(relation, schema=grown)
        self.reveal(grown_relation)
        self.state.relations[relation.name] = grown_relation
        return grown_relation

    def fitting(self, places: Sequence[str], have: Column, rows: str, come: Column) -> str | None:
        """Return which of its two types the values of a column, in some places and in rows that come, fit; or None."""
        if self._only_nulls(have, *places):
            return come.type  # its first type was a guess
        whole = exact_up_to(have.type, come.type)
        fits = self._only_nulls(come, rows) or (whole and not self._exceed(come, rows, whole))
        return have.type if fits else None

    def _only_nulls(self, column: Column, *places: str) -> bool:
        asked = (f"select 1 from {place} where {ident(column.name)} is not null limit 1" for place in places)
        return not any(self.con.execute(one).fetchall() for one in asked)

    def _exceed(self, column: Column, place: str, most: int) -> bool:
        asked = f"select 1 from {place} where {ident(column.name)} not between -{most} and {most} limit 1"
        return bool(self.con.execute(asked).fetchall())

    def _places(self, relation: Relation) -> list[str]:
        """Return where the rows of a relation are, those that went included."""
        graves = [buried(relation.physical)] if relation.physical in self.with_graves else []
        return [stored(relation.physical), *graves]

    def _alter(self, relation: Relation, changes: list[tuple[str, str, str]]) -> None:
        with translated(subject=relation.name):
            for name, old, new in changes:
                for place in self._places(relation):
                    what = f"alter column {ident(name)} type {new}" if old else f"add column {ident(name)} {new}"
                    self.con.execute(f"alter table {place} {what}")
                self.con.execute(
                    f"insert into {SYSTEM}.schema_changes values (?, ?, ?, ?, ?)",
                    [relation.name, name, old or None, new, self.version],
                )

    def hidden_names(self, partitioned: bool) -> str:
        """Return the names of the hidden columns."""
        return "_rid, _seq, _part" if partitioned else "_rid, _seq"

    def hidden(self, partitioned: bool, partition: str, rid: str = "") -> str:
        """Return the SQL of the hidden columns of rows that come now, whose ids are the next ones or those of `rid`."""
        part = f", {literal(partition)}::varchar as _part" if partitioned else ""
        return f"{rid or self.next_id} as _rid, {self.version}::bigint as _seq{part}"

    def numbered(self) -> str:
        """Return the SQL of the ids of rows that have one as `_rid` or get one now."""
        return f"coalesce(_rid, {self.next_id})"

    @property
    def next_id(self) -> str:
        """The SQL of the next ids, a row's after the other's."""
        return f"(row_number() over () + {self.state.next_rid - 1})::bigint"

    def reveal(self, relation: Relation) -> None:
        """Let the table's view show a relation; a hidden one has none."""
        if is_hidden(relation.name):
            return
        schema, _ = split(relation.name)
        if schema != MAIN:
            self.con.execute(f"create schema if not exists {ident(schema)}")
        self.con.execute(
            f"create or replace view {table(relation.name)} as select {idents(relation.schema.names)} "
            f"from {stored(relation.physical)}"
        )

    def show(self, view: str, rows: Any) -> None:
        """Let the transaction read rows in Arrow form under a name, until it ends."""
        self.con.register(view, Capsule(rows))

    def new_storage(self, name: str) -> str:
        """Return a name for storage of a table that nothing else has, not even an empty one of this transaction."""
        self.state.storages += 1
        return physical(name, self.version, self.state.storages)

    def put(self, text: str, name: str = "") -> tuple[str, int]:
        """Put what a select gives into a temporary table; returns its name and how many rows it has."""
        name = name or self.new_stage()
        rows = self.state.sizes[name] = self.created(name, f"create temp table {name} as\n{text}")
        return name, rows

    def created(self, name: str, statement: str) -> int:
        """Create a table and return how many rows it has: DuckDB does not say it of a pivot that finds its columns."""
        row = one(self.con.execute(statement)) or one(self.con.execute(f"select count(*) from {name}"))
        return int(row[0]) if row else 0

    def rows(self, stage: str) -> int:
        """Return how many rows a stage has."""
        if stage not in self.state.sizes:
            row = one(self.con.execute(f"select count(*) from {stage}"))
            self.state.sizes[stage] = int(row[0]) if row else 0
        return self.state.sizes[stage]

    def new_stage(self) -> str:
        """Return a name for a temporary table that nothing else has."""
        self.state.stages += 1
        return f"stage_{self.version}_{self.state.stages}"
