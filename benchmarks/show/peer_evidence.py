"""The nearest peer: the same pages by Evidence, in an environment of its own; their build, and a browser on them."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from benchmarks.figures import Figure, Target
from benchmarks.measure import Cost, FailedError, spend, surroundings
from benchmarks.race import WORK
from benchmarks.show import browser, evidence_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VERSION = "40.1.8"
PEER = f"Evidence {VERSION}"
FOLDER = WORK / "peers" / "evidence"
NODE = Path(sys.executable).parent
# What its template project names, as far as DuckDB needs it; of what these need, nothing is newer than the day.
_PACKAGES = {
    "@evidence-dev/core-components": "5.4.2", "@evidence-dev/duckdb": "2.0.1", "@evidence-dev/evidence": VERSION,
    "typescript": "5.4.2",
}  # fmt: skip
_DAY = "2026-11-26"
# Later ones fetch what reads Parquet over the network, in each build and each browser, and without one wait forever.
# This one knows none of the two settings that Evidence begins with.
_WASM = {"@duckdb/duckdb-wasm": "1.28.0"}
_SETTINGS = re.compile(r"^.*SET (ieee_floating_point_ops|old_implicit_casting) = .*\n", re.MULTILINE)
_QUIET = {"send_anonymous_usage_stats": "no"}
TIMES, _ROUNDS = 3, 7
_STEPS = ("sources", "build")
_NOTE = (
    "the same queries over the same tables; its pages have no filters, comparisons, sparklines and text; with\n"
    f"DuckDB-Wasm {_WASM['@duckdb/duckdb-wasm']}; it compiles its pages, ours come with an app that was compiled before"
)
_PAGES = ("customers", "sales", "marketing", "web.operations")
# An empty page may be still for a while before its charts come: so many does each have at least.
_CHARTS = "() => document.querySelectorAll('canvas').length >= 2"
_SINCE_1970 = "() => performance.timeOrigin + __seen.painted"


@dataclass(frozen=True)
class Project:
    """The peer's project, its pages written and its packages installed."""

    folder: Path

    @classmethod
    def of(cls, shop: Path, pages: int) -> Project | None:
        """Write the pages of a shop; says why and returns nothing where the peer cannot be installed."""
        try:
            _install()
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or error
            print(f"{PEER} is left out, since it cannot be installed: {str(said)[-2000:]}", flush=True)
            return None
        evidence_pages.write(shop, FOLDER, pages)
        return cls(FOLDER)

    def build(self) -> tuple[Cost, Cost] | None:
        """Build the site and return what its sources and its pages cost, nothing where it fails."""
        shutil.rmtree(self.folder / "build", ignore_errors=True)
        try:
            sources, build = (spend(["npm", "run", step], self.folder, env=_env()) for step in _STEPS)
        except FailedError as error:
            print(f"{PEER} is left out, since it does not build: {error}", flush=True)
            return None
        return sources, build


