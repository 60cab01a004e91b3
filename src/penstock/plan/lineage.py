"""Lineage of tables: what a table reads, what reads it, and the edges between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base import graph
from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.base.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.model.project import Project

_SINK = "sink:"


@record
class Lines:
    """All that a table is made from and all that is made from it.

    `edges` are (from, to) among these, `kinds` says of each `raw`, `sql`, `python` or `sink`. A sink stands under
    `sink:NAME`, which no table can have.
    """

    table: str
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    kinds: dict[str, str]


def lineage(project: Project, table: str) -> Lines:
    """Return the lineage of a table or sink; raises `ConfigError` with the nearest name for an unknown one."""
    above = parents(project)
    name = table if table in above else table.lower().removeprefix("main.")
    if name not in above:
        name = _SINK + table
    if name not in above:
        raise ConfigError(f"there is no table '{table}'", hint=did_you_mean(table, above))
    up, down = upstream(project, name), downstream(project, name)
    among = (*up, name, *down)
    return Lines(name, up, down, edges(project, among), {one: kind(project, one) for one in among})


def parents(project: Project) -> dict[str, tuple[str, ...]]:
    """Return what each table and sink reads."""
    return {**project.parents(), **{_SINK + one.name: (one.table,) for one in project.sinks.values()}}


def kind(project: Project, name: str) -> str:
    """Return what a name stands for: `raw`, `sql`, `python` or `sink`."""
    if name in project.raw:
        return "raw"
    if name not in project.tables:
        return "sink"
    return "python" if project.tables[name].function else "sql"


def upstream(project: Project, name: str) -> tuple[str, ...]:
    """Return all that a table or sink is made from, each after what it reads itself."""
    found = graph.reach([name], parents(project))
    return tuple(one for one in project.order if one in found)


def downstream(project: Project, name: str) -> tuple[str, ...]:
    """Return all that is made from a table, each after what it reads itself, sinks last."""
    found = graph.reach([name], graph.turned(parents(project)))
    tables = tuple(one for one in project.order if one in found)
    return (*tables, *sorted(found.difference(tables)))


def edges(project: Project, among: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the edges (from, to) between the given tables and sinks."""
    kept = frozenset(among)
    above = parents(project)
    return tuple((source, one) for one in sorted(kept) for source in above.get(one, ()) if source in kept)
