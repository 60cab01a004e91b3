"""Dashboards as a static site: pages that open from disk with the data of the build, readable without scripts too."""

from __future__ import annotations

import csv
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.app.pages import dashboards
from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.base.written import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.opened import App
    from penstock.model.page import Block, Page, PageInfo, Tile, TileData

ASSETS = Path(__file__).parents[2] / "web" / "static"  # the web app as it was built
_MARK = "<!-- made by penstock dashboard build -->"
_ROWS = 200
_AT_A_TIME = 4
_LINK = re.compile(r'href="/dashboards/([^"/?#]+)(?:[?#][^"]*)?"')
_IN_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@record
class Built:
    """A site that was built: its folder, its pages, how many files and bytes, and the mistakes that its pages show."""

    folder: str
    pages: tuple[PageInfo, ...]
    files: int
    bytes: int
    mistakes: int


def build(app: App, folder: Path, names: Sequence[str] = ()) -> Built:
    """Write dashboards (by default all) as a site into a folder.

    Raises `ConfigError` for an unknown dashboard, a folder that holds something else, and where the web app was not
    built.
    """
    known = dashboards.names(app)
    for name in names:
        if name not in known:
            raise ConfigError(f"no dashboard '{name}'", hint=did_you_mean(name, known))
    chosen = [info for info in dashboards.dashboards(app) if not names or info.name in names]
    if not chosen:
        raise ConfigError("there are no dashboards", hint="penstock dashboard new TABLE writes a first one")
    files = {f"assets/{name}": data for name, data in _assets(ASSETS).items()}
    _check_free(folder)
    links = {info.name for info in chosen}
    for info in chosen:
        page = dashboards.page(app, info.name)
        data = _data(app, info.name, [tile.id for tile in _tiles(page.blocks)])
        files[f"{info.name}.html"] = _page(app, page, data, links).encode()
        for tile in data.values():
            if tile.columns:
                files[f"{info.name}/{tile.id}.csv"] = _csv(tile).encode()
    files["index.html"] = _index(app, chosen).encode()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    mistakes = sum(info.mistakes for info in chosen)
    return Built(str(folder), tuple(chosen), len(files), sum(map(len, files.values())), mistakes)


def _assets(found: Path) -> dict[str, bytes]:
    names = ("site.js", "site.css")
    missing = [name for name in names if not (found / name).is_file()]
    if missing:
        raise ConfigError(
            "the web app was not built", expected=" and ".join(names), got=f"no {' and no '.join(missing)}",
            hint="in a clone of Penstock: make ui (an installed Penstock brings it along)",
        )  # fmt: skip
    return {name: (found / name).read_bytes() for name in names}


def _check_free(folder: Path) -> None:
    """Raise where a folder holds anything but an earlier site."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError(f"'{folder}' is no folder", hint="name another one: penstock dashboard build DIR")
    index = folder / "index.html"
    ours = index.is_file() and _MARK in index.read_text("utf-8", "replace")
    if any(folder.iterdir()) and not ours:
        raise ConfigError(
            f"'{folder}' holds something else", expected="an empty folder, or an earlier site",
            hint="name another one: penstock dashboard build DIR",
        )  # fmt: skip


def _data(app: App, name: str, ids: Sequence[str]) -> dict[str, TileData]:
    """Return the data of a page's tiles, some of them asked for at a time."""
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return dict(zip(ids, pool.map(lambda tile: _settled(dashboards.tile(app, name, tile)), ids), strict=True))


def _settled(tile: TileData) -> TileData:
    """Return a tile as it will be looked at, later: that its data is old the page says once, at its head."""
    return replace(tile, state="ok") if tile.state == "late" and tile.message is None else tile


def _tiles(blocks: Sequence[Block]) -> Iterator[Tile]:
    for block in blocks:
        yield from block.tiles
        for tab in block.tabs:
            yield from _tiles(tab.blocks)


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────


