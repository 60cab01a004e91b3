"""What a browser shows, and when: each page of the demo from click to last pixel, a long line, a long result."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, Target
from benchmarks.measure import surroundings

if TYPE_CHECKING:
    from playwright.sync_api import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PENSTOCK = Path(sys.executable).with_name("penstock")
ROUNDS = {"small": 1, "full": 7}
ROWS = {"small": 20_000, "full": 1_000_000}
PAGES = (
    "/dashboards", "/dashboards/sales", "/dashboards/customers", "/dashboards/marketing", "/dashboards/web.operations",
    "/data", "/data/sales.daily", "/metrics", "/metrics/revenue", "/lineage", "/runs", "/runs/{run}", "/sql", "/",
)  # fmt: skip
_LINE = "{{ line points }}\n\n```sql points\nselect second, value from points\n```\n"
_POINTS = "select i as second, sin(i / 1000.0) + hash(i) % 100 / 100.0 as value from range({rows}) as t(i)"
_GRID = """select i as id, i % 1000 / 7.0 as share, 'customer ' || i % 5000 as name, date '2026-01-01' + (i % 365)::int
as day, (i % 10000 / 100)::decimal(10,2) as amount from range({rows}) as t(i)"""
# Whatever is put into the page, drawn or answered is noted, and when the frame after it was painted.
WATCH = """(() => {
  const seen = (window.__seen = { begun: 0, painted: 0, changed: 0, flying: 0 });
  const note = () => {
    seen.changed = performance.now();
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (seen.painted = performance.now());
      port2.postMessage(0);
    });
  };
  const real = window.fetch;
  window.fetch = async (...asked) => {
    seen.flying += 1;
    try { return await real(...asked); } finally { seen.flying -= 1; note(); }
  };
  new MutationObserver((all) => all.some(({ type, attributeName }) => type === 'childList' || attributeName) && note())
    .observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-drawn'] });
  addEventListener('click', (event) => Object.assign(seen, { begun: event.timeStamp, painted: 0 }), true);
})()"""
SETTLED = "() => __seen.painted > 0 && __seen.flying === 0 && performance.now() - __seen.changed > 400"
_TOOK = "() => __seen.painted - __seen.begun"
_LINK = """(to) => {
  document.getElementById('to')?.remove();
  document.body.append(Object.assign(document.createElement('a'),
    { id: 'to', href: to, textContent: 'go', style: 'position:fixed;z-index:99;left:0;top:0' }));
}"""
_SCROLL = """() => new Promise((done) => {
  const grid = document.querySelector('[role=grid]');
  const times = [];
  const step = (now) => {
    times.push(now);
    grid.scrollTop += 1 + grid.scrollHeight / 300;
    if (times.length < 181) requestAnimationFrame(step);
    else done(times.slice(1).map((at, index) => at - times[index]));
  };
  requestAnimationFrame(step);
})"""


def figures(size: str) -> Iterator[Figure]:
    """Give a figure a page, then those of a long line and of a long result."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        print("no browser is here; make services installs one", flush=True)
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        root = Path(folder)
        subprocess.run([PENSTOCK, "demo", "--no-serve", "--quiet", root / "shop"], check=True)
        with served(root / "shop") as url:
            yield from _pages(opened(browser, url), url, ROUNDS[size])
        _many(root / "many", ROWS[size])
        with served(root / "many") as url:
            yield _line(opened(browser, url), ROUNDS[size], ROWS[size])
            yield from _result(opened(browser, url), url, ROUNDS[size], ROWS[size])
        browser.close()


@contextmanager
def served(project: Path) -> Iterator[str]:
    """Serve a project in a process of its own, and give its address."""
    command = [PENSTOCK, "serve", "--port", "0", "--json"]
    server = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True, env=surroundings())
    assert server.stdout is not None
    try:
        yield json.loads(server.stdout.readline())["serving"]["address"]
    finally:
        server.terminate()
        server.wait(30)


def opened(browser: Any, url: str) -> Page:
    """Open a page in a window that has nothing kept, and wait until nothing changes any more."""
    page: Page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(3_000)  # the other pages come while the first one is read
    return page


def clicked(page: Page, to: str) -> float:
    """Click on a link and return the milliseconds until nothing changes any more."""
    page.evaluate(_LINK, to)
    page.click("#to")
    page.wait_for_function(SETTLED)
    return float(page.evaluate(_TOOK))


def _pages(page: Page, url: str, rounds: int) -> Iterator[Figure]:
    with urllib.request.urlopen(f"{url}/api/v1/runs") as answer:
        run = json.load(answer)["runs"][0]["id"]
    took = {at: [clicked(page, at.format(run=run))] for at in PAGES}
    first = {at: times[0] for at, times in took.items()}
    for _ in range(rounds):
        for at, times in took.items():
            times.append(clicked(page, at.format(run=run)))
    for at, (_, *again) in took.items():
        name = f"click to painted: {at}"
        yield Figure(name, "ms", median(again), None, Target(most=300.0), min(again), max(again))
    note = ", ".join(f"{at} {time:.0f}" for at, time in first.items())
    slowest = max(first.values())
    name = "click to painted: the slowest page, first time since the server began"
    yield Figure(name, "ms", slowest, None, Target(most=300.0), min(first.values()), slowest, note=note)


def _many(root: Path, rows: int) -> None:
    for name, text in {
        "penstock.toml": 'name = "many"\n', "tables/points.sql": _POINTS.format(rows=rows), "dashboards/line.md": _LINE,
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    subprocess.run([PENSTOCK, "run", "--quiet"], cwd=root, check=True)


def _line(page: Page, rounds: int, rows: int) -> Figure:
    """Measure a line under filters that nobody asked for before: the server computes it each time."""
    took = [clicked(page, f"/dashboards/line?period=2020-01-01..2020-01-{at + 10}") for at in range(rounds + 1)][1:]
    name = f"chart of {rows:,} points: click to painted"
    return Figure(name, "ms", median(took), None, Target(most=150.0), min(took), max(took))


def _result(page: Page, url: str, rounds: int, rows: int) -> Iterator[Figure]:
    page.goto(f"{url}/sql?q={urllib.request.quote(_GRID.format(rows=rows))}")
    page.get_by_role("grid").wait_for()
    took = []
    for _ in range(min(rounds, 3)):
        if rows > 10_000:
            page.evaluate("() => (__seen.painted = 0)")
            page.get_by_role("button", name="Run").click()
            page.wait_for_function(SETTLED)
            page.get_by_role("button", name="Show up to").click()
            page.wait_for_function(SETTLED, timeout=60_000)
        took.append(float(page.evaluate(_TOOK)))
    name = f"result of {rows:,} rows: click to painted"
    yield Figure(name, "ms", median(took), None, Target(most=1_000.0), min(took), max(took))
    frames = sorted(page.evaluate(_SCROLL))
    middle, late = median(frames), frames[int(len(frames) * 0.95)]
    name = f"result of {rows:,} rows: a frame while it is scrolled"
    yield Figure(
        name, "ms", middle, None, Target(most=17.0), frames[0], late, note=f"19 of 20 come within {late:.1f} ms"
    )
