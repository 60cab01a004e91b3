"""Finders: which rows of an arm a change of a dependent input can touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.plan.blocks import Finder, Lookup
from penstock.plan.sql.shaping import (
    aliases_of,
    conjuncts,
    ids_of,
    is_inner,
    made_within,
    number_of,
    numbers,
    used_from_outside,
)
from penstock.plan.sql.text import named, sqlglot
from penstock.plan.sql.tree import sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.plan.sql.shaping import Shaping, Source

CHANGED = "~"


class Membership(NamedTuple):
    """The condition `x in (…)` that a query is of; `plain` says that a row is only there where it is true."""

    condition: Any
    plain: bool


def _conjoined(parts: Sequence[Any]) -> Any:
    return sqlglot().and_(*parts, copy=True) if parts else None


def _marked(node: Any, number: int) -> Any:
    """Return a copy in which an input is read as what changed of it."""
    exp = sqlglot()
    copy = node.copy()
    for table in [copy] if isinstance(copy, exp.Table) else copy.find_all(exp.Table):
        if table.name == f"@{number}":
            table.set("this", exp.to_identifier(f"@{number}{CHANGED}", quoted=True))
    return copy


def by_join(found: list[Source], at: int, number: int, position: dict[int, int], shaping: Shaping) -> Finder | None:
    """Return the rows before a join that meet what changed of the joined input."""
    exp = sqlglot()
    before = [one for source in found[:at] if source.linear for one in source.carried]
    if not before:
        return None
    finder = exp.Select()
    finder.set("from_", exp.From(this=found[0].node.copy()))
    joins = [source.join.copy() for source in found[1:at]]
    source = found[at]
    joins.append(exp.Join(this=_marked(source.node, number), on=(source.join.args.get("on") or exp.true()).copy()))
    finder.set("joins", joins)
    wanted = [position[one] for one, _ in before]
    items = [named(one.copy(), f"@h{position[n] + 1}") for n, one in before]
    finder.set("expressions", items)
    finder.set("distinct", exp.Distinct())
    return Finder(finder.sql(shaping.dialect), tuple(wanted))


def by_query(
    select: Any, query: Any, member: Membership | None, number: int, linear: list[tuple[int, Any]], shaping: Shaping
) -> Finder | None:
    """Return the rows that a query in an expression can answer otherwise after a change of one of its inputs."""
    exp = sqlglot()
    if not linear or not isinstance(query, exp.Select):
        return None
    if not any(number in _source_numbers(node) for node in sources(query)):
        return None
    if not all(is_inner(join) for join in query.args.get("joins") or ()):
        return None
    condition = _meeting(query, member, number)
    if condition is None:
        return None
    finder = exp.Select(expressions=ids_of(linear, range(len(linear))))
    finder.set("from_", select.args["from_"].copy())
    finder.set("joins", [join.copy() for join in select.args.get("joins") or ()])
    simple = [one for one in conjuncts(select.args.get("where")) if not list(one.find_all(exp.Query))]
    finder.set("where", exp.Where(this=_conjoined([*simple, condition])))
    finder.set("distinct", exp.Distinct())
    return Finder(finder.sql(shaping.dialect), tuple(range(len(linear))))


def lookup(
    select: Any, found: list[Source], number: int, pairs: list[tuple[Any, Any]], node: Any, shaping: Shaping
) -> Lookup | None:
    """Return which rows of an input can equal what the rows of the linear sources have, or None where all can."""
    exp = sqlglot()
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier) or number_of(node) != number:
        return None
    kept = [source for source in found if source.linear]
    known = {source.node.alias for source in kept}
    fit = [
        (outer, own)
        for outer, own in pairs
        if isinstance(own, exp.Column) and own.table == node.alias and aliases_of(outer) and aliases_of(outer) <= known
    ]
    conditions = [source.join.args.get("on") for source in kept if source.join is not None]
    if not fit or any(one is not None and not aliases_of(one) <= known for one in conditions):
        return None
    linear = [one for source in kept for one in source.carried]
    values = exp.Select(expressions=[named(outer.copy(), f"@v{at}") for at, (outer, _) in enumerate(fit, 1)])
    for one in ids_of(linear, range(len(linear))):
        values.append("expressions", one)
    values.set("from_", exp.From(this=kept[0].node.copy()))
    values.set("joins", [source.join.copy() for source in kept[1:]])
    simple = [
        one
        for one in conjuncts(select.args.get("where"))
        if not list(one.find_all(exp.Query)) and aliases_of(one) <= known
    ]
    if simple:
        values.set("where", exp.Where(this=_conjoined(simple)))
    return Lookup(values.sql(shaping.dialect), tuple(own.name for _, own in fit))


def joined_pairs(join: Any) -> list[tuple[Any, Any]]:
    """Return what a join's condition says to be equal, that of the joined source second."""
    exp = sqlglot()
    alias = join.this.alias
    pairs = []
    for one in conjuncts(join.args.get("on")):
        if isinstance(one, exp.EQ):
            for own, other in ((one.this, one.expression), (one.expression, one.this)):
                if aliases_of(own) == {alias} and alias not in aliases_of(other):
                    pairs.append((other, own))
                    break
    return pairs


