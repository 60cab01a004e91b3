"""One select that only picks rows, made an arm: its inputs found, their ids carried along, their effects traced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.blocks import Arm, Finder, Leaf, Lookup, Pair
from penstock.plan.sql.finders import Membership, by_join, by_query, joined_pairs, lookup, query_pairs, source_of
from penstock.plan.sql.layers import column, kind_of, layered
from penstock.plan.sql.shaping import (
    Shaping,
    Source,
    as_input,
    conjuncts,
    ids_of,
    is_inner,
    joined,
    number_of,
    numbers,
    used_from_outside,
)
from penstock.plan.sql.sides import without_sides
from penstock.plan.sql.text import named, sqlglot
from penstock.plan.sql.tree import Unplanned, shallow, sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def arm(select: Any, names: Sequence[str], shaping: Shaping, side: int = 0) -> Arm:
    """Make an arm of a select of kind `rows`, with its columns called by `names`."""
    without_sides(select, shaping)
    found = [_prepared(node, join, shaping) for node, join in joined(select)]
    linear = [one for source in found if source.linear for one in source.carried]
    position = {number: at for at, (number, _) in enumerate(linear)}
    dependent: list[tuple[int, Finder | None, Lookup | None]] = []
    nested = _nested(select, shaping)
    for at, source in enumerate(found):
        if not source.linear:
            for n in source.inputs:
                needed = lookup(select, found, n, joined_pairs(source.join), source.node, shaping)
                dependent.append((n, by_join(found, at, n, position, shaping), needed))
    for query, plain in nested:
        for n in numbers(query):
            needed = lookup(select, found, n, query_pairs(query, plain), source_of(query, n), shaping)
            dependent.append((n, by_query(select, query, plain, n, linear, shaping), needed))
    used = _used(select)
    leaves = [Leaf(n, shaping.tree.tables[n], True, used=used.get(n, ())) for n, _ in linear]
    leaves += [Leaf(n, shaping.tree.tables[n], False, finder, need, used.get(n, ())) for n, finder, need in dependent]
    plain_sources = _plain_sources(select, names)
    items = [named(one.this, name) for one, name in zip(select.expressions, names, strict=True)]
    items += ids_of(linear, range(len(linear)))
    select.set("expressions", items)
    pairs = tuple(dict.fromkeys(_pairs(select)))
    return Arm(select.sql(shaping.dialect), tuple(names), tuple(leaves), plain_sources, side, pairs)


# ── sources ─────────────────────────────────────────────────────────────────────────────────────────────


def _prepared(node: Any, join: Any, shaping: Shaping) -> Source:
    exp = sqlglot()
    linear = join is None or is_inner(join)
    on = join.args.get("on") if join is not None else None
    if on is not None and any(isinstance(one, exp.Query) for one in shallow(on, into=True)):
        raise Unplanned("a subquery in a join's condition")
    if join is not None and not linear and not (join.side == "LEFT" or join.kind in ("SEMI", "ANTI") or join.method):
        raise Unplanned(f"a {join.side or join.kind} join".lower())
    found = Source(node, join, linear)
    if isinstance(node, exp.Subquery):
        _take_query(found, shaping)
    elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        found.inputs = [number_of(node)]
        found.carried = [(found.inputs[0], column(node.alias, "_rid"))]
    elif any(isinstance(one, exp.Query) for one in shallow(node, into=True)):
        raise Unplanned("a subquery in a table function")
    return found


def _take_query(source: Source, shaping: Shaping) -> None:
    """Take in a query in `from`: written into the arm where it only picks rows, else a relation of its own."""
    node = source.node
    query = settled(node.this, shaping)
    if not is_plain(query):
        source.node = _hide(node, query, shaping)
        source.inputs = [number_of(source.node)]
        source.carried = [(source.inputs[0], column(source.node.alias, "_rid"))]
        return
    node.set("this", query)
    _rename(node)
    source.inputs = numbers(query)
    if source.linear:
        source.carried = [(n, column(node.alias, f"@r{n}")) for n in _carry(query)]


def settled(query: Any, shaping: Shaping) -> Any:
    """Return a query without brackets, and as layers where it is a select."""
    exp = sqlglot()
    while isinstance(query, exp.Subquery):
        query = query.this
    return layered(query, shaping.tree) if isinstance(query, exp.Select) else query


def _rename(node: Any) -> None:
    """Give the columns of a subquery the names that its alias gives them."""
    alias = node.args["alias"]
    if not alias.columns:
        return
    items = node.this.expressions
    for at, given in enumerate(alias.columns):
        items[at] = named(items[at].this, given.name)
    node.this.set("expressions", items)
    alias.set("columns", None)


def _hide(node: Any, query: Any, shaping: Shaping) -> Any:
    """Put a relation of its own in the place of a query in `from`, and return it."""
    alias = node.args["alias"]
    name, columns = shaping.hide(query)
    given = [one.name for one in alias.columns] if alias.columns else []
    if given and [c.lower() for c in columns[: len(given)]] != [g.lower() for g in given]:
        raise Unplanned("columns renamed in an alias")
    table = as_input(shaping, name, alias.this.name)
    node.replace(table)
    return table


def is_plain(query: Any) -> bool:
    """Tell whether a query only picks rows of inner joins, so that it can stand as it is in an arm."""
    exp = sqlglot()
    if not isinstance(query, exp.Select) or kind_of(query) != "rows":
        return False
    if not all(is_inner(join) for join in query.args.get("joins") or ()):
        return False
    parts = [*query.expressions, query.args.get("where"), *(j.args.get("on") for j in query.args.get("joins") or ())]
    if any(isinstance(one, exp.Query) for part in parts if part is not None for one in shallow(part, into=True)):
        return False
    for node in sources(query):
        inner = node.this if isinstance(node, exp.Subquery) else None
        if inner is not None and not is_plain(inner):
            return False
        if inner is not None and node.args["alias"].columns:
            return False
    return True


def _carry(query: Any) -> list[int]:
    """Let a plain query give the ids of its inputs as further columns; returns their numbers."""
    exp = sqlglot()
    found: list[int] = []
    for node in sources(query):
        if isinstance(node, exp.Subquery):
            numbers = _carry(node.this)
            ids = [column(node.alias, f"@r{n}") for n in numbers]
        elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            numbers, ids = [number_of(node)], [column(node.alias, "_rid")]
        else:
            continue
        for number, one in zip(numbers, ids, strict=True):
            query.append("expressions", named(one, f"@r{number}"))
        found += numbers
    return found


def _plain_sources(select: Any, names: Sequence[str]) -> tuple[tuple[str, int, str], ...]:
    exp = sqlglot()
    found = []
    for item, name in zip(select.expressions, names, strict=True):
        traced = _traced(select, item.this) if isinstance(item.this, exp.Column) else None
        if traced is not None:
            found.append((name, *traced))
    return tuple(found)


def _traced(select: Any, node: Any) -> tuple[int, str] | None:
    """Return the input, and its column, that a column of a select stands for."""
    exp = sqlglot()
    for source, join in joined(select):
        if source.alias != node.table or (join is not None and not is_inner(join)):
            continue
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            return number_of(source), node.name
        if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Select):
            inner = next((one.this for one in source.this.expressions if one.alias == node.name), None)
            return _traced(source.this, inner) if isinstance(inner, exp.Column) else None
    return None


def _used(select: Any) -> dict[int, tuple[str, ...]]:
    """Return the columns of each input that are used anywhere in a select, beside the ids of its rows."""
    exp = sqlglot()
    inputs = {n.alias: number_of(n) for n in select.find_all(exp.Table) if isinstance(n.this, exp.Identifier)}
    found: dict[int, dict[str, None]] = {}
    for node in select.find_all(exp.Column):
        if node.table in inputs and node.name != "_rid":
            found.setdefault(inputs[node.table], {})[node.name] = None
    return {number: tuple(names) for number, names in found.items()}


def _pairs(select: Any) -> Iterator[Pair]:
    """Give the columns of two inputs that are equal in each row that a select of inner joins gives."""
    exp = sqlglot()
    conditions = conjuncts(select.args.get("where"))
    for source, join in joined(select):
        if join is not None and not is_inner(join):
            continue
        conditions += conjuncts(join.args.get("on")) if join is not None else []
        if isinstance(source, exp.Subquery) and isinstance(source.this, exp.Select):
            yield from _pairs(source.this)
    for one in conditions:
        if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column) and isinstance(one.expression, exp.Column):
            left, right = _traced(select, one.this), _traced(select, one.expression)
            if left and right and left[0] != right[0]:
                yield Pair(*left, *right)


# ── queries in expressions ──────────────────────────────────────────────────────────────────────────────


def _nested(select: Any, shaping: Shaping) -> list[tuple[Any, Any]]:
    """Return the queries within expressions of a select, each with the plain condition `x in (…)` that it is of."""
    exp = sqlglot()
    where = select.args.get("where")
    plain = {id(one): one for one in conjuncts(where) if isinstance(one, exp.In)}
    found = []
    for part in (*select.expressions, where):
        if part is None:
            continue
        for query in [one for one in shallow(part, into=True) if isinstance(one, exp.Query)]:
            holder = query.parent
            inner = query
            while isinstance(inner, exp.Subquery):
                inner = inner.this
            inner = _settle_nested(inner, shaping)
            condition = holder if isinstance(holder, exp.In) else None
            found.append((inner, Membership(condition, id(condition) in plain) if condition is not None else None))
    return found


def _settle_nested(query: Any, shaping: Shaping) -> Any:
    """Let what of a query in an expression does not depend on the rows outside be kept as a relation of its own."""
    exp = sqlglot()
    if not used_from_outside(query):
        made = settled(query.copy(), shaping)
        if is_plain(made):
            return query
        name, columns = shaping.hide(made)
        alias = shaping.tree.alias()
        table = as_input(shaping, name, alias)
        fresh = exp.Select(expressions=[named(column(alias, c), c) for c in columns])
        fresh.set("from_", exp.From(this=table))
        query.replace(fresh)
        return fresh
    if not isinstance(query, exp.Select):
        return query
    for node in sources(query):
        if isinstance(node, exp.Subquery) and not used_from_outside(node.this):
            inner = settled(node.this.copy(), shaping)
            if not is_plain(inner):
                _hide(node, inner, shaping)
    return query
