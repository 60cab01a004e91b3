"""Groups that take a change in by themselves: the queries that add to their parts what came and take what went.

A block's `merge` says which parts its groups keep, and how what users see is made of them. Of a change only what it
adds to each part, and takes from it, is computed of the rows; the rest of a group is not read. Where what went may have
been the least or the greatest of a group, that group is doubtful, and computed again by its key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.model.relation import Query
from penstock.model.schema import cast
from penstock.plan.blocks import BODY
from penstock.plan.delta import Text, ident, keyed, terms_of, typed, united, weighed_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.schema import Schema
    from penstock.plan.blocks import Block, Part
    from penstock.plan.delta import Input, Turn

_ADDED = ("count", "sum")


def grows(turn: Turn) -> bool:
    """Tell whether rows come to a block's groups, and none go."""
    return not turn.found and not any(one.went for one in turn.inputs.values())


def sums(block: Block, turn: Turn, like: Schema) -> Query:
    """Return the query of what a change adds to and takes from the parts of the groups that it touches.

    Keys come as `@key1` and so on, parts under their names; of an extreme what came, and under the name with a `-`
    what went, where rows go.
    """
    if block.merge is None:
        raise ValueError("the block cannot merge")
    made = turn.text
    if grows(turn):
        body, change_of = united(block, terms_of(block, made, "+", turn.found), ids=False), _growth_of
    else:
        body, change_of = _weighed(block, turn, made), _change_of
    keys = keyed(block, like)
    items = [one for part in block.merge.parts for one in change_of(part)]
    group = f" group by {', '.join(str(at) for at in range(1, len(keys) + 1))}" if keys else ""
    text = f"select {', '.join([*keys, *items])} from ({body}) as {BODY}{group}"
    if differs(block, turn) and not (grows(turn) and keys):
        other = " or ".join(f"{ident(part.column)} <> 0" for part in block.merge.parts if part.kind in _ADDED)
        text = f'select * from ({text}) as "@sums" where {other}'
    return made.query(text)


def differs(block: Block, turn: Turn) -> bool:
    """Tell whether every group of the staged sums comes out different, those that do not being left out of them.

    What only grew has other counts. Where rows go as well, a group may win what it loses: counts and sums tell, an
    extreme does not.
    """
    return grows(turn) or (block.merge is not None and all(part.kind in _ADDED for part in block.merge.parts))


def sampled(block: Block, inputs: Mapping[str, Input], version: int, most: int) -> Query:
    """Return the query of how many rows and groups there are among the first `most` rows under a block of groups."""
    made = Text(inputs, version)
    body = united(block, [(at, made.put(arm.text, arm, {})) for at, arm in enumerate(block.arms)], ids=False)
    group = f" group by {', '.join(block.keys)}" if block.keys else ""
    counted = f'select count(*) as "@n" from (select * from ({body}) as "@b" limit {most}) as {BODY}{group}'
    return made.query(f'select cast(coalesce(sum("@n"), 0) as bigint), count(*) from ({counted}) as "@g"')


def _weighed(block: Block, turn: Turn, made: Text) -> str:
    """Return the rows that come and go, with their weight as `@w`."""
    weighed = weighed_terms(block, made)
    if weighed is not None:
        return united(block, weighed, ids=False, further='"@w"')
    found = ((terms_of(block, made, sign, turn.found), weight) for sign, weight in (("+", 1), ("-", -1)))
    parts = [united(block, terms, ids=False, further=f'{weight} as "@w"') for terms, weight in found if terms]
    return "\nunion all\n".join(parts)


def _growth_of(part: Part) -> list[str]:
    """Return what rows that come add to a part."""
    if part.state is not None:
        return [f"{part.of} as {ident(part.column)}"]
    function = {"count": "count", "sum": "sum", "least": "min", "greatest": "max"}[part.kind]
    only = f" filter (where {part.where})" if part.where else ""
    value = f"{function}({part.of or '*'}){only}"
    return [f"{f'coalesce({value}, 0)' if part.kind == 'sum' else value} as {ident(part.column)}"]


