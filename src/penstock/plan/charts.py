"""The SQL of a chart: from the rows of a query, called `block`, to the few rows that its picture needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.plan import pictures, series
from penstock.plan.drawing import Drawn, Shaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock.model.dashboard import Chart
    from penstock.plan.drawing import Room
    from penstock.plan.roles import Field

    Shape = Callable[[Chart, Sequence[Field], Room], Shaped]

_SHAPES: dict[str, Shape] = {
    "line": series.along, "area": series.along, "sparkline": series.along, "bar": series.bars,
    "stacked": series.bars, "scatter": pictures.scatter, "histogram": pictures.histogram,
    "heatmap": pictures.heatmap, "box": pictures.box, "funnel": pictures.funnel, "table": pictures.table,
    "kpi": pictures.kpi,
}  # fmt: skip


def shape(chart: Chart, fields: Sequence[Field], room: Room) -> Shaped:
    """Return the SQL of a chart; raises `RoleError` where the columns do not make one."""
    drawn = _SHAPES[chart.kind](chart, fields, room)
    if chart.option("format"):
        numbers = {"value"} if chart.kind == "heatmap" else {"y", "value", "compared", "size"}
        told = str(chart.option("format"))
        columns = tuple(
            Drawn(one.field, one.role, one.label, told if one.role in numbers else one.format) for one in drawn.columns
        )
        return Shaped(drawn.sql, columns, drawn.options)
    return drawn
