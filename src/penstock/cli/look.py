"""Verbs that look at how things stand: lineage, status, runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from penstock.base import text
from penstock.base.clock import SystemClock
from penstock.cli.call import Call, argument, verb, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from penstock.app.answers import Lineage, TableStatus
    from penstock.cli.style import Paint
    from penstock.model.run import Note, Run

_AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
# How a lineage marks the name of a sink.
_SINK = "sink:"
_SECOND = (1, "second")
_WORST = ("failed", "interrupted", "warned", "rolled back", "changed", "empty", "ok")
_SAID = {
    "empty": "never built",
    "changed": "to be rebuilt",
    "warned": "with warnings",
    "ok": "as they should be",
}


@verb(
    argument("table", "The table's name, or a column's: TABLE.COLUMN.", metavar="TABLE[.COLUMN]"),
    click.Option(["--columns"], is_flag=True, help="Say of every column of the table what it is made of."),
    examples=[
        ("penstock lineage spend", "what spend reads, and what reads it"),
        ("penstock lineage spend.total", "what a column is made of, and what is made of it"),
        ("penstock lineage spend --columns", "what each of its columns is made of"),
        ("penstock lineage raw.orders --json", "for a program"),
    ],
)
def lineage(call: Call, table: str, columns: bool) -> int:
    """Show what a table or a column is made of, and what is made of it."""
    from penstock.app import columns as traced
    from penstock.app import requests
    from penstock.cli import exact, traces

    with call.open() as app:
        name, column = traced.split(app, table)
        if column or columns:
            each = [traced.traced(app, name, column)] if column else traced.columns(app, name)
            shape = {"column": exact.shape(each[0])} if column else {"columns": exact.shape(each)}
            call.answer(shape, lambda: traces.one(each[0], call.paint) if column else traces.all(each, call.paint))
            return 0
        found = requests.lineage(app, table)
    call.answer({"lineage": exact.shape(found)}, lambda: _lineage(found, call.paint))
    return 0


def _lineage(found: Lineage, paint: Paint) -> Iterator[str]:
    above, below = (len(found.upstream), len(found.downstream))
    reads = f"reads {text.plural(above, 'table')}" if above else "reads no table"
    read = f"is read by {below:,}" if below else "is read by none"
    yield paint(f"{found.table} {reads} and {read}", "bold")
    up: dict[str, list[str]] = {}
    down: dict[str, list[str]] = {}
    for source, target in found.edges:
        up.setdefault(target, []).append(source)
        down.setdefault(source, []).append(target)
    for title, edges in (("reads", up), ("is read by", down)):
        if edges.get(found.table):
            yield ""
            yield paint(title, "dim")
            yield from _tree(found.table, edges, found.kinds, "", set())


def _tree(
    name: str, edges: Mapping[str, Sequence[str]], kinds: Mapping[str, str], indent: str, seen: set[str]
) -> Iterator[str]:
    """Draw what hangs under a name; what was drawn before is not drawn again below its name."""
    under = sorted(edges.get(name, ()))
    for at, one in enumerate(under):
        last = at == len(under) - 1
        again = one in seen and bool(edges.get(one))
        seen.add(one)
        kind = kinds.get(one, "table") + (", as above" if again else "")
        yield f"{indent}{'└─' if last else '├─'} {one.removeprefix(_SINK)} ({kind})"
        if not again:
            yield from _tree(one, edges, kinds, indent + ("   " if last else "│  "), seen)


@verb(
    examples=[
        ("penstock status", "how every table stands, trouble first"),
        ("penstock status --json | jq '.tables[] | select(.state != \"ok\")'", "for a program"),
    ],
)
def status(call: Call) -> int:
    """Say what is late or broken, and why.

    Every table with its rows, when it last changed, its rejects and its last failure.
    """
    from penstock.app import requests
    from penstock.cli import exact

    with call.open() as app:
        found = requests.status(app)
    call.answer({"tables": exact.shape(found)}, lambda: _status(found, call.paint))
    if call.quiet and not call.json:
        write(_status_trouble(found, call.paint))
    return 0


def _status(found: Sequence[TableStatus], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli.grid import grid, room

    states = [one.state for one in found]
    parts = [f"{states.count(s):,} {_SAID.get(s, s)}" for s in _WORST if s in states]
    rejects = sum(one.rejects for one in found)
    parts += [f"{text.plural(rejects, 'row')} rejected"] if rejects else []
    yield paint(f"{text.plural(len(found), 'table')}: {', '.join(parts)}" if found else "no tables yet", "bold")
    if "empty" in states:
        yield paint("penstock run builds what was never built, once its sources have rows", "dim")
    yield from _status_trouble(found, paint)
    if not found:
        yield "  declare one in sources/*.toml or tables/*.sql"
        return
    now = SystemClock().now()
    body = [
        [
            one.name,
            one.kind,
            clean(one.state),
            f"{one.rows:,}" if one.state != "empty" else "",
            ago(one.changed_at, now),
            span(one.fresh_seconds),
            f"{one.rejects:,}" if one.rejects else "",
        ]
        for one in found
    ]
    heads = [["table", "kind", "state", "rows", "changed", "fresh", "rejects"]]
    yield ""
    right = [False, False, False, True, False, True, True]
    yield from grid(heads, body, right, width=room(), indent="  ", paint=paint)


def _status_trouble(found: Sequence[TableStatus], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli import story
    from penstock.refresh.rollback import HOW_ON

    for one in found:
        if one.error:
            yield ""
            yield from story.failure(one.name, one.error, paint)
    back = [one.name for one in found if one.state == "rolled back"]
    if back:
        yield ""
        yield f"  held     {', '.join(back)}: {HOW_ON}"
    for one in found:
        for warning in one.warnings:
            yield ""
            yield "  " + paint.state("warns   ") + f" {one.name}: {clean(warning)}"
    if any(one.rejects for one in found):
        yield ""
        why = 'penstock sql "select * from penstock.rejected where replayed is null"'
        yield "  " + paint.state("rejects ") + f" why: {why}"


@verb(
    argument("run", "A run's id, or the beginning of it.", required=False, metavar="[RUN]"),
    click.Option(["--limit"], type=click.IntRange(min=1), default=20, metavar="N", help="Runs to list."),
    examples=[
        ("penstock runs", "the newest runs"),
        ("penstock runs 0193", "one run: its errors first, then its steps"),
        ("penstock runs --limit 1 --json", "the last one, for a program"),
    ],
)
def runs(call: Call, run: str | None, limit: int) -> int:
    """List the newest runs, or tell all about one."""
    from penstock.app import requests
    from penstock.cli import exact, story

    with call.open() as app:
        if run is not None:
            one, verdicts = requests.run_detail(app, run)
            checks = [story.verdict_shape(v) for v in verdicts]
            notes = requests.notes(app, one.id)
            shape = {"run": story.run_shape(one), "checks": checks, "notes": exact.shape(notes)}
            call.answer(shape, lambda: _one(one, (*story.run(one, verdicts, call.paint), *_notes(notes)), call.paint))
            return 0
        found = requests.runs(app, limit)
    call.answer({"runs": [story.run_shape(one) for one in found]}, lambda: _runs(found, call.paint))
    return 0


def _notes(notes: Sequence[Note]) -> Iterator[str]:
    from penstock.base.cells import clean

    for note in notes:
        whose = f"{clean(note.table)}: " if note.table else ""
        yield f"  after {text.seconds(note.at)}, {whose}{clean(note.text)}"


def _one(run: Run, lines: Iterable[str], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean

    told = iter(lines)
    yield next(told)
    typed = f", {clean(run.command)}" if run.command else ""
    yield paint(f"{run.state}, {local(run.started)}{typed}", "dim")
    yield from told


def _runs(found: Sequence[Run], paint: Paint) -> Iterator[str]:
    from penstock.app.finding import finding
    from penstock.base.cells import clean
    from penstock.cli.grid import grid, room

    if not found:
        yield paint("no runs yet", "bold")
        yield "  penstock run makes the first one"
        return
    bad = sum(one.state in ("failed", "interrupted") for one in found)
    now = SystemClock().now()
    trouble = f"; {bad:,} of the last {len(found):,} did not end well" if bad and len(found) > 1 else ""
    yield paint(f"the last run is {found[0].state}, {ago(found[0].started, now)}{trouble}", "bold")
    yield ""
    body = [[clean(one.id), local(one.started), one.state, finding(one), clean(one.command)] for one in found]
    heads = [["run", "began", "state", "what came of it", "command"]]
    yield from grid(heads, body, [False] * 5, width=room(), indent="  ", paint=paint)


def ago(then: datetime | None, now: datetime) -> str:
    """Say how long ago something was.

    >>> ago(datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 12, 30, tzinfo=UTC))
    '2 hours ago'
    """
    if then is None:
        return ""
    seconds = (now - then.astimezone(UTC)).total_seconds()
    for size, unit in _AGES:
        if seconds >= size:
            return f"{text.plural(int(seconds // size), unit)} ago"
    return "just now"


def span(seconds: float | None) -> str:
    """Say a span of time as a project's file would, in the largest unit that is exact.

    >>> span(300.0), span(86_400), span(0.5), span(None)
    ('5 minutes', '1 day', '500 ms', '')
    """
    if seconds is None:
        return ""
    fits = ((size, unit) for size, unit in (*_AGES, _SECOND) if seconds >= size and not seconds % size)
    size, unit = next(fits, (0, ""))
    return text.plural(int(seconds // size), unit) if size else text.seconds(seconds)


def local(then: datetime) -> str:
    """Return an instant in the reader's own time zone."""
    return then.astimezone().strftime("%Y-%m-%d %H:%M:%S")
