"""Metrics: numbers that are defined once, by a table's columns, and asked for by name."""

from __future__ import annotations

from dataclasses import field

from penstock.base.errors import Place
from penstock.base.record import record


@record
class Join:
    """A table whose columns may be dimensions: each row of the metrics' table meets one of its rows at most.

    `on` has pairs of columns: one of the metrics' table, or of another join as `alias.column`, and one of this table,
    empty where it has the same name or is the key.
    """

    alias: str
    table: str
    on: tuple[tuple[str, str], ...]
    where: Place | None = None


@record
class Dimension:
    """What a metric can be asked by: an expression over the columns of the table and of its joins."""

    name: str
    sql: str
    label: str = ""
    description: str = ""
    where: Place | None = None


@record
class MetricSet:
    """What the metrics of one file have in common: the table, its time, its joins and dimensions.

    `grain` is the finest at which they can be asked, `timezone` where a day begins; empty means the project's.
    """

    name: str
    table: str
    time: str = ""
    grain: str = "day"
    timezone: str = ""
    joins: dict[str, Join] = field(default_factory=dict)
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    where: Place | None = None


@record
class Metric:
    """The definition of a metric.

    `kind` is `simple` (an aggregate in SQL), `derived` (of other metrics, in braces), `cumulative` (since the
    beginning of the period that `cumulative` names, `all` for ever), `windowed` (over a span up to its time), or
    `compared` (with an earlier time, as `change`, `difference` or the value `before`). `last` says of a balance that
    only the last day (or other grain) of a period counts, of each `per` where that is given.
    """

    name: str
    set: str
    kind: str
    sql: str = ""
    filter: str = ""
    of: str = ""
    cumulative: str = ""
    window: str = ""
    compare: str = ""
    shown: str = "change"
    last: str = ""
    per: tuple[str, ...] = ()
    label: str = ""
    format: str = ""
    good: str = ""
    description: str = ""
    owner: str = ""
    where: Place | None = None
