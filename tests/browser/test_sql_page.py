"""What people do with an answer on the SQL page: keep it as tile, check or metric, and see how it was computed."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import harbour

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(120)]


@pytest.fixture
def own(static, tmp_path):
    """A project of one's own: its address and its folder."""
    with harbour.served(tmp_path) as (address, _):
        yield address, tmp_path


def asked(page, address, text):
    page.goto(f"{address}/sql?q={text}")
    expect(page.get_by_role("button", name="Keep …")).to_be_visible()
    return page


def keep(page, what, name, table=""):
    page.get_by_role("button", name="Keep …").click()
    dialog = page.get_by_role("dialog", name="Keep this query")
    dialog.get_by_role("radio", name=what).check()
    dialog.get_by_role("textbox", name="name").fill(name)
    if table:
        dialog.get_by_role("combobox", name="table").select_option(table)
    dialog.get_by_role("button", name="Keep it").click()
    return dialog


def said(page, text):
    expect(page.get_by_text(text)).to_be_visible()


def test_an_answer_is_kept_as_a_tile_of_a_new_dashboard_and_seen_there(own, window):
    address, folder = own
    page = asked(window(), address, "select day, tons from daily order by day")
    dialog = keep(page, "a tile of a dashboard", "arrivals")
    said(page, "Kept in dashboards/arrivals.md.")
    expect(dialog).to_be_hidden()
    assert "select day, tons from daily order by day" in (folder / "dashboards/arrivals.md").read_text("utf-8")
    page.goto(address + "/dashboards/arrivals")
    expect(page.locator("[data-tile] tbody tr")).to_have_count(3)


def test_rows_that_must_not_be_become_a_check_whose_table_shows_it(own, window):
    address, folder = own
    page = asked(window(), address, "select * from daily where ships > 100")
    keep(page, "a check of a table", "a day has a hundred ships at most")
    said(page, "Kept in tables/daily.sql.")
    text = (folder / "tables/daily.sql").read_text("utf-8")
    assert '{ check = "not (ships > 100)", name = "a day has a hundred ships at most" }' in text
    page.goto(address + "/data/daily")
    expect(page.locator("main")).to_contain_text("a day has a hundred ships at most")


def test_an_aggregate_becomes_a_metric_that_can_be_asked(own, window):
    address, folder = own
    page = asked(window(), address, "select sum(tons) from daily")
    keep(page, "a metric", "daily_tons", "daily")
    said(page, "Kept in metrics/daily_tons.toml.")
    assert 'sql = "sum(tons)"' in (folder / "metrics/daily_tons.toml").read_text("utf-8")
    page.goto(address + "/metrics/daily_tons")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    asked(page, address, "select * from metric('daily_tons')")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 row")


def test_what_cannot_be_kept_says_why_and_the_dialog_stays(own, window):
    address, folder = own
    page = asked(window(), address, "select day, sum(tons) as tons from daily group by day")
    dialog = keep(page, "a check of a table", "nothing", "daily")
    expect(page.get_by_role("alert")).to_contain_text("a check is a condition on each row of a table")
    expect(dialog).to_be_visible()
    assert "nothing" not in (folder / "tables/daily.sql").read_text("utf-8")
    dialog.get_by_role("radio", name="a metric").check()
    dialog.get_by_role("textbox", name="name").fill("Not A Name")
    dialog.get_by_role("button", name="Keep it").click()
    assert dialog.get_by_role("textbox", name="name").evaluate("input => input.validity.patternMismatch")


def test_a_plan_is_a_tree_and_measured_on_demand(own, window):
    address, _ = own
    page = asked(window(), address, "select day, sum(tons) as t from raw.ships where tons > 1 group by day&view=plan")
    plan = page.get_by_role("table", name="Plan")
    scan = plan.get_by_role("row", name=re.compile("Scan raw.ships"))
    expect(scan).to_contain_text("tons > 1.0")
    expect(plan.get_by_role("columnheader", name="time")).to_have_count(0)
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_role("button", name="Measure again")).to_be_visible()
    expect(plan.get_by_role("columnheader", name="time")).to_be_visible()
    expect(scan.get_by_role("cell").nth(2)).to_have_text("3")


def test_a_query_that_was_stopped_shows_its_plan(own, window):
    address, _ = own
    page = window()
    page.goto(address + "/sql")
    page.get_by_role("textbox", name="SQL").fill(
        "select count(*) from range(100000000) a, range(1000) b where hash(a.range) = hash(b.range + 1)"
    )
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Plan").click()
    expect(page.get_by_role("table", name="Plan")).to_contain_text("join")
