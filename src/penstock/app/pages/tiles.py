"""The data of a tile: its chart's rows, made in one query, with where they come from and how old they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from penstock.app.fetched import fetched, reading
from penstock.app.pages.asking import Asked, ask, described
from penstock.app.pages.kept import pages, worst
from penstock.app.pages.measured import infos, unknown
from penstock.base.errors import PenstockError, Place
from penstock.base.exact import value as exact
from penstock.base.record import record
from penstock.base.text import plural
from penstock.load.calls import Source
from penstock.model.dashboard import Mistake
from penstock.model.page import Kpi, TileColumn, TileData, TileMetric
from penstock.plan.charts import shape
from penstock.plan.drawing import BUCKETS, Room
from penstock.plan.period import Span, beyond
from penstock.plan.restrict import quoted
from penstock.plan.roles import Field, RoleError, humanized, is_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from penstock.app.opened import App
    from penstock.model.dashboard import Chart, Dashboard
    from penstock.plan.chosen import Chosen
    from penstock.plan.drawing import Shaped

_TIMED = ("line", "area", "sparkline", "kpi", "bar", "stacked", "heatmap", "scatter")
_CUT = ("line", "area", "sparkline", "scatter", "heatmap", "table")  # they show the first or some of what there is
_LONGEST_CELL = 10_000
_MOST_SPAN = 12


@record
class Setting:
    """What a tile is computed in: the project, the page, what its reader chose."""

    app: App
    page: Dashboard
    chosen: Chosen


def title(chart: Chart, named: str = "") -> str:
    """Return what stands over a tile: what it was told, or what it shows."""
    told = chart.option("title")
    return str(told) if told is not None else named or ", ".join(humanized(word.text) for word in chart.names)


def placed(page: Dashboard, chart: Chart, error: PenstockError) -> PenstockError:
    """Give an error that has no place in the page that of the option, or of the chart, that it is about."""
    if isinstance(error.where, Place) and error.where.file == page.file:
        return error
    option = getattr(error, "option", "")
    said = next((one for one in chart.said if one.name == option), None)
    line, column = (said.line, said.value_column) if said else (chart.line, chart.column)
    source = Source(page.text)
    length = len(getattr(error, "word", "")) + 2 if said else 2
    shown = source.mistake_at(error.subject, line, column, length)
    if not isinstance(error.where, Place):
        error.where = Place(page.file, line, column)
        error.excerpt = error.excerpt or shown.excerpt
    return error


def mistake(page: Dashboard, chart: Chart, error: PenstockError) -> Mistake:
    """Return an error as a mistake of the page."""
    found = placed(page, chart, error)
    here = isinstance(found.where, Place) and found.where.file == page.file
    line, column = (
        (found.where.line, found.where.column) if isinstance(found.where, Place) and here else (chart.line, 1)
    )
    excerpt = found.excerpt or Source(page.text).mistake_at("", line, column or 1).excerpt
    got = found.got or ("" if here else str(found.where))
    return Mistake(found.subject, found.expected, got, found.hint, line, column or 1, excerpt)


def span(chart: Chart) -> int | None:
    """Return how many of a row's twelve columns a chart is told to take; raises `RoleError` for what is none."""
    given = chart.option("span")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= _MOST_SPAN:
        raise RoleError("the span is not right", "span", str(given), expected=f"1 to {_MOST_SPAN}, of twelve columns")
    return given


def asked(setting: Setting, chart: Chart) -> Asked:
    """Return the rows of the query that a chart names; raises `RoleError` where there is none of that name."""
    word = chart.names[0]
    block = setting.page.queries.get(word.text)
    if block is None:
        raise unknown(setting.app, setting.page, word)
    if len(chart.names) > 1:
        raise RoleError("a chart shows one query", word=chart.names[1].text, hint="join them in SQL")
    time = ""
    if chart.kind in _TIMED:
        _, fields = described(setting.app, setting.page, block, setting.chosen)
        time = _time_of(chart, fields)
    none = str(chart.option("filters", "")).lower() in ("none", "false")
    chosen = unchosen(setting.chosen) if none else setting.chosen
    return ask(setting.app, setting.page, block, chosen, time)


def unchosen(chosen: Chosen) -> Chosen:
    """Return what holds where a chart is told to follow no filter."""
    return replace(chosen, values={}, low=None, high=None, period="all")


def _time_of(chart: Chart, fields: Sequence[Field]) -> str:
    told = [*chart.words("x"), *chart.words("by")]
    named = next((one.name for one in fields if told and one.name.lower() == told[0].lower() and one.is_time), "")
    return named or next((one.name for one in fields if one.is_time), "")


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────


