"""Verbs that bring tables up to date, or say what that would do: run, plan, replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from penstock.base import text
from penstock.cli import report
from penstock.cli.call import Call, argument, selection, verb, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.answers import Planned
    from penstock.model.check import Verdict
    from penstock.model.run import Run


def _exclude() -> click.Option:
    does = "Tables to leave out; may be given again."
    return click.Option(["--exclude"], multiple=True, metavar="SELECT", help=does)


@verb(
    selection(),
    _exclude(),
    click.Option(["--full"], is_flag=True, help="Compute anew even what nothing has changed for."),
    examples=[
        ("penstock run", "bring every table up to date"),
        ("penstock run +spend", "the table spend and all that it reads"),
        ("penstock run tag:nightly --exclude sales.*", "by tag, less a folder"),
        ("penstock run --json | jq .run.state", "for a program"),
    ],
)
def run(call: Call, select: tuple[str, ...], exclude: tuple[str, ...], full: bool) -> int:
    """Bring tables up to date once.

    Reads the sources, computes what changed, checks it, shows it all at once, delivers it to the sinks. What
    fails stops only what depends on it; the rest is brought up to date.
    """
    from penstock.app import requests
    from penstock.cli.progress import listener

    with call.open() as app:
        with listener(silent=call.quiet or call.json) as hear:
            made = requests.run(app, select, exclude=exclude, listener=hear, full=full, command=call.command)
        found, verdicts = requests.run_detail(app, made.id)
    return tell_run(call, found, verdicts)


def tell_run(call: Call, found: Run, verdicts: Sequence[Verdict]) -> int:
    """Say how a run ended, and return its exit code."""
    from penstock.cli import story

    ok = found.state == "done"
    shape = {"ok": ok, "run": story.run_shape(found), "checks": [story.verdict_shape(v) for v in verdicts]}
    call.answer(shape, lambda: story.run(found, verdicts, call.paint))
    if call.quiet and not call.json:
        write(story.run_trouble(found, verdicts, call.paint))
    return 0 if ok else report.FAILED


@verb(
    selection(),
    _exclude(),
    examples=[
        ("penstock plan", "what a run would do with each table, and why"),
        ("penstock plan spend+", "the table spend and what reads it"),
        ("penstock plan --env prod", "in another environment"),
    ],
)
def plan(call: Call, select: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    """Say what a run would do, and why.

    Nothing is changed.
    """
    from penstock.app import requests
    from penstock.cli import exact

    with call.open() as app:
        found = requests.plan(app, select, exclude=exclude)
    call.answer({"plan": exact.shape(found)}, lambda: _planned(found, call))
    return 0


def _planned(found: Sequence[Planned], call: Call) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli.grid import grid, room

    doing = [p for p in found if p.action != "nothing"]
    held = [p for p in found if p.action == "nothing" and p.reason.startswith("rolled back")]
    counts: dict[str, int] = {}
    for one in doing:
        counts[one.action] = counts.get(one.action, 0) + 1
    said = ", ".join(f"{action} {count:,}" for action, count in counts.items())
    touched = f"a run would touch {len(doing):,} of {len(found):,}: {said}"
    yield call.paint(touched if doing else "a run would change nothing", "bold")
    if doing:
        yield ""
        body = [[p.name, p.kind, p.action, clean(p.reason)] for p in doing]
        heads = [["table", "kind", "action", "why"]]
        yield from grid(heads, body, [False] * 4, width=room(), indent="  ", paint=call.paint)
    if held:
        yield ""
        yield from (f"  {clean(p.name)}: {p.reason}" for p in held)


@verb(
    argument("table", "The raw table whose rejects to try again."),
    examples=[
        ("penstock replay raw.orders", "try the rejected rows of raw.orders again"),
        (
            'penstock sql "select * from penstock.rejected where replayed is null"',
            "what was rejected, and why",
        ),
    ],
)
def replay(call: Call, table: str) -> int:
    """Try a table's rejected rows again.

    For after the mistake in its declaration was mended: what loads now goes into the table, and what reads it
    is brought up to date; what does not load stays in penstock.rejected.
    """
    from penstock.app import requests
    from penstock.cli import exact

    with call.open() as app:
        found = requests.replay(app, table, command=call.command)

    def lines() -> Iterator[str]:
        if not found.tried:
            yield call.paint(f"{found.table} has no rejected rows", "bold")
            return
        still = f", {found.rejected:,} rejected again" if found.rejected else ""
        said = f"{text.plural(found.loaded, 'row')} of {found.tried:,} loaded into {found.table}{still}"
        yield call.paint(said, "bold")
        if found.rejected:
            yield '  why: penstock sql "select * from penstock.rejected where replayed is null"'

    shape: dict[str, Any] = {"replayed": exact.shape(found)}
    call.answer(shape, lines)
    return 0
