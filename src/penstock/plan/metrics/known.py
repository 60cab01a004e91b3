"""What metrics are resolved against: a project's definitions, the columns that are there, and what is unique."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.model.measure import MetricAsk
from penstock.model.relation import Query
from penstock.plan.metrics import resolve, text
from penstock.plan.metrics.source import ident, table_ident

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.model.project import Project
    from penstock.model.schema import Schema
    from penstock.protocols.engine import Rows

_UNIQUE = re.compile(r"\s*unique\s*\(([\w\s,]+)\)\s*\Z", re.IGNORECASE)


def known_by(
    project: Project,
    schemas: Mapping[str, Schema],
    read: Callable[[Query], Rows],
    rows: Mapping[str, str] | None = None,
) -> resolve.Known:
    """Return what metrics are resolved against, where tables have these columns and `read` asks the warehouse."""

    def is_unique(table: str, columns: tuple[str, ...]) -> bool:
        there = " and ".join(f"{ident(column)} is not null" for column in columns)
        group = ", ".join(map(ident, columns))
        found = read(
            Query(f"select 1 from {table_ident(table)} where {there} group by {group} having count(*) > 1 limit 1")
        )
        try:
            return not found.fetch(1)
        finally:
            found.close()

    return resolve.Known(
        project.metrics, project.metric_sets, schemas, keys(project), is_unique, project.timezone, rows or {}
    )


def keys(project: Project) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the sets of columns by which the rows of each table are declared to be unique."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for table in project:
        said = [table.key] if table.key else []
        for check in table.checks:
            match = _UNIQUE.match(check.text) if check.severity == "error" else None
            if match:
                said.append(tuple(part.strip() for part in match[1].split(",")))
        if said:
            found[table.name] = tuple(tuple(column.lower() for column in one) for one in said)
    return found


def measured(names: tuple[str, ...], known: resolve.Known) -> str:
    """Return the select of one row that measures metrics over all rows."""
    return text.query(resolve.resolve(MetricAsk(names), known), ordered=False)
