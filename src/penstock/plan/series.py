"""The SQL of lines and bars: the largest series and the rest, and no more points than can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.plan.drawing import Drawn, Room, Shaped, limit_of, number, points, text
from penstock.plan.restrict import literal, quoted
from penstock.plan.roles import Field, RoleError, Roles, roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.dashboard import Chart
    from penstock.plan.period import Span

_SERIES, _MOST_SERIES = 8, 20
_BARS, _MOST_BARS = 12, 500


def along(chart: Chart, fields: Sequence[Field], room: Room) -> Shaped:
    """Return the SQL of a line, an area or a sparkline."""
    found = roles(chart, fields)
    if found.x is None:
        raise RoleError(
            f"'{chart.kind}' needs a column to go along",
            expected="a time, a number or a text for x",
            hint='say it: x="…"',
        )
    return lines(chart, found, found.x, fields, room)


def lines(chart: Chart, found: Roles, x: Field, fields: Sequence[Field], room: Room) -> Shaped:
    """Return the SQL of series along x: the largest of them and the rest, and no more points than can be seen."""
    scalar = _scalar(x)
    before = next((one for one in fields if one.role == "compared"), None)
    limit = limit_of(chart, _SERIES, _MOST_SERIES)
    more = f", {number(before.name)} as compared" if before and len(found.y) == 1 else ""
    several = (found.series is not None or len(found.y) > 1) and not room.other and not more
    named, source = _ranked(chart, found, limit) if several else ("", "points")
    keep = "where x is not null" if scalar else ""
    rows = points(found, quoted(x.name) if scalar else text(x.name), more)
    parts = [f"points as materialized (select * from ({rows}) {keep})", *([named] if named else [])]
    parts.append(f"counted as (select count(*) as n, min(x) as lo, max(x) as hi from {source})")
    compared = bool(more) or room.compare is not None
    if more:
        plain = f"select x, series, y, compared, n from {source}, counted"
    elif room.compare is not None:
        plain = _beside(x, source, room.compare)
    elif scalar:
        plain = _sampled(parts, source, scalar, room.buckets)
    else:
        plain = f"select x, series, y, n from {source}, counted"
    body = f"with {', '.join(parts)}\n{plain}"
    if scalar:  # else in the order in which the query gives them
        body = f"with {', '.join(parts)}\nselect * from ({plain}) order by series, x"
    y = found.y[0]
    columns = [Drawn(x, "x"), Drawn(found.series or Field("series", "varchar"), "series"), Drawn(y, "y")]
    columns += [Drawn(y, "compared", f"{room.compare or chart.option('compare', '')} before")] if compared else []
    # Areas that are split stand on each other where their sum says something; else they are lines.
    on_each_other = chart.kind == "area" and found.series is not None and not compared and y.adds_up
    options = {"stacked": stacked(chart, by_default=on_each_other), "additive": y.adds_up, "time": x.is_time}
    return Shaped(body, tuple(columns), options)


def _sampled(parts: list[str], source: str, scalar: str, buckets: int) -> str:
    """Return SQL for all points, or where these are too many for a picture those that make its outline."""
    most = buckets * 4
    parts.append(_buckets(source, scalar, buckets))
    return (
        f"select x, series, y, n from {source}, counted where n <= {most} union all "
        f"select x1, series, y1, n from buckets, counted where n > {most} union all "
        f"select x2, series, y2, n from buckets, counted where n > {most} and x2 <> x1"
    )


def _beside(x: Field, source: str, span: Span) -> str:
    """Return SQL for points with those of the same series a span before."""
    if not x.is_time:
        raise RoleError("only what goes along a time can be compared", "compare", x.name, got=f"{x.name} {x.type}")
    on = f"before.x = here.x - interval '{span.count} {span.unit}' and before.series is not distinct from here.series"
    return (
        f"select here.x, here.series, here.y, before.y as compared, n from {source} as here "
        f"left join {source} as before on {on}, counted"
    )


def _scalar(x: Field) -> str:
    """Return SQL that makes a number of x, or nothing where there is none."""
    if x.is_time:
        return "epoch_us(cast({} as timestamp))"
    return "cast({} as double)" if x.is_number else ""


def _buckets(source: str, scalar: str, buckets: int) -> str:
    """Return SQL for the lowest and the highest point of each series in each pixel."""
    at, low, high = (scalar.format(name) for name in ("x", "lo", "hi"))
    bucket = f"least({buckets - 1}, cast(floor(({at} - {low}) * {buckets}.0 / nullif({high} - {low}, 0)) as bigint))"
    return (
        "buckets as materialized (select series, arg_min(x, y) as x1, min(y) as y1, arg_max(x, y) as x2, max(y) as y2 "
        f"from {source}, counted where n > {buckets * 4} and y is not null group by series, {bucket})"
    )


def _ranked(chart: Chart, found: Roles, limit: int) -> tuple[str, str]:
    """Return SQL that keeps the largest series, the rest summed as one where a sum says something."""
    adds = chart.option("other") is not False and found.y[0].adds_up
    rank = (
        "ranked as (select series, row_number() over (order by sum(abs(y)) desc nulls last, series) as place, "
        "count(*) over () as many from points group by series)"
    )
    kept = f"select x, series, y from points join ranked using (series) where place <= {limit}"
    if adds:
        kept += (
            f" union all select x, 'other (' || (any_value(many) - {limit}) || ')', sum(y) from points "
            f"join ranked using (series) where place > {limit} group by x"
        )
    return f"{rank}, kept as materialized ({kept})", "kept"


# ── bars ────────────────────────────────────────────────────────────────────────────────────────────────────


def bars(chart: Chart, fields: Sequence[Field], room: Room) -> Shaped:
    """Return the SQL of bars: the largest first and the rest as one, or along a time."""
    found = roles(chart, fields)
    if found.x is None:
        if len(found.y) > 1:  # a bar for each column
            return _bar_a_column(found)
        raise RoleError(f"'{chart.kind}' needs a column to tell the bars apart", expected='a text or a time, or x="…"')
    if found.x.is_time or (found.x.is_number and not found.x.is_measure):
        return _columns(chart, found, found.x, fields, room)
    limit = limit_of(chart, _BARS, _MOST_BARS)
    adds = chart.option("other") is not False and found.y[0].adds_up and not room.other
    last = literal(room.other or "")
    order = {"x": "x", "none": "earliest"}.get(str(chart.option("sort", "")), "total desc nulls last, x")
    several = (found.series is not None or len(found.y) > 1) and not room.other
    named, source = _ranked(chart, found, _SERIES) if several else ("", "points")
    rows = points(found, text(found.x.name), ", row_number() over () as arrival")
    totals = "select x, sum(y) as total, any_value(earliest) as earliest from bars join firsts using (x) group by x"
    place = f"row_number() over (order by x = {last}, {order})"
    parts = [
        f"points as materialized ({rows})",
        *([named] if named else []),
        f"bars as materialized (select x, series, {_together(found.y[0])}(y) as y from {source} group by x, series)",
        "firsts as (select x, min(arrival) as earliest from points group by x)",
        f"ranked_x as (select x, {place} as place, count(*) over () as many from ({totals}))",
    ]
    kept = f"select x, series, y, place, many from bars join ranked_x using (x) where place <= {limit} or x = {last}"
    if adds:
        kept += (
            f" union all select 'other (' || (any_value(many) - {limit}) || ')', series, sum(y), {limit + 1}, "
            f"any_value(many) from bars join ranked_x using (x) where place > {limit} group by series"
        )
    body = f"with {', '.join(parts)}\nselect x, series, y, many from ({kept}) order by place, series"
    columns = (Drawn(found.x, "x"), Drawn(found.series or Field("series", "varchar"), "series"), Drawn(found.y[0], "y"))
    return Shaped(body, columns, _bar_options(chart, found, limit, horizontal=chart.option("horizontal")))


def _together(one: Field) -> str:
    """Return how rows of one bar become one number: their sum, or the mean of what does not add up."""
    return "sum" if one.adds_up else "avg"


def _bar_a_column(found: Roles) -> Shaped:
    body = (
        f"select series as x, cast(null as varchar) as series, sum(y) as y, {len(found.y)} from ({points(found, '')}) "
    )
    body += "group by series order by sum(y) desc"
    columns = (
        Drawn(Field("column", "varchar"), "x"),
        Drawn(Field("series", "varchar"), "series"),
        Drawn(found.y[0], "y"),
    )
    return Shaped(body, columns, {"stacked": False, "limit": len(found.y)})


def _columns(chart: Chart, found: Roles, x: Field, fields: Sequence[Field], room: Room) -> Shaped:
    """Return the SQL of bars along a time: the newest of them where there are too many."""
    if room.compare is not None or any(one.role == "compared" for one in fields):
        return lines(chart, found, x, fields, room)
    limit = limit_of(chart, _MOST_BARS, _MOST_BARS)
    source, named = "points", ""
    if found.series is not None and not room.other:
        named, source = _ranked(chart, found, _SERIES)
    parts = [f"points as materialized ({points(found, quoted(x.name))})", *([named] if named else [])]
    parts.append(f"bars as materialized (select x, series, {_together(found.y[0])}(y) as y from {source} group by all)")
    source = "bars"
    parts.append(f"newest as (select x from {source} where x is not null group by x order by x desc limit {limit})")
    body = (
        f"with {', '.join(parts)}\nselect x, series, y, (select count(distinct x) from points) from {source} "
        "where x in (select x from newest) order by x, series"
    )
    columns = (Drawn(x, "x"), Drawn(found.series or Field("series", "varchar"), "series"), Drawn(found.y[0], "y"))
    return Shaped(body, columns, _bar_options(chart, found, limit, time=x.is_time))


def _bar_options(chart: Chart, found: Roles, limit: int, **more: object) -> dict[str, object]:
    return {"stacked": stacked(chart), "additive": found.y[0].adds_up, "limit": limit, **more}


def stacked(chart: Chart, *, by_default: bool = False) -> bool:
    """Tell whether series stand on each other."""
    return chart.option("stacked", by_default or chart.kind == "stacked") is True
