"""Dashboards look as they did when someone last looked at them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import pictures
from tests.browser.made_pages import PAGES, TILES
from tests.browser.stand_in import StandIn

pytestmark = [pytest.mark.slow, pytest.mark.service]


@pytest.fixture(scope="module")
def shop(static: Path) -> Iterator[StandIn]:
    with StandIn(static, dict(PAGES), lambda _, key, __: TILES[key]) as server:
        yield server


@pytest.mark.parametrize("where", pictures.WINDOWS)
@pytest.mark.parametrize("name", ["sales", "charts", "wrong"])
def test_a_page_looks_as_it_did(
    name: str, where: str, shop: StandIn, window: Callable[..., Page], browser: Browser
) -> None:
    width, scheme = pictures.WINDOWS[where]
    shown = window(width=width, scheme=scheme)
    shown.goto(f"{shop.url}/dashboards/{name}")
    shown.wait_for_function(
        "() => document.querySelectorAll('[data-tile]').length > 0"
        " && document.querySelectorAll('[data-state=waiting], .chart:not([data-drawn])').length === 0"
    )
    pictures.check(shown.locator("article"), name, where, browser)
