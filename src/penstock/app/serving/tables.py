"""Tables as the web app shows them: how each stands, its page, its rows, its versions and its rejects."""

from __future__ import annotations

from dataclasses import fields
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.app import absent, requests
from penstock.app.fetched import fetched
from penstock.app.pages.kept import pages
from penstock.app.past import Past, checked
from penstock.app.profile import Profile, profile
from penstock.app.serving import grids, uses
from penstock.app.serving.missing import NoSuchError
from penstock.app.serving.runs import run_row
from penstock.app.serving.shapes import (
    CheckState,
    Definition,
    SchemaChange,
    TableColumn,
    TablePage,
    TableRow,
    TableVersion,
)
from penstock.base.errors import ConfigError
from penstock.base.text import did_you_mean
from penstock.model.relation import Query
from penstock.model.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.answers import TableStatus
    from penstock.app.opened import App
    from penstock.app.serving.shapes import Grid
    from penstock.model.check import Check
    from penstock.model.source import RawTable

_RUNS = 20
_LANGUAGES = {".sql": "sql", ".toml": "toml", ".py": "python"}


def rows(app: App, past: Past | None = None) -> list[TableRow]:
    """Return how every table stands, each after what it reads."""
    past = past or Past(app)
    now = app.clock.now()
    return [_row(app.project.find(one.name), one, past, now) for one in requests.status(app, past)]


def _row(item: RawTable | Table, status: TableStatus, past: Past, now: Any) -> TableRow:
    good, last = past.good.get(item.name), past.last.get(item.name)
    at = checked(*good) if good else None
    age = max((now - at).total_seconds(), 0.0) if at else None
    fresh = status.fresh_seconds
    used = age / fresh if age is not None and fresh else None
    state = status.state
    if item.name in past.running:
        state = "running"
    elif state in ("ok", "warned") and used is not None and used > 1:
        state = "late"
    step = last[1] if last else None
    return TableRow(
        item.name, status.kind, state, status.rows, status.version, status.changed_at, at, age, fresh, used,
        good[1].strategy or None if good else None, status.rejects, step.added if step else 0,
        step.removed if step else 0, status.warnings,
        status.error.get("subject", "it failed") if status.error else None, item.owner, item.tags, item.description,
    )  # fmt: skip


def page(app: App, name: str) -> TablePage:
    """Return all that is said of one table; raises `ConfigError` for an unknown one."""
    item = find(app, name)
    past = Past(app)
    row = next(one for one in rows(app, past) if one.name == name)
    relation = app.engine.relations().get(name)
    parents = app.project.parents()
    columns = relation.schema.columns if relation else ()
    said = item.columns if not isinstance(item, Table) and item.columns else None
    _, last = past.last.get(name, (None, None))
    own: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(row)}
    return TablePage(
        **own,
        columns=tuple(TableColumn(c.name, c.type, c.name not in item.key, "") for c in columns or (said or ())),
        definition=definition(app, item),
        checks=tuple(_checks(item.name, item.checks, past)),
        reads=parents[name],
        read_by=tuple(one for one in app.project.order if name in parents[one]),
        used_by=uses.uses(app, name),
        schema_changes=tuple(_schema_changes(app, name)),
        runs=tuple(islice((run_row(r) for r in past.runs if any(s.table == name for s in r.steps)), _RUNS)),
        fault=last.error if row.error and last else None,
    )


def profiled(app: App, name: str, columns: tuple[str, ...]) -> Profile:
    """Return what the columns of a table hold, looked for once as long as its rows stay."""
    find(app, name)
    relation = app.engine.relations().get(name)
    key = ("profile", name, columns, relation.changed if relation else None)
    return pages(app).kept(key, lambda: profile(app, name, columns))


def find(app: App, name: str) -> RawTable | Table:
    """Return what declares a table; raises `NoSuchError`, with the nearest name, for an unknown one."""
    if name not in app.project.raw and name not in app.project.tables:
        raise NoSuchError(f"no table '{name}'", hint=did_you_mean(name, app.project.order))
    return app.project.find(name)