def room_of(chart: Chart, found: Asked) -> Room:
    """Return how much a chart may show, and what it is compared with."""
    told = chart.option("compare")
    span = None
    if told is not None and not found.metric and chart.kind not in ("kpi", "table"):
        try:
            span = Span.of(str(told))
        except ValueError as error:
            raise RoleError(str(error), "compare", str(told), expected="such as '1 week'") from None
    return Room(BUCKETS, found.other, span)


def drawn(setting: Setting, chart: Chart, found: Asked) -> TileData:
    """Run a chart's query and return its tile."""
    shaped = shape(chart, found.fields, room_of(chart, found))
    rows = reading(setting.app, found.query(shaped.sql))
    try:
        types = [column.type for column in rows.schema]
        given = rows.fetch()
    finally:
        rows.close()
    there = int(given[0][-1] or 0) if given else 0
    total = there if chart.kind in _CUT else len(given)
    whole = [is_whole(one.field.type) for one in shaped.columns]
    cells = tuple(tuple(map(_cell, row, whole)) for row in given)  # less the count, which stands last
    columns = tuple(
        TileColumn(one.field.name, one.label or one.field.shown, kind, one.role, one.format or one.field.formatted)
        for one, kind in zip(shaped.columns, types, strict=False)
    )
    if chart.kind in ("bar", "stacked", "box", "histogram"):
        shaped = replace(shaped, options={**shaped.options, "there": there})
    if chart.kind == "table" and chart.option("total") is True:
        shaped = replace(shaped, options={**shaped.options, "totals": _totals(setting, found, shaped)})
    return finished(setting, chart, found, columns, cells, total=total, shaped=shaped)


def _totals(setting: Setting, found: Asked, shaped: Shaped) -> list[Any]:
    """Return what stands under the columns of a table: of a metric as it is of everything, of a query the sums."""
    if found.metric:
        return [found.totals.get(one.field.name) for one in shaped.columns]
    sums = [
        f"sum({quoted(one.field.name)})" if one.field.is_measure and one.field.adds_up else "null"
        for one in shaped.columns
    ]
    return [cell(value) for value in fetched(setting.app, found.query(f"select {', '.join(sums)} from block"))[0]]


def finished(
    setting: Setting,
    chart: Chart,
    found: Asked,
    columns: tuple[TileColumn, ...],
    cells: tuple[tuple[Any, ...], ...],
    *,
    total: int,
    shaped: Shaped,
) -> TileData:
    """Put together a tile of rows that were made: its state, its age, what it is of."""
    all_of_them = pages(setting.app).standing(setting.app)
    standing = worst(all_of_them, found.tables)
    state, message = _state(setting, standing.state, standing.message, cells)
    if not cells and not found.metric and (rows := _rows_of(setting, chart, found)):
        message = f"{plural(rows, 'row')}, and none with a value that could be drawn"
    number = _kpi(chart, columns, cells) if chart.kind == "kpi" else None
    options = {**_options(chart, found, shaped), **_partial(setting, chart, found, cells)}
    return TileData(
        chart.id, chart.kind, state, message, None, title(chart, _title_of(found, columns)),
        str(chart.option("subtitle", "")), columns, cells, total,
        chart.kind in ("line", "area", "sparkline", "scatter") and total > len(cells), found.shown, found.definition,
        found.tables, standing.checked_at, setting.app.engine.version, standing.age, standing.fresh,
        used_by(setting, chart), options, number, _metrics(setting, chart),
        {name: all_of_them[name].run for name in found.tables if name in all_of_them and all_of_them[name].run},
    )  # fmt: skip


def _metrics(setting: Setting, chart: Chart) -> tuple[TileMetric, ...]:
    """Return the metrics that a chart shows, as they are defined; none of a query."""
    known = infos(setting.app)
    named = dict.fromkeys(word.text for word in chart.names if word.text not in setting.page.queries)
    found = [known[name] for name in named if name in known]
    return tuple(TileMetric(one.name, one.label, one.sql, f"{one.file}:{one.line}") for one in found)


def _title_of(found: Asked, columns: tuple[TileColumn, ...]) -> str:
    if not found.metric:
        return ""
    of = "value" if any(one.role == "value" for one in columns) else "y"  # y of a heatmap is a dimension
    return ", ".join(dict.fromkeys(one.label for one in columns if one.role == of)) or found.metric


def _rows_of(setting: Setting, chart: Chart, found: Asked) -> int:
    """Return how many rows there are of which nothing is shown; a table shows all that there are."""
    if chart.kind == "table":
        return 0
    return int(fetched(setting.app, found.query("select count(*) from block"))[0][0])


def _state(setting: Setting, standing: str, said: str, cells: tuple[tuple[Any, ...], ...]) -> tuple[str, str | None]:
    if not cells:
        chosen = setting.chosen.worded()
        return "empty", f"no rows for {chosen}" if chosen else "no rows"
    if standing == "failed":
        return "late", f"the last run failed: {said}" if said else "the last run failed"
    return standing if standing == "late" else "ok", None


