"""Tiles of metrics: what a chart asks of them, with the page's filters, and the rest computed, never summed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from penstock.app.metrics import MetricInfo, adds_up, measure, metric_values
from penstock.app.pages.asking import Asked, MissingError
from penstock.app.pages.kept import pages
from penstock.app.pages.measured import infos, newest, unknown
from penstock.app.pages.tiles import Setting, cell, drawn, finished, good_of, number, room_of, unchosen
from penstock.base.text import did_you_mean
from penstock.model.dashboard import GRAINS
from penstock.model.measure import Filter, MeasuredColumn, MetricAsk
from penstock.model.page import TileColumn
from penstock.plan.charts import shape
from penstock.plan.drawing import NOTHING, Drawn, Shaped
from penstock.plan.period import Span
from penstock.plan.restrict import literal, quoted
from penstock.plan.roles import Field, RoleError, humanized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.dashboard import Chart
    from penstock.model.page import TileData
    from penstock.plan.chosen import Chosen

_ALONG = ("line", "area", "sparkline")
_LIMITS = {"bar": 12, "stacked": 12, "line": 8, "area": 8, "funnel": 20}
_MOST_VALUES = 10_000
_SPARK_POINTS = 30
_FIELD = Field("value", "double")


def data(setting: Setting, chart: Chart) -> TileData:
    """Return the tile of a chart of metrics; raises what is wrong with it."""
    if str(chart.option("filters", "")).lower() in ("none", "false"):
        setting = replace(setting, chosen=unchosen(setting.chosen))
    found = _Metrics(setting, chart)
    if chart.kind == "kpi":
        return found.kpi()
    bars = found.bars() if chart.kind in ("bar", "stacked") else None
    if bars is not None:
        return bars
    asked = found.asked()
    return drawn(setting, told(chart), asked)


def told(chart: Chart) -> Chart:
    """Return a chart without what was said of dimensions: its columns are told apart by their roles by now."""
    if chart.kind not in ("line", "area", "bar", "stacked", "sparkline", "table", "scatter", "funnel"):
        return chart
    return replace(chart, said=tuple(one for one in chart.said if one.name not in ("by", "split", "x", "y")))


class _Metrics:
    """The metrics of one chart, and what is asked of them."""

    def __init__(self, setting: Setting, chart: Chart) -> None:
        self.setting, self.chart = setting, chart
        known = infos(setting.app)
        self.infos = []
        for word in chart.names:
            if word.text not in known:
                raise unknown(setting.app, setting.page, word)
            self.infos.append(known[word.text])
        self.first: MetricInfo = self.infos[0]
        self._check_built()
        self.zone = str(chart.option("timezone", "")) or setting.page.timezone
        self.shared = [name for name in self.first.dimensions if all(name in one.dimensions for one in self.infos)]

    def _check_built(self) -> None:
        relations = self.setting.app.engine.relations()
        for table in dict.fromkeys(name for one in self.infos for name in one.tables):
            if table not in relations:
                raise MissingError(table, f"penstock run +{table}")

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables that the metrics read."""
        return tuple(dict.fromkeys(name for one in self.infos for name in one.tables))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics."""
        return tuple(one.name for one in self.infos)

    # ── what is asked ───────────────────────────────────────────────────────────────────────────────────

    def where(self) -> tuple[tuple[Filter, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the page's filters as those of the metrics, the names of these, and those that say nothing here."""
        chosen = self.setting.chosen
        found, loose = [], []
        for name in chosen.values:
            if name in self.shared:
                found.append(_filter(chosen, name))
            else:
                loose.append(name)
        bound = [one.dimension for one in found]
        if chosen.low is not None or chosen.high is not None:
            (bound if self.first.time else loose).append("period")
        return tuple(found), tuple(bound), tuple(loose)

    def ask(self, by: Sequence[str] = (), grain: str = "", **said: Any) -> MetricAsk:
        """Return an ask with the page's filters and period."""
        where, _, _ = self.where()
        extra: tuple[Filter, ...] = said.pop("where", ())
        chosen = self.setting.chosen
        low, high = said.pop("between", (chosen.low, chosen.high) if self.first.time else (None, None))
        return MetricAsk(
            said.pop("metrics", self.names), tuple(by), grain, _bounded(low), _bounded(high), (*where, *extra),
            timezone=self.zone, **said,
        )  # fmt: skip

    def split(self) -> tuple[list[str], str]:
        """Return the dimensions and the grain that a chart is told, by default what its kind goes along."""
        words = [*self.chart.words("x"), *self.chart.words("by"), *self.chart.words("split"), *self._y_of_grid()]
        grains = [word for word in words if word in GRAINS]
        dimensions = list(dict.fromkeys(word for word in words if word not in GRAINS))
        for word in dimensions:
            if word not in self.shared:
                raise self._no_dimension(word)
        grain = grains[0] if grains else ""
        if not grain and self.chart.kind in _ALONG:
            if not self.first.time:
                raise RoleError(f"'{self.first.name}' has no time to go along", hint="its file says none: time = …")
            grain = self._grain()
        return dimensions, (self.setting.chosen.grain or grain) if grain else ""

    def _y_of_grid(self) -> tuple[str, ...]:
        return self.chart.words("y") if self.chart.kind == "heatmap" else ()

    def _no_dimension(self, word: str) -> RoleError:
        option = next((o for o in ("by", "split", "x", "y") if word in self.chart.words(o)), "by")
        hint = did_you_mean(word, [*self.shared, *GRAINS])
        whose = " and ".join(f"'{name}'" for name in self.names)
        return RoleError(f"{whose} cannot be asked by '{word}'", option, word, hint=hint)

    def _grain(self) -> str:
        """Return the grain that shows a period in some dozens of points, and is not finer than the metric's."""
        chosen = self.setting.chosen
        days = (chosen.high - chosen.low).days if chosen.low and chosen.high else 90
        fits = "hour" if days <= 2 else "day" if days <= 120 else "week" if days <= 800 else "month"  # noqa: PLR2004
        coarsest = max(GRAINS.index(one.grain or "day") for one in self.infos)
        return GRAINS[max(GRAINS.index(fits), coarsest)]

    # ── rows to be drawn ────────────────────────────────────────────────────────────────────────────────

    def asked(self) -> Asked:
        """Return the rows of the chart: of the largest values of a dimension, and of all others together."""
        dimensions, grain = self.split()
        compare = self._compare()
        self._check_kind(dimensions, grain)
        limit = self.chart.option("limit", _LIMITS.get(self.chart.kind, 0))
        whole = self.ask(dimensions, grain, compare=compare, **self._order(grain))
        narrowed = dimensions[0] if self.chart.kind in ("bar", "stacked") and dimensions else ""
        narrowed = dimensions[-1] if self.chart.kind in _ALONG and dimensions else narrowed
        if narrowed and isinstance(limit, int) and limit > 0:
            return self._largest(whole, narrowed, limit, grain)
        made = self._made(*self._sql(whole), grain)
        if self.chart.kind != "table" or self.chart.option("total") is not True:
            return made
        _, columns, rows = self._measured(self.ask())
        totals = {one.name: cell(value) for one, value in zip(columns, rows[0], strict=True)} if rows else {}
        return replace(made, totals=totals)

    def check(self) -> None:
        """Raise what keeps the chart from being drawn."""
        dimensions, grain = self.split()
        self._check_kind(dimensions, grain)
        made = self._made(*self._sql(self.ask(dimensions, grain, compare=self._compare())), grain)
        shape(told(self.chart), made.fields, room_of(self.chart, made))

    def check_kpi(self) -> None:
        """Raise what keeps the number from being shown."""
        if len(self.names) > 1:
            raise RoleError("a kpi shows one metric", word=self.names[1])
        good_of(self.chart)
        self._compare()
        self._sql(self.ask())

    def _check_kind(self, dimensions: Sequence[str], grain: str) -> None:
        if self.chart.kind == "scatter" and len(self.names) < 2:  # noqa: PLR2004
            raise RoleError("'scatter' shows two metrics", expected="{{ scatter orders, revenue by=… }}")
        if self.chart.kind in _LIMITS and dimensions and len(self.names) > 1 and (grain or len(dimensions) > 1):
            raise RoleError("several metrics cannot be split", "split", hint="draw one metric, or leave the split out")

    def _order(self, grain: str) -> dict[str, Any]:
        if self.chart.kind not in ("table", "bar", "stacked", "box", "funnel") or grain or self.chart.words("sort"):
            return {}
        return {"order": f"-{self.names[0]}"}

    def _compare(self) -> str:
        said = self.chart.option("compare")
        if said is None:
            return ""
        if str(said) == "previous":
            chosen = self.setting.chosen
            return f"{max((chosen.high - chosen.low).days, 1)} days" if chosen.low and chosen.high else ""
        try:
            return str(Span.of(str(said)))
        except ValueError as error:
            raise RoleError(str(error), "compare", str(said), expected="such as '1 week' or 'previous'") from None

    def _sql(self, ask: MetricAsk) -> tuple[str, tuple[MeasuredColumn, ...]]:
        measured = measure(self.setting.app, ask)
        measured.rows.close()
        return measured.sql, measured.columns

    def _rows(self, ask: MetricAsk) -> list[tuple[Any, ...]]:
        return self._measured(ask)[2]

    def _measured(self, ask: MetricAsk) -> tuple[str, tuple[MeasuredColumn, ...], list[tuple[Any, ...]]]:
        measured = measure(self.setting.app, ask)
        try:
            return measured.sql, measured.columns, list(measured.rows.fetch(_MOST_VALUES))
        finally:
            measured.rows.close()

    def _total(self, ask: MetricAsk) -> tuple[str, tuple[MeasuredColumn, ...], list[tuple[Any, ...]]]:
        """Measure one number; several places of a page show the same."""
        app = self.setting.app
        changed = tuple(app.engine.relations()[name].changed for name in self.tables)
        return pages(app).kept(("total", ask, changed), lambda: self._measured(ask))

    def _few(self, dimension: str, limit: int) -> bool:
        """Tell whether a dimension has so few values, whatever is chosen, that all can be shown."""
        app = self.setting.app
        changed = tuple(app.engine.relations()[name].changed for name in self.tables)
        key = ("values", self.first.name, dimension, limit, changed)
        many = pages(app).kept(key, lambda: len(metric_values(app, self.first.name, dimension, limit + 2)))
        return many <= limit + 1

    def _largest(self, whole: MetricAsk, dimension: str, limit: int, grain: str) -> Asked:
        if self._few(dimension, limit):
            return self._made(*self._sql(whole), grain)
        ranks = self._rows(
            self.ask((dimension,), metrics=self.names[:1], order=f"-{self.names[0]}", limit=_MOST_VALUES)
        )
        known = [row for row in ranks if row[-1] is not None]
        if len(known) <= limit + 1:
            return self._made(*self._sql(whole), grain)
        top = tuple(row[0] for row in known[:limit])
        sql, columns = self._sql(replace(whole, where=(*whole.where, Filter(dimension, top))))
        if self.chart.option("other") is False:
            return self._made(sql, columns, grain)
        rest = replace(
            whole, by=tuple(name for name in whole.by if name != dimension), order="",
            where=(*whole.where, Filter(dimension, top, "not in")),
        )  # fmt: skip
        label = f"other ({len(known) - limit:,})"
        others, _ = self._sql(rest)
        shown = ", ".join(
            f"cast({quoted(one.name)} as varchar) as {quoted(one.name)}" if one.name == dimension else quoted(one.name)
            for one in columns
        )
        text = (
            f"select {shown} from (\n{sql}\n)\nunion all by name\n"
            f"select *, {literal(label)} as {quoted(dimension)} from (\n{others}\n)"
        )
        columns = tuple(replace(one, type="varchar") if one.name == dimension else one for one in columns)
        return replace(self._made(text, columns, grain), other=label, shown=sql)

    def bars(self) -> TileData | None:
        """Return a bar for each of the largest values of one dimension, and one for the rest; None for other charts."""
        dimensions, grain = self.split()
        plain = len(dimensions) == 1 and len(self.names) == 1 and not grain and not self._compare()
        if not plain or any(self.chart.option(name) is not None for name in ("limit", "sort")):
            return None
        limit = _LIMITS["bar"]
        sql, columns, rows = self._measured(self.ask(dimensions, order=f"-{self.names[0]}", limit=_MOST_VALUES))
        known = [row for row in rows if row[1] is not None]
        if len(known) > limit + 1:
            top = tuple(row[0] for row in known[:limit])
            label = f"other ({len(known) - limit:,})"
            rest = [] if self.chart.option("other") is False else self._rest(dimensions[0], top, label)
            shown = [*known[:limit], *rest]
        else:
            label, shown = "", known
        cells = tuple((NOTHING if row[0] is None else str(cell(row[0])), None, cell(row[1])) for row in shown)
        heads = (
            TileColumn(columns[0].name, columns[0].label or humanized(columns[0].name), "varchar", "x", "text"),
            TileColumn("series", "Series", "varchar", "series", "text"),
            TileColumn(
                columns[1].name, columns[1].label or humanized(columns[1].name), columns[1].type, "y", self.form
            ),
        )
        options = {
            "stacked": self.chart.option("stacked", self.chart.kind == "stacked") is True, "limit": limit,
            "horizontal": self.chart.option("horizontal"), "there": len(known),
            "additive": adds_up(self.setting.app, self.first.name),
        }  # fmt: skip
        made = replace(self._made(sql, columns, ""), other=label)
        return finished(self.setting, self.chart, made, heads, cells, total=len(cells), shaped=Shaped("", (), options))

    def _rest(self, dimension: str, top: tuple[Any, ...], label: str) -> list[tuple[Any, ...]]:
        rows = self._rows(self.ask(where=(Filter(dimension, top, "not in"),)))
        return [(label, row[0]) for row in rows]

    def _made(self, sql: str, columns: tuple[MeasuredColumn, ...], grain: str) -> Asked:
        _, bound, loose = self.where()
        fields = tuple(self._field(one) for one in columns)
        return Asked(
            sql, fields, self.tables, sql, f"{self.first.file}:{self.first.line}", filtered=bound, unfiltered=loose,
            metric=self.first.name, grain=grain, timezone=self.zone or self.first.timezone,
        )  # fmt: skip

    def _field(self, one: MeasuredColumn) -> Field:
        sums = adds_up(self.setting.app, one.name) if one.role == "metric" else None
        return Field(one.name, one.type, one.role, one.label, one.format, sums)

    # ── a number ────────────────────────────────────────────────────────────────────────────────────────

    def kpi(self, *, spark: bool = True) -> TileData:
        """Return the number of a metric over the period, the same a span before, and how it went."""
        if len(self.names) > 1:
            raise RoleError("a kpi shows one metric", word=self.names[1])
        low, high = self._between()
        sql, columns, rows = self._total(self.ask(between=(low, high)))
        value = cell(rows[0][-1]) if rows else None
        compared = self._before(low, high)
        shown = (
            TileColumn(columns[-1].name, columns[-1].label or self.first.name, columns[-1].type, "value", self.form),
            TileColumn("compared", "before", columns[-1].type, "compared", self.form),
        )
        cells = () if value is None and compared is None else ((value, compared),)
        found = self._made(sql, columns, "")
        shaped = Shaped("", (Drawn(_FIELD, "value"), Drawn(_FIELD, "compared")), {})
        curve = self._spark(low, high) if spark and self.chart.option("spark") is not False else None
        tile = finished(
            self.setting, replace(self.chart, kind="table"), found, shown, cells, total=len(cells), shaped=shaped
        )
        made = number(value, compared, good_of(self.chart, self.first.good or "none"), curve, self.form)
        title = self.chart.option("title", self.first.label or self.first.name)
        return replace(tile, kind="kpi", kpi=made if cells else None, title=str(title))

    @property
    def form(self) -> str:
        """How the first metric is written."""
        return str(self.chart.option("format", "")) or self.first.format or Field(self.first.name, "double").formatted

    def _between(self) -> tuple[datetime | None, datetime | None]:
        chosen = self.setting.chosen
        said = self.chart.option("compare")
        if chosen.low is None and said is not None and str(said) != "previous" and self.first.time:
            high = chosen.high or newest(self.setting.app, (self.first,)) + timedelta(microseconds=1)
            return self._span().before(high), high
        return (chosen.low, chosen.high) if self.first.time else (None, None)

    def _span(self) -> Span:
        try:
            return Span.of(self._compare())
        except ValueError as error:
            raise RoleError(str(error), "compare") from None

    def _before(self, low: datetime | None, high: datetime | None) -> Any:
        if self.chart.option("compare") is None or low is None or high is None:
            return None
        if str(self.chart.option("compare")) == "previous":
            return self._one(self.ask(between=(low - (high - low), low)))
        span = self._span()
        return self._one(self.ask(between=(span.before(low), span.before(high))))

    def _one(self, ask: MetricAsk) -> Any:
        rows = self._total(ask)[2]
        return cell(rows[0][-1]) if rows else None

    def _spark(self, low: datetime | None, high: datetime | None) -> tuple[tuple[Any, Any], ...] | None:
        if not self.first.time:
            return None
        grain = next((word for word in self.chart.words("by") if word in GRAINS), "") or self._grain()
        if low is None:
            low = Span(_SPARK_POINTS, grain).before(newest(self.setting.app, (self.first,)))
        rows = self._rows(self.ask((), grain, between=(low, high)))
        return tuple((cell(row[0]), cell(row[-1])) for row in rows) or None


