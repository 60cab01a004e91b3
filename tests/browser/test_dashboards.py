import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from playwright.sync_api import Page, expect

from tests.browser.made_pages import CHARTS, PAGES, TILES, WRONG, page, row
from tests.browser.stand_in import StandIn

pytestmark = [pytest.mark.slow, pytest.mark.service]
AXE = Path(__file__).resolve().parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
CONTROL_OF_TABLE = '[aria-label="Top customers"]'


def filtered(_: str, tile: str, params: dict[str, str]) -> dict[str, Any]:
    """The tile with the rows of the regions that are asked for, as a server filters by dimension."""
    found = TILES[tile]
    wanted = params.get("region", "").split(",") if params.get("region") else []
    at = next((at for at, one in enumerate(found["columns"]) if one["name"] == "region"), None)
    if not wanted or at is None or tile in ("line", "million"):
        return found
    return {**found, "rows": [row for row in found["rows"] if row[at] in wanted]}


@pytest.fixture
def shop(static: Path) -> Iterator[StandIn]:
    with StandIn(static, dict(PAGES), filtered) as server:
        yield server


@pytest.fixture
def sales(shop: StandIn, window: Callable[..., Page]) -> Page:
    return opened(window(), shop, "sales")


def opened(page: Page, shop: StandIn, name: str, query: str = "") -> Page:
    page.goto(f"{shop.url}/dashboards/{name}{query}")
    page.wait_for_function(
        "() => document.querySelectorAll('[data-tile]').length > 0"
        " && document.querySelectorAll('[data-state=waiting], .chart:not([data-drawn])').length === 0"
    )
    return page


def draws(page: Page, tile: str) -> int:
    return int(page.locator(f"[data-tile={tile}] .chart").get_attribute("data-drawn") or 0)


def test_a_page_says_its_title_age_target_and_owner(sales: Page) -> None:
    expect(sales.get_by_role("heading", level=1)).to_have_text("Sales this quarter")
    expect(sales.locator("p.sub").first).to_contain_text("old, target 1 min")
    expect(sales.locator("p.sub").first).to_contain_text("owner: sales@")
    expect(sales.locator("[data-tile=k1]")).to_contain_text("$4.92M")
    expect(sales.locator("[data-tile=k4]")).to_contain_text("+0.6\u00a0pt")
    assert sales.title().startswith("Sales this quarter")


def test_a_choice_is_in_the_address_survives_a_reload_and_goes_back(sales: Page, shop: StandIn) -> None:
    sales.get_by_text("Region all").click()
    sales.get_by_role("checkbox", name="West").check()
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales?region=West")
    sales.get_by_role("checkbox", name="South").check()
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales?region=West,South")
    sales.get_by_label("Period").select_option("this year")
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales?region=West,South&period=this+year")
    expect(sales.locator("[data-tile=k1]")).to_have_attribute("aria-busy", "false")
    assert any("period=this" in path and "region=West" in path for path in shop.tiles_asked())
    sales.reload()
    expect(sales.locator("summary")).to_have_text("Region West, South")
    sales.go_back()
    expect(sales.get_by_label("Period")).to_have_value("last 90 days")
    sales.get_by_role("button", name="reset").click()
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales")


def test_a_click_on_a_line_filters_every_tile_and_the_next_click_takes_it_back(sales: Page, shop: StandIn) -> None:
    chart = sales.locator("[data-tile=line] .plot")
    box = chart.bounding_box()
    assert box
    chart.hover(position={"x": box["width"] / 2, "y": 40})
    expect(sales.locator(".tip")).to_contain_text("North")
    top = sales.evaluate("() => parseFloat(document.querySelector('[data-tile=line] .dot').style.top)")
    place = {"x": box["width"] / 2, "y": top}
    chart.click(position=place)
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales?region=North")
    chart.click(position=place)
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales")


def test_a_chart_is_read_by_keyboard_and_by_ear(sales: Page, shop: StandIn) -> None:
    chart = sales.locator("[data-tile=bar] .plot")
    expect(chart).to_have_attribute("aria-roledescription", "chart")
    label = chart.get_attribute("aria-label") or ""
    assert label.startswith("Bar chart: Top products. 8 bars: Trail 2 tent $412k")
    chart.focus()
    sales.keyboard.press("ArrowRight")
    sales.keyboard.press("ArrowRight")
    expect(sales.locator("[data-tile=bar] [aria-live]")).to_have_text("Alpine stove, Revenue $355,000")
    sales.keyboard.press("Enter")
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales?product=Alpine+stove")
    sales.keyboard.press("Escape")
    expect(sales.locator(".tip")).to_have_count(0)


