"""The verb that verifies: verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.base import text
from penstock.cli import report
from penstock.cli.call import Call, selection, verb, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.answers import Verified
    from penstock.cli.style import Paint

_SAID = {"same": "same", "differs": "differs", "skipped": "left out", "failed": "failed"}


@verb(
    selection(),
    click.Option(["--rows"], type=click.IntRange(min=1), default=5, metavar="N", help="Rows of a difference to show."),
    examples=[
        ("penstock verify", "every table"),
        ("penstock verify sales.* --rows 20", "some of them, with more rows where they differ"),
        ("penstock verify --json | jq '.verified[] | select(.state == \"differs\")'", "for a program"),
    ],
)
def verify(call: Call, select: tuple[str, ...], rows: int) -> int:
    """Recompute tables in full, and compare with what is stored.

    Each SQL table by its own text, each Python table by its function, from its inputs as of the version that it
    shows; raw tables are looked at for broken keys and storage. Nothing is changed, and no run waits for it.
    """
    from penstock.app import requests
    from penstock.cli import exact
    from penstock.cli.progress import listener

    with call.open() as app, listener(silent=call.quiet or call.json) as hear:
        found = requests.verify(app, select, rows=rows, listener=hear)
    ok = all(one.state in ("same", "skipped") for one in found)
    call.answer({"ok": ok, "verified": exact.shape(found)}, lambda: _told(found, call.paint))
    if call.quiet and not call.json:
        write(_trouble(found, call.paint))
    return 0 if ok else report.FAILED


def _told(found: Sequence[Verified], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli.grid import grid, room

    states = [one.state for one in found]
    many = [(states.count(state), said) for state, said in _SAID.items()]
    parts = [f"{count:,} {said}" for count, said in sorted(many, key=lambda one: one[1] == "same") if count]
    took = text.seconds(sum(one.seconds for one in found))
    yield paint(f"{text.plural(len(found), 'table')}: {', '.join(parts)}, {took}" if found else "no tables yet", "bold")
    yield from _trouble(found, paint)
    if not found:
        return
    body = [
        [one.table, one.kind, _SAID[one.state], f"{one.rows:,}", f"{one.version:,}" if one.version else "",
         text.seconds(one.seconds)]
        for one in found
    ]  # fmt: skip
    heads = [["table", "kind", "verdict", "rows", "version", "time"]]
    right = [False, False, False, True, True, True]
    for one in found:
        if one.state in ("same", "skipped") and one.reason:
            yield ""
            yield "  " + paint.state(f"{_SAID[one.state]:<8}") + f" {clean(one.table)}: {clean(one.reason)}"
    yield ""
    yield from grid(heads, body, right, width=room(), indent="  ", paint=paint)


def _trouble(found: Sequence[Verified], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean

    for one in found:
        if one.state not in ("differs", "failed"):
            continue
        yield ""
        counts = [f"{one.missing:,} missing"] * bool(one.missing) + [f"{one.extra:,} too many"] * bool(one.extra)
        rows = f": {text.plural(one.missing + one.extra, 'row')}, {', '.join(counts)}" if counts else ""
        yield "  " + paint.state(f"{one.state:<8}") + f" {clean(one.table)}{rows}"
        if one.reason:
            yield " " * 11 + clean(one.reason)
        yield from _rows("missing", one.missing, one.missing_rows)
        yield from _rows("too many", one.extra, one.extra_rows)


def _rows(label: str, many: int, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    from penstock.base.cells import cell, clean

    for row in rows:
        said = ", ".join(f"{clean(name)} = {cell(value)}" for name, value in row.items())
        yield " " * 11 + f"{label}: {said}"
    if rows and many > len(rows):
        yield " " * 11 + f"{label}: {many - len(rows):,} more"
