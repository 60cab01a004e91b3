"""A select with the tables that it reads under other names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model import names
from penstock.plan.sql.text import parsed, sqlglot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def renamed(text: str, wanted: Mapping[str, str]) -> str | None:
    """Return a select that reads tables under other names, each called in the rest of it as before.

    `wanted` maps names of tables to those that take their places. None where the text is not understood.

    >>> renamed("select orders.id from raw.orders", {"raw.orders": "@1"})
    'select orders.id from "@1" as "orders"'
    """
    tree = parsed(text)
    if tree is None:
        return None
    places = sorted(_places(tree, wanted, frozenset()), reverse=True)
    for start, end, said in places:
        text = text[:start] + said + text[end:]
    return text


def _places(node: object, wanted: Mapping[str, str], hidden: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Give where tables are named, and what is to stand there."""
    exp = sqlglot()
    if not isinstance(node, exp.Expression):
        return
    ctes = node.args.get("with_")
    for cte in ctes.expressions if ctes else ():
        name = cte.alias.lower()
        yield from _places(cte.this, wanted, hidden | {name} if ctes.args.get("recursive") else hidden)
        hidden |= {name}
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        db = node.args.get("db")
        name = names.full(db.name.lower(), node.name.lower()) if db else node.name.lower()
        if name in wanted and (db or name not in hidden):
            first = db or node.this
            alias = "" if node.alias else f' as "{node.this.name}"'
            yield first.meta["start"], node.this.meta["end"] + 1, f'"{wanted[name]}"{alias}'
    for key, value in node.args.items():
        if key != "with_":
            for child in value if isinstance(value, list) else (value,):
                yield from _places(child, wanted, hidden)
