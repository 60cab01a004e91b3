"""What making an arm of a select works with: its sources, and what its expressions use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.plan.sql.text import named, sqlglot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.plan.sql.tree import Tree


@dataclass
class Source:
    """A source of a select: its node, the join that brings it, its inputs, and the ids that it carries."""

    node: Any
    join: Any
    linear: bool
    inputs: list[int] = field(default_factory=list)
    carried: list[tuple[int, Any]] = field(default_factory=list)


@dataclass
class Shaping:
    """What making an arm needs: the tree, and how a query becomes a relation of its own: its name and columns."""

    tree: Tree
    hide: Callable[[Any], tuple[str, tuple[str, ...]]]
    dialect: str


def ids_of(linear: Sequence[tuple[int, Any]], wanted: Sequence[int]) -> list[Any]:
    """Return the items that carry the ids of linear inputs, those at some positions."""
    return [named(linear[at][1].copy(), f"@h{at + 1}") for at in wanted]


def joined(select: Any) -> Iterator[tuple[Any, Any]]:
    """Give the sources of a select, each with the join that brings it, None for the first."""
    start = select.args.get("from_")
    if start is not None:
        yield start.this, None
    for join in select.args.get("joins") or ():
        yield join.this, join


def is_inner(join: Any) -> bool:
    """Tell whether a join keeps rows that meet, and no others."""
    return not join.side and not join.method and join.kind in ("", "INNER", "CROSS")


def number_of(table: Any) -> int:
    """Return the number of an input."""
    return int(table.name[1:])


def numbers(query: Any) -> list[int]:
    """Return the inputs anywhere in a query, each once."""
    exp = sqlglot()
    found = [number_of(one) for one in query.find_all(exp.Table) if isinstance(one.this, exp.Identifier)]
    return list(dict.fromkeys(found))


def as_input(shaping: Shaping, name: str, alias: str) -> Any:
    """Return a relation as a source, under a number of its own."""
    exp = sqlglot()
    number = shaping.tree.number(name)
    return exp.Table(
        this=exp.to_identifier(f"@{number}", quoted=True),
        alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)),
    )


def conjuncts(node: Any) -> list[Any]:
    """Return the conditions that are joined by `and`."""
    exp = sqlglot()
    if node is None:
        return []
    if isinstance(node, (exp.Where, exp.Paren)):
        return conjuncts(node.this)
    if isinstance(node, exp.And):
        return conjuncts(node.this) + conjuncts(node.expression)
    return [node]


def made_within(query: Any) -> set[str]:
    """Return the aliases that are made within a query."""
    exp = sqlglot()
    return {
        node.alias_or_name
        for node in query.find_all(exp.Table, exp.Subquery, exp.Unnest, exp.Values)
        if node.args.get("alias") is not None
    }


def used_from_outside(query: Any) -> set[str]:
    """Return the aliases of sources outside a query that it depends on."""
    exp = sqlglot()
    return {one.table for one in query.find_all(exp.Column) if one.table} - made_within(query)


def aliases_of(node: Any) -> set[str]:
    """Return the aliases of the sources that an expression uses."""
    exp = sqlglot()
    return {one.table for one in node.find_all(exp.Column)}
