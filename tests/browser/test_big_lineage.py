"""A lineage of many tables, drawn by groups: what is pointed at stands out, and what is opened comes into sight."""

import re

import pytest
from playwright.sync_api import expect

from penstock.app import requests
from penstock.web.listen import serving

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(120)]
AREAS = ("sales", "stock", "staff")
EACH = 30


@pytest.fixture(scope="module")
def wide(static, tmp_path_factory):
    """A project of ninety tables in three groups, each table made of the one before it."""
    folder = tmp_path_factory.mktemp("wide")
    (folder / "penstock.toml").write_text('name = "wide"\n', encoding="utf-8")
    for area, before in zip(AREAS, ("", *AREAS), strict=False):
        (folder / "tables" / area).mkdir(parents=True)
        for at in range(EACH):
            source = f" from {area}.t{at - 1}" if at % 10 else f" from {before}.t9" if before else ""
            text = f"select {'a' if source else '1 as a'}{source}\n"
            (folder / f"tables/{area}/t{at}.sql").write_text(text, encoding="utf-8")
    # One of them fails, inside a folded group.
    (folder / "tables/staff/t5.sql").write_text(
        "select cast('x' || a as integer) as a from staff.t4\n", encoding="utf-8"
    )
    with requests.open_project(folder) as app:
        requests.run(app, command="penstock run")
        with serving(app, 0) as made:
            yield made.address


def group(page, name):
    return page.get_by_role("button", name=re.compile(rf"^{name}, \d+ tables"))


def test_a_group_that_is_pointed_at_keeps_its_lines_and_the_others_fade(wide, window):
    page = window()
    page.goto(wide + "/lineage")
    paths = page.locator("svg path:not(.mark)")
    expect(page.locator("svg path.faint")).to_have_count(0)
    group(page, "sales").hover()
    expect(page.locator("svg path.touched").first).to_be_attached()
    assert page.locator("svg path.touched").count() + page.locator("svg path.faint").count() == paths.count()


def test_a_folded_group_says_that_a_table_in_it_failed(wide, window):
    page = window()
    page.goto(wide + "/lineage")
    expect(group(page, "staff")).to_have_accessible_name(re.compile("failed"))
    expect(group(page, "staff").locator(".bad .mark")).to_be_visible()
    expect(group(page, "sales").locator(".mark")).to_have_count(0)


def test_an_opened_group_comes_into_sight_and_all_can_be_folded_again(wide, window):
    page = window(height=600)
    page.goto(wide + "/lineage")
    group(page, "stock").click()
    expect(page).to_have_url(re.compile("open=stock"))
    tables = page.locator("a[data-node^='stock.']")
    expect(tables).to_have_count(EACH)
    frame = page.get_by_role("group", name=re.compile("Lineage of the project")).bounding_box()
    boxes = [box for box in (tables.nth(at).bounding_box() for at in range(EACH)) if box]
    seen = [box for box in boxes if frame["y"] <= box["y"] + box["height"] and box["y"] <= frame["y"] + frame["height"]]
    assert len(seen) >= 10
    assert min(box["height"] for box in boxes) >= 20
    page.get_by_role("button", name="Fold all").click()
    expect(tables).to_have_count(0)
