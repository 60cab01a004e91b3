"""Requests about dashboards: which there are, a page with its filters and blocks, the data of a tile, what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.app import metrics
from penstock.app.limits import within
from penstock.app.pages import controls, html, metrictiles, showing, tiles
from penstock.app.pages.asking import MissingError, described, tables_read
from penstock.app.pages.kept import pages, worst
from penstock.app.pages.measured import infos, shows_metrics
from penstock.app.pages.tiles import Setting
from penstock.base.errors import ConfigError, ConfigErrors, PenstockError, Place
from penstock.base.text import did_you_mean
from penstock.model.dashboard import Chart, Mistake
from penstock.model.page import Block, Page, PageInfo, Tab, Tile, TileData
from penstock.plan.charts import shape
from penstock.plan.roles import humanized

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence
    from datetime import timedelta

    from penstock.app.opened import App
    from penstock.model.dashboard import Dashboard, Part

__all__ = ["Page", "PageInfo", "TileData", "check", "dashboards", "json_of", "names", "page", "raise_mistakes", "tile"]
_OWN = ("title", "subtitle", "link", "span")


def names(app: App) -> list[str]:
    """Return the names of all dashboards; no file is read."""
    from penstock.load.dashboards import listed

    return sorted(listed(app.root))


def dashboards(app: App) -> list[PageInfo]:
    """Return every dashboard, pinned ones first; a page with mistakes is one of them."""
    found = [_info(app, one) for one in pages(app).all(app).values()]
    return sorted(found, key=lambda one: (not one.pinned, one.title.lower(), one.name))


def page(app: App, name: str, params: Mapping[str, str] | None = None, limit: timedelta | None = None) -> Page:
    """Return a page with its filters and blocks; what is wrong in it stands in its place.

    Raises `ConfigError` for no such page, `TooSlowError` where its filters take longer than `limit`.
    """
    found = pages(app).one(app, name)
    with within(limit):
        chosen = controls.chosen(app, found, params or {})
        setting = Setting(app, found, chosen)
        wrong = _examined(app, found)
        return Page(
            _info(app, found), controls.controls(app, found, chosen), _blocks(setting, found.parts, wrong),
            (*sorted(wrong.values(), key=lambda one: (one.line, one.column)), *chosen.problems),
        )  # fmt: skip


def tile(
    app: App, name: str, tile_id: str, params: Mapping[str, str] | None = None, limit: timedelta | None = None
) -> TileData:
    """Return the data of a tile; what is wrong, and that it takes longer than `limit`, is its state.

    Raises `ConfigError` for no such page or tile.
    """
    found = pages(app).one(app, name)
    chart = next((one for one in found.charts if one.id == tile_id), None)
    if chart is None:
        hint = did_you_mean(tile_id, [one.id for one in found.charts])
        raise ConfigError(f"the dashboard '{name}' has no tile '{tile_id}'", hint=hint)
    key = ("tile", *stamp(app, found, [chart], params or {}))
    return pages(app).kept(key, lambda: fresh(app, found, chart, params or {}, limit))


def fresh(
    app: App, found: Dashboard, chart: Chart, params: Mapping[str, str], limit: timedelta | None = None
) -> TileData:
    """Return the data of a tile, made now."""
    with within(limit):
        return showing.data(Setting(app, found, controls.chosen(app, found, params)), chart)


def stamp(
    app: App, found: Dashboard, charts: Sequence[Chart], params: Mapping[str, str], beside: Sequence[str] = ()
) -> tuple[Hashable, ...]:
    """Return what is another when what some charts of a page show is: by their tables, their states, and each minute,
    which stands last.

    Ages and periods go on while the warehouse stays as it is. A chart whose tables are not known changes with any;
    `beside` are tables that are shown as well.
    """
    names = ",".join(one.id for one in charts)
    of_charts = pages(app).kept(
        ("tables", found.file, found.text, names), lambda: [_tables(app, found, [one]) for one in charts]
    )
    tables = tuple(dict.fromkeys([name for one in of_charts for name in one] + list(beside)))
    relations, now = app.engine.relations(), app.clock.now().replace(tzinfo=None)
    known = all(of_charts) and all(name in relations for name in tables)
    mark = tuple(relations[name].changed for name in tables) if known else app.engine.version
    newest = controls.newest(app, found)
    told = (*sorted(params.items()), newest if newest < now else None)
    standing = worst(pages(app).standing(app), tables)
    minute = int(app.clock.monotonic() // 60)
    return found.file, found.text, names, told, standing.state, standing.checked_at, mark, minute


def _all(found: Dashboard) -> tuple[Chart, ...]:
    return (*found.charts, *found.values)


def raise_mistakes(app: App, select: Sequence[str] = ()) -> None:
    """Raise what `check` finds in the pages that show a selection: one mistake as itself, several together.

    With mistakes in pages, those that the warehouse finds in metrics are told beside them.
    """
    if not names(app):
        return
    tables = None
    if select:
        from penstock.plan.select import select as chosen

        tables = chosen(app.project, select, ())
    found = check(app, tables)
    if found:
        found = [*metrics.in_files(metrics.mistakes(app, tables)), *found]
        raise found[0] if len(found) == 1 else ConfigErrors(found)


def check(app: App, tables: Collection[str] | None = None) -> list[ConfigError]:
    """Return all mistakes in dashboards, each with its place; with `tables` in those that show one of them."""
    return [
        ConfigError(
            mistake.subject, expected=mistake.expected, got=mistake.got, hint=mistake.hint, excerpt=mistake.excerpt,
            where=Place(one.file, mistake.line, mistake.column),
        )
        for one in pages(app).all(app).values()
        if tables is None or not set(tables).isdisjoint(_tables(app, one, _all(one)))
        for mistake in sorted(_examined(app, one).values(), key=lambda each: (each.line, each.column))
    ]  # fmt: skip


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────────────────


def _examined(app: App, found: Dashboard) -> dict[str, Mistake]:
    """Return every mistake of a page: those of a chart or query by its id, others by a number."""
    key = (
        "examined",
        found.file,
        found.text,
        tuple(one.built for one in app.engine.relations().values()),
    )
    return pages(app).kept(key, lambda: _examine(app, found))


def _examine(app: App, found: Dashboard) -> dict[str, Mistake]:
    wrong = {f"#{at}": one for at, one in enumerate(found.mistakes)}
    wrong |= {f"filter {at}": one for at, one in enumerate(controls.mistakes(app, found))}
    setting = Setting(app, found, controls.chosen(app, found, {}))
    broken = {}
    for name, block in found.queries.items():
        try:
            described(app, found, block, setting.chosen)
        except MissingError:
            continue
        except PenstockError as error:
            broken[name] = tiles.mistake(found, Chart("", "query", (), (), block.line, 1), error)
    wrong |= {f"query {name}": one for name, one in broken.items()}
    for chart in _all(found):
        if chart.kind == "mistake" or chart.names[0].text.partition(".")[0] in broken:
            continue
        try:
            _tried(setting, chart)
        except MissingError:
            continue
        except PenstockError as error:
            wrong[chart.id] = tiles.mistake(found, chart, error)
    return wrong


def _tried(setting: Setting, chart: Chart) -> None:
    """Raise what keeps a chart from being drawn; nothing is computed but which columns there are."""
    tiles.span(chart)
    if chart.kind == "value":
        html.named(setting, chart)
    elif shows_metrics(setting.app, setting.page, chart):
        metrictiles.tried(setting, chart)
    else:
        asked = tiles.asked(setting, chart)
        shape(chart, asked.fields, tiles.room_of(chart, asked))


# ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────


def _info(app: App, found: Dashboard) -> PageInfo:
    wrong = len(_examined(app, found))
    tables = _tables(app, found, _all(found))
    standing = worst(pages(app).standing(app), tables)
    fresh = found.fresh.total_seconds() if found.fresh else standing.fresh
    state = "mistakes" if wrong else standing.state
    if state == "ok" and fresh is not None and standing.age is not None and standing.age > fresh:
        state = "late"
    return PageInfo(
        found.name, found.title, found.file, found.owner, found.description, found.pinned, len(found.charts), wrong,
        state, standing.age, fresh, tables,
    )  # fmt: skip


def _tables(app: App, found: Dashboard, charts: Sequence[Chart]) -> tuple[str, ...]:
    known = infos(app)
    tables: dict[str, None] = {}
    for word in (word for chart in charts for word in chart.names):
        name = word.text.partition(".")[0]
        if name in found.queries:
            tables |= dict.fromkeys(tables_read(app, found.queries[name].text))
        elif name in known:
            tables |= dict.fromkeys(known[name].tables)
    return tuple(tables)


def _blocks(setting: Setting, parts: tuple[Part, ...], wrong: Mapping[str, Mistake]) -> tuple[Block, ...]:
    env: dict[str, Any] = {}
    blocks: list[Block] = []
    for part in parts:
        if part.kind == "text":
            blocks.append(Block("html", html=html.rendered(setting, part, env)))
        elif part.kind == "row":
            blocks.append(Block("row", tiles=tuple(_tile(setting, chart, wrong) for chart in part.charts)))
        elif part.kind == "tabs":
            tabs = tuple(Tab(label, _blocks(setting, inner, wrong)) for label, inner in part.tabs)
            blocks.append(Block("tabs", tabs=tabs))
        else:
            blocks.append(Block("mistake", mistake=part.mistake))
    return tuple(blocks)


def _tile(setting: Setting, chart: Chart, wrong: Mapping[str, Mistake]) -> Tile:
    known = infos(setting.app)
    first = chart.names[0].text
    metric = first if shows_metrics(setting.app, setting.page, chart) else None
    labels = [known[word.text].label or humanized(word.text) for word in chart.names if word.text in known]
    title = tiles.title(chart, ", ".join(labels))
    options: dict[str, Any] = {one.name: one.value for one in chart.said if one.name not in _OWN}
    span, link = chart.option("span"), chart.option("link")
    if chart.id in wrong:
        options["mistake"] = json_of(wrong[chart.id])
    return Tile(
        chart.id, chart.kind, title, str(chart.option("subtitle", "")), span if isinstance(span, int) else None,
        options, None if link is None else str(link), chart.line, metric, None if metric else first,
    )  # fmt: skip


def json_of(given: Any) -> Any:
    """Return a page, a tile or a part of one as JSON has it; a page's list entry and its blocks are one object."""
    import dataclasses
    from datetime import datetime

    if isinstance(given, Page):
        rest = {name: json_of(getattr(given, name)) for name in ("filters", "blocks", "problems")}
        return {**json_of(given.info), **rest}
    if isinstance(given, Block):
        held = {"html": "html", "row": "tiles", "tabs": "tabs", "mistake": "mistake"}[given.kind]
        return {"kind": given.kind, held: json_of(getattr(given, held))}
    if dataclasses.is_dataclass(given):
        found = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
        rows = {"rows": found.pop("rows")} if isinstance(given, TileData) else {}  # as JSON has them already
        return {**{name: json_of(value) for name, value in found.items()}, **rows}
    if isinstance(given, dict):
        return {str(name): json_of(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return [json_of(value) for value in given]
    return given.isoformat().replace("+00:00", "Z") if isinstance(given, datetime) else given