def test_every_chart_is_also_a_table_and_that_is_in_the_address(sales: Page, shop: StandIn) -> None:
    tile = sales.locator("[data-tile=line]")
    tile.hover()
    tile.get_by_role("button", name="table").click()
    expect(tile.get_by_role("columnheader", name="Revenue")).to_be_visible()
    expect(sales).to_have_url(f"{shop.url}/dashboards/sales?show.table=line")
    tile.get_by_role("button", name="Revenue", exact=True).click()
    expect(tile.get_by_role("columnheader", name="Revenue")).to_have_attribute("aria-sort", "descending")
    assert "show.sort=line:-revenue" in sales.url
    sales.go_back()
    sales.go_back()
    expect(tile.locator(".plot")).to_be_visible()


def test_a_tile_shows_its_definition_sql_lineage_freshness_and_users(sales: Page) -> None:
    tile = sales.locator("[data-tile=line]")
    tile.hover()
    tile.get_by_role("button", name="About Revenue by region").click()
    about = sales.get_by_role("dialog")
    for said in (
        "Revenue sum(amount)metrics/orders.toml:9",
        "select * from orders",
        "12 s old, target 1 min",
        "version 412",
    ):
        expect(about).to_contain_text(said)
    for name, leads in (
        ("Revenue", "/metrics/revenue"),
        ("its run", "/runs/20261125-210000-abc123"),
        ("stock", "/dashboards/stock"),
    ):
        expect(about.get_by_role("link", name=name, exact=True)).to_have_attribute("href", leads)
    expect(about.get_by_role("link", name="lineage")).to_have_attribute("href", "/lineage?select=%2Borders%2B")
    expect(about.get_by_role("link", name="open it")).to_have_attribute("href", "/sql?q=select%20*%20from%20orders")
    expect(about.get_by_role("link", name="orders", exact=True)).to_have_attribute("href", "/data/orders")
    sales.keyboard.press("Escape")
    expect(about).to_have_count(0)


def test_a_number_in_the_text_leads_to_where_it_comes_from(shop: StandIn, window: Callable[..., Page]) -> None:
    charts = opened(window(), shop, "charts")
    expect(charts.get_by_role("link", name="$4.92M")).to_have_attribute("href", "/metrics/revenue")


def test_a_tile_is_taken_along_as_csv_parquet_png_and_svg(sales: Page, tmp_path: Path) -> None:
    tile = sales.locator("[data-tile=bar]")
    tile.hover()
    tile.get_by_role("button", name="About").click()
    saved = {}
    for kind in ("CSV", "PNG", "SVG", "Parquet"):
        with sales.expect_download() as download:
            sales.get_by_role("dialog").get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"sales-top-products.{kind.lower()}"
        saved[kind] = Path(download.value.path()).read_bytes()
    assert saved["CSV"].startswith(b"product,revenue\r\nTrail 2 tent,412000")
    assert saved["CSV"].count(b"\r\n") == 220
    assert saved["PNG"].startswith(b"\x89PNG")
    assert int.from_bytes(saved["PNG"][16:20], "big") == 1920
    file = tmp_path / "saved.parquet"
    file.write_bytes(saved["Parquet"])
    rows = duckdb.connect().sql(f"select product, revenue from '{file}'").fetchall()
    assert rows[0] == ("Trail 2 tent", 412_000.0)
    assert len(rows) == 219
    assert b"Top products" in saved["SVG"]
    assert b"Trail 2 tent" in saved["SVG"]
    assert saved["SVG"].count(b"<svg") == 2


