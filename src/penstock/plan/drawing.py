"""What every picture of rows is made of: columns with their roles, numbers and texts as SQL, and how much is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.plan.restrict import literal, quoted
from penstock.plan.roles import Field, RoleError, Roles

if TYPE_CHECKING:
    from penstock.model.dashboard import Chart
    from penstock.plan.period import Span

NOTHING = "∅"
BUCKETS = 1_000  # a wide screen's pixels, two points each


@record
class Drawn:
    """A column of a chart's rows: the field that it shows, its role, its label and format."""

    field: Field
    role: str
    label: str = ""
    format: str = ""


@record
class Shaped:
    """A chart's SQL over `block`, its columns, and what is to be known of it; a last column counts what there was."""

    sql: str
    columns: tuple[Drawn, ...]
    options: dict[str, Any]


@record
class Room:
    """How much a chart may show, and what is so before it is drawn.

    `other` is the label of rows that stand for all the rest already, or nothing; `buckets` are pixels.
    """

    buckets: int = BUCKETS
    other: str = ""
    compare: Span | None = None


def number(name: str) -> str:
    """Return SQL for a column as a finite number."""
    value = f"cast({quoted(name)} as double)"
    return f"(case when isfinite({value}) then {value} end)"


def text(name: str) -> str:
    """Return SQL for a column as a text, nulls written out."""
    return f"coalesce(cast({quoted(name)} as varchar), {literal(NOTHING)})"


def limit_of(chart: Chart, default: int, most: int) -> int:
    """Return how many a chart is to show, within what it can; raises `RoleError` for what is no number."""
    given = chart.option("limit", default)
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise RoleError("the limit is no number", "limit", str(given), expected="a whole number from 1")
    return min(given, most)


def points(found: Roles, x: str, more: str = "") -> str:
    """Return SQL for rows of x, series and y; several columns become a series each. `more` is put behind y."""
    place = x or "null"
    if found.series is not None or len(found.y) == 1:
        series = text(found.series.name) if found.series else "cast(null as varchar)"
        return f"select {place} as x, {series} as series, {number(found.y[0].name)} as y{more} from block"
    each = (
        f"select {place} as x, {literal(one.shown)} as series, {number(one.name)} as y{more} from block"
        for one in found.y
    )
    return " union all ".join(each)