def _page(app: App, page: Page, data: dict[str, TileData], links: set[str]) -> str:
    shape = dashboards.json_of(page)
    _relink(shape["blocks"], links)
    held = {"page": shape, "tiles": {name: dashboards.json_of(tile) for name, tile in data.items()}}
    said = json.dumps(held, ensure_ascii=False, separators=(",", ":"))
    for sign, written_as in _IN_SCRIPT.items():
        said = said.replace(sign, written_as)
    inside = "\n".join(_plain(page, page.blocks, data, links))
    chosen = ", ".join(f"{one.label}: {one.text}" for one in page.filters)
    body = (
        f'<div id="app"><main><p><a href="index.html">{escape(app.project.name)}</a></p>\n'
        f"<h1>{escape(page.info.title)}</h1>\n<p>{escape(chosen)}</p>\n{inside}\n</main></div>\n"
        f'<script type="application/json" id="penstock-page">{said}</script>\n'
        '<script src="assets/site.js" defer></script>'
    )
    return _html(f"{page.info.title} – {app.project.name}", body)


def _relink(blocks: list[dict[str, Any]], links: set[str]) -> None:
    for block in blocks:
        if block["kind"] == "html":
            block["html"] = _relinked(block["html"], links)
        for tab in block.get("tabs", ()):
            _relink(tab["blocks"], links)


def _relinked(html: str, links: set[str]) -> str:
    """Let links to dashboards lead to their files, as far as these are built."""
    return _LINK.sub(lambda found: f'href="{found[1]}.html"' if found[1] in links else found[0], html)


def _plain(page: Page, blocks: Sequence[Block], data: dict[str, TileData], links: set[str]) -> Iterator[str]:
    """Write blocks as HTML that needs no script: text, numbers, and each chart as a table."""
    for block in blocks:
        if block.kind == "html":
            yield _relinked(block.html, links)
        elif block.mistake is not None:
            yield f"<p><strong>line {block.mistake.line}: {escape(block.mistake.subject)}</strong></p>"
        for tab in block.tabs:
            yield f"<h3>{escape(tab.label)}</h3>"
            yield from _plain(page, tab.blocks, data, links)
        for tile in block.tiles:
            yield from _plain_tile(page, data[tile.id])


def _plain_tile(page: Page, tile: TileData) -> Iterator[str]:
    yield f"<section><h4>{escape(tile.title)}</h4>"
    if tile.subtitle:
        yield f"<p>{escape(tile.subtitle)}</p>"
    if tile.message:
        yield f"<p>{escape(tile.message)}</p>"
    if tile.kpi is not None:
        yield f"<p><strong>{escape(written(tile.kpi.value, tile.kpi.format))}</strong>"
        if tile.kpi.compared is not None:
            yield f"(before: {escape(written(tile.kpi.compared, tile.kpi.format))})"
        yield "</p>"
    elif tile.rows:
        yield _plain_table(tile)
    if tile.columns:
        yield f'<p><a href="{escape(page.info.name)}/{escape(tile.id)}.csv">CSV</a></p>'
    yield "</section>"


def _plain_table(tile: TileData) -> str:
    heads = "".join(f"<th>{escape(column.label)}</th>" for column in tile.columns)
    forms = [column.format for column in tile.columns]

    def cells(row: tuple[Any, ...]) -> str:
        shown = (escape(written(value, form)) for value, form in zip(row, forms, strict=True))
        return "".join(f"<td>{one}</td>" for one in shown)

    body = "".join(f"<tr>{cells(row)}</tr>" for row in tile.rows[:_ROWS])
    more = f"<p>{len(tile.rows) - _ROWS:,} more rows</p>" if len(tile.rows) > _ROWS else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}"


def _index(app: App, found: Sequence[PageInfo]) -> str:
    items = "\n".join(
        f'<li><a href="{escape(info.name)}.html">{escape(info.title)}</a>'
        + (f"<br>{escape(info.description)}" if info.description else "")
        + "</li>"
        for info in found
    )
    at = f"{app.clock.now():%Y-%m-%d %H:%M} UTC"
    body = f"<main><h1>{escape(app.project.name)}</h1>\n<ul>\n{items}\n</ul>\n<p>as of {at}</p></main>"
    return _html(app.project.name, body)


def _html(title: str, body: str) -> str:
    return (
        f'<!doctype html>\n{_MARK}\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f'<title>{escape(title)}</title>\n<link rel="stylesheet" href="assets/site.css">\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def _csv(tile: TileData) -> str:
    """Return the rows of a tile as CSV under the names of their columns; a name that is there twice with its role."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = [column.name for column in tile.columns]
    writer.writerow(
        [
            name if names.count(name) == 1 else f"{name}_{column.role}"
            for name, column in zip(names, tile.columns, strict=True)
        ]
    )
    writer.writerows([[json.dumps(value) if isinstance(value, list) else value for value in row] for row in tile.rows])
    return out.getvalue()