def _filter(chosen: Chosen, name: str) -> Filter:
    kind, values = chosen.filters[name].kind, chosen.values[name]
    if kind == "text":
        return Filter(name, values, "contains")
    if kind == "number":
        low, dots, high = values[0].partition("..")
        if not dots:
            return Filter(name, (float(low),), "=")
        if low and high:
            return Filter(name, (float(low), float(high)), "between")
        return Filter(name, (float(low or high),), ">=" if low else "<=")
    return Filter(name, tuple(None if value == NOTHING else value for value in values))


def _bounded(at: datetime | None) -> datetime | None:
    return None if at in (datetime.min, datetime.max) else at  # noqa: DTZ901


def value(setting: Setting, chart: Chart) -> tuple[Any, str]:
    """Return a metric's value for a text, or with `compare` its change, and how that is written."""
    if str(chart.option("filters", "")).lower() in ("none", "false"):
        setting = replace(setting, chosen=unchosen(setting.chosen))
    found = _Metrics(setting, replace(chart, kind="kpi"))
    tile = found.kpi(spark=False)
    if tile.kpi is None:
        return None, found.form
    if chart.option("compare") is not None:
        return tile.kpi.ratio, "percent"
    return tile.kpi.value, found.form


def tried(setting: Setting, chart: Chart) -> None:
    """Raise what keeps a chart of metrics from being drawn; the warehouse is only asked which columns there are."""
    found = _Metrics(setting, chart)
    if chart.kind == "kpi":
        found.check_kpi()
        return
    found.check()
