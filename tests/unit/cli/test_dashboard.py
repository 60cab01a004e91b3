"""Dashboards on the command line: listed, written for a table, built as a site, checked with the files."""

import csv
import json
import re
from html.parser import HTMLParser

import pytest

from penstock.app import requests
from penstock.app.pages import sites
from penstock.base.errors import ConfigError

ORDERS = """/* --- key = "id" --- */
select i as id, timestamp '2026-01-01' + to_hours(i * 7) as ordered_at,
    case i % 3 when 0 then 'North' when 1 then '<b>West</b>' else null end as region,
    i * 1.5 as amount_eur, i % 4 as rating
from range(300) as t(i)
"""
PAGE = """---
title = "Sales <now>"
filters = { region = "orders.region" }
---
In all {{ value totals.amount }}, see [the other](/dashboards/other).

{{ kpi totals value="amount" format="eur" }} {{ bar by_region title="</script><script>alert(1)</script>" }}

```sql totals
select sum(amount_eur) as amount from orders
```

```sql by_region
select region, sum(amount_eur) as amount_eur from orders group by region
```
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    for name, text in {
        "penstock.toml": 'name = "shop"\n', "tables/orders.sql": ORDERS, "dashboards/sales.md": PAGE,
        "dashboards/other.md": "# Other\n\n{{ table t }}\n\n```sql t\nselect 1 as a\n```\n",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with requests.open_project(tmp_path) as app:
        assert requests.run(app).state == "done"
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def assets(tmp_path_factory):
    made = tmp_path_factory.mktemp("assets")
    (made / "site.js").write_text("// drawn")
    (made / "site.css").write_text("/* seen */")
    return made


class Page(HTMLParser):
    """What a browser without scripts makes of a page: its text and its links; raises for tags that do not close."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.words, self.scripts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag == "script":
            self.scripts.append("")
        if tag not in ("meta", "link", "br", "img", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        else:
            self.words.append(data)


def test_dashboards_are_listed(penstock, shop):
    said = penstock("dashboard")
    assert said.code == 0
    assert said.out.startswith("2 dashboards\n")
    assert re.search(r"sales +Sales <now> +ok +2 +\d+ s old +dashboards/sales.md", said.out)
    found = json.loads(penstock("dashboard", "--json").out)["dashboards"]
    assert [one["name"] for one in found] == ["other", "sales"]


def test_without_dashboards_it_says_how_to_write_one(penstock, shop):
    for path in (shop / "dashboards").iterdir():
        path.unlink()
    assert "penstock dashboard new TABLE" in penstock("dashboard").out
    assert penstock("dashboard", "build").code == 2


def test_a_first_page_for_a_table_has_no_mistake(penstock, shop):
    said = penstock("dashboard", "new", "orders")
    assert said.code == 0
    assert said.out.startswith("wrote dashboards/orders.md, a page about orders\n")
    text = (shop / "dashboards" / "orders.md").read_text()
    assert 'period = { default = "all", from = "orders.ordered_at" }' in text
    assert 'region = "orders.region"' in text
    assert penstock("check").code == 0
    with requests.open_project(shop) as app:
        from penstock.app.pages import dashboards

        charts = dashboards.pages(app).one(app, "orders").charts
        assert {chart.kind for chart in charts} >= {"kpi", "line", "bar", "table", "histogram", "box"}
        assert {dashboards.tile(app, "orders", chart.id).state for chart in charts} == {"ok"}
    again = penstock("dashboard", "new", "orders")
    assert again.code == 2
    assert "there is a page already" in again.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("new", "ordrs"), 2, "did you mean 'orders'?"),
        (("new",), 2, "takes one table"),
        (("biuld",), 2, "did you mean 'build'?"),
        (("build", "out", "slaes"), 2, "did you mean 'sales'?"),
        (("build", "tables"), 2, "'tables' holds something else"),
        (("build", "penstock.toml"), 2, "'penstock.toml' is no folder"),
    ],
)
def test_what_is_typed_wrongly_is_said(penstock, shop, assets, monkeypatch, words, code, said):
    monkeypatch.setattr(sites, "ASSETS", assets)
    found = penstock("dashboard", *words)
    assert (found.code, found.out) == (code, "")
    assert said in found.err


