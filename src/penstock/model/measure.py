"""What is asked of metrics: by which dimensions, at which grain, over which period; and metrics said in Python."""

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
