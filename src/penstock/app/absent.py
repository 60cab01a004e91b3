"""Tables that are asked for and not there: declared and without rows yet, never built, or of another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, PlanError
from penstock.base.text import did_you_mean, nearest

if TYPE_CHECKING:
    from penstock.app.opened import App

SYSTEM_VIEWS = ("penstock.commits", "penstock.rejected", "penstock.schema_changes")
_RUNS = 20  # how many are looked at for one that read a table
_ABSENT = "does not exist"


def why(app: App, table: str) -> tuple[str, str]:
    """Return why a declared table is not in the warehouse, and what to do."""
    if table in app.project.raw and _was_read(app, table):
        return f"the table '{table}' has no rows yet", "its columns are known as soon as its source gives a row"
    return f"the table '{table}' has not been built yet", f"penstock run +{table}"


def _was_read(app: App, table: str) -> bool:
    steps = (step for run in app.journal.runs(_RUNS) for step in run.steps if step.table == table)
    return any(step.stage == "intake" and step.state in ("done", "unchanged") for step in steps)


def check_table(app: App, table: str) -> None:
    """Raise `ConfigError`, with the nearest name, where there is no such table in the warehouse."""
    known = {*app.engine.relations(), *SYSTEM_VIEWS}
    if table not in known:
        if table in app.project.raw or table in app.project.tables:
            subject, hint = why(app, table)
            raise ConfigError(subject, hint=hint)
        raise ConfigError(f"no table '{table}'", hint=did_you_mean(table, {*known, *app.project.order}))


def explained(app: App, text: str, error: PlanError) -> PlanError:
    """Return the error of a query; of a table that is not there it speaks as the project does, not as the engine."""
    if _ABSENT not in error.subject or "table" not in error.subject.lower():
        return error
    from penstock.plan import sql

    try:
        named = [one.name for one in sql.references(text)]
    except PlanError:  # the error that there is says more
        return error
    known, declared = {*app.engine.relations(), *SYSTEM_VIEWS}, {*app.project.raw, *app.project.tables}
    for name in named:
        if name in declared - known:
            subject, hint = why(app, name)
        elif name not in known and name.rpartition(".")[2] in error.subject:
            near = nearest(name, known | declared)
            subject = f"there is no table '{name}'"
            hint = f"did you mean '{near}'?" if near else "penstock status names the tables that there are"
        else:
            continue
        return PlanError(subject, where=error.where, excerpt=error.excerpt, hint=hint)
    return error
