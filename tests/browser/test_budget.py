"""What the web app weighs, gzipped, as a first visitor fetches it."""

import gzip
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.service]

FIRST_ROUTE = 150_000
ALL = 600_000
IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*["']\./([\w.-]+\.js)["']""")


def weight(path):
    return len(gzip.compress(path.read_bytes(), 6))


def reached(static, entry):
    """A script with all that it cannot start without, as file names."""
    found, waiting = set(), [entry]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += IMPORTED.findall((static / "assets" / name).read_text(encoding="utf-8"))
    return found


def test_the_first_route_is_under_its_budget(static):
    html = (static / "index.html").read_text(encoding="utf-8")
    (entry,) = re.findall(r'src="/assets/([\w.-]+\.js)"', html)
    styles = re.findall(r'href="/assets/([\w.-]+\.css)"', html)
    (home,) = [path.name for path in static.glob("assets/Home-*.js")]
    names = reached(static, entry) | reached(static, home) | set(styles)
    names |= {path.name for path in static.glob("assets/Home-*.css")}
    total = weight(static / "index.html") + sum(weight(static / "assets" / name) for name in names)
    assert total < FIRST_ROUTE, f"{total:,} bytes: {sorted(names)}"


def test_charts_are_not_fetched_for_pages_without_any(static):
    html = (static / "index.html").read_text(encoding="utf-8")
    (entry,) = re.findall(r'src="/assets/([\w.-]+\.js)"', html)
    (sql,) = [path.name for path in static.glob("assets/Sql-*.js")]
    heavy = {path.name for path in static.glob("assets/*.js") if weight(path) > 60_000}
    assert heavy, "the chart library should be a file of its own"
    assert heavy.isdisjoint(reached(static, entry) | reached(static, sql))


def test_all_of_the_app_is_under_its_budget(static):
    files = [path for path in static.rglob("*") if path.is_file() and not path.name.startswith("site.")]
    total = sum(weight(path) for path in files)
    assert total < ALL, f"{total:,} bytes"


def test_no_page_has_an_inline_script_or_another_host(static):
    html = (static / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", html)