def definition(app: App, item: RawTable | Table) -> Definition:
    """Return what its author wrote: the whole file of a SQL or Python table, the section of a raw one."""
    if item.where is None:
        return Definition(item.sql if isinstance(item, Table) else "", "", item.line, "sql")
    path = Path(item.where.file)
    language = _LANGUAGES.get(path.suffix, "text")
    try:
        text = (app.root / path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = item.sql if isinstance(item, Table) else ""
    if language == "toml":
        text = _section(text, item.where.line)
    return Definition(text, item.where.file, item.where.line, language)


def _section(text: str, line: int) -> str:
    """Return the part of a TOML file that begins in a line, up to the next heading of a table."""
    lines = text.splitlines()[max(line - 1, 0) :]
    end = next((at for at, one in enumerate(lines[1:], 1) if one.startswith("[") and "]" in one), len(lines))
    return "\n".join(lines[:end]).rstrip() + "\n"


def _checks(table: str, declared: tuple[Check, ...], past: Past) -> Iterator[CheckState]:
    known = past.verdicts() if declared else {}
    for check in declared:
        run, verdict = known.get((table, check.label), (None, None))
        yield CheckState(
            table,
            check.label,
            check.text,
            check.severity,
            verdict.state if verdict else "new",
            verdict.failed if verdict else 0,
            grids.of_samples(verdict.samples) if verdict else None,
            run.id if run else None,
            run.started if run else None,
        )


def _schema_changes(app: App, name: str) -> Iterator[SchemaChange]:
    """Say how the columns of a table changed, the newest first: as its source did, or its definition."""
    if name in app.project.raw:
        yield from _taken_in(app, name)
        return
    times = {commit.version: commit.at for commit in app.engine.commits()}
    for before, after in reversed(list(pairwise(app.engine.spans(name)))):
        old, new = ({c.name: c.type for c in span.relation.schema.columns} for span in (before, after))
        said = [f"{column} {kind} was added" for column, kind in new.items() if column not in old]
        said += [f"{column} {kind} was taken out" for column, kind in old.items() if column not in new]
        said += [f"{c} became {new[c]}, it was {old[c]}" for c in new if c in old and new[c] != old[c]]
        yield from (SchemaChange(after.since, times.get(after.since), one) for one in said)


def _taken_in(app: App, name: str) -> Iterator[SchemaChange]:
    text = (
        'select version, committed_at, "column", old_type, new_type from penstock.schema_changes '
        f'where "table" = {_literal(name)} order by version desc, 3 limit 100'
    )
    for version, at, column, old, new in fetched(app, Query(text)):
        said = f"{column} became {new}, it was {old}" if old else f"{column} {new} was added"
        yield SchemaChange(version, at, said)


def shown(app: App, name: str, limit: int, offset: int, order: str = "", version: int | None = None) -> Grid:
    """Return rows of a table as it stands or as it was, in the order of a column (`-` before it: falling)."""
    find(app, name)
    relation = app.engine.relations().get(name)
    if relation is None:
        subject, hint = absent.why(app, name)
        raise NoSuchError(subject, hint=hint)
    ordered = ""
    if order:
        column = relation.schema.find(order.removeprefix("-"))
        if column is None:
            hint = did_you_mean(order.removeprefix("-"), relation.schema.names)
            raise ConfigError(f"{name} has no column '{order.removeprefix('-')}'", hint=hint)
        ordered = f"order by {_ident(column.name)} {'desc' if order.startswith('-') else 'asc'} nulls last"
    part = f"{ordered} limit {limit + 1} offset {offset}"
    if version is None:
        found = app.engine.read(Query(f"select * from {_named(name)} {part}"))
        total: int | None = relation.rows
    else:
        from penstock.refresh.history import Pasts

        read = Pasts(app.engine, app.clock).at(name, version)
        found = app.engine.read(Query(f'select * from "@1" {part}', (("@1", read),)))
        total = None
    return grids.grid(found, limit, total)


def rejects(app: App, name: str, limit: int, offset: int) -> Grid:
    """Return the rows of a raw table that could not be loaded and were not replayed, the newest first."""
    find(app, name)
    condition = f'"table" = {_literal(name)} and replayed is null'
    text = (
        f"select position, reason, row, version, committed_at, partition from penstock.rejected where {condition} "
        f"order by version desc, id desc limit {limit + 1} offset {offset}"
    )
    return grids.grid(app.engine.read(Query(text)), limit, app.engine.rejects().get(name, 0))


def versions(app: App, name: str, limit: int) -> list[TableVersion]:
    """Return the versions in which a table's rows changed, the newest first, as far as they are kept."""
    find(app, name)
    relation = app.engine.relations().get(name)
    left = relation.rows if relation else 0
    # What another definition replaced is not counted among what went: its rows are known by themselves.
    replaced = {after.since: before.relation.rows for before, after in pairwise(app.engine.spans(name))}
    found = []
    for commit in app.engine.commits():
        counts = commit.tables.get(name)
        if counts is None or not (counts.added or counts.removed):
            continue
        found.append(TableVersion(commit.version, commit.at, commit.run, counts.added, counts.removed, max(left, 0)))
        left = replaced.get(commit.version, left - counts.added + counts.removed)
        if len(found) == limit:
            break
    return found


def _named(name: str) -> str:
    return ".".join(_ident(part) for part in name.split("."))


def _ident(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _literal(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