def _options(chart: Chart, found: Asked, shaped: Shaped) -> dict[str, Any]:
    options: dict[str, Any] = {name: given for name, given in shaped.options.items() if given is not None}
    options |= {"filtered": list(found.filtered), "unfiltered": list(found.unfiltered)}
    for name in ("marks", "labels"):
        if chart.words(name):
            options[name] = list(chart.words(name))
    if chart.option("compare") is not None:
        options["compare"] = str(chart.option("compare"))
    for name in ("grain", "timezone", "other"):
        if getattr(found, name):
            options[name] = getattr(found, name)
    for name in ("share", "spark"):
        if chart.option(name) is not None:
            options[name] = chart.option(name)
    return options


def _partial(setting: Setting, chart: Chart, found: Asked, cells: tuple[tuple[Any, ...], ...]) -> dict[str, Any]:
    """Tell whether the last period of a series is not over yet."""
    if not found.grain or chart.kind not in ("line", "area", "bar", "stacked", "sparkline", "kpi") or not cells:
        return {}
    try:
        last = max(datetime.fromisoformat(str(row[0])) for row in cells if row[0] is not None)
    except (ValueError, TypeError):
        return {}
    last = last.replace(tzinfo=None)
    newest = setting.app.clock.now().astimezone(UTC).replace(tzinfo=None)
    high = setting.chosen.high
    until = min(newest, high) if high else newest
    return {"partial": beyond(last, found.grain) > until}


def _kpi(chart: Chart, columns: tuple[TileColumn, ...], cells: tuple[tuple[Any, ...], ...]) -> Kpi | None:
    """Return the number of a query: its only row, or the newest of several along a time."""
    if not cells:
        return None
    value, compared = cells[0][1], cells[0][2]
    told = chart.option("compare")
    timed = columns[0].role == "x" and cells[0][0] is not None
    if compared is None and told is not None and timed:
        try:
            back = Span.of(str(told)).before(datetime.fromisoformat(str(cells[0][0])))
        except ValueError as error:
            raise RoleError(str(error), "compare", str(told), expected="such as '1 week'") from None
        compared = next((row[1] for row in cells if datetime.fromisoformat(str(row[0])) == back), None)
    spark = tuple((row[0], row[1]) for row in reversed(cells) if row[0] is not None) if len(cells) > 1 else None
    return number(
        value, compared, good_of(chart), spark if chart.option("spark") is not False else None, columns[1].format
    )


def good_of(chart: Chart, default: str = "none") -> str:
    """Return which way is good; raises `RoleError` for what is none."""
    told = str(chart.option("good", default))
    if told not in ("up", "down", "none"):
        raise RoleError(f"'{told}' is no direction", "good", told, expected="up, down or none")
    return told


def number(value: Any, compared: Any, good: str, spark: tuple[tuple[Any, Any], ...] | None, form: str) -> Kpi:
    """Return a number with what it is compared with: the difference, and that as a share where it says something."""
    both = isinstance(value, int | float) and isinstance(compared, int | float)
    delta = value - compared if both else None
    ratio = delta / abs(compared) if both and compared else None
    return Kpi(value, compared, delta, ratio, good, spark, form)


def used_by(setting: Setting, chart: Chart) -> tuple[str, ...]:
    """Return the other dashboards that show the same metrics."""
    names = {word.text for word in chart.names} - set(setting.page.queries)
    if not names:
        return ()
    found = []
    for name, page in pages(setting.app).all(setting.app).items():
        if name != setting.page.name and names & {word.text for one in page.charts for word in one.names}:
            found.append(name)
    return tuple(found)


def _cell(value: Any, whole: bool) -> Any:
    """Return a value as `cell` does: of a column of whole numbers, that was drawn as another kind, whole again."""
    found = cell(value)
    return int(found) if whole and isinstance(found, float) and found.is_integer() else found


def cell(value: Any) -> Any:
    """Return a value as JSON can carry it: decimals as numbers where they lose nothing, long texts cut.

    >>> from decimal import Decimal
    >>> cell(Decimal("1.50")), cell(Decimal("12345678901234567890.25")), cell(float("nan"))
    (1.5, '12345678901234567890.25', None)
    """
    if isinstance(value, float):
        return value if value - value == 0 else None  # neither NaN nor infinite
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_CELL else value[: _LONGEST_CELL - 1] + "…"
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, list | tuple):
        return [cell(one) for one in value]
    if type(value).__name__ == "Decimal":
        return _decimal(value)
    return exact(value)


def _decimal(value: Decimal) -> Any:
    digits = len(value.as_tuple().digits)
    return float(value) if digits <= 15 and value.is_finite() else format(value, "f")  # noqa: PLR2004


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
