"""A real browser for the tests: Chromium by Playwright, one for all of them, a fresh window for each."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.services import BROWSERS

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src" / "penstock" / "web" / "static"
REFUSED = re.compile("status of 4(00|04|09|22)")


@pytest.fixture(scope="session")
def static() -> Path:
    """The built web app."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("static: the web app is not built here; make ui builds it")
    return STATIC


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, where the machine has it."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("browser: there is no chromium on this machine; make services installs it")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield opened
        opened.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens windows: `window(width=390, scheme="dark")`. An error in the console of any is a failure."""
    contexts = []
    said: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A refusal is told there by the browser itself; what the page makes of it is for the test to look at.
        if message.type in ("error", "warning") and not REFUSED.search(message.text):
            said.append(f"{message.type}: {message.text}")

    def opened(width: int = 1280, height: int = 900, scheme: str = "light", **more: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", heard)
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not said, "the browser complained"
