"""The verb that explains: explain."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from penstock.base import text
from penstock.cli.call import Call, argument, verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.answers import Explained
    from penstock.cli.style import Paint
    from penstock.plan.estimate import Estimate
    from penstock.plan.explain import Follows, Piece
    from penstock.plan.reasons import Reason

_WIDEST = 110
_EITHER = "rows come, change, go"
_CHANGES = {"grows": "rows come", "loses": "rows change or go"}


@verb(
    argument("table", "The table's name."),
    examples=[
        ("penstock explain sales.daily", "its blocks, what each does when an input changes, and why"),
        ("penstock explain sales.daily --json | jq .explained.reasons", "for a program"),
    ],
)
def explain(call: Call, table: str) -> int:
    """Say how a table is kept fresh, and why.

    Its blocks, the strategy of each, what a change would cost, which words of its query keep it from following
    changes, and how to write them instead. Nothing is run or changed.
    """
    from penstock.app import requests
    from penstock.cli import exact

    with call.open() as app:
        found = requests.explain(app, table)
    call.answer({"explained": exact.shape(found)}, lambda: _told(found, call.paint))
    return 0


def _told(found: Explained, paint: Paint) -> Iterator[str]:
    yield paint(f"{found.table}: {found.finding}", "bold")
    for note in found.notes:
        yield from _wrapped(note)
    if found.inputs and (found.blocks or any(one.grows != "full" for one in found.inputs)):
        yield ""
        yield from _inputs(found.inputs, paint)
    for number, piece in enumerate(found.blocks, 1):
        yield ""
        yield from _block(number, piece, paint)
    yield from _reasons("what keeps it from following every change", found.reasons, paint)
    yield from _reasons("what its query leaves open", found.loose, paint)
    if found.costs:
        yield ""
        yield from _costs(found.costs, paint)


def _inputs(found: Sequence[Follows], paint: Paint) -> Iterator[str]:
    from penstock.cli.grid import grid, room

    body = [[one.input, one.grows, one.loses] for one in found]
    heads = [["input", _CHANGES["grows"], _CHANGES["loses"]]]
    yield from grid(heads, body, [False] * 3, width=room(), indent="  ", paint=paint)


def _block(number: int, piece: Piece, paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean

    kept = "; kept, seen by nobody" if piece.kept else ""
    rows = f"; {text.plural(piece.rows, 'row')}" if piece.rows is not None else ""
    kind = "" if piece.kept else f"{piece.kind}"
    yield f"  {number}  {clean(piece.name)}" + paint(f"  {kind}{rows}{kept}".replace("  ; ", "  "), "dim")
    for grows, loses in zip(piece.effects[::2], piece.effects[1::2], strict=True):
        yield f"     {clean(grows.input)}"
        both = (grows.strategy, grows.why) == (loses.strategy, loses.why)
        for one in (grows,) if both else (grows, loses):
            when = _EITHER if both else _CHANGES[one.change]
            yield from _wrapped(f"{when:<{len(_EITHER)}}  {one.strategy:<6}  {one.why}", "       ", len(_EITHER) + 10)


def _reasons(title: str, found: Sequence[Reason], paint: Paint) -> Iterator[str]:
    if not found:
        return
    yield ""
    yield paint(title, "dim")
    for one in found:
        yield from _wrapped(one.words)
        if one.advice:
            yield from _wrapped(f"instead: {one.advice}", "    ")


def _costs(found: Sequence[Estimate], paint: Paint) -> Iterator[str]:
    from penstock.cli.grid import grid, room

    if all(one.seconds is None for one in found):
        yield paint("what a change would cost", "dim")
        yield from _wrapped(found[0].basis)
        return
    body = [[text.plural(one.changed, "row"), one.strategy, _took(one), one.basis] for one in found]
    heads = [["changed", "strategy", "about", "learned from"]]
    yield from grid(heads, body, [True, False, True, False], width=room(), indent="  ", paint=paint)


def _took(one: Estimate) -> str:
    if one.seconds is None:
        return ""
    return "1 ms" if one.seconds < 0.001 else text.seconds(one.seconds)  # noqa: PLR2004


def _wrapped(said: str, indent: str = "  ", more: int = 0) -> Iterator[str]:
    """Lay out a sentence in lines that can be read, those after the first set in by `more`."""
    from penstock.base.cells import clean
    from penstock.cli.grid import room

    width = min(room() or _WIDEST, _WIDEST)
    yield from textwrap.wrap(
        clean(said), width=max(width, 40), initial_indent=indent, subsequent_indent=indent + " " * more,
        break_long_words=False, break_on_hyphens=False, drop_whitespace=True,
    )  # fmt: skip
