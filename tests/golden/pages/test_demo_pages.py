"""The demo's pages: every tile is drawn, and what they say is what was worked out apart from Penstock."""

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from penstock.app import requests
from penstock.app.pages import dashboards
from penstock.cli.demo import evidence, expected, main, make

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow
AGES = {"age_seconds", "as_of", "runs", "sql"}  # and the SQL, whose layout is proven where it is made


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo") / "shop"
    with Path(os.devnull).open("w") as nowhere:
        assert main.run(root, out=nowhere) == 0
    with requests.open_project(root) as opened:
        yield opened


@pytest.fixture(scope="module")
def known(app):
    """The tables of the shop as they must be, by name: rows by column."""
    found = expected.tables(evidence.read(app.root / make.DATA))
    return {name: [dict(zip(one.columns, row, strict=True)) for row in one.rows] for name, one in found.items()}


def number(app, page, tile, **chosen):
    return dashboards.tile(app, page, tile, chosen).kpi.value


def still(given):
    """A page or tile without what depends on when and where it is asked; numbers to nine digits."""
    if isinstance(given, dict):
        return {name: still(value) for name, value in given.items() if name not in AGES}
    if isinstance(given, list | tuple):
        return [still(value) for value in given]
    return float(f"{given:.9g}") if isinstance(given, float) else given


def test_there_is_no_mistake_in_any_page(app):
    assert [str(one) for one in dashboards.check(app)] == []
    assert [one.name for one in dashboards.dashboards(app)] == ["sales", "customers", "marketing", "web.operations"]


def test_every_tile_has_rows(app):
    for name in dashboards.names(app):
        for chart in dashboards.pages(app).one(app, name).charts:
            tile = dashboards.tile(app, name, chart.id)
            assert tile.state in ("ok", "late"), (name, chart.id, tile.message)
            assert tile.rows
            assert tile.tables
            assert tile.options["unfiltered"] == [] or name in ("web.operations", "customers", "marketing")


def test_the_numbers_are_those_that_were_worked_out_apart(app, known):
    kept = [order for order in known["sales.orders"] if order["kept"]]
    revenue = sum(order["revenue_eur"] for order in kept)
    assert number(app, "sales", "kpi-revenue", period="all") == pytest.approx(float(revenue))
    assert number(app, "sales", "kpi-orders", period="all") == len(kept)
    assert number(app, "sales", "kpi-cancelled_share", period="all") == pytest.approx(
        1 - len(kept) / len(known["sales.orders"])
    )
    last = [order for order in kept if str(order["day"]) >= "2026-03-04"]
    assert number(app, "sales", "kpi-revenue") == pytest.approx(float(sum(order["revenue_eur"] for order in last)))
    assert number(app, "customers", "kpi-customers") == len(known["raw.customers"])


def test_a_filter_leaves_what_it_says(app, known):
    where = {one["customer_id"]: one["country"] for one in known["raw.customers"]}
    of = defaultdict(float)
    for order in known["sales.orders"]:
        if order["kept"]:
            of[where[order["customer_id"]]] += float(order["revenue_eur"])
    for country in ("FR", "US"):
        assert number(app, "sales", "kpi-revenue", period="all", country=country) == pytest.approx(of[country])
    assert number(app, "sales", "kpi-revenue", period="all", country="FR,US") == pytest.approx(of["FR"] + of["US"])
    bars = {row[0]: row[2] for row in dashboards.tile(app, "sales", "bar-revenue", {"period": "all"}).rows}
    assert bars == {country: pytest.approx(value) for country, value in of.items()}


@pytest.mark.parametrize("name", ["sales", "customers", "marketing", "web.operations"])
def test_a_page_and_its_tiles_as_json(app, name):
    page = dashboards.page(app, name)
    tiles = {chart.id: dashboards.tile(app, name, chart.id) for chart in dashboards.pages(app).one(app, name).charts}
    found = still(
        {"page": dashboards.json_of(page), "tiles": {key: dashboards.json_of(one) for key, one in tiles.items()}}
    )
    found["page"].pop("state")
    for tile in found["tiles"].values():
        tile["rows"], tile["state"] = [tile["rows"][0], "…", len(tile["rows"])], "ok"
        if tile["kpi"] and tile["kpi"]["spark"]:
            tile["kpi"]["spark"] = [tile["kpi"]["spark"][0], "…", len(tile["kpi"]["spark"])]
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    path = HERE / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"if it is meant: UPDATE_GOLDEN=1 pytest {HERE.name}"
