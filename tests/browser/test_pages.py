"""Every page of the web app in a real browser: light, dark and narrow, read by axe, and never a foreign request."""

import json
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import harbour

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(120)]

AXE = Path(__file__).resolve().parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "home": "/",
    "data": "/data",
    "table": "/data/raw.ships",
    "failed table": "/data/lengths",
    "no table": "/data/ships",
    "runs": "/runs",
    "run": "/runs/{run}",
    "sql": "/sql",
    "result": "/sql?q=select * from raw.ships",
    "refused": "/sql?q=select ton from raw.ships",
    "chart": "/sql?q=select day, tons from daily order by day&view=chart",
    "plan": "/sql?q=select day, tons from daily&view=plan",
    "metrics": "/metrics",
    "metric": "/metrics/tons",
    "lineage": "/lineage",
    "nowhere": "/nowhere/at/all",
}


@pytest.fixture(scope="module")
def harbour_at(static, tmp_path_factory):
    with harbour.served(tmp_path_factory.mktemp("harbour")) as served:
        yield served


@pytest.fixture
def url(harbour_at):
    address, app = harbour_at
    (newest, *_) = app.journal.runs(1)

    def made(path):
        return address + path.format(run=newest.id)

    return made


def arrived(page, url):
    """The page, once it shows what it has to show."""
    page.goto(url)
    page.locator("main h1").first.wait_for()
    page.wait_for_load_state("load")
    expect(page.locator("main .waiting")).to_have_count(0)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_itself_and_asks_nobody_else(name, scheme, window, url):
    page = window(scheme=scheme)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    arrived(page, url(PAGES[name]))
    assert page.locator("h1").count() == 1
    assert page.title().endswith("Penstock")
    home = url("/").rstrip("/")
    assert [one for one in asked if not one.startswith((home, "data:", "blob:"))] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(name, window, url):
    page = arrived(window(width=390, height=844), url(PAGES[name]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_fault(name, scheme, width, window, url):
    if not AXE.is_file():
        pytest.skip("axe: the web app's own tools are not installed here; make types installs them")
    page = arrived(window(width=width, scheme=scheme, bypass_csp=True), url(PAGES[name]))
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    serious = [
        {"rule": one["id"], "help": one["help"], "where": [node["html"][:200] for node in one["nodes"][:3]]}
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not serious, json.dumps(serious, indent=2, ensure_ascii=False)


def test_what_the_data_says_is_text_and_nothing_else(window, url):
    page = arrived(window(), url("/data/raw.notes"))
    for text in harbour.HOSTILE[:5]:
        assert page.get_by_text(text, exact=True).first.is_visible()
    assert page.locator("main img, main script").count() == 0
    arrived(page, url("/sql?q=select * from raw.notes order by id"))
    assert page.get_by_role("gridcell", name=harbour.HOSTILE[0], exact=True).is_visible()
    assert "broken" not in page.title()


def test_a_description_is_text_too(window, url):
    page = arrived(window(), url("/data/raw.ships"))
    assert page.get_by_text("Ships as they <b>arrive</b>.", exact=True).is_visible()


def test_a_page_that_is_come_back_to_asks_for_what_it_shows_and_then_no_more(window, url):
    page = window()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/api/" in request.url else None)
    arrived(page, url("/data/raw.ships"))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
    page.get_by_role("heading", level=1).first.wait_for()
    page.wait_for_load_state("networkidle")
    asked.clear()
    page.go_back()
    page.locator("main h1").filter(has_text="raw.ships").wait_for()
    page.wait_for_load_state("networkidle")
    assert asked
    assert max(Counter(asked).values()) <= 2  # once more where the live connection has only just begun
