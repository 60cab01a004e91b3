"""What meets the rows that changed of an input: looked up once in a large other input, for all that join the two alike.

The rows that have one of the values that came or went are staged with every column that someone uses, as they are now;
how they were is told from these and what is known of the other input's own change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.relation import Query, Read, Within
from penstock.plan.delta import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.plan.blocks import Arm, Leaf
    from penstock.plan.delta import Input


@record
class Meeting:
    """How two relations are joined: `columns` of the one that changed equal `others` of the one looked up in."""

    table: str
    columns: tuple[str, ...]
    other: str
    others: tuple[str, ...]


def meetings(arm: Arm) -> Iterator[tuple[Leaf, Leaf, Meeting]]:
    """Give the joins of an arm's inputs, each both ways: a leaf, the other one, and how they meet."""
    leaves = {leaf.number: leaf for leaf in arm.linear}
    found: dict[tuple[int, int], dict[tuple[str, str], None]] = {}
    for pair in arm.pairs:
        found.setdefault((pair.leaf, pair.other), {})[pair.column, pair.others] = None
        found.setdefault((pair.other, pair.leaf), {})[pair.others, pair.column] = None
    for (one, other), columns in found.items():
        here, there = zip(*sorted(columns), strict=True)
        yield leaves[one], leaves[other], Meeting(leaves[one].table, here, leaves[other].table, there)


def values(meeting: Meeting, one: Input) -> Query:
    """Return the query of the values that rows have which came or went, as `@v1` and so on."""
    names = [ident(name) for name in meeting.columns]
    items = ", ".join(f'{name} as "@v{at}"' for at, name in enumerate(names, 1))
    known = " and ".join(f"{name} is not null" for name in names)
    rows = [f"select {items} from {stage} where {known}" for stage in (one.plus, one.minus) if stage]
    return Query(f'select distinct * from ({" union all ".join(rows)}) as "@v"')


def rows(meeting: Meeting, other: Input, used: tuple[str, ...], stage: str, most: int, version: int) -> Query:
    """Return the query of the other relation's rows now that have one of the staged values, `most` and one at most."""
    names = tuple(f"@v{at}" for at in range(1, len(meeting.others) + 1))
    within = (Within(meeting.others, stage, names, once=True),)
    read = Read(other.relation, "live", 0, version, True, within)
    return Query(f'select {_listed(used)} from "@rows" limit {most + 1}', (("@rows", read),))


def modes(meeting: Meeting, other: Input, used: tuple[str, ...], stage: str, now: str) -> dict[str, str]:
    """Return what to read in a term's place of the other input, by mode, when `now` has its rows as they are."""
    kept = now
    if other.plus:
        kept = f"(select n.* from {now} n anti join {other.plus} p on n._rid = p._rid)"
    before = kept
    if other.minus:
        equal = " and ".join(f'l.{ident(name)} = m."@v{at}"' for at, name in enumerate(meeting.others, 1))
        went = f"select {_listed(used, 'l.')} from {other.minus} l semi join {stage} m on {equal}"
        before = f"(from {kept} union all {went})"
    return {"": now, "=": kept, "<": before}


def _listed(used: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{ident(name)}" for name in used)
