from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.made_pages import TILES, page, row
from tests.browser.stand_in import StandIn

pytestmark = [pytest.mark.slow, pytest.mark.service]

WINDOWS = {"light": (1000, "light"), "dark": (1000, "dark"), "narrow": (390, "light")}
DRAWN = (
    "line", "bar", "compared", "gaps", "areas", "stacked", "scatter", "histogram", "heatmap", "box", "funnel",
    "nulls", "zeros", "negative", "many", "close", "long", "bidi", "one", "million", "unordered", "months", "grouped",
)  # fmt: skip
TOTAL = {**TILES["table"], "id": "total", "options": {"totals": [None, None, 12_345.67, 1_200, 0.5, None, None]}}
MADE = {**TILES, "total": TOTAL}

# How much of a canvas is painted, and whether any of it lies at the very edge, as a name that is cut off does.
PAINT = """() => {
    const canvas = document.querySelector('.canvas canvas');
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    let painted = 0, cut = 0;
    for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
        if (data[(y * width + x) * 4 + 3] < 40) continue;
        painted += 1;
        if (x === width - 1) cut += 1;
    }
    return { share: painted / (width * height), cut, width };
}"""


@pytest.fixture(scope="module")
def shop(static: Path) -> Iterator[StandIn]:
    pages = {key: page(key, "A chart", [row(MADE, key)]) for key in MADE}
    with StandIn(static, pages, lambda _, key, __: MADE[key]) as server:
        yield server


def shown(window: Callable[..., Page], shop: StandIn, key: str, where: str) -> Page:
    width, scheme = WINDOWS[where]
    opened = window(width=width, scheme=scheme)
    opened.goto(f"{shop.url}/dashboards/{key}")
    opened.wait_for_selector(".chart[data-drawn]", state="attached")
    return opened


@pytest.mark.parametrize("where", WINDOWS)
@pytest.mark.parametrize("key", DRAWN)
def test_a_chart_is_painted_and_nothing_of_it_is_cut_off(
    key: str, where: str, shop: StandIn, window: Callable[..., Page]
) -> None:
    opened = shown(window, shop, key, where)
    paint: dict[str, Any] = opened.evaluate(PAINT)
    assert 0.004 < paint["share"] < 0.9
    assert paint["cut"] <= 3
    assert paint["width"] <= WINDOWS[where][0]


@pytest.mark.parametrize("key", DRAWN)
def test_every_place_of_a_chart_says_its_exact_value(key: str, shop: StandIn, window: Callable[..., Page]) -> None:
    opened = shown(window, shop, key, "light")
    opened.locator(".plot").focus()
    opened.keyboard.press("End")
    heard = opened.locator(".chart [aria-live]").inner_text()
    assert any(letter.isdigit() for letter in heard) or "no value" in heard
    tip = opened.locator(".tip")
    expect(tip).to_be_visible()
    box = tip.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= WINDOWS["light"][0] + 1


def test_a_chart_turns_dark_with_the_system(shop: StandIn, window: Callable[..., Page]) -> None:
    opened = shown(window, shop, "line", "light")
    color = "() => document.querySelector('.canvas canvas').toDataURL()"
    before = opened.evaluate(color)
    opened.emulate_media(color_scheme="dark")
    opened.wait_for_function("() => Number(document.querySelector('.chart').dataset.drawn) > 1")
    assert opened.evaluate(color) != before


def test_a_chart_fits_its_window_as_that_changes(shop: StandIn, window: Callable[..., Page]) -> None:
    opened = shown(window, shop, "line", "light")
    opened.set_viewport_size({"width": 500, "height": 800})
    opened.wait_for_function("() => document.querySelector('.canvas canvas').getBoundingClientRect().width <= 500")
    assert opened.evaluate("() => document.querySelector('article').scrollWidth") <= 500


def test_under_a_table_stands_what_the_server_says_of_all_rows(shop: StandIn, window: Callable[..., Page]) -> None:
    opened = window()
    opened.goto(f"{shop.url}/dashboards/total")
    cells = opened.locator("tfoot td")
    expect(cells.first).to_have_text("total")
    assert [text.replace("\u00a0", " ") for text in cells.all_inner_texts()][2:5] == ["$12.3k", "1,200", "50.0 %"]
    expect(cells.nth(2)).to_have_attribute("title", "$12,345.67")
    opened.goto(f"{shop.url}/dashboards/table")
    expect(opened.locator("tbody tr").first).to_be_visible()
    expect(opened.locator("tfoot")).to_have_count(0)
