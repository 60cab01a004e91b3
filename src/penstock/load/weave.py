"""Ties what the files declare into one project: references, order, circles, fingerprints."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from penstock.base import graph
from penstock.base.errors import PlanError
from penstock.base.text import did_you_mean, underline
from penstock.model.project import Project
from penstock.plan import conditions
from penstock.plan.canonical import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.base.errors import Place
    from penstock.load.loading import Loading
    from penstock.load.metrics import Read
    from penstock.load.mistakes import Mistakes
    from penstock.load.sqlfile import Draft
    from penstock.model.check import Check
    from penstock.model.metric import Metric
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.model.table import Table
    from penstock.model.unit import UnitTest

_REFERENCES = re.compile(r"\s*references\s*\(\s*([a-z_]\w*(?:\.\w+)?)\.\w+\s*[,)]", re.IGNORECASE)
_NAMED = re.compile(r"""(?:\w+|"[^"]*")(?:\s*\.\s*(?:\w+|"[^"]*"))*""")


@dataclass(slots=True)
class Parts:
    """All that was declared, as each file says it."""

    raw: list[RawTable] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    sinks: list[SinkTable] = field(default_factory=list)
    units: list[UnitTest] = field(default_factory=list)
    metrics: list[Read] = field(default_factory=list)


def weave(frame: Project, parts: Parts, loading: Loading) -> Project:
    """Fill `frame` with the parts; what does not fit is noted, and `frame` returned as it is."""
    _refuse_doubles([*parts.raw, *(draft.table for draft in parts.drafts)], "table", loading.mistakes)
    _refuse_doubles(parts.sinks, "sink", loading.mistakes)
    _refuse_doubles(parts.units, "test", loading.mistakes)
    raw = {table.name: table for table in parts.raw}
    drafts = {draft.table.name: draft for draft in parts.drafts}
    parents = {name: tuple(read for read, _ in draft.reads) for name, draft in drafts.items()}
    known = frozenset([*raw, *drafts])
    _check_reads(parts, known, loading)
    _check_references(parts, known, loading)
    _check_units(parts.units, raw, parents, loading)
    _check_circle(drafts, parents, loading.mistakes)
    if parts.metrics:
        from penstock.load import metrics

        metrics.weave(parts.metrics, known, loading, nearest_table)
    _check_measured(parts, loading)
    if loading.mistakes:
        return frame
    order = graph.order({**dict.fromkeys(raw, ()), **parents})
    return replace(
        frame,
        raw=raw,
        tables=_stamped(order, raw, drafts),
        sinks={sink.name: sink for sink in parts.sinks},
        units=tuple(parts.units),
        order=order,
        metrics=_metrics(parts),
        metric_sets={one.set.name: one.set for one in parts.metrics},
    )


def _metrics(parts: Parts) -> dict[str, Metric]:
    if not parts.metrics:
        return {}
    from penstock.load import metrics

    return metrics.inherited(parts.metrics)


def _stamped(order: Iterable[str], raw: dict[str, RawTable], drafts: dict[str, Draft]) -> dict[str, Table]:
    """Give each table parents and fingerprint: of what computes it, its key, its parents' fingerprints."""
    fingerprints = {name: table.fingerprint for name, table in raw.items()}
    tables = {}
    for name in order:
        if name not in drafts:
            continue
        draft = drafts[name]
        above = tuple(read for read, _ in draft.reads)
        made_of = [draft.code, ",".join(draft.table.key), *(f"{p}={fingerprints[p]}" for p in sorted(above))]
        fingerprints[name] = fingerprint("table", *made_of)
        tables[name] = replace(draft.table, parents=above, fingerprint=fingerprints[name])
    return tables


def _check_reads(parts: Parts, known: frozenset[str], loading: Loading) -> None:
    for draft in parts.drafts:
        for name, place in draft.reads:
            if name not in known and not loading.is_broken("table", name):
                hint = nearest_table(name, known)
                loading.mistakes.add(f"there is no table '{name}'", place, hint=hint, excerpt=_shown(draft, place))
    for sink in parts.sinks:
        if sink.table and sink.table not in known and not loading.is_broken("table", sink.table):
            loading.mistakes.add(
                f"there is no table '{sink.table}' for sink '{sink.name}'",
                loading.places.get(("sink", sink.name), sink.where),
                hint=nearest_table(sink.table, known),
            )


