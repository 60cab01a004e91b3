"""A plan in people's words: its blocks, and what growth and loss of each input lead to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.names import is_hidden
from penstock.plan.estimate import Estimate
from penstock.plan.reasons import Reason, reason
from penstock.plan.strategy import Move, choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from penstock.plan.blocks import Arm, Block, Plan
    from penstock.plan.strategy import Choice

GROWS = Move(came=True)
LOSES = Move(came=True, went=True)

_KINDS = {
    "rows": "rows", "group": "groups", "distinct": "different rows", "window": "windows", "compound": "set operation",
    "limit": "first rows", "whole": "whole query",
}  # fmt: skip
_TIED = "where its order leaves rows equal, their other columns decide which comes first"
_PLAIN = re.compile(r'"([a-z_][a-z0-9_]*)"')
_BODY_COLUMN = re.compile(r'"(@c\d+)"')
_LONGEST = 60


@record
class Effect:
    """What a change of one input of a block leads to: `grows` is rows that come, `loses` rows that change or go."""

    input: str
    change: str
    strategy: str
    why: str


@record
class Piece:
    """A block: its name in words, the relation that holds its rows, what it reads, and what changes of that do.

    Another block that it reads is called `block` and its place in the list, from one.
    `kept` says that the relation is one that nobody sees, `rows` how many it has, None where it is not built.
    """

    name: str
    relation: str
    kind: str
    reads: tuple[str, ...]
    effects: tuple[Effect, ...]
    kept: bool = False
    rows: int | None = None


@record
class Follows:
    """What the table as a whole does when rows come to an input (`grows`), and when rows change or go (`loses`)."""

    input: str
    grows: str
    loses: str


@record
class Explained:
    """How a table is kept fresh.

    `kind` is `sql`, `python` or `raw`; `finding` says it in a sentence. `reasons` are words that keep parts of it, or
    all of it, from following changes; `loose` are words that leave the answer open. `notes` say what else there is to
    know, `missing` which tables have to be loaded before more can be said.
    """

    table: str
    kind: str
    finding: str
    blocks: tuple[Piece, ...] = ()
    inputs: tuple[Follows, ...] = ()
    reasons: tuple[Reason, ...] = ()
    loose: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    rows_in: int = 0
    smallest: int = 0
    costs: tuple[Estimate, ...] = ()


def explain(table: str, plan: Plan, types: Mapping[str, Mapping[str, str]]) -> Explained:
    """Explain a SQL table by its plan; `types` has the columns of each block, hidden ones too, by its relation."""
    if not plan.blocks:
        why = tuple(reason(words) for words in plan.words)
        return Explained(table, "sql", "it is computed in full whenever an input changed", reasons=why)
    names = called(plan)
    numbers = {block.name: f"block {number}" for number, block in enumerate(plan.blocks, 1)}
    pieces: list[Piece] = []
    stopping: list[str] = []
    dearer: list[str] = []
    loose: list[str] = []
    for block in plan.blocks:
        effects = list(_effects(block, numbers, types.get(block.name, {})))
        for _, choice in effects:
            (stopping if choice.strategy == "full" else dearer).append(choice.words)
        loose += block.loose
        shown = tuple(numbers.get(one, one) for one in block.tables)
        pieces.append(
            Piece(names[block.name], block.name, _KINDS[block.kind], shown, tuple(effect for effect, _ in effects),
                  is_hidden(block.name))
        )  # fmt: skip
    inputs = tuple(_follows(plan, types))
    return Explained(
        table, "sql", _finding(inputs, len(pieces)), tuple(pieces), inputs,
        tuple(reason(one) for one in dict.fromkeys([*stopping, *dearer]) if one),
        tuple(reason(one) for one in dict.fromkeys(loose)),
        (_TIED,) if any(block.tied for block in plan.blocks) else (),
    )  # fmt: skip


def _finding(inputs: Sequence[Follows], blocks: int) -> str:
    ways = {way for one in inputs for said in (one.grows, one.loses) for way in said.split(" → ")}
    if not inputs:
        return "it reads no table, and is computed when its definition changes"
    if ways == {"full"} and blocks == 1:
        return "it is computed in full whenever an input changed"
    if "full" in ways:
        return "it follows what changed, all but the blocks marked full"
    return "it follows what changed"


def _effects(block: Block, numbers: Mapping[str, str], types: Mapping[str, str]) -> Iterator[tuple[Effect, Choice]]:
    for one in block.tables:
        for word, move in (("grows", GROWS), ("loses", LOSES)):
            choice = choose(block, {one: move}, types)
            yield Effect(numbers.get(one, one), word, choice.strategy, choice.why), choice


# ── the table as a whole ────────────────────────────────────────────────────────────────────────────────


def _follows(plan: Plan, types: Mapping[str, Mapping[str, str]]) -> Iterator[Follows]:
    blocks = {block.name for block in plan.blocks}
    base = dict.fromkeys(one for block in plan.blocks for one in block.tables if one not in blocks)
    for one in base:
        yield Follows(one, " → ".join(way(plan, types, {one: GROWS})), " → ".join(way(plan, types, {one: LOSES})))


def way(plan: Plan, types: Mapping[str, Mapping[str, str]], moves: Mapping[str, Move]) -> list[str]:
    """Return the strategies, each once and in order, by which a table follows what happened to its inputs."""
    happened = dict(moves)
    found = []
    for block in plan.blocks:
        mine = {name: happened[name] for name in block.tables if name in happened}
        if not mine:
            continue
        choice = choose(block, mine, types.get(block.name, {}))
        found.append(choice.strategy)
        happened[block.name] = Move(came=True, went=choice.loses)
    return list(dict.fromkeys(found))


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────


def called(plan: Plan) -> dict[str, str]:
    """Return what each block is called: the last by its table's name, a hidden one by what it holds."""
    named: dict[str, str] = {}
    known = {block.name: block for block in plan.blocks}
    for block in plan.blocks:
        name = _said(block, known) if is_hidden(block.name) else block.name
        same = [one for one in named.values() if one == name or one.startswith(f"{name}, no. ")]
        named[block.name] = f"{name}, no. {len(same) + 1}" if same else name
    return named


