"""Proves the shop: tables, rejects, checks, tests and deliveries, against what was worked out apart."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.cli.demo import evidence, expected
from penstock.cli.demo.compare import Finding, compare
from penstock.cli.demo.expected import Expected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from penstock.app.requests import App
    from penstock.cli.demo.evidence import Row
    from penstock.model.run import Run

_WARNING = ("raw.marketing", "every booking has an amount")


@record
class Proof:
    """What was found after one run: a finding for each table and for each further claim."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether all is right."""
        return all(finding.ok for finding in self.findings)


def prove(app: App, title: str, run: Run) -> Proof:
    """Compare all that a run brought up to date with the evidence in the project's data folder."""
    facts = evidence.read(app.root / "data")
    should = expected.tables(facts)
    findings = [_table(app, name, should[name]) for name in app.project.order if name in should]
    missing = [
        Finding(name, 0, len(one.rows), "the project has no such table")
        for name, one in should.items()
        if name not in app.project.order
    ]
    return Proof(
        title,
        (
            *findings,
            *missing,
            *_rejects(app, expected.rejects(facts)),
            *_sinks(app, should),
            _state(run),
            _checks(app),
            _tests(app),
        ),
    )


def prove_quiet(run: Run) -> Finding:
    """Find whether a run over sources that did not change left everything as it was."""
    touched = [step for step in run.steps if step.added or step.removed]
    difference = ", ".join(f"{step.table} +{step.added} −{step.removed}" for step in touched)
    return Finding("run again: nothing touched", len(touched), 0, difference)


def _table(app: App, name: str, should: Expected) -> Finding:
    return compare(name, should, ask(app, f"select {', '.join(should.columns)} from {name}"))


def ask(app: App, text: str) -> list[tuple[Any, ...]]:
    """Return the rows of a select."""
    from penstock.app import requests

    rows = requests.sql(app, text)
    try:
        return rows.fetch()
    finally:
        rows.close()


def _rejects(app: App, should: dict[str, int]) -> list[Finding]:
    found = ask(app, 'select "table", count(*) from penstock.rejected where replayed is null group by "table"')
    have = Counter({table: int(count) for table, count in found})
    return [
        Finding(
            f"rejected of {table}",
            have[table],
            should.get(table, 0),
            _counts(have[table], should.get(table, 0)),
        )
        for table in sorted({*have, *should})
    ]


def _counts(is_: int, wanted: int) -> str:
    return "" if is_ == wanted else f"there are {is_:,}, expected {wanted:,}"


def _sinks(app: App, should: dict[str, Expected]) -> list[Finding]:
    return [
        _delivered("sink daily_report", should["sales.daily"], app.root / "out" / "report.db", _report),
        _delivered("sink customer_list", should["customers.segments"], app.root / "out" / "segments.csv", _list),
    ]


def _delivered(name: str, should: Expected, path: Path, read: Callable[[Path, Expected], list[Row]]) -> Finding:
    """Compare what a sink wrote; words, dates and numbers are compared in a form that every file can hold."""
    plain = Expected(should.columns, should.key, [tuple(map(_plain, row)) for row in should.rows])
    try:
        found = read(path, should)
    except (OSError, sqlite3.Error, KeyError) as error:
        return Finding(name, 0, len(should.rows), f"it cannot be read: {error}")
    return compare(name, plain, [tuple(map(_plain, row)) for row in found])


def _report(path: Path, should: Expected) -> list[Row]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
        return con.execute(f"select {', '.join(should.columns)} from daily").fetchall()


def _list(path: Path, should: Expected) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(row[name] for name in should.columns) for row in csv.DictReader(file)]


def _plain(value: object) -> object:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None if value in (None, "") else str(value)


def _state(run: Run) -> Finding:
    failed = ", ".join(step.table for step in run.failed)
    return Finding(
        "steps that failed",
        len(run.failed),
        0,
        "" if run.state == "done" else f"the run is {run.state}: {failed}",
    )


def _checks(app: App) -> Finding:
    """Of all checks, on all rows, exactly one warns, the one about bookings without an amount, and none fails."""
    from penstock.app import requests

    verdicts = requests.check(app)
    loud = [(v.table, v.check.label) for v in verdicts if v.state != "passed"]
    difference = "" if loud == [_WARNING] else f"not passed: {loud}, expected only {_WARNING}"
    return Finding("checks that warn", len(loud), 1, difference)


def _tests(app: App) -> Finding:
    from penstock.app import requests

    results = requests.test(app, ())
    failed = [result.name for result in results if not result.passed]
    wanted = len(app.project.units)
    difference = f"failed: {', '.join(failed)}" if failed else _counts(len(results), wanted)
    return Finding("unit tests passed", len(results) - len(failed), wanted, difference)
