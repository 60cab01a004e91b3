"""Dashboards as their files say them: text, queries, charts, filters, and the mistakes found while reading."""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta
from typing import Any

from penstock.base.record import record

# Charts, and what each can be told beside what all can be: {kind: options}.
COMMON = ("title", "subtitle", "link", "span", "format", "filters", "timezone")
SERIES = ("by", "x", "y", "split", "compare", "marks", "limit", "other", "sort", "labels")
KINDS: dict[str, tuple[str, ...]] = {
    "kpi": ("value", "compare", "good", "spark", "by"),
    "line": SERIES,
    "area": (*SERIES, "stacked"),
    "bar": (*SERIES, "horizontal", "stacked"),
    "stacked": (*SERIES, "horizontal", "share"),
    "scatter": ("x", "y", "by", "split", "size", "label", "limit"),
    "histogram": ("x", "bins", "split"),
    "heatmap": ("x", "y", "value", "by", "split"),
    "box": ("x", "y", "by", "limit", "sort"),
    "funnel": ("x", "y", "by", "steps"),
    "table": ("columns", "bars", "sparks", "sort", "limit", "total", "by", "compare", "labels"),
    "sparkline": ("x", "y", "by", "marks"),
}
VALUE = ("format", "compare", "filters")
GRAINS = ("minute", "hour", "day", "week", "month", "quarter", "year")
FILTER_KINDS = ("many", "choice", "period", "text", "number")


@record
class Mistake:
    """Something wrong in a page: what, what was expected, what stands there, what to do, and where (from 1)."""

    subject: str
    expected: str = ""
    got: str = ""
    hint: str = ""
    line: int = 1
    column: int = 1
    excerpt: str = ""


@record
class Word:
    """A name as it is written, and where."""

    text: str
    line: int
    column: int


@record
class Said:
    """An option of a chart: its name, its value (text, number, true or false, tuple of texts), and where they stand."""

    name: str
    value: Any
    line: int
    column: int
    value_column: int


@record
class Chart:
    """A call within braces: a chart, or a `value` in a text. `names` are the metrics or the query that it shows."""

    id: str
    kind: str
    names: tuple[Word, ...]
    said: tuple[Said, ...]
    line: int
    column: int

    def option(self, name: str, default: Any = None) -> Any:
        """Return what an option was told, or the default."""
        return next((one.value for one in self.said if one.name == name), default)

    def words(self, name: str) -> tuple[str, ...]:
        """Return an option that lists names, written as a list or as one text with commas."""
        value = self.option(name, ())
        if isinstance(value, tuple):
            return tuple(str(one) for one in value)
        return tuple(part.strip() for part in str(value).split(",") if part.strip())


@record
class SqlBlock:
    """A query of the page: its name, its text, and the line of the file in which the text begins."""

    name: str
    text: str
    line: int


@record
class Filter:
    """A filter that the page declares.

    `kind` is `many`, `choice`, `period`, `text` or `number`; `table` and `column` are where its values are found,
    `values` those that are written down; `default` holds until something is chosen.
    """

    name: str
    kind: str
    table: str = ""
    column: str = ""
    values: tuple[str, ...] = ()
    default: str = ""
    label: str = ""
    line: int = 1


@record
class Part:
    """A piece of the page, in the order of the file.

    `kind` is `text` (CommonMark, its `values` named by marks in it), `row` (charts side by side), `tabs` (each a label
    and its parts) or `mistake`.
    """

    kind: str
    line: int = 1
    text: str = ""
    charts: tuple[Chart, ...] = ()
    tabs: tuple[tuple[str, tuple[Part, ...]], ...] = ()
    mistake: Mistake | None = None


@record
class Dashboard:
    """A page as its file says it; `mistakes` are those that can be seen without asking the warehouse."""

    name: str
    file: str
    title: str
    text: str = ""
    owner: str = ""
    description: str = ""
    pinned: bool = False
    fresh: timedelta | None = None
    timezone: str = ""
    filters: tuple[Filter, ...] = ()
    parts: tuple[Part, ...] = ()
    queries: dict[str, SqlBlock] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts of the page, those within tabs too, in the order of the file."""
        return tuple(chart for part in flat(self.parts) if part.kind == "row" for chart in part.charts)

    @property
    def values(self) -> tuple[Chart, ...]:
        """All values that stand in the page's texts."""
        return tuple(chart for part in flat(self.parts) if part.kind == "text" for chart in part.charts)

    def filter(self, name: str) -> Filter | None:
        """Return the filter of that name."""
        return next((one for one in self.filters if one.name == name), None)


def flat(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return parts with those within tabs in their places."""
    found: list[Part] = []
    for part in parts:
        found.append(part)
        for _, inner in part.tabs:
            found += flat(inner)
    return tuple(found)