def query_pairs(query: Any, member: Membership | None) -> list[tuple[Any, Any]]:
    """Return what of the rows outside a query in an expression its rows must equal to matter to them."""
    return _equal(query, member)[0] if isinstance(query, sqlglot().Select) else []


def source_of(query: Any, number: int) -> Any:
    """Return the source of a query that is an input itself, or None."""
    exp = sqlglot()
    if not isinstance(query, exp.Select) or not all(is_inner(join) for join in query.args.get("joins") or ()):
        return None
    return next((n for n in sources(query) if isinstance(n, exp.Table) and _source_numbers(n) == [number]), None)


def _source_numbers(node: Any) -> list[int]:
    exp = sqlglot()
    if isinstance(node, exp.Table):
        return [number_of(node)] if isinstance(node.this, exp.Identifier) else []
    return numbers(node) if isinstance(node, exp.Subquery) else []


def _meeting(query: Any, member: Membership | None, number: int) -> Any:
    """Return the condition on the rows outside that they meet a changed row of an input in the query, or None."""
    exp = sqlglot()
    local = made_within(query)
    joins = query.args.get("joins") or ()
    if any(not aliases_of(join.args["on"]) <= local for join in joins if join.args.get("on") is not None):
        return None
    pairs, inner = _equal(query, member)
    if not pairs:
        return _null_aware(query, member, inner, number) if member is not None else None
    equal = [exp.EQ(this=_operand(own), expression=_operand(other)) for other, own in pairs]
    changed = _changed_rows(query, [*inner, *equal], number, [exp.Literal.number(1)])
    return exp.Exists(this=changed)  # `in` would refuse what `=` compares: numbers and texts, lists of these


def _operand(node: Any) -> Any:
    exp = sqlglot()
    return node.copy() if isinstance(node, (exp.Column, exp.Paren, exp.Literal)) else exp.Paren(this=node.copy())


def _equal(query: Any, member: Membership | None) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Return what of the rows outside equals what within a query, and the conditions on the rows within alone."""
    exp = sqlglot()
    local = made_within(query)
    pairs, inner = [], []
    for one in conjuncts(query.args.get("where")):
        if list(one.find_all(exp.Query)):
            continue
        used = aliases_of(one)
        if used <= local:
            inner.append(one)
        elif isinstance(one, exp.EQ):
            sides = (one.this, one.expression)
            for own, other in (sides, sides[::-1]):
                if aliases_of(own) and aliases_of(own) <= local and not aliases_of(other) & local:
                    pairs.append((other, own))
                    break
    if member is not None and member.plain:
        pairs += _in_pairs(member.condition, query)
    return pairs, inner


def _in_pairs(condition: Any, query: Any) -> list[tuple[Any, Any]]:
    exp = sqlglot()
    items = [one.this if isinstance(one, exp.Alias) else one for one in query.expressions]
    # Of groups, windows or the first rows, a row that is not equal itself can change which others there are.
    whole = any(query.args.get(key) for key in ("group", "having", "limit", "offset", "qualify", "distinct"))
    if whole or any(not isinstance(one, exp.Column) for one in items):
        return []
    values = condition.this.expressions if isinstance(condition.this, exp.Tuple) else [condition.this]
    return list(zip(values, items, strict=True)) if len(values) == len(items) else []


def _changed_rows(query: Any, inner: list[Any], number: int, items: list[Any]) -> Any:
    exp = sqlglot()
    rows = exp.Select(expressions=[one.copy() for one in items])
    rows.set("from_", exp.From(this=_marked(query.args["from_"].this, number)))
    rows.set("joins", [_marked(join, number) for join in query.args.get("joins") or ()])
    if inner:
        rows.set("where", exp.Where(this=_conjoined(inner)))
    return rows


def _null_aware(query: Any, member: Membership, inner: list[Any], number: int) -> Any:
    """Return the condition for `x [not] in (…)` wherever it stands: what is equal, and all where a null is among."""
    exp = sqlglot()
    items = _in_pairs(member.condition, query)
    if len(items) != 1 or used_from_outside(query):
        return None
    value, own = items[0]
    equal = exp.In(this=value.copy(), query=exp.Subquery(this=_changed_rows(query, inner, number, [own])))
    is_null = exp.Is(this=own.copy(), expression=exp.null())
    nulls = _changed_rows(query, [*inner, is_null], number, [exp.Literal.number(1)])
    empty = exp.Is(this=value.copy(), expression=exp.null())
    return exp.or_(equal, exp.Exists(this=nulls), empty)