def told(ours: Sequence[Cost], builds: Sequence[tuple[Cost, Cost] | None]) -> tuple[Mapping[str, float], str]:
    """Return the seconds of the middle one of some builds, and what lies behind them and ours."""
    done = sorted(filter(None, builds), key=lambda pair: pair[0].wall + pair[1].wall)
    if not done or len(done) < len(builds):
        return {}, ""
    sources, build = done[len(done) // 2]
    cpu = median(one.cpu + other.cpu for one, other in done)
    said = f"npm run sources {sources.wall:.1f} s, npm run build {build.wall:.1f} s, the middle one of {len(done)}"
    note = f"{PEER}: {said}; CPU {cpu:.1f} s, ours {median(cost.cpu for cost in ours):.1f} s\n"
    return {PEER: sources.wall + build.wall}, note + _NOTE


def _install() -> None:
    if (FOLDER / "ready").exists():
        return
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    print(f"installing {PEER} into an environment of its own", flush=True)
    said = {
        "private": True, "type": "module", "scripts": {step: f"evidence {step}" for step in (*_STEPS, "dev")},
        "dependencies": _PACKAGES, "overrides": _WASM,
    }  # fmt: skip
    (FOLDER / "package.json").write_text(json.dumps(said), encoding="utf-8")
    (FOLDER / "evidence.settings.json").write_text(json.dumps(_QUIET), encoding="utf-8")
    command = [NODE / "npm", "install", "--before", _DAY, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(command, cwd=FOLDER, env=_env(), check=True, capture_output=True, text=True, timeout=900)
    for path in (FOLDER / "node_modules/@evidence-dev/universal-sql/src/client-duckdb").glob("*.js"):
        path.write_text(_SETTINGS.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    (FOLDER / "ready").touch()


def _env() -> dict[str, str]:
    return {**surroundings(), "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}", "SEND_ANONYMOUS_USAGE_STATS": "no"}


def figures(site: Path, shop: Path, peer: Project) -> Iterator[Figure]:
    """Give what a browser takes with our site and with the peer's, and with what each serves while one works."""
    found = next(filter(None, map(shutil.which, browser.BROWSERS)), None)
    if found is None or not (peer.folder / "build").exists():
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        with _hosted(site) as ours, _hosted(peer.folder / "build") as theirs:
            urls = f"{ours}/customers.html", f"{theirs}/customers/"
            yield _loaded(chromium, *urls, dict(zip(urls, (site, peer.folder / "build"), strict=True)))
            yield _first(chromium, *urls)
            yield from _again(browser.opened(chromium, ours), browser.opened(chromium, theirs))
        ours_, theirs_ = [], []
        for _ in range(TIMES + 1):
            ours_.append(_served(chromium, [NODE / "penstock", "serve", "--port", "0"], shop, "dashboards/customers"))
            theirs_.append(_served(chromium, [NODE / "npm", "run", "dev"], peer.folder, "customers/"))
        name = "from the start of the server to a page painted: customers"
        yield _figure(name, "s", ours_[1:], theirs_[1:], "all installed, and served once before")
        chromium.close()


def _figure(name: str, unit: str, ours: list[float], theirs: list[float], note: str = "") -> Figure:
    needs = {PEER: median(theirs)}
    return Figure(name, unit, median(ours), None, Target(), min(ours), max(ours), needs, note)


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing of a request."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file, unless the window was closed that asked for it."""
        with suppress(ConnectionError):
            super().copyfile(source, outputfile)


@contextmanager
def _hosted(folder: Path) -> Iterator[str]:
    """Serve the files of a site, and give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _loaded(chromium: Browser, ours: str, theirs: str, folders: Mapping[str, Path]) -> Figure:
    """Measure what a browser has come to load until a page is at rest, each file by gzip."""
    sizes: dict[str, dict[str, float]] = {}
    for url in (ours, theirs):
        page = chromium.new_context().new_page()
        asked: set[str] = set()
        page.on("request", lambda request, asked=asked: asked.add(urlsplit(request.url).path.lstrip("/")))
        page.goto(url)
        page.wait_for_function(_CHARTS)
        page.wait_for_timeout(8_000)
        page.context.close()
        sizes[url] = {
            kind: sum(len(gzip.compress((folders[url] / one).read_bytes())) for one in asked if one.endswith(kind))
            / 1e3
            for kind in (".js", ".wasm")
        }
    note = f"and of DuckDB-Wasm, which {PEER} loads beside it, {sizes[theirs]['.wasm']:,.0f} KB"
    return _figure("site: scripts of the first page, gzip", "KB", [sizes[ours][".js"]], [sizes[theirs][".js"]], note)


def _first(chromium: Browser, *urls: str) -> Figure:
    took: dict[str, list[float]] = {url: [] for url in urls}
    for _ in range(_ROUNDS):
        for url, times in took.items():
            page = _watched(chromium)
            page.goto(url)
            _settle(page)
            times.append(float(page.evaluate("() => __seen.painted")))
            page.context.close()
    return _figure("site: first page, painted: customers", "ms", *took.values())


def _again(*pages: Page) -> Iterator[Figure]:
    """Give a figure a page: from the click to it, in a window that has shown it before."""
    took: dict[str, tuple[list[float], list[float]]] = {at: ([], []) for at in _PAGES}
    for _ in range(_ROUNDS + 1):
        for at, pair in took.items():
            for page, to, times in zip(pages, (f"/{at}.html", f"/{at}/"), pair, strict=True):
                times.append(browser.clicked(page, to))
    for at, (ours, theirs) in took.items():
        yield _figure(f"site: click to painted: {at}", "ms", ours[1:], theirs[1:])


def _watched(chromium: Browser) -> Page:
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(browser.WATCH)
    return page


def _settle(page: Page) -> None:
    page.wait_for_function(_CHARTS, timeout=120_000)
    page.wait_for_function(browser.SETTLED)


def _served(chromium: Browser, command: list[object], folder: Path, path: str) -> float:
    """Start a server in a process group of its own and return the seconds until a page of it is painted."""
    began = time.time()
    words = [str(word) for word in command]
    server = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=_env(),
        start_new_session=True,
    )  # fmt: skip
    assert server.stdout is not None
    try:
        url = next(found[0] for line in server.stdout if (found := re.search(r"http://[\w.]+:\d+", _plain(line))))
        page = _watched(chromium)
        page.goto(f"{url}/{path}", timeout=120_000)
        _settle(page)
        painted = float(page.evaluate(_SINCE_1970)) / 1_000
        page.context.close()
        return painted - began
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", line)
