"""Groups under a left join, taken apart: the pairs that meet, and beside them each row of the left once.

`select c.k, count(o.id) from c left join o on … group by c.k` counts the same over the rows of the inner join and those
of `c` with nulls in the place of `o`: what is null is in no count, no sum and no extreme. So nothing depends on which
rows meet none, and a change of either side is followed without looking for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.sql.text import named, sqlglot
from penstock.plan.sql.tree import is_aggregate, shallow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.plan.sql.tree import Tree

_LEFT = (("LEFT", ""), ("LEFT", "OUTER"))


def apart(select: Any, items: Sequence[Any], keys: Sequence[Any], tree: Tree) -> list[Any]:
    """Return the selects whose rows together give the same groups as those of one, which is the only one where its last
    join is none from the left, or where it matters which rows of the left meet none.

    `items` are what is made of groups, and `keys` what they are by, over the columns that the select gives.
    """
    join = next(reversed(select.args.get("joins") or ()), None)
    if join is None or join.method or (join.side, join.kind) not in _LEFT or not join.args.get("on"):
        return [select]
    far, given = join.this.alias, {one.alias: one.this for one in select.expressions}
    if not _ignores_nulls(given, items, keys, far) or _names(select.args.get("where"), far):
        return [select]
    alone = select.copy()
    alone.set("joins", alone.args["joins"][:-1])
    exp = sqlglot()
    alone.set(
        "expressions",
        [named(exp.null() if one.this.table == far else one.this, one.alias) for one in alone.expressions],
    )
    for table in alone.find_all(exp.Table):  # an input has another part in each arm, and so another number
        if isinstance(table.this, exp.Identifier):
            number = tree.number(tree.tables[int(table.name[1:])])
            table.set("this", exp.to_identifier(f"@{number}", quoted=True))
    join.set("side", None)
    join.set("kind", None)
    return [select, alone]


def _ignores_nulls(given: Mapping[str, Any], items: Sequence[Any], keys: Sequence[Any], far: str) -> bool:
    """Tell whether a row that has nulls for a source adds nothing to any group but itself."""
    exp = sqlglot()
    if not all(isinstance(one, exp.Column) for one in given.values()):
        return False
    of_far = {name for name, one in given.items() if one.table == far}
    if any(one.name in of_far for key in keys for one in key.find_all(exp.Column)):
        return False
    aggregates = [node for item in items for node in shallow(item) if is_aggregate(node)]
    return bool(aggregates) and all(_is_null_with(node, of_far) for node in aggregates)


def _is_null_with(node: Any, names: set[str]) -> bool:
    """Tell whether an aggregate is of a value that is null where some columns are."""
    exp = sqlglot()
    if isinstance(node, exp.Filter):
        node = node.this
    further = any(value for name, value in node.args.items() if name not in ("this", "big_int"))
    if further or not isinstance(node, (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)):
        return False
    made = (exp.Column, exp.Identifier, exp.Literal, exp.Paren, exp.Neg, exp.Add, exp.Sub, exp.Mul)
    within = list(node.this.walk()) if node.this is not None else []
    plain = all(isinstance(one, made) for one in within)
    return plain and any(isinstance(one, exp.Column) and one.name in names for one in within)


def _names(node: Any, alias: str) -> bool:
    """Tell whether a condition names a source, or asks a query, which may."""
    exp = sqlglot()
    if node is None:
        return False
    return any(
        isinstance(one, exp.Query) or (isinstance(one, exp.Column) and one.table == alias) for one in node.walk()
    )
