"""Routes about dashboards and metrics: which there are, a page, the data of a tile, the values of a metric."""

from __future__ import annotations

from typing import Any

from penstock.app import metrics
from penstock.app.limits import within
from penstock.app.metrics import MetricInfo
from penstock.app.pages import dashboards
from penstock.app.serving import grids
from penstock.app.serving.missing import NoSuchError
from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.dashboard import Mistake
from penstock.model.measure import Filter, MeasuredColumn, MetricAsk
from penstock.model.page import Control, PageInfo, TileData
from penstock.web.route import AskError, Book, Call, number, text

BOOK = Book()
_WHERE = "where."
_VIEW = "show."
_HINT = 'ask for a shorter time or fewer dimensions; or give it more time: page_limit = "2 minutes" in penstock.toml'


@record
class PageInfos:
    """Every dashboard, the pinned ones first."""

    dashboards: tuple[PageInfo, ...]


@record
class PageShown(PageInfo):
    """A dashboard as it is shown: its filters, its blocks in the order of the file, and what is wrong in it.

    A block has a `kind`: `html` with `html`, `row` with `tiles`, `tabs` with `tabs`, or `mistake` with `mistake`.
    """

    filters: tuple[Control, ...] = ()
    blocks: tuple[dict[str, Any], ...] = ()
    problems: tuple[Mistake, ...] = ()


@record
class TileShown:
    """The data of a tile, and how many seconds ago it was made; what has the same `made` is the same."""

    made: str
    seconds: float
    tile: TileData


@record
class Sheet:
    """A dashboard and how many seconds ago it was made, with the data of tiles, and the ids of those that take long."""

    made: str
    seconds: float
    page: PageShown
    tiles: tuple[TileShown, ...]
    waiting: tuple[str, ...]


@record
class MetricInfos:
    """Every metric, by name."""

    metrics: tuple[MetricInfo, ...]


@record
class MetricValues:
    """What was measured: the SQL, its columns with what each is, and the rows."""

    sql: str
    columns: tuple[MeasuredColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


@BOOK.get("/dashboards", PageInfos)
def list_dashboards(call: Call) -> PageInfos:
    """Every dashboard, the pinned ones first."""
    return PageInfos(tuple(dashboards.dashboards(call.site.app)))


@BOOK.get("/dashboards/{name}", PageShown, open_query=True)
def get_dashboard(call: Call) -> Any:
    """A dashboard with its filters and blocks; parameters are its filters."""
    app = call.site.app
    try:
        return dashboards.json_of(dashboards.page(app, call.path["name"], call.query, app.project.page_limit))
    except ConfigError as error:
        raise NoSuchError.of(error) from None


@BOOK.get("/dashboards/{name}/tiles/{id}", TileData, open_query=True)
def get_dashboard_tile(call: Call) -> bytes:
    """The data of a tile, under the filters that the parameters say."""
    try:
        return call.site.sheets.tile(call.path["name"], call.path["id"], call.query)
    except ConfigError as error:
        raise NoSuchError.of(error) from None


@BOOK.get(
    "/dashboards/{name}/sheet",
    Sheet,
    text("show.tab", "The tabs that are open, by their labels, between bars."),
    text("show.tiles", "The tiles whose data is wanted, between commas; by default those that are seen."),
    open_query=True,
)
def get_dashboard_sheet(call: Call) -> bytes:
    """A dashboard with the data of its tiles; other parameters are its filters. Tiles that take long are only named."""
    filters = {name: said for name, said in call.query.items() if not name.startswith(_VIEW)}
    tabs, ids = call.given["show.tab"].split("|"), call.given["show.tiles"].split(",")
    try:
        return call.site.sheets.sheet(call.path["name"], filters, tabs, ids if f"{_VIEW}tiles" in call.query else None)
    except ConfigError as error:
        raise NoSuchError.of(error) from None


@BOOK.get("/metrics", MetricInfos)
def list_metrics(call: Call) -> MetricInfos:
    """Every metric and what it can be asked by."""
    return MetricInfos(tuple(metrics.metrics(call.site.app)))


@BOOK.get(
    "/metrics/{name}/values",
    MetricValues,
    text("by", "Dimensions, between commas."),
    text("grain", "The grain of time: day, week, month …"),
    text("start", "The first day, or a time."),
    text("end", "The last day, or a time that is excluded."),
    text("compare", "A span of time: beside each value the one so long before."),
    text("order", "A column to order by; with - before it, falling."),
    text("timezone", "Where a day begins, such as Europe/Berlin."),
    number("limit", "Rows at most.", 10_000, 1, 100_000),
    open_query=True,
)
def get_metric_values(call: Call) -> MetricValues:
    """The values of a metric; a parameter where.DIMENSION has the values that count, between commas."""
    name, given = call.path["name"], call.given
    known = call.site.app.project.metrics
    if name not in known:
        raise NoSuchError(f"no metric '{name[:100]}'", hint=did_you_mean(name, known))
    filters = tuple(
        Filter(key.removeprefix(_WHERE), values(said)) for key, said in call.query.items() if key.startswith(_WHERE)
    )
    ask = MetricAsk(
        (name,), tuple(part.strip() for part in given["by"].split(",") if part.strip()), given["grain"],
        given["start"] or None, given["end"] or None, filters, given["compare"], given["order"], given["limit"] + 1,
        given["timezone"],
    )  # fmt: skip
    with within(call.site.app.project.page_limit, _HINT):
        found = metrics.measure(call.site.app, ask)
        grid = grids.grid(found.rows, given["limit"])
    return MetricValues(found.sql, found.columns, grid.rows, grid.truncated)


def values(said: str) -> tuple[Any, ...]:
    r"""Return the values that a parameter lists; a comma within one has a backslash before it, ∅ is null.

    >>> values(r"North,South\, deep,∅")
    ('North', 'South, deep', None)
    """
    if "\0" in said:
        raise AskError("a value has a zero byte in it")
    found, at = [""], 0
    while at < len(said):
        if said[at] == "\\" and at + 1 < len(said):
            found[-1] += said[at + 1]
            at += 1
        elif said[at] == ",":
            found.append("")
        else:
            found[-1] += said[at]
        at += 1
    return tuple(None if one == "∅" else one for one in found)
