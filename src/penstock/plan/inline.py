"""A plan as one query over the tables that it reads, with nothing kept in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.names import is_hidden
from penstock.model.relation import Query, Read, Relation
from penstock.model.schema import Schema
from penstock.plan import delta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.plan.blocks import Plan


def inlined(plan: Plan, relations: Mapping[str, Relation], columns: tuple[str, ...]) -> Query:
    """Return the query of a plan's columns; where its text leaves rows equal, the plan orders them."""
    known = {name: delta.Input(relation) for name, relation in relations.items()}
    reads: dict[str, Read] = {}
    texts: dict[str, str] = {}
    parts = []
    for block in plan.blocks:
        query = delta.whole(block, known, 0)
        for name, read in query.reads:
            below = read.relation.name
            if is_hidden(below):
                parts.append(
                    f'{_ident(name)} as (select *, row_number() over () as _rid from ({texts[below]}) as "@x")'
                )
            else:
                reads[name] = read
        texts[block.name] = query.text
        known[block.name] = delta.Input(Relation(block.name, Schema(), "", ""))
    shown = ", ".join(_ident(name) for name in columns)
    front = f"with {', '.join(parts)}\n" if parts else ""
    text = f'{front}select {shown} from ({texts[plan.blocks[-1].name]}) as "@x"'
    return Query(text, tuple(reads.items()))


def _ident(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
