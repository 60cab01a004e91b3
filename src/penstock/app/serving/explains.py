"""How a table is kept fresh, in the words of the web app: a sentence, its blocks, and each as a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app import requests
from penstock.app.serving import tables
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.answers import Explained
    from penstock.app.opened import App


@record
class BlockEffect:
    """What is done when an input of a block changes: `change` is `grows` or `loses`, `why` says why so."""

    input: str
    change: str
    strategy: str
    why: str


@record
class Block:
    """A part of a table's query that is kept fresh by itself; `rows` is None where it is not built."""

    name: str
    kind: str
    reads: tuple[str, ...]
    effects: tuple[BlockEffect, ...]
    kept: bool
    rows: int | None


@record
class TableExplained:
    """How a table is kept fresh: `strategy` says it in a sentence, `text` all of it in lines."""

    table: str
    kind: str
    strategy: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...]
    text: str


def explained(app: App, name: str) -> TableExplained:
    """Return how a table is kept fresh; raises `NoSuchError` for an unknown one."""
    tables.find(app, name)
    found = requests.explain(app, name)
    blocks = tuple(
        Block(
            piece.name,
            piece.kind,
            piece.reads,
            tuple(BlockEffect(one.input, one.change, one.strategy, one.why) for one in piece.effects),
            piece.kept,
            piece.rows,
        )
        for piece in found.blocks
    )
    reasons = (
        one.words + (f" (instead: {one.advice})" if one.advice else "") for one in (*found.reasons, *found.loose)
    )
    notes = (*reasons, *found.notes)
    return TableExplained(
        found.table, found.kind, found.finding, blocks, notes, found.missing, "\n".join(_lines(found, blocks, notes))
    )


def _lines(found: Explained, blocks: tuple[Block, ...], notes: tuple[str, ...]) -> Iterator[str]:
    yield f"{found.table}: {found.finding}"
    for number, block in enumerate(blocks, 1):
        rows = f", {block.rows:,} rows" if block.rows is not None else ""
        yield f"{number}. {block.name}, reads {', '.join(block.reads)}{rows}"
        for effect in block.effects:
            why = f" ({effect.why})" if effect.why else ""
            yield f"   {effect.input} {effect.change}: {effect.strategy}{why}"
    for follows in found.inputs:
        yield f"{follows.input}: rows that come: {follows.grows}; rows that change or go: {follows.loses}"
    yield from notes