def test_a_site_without_the_web_app_says_how_to_build_it(penstock, shop, tmp_path, monkeypatch):
    monkeypatch.setattr(sites, "ASSETS", tmp_path / "nowhere")
    said = penstock("dashboard", "build")
    assert said.code == 2
    assert "make ui" in said.err
    assert not (shop / "site").exists()


def test_a_site_holds_everything_and_asks_nobody(penstock, shop, assets, monkeypatch):
    monkeypatch.setattr(sites, "ASSETS", assets)
    said = penstock("dashboard", "build")
    assert (said.code, said.err) == (0, "")
    site = shop / "site"
    assert sorted(str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()) == [
        "assets/site.css", "assets/site.js", "index.html", "other.html", "other/table-t.csv", "sales.html",
        "sales/bar-by_region.csv", "sales/kpi-totals.csv",
    ]  # fmt: skip
    page = Page((site / "sales.html").read_text())
    assert all((site / link).is_file() for link in page.links if not link.startswith("data:"))
    assert "other.html" in page.links
    held = json.loads(page.scripts[0])
    assert held["page"]["title"] == "Sales <now>"
    assert held["tiles"]["bar-by_region"]["title"] == "</script><script>alert(1)</script>"
    assert len(page.scripts) == 2
    words = " ".join(page.words)
    assert "€67,275" in words
    assert "<b>West</b>" in words
    assert "Sales <now>" in Page((site / "index.html").read_text()).words


def test_the_rows_of_a_chart_are_beside_its_page(penstock, shop, assets, monkeypatch):
    monkeypatch.setattr(sites, "ASSETS", assets)
    assert penstock("dashboard", "build", "out", "sales").code == 0
    with (shop / "out" / "sales" / "bar-by_region.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["region", "series", "amount_eur"]
    assert sorted(row[0] for row in rows[1:]) == ["<b>West</b>", "North", "∅"]
    assert not (shop / "out" / "other.html").exists()


def test_a_site_is_built_again_in_its_place(penstock, shop, assets, monkeypatch):
    monkeypatch.setattr(sites, "ASSETS", assets)
    assert [penstock("dashboard", "build").code for _ in range(2)] == [0, 0]


def test_mistakes_of_pages_are_said_by_check_before_the_rows_are_looked_at(penstock, shop, assets, monkeypatch):
    monkeypatch.setattr(sites, "ASSETS", assets)
    (shop / "dashboards" / "sales.md").write_text("{{ kpi totals }}\n{{ lien a }}\n")
    said = penstock("check")
    assert (said.code, said.out) == (2, "")
    assert "dashboards/sales.md:1:8: there is no metric or query 'totals'" in said.err
    assert "dashboards/sales.md:2:4: there is no chart 'lien'" in said.err
    assert [one["line"] for one in json.loads(penstock("check", "--json").out)["error"]["errors"]] == [1, 2]
    assert "2 mistakes" in penstock("dashboard").out
    built = penstock("dashboard", "build")
    assert built.code == 1
    assert "dashboards/sales.md: 2 mistakes, shown in the page" in built.out
    assert "there is no chart" in (shop / "site" / "sales.html").read_text()


def test_check_counts_the_pages_that_are_in_order(penstock, shop):
    said = penstock("check")
    assert said.code == 0
    assert "1 table, 2 dashboards" in said.out


def test_no_such_dashboard_in_python(shop):
    import penstock as door

    with door.open(shop) as project:
        assert [one.title for one in project.dashboards] == ["Other", "Sales <now>"]
        assert project.dashboard("sales", region="North").filters[0].text == "North"
        with pytest.raises(ConfigError, match="no dashboard 'slaes'"):
            project.dashboard("slaes")
