"""Verbs that prove something: check, test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.base import text
from penstock.cli import report
from penstock.cli.call import Call, selection, verb, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.answers import UnitResult
    from penstock.cli.style import Paint
    from penstock.model.check import Verdict
    from penstock.model.project import Project

_SHOWN = 3


@verb(
    selection(),
    examples=[
        ("penstock check", "every file and page, then every check on the rows that are there"),
        ("penstock check orders+", "the checks of orders and of what reads it"),
        ("penstock check --json | jq '.checks[] | select(.state != \"passed\")'", "for a program"),
    ],
)
def check(call: Call, select: tuple[str, ...]) -> int:
    """Check the project's files and pages, then the rows of its tables.

    What sources are told is looked at, and nothing is read. A mistake in a file is shown with its place, and ends
    it. With a selection, only pages that show one of its tables are looked at. Nothing is changed.
    """
    from penstock.app import requests
    from penstock.app.pages import dashboards
    from penstock.cli import story

    with call.open() as app:
        project = app.project
        pages = dashboards.names(app)
        requests.check_sources(app, select)
        dashboards.raise_mistakes(app, select)
        found = requests.check(app, select)
    ok = all(v.state != "failed" for v in found)
    shape = {"ok": ok, "checks": [story.verdict_shape(v) for v in found]}
    call.answer(shape, lambda: _checked(project, len(pages), found, call.paint))
    if call.quiet and not call.json:
        write(_check_trouble(found, call.paint))
    return 0 if ok else report.FAILED


def _checked(project: Project, pages: int, found: Sequence[Verdict], paint: Paint) -> Iterator[str]:
    states = [v.state for v in found]
    fails, warns, passes = (states.count(s) for s in ("failed", "warned", "passed"))
    parts = [text.plural(fails, "check fails", "checks fail")] if fails else []
    parts += [text.plural(warns, "check warns", "checks warn")] if warns else []
    parts += [text.plural(passes, "check passes", "checks pass")] if passes else []
    yield paint(", ".join(parts) or "there are no checks", "bold")
    yield paint(f"the files are in order: {_inventory(project, pages)}", "dim")
    yield from _check_trouble(found, paint)
    if found:
        yield ""
        yield from _check_table(found, paint)


def _inventory(project: Project, pages: int) -> str:
    counts = [
        (len(project.raw), "raw table"),
        (len(project.tables), "table"),
        (len(project.sinks), "sink"),
        (len(project.units), "unit test"),
        (len(project.metrics), "metric"),
        (pages, "dashboard"),
    ]
    return ", ".join(text.plural(count, noun) for count, noun in counts if count) or "an empty project"


def _check_trouble(found: Sequence[Verdict], paint: Paint) -> Iterator[str]:
    from penstock.cli import story

    for verdict in sorted(found, key=lambda v: v.state):
        if verdict.state != "passed":
            yield ""
            yield from story.check(verdict, paint)


def _check_table(found: Sequence[Verdict], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli.grid import grid, room

    body = [
        [v.table, clean(v.check.label), v.state, f"{v.failed:,}" if v.failed else "", text.seconds(v.seconds)]
        for v in found
    ]
    heads = [["table", "check", "state", "rows", "time"]]
    right = [False, False, False, True, True]
    yield from grid(heads, body, right, width=room(), indent="  ", paint=paint)


@verb(
    selection(),
    examples=[
        ("penstock test", "every unit test of the project"),
        ("penstock test spend", "those of one table"),
    ],
)
def test(call: Call, select: tuple[str, ...]) -> int:
    """Run the unit tests of tables.

    Given rows, expected rows: they stand in tests/*.toml. Nothing in the warehouse is read or changed.
    """
    from penstock.app import requests
    from penstock.cli import exact

    with call.open() as app:
        found = requests.test(app, select)
    ok = all(one.passed for one in found)
    call.answer({"ok": ok, "tests": exact.shape(found)}, lambda: _tested(found, call.paint))
    if call.quiet and not call.json:
        write(_test_trouble(found, call.paint))
    return 0 if ok else report.FAILED


def _tested(found: Sequence[UnitResult], paint: Paint) -> Iterator[str]:
    passed = sum(one.passed for one in found)
    failed = len(found) - passed
    parts = [f"{text.plural(failed, 'test')} failed"] if failed else []
    parts += [f"{passed:,} passed" if failed else f"{text.plural(passed, 'test')} passed"] if passed else []
    took = text.seconds(sum(one.seconds for one in found))
    yield paint(", ".join([*parts, took]) if found else "there are no tests here", "bold")
    yield from _test_trouble(found, paint)
    if not found:
        yield "  write one in tests/NAME.toml: rows that are given, rows that are expected"


def _test_trouble(found: Sequence[UnitResult], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli import story

    for one in found:
        if one.passed:
            continue
        yield ""
        if one.error:
            yield from story.failure(one.name, one.error, paint)
            continue
        yield "  " + paint.state("failed  ") + f" {clean(one.name)} ({one.table})"
        yield from _rows("missing", one.missing)
        yield from _rows("not expected", one.unexpected)


def _rows(label: str, rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    from penstock.base.cells import cell, clean

    for row in rows[:_SHOWN]:
        said = ", ".join(f"{clean(name)} = {cell(value)}" for name, value in row.items())
        yield " " * 11 + f"{label}: {said}"
    if len(rows) > _SHOWN:
        yield " " * 11 + f"{label}: {len(rows) - _SHOWN:,} more"
