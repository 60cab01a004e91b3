"""Right joins made left ones, and full joins relations of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.plan.sql.layers import column
from penstock.plan.sql.shaping import as_input
from penstock.plan.sql.text import named, sqlglot
from penstock.plan.sql.tree import Unplanned

if TYPE_CHECKING:
    from penstock.plan.sql.shaping import Shaping


def without_sides(select: Any, shaping: Shaping) -> None:
    """Turn right joins into left ones, and full joins into relations of their own."""
    while True:
        joins = select.args.get("joins") or []
        at = next((i for i, join in enumerate(joins) if join.side in ("RIGHT", "FULL")), None)
        if at is None:
            return
        join = joins[at]
        if join.method:
            raise Unplanned(f"a {join.side} {join.method} join".lower())
        if at:
            _fold(select, at, shaping)
            join = select.args["joins"][0]
        if join.side == "FULL":
            _full(select, shaping)
            continue
        first = select.args["from_"].this
        second = join.this
        select.args["from_"].set("this", second)
        join.set("this", first)
        join.set("side", "LEFT")


def _used(select: Any, aliases: set[str]) -> list[tuple[str, str]]:
    """Return the columns of some sources that a select uses anywhere."""
    exp = sqlglot()
    found = [(one.table, one.name) for one in select.find_all(exp.Column) if one.table in aliases]
    return list(dict.fromkeys(found))


def _redirect(select: Any, wanted: dict[tuple[str, str], tuple[str, str]]) -> None:
    exp = sqlglot()
    for one in select.find_all(exp.Column):
        target = wanted.get((one.table, one.name))
        if target:
            one.set("table", exp.to_identifier(target[0], quoted=True))
            one.set("this", exp.to_identifier(target[1], quoted=True))


def _fold(select: Any, at: int, shaping: Shaping) -> None:
    """Put the first source and the joins before `at` into a subquery."""
    exp = sqlglot()
    joins = select.args["joins"]
    first, before = select.args["from_"], joins[:at]
    inner = exp.Select()
    aliases = {first.this.alias, *(join.this.alias for join in before if join.kind not in ("SEMI", "ANTI"))}
    used = _used(select, aliases) or [(first.this.alias, "_rid")]
    inner.set("expressions", [named(column(*one), f"@c{n}") for n, one in enumerate(used, 1)])
    inner.set("from_", first)
    inner.set("joins", before)
    alias = shaping.tree.alias()
    select.set("joins", joins[at:])
    select.set("from_", None)
    _redirect(select, {one: (alias, f"@c{n}") for n, one in enumerate(used, 1)})
    holder = exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    select.set("from_", exp.From(this=holder))


def _full(select: Any, shaping: Shaping) -> None:
    """Put the relation of a full join, its left part beside what of the right has no partner, in the join's place."""
    exp = sqlglot()
    first, join = select.args["from_"].this, select.args["joins"][0]
    second, on = join.this, join.args.get("on") or exp.true()
    used = _used(select, {first.alias, second.alias}) or [(first.alias, "_rid")]
    left = exp.Select(expressions=[named(column(*one), f"@c{n}") for n, one in enumerate(used, 1)])
    left.set("from_", exp.From(this=first.copy()))
    left.set("joins", [exp.Join(this=second.copy(), side="LEFT", on=on.copy())])
    lonely = exp.Select(expressions=[named(exp.Literal.number(1), "@one")])
    lonely.set("from_", exp.From(this=first.copy()))
    lonely.set("where", exp.Where(this=on.copy()))
    right = exp.Select(
        expressions=[
            named(column(*one) if one[0] == second.alias else exp.null(), f"@c{n}") for n, one in enumerate(used, 1)
        ]
    )
    right.set("from_", exp.From(this=second.copy()))
    right.set("where", exp.Where(this=exp.Not(this=exp.Exists(this=lonely))))
    for table in list(right.find_all(exp.Table)):  # an input has another part in each arm, and so another number
        if isinstance(table.this, exp.Identifier):
            number = shaping.tree.number(shaping.tree.tables[int(table.name[1:])])
            table.set("this", exp.to_identifier(f"@{number}", quoted=True))
    name, _ = shaping.hide(exp.Union(this=left, expression=right, distinct=False))
    alias = shaping.tree.alias()
    table = as_input(shaping, name, alias)
    select.set("joins", select.args["joins"][1:])
    select.set("from_", None)
    _redirect(select, {one: (alias, f"@c{n}") for n, one in enumerate(used, 1)})
    select.set("from_", exp.From(this=table))
