"""A name has one colour on all charts of a page: from a server, whichever chart comes first, and from disk."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.made_pages import line, page, row, wave
from tests.browser.stand_in import StandIn
from tests.browser.test_dashboards_static import built

pytestmark = [pytest.mark.slow, pytest.mark.service]
TILES = {
    "first": line("first", "Revenue", ("North", "West", "South"), 20, wave),
    "second": line("second", "Orders", ("South", "East", "North"), 20, wave, kind="stacked"),
}
PAGE = page("colours", "Colours", [row(TILES, "first", "second")])


@pytest.fixture
def shop(static: Path) -> Iterator[StandIn]:
    def answer(_: str, key: str, params: dict[str, str]) -> dict[str, Any]:
        if key == params.get("late"):
            time.sleep(0.6)
        found = TILES[key]
        wanted = params.get("region", "")
        return {**found, "rows": [one for one in found["rows"] if one[1] in wanted]} if wanted else found

    with StandIn(static, {"colours": PAGE}, answer) as server:
        yield server


def colours(shown: Page) -> dict[str, dict[str, str]]:
    """The colour of each name in each chart, as its tip says it."""
    shown.wait_for_function(
        "() => document.querySelectorAll('[data-state=waiting], .chart:not([data-drawn])').length === 0"
        " && document.querySelectorAll('[aria-busy=true]').length === 0"
    )
    found: dict[str, dict[str, str]] = {}
    for key in TILES:
        shown.locator(f"[data-tile={key}] .plot").focus()
        shown.keyboard.press("End")
        rows = shown.locator(f"[data-tile={key}] .tip .row").evaluate_all(
            "rows => rows.map((r) => [r.querySelector('span').textContent, r.querySelector('i').style.background])"
        )
        found[key] = {name: colour for name, colour in rows if name != "together"}
        shown.keyboard.press("Escape")
    return found


def check(found: dict[str, dict[str, str]]) -> None:
    first, second = found["first"], found["second"]
    assert set(first) == {"North", "West", "South"}
    assert set(second) == {"South", "East", "North"}
    assert {name: first[name] for name in ("North", "South")} == {name: second[name] for name in ("North", "South")}
    assert len({*first.values(), *second.values()}) == 4


@pytest.mark.parametrize("late", ["", "first", "second"])
def test_a_name_has_the_same_colour_in_two_charts(late: str, shop: StandIn, window: Callable[..., Page]) -> None:
    shown = window()
    shown.goto(f"{shop.url}/dashboards/colours?late={late}")
    found = colours(shown)
    check(found)
    # Which of them came first makes no difference.
    assert found["first"]["North"] == "rgb(33, 118, 179)"


def test_a_name_keeps_its_colour_under_a_filter(shop: StandIn, window: Callable[..., Page]) -> None:
    shown = window()
    shown.goto(f"{shop.url}/dashboards/colours")
    before = colours(shown)
    drawn = "[...document.querySelectorAll('.chart')].map((chart) => Number(chart.dataset.drawn))"
    draws = shown.evaluate(drawn)
    shown.evaluate("history.pushState(null, '', '?region=West,South'); dispatchEvent(new PopStateEvent('popstate'))")
    shown.wait_for_function(f"(draws) => {drawn}.every((times, at) => times > draws[at])", arg=draws)
    after = colours(shown)
    assert after["first"] == {name: before["first"][name] for name in ("West", "South")}
    assert after["second"] == {"South": before["second"]["South"]}


def test_a_name_has_the_same_colour_in_a_page_on_disk(
    tmp_path: Path, static: Path, window: Callable[..., Page]
) -> None:
    shown = window()
    shown.goto(built(tmp_path, static, PAGE, TILES))
    check(colours(shown))
