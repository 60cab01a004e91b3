"""Metrics: numbers that are defined once, by a table's columns, and asked for by dimension, grain and period."""

from __future__ import annotations

import re
from dataclasses import field
from datetime import date, datetime
from typing import Any

from penstock.base.errors import Place
from penstock.base.record import record

# From the finest to the coarsest.
GRAINS = ("minute", "hour", "day", "week", "month", "quarter", "year")
OPERATORS = ("in", "not in", "=", "<", "<=", ">", ">=", "between", "contains")
_SPAN = re.compile(r"\s*(\d{1,6})?\s*(minute|hour|day|week|month|quarter|year)s?\s*\Z", re.IGNORECASE)


@record
class Span:
    """A span of the calendar, such as 28 days or 1 month."""

    count: int
    unit: str

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


def span(text: str) -> Span | None:
    """Read a span of the calendar; None for what is none.

    >>> str(span("28 days")), str(span("week")), span("soon")
    ('28 days', '1 week', None)
    """
    match = _SPAN.match(text)
    count = int(match[1] or 1) if match else 0
    return Span(count, match[2].lower()) if match and count else None


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


@record
class Metrics:
    """Metrics declared in Python: the same words as in a file of `metrics/`.

    >>> Metrics("orders", {"revenue": "sum(amount)"}, time="ordered_at", dimensions={"region": {}}).table
    'orders'
    """

    table: str
    metrics: dict[str, Any]
    time: Any = None
    dimensions: dict[str, Any] = field(default_factory=dict)
    joins: dict[str, Any] = field(default_factory=dict)
    timezone: str = ""
    owner: str = ""
    name: str = ""
    where: Place | None = None


@record
class Filter:
    """Which values of a dimension count; `op` is one of `OPERATORS`."""

    dimension: str
    values: tuple[Any, ...]
    op: str = "in"


@record
class MetricAsk:
    """What is asked of metrics.

    `start` and `end` are days, both included, or times, the end excluded. `order` names a column, with `-` before it
    for the largest first.
    """

    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    grain: str = ""
    start: str | date | datetime | None = None
    end: str | date | datetime | None = None
    where: tuple[Filter, ...] = ()
    compare: str = ""
    order: str = ""
    limit: int | None = None
    timezone: str = ""


@record
class MeasuredColumn:
    """A column of what was measured; `role` is `time`, `dimension`, `metric` or `compared`."""

    name: str
    type: str
    role: str
    label: str = ""
    format: str = ""
