"""Aggregates of different values as groups of groups: once for each value, and then over these.

`select k, count(distinct x) from t group by k` is `select k, count(x) from (select distinct k, x from t) group by k`.
Both of these can be added to and taken from, where the one would have to look at all values of a group again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.sql.text import named, sqlglot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

VALUE = "@x"


class _CannotDivide(Exception):  # noqa: N818  # an answer, not an error
    """The aggregates cannot be made of groups by one value."""


def divided(select: Any, keys: Sequence[Any], aggregates: Iterable[Any], alias: str) -> tuple[Any, list[Any]] | None:
    """Return the select of a group's different values, and the aggregates over it where it stands under an alias.

    `select` says where the rows come from; the keys are called `@g1` and so on. None where no aggregate is of different
    values, or where two are of other ones.
    """
    exp = sqlglot()
    made = _Divided(alias)
    try:
        above = [made.above(node) for node in aggregates]
    except _CannotDivide:
        return None
    if made.value is None:
        return None
    items = [named(key.copy(), f"@g{at}") for at, key in enumerate(keys, 1)] + [named(made.value, VALUE)]
    below = exp.Select(expressions=[*items, *made.below])
    for key in ("from_", "joins", "where"):
        below.set(key, select.args.get(key))
    if made.below:
        below.set("group", exp.Group(expressions=[item.this.copy() for item in items]))
    else:
        below.set("distinct", exp.Distinct())
    return below, above


def stops(aggregates: Sequence[Any]) -> str:
    """Return in words what keeps aggregates of different values from being made of groups by these; empty for nothing.

    Each of the aggregates may come a second time, without its filter.
    """
    exp = sqlglot()
    filtered = {id(node.this) for node in aggregates if isinstance(node, exp.Filter)}
    made = _Divided("")
    try:
        for node in aggregates:
            if id(node) not in filtered:
                made.above(node)
    except _CannotDivide as reason:
        kinds = (exp.Count, exp.Sum, exp.Avg)
        return str(reason) if any(isinstance(n, kinds) and isinstance(n.this, exp.Distinct) for n in aggregates) else ""
    return ""


class _Divided:
    """Aggregates in two: those `below`, by keys and one value, and those above, which gather them."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.value: Any = None
        self.below: list[Any] = []

    def above(self, node: Any) -> Any:
        """Return an aggregate over what is below."""
        exp = sqlglot()
        plain, condition = (node.this, node.expression.this) if isinstance(node, exp.Filter) else (node, None)
        kind = type(plain)
        further = any(value for name, value in plain.args.items() if name not in ("this", "big_int"))
        if kind not in (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max) or further:
            raise _CannotDivide(_beside(plain))
        if isinstance(plain.this, exp.Distinct):
            self._of_value(plain.this, condition)
            return kind(this=self._column(VALUE))
        if isinstance(plain.this, exp.Order) or kind is exp.Avg:
            raise _CannotDivide(_beside(plain))
        name = f"@s{len(self.below) + 1}"
        self.below.append(named(node.copy(), name))
        if kind is not exp.Count:
            return kind(this=self._column(name))
        total = exp.cast(exp.Sum(this=self._column(name)), "bigint")
        return exp.Coalesce(this=total, expressions=[exp.Literal.number(0)])

    def _of_value(self, distinct: Any, condition: Any) -> None:
        """Note whose different values are wanted; raises where they are others than those of an aggregate before."""
        exp = sqlglot()
        if len(distinct.expressions) != 1 or isinstance(distinct.expressions[0], (exp.Tuple, exp.Order)):
            raise _CannotDivide("several columns under one distinct")
        value = distinct.expressions[0].copy()
        if condition is not None:
            value = exp.Case(ifs=[exp.If(this=condition.copy(), true=value)])
        if self.value is not None and self.value != value:
            raise _CannotDivide("distinct over two expressions or filters")
        self.value = value

    def _column(self, name: str) -> Any:
        return sqlglot().column(name, table=self.alias, quoted=True)


def _beside(node: Any) -> str:
    return f"{node.sql('duckdb').partition('(')[0].lower()}() beside a distinct aggregate"
