import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.made_pages import CHARTS, SALES, TILES

pytestmark = [pytest.mark.slow, pytest.mark.service]


def built(folder: Path, static: Path, page: dict, tiles: dict) -> str:
    """A page as `dashboard build` writes it; the address it has on disk."""
    assets = folder / "assets"
    assets.mkdir()
    for name in ("site.js", "site.css"):
        shutil.copy(static / name, assets)
    data = json.dumps({"page": page, "tiles": tiles}).replace("<", "\\u003c")
    file = folder / f"{page['name']}.html"
    file.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>a page</title>'
        '<link rel="stylesheet" href="assets/site.css">'
        f'<script type="application/json" id="penstock-page">{data}</script>'
        '<script src="assets/site.js" defer></script><div id="app"></div></html>',
        encoding="utf-8",
    )
    return file.as_uri()


def test_a_built_page_opens_from_disk_with_its_charts_and_asks_nobody(
    tmp_path: Path, static: Path, window: Callable[..., Page]
) -> None:
    shown = window()
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(built(tmp_path, static, SALES, TILES))
    shown.wait_for_function("() => document.querySelectorAll('.chart[data-drawn]').length === 2")
    expect(shown.get_by_role("heading", level=1)).to_have_text("Sales this quarter")
    expect(shown.locator("p.sub").first).to_contain_text("data of 25 Nov 2026")
    expect(shown.locator(".chip").nth(1)).to_have_text("Region all")
    assert shown.locator("select, details").count() == 0
    assert {url.split(":", 1)[0] for url in asked} == {"file"}
    assert len(asked) == 3


def test_tabs_tables_and_exports_work_on_disk(tmp_path: Path, static: Path, window: Callable[..., Page]) -> None:
    shown = window()
    shown.goto(built(tmp_path, static, CHARTS, TILES))
    shown.get_by_role("tab", name="Products").click()
    tile = shown.locator("[data-tile=bar]")
    tile.hover()
    tile.get_by_role("button", name="table").click()
    expect(tile.get_by_role("columnheader", name="Revenue")).to_be_visible()
    assert shown.url.endswith("#show.tab=Products&show.table=bar")
    tile.get_by_role("button", name="About").click()
    with shown.expect_download() as download:
        shown.get_by_role("dialog").get_by_role("button", name="SVG").click()
    assert download.value.suggested_filename == "charts-top-products.svg"


def test_a_built_page_escapes_what_the_data_says(tmp_path: Path, static: Path, window: Callable[..., Page]) -> None:
    shown = window()
    hostile = "</script><script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"
    page = {**SALES, "title": hostile, "owner": hostile}
    tiles = {**TILES, "line": {**TILES["line"], "title": hostile, "subtitle": hostile}}
    shown.goto(built(tmp_path, static, {**page, "name": "sales"}, tiles))
    expect(shown.get_by_role("heading", level=1)).to_have_text(hostile)
    assert shown.evaluate("() => document.querySelectorAll('img').length") == 0