def test_a_commit_asks_only_the_tiles_of_its_tables_again_and_nothing_flickers(
    static: Path, window: Callable[..., Page]
) -> None:
    state = {"value": 100.0}

    def answer(_: str, tile: str, __: dict[str, str]) -> dict[str, Any]:
        found = json.loads(json.dumps(TILES[tile]))
        if tile == "k1":
            found["kpi"]["value"] = state["value"]
        if tile == "bar":
            found["tables"] = ["products"]
        return found

    pages = {"sales": page("sales", "Sales", [row(TILES, "k1", "k2"), row(TILES, "line", "bar")])}
    with StandIn(static, pages, answer) as server:
        shown = opened(window(), server, "sales")
        # What would be a flicker: a chart or a value taken out of the page, or a tile that waits.
        shown.evaluate("""() => {
            window.gone = 0;
            new MutationObserver((changes) => {
                for (const change of changes) for (const node of change.removedNodes)
                    if (node.nodeType === 1 && (node.matches('.kpi') || node.querySelector('canvas'))) window.gone += 1;
            }).observe(document.body, { childList: true, subtree: true });
        }""")
        before = draws(shown, "line")
        server.asked.clear()
        state["value"] = 250.0
        server.tell("commit", version=413, tables=["orders"], run=9)
        expect(shown.locator("[data-tile=k1]")).to_contain_text("$250")
        shown.wait_for_function(
            f"() => Number(document.querySelector('[data-tile=line] .chart').dataset.drawn) > {before}"
        )
        assert not any("/tiles/bar" in path for path in server.asked)
        assert {path.rsplit("/", 1)[1] for path in server.tiles_asked()} == {"k1", "k2", "line"}
        assert shown.evaluate("() => window.gone") == 0

        pages["sales"]["title"] = "Sales, edited"
        server.tell("page", name="sales")
        expect(shown.get_by_role("heading", level=1)).to_have_text("Sales, edited")


def test_a_page_that_is_come_back_to_shows_what_changed_meanwhile(static: Path, window: Callable[..., Page]) -> None:
    state = {"value": 100.0}

    def answer(_: str, tile: str, __: dict[str, str]) -> dict[str, Any]:
        found = json.loads(json.dumps(TILES[tile]))
        found["kpi"]["value"] = state["value"]
        return found

    pages = {name: page(name, name, [row(TILES, "k1")]) for name in ("sales", "stock")}
    with StandIn(static, pages, answer) as server:
        shown = opened(window(), server, "sales")
        expect(shown.locator("[data-tile=k1]")).to_contain_text("$100")
        shown.get_by_role("navigation", name="Pages").get_by_role("link", name="Dashboards").click()
        shown.locator("main").get_by_role("link", name="stock").click()
        expect(shown.get_by_role("heading", level=1)).to_have_text("stock")
        state["value"] = 250.0
        shown.go_back()
        shown.go_back()
        expect(shown.get_by_role("heading", level=1)).to_have_text("sales")
        expect(shown.locator("[data-tile=k1]")).to_contain_text("$250")


def test_a_row_leads_to_another_page_with_what_is_chosen(shop: StandIn, window: Callable[..., Page]) -> None:
    shown = opened(window(), shop, "charts", "?region=North")
    link = shown.locator("[data-tile=table]").get_by_role("link", name="Customer 00")
    expect(link).to_have_attribute("href", "/dashboards/customer?region=North&customer=Customer+00")
    link.click()
    expect(shown).to_have_url(f"{shop.url}/dashboards/customer?region=North&customer=Customer+00")
    expect(shown.locator(".trouble")).to_contain_text("there is nothing at /dashboards/customer")


def test_going_to_another_page_asks_it_only_for_its_own_tiles(shop: StandIn, window: Callable[..., Page]) -> None:
    shop.pages["customer"] = page("customer", "One customer", [row(TILES, "k1")])
    shown = opened(window(), shop, "charts")
    shop.asked.clear()
    shown.locator("[data-tile=table]").get_by_role("link", name="Customer 00").click()
    expect(shown.get_by_role("heading", level=1)).to_have_text("One customer")
    expect(shown.locator("[data-tile=k1]")).to_contain_text("$4.92M")
    assert {path.split("?")[0] for path in shop.tiles_asked()} == {"/dashboards/customer/tiles/k1"}


def test_tabs_are_in_the_address_and_move_by_keyboard(shop: StandIn, window: Callable[..., Page]) -> None:
    shown = opened(window(), shop, "charts")
    shown.get_by_role("tab", name="Customers").focus()
    shown.keyboard.press("ArrowRight")
    expect(shown.get_by_role("tab", name="Products")).to_be_focused()
    expect(shown.locator("[data-tile=bar]")).to_be_visible()
    assert shown.url.endswith("?show.tab=Products")
    shown.go_back()
    expect(shown.locator("[data-tile=table]")).to_be_visible()


