"""What people do in the web app: from trouble to its rows, with the keyboard alone, and while a run goes on."""

import re

import pytest
from playwright.sync_api import expect

from penstock.app import requests
from tests.browser import harbour

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shared(static, tmp_path_factory):
    """One project for all who only look."""
    with harbour.served(tmp_path_factory.mktemp("harbour")) as served:
        yield served[0]


@pytest.fixture
def own(static, tmp_path):
    """A project of one's own, for who changes it: its address, its open project and its folder."""
    with harbour.served(tmp_path) as (address, app):
        yield address, app, tmp_path


# ── from a wrong number to the failed row ───────────────────────────────────────────────────────────────


def test_three_clicks_from_home_to_the_row_that_failed_a_check(shared, window):
    page = window()
    page.goto(shared)
    trouble = page.get_by_role("group", name=re.compile("heaviest: the check"))
    trouble.get_by_role("link", name="The run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("heaviest and 1 more failed")
    failed = page.get_by_role("group", name=re.compile("^heaviest: 1 row against"))
    failed.get_by_role("link", name="The check and its rows").click()
    rows = page.get_by_role("region", name=re.compile("Rows against tons < 40"))
    expect(rows.get_by_text("44.25")).to_be_visible()


def test_the_text_that_failed_is_underlined(shared, window):
    page = window()
    page.goto(shared)
    expect(page.locator("mark", has_text="cast(berth as integer)")).to_be_visible()


def test_a_rejected_row_is_one_click_from_home(shared, window):
    page = window()
    page.goto(shared)
    page.get_by_role("link", name="The rejected rows").click()
    expect(page).to_have_url(re.compile("#rejects$"))
    row = page.get_by_role("region", name="Rejected rows of raw.ships")
    expect(row).to_be_in_viewport()
    expect(row.get_by_text("heavy").first).to_be_visible()


# ── the keyboard alone ──────────────────────────────────────────────────────────────────────────────────


def test_the_keyboard_goes_to_every_place(shared, window):
    page = window()
    page.goto(shared)
    page.locator("h1").wait_for()
    for key, path in (("d", "/data"), ("r", "/runs"), ("s", "/sql"), ("h", "/")):
        page.locator("body").press("g")
        page.keyboard.press(key)
        expect(page).to_have_url(shared + path)
        expect(page.locator("h1")).to_be_focused()


def test_the_palette_finds_a_table_and_opens_it(shared, window):
    page = window()
    page.goto(shared)
    page.locator("h1").wait_for()
    page.keyboard.press("Control+k")
    page.keyboard.type("dail")
    expect(page.get_by_role("option").first).to_contain_text("daily")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/data/daily"))
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_escape_closes_the_palette_and_gives_the_focus_back(shared, window):
    page = window()
    page.goto(shared + "/data")
    link = page.get_by_role("link", name="daily", exact=True)
    link.focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Go to")).to_be_focused()
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


def test_a_question_mark_lists_the_keys(shared, window):
    page = window()
    page.goto(shared)
    page.locator("h1").wait_for()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("go anywhere")


def test_a_slash_goes_to_the_filter_and_the_address_keeps_it(shared, window):
    page = window()
    page.goto(shared + "/data")
    page.get_by_role("searchbox").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("ships")
    expect(page).to_have_url(re.compile(r"\?q=ships"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_first_tab_skips_to_the_page(shared, window):
    page = window()
    page.goto(shared)
    page.locator("h1").wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_page_of_a_failed_table_underlines_what_failed(shared, window):
    page = window()
    page.goto(shared + "/data/lengths")
    trouble = page.locator("main .fault").first
    expect(trouble).to_contain_text("tables/lengths.sql:1")
    expect(trouble).to_contain_text("select id, cast(berth as integer) as berth")


def test_the_lineage_is_walked_with_arrows(shared, window):
    page = window()
    page.goto(shared + "/lineage")
    page.get_by_role("link", name=re.compile("raw.ships, raw")).focus()
    page.keyboard.press("ArrowRight")
    here = page.evaluate("document.activeElement.getAttribute('data-node')")
    assert here in {"daily", "heaviest", "lengths"}
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(here)


def test_letters_typed_at_once_after_opening_are_no_shortcut(shared, window):
    page = window()
    page.goto(shared + "/nowhere")
    page.locator("h1").wait_for()
    page.keyboard.type("shdr")
    expect(page).to_have_url(shared + "/nowhere")


# ── the address is the state ────────────────────────────────────────────────────────────────────────────


def test_back_and_forward_show_what_was_there(shared, window):
    page = window()
    page.goto(shared + "/data?sort=-rows")
    expect(page.locator("tbody tr").first).to_contain_text("raw.notes")
    page.get_by_role("link", name="daily", exact=True).click()
    expect(page.locator("h1")).to_have_text("daily")
    page.go_back()
    expect(page).to_have_url(re.compile(r"sort=-rows"))
    expect(page.locator("tbody tr").first).to_contain_text("raw.notes")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("daily")


def test_rows_are_sorted_and_kept_so_by_the_address(shared, window):
    page = window()
    page.goto(shared + "/data/raw.ships")
    rows = page.get_by_role("region", name="Rows of raw.ships")
    rows.get_by_role("button", name="tons").click()
    expect(rows.locator("tbody tr").first).to_contain_text("-3")
    rows.get_by_role("button", name="tons").click()
    expect(rows.locator("tbody tr").first).to_contain_text("44.25")
    page.reload()
    expect(rows.locator("tbody tr").first).to_contain_text("44.25")


def test_the_theme_is_chosen_and_stays(shared, window):
    page = window()
    page.goto(shared)
    page.get_by_role("button", name="Dark", exact=True).click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    page.locator("h1").wait_for()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    expect(page.get_by_role("button", name="Light", exact=True)).to_be_visible()


# ── SQL ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_query_is_typed_completed_and_run_with_the_keyboard(shared, window):
    page = window()
    with page.expect_response("**/sql/words"):
        page.goto(shared + "/sql")
    editor = page.get_by_role("textbox", name="SQL")
    editor.click()
    page.keyboard.type("select tons from raw.sh")
    expect(page.locator("#offers li").first).to_contain_text("raw.ships")
    page.keyboard.press("Tab")
    page.keyboard.type(" s where s.to")
    expect(page.locator("#offers li").first).to_contain_text("tons")
    page.keyboard.press("Enter")
    page.keyboard.type(" > 20 order by 1 ")
    page.keyboard.press("Control+Enter")
    expect(page.locator("h1")).to_have_text("2 rows")
    assert editor.input_value() == "select tons from raw.ships s where s.tons > 20 order by 1 "
    expect(page.get_by_role("gridcell").first).to_have_text("20.125")
    expect(page).to_have_url(re.compile("q=select"))


def test_a_name_with_an_underscore_is_completed(shared, window):
    page = window()
    with page.expect_response("**/sql/words"):
        page.goto(shared + "/sql")
    page.get_by_role("textbox", name="SQL").click()
    page.keyboard.type("select date_tr")
    expect(page.locator("#offers li").first).to_contain_text("date_trunc")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="SQL")).to_have_value("select date_trunc(")


def test_a_long_result_is_walked_with_the_keyboard(shared, window):
    page = window()
    page.goto(shared + "/sql?q=select range as n, range * 2 as twice from range(9000)")
    grid = page.get_by_role("grid")
    grid.focus()
    page.keyboard.press("Control+End")
    expect(page.get_by_role("gridcell", name="8999", exact=True)).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert grid.get_attribute("aria-activedescendant") == "cell-8999-1"
    page.keyboard.press("Control+Home")
    expect(page.get_by_role("gridcell", name="0", exact=True).first).to_be_visible()
    assert page.get_by_role("row").count() < 60


def test_a_slow_query_is_cancelled(shared, window):
    page = window()
    said = []
    page.on("response", lambda answer: said.append(answer.status) if "/sql/" in answer.url else None)
    page.goto(shared + "/sql")
    page.get_by_role("textbox", name="SQL").fill(
        "select count(*) from range(100000000) a, range(1000) b where hash(a.range) = hash(b.range + 1)"
    )
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("group", name=re.compile("stopped"))).to_be_visible()
    assert said[-1] == 200