def _check_references(parts: Parts, known: frozenset[str], loading: Loading) -> None:
    """Note checks that are no condition, and those that refer to a table that is not there."""
    declared: list[RawTable | Table] = [*parts.raw, *(draft.table for draft in parts.drafts)]
    read: set[Check] = set()
    for table in declared:
        for check in table.checks:
            if check not in read:
                read.add(check)  # once, where many tables have it of the project's defaults
                _note_unread(check, table.where, loading)
            match = _REFERENCES.match(check.text)
            name = match[1].lower().removeprefix("main.") if match else ""
            if name and name not in known and not loading.is_broken("table", name):
                loading.mistakes.add(
                    f"there is no table '{name}', which a check of '{table.name}' names",
                    check.where or table.where,
                    hint=nearest_table(name, known),
                )


def _note_unread(check: Check, where: Place | None, loading: Loading) -> None:
    try:
        conditions.read(check)
    except PlanError as error:
        loading.mistakes.take(error, where)


def _check_measured(parts: Parts, loading: Loading) -> None:
    """Note checks that name a metric that is not there, or of another table."""
    declared: list[RawTable | Table] = [*parts.raw, *(draft.table for draft in parts.drafts)]
    named = [(table, check) for table in declared for check in table.checks if "metric" in check.text.lower()]
    if named:
        from penstock.load import metrics

        raw = frozenset(table.name for table in parts.raw)
        for table, check in named:
            metrics.check_named(table.name, check, parts.metrics, loading, is_raw=table.name in raw)


def _check_circle(drafts: dict[str, Draft], parents: dict[str, tuple[str, ...]], mistakes: Mistakes) -> None:
    circle = graph.circle({name: [read for read in above if read in parents] for name, above in parents.items()})
    if circle:
        place = next(where for name, where in drafts[circle[0]].reads if name == circle[1])
        mistakes.add(
            f"the tables read each other in a circle: {' → '.join(circle)}", place,
            expected="no table that reads itself", excerpt=_shown(drafts[circle[0]], place),
        )  # fmt: skip


def _shown(draft: Draft, place: Place) -> str:
    """Return the line of a table's SQL that names another table, the name underlined."""
    before = draft.table.line - 1
    lines = draft.table.sql.splitlines()
    if not before < place.line <= before + len(lines):
        return ""
    named = _NAMED.match(lines[place.line - before - 1], place.column - 1)
    return underline("\n" * before + draft.table.sql, place.line, place.column, len(named[0]) if named else 1)


def nearest_table(name: str, known: Iterable[str]) -> str:
    """Return a hint with the table that was meant: one of the same bare name first, then the nearest."""
    names = sorted(known)
    bare = name.rpartition(".")[2]
    same = [other for other in names if other.rpartition(".")[2] == bare]
    if len(same) == 1:
        return f"did you mean '{same[0]}'?"
    hint = did_you_mean(name, names)
    return hint if hint.startswith("did") or len(names) <= 10 else ""  # noqa: PLR2004


def _refuse_doubles(named: Iterable[RawTable | Table | SinkTable | UnitTest], noun: str, mistakes: Mistakes) -> None:
    first: dict[str, Place | None] = {}
    for one in named:
        name, where = one.name, one.where
        if name in first:
            mistakes.add(f"there are two {noun}s '{name}'", where, expected="one", got=f"the other: {first[name]}")
        else:
            first[name] = where


def _check_units(
    units: Iterable[UnitTest], raw: dict[str, RawTable], parents: dict[str, tuple[str, ...]], loading: Loading
) -> None:
    known = {*raw, *parents}
    for unit in units:
        if not unit.table or (unit.table not in parents and loading.is_broken("table", unit.table)):
            continue
        if unit.table not in parents:
            subject = f"there is no table '{unit.table}' for test '{unit.name}'"
            hint = nearest_table(unit.table, parents)
            if unit.table in raw:
                subject, hint = (
                    f"test '{unit.name}' is of the raw table '{unit.table}'",
                    "tests are of SQL and Python tables",
                )
            loading.mistakes.add(subject, loading.places.get(("test", unit.name), unit.where), hint=hint)
            continue
        if not known.issuperset(parents[unit.table]):
            continue  # it reads a table that is not there, which is noted, or broken
        for name in unit.given:
            if name not in parents[unit.table]:
                loading.mistakes.add(
                    f"table '{unit.table}' does not read '{name}', which test '{unit.name}' gives",
                    loading.places.get(("test", unit.name, name), unit.where),
                    hint=did_you_mean(name, parents[unit.table]),
                )  # fmt: skip