def test_a_table_sorts_by_a_click_without_moving_a_column(shop: StandIn, window: Callable[..., Page]) -> None:
    shown = opened(window(), shop, "charts")
    table = shown.locator("[data-tile=table]")
    where = "() => [...document.querySelectorAll('th')].map((one) => one.getBoundingClientRect().left)"
    before = shown.evaluate(where)
    table.get_by_role("button", name="Orders").click()
    expect(table.locator("tbody tr").first.locator("td").nth(3)).to_have_text("300")
    table.get_by_role("button", name="Orders").click()
    expect(table.get_by_role("columnheader", name="Orders")).to_have_attribute("aria-sort", "ascending")
    assert shown.evaluate(where) == before
    expect(table).to_contain_text("40 of 61,204 rows")


@pytest.mark.parametrize(
    ("tile", "said"),
    [
        ("failed", "did you mean 'region'?"), ("failed", "dashboards/sales.md:14:9"),
        ("late", "Late:"), ("late", "penstock run orders"),
        ("empty", "choose a longer period"), ("building", "Being built."), ("missing", "did you mean 'orders'?"),
        ("slow", "this took longer than 30 s, and was stopped"), ("slow", "choose a shorter period"),
        ("many", "6 of 300 named, the rest in grey"), ("million", "1,000,000 rows, drawn by 2,000"),
        ("longtext", "<script>alert(1)</script>"),
    ],
)  # fmt: skip
def test_every_state_says_what_is_wrong_and_what_to_do(
    tile: str, said: str, shop: StandIn, window: Callable[..., Page]
) -> None:
    shop.pages["wrong"] = page("wrong", "Wrong", [row(TILES, tile)])
    shown = opened(window(), shop, "wrong")
    expect(shown.locator(f"[data-tile={tile}]")).to_contain_text(said)


def test_a_mistake_stands_in_its_place_with_the_offending_word_underlined(
    shop: StandIn, window: Callable[..., Page]
) -> None:
    shown = opened(window(), shop, "wrong")
    expect(shown.locator(".trouble u").first).to_have_text("lien")
    expect(shown.locator(".trouble").first).to_contain_text("dashboards/wrong.md:9:4")
    assert shown.locator(".trouble", has_text="there is no chart").count() == 1


def test_an_unknown_page_says_so(shop: StandIn, window: Callable[..., Page]) -> None:
    shown = window()
    shown.goto(f"{shop.url}/dashboards/nothing")
    expect(shown.locator(".trouble")).to_contain_text("there is nothing at /dashboards/nothing")
    expect(shown.get_by_role("link", name="All dashboards")).to_be_visible()


def test_the_list_shows_each_dashboard_with_its_state(shop: StandIn, window: Callable[..., Page]) -> None:
    shown = window()
    shown.goto(f"{shop.url}/dashboards")
    expect(shown.get_by_role("heading", level=1)).to_have_text("1 of 3 dashboards has mistakes")
    expect(shown.get_by_role("row", name="Everything that can be wrong")).to_contain_text("1 mistake")
    shown.get_by_role("link", name="Sales this quarter").click()
    expect(shown).to_have_url(f"{shop.url}/dashboards/sales")


@pytest.mark.parametrize("name", ["sales", "charts", "wrong"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_serious_fault(
    name: str, width: int, scheme: str, shop: StandIn, window: Callable[..., Page]
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed here; make ui-test installs it")
    shown = opened(window(width=width, scheme=scheme), shop, name)
    shown.evaluate(AXE.read_text(encoding="utf-8"))
    found = shown.evaluate("() => axe.run('article', { resultTypes: ['violations'] })")
    serious = [
        (one["id"], one["help"], [node["target"] for node in one["nodes"]][:5])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("name", ["sales", "charts", "wrong"])
def test_nothing_is_wider_than_a_phone(name: str, shop: StandIn, window: Callable[..., Page]) -> None:
    shown = opened(window(width=390, height=844), shop, name)
    assert shown.evaluate("() => document.querySelector('article').scrollWidth") <= 390
    # Nor does a tile reach into the page's margin.
    assert shown.evaluate(
        "() => Math.max(...[...document.querySelectorAll('[data-tile]')].map((it) => it.getBoundingClientRect().right))"
        " <= document.querySelector('article').getBoundingClientRect().right + 0.5"
    )


def test_pages_of_these_tests_are_whole() -> None:
    for one in (CHARTS, WRONG):
        assert one["blocks"]