def _said(block: Block, known: Mapping[str, Block]) -> str:
    over = _listed(dict.fromkeys(_base(block, known)))
    keys = _listed(dict.fromkeys(words(key, block.arms[0], known) for key in block.keys))
    if block.kind == "compound":
        return f"rows {'in both of' if ' intersect ' in block.outer else 'left of'} {over}"
    if block.kind == "group":
        return f"groups of {over} by {keys}" if keys else f"all of {over} in one group"
    if block.kind == "window":
        return f"windows over {over}" + (f" by {keys}" if keys else "")
    return f"{_KINDS[block.kind]} of {over}"


def _base(block: Block, known: Mapping[str, Block]) -> Iterator[str]:
    """Give the tables that a block is made of, those under hidden ones, too."""
    for name in block.tables:
        if name in known:
            yield from _base(known[name], known)
        else:
            yield name


def _listed(names: Iterable[str]) -> str:
    """Return names with commas, a long list cut short."""
    every = list(names)
    text = ", ".join(every)
    return text if len(text) <= _LONGEST or len(every) < 2 else f"{every[0]} and {len(every) - 1} more"  # noqa: PLR2004


def words(text: str, arm: Arm, known: Mapping[str, Block]) -> str:
    """Return an expression over a block's body with the columns that people know."""
    tables = {leaf.number: leaf.table for leaf in arm.leaves}
    sources = {column: (tables.get(number, ""), name) for column, number, name in arm.sources}

    def shown(match: re.Match[str]) -> str:
        if match[1] in sources:
            table, name = sources[match[1]]
            return _column(table, name, known)
        given = re.search(rf'"([^"]+)"\s+as\s+"{match[1]}"', arm.text, re.IGNORECASE)
        return given[1] if given and not given[1].startswith("@") else "…"

    return _PLAIN.sub(r"\1", _BODY_COLUMN.sub(shown, text))


def _column(table: str, name: str, known: Mapping[str, Block]) -> str:
    """Return a column of a relation as people know it: a key of hidden groups by what it is."""
    block = known.get(table)
    if block is None or not name.startswith("@"):
        return name if name.isidentifier() else f'"{name}"'
    if name in block.held:
        return words(block.keys[block.held.index(name)], block.arms[0], known)
    return "…"


def with_rows(found: Explained, rows: Mapping[str, int]) -> Explained:
    """Return an explanation with the number of rows of each block that is built."""
    return replace(found, blocks=tuple(replace(one, rows=rows.get(one.relation)) for one in found.blocks))
