"""Which strategy follows a change of a block's inputs, and why: the rule of refreshes, for whoever explains them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.plan.blocks import Block, Leaf

FLOATS = ("double", "float")


@record
class Move:
    """What happened to an input of a block: rows came, rows went, or both."""

    came: bool = False
    went: bool = False


@record
class Choice:
    """The strategy for a block, `append`, `merge`, `keys` or `full`, and why; `words` are what stands in the way."""

    strategy: str
    why: str
    words: str = ""

    @property
    def loses(self) -> bool:
        """Whether rows can go by it, not only come."""
        return self.strategy != "append"


def choose(block: Block, moves: Mapping[str, Move], types: Mapping[str, str]) -> Choice:
    """Return how a block follows what happened to its inputs; `types` are those of its columns, hidden ones too."""
    dependent = [leaf for arm in block.arms for leaf in arm.dependent if leaf.table in moves]
    found = _without_equality(dependent)
    if found is not None:
        words = "a subquery that has no equality with the rows outside"
        return Choice("full", "which rows the change touches cannot be told", words)
    if block.kind == "rows":
        return _rows(block, moves, dependent)
    if block.kind == "limit":
        return Choice("full", "the first rows are chosen again", *block.words[:1])
    if block.merge is not None:
        return _merge(block, moves, dependent, types)
    if not block.keys:
        return Choice("full", "all its rows belong together", *block.words[:1])
    return Choice("keys", _AGAIN.get(block.kind, _GROUPS), *block.words[:1])


_GROUPS = "the groups that the change touches are computed again, from all of their rows"
_AGAIN = {
    "window": "the partitions that the change touches are computed again",
    "compound": "the rows that are equal to those of the change are compared again",
}


def _without_equality(dependent: list[Leaf]) -> Leaf | None:
    return next((leaf for leaf in dependent if leaf.finder is None), None)


def _rows(block: Block, moves: Mapping[str, Move], dependent: list[Leaf]) -> Choice:
    went = any(moves[leaf.table].went for arm in block.arms for leaf in arm.linear if leaf.table in moves)
    if dependent:
        return Choice("keys", "the rows that meet the change are found and computed again")
    if went:
        return Choice("keys", "the rows that came of those that went are found by their ids")
    return Choice("append", "each new row gives rows of its own, beside those that are there")


def _merge(block: Block, moves: Mapping[str, Move], dependent: list[Leaf], types: Mapping[str, str]) -> Choice:
    parts = block.merge.parts if block.merge else ()
    takes = bool(dependent) or any(move.went for move in moves.values())
    states = block.merge.states if block.merge else ()
    if takes and states:
        stays = f"{', '.join(dict.fromkeys(part.function for part in states))} can only be added to"
        if not block.keys:
            return Choice("full", stays, *block.words[:1])
        return Choice("keys", f"{stays}: {_GROUPS}")
    if takes and any(part.kind == "sum" and types.get(part.column) in FLOATS for part in parts):
        words = "floats in a sum"
        if not block.keys:
            return Choice("full", "floats cannot be taken out of a sum exactly", words)
        return Choice("keys", f"floats cannot be taken out of a sum exactly: {_GROUPS}", words)
    if not takes:
        return Choice("merge", "what came is added to what is kept of its groups")
    why = "what came is added to what is kept of its groups, and what went is taken from it"
    if any(part.kind in ("least", "greatest") for part in parts):
        why += "; where a min or max may have gone, that group is computed again"
    return Choice("merge", why)
