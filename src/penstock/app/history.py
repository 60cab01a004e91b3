"""Requests about the past: tables as they were, what changed in them, and the way back to an earlier definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.app import absent, requests
from penstock.base.errors import ConfigError, UnsupportedError
from penstock.base.text import did_you_mean
from penstock.model.relation import Query
from penstock.refresh.history import Pasts

if TYPE_CHECKING:
    from datetime import timedelta

    from penstock.app.answers import RolledBack, Vacuumed
    from penstock.app.opened import App
    from penstock.model.relation import Read
    from penstock.protocols.engine import Rows
    from penstock.refresh.history import Point

_ALL = 2**62


def at(app: App, table: str, point: Point, limit: int = _ALL) -> Rows:
    """Return the first rows of a table as it was at a version or a time."""
    absent.check_table(app, table)
    return _rows(app, _pasts(app).at(table, point), limit)


def changes(app: App, table: str, low: Point, high: Point | None = None, limit: int = _ALL) -> Rows:
    """Return what came and went in a table after one version or time up to another, in the order of the versions."""
    absent.check_table(app, table)
    return _rows(app, _pasts(app).changes(table, low, high), limit, "order by 2, 1")


def history(app: App, table: str, limit: int = _ALL) -> Rows:
    """Return all rows that a table has and had, each with the times between which it was valid."""
    absent.check_table(app, table)
    return _rows(app, _pasts(app).history(table), limit)


def rollback(app: App, table: str, *, command: str = "") -> RolledBack:
    """Let a table show what it showed before its definition changed, at once; what reads it follows at the next run."""
    from penstock.app.answers import RolledBack
    from penstock.base.graph import reach, turned
    from penstock.run.rollback import rollback as go

    if table in app.project.raw:
        raise UnsupportedError(
            f"a raw table such as {table} cannot be rolled back: its source has been read on since",
            hint=f"its rows as they were: select * from {table} at (version => …)",
        )
    if table not in app.project.tables:
        raise ConfigError(f"no table '{table}'", hint=did_you_mean(table, app.project.tables))
    absent.check_table(app, table)
    run = requests.run_id(app)
    target, restored, before = go(app.world(), table, run, command)
    below = reach([table], turned(app.project.parents()))
    return RolledBack(
        table,
        restored.built,
        (target.until or restored.built) - 1,
        restored.rows,
        before.rows,
        tuple(name for name in app.project.order if name in below and name != table),
        run,
    )


def vacuum(app: App, keep: timedelta | None = None) -> Vacuumed:
    """Remove what went longer ago than `keep` (by default what the project says), and is needed by none."""
    from penstock.app.answers import Vacuumed
    from penstock.refresh.retention import vacuum as go

    span = app.project.history if keep is None else keep
    if span is None:
        raise ConfigError(
            "the project keeps its history for ever", expected='a span of time: penstock vacuum --keep "30 days"'
        )
    with app.engine.turn():
        before = _size(app)
        removed = go(app.engine, app.project, span, app.clock)
        done = app.engine.vacuumed()
    return Vacuumed(
        done[1] if done else 0, removed.rows, removed.relations, removed.commits, removed.rejects, before, _size(app)
    )


def _size(app: App) -> int:
    """Return the size of the warehouse's file and what waits beside it, in bytes."""
    path = app.root / app.project.warehouse.partition(":")[2]
    return sum(part.stat().st_size for part in (path, path.with_name(path.name + ".wal")) if part.is_file())


def _pasts(app: App) -> Pasts:
    return Pasts(app.engine, app.clock)


def _rows(app: App, read: Read, limit: int, order: str = "") -> Rows:
    return app.engine.read(Query(f'select * from "@1" {order} limit {int(limit)}', (("@1", read),)))