# ── while it happens ────────────────────────────────────────────────────────────────────────────────────


def test_a_commit_is_shown_without_a_reload_and_without_a_flicker(own, window):
    address, app, folder = own
    page = window()
    page.goto(address + "/data/daily")
    rows = page.get_by_role("region", name="Rows of daily")
    expect(rows.locator("tbody tr")).to_have_count(3)
    page.evaluate(
        """() => {
            window.flickers = 0;
            const look = () => { if (!document.querySelector('#rows tbody tr')) window.flickers += 1; };
            new MutationObserver(look).observe(document.querySelector('main'), { childList: true, subtree: true });
        }"""
    )
    with (folder / "data" / "ships.csv").open("a", encoding="utf-8") as file:
        file.write("6,2026-01-04,5.0,9\n")
    requests.run(app, command="penstock run")
    expect(rows.locator("tbody tr")).to_have_count(4)
    assert page.evaluate("window.flickers") == 0


def test_a_run_is_begun_from_home_and_followed(own, window):
    address, _, folder = own
    page = window()
    page.goto(address)
    (folder / "tables" / "lengths.sql").write_text("select id, berth\nfrom raw.ships\n", encoding="utf-8")
    trouble = page.get_by_role("group", name=re.compile("lengths:")).first
    trouble.get_by_role("button", name="Retry").click()
    expect(page).to_have_url(re.compile("/runs/"))
    expect(page.locator("h1")).not_to_have_text(re.compile("Running"), timeout=30_000)


def test_a_run_that_ended_before_it_was_heard_of_is_not_shown_as_going_on(shared, window):
    page = window()
    page.goto(shared + "/runs")
    run = page.locator("tbody a").first.inner_text()
    asked = []

    def at_first_going_on(route):
        asked.append(route.request.url)
        answer = route.fetch()
        found = answer.json()
        if len(asked) == 1:
            found["run"]["state"] = "running"
        route.fulfill(response=answer, json=found)

    page.route(f"**/api/v1/runs/{run}", at_first_going_on)
    page.locator("tbody a").first.click()
    expect(page.locator("h1")).to_contain_text("Running")
    expect(page.locator("h1")).not_to_contain_text("Running")
    assert len(asked) == 2


def test_a_server_that_went_away_is_said_and_what_was_there_stays(static, tmp_path, window):
    page = window()
    with harbour.served(tmp_path) as (address, _):
        page.goto(address + "/data")
        expect(page.locator("tbody tr")).to_have_count(5)
    expect(page.get_by_text(re.compile("not connected since"))).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(5)
