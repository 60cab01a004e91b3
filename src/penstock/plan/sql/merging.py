"""Groups that take a change in by themselves: the parts that can be added to and taken from."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.plan.blocks import Merge, Part
from penstock.plan.sql.states import state_of
from penstock.plan.sql.text import named, sqlglot
from penstock.plan.sql.tree import is_aggregate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.plan.blocks import State

NUMBER = Part("count", "", "@n")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class _CannotMergeError(Exception):
    """An aggregate has no parts that can be added to and taken from."""


def merge_of(
    items: Sequence[Any],
    keys: Sequence[Any],
    names: Sequence[str],
    held: Sequence[str],
    dialect: str,
    states: Mapping[str, int],
) -> Merge | None:
    """Return how groups of these items merge, or None where one of them cannot.

    `held` says which columns hold the keys; those that no item gives follow the items. An item that is a part, or a sum
    where there is anything to sum, is kept once: the column that users see stands for the part. `states` are the
    aggregates whose states are kept, with how many arguments they have.
    """
    exp = sqlglot()
    parts = _Parts(dialect, states)
    chosen = []
    try:
        for item, name in zip(items, names, strict=True):
            plain = item.this if isinstance(item, exp.Alias) else item
            chosen.append(named(parts.finished(plain.copy(), keys), name))
    except _CannotMergeError:
        return None
    seen = _seen(chosen, [part.column for part in parts.found], names)
    chosen += [named(exp.column(f"@k{at}", quoted=True), one) for at, one in enumerate(held, 1) if one not in names]
    chosen += [exp.column(part.column, quoted=True) for part in parts.found if part.column not in seen]
    finish = exp.Select(expressions=chosen)
    for column in finish.find_all(exp.Column):
        if column.name in seen:
            column.set("this", exp.to_identifier(seen[column.name], quoted=True))
    finish.set("from_", exp.From(this=exp.Table(this=exp.to_identifier("@parts", quoted=True))))
    kept = tuple(replace(part, column=seen.get(part.column, part.column)) for part in parts.found)
    return Merge(kept, finish.sql(dialect))


def _seen(chosen: Sequence[Any], parts: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return the parts that a column of users stands for, with its name."""
    exp = sqlglot()
    found: dict[str, str] = {}
    for item, name in zip(chosen, names, strict=True):
        node = item.unalias()
        ifs: list[Any] = list(node.args.get("ifs") or []) if isinstance(node, exp.Case) else []
        if len(ifs) == 1 and node.args.get("default") is None and isinstance(ifs[0].args["true"], exp.Column):
            node = ifs[0].args["true"]  # without anything to sum the sum is null, which counts as nothing
        if isinstance(node, exp.Column) and node.name in parts and _PLAIN.fullmatch(name):
            found.setdefault(node.name, name)
    return found


def items_of(merge: Merge, names: Sequence[str]) -> str:
    """Return the items that compute a merge's parts over the rows of a group, each after a comma; not those named."""
    return "".join(f", {_whole(part)} as {_ident(part.column)}" for part in merge.parts if part.column not in names)


def _whole(part: Part) -> str:
    if part.state is not None:
        return part.of
    only = f" filter (where {part.where})" if part.where else ""
    function = {"count": "count", "sum": "sum", "least": "min", "greatest": "max"}[part.kind]
    return f"{function}({part.of or '*'}){only}"


class _Parts:
    """The parts that aggregates need, each once."""

    def __init__(self, dialect: str, states: Mapping[str, int]) -> None:
        self.dialect = dialect
        self.states = states
        self.found = [NUMBER]

    def finished(self, node: Any, keys: Sequence[Any]) -> Any:
        """Return an expression over the parts and keys instead of the rows; raises where that cannot be."""
        exp = sqlglot()
        for at, key in enumerate(keys, 1):
            if node == key:
                return exp.column(f"@k{at}", quoted=True)
        if is_aggregate(node):
            return self.aggregate(node)
        if isinstance(node, (exp.Column, exp.Query, exp.Window)):
            raise _CannotMergeError
        for name, value in list(node.args.items()):
            if isinstance(value, list):
                node.set(name, [self.finished(v, keys) if isinstance(v, exp.Expression) else v for v in value])
            elif isinstance(value, exp.Expression):
                node.set(name, self.finished(value, keys))
        return node

    def aggregate(self, node: Any) -> Any:
        """Return an aggregate as made of parts."""
        exp = sqlglot()
        where = ""
        if isinstance(node, exp.Filter):
            where = node.expression.this.sql(self.dialect)
            node = node.this
        inner = node.this
        # What stands in the aggregate must be a plain value: no `distinct`, no order, no second argument.
        further = any(value for name, value in node.args.items() if name not in ("this", "big_int"))
        if further or isinstance(inner, (exp.Distinct, exp.Order)):
            return self.of_state(node, where)
        if isinstance(node, exp.Count):
            star = inner is None or isinstance(inner, exp.Star)
            return self.part("count", "" if star else inner.sql(self.dialect), where)
        if isinstance(node, (exp.CountIf, exp.LogicalAnd, exp.LogicalOr)):
            return self.of_truths(node, where)
        if isinstance(node, (exp.Min, exp.Max)):
            return self.part("least" if isinstance(node, exp.Min) else "greatest", inner.sql(self.dialect), where)
        if not isinstance(node, (exp.Sum, exp.Avg)):
            return self.of_state(node, where)
        of = inner.sql(self.dialect)
        total, count = self.part("sum", of, where), self.part("count", of, where)
        if isinstance(node, exp.Avg):
            total = exp.Div(this=exp.cast(total, "double"), expression=count.copy())
        known = exp.GT(this=count, expression=exp.Literal.number(0))
        return exp.Case(ifs=[exp.If(this=known, true=total)])

    def of_truths(self, node: Any, where: str) -> Any:
        """Return how many values are true, whether all are or any is; null where there is none."""
        exp = sqlglot()
        of, zero = exp.cast(node.this, "boolean").sql(self.dialect), exp.Literal.number(0)
        known = exp.GT(this=self.part("count", of, where), expression=zero)
        every = isinstance(node, exp.LogicalAnd)
        told = self.part("count", f"case when {'not ' if every else ''}{of} then 1 end", where)
        if not isinstance(node, exp.CountIf):
            told = (exp.EQ if every else exp.GT)(this=told, expression=zero.copy())
        return exp.Case(ifs=[exp.If(this=known, true=told)])

    def of_state(self, node: Any, where: str) -> Any:
        """Return an aggregate as the value of its state."""
        taken = state_of(node, where, self.dialect, self.states)
        if taken is None:
            raise _CannotMergeError
        of, state = taken
        column = self.part("state", of, "", state)
        return sqlglot().Anonymous(this=state.shown.partition("(")[0], expressions=[column])

    def part(self, kind: str, of: str, where: str, state: State | None = None) -> Any:
        """Return the column of a part, noted where it is new."""
        known = next((one for one in self.found if (one.kind, one.of, one.where) == (kind, of, where)), None)
        if known is None:
            known = Part(kind, of, f"@p{len(self.found)}", where, state)
            self.found.append(known)
        return sqlglot().column(known.column, quoted=True)


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
