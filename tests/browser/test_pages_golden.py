"""Pages about tables, runs and questions look as they did when someone last looked at them."""

import pytest
from playwright.sync_api import expect

from tests.browser import harbour, pictures

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(120)]

PAGES = {
    "home": "/",
    "data": "/data",
    "table": "/data/raw.ships",
    "metrics": "/metrics",
    "metric": "/metrics/tons",
    "lineage": "/lineage",
    "runs": "/runs",
    "run": "/runs/{run}",
    "sql": "/sql?q=select * from raw.ships order by id",
    "plan": "/sql?q=select berth, sum(tons) as tons from raw.ships group by berth&view=plan",
}
# Parts that are below the window come when they are scrolled to.
SCROLL = """async () => {
    for (let top = 0; top < document.documentElement.scrollHeight; top += 300) {
        scrollTo(0, top);
        await new Promise((done) => setTimeout(done, 40));
    }
    scrollTo(0, 0);
}"""
# How long something took is another each time, and as wide as its letters.
STEADY = """() => {
    const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
        if (/^[\\d.]+\\s(ms|s|min)$/.test(text.data.trim())) text.data = '1 s';
    }
}"""


@pytest.fixture(scope="module")
def harbour_at(static, tmp_path_factory):
    with harbour.served(tmp_path_factory.mktemp("harbour")) as served:
        yield served


@pytest.mark.parametrize("where", pictures.WINDOWS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_as_it_did(name, where, harbour_at, window, browser):
    address, app = harbour_at
    (newest,) = app.journal.runs(1)
    width, scheme = pictures.WINDOWS[where]
    page = window(width=width, scheme=scheme)
    page.goto(address + PAGES[name].format(run=newest.id))
    page.locator("main h1").first.wait_for()
    expect(page.locator("main .waiting")).to_have_count(0)
    page.evaluate(SCROLL)
    page.wait_for_load_state("networkidle")
    expect(page.locator("main .waiting, main .chart:not([data-drawn])")).to_have_count(0)
    page.evaluate(STEADY)
    pictures.check(page.locator("main"), f"ops-{name}", where, browser)