def _change_of(part: Part) -> list[str]:
    """Return what of a part a change adds and takes away, over rows with a weight of 1 or -1."""
    if part.state is not None:
        raise ValueError("nothing can be taken from a state")
    only = f" and ({part.where})" if part.where else ""
    if part.kind == "count":
        known = f"({part.of}) is not null" if part.of else "true"
        return [f'coalesce(sum("@w") filter (where {known}{only}), 0)::bigint as {ident(part.column)}']
    if part.kind == "sum":
        plus, minus = (f'coalesce(sum({part.of}) filter (where "@w" {sign} 0{only}), 0)' for sign in "><")
        return [f"{plus} - {minus} as {ident(part.column)}"]
    pick = "min" if part.kind == "least" else "max"
    return [
        f'{pick}({part.of}) filter (where "@w" {sign} 0{only}) as {ident(part.column + name)}'
        for sign, name in ((">", ""), ("<", "-"))
    ]


def merged(block: Block, stage: str, old: str, like: Schema, *, grown: bool = False) -> Query:
    """Return the query of the groups that staged sums touch, as they are with them; without rows they are gone.

    `old` is the stage of these groups as they were; each keeps the id that its row had, as `_rid`. `grown` says that
    rows only came.
    """
    if block.merge is None:
        raise ValueError("the block cannot merge")
    types = like.types
    items = [f'd."@key{at}" as "@k{at}"' for at in range(1, len(block.keys) + 1)]
    items += [f"{cast(_new(part), types[part.column])} as {ident(part.column)}" for part in block.merge.parts]
    doubt = "" if grown else f', {_doubtful(block)} as "@doubtful"'
    groups = f"select {', '.join(items)}{doubt}, l._rid from {_joined(block, stage, old)}"
    finish = block.merge.finish.replace(' FROM "@parts"', f', _rid FROM ({groups}) as "@parts"')
    if grown:
        return Query(typed(finish, like, "_rid"))
    where = ' where not "@doubtful"' + (f" and {ident(block.merge.number)} > 0" if block.keys else "")
    return Query(typed(finish + where, like, "_rid"))


def both(stage: str, query: Query, like: Schema) -> Query:
    """Return the query of a stage's rows and those of a query."""
    names = ", ".join(ident(c.name) for c in like)
    return replace(query, text=f"select {names} from {stage}\nunion all\n{query.text}")


def doubtful(block: Block, stage: str, old: str) -> Query | None:
    """Return the query of the keys whose extreme was lost, so that it is to be found anew; None where none can be."""
    if block.merge is None or all(part.kind in _ADDED for part in block.merge.parts):
        return None
    keys = ", ".join(f'"@key{at}"' for at in range(1, len(block.keys) + 1)) or "1"
    left = f" and {_new(block.merge.parts[0])} > 0" if block.keys else ""
    return Query(f"select {keys} from {_joined(block, stage, old)} where ({_doubtful(block)}){left}")


def _joined(block: Block, stage: str, old: str) -> str:
    same = " and ".join(f'd."@key{at}" is not distinct from l.{ident(held)}' for at, held in enumerate(block.held, 1))
    return f"{stage} d left join {old} l on {same or 'true'}"


def _doubtful(block: Block) -> str:
    """Return the condition that a loss may have taken a group's extreme."""
    parts = block.merge.parts if block.merge else ()
    found = []
    for part in parts:
        if part.kind in ("least", "greatest"):
            name, word = part.column, "<=" if part.kind == "least" else ">="
            lost = f"d.{ident(name + '-')}"
            found.append(f"({lost} is not null and (l.{ident(name)} is null or {lost} {word} l.{ident(name)}))")
    return " or ".join(found) or "false"


def _new(part: Part) -> str:
    own, came = f"l.{ident(part.column)}", f"d.{ident(part.column)}"
    if part.state is not None:
        return part.state.joined.format(kept=own, came=came)
    if part.kind in ("count", "sum"):
        return f"coalesce({own}, 0) + {came}"
    return f"{part.kind}({own}, {came})"
