"""A project: everything that a folder declares, as one value."""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.metric import Metric, MetricSet
from penstock.model.sink import SinkTable
from penstock.model.source import Connection, RawTable
from penstock.model.table import Table
from penstock.model.unit import UnitTest

if TYPE_CHECKING:
    from collections.abc import Iterator


PAGE_LIMIT = timedelta(seconds=30)


@record
class Project:
    """What a project declares.

    `warehouse` is a URL such as `duckdb:.penstock/warehouse.duckdb`, its path relative to `root`. `order` has every
    table after what it reads. `history` is how long rows that went are kept, None for ever.
    `timezone` is where a day of the metrics begins, empty for UTC. `page_limit` is how long a tile, or what else a page
    needs, may take while the project is served, None for ever.
    """

    name: str
    root: str
    env: str = "default"
    warehouse: str = "duckdb:.penstock/warehouse.duckdb"
    connections: dict[str, Connection] = field(default_factory=dict)
    raw: dict[str, RawTable] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    sinks: dict[str, SinkTable] = field(default_factory=dict)
    units: tuple[UnitTest, ...] = ()
    order: tuple[str, ...] = ()
    history: timedelta | None = timedelta(days=7)
    metrics: dict[str, Metric] = field(default_factory=dict)
    metric_sets: dict[str, MetricSet] = field(default_factory=dict)
    timezone: str = ""
    page_limit: timedelta | None = PAGE_LIMIT

    def __iter__(self) -> Iterator[RawTable | Table]:
        """Walk raw tables and tables, each after what it reads."""
        return (self.find(name) for name in self.order)

    def find(self, name: str) -> RawTable | Table:
        """Return the raw table or table of that name; raises `KeyError`."""
        return self.raw[name] if name in self.raw else self.tables[name]

    def parents(self) -> dict[str, tuple[str, ...]]:
        """Return what each table reads; raw tables read none."""
        return {**dict.fromkeys(self.raw, ()), **{t.name: t.parents for t in self.tables.values()}}
