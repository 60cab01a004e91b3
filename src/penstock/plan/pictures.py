"""The SQL of pictures other than lines and bars: points, distributions, grids, funnels, tables, single numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.plan.drawing import Drawn, Room, Shaped, limit_of, number, text
from penstock.plan.restrict import literal, quoted
from penstock.plan.roles import Field, RoleError, Roles, pick, picked, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.dashboard import Chart

_POINTS, _BINS, _MOST_BINS, _BOXES, _CELLS, _STEPS = 5_000, 30, 200, 12, 10_000, 20
_ROWS, _MOST_ROWS = 1_000, 10_000
_SPARK = 200
_COUNT = Field("rows", "bigint", format="integer")


def scatter(chart: Chart, fields: Sequence[Field], _: Room) -> Shaped:
    """Return the SQL of points: where there are too many a sample, always the same."""
    found = roles(chart, fields)
    if found.x is None:
        raise RoleError("'scatter' needs two columns of numbers", expected='numbers for x="…" and y="…"')
    y = found.y[0]
    limit = limit_of(chart, _POINTS, _POINTS)
    x = number(found.x.name) if found.x.is_number else quoted(found.x.name)
    split = picked(fields, chart, "split")
    size = number(found.size.name) if found.size else "null"
    label = text(found.label.name) if found.label else "null"
    series = text(split.name) if split else "null"
    body = (
        f"with points as (select {x} as x, {number(y.name)} as y, cast({series} as varchar) as series, "
        f"cast({size} as double) as size, cast({label} as varchar) as label from block), "
        "whole as (select * from points where x is not null and y is not null), "
        "counted as (select count(*) as n from whole)\n"
        f"select whole.*, n from whole, counted order by case when n > {limit} then hash(x, y, label) end, x, y "
        f"limit {limit}"
    )
    columns = (
        Drawn(found.x, "x"), Drawn(y, "y"), Drawn(split or Field("series", "varchar"), "series"),
        Drawn(found.size or Field("size", "double"), "size"), Drawn(found.label or Field("label", "varchar"), "label"),
    )  # fmt: skip
    return Shaped(body, columns, {"sized": found.size is not None, "labelled": found.label is not None})


def histogram(chart: Chart, fields: Sequence[Field], _: Room) -> Shaped:
    """Return the SQL of a histogram: bins of one width, each with its bounds and its count; the last includes both."""
    x = picked(fields, chart, "x") or next((one for one in fields if one.is_measure), None)
    x = x or next((one for one in fields if one.is_number or one.is_time), None)
    if x is None:
        raise RoleError("'histogram' needs a column of numbers or times", expected='x="…"')
    if not (x.is_number or x.is_time):
        raise RoleError(f"'{x.name}' is no number", "x", x.name, expected="a column of numbers or times", got=x.type)
    bins = chart.option("bins", _BINS)
    if isinstance(bins, bool) or not isinstance(bins, int) or not 1 <= bins <= _MOST_BINS:
        raise RoleError("the number of bins is not right", "bins", str(bins), expected=f"1 to {_MOST_BINS}")
    value = f"epoch_us(cast({quoted(x.name)} as timestamp)) / 1e6" if x.is_time else number(x.name)
    back = "make_timestamp(cast({} * 1e6 as bigint))" if x.is_time else "{}"
    low, high = back.format("lo + bin * width"), back.format("lo + (bin + 1) * width")
    counted = x.is_number and x.formatted == "integer"
    # Whole numbers get bins of whole width, so that no bin has one number more than its neighbour.
    width = f"ceil((hi - lo + 1) / {bins}.0)" if counted else f"(hi - lo) / {bins}.0"
    body = (
        f"with v as (select {value} as v from block), "
        "s as (select min(v) as lo, max(v) as hi, count(v) as n, count(*) - count(v) as nulls from v), "
        f"w as (select *, case when hi > lo then {width} else 1.0 end as width from s), "
        f"b as (select least({bins - 1}, cast(floor((v - lo) / width) as bigint)) as bin, count(*) as y "
        "from v, w where v is not null group by 1), "
        f"every as (select unnest(range({bins})) as bin)\n"
        f"select {low} as x, {high} as x2, coalesce(y, 0) as y, n from every left join b using (bin), w "
        "where n > 0 and lo + bin * width <= hi and (hi > lo or bin = 0) order by bin"
    )
    columns = (Drawn(x, "x"), Drawn(x, "x2"), Drawn(_COUNT, "y", "Rows"))
    return Shaped(body, columns, {"bins": bins, "time": x.is_time})


def heatmap(chart: Chart, fields: Sequence[Field], _: Room) -> Shaped:
    """Return the SQL of a grid: a value for each pair of x and y, added up where a pair is there twice."""
    value = picked(fields, chart, "value") or next((one for one in reversed(fields) if one.role == "metric"), None)
    value = value or next((one for one in reversed(fields) if one.is_measure), None)
    if value is None:
        raise RoleError("'heatmap' needs a column of numbers", expected='value="…"')
    if not value.is_number:
        raise RoleError(f"'{value.name}' is no number", "value", value.name, got=value.type)
    left = [one for one in fields if one.name != value.name and not one.is_list]
    x = picked(fields, chart, "x") or next(iter(left), None)
    y = picked(fields, chart, "y") or next((one for one in left if x and one.name != x.name), None)
    if x is None or y is None:
        raise RoleError("'heatmap' needs two columns to go along and one of numbers", expected='x="…" y="…" value="…"')
    pair = [quoted(one.name) if one.is_time or one.is_number else text(one.name) for one in (x, y)]
    total = "sum" if value.adds_up else "avg"
    body = (
        f"with cells as (select {pair[0]} as x, {pair[1]} as y, {total}({number(value.name)}) as value from block "
        f"group by 1, 2)\nselect x, y, value, count(*) over () from cells order by x, y limit {_CELLS}"
    )
    return Shaped(body, (Drawn(x, "x"), Drawn(y, "y"), Drawn(value, "value")), {"time": x.is_time})


def box(chart: Chart, fields: Sequence[Field], _: Room) -> Shaped:
    """Return the SQL of boxes: quartiles, whiskers of at most 1.5 times their distance, and how much lies beyond."""
    y = picked(fields, chart, "y") or next((one for one in fields if one.is_measure), None)
    if y is None or not y.is_number:
        raise RoleError("'box' needs a column of numbers", "y" if y else "", y.name if y else "", expected='y="…"')
    left = [one for one in fields if one.name != y.name and not one.is_list]
    x = picked(fields, chart, "x", "by") or next((one for one in left if not one.is_number and not one.is_time), None)
    limit = limit_of(chart, _BOXES, 100)
    group = text(x.name) if x else literal(y.shown)
    order = "x" if chart.option("sort") == "x" else "n desc, x"
    body = (
        f"with v as (select {group} as x, {number(y.name)} as y from block), "
        "q as (select x, quantile_cont(y, 0.25) as q1, quantile_cont(y, 0.5) as median, "
        "quantile_cont(y, 0.75) as q3, count(y) as n from v where y is not null group by x), "
        "f as (select x, min(y) filter (where y >= q1 - 1.5 * (q3 - q1)) as low, "
        "max(y) filter (where y <= q3 + 1.5 * (q3 - q1)) as high, "
        "count(*) filter (where y < q1 - 1.5 * (q3 - q1) or y > q3 + 1.5 * (q3 - q1)) as beyond "
        "from v join q using (x) where y is not null group by x)\n"
        f"select x, low, q1, median, q3, high, n, beyond, count(*) over () from q join f using (x) order by {order} "
        f"limit {limit}"
    )
    columns = (
        Drawn(x or Field("all", "varchar"), "x"),
        *(Drawn(y, role, role) for role in ("low", "q1", "median", "q3", "high")),
        Drawn(_COUNT, "count", "Rows"), Drawn(_COUNT, "beyond", "Beyond"),
    )  # fmt: skip
    return Shaped(body, columns, {"limit": limit})


def funnel(chart: Chart, fields: Sequence[Field], _: Room) -> Shaped:
    """Return the SQL of a funnel: its steps in order, each with its share of the first and of the one before."""
    steps = [pick(fields, name, "steps") for name in chart.words("steps")]
    labels = picked(fields, chart, "x", "by") or next(
        (one for one in fields if not one.is_number and not one.is_time and not one.is_list), None
    )
    if not steps and (labels is None or chart.option("x") is None) and labels is None:
        steps = [one for one in fields if one.is_measure]
    if steps:
        wrong = next((one for one in steps if not one.is_number), None)
        if wrong:
            raise RoleError(f"'{wrong.name}' is no number", "steps", wrong.name, got=wrong.type)
        sums = " union all ".join(
            f"select {at} as place, {literal(one.shown)} as x, sum({number(one.name)}) as y from block"
            for at, one in enumerate(steps)
        )
        x, y = Field("step", "varchar"), steps[0]
    else:
        found = roles(chart, fields)
        if labels is None:
            raise RoleError("'funnel' needs a label and a number for each step", expected='steps="…"')
        x, y = labels, found.y[0]
        sums = f"select row_number() over () as place, {text(x.name)} as x, {number(y.name)} as y from block"
    body = (
        f"with steps as ({sums})\nselect x, y, y / nullif(first_value(y) over w, 0) as share, "
        "y / nullif(lag(y) over w, 0) as step, count(*) over () from steps window w as (order by place) "
        f"order by place limit {_STEPS}"
    )
    share = Field("share", "double", format="percent")
    columns = (Drawn(x, "x"), Drawn(y, "y"), Drawn(share, "share", "Of the first"), Drawn(share, "step", "Of the last"))
    return Shaped(body, columns, {})


def table(chart: Chart, fields: Sequence[Field], _: Room) -> Shaped:
    """Return the SQL of a table: the columns that are asked for, bars and sparklines among them."""
    named = chart.words("columns")
    shown = [pick(fields, name, "columns") for name in named] if named else list(fields)
    bars = {pick(fields, name, "bars").name for name in chart.words("bars")}
    sparks = {pick(fields, name, "sparks").name for name in chart.words("sparks")}
    for one in fields:
        if one.name in bars and not one.is_number:
            raise RoleError(
                f"'{one.name}' is no number", "bars", one.name, expected="a column of numbers", got=one.type
            )
        if one.name in sparks and not one.is_list:
            raise RoleError(
                f"'{one.name}' is no list", "sparks", one.name, expected="a list of numbers", got=one.type,
                hint=f"list({one.name} order by day) makes one",
            )  # fmt: skip
    limit = limit_of(chart, _ROWS, _MOST_ROWS)
    order = ", ".join(_sorted(fields, word) for word in chart.words("sort"))
    body = f"select {', '.join(quoted(one.name) for one in shown)}, count(*) over () from block"
    body += (f" order by {order}" if order else "") + f" limit {limit}"
    columns = [Drawn(one, _table_role(one, bars, sparks)) for one in shown]
    return Shaped(body, tuple(columns), {"limit": limit, "total": chart.option("total") is True})


def _table_role(one: Field, bars: set[str], sparks: set[str]) -> str:
    if one.name in bars:
        return "bar"
    if one.name in sparks or (one.is_list and one.type.removesuffix("[]") != "varchar"):
        return "spark"
    if one.role == "compared":
        return "compared"
    return "time" if one.is_time else "value" if one.is_measure else "label"


def _sorted(fields: Sequence[Field], word: str) -> str:
    found = pick(fields, word.removeprefix("-"), "sort")
    return quoted(found.name) + (" desc nulls last" if word.startswith("-") else "")


def kpi(chart: Chart, fields: Sequence[Field], _: Room) -> Shaped:
    """Return the SQL of a number: of one row, or of the last of several along a time, with those before it."""
    found = roles(chart, fields) if not chart.words("value") else Roles(
        next((one for one in fields if one.is_time), None), (pick(fields, chart.words("value")[0], "value"),)
    )  # fmt: skip
    value = found.y[0]
    if not value.is_number:
        raise RoleError(f"'{value.name}' is no number", "value", value.name, got=value.type)
    told = chart.option("compare")
    before = next((one for one in fields if one.name.lower() in (str(told).lower(), "previous", "before")), None)
    x = found.x if found.x and found.x.is_time else None
    body = (
        f"select {quoted(x.name) if x else 'null'} as x, {number(value.name)} as value, "
        f"{number(before.name) if before else 'null'} as compared, count(*) over () from block "
        f"order by x desc nulls last limit {_SPARK}"
    )
    time = x or Field("x", "varchar")
    return Shaped(body, (Drawn(time, "x"), Drawn(value, "value"), Drawn(before or value, "compared")), {})
