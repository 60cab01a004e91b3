"""Which columns of its inputs each column of a query is made of, and which decide about its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.columns import SAME, VALUE, Made
from penstock.plan.sql.text import sqlglot
from penstock.plan.sql.tree import Unplanned, is_aggregate, shallow, sources, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.model.schema import Schema

# Of a column of an input, (table, column), in which ways it is used.
Uses = dict[tuple[str, str], set[str]]


def made_of(text: str, schemas: Mapping[str, Schema]) -> Made:
    """Return what each column of a select over tables of these schemas is made of.

    `why` says what was not understood; then every column counts as made of every column of every input.
    """
    try:
        found = tree(text, schemas, volatile=True)
        walk = _Walk(found.tables, schemas)
        columns, rows = walk.query(found.root)
    except (Unplanned, RecursionError) as error:
        return Made({}, {}, str(error) or "a query of this size")
    return Made(
        {name: _sorted(uses) for name, uses in columns.items()},
        _sorted(rows),
    )


def _sorted(uses: Uses) -> dict[tuple[str, str], tuple[str, ...]]:
    return {one: tuple(sorted(ways)) for one, ways in sorted(uses.items())}


class _Walk:
    """Goes through a query whose names are resolved; every alias is used once, so one mapping holds all sources."""

    def __init__(self, tables: Mapping[int, str], schemas: Mapping[str, Schema]) -> None:
        self.exp = sqlglot()
        self.tables = {f"@{number}": name for number, name in tables.items()}
        self.schemas = schemas
        self.known: dict[str, dict[str, Uses]] = {}

    def query(self, node: Any) -> tuple[dict[str, Uses], Uses]:
        """Return what each column of a query is made of, and what decides about its rows."""
        if isinstance(node, self.exp.Subquery):
            return self.query(node.this)
        if isinstance(node, self.exp.SetOperation):
            return self._both(node)
        if not isinstance(node, self.exp.Select):
            raise Unplanned(type(node).__name__.lower())
        rows: Uses = {}
        for one in sources(node):
            _add(rows, self._source(one))
        columns: dict[str, Uses] = {}
        for item in node.expressions:
            uses: Uses = {}
            inner = item.unalias()
            self._expression(inner, uses, rows, SAME if isinstance(inner, self.exp.Column) else VALUE)
            columns[item.alias_or_name.lower()] = uses
        self.known[""] = columns  # what has no table before it is a name of this select
        for part, way in self._deciding(node):
            self._expression(part, {}, rows, way)
        for uses in self._grouped(node, columns):
            _add(rows, uses, "group")
        return columns, rows

    def _grouped(self, select: Any, columns: Mapping[str, Uses]) -> Iterator[Uses]:
        """Give the columns of a select by which it makes groups without naming them."""
        group = select.args.get("group")
        for item, uses in zip(select.expressions, columns.values(), strict=True):
            every = bool(group and group.args.get("all")) and not any(map(is_aggregate, shallow(item)))
            if every or (select.args.get("distinct") and not select.args["distinct"].args.get("on")):
                yield uses

    def _both(self, node: Any) -> tuple[dict[str, Uses], Uses]:
        (left, rows), (right, more) = self.query(node.left), self.query(node.right)
        _add(rows, more)
        union = isinstance(node, self.exp.Union)
        for (_, mine), (_, other) in zip(left.items(), right.items(), strict=False):
            if union:
                _add(mine, other)
            else:
                _add(rows, other, "filter")
            if not union or node.args.get("distinct"):
                _add(rows, mine, "group")
        return left, rows

    def _source(self, node: Any) -> Uses:
        """Note what the columns of a source are made of, and return what decides about its rows."""
        alias = node.alias_or_name
        if isinstance(node, self.exp.Subquery):
            columns, rows = self.query(node.this)
            given = [one.name.lower() for one in node.args["alias"].columns] if node.args.get("alias") else []
            named = [*given, *list(columns)[len(given) :]]
            self.known[alias] = dict(zip(named, columns.values(), strict=True))
            return rows
        table = self.tables.get(node.name) if isinstance(node, self.exp.Table) else None
        if table is not None:
            self.known[alias] = {c.name.lower(): {(table, c.name): {SAME}} for c in self.schemas[table]}
            return {}
        uses: Uses = {}
        deciding: Uses = {}
        for part in node.iter_expressions():
            self._expression(part, uses, deciding, VALUE)
        self.known[alias] = {"": uses}
        _add(deciding, uses, "join")
        return deciding

    def _deciding(self, select: Any) -> Iterator[tuple[Any, str]]:
        """Give the parts of a select that decide about its rows, and in which way."""
        for join in select.args.get("joins") or ():
            yield join.args.get("on"), "join"
            for name in join.args.get("using") or ():
                yield name, "join"
        for key in ("where", "having", "qualify"):
            yield select.args.get(key), "filter"
        yield select.args.get("group"), "group"
        distinct = select.args.get("distinct")
        yield (distinct.args.get("on") if distinct else None), "group"
        if select.args.get("limit") or (distinct and distinct.args.get("on")):
            yield select.args.get("order"), "order"

    def _expression(self, node: Any, uses: Uses, rows: Uses, way: str) -> None:
        """Add the columns of an expression: to `uses` those of its value, to `rows` those that decide."""
        if node is None:
            return
        aside = self._aside(node)
        indirect = way not in (SAME, VALUE)
        for one in shallow(node, into=True):
            if isinstance(one, self.exp.Query):
                columns, below = self.query(one)
                for made in columns.values():
                    _add(rows if indirect else uses, made, way if indirect else VALUE)
                _add(rows, below)
            elif isinstance(one, self.exp.Column):
                how = way if indirect else aside.get(id(one), way)
                _add(rows if indirect else uses, self._column(one), how)

    def _aside(self, node: Any) -> dict[int, str]:
        """Return the columns by which windows are cut and ordered, and aggregates filtered."""
        found: dict[int, str] = {}
        for one in shallow(node):
            parts: Iterable[Any] = ()
            way = "window"
            if isinstance(one, self.exp.Window):
                parts = [*(one.args.get("partition_by") or ()), one.args.get("order")]
            elif isinstance(one, self.exp.Filter):
                parts, way = [one.expression], "filter"
            for part in parts:
                if part is not None:
                    found.update({id(c): way for c in part.find_all(self.exp.Column)})
        return found

    def _column(self, node: Any) -> Uses:
        source = self.known.get(node.table)
        if source is None:
            return {}
        if node.table and "" in source:
            return source[""]
        return source.get(node.name.lower(), {})


def _add(into: Uses, more: Uses, way: str = "") -> None:
    """Add uses to others; used again in a way, what was taken as it is becomes part of a value, what was not, stays."""
    for column, ways in more.items():
        if way in ("", SAME):
            found = set(ways)
        elif way == VALUE:
            found = {VALUE if one == SAME else one for one in ways}
        else:
            found = {way}
        into.setdefault(column, set()).update(found)
