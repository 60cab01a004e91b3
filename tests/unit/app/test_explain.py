"""Explaining a table of a project: what it says is what runs then do, and it says what is missing."""

import shutil
from copy import copy

import pytest

from penstock.app import requests
from penstock.base.errors import ConfigError, PlanError
from penstock.plan.explain import GROWS, LOSES
from tests.unit.refresh.shop import Shop

MORE = {
    "grouped": "select who, count(*) as n, sum(amount) as s from raw.orders group by who",
    "joined": "select o.id, p.name from raw.orders o join raw.people p on p.id = o.who",
    "medians": "select who, median(amount) as m from raw.orders group by who",
    "spreads": "select who, stddev(weight) as d from raw.orders group by who",
    "spread_apart": "select n, max(d) as d "
    "from (select who, stddev(amount) as d, count(*) as n from raw.orders group by who) group by n",
    "kinds": "select distinct who from raw.orders",
    "shared": "select id from raw.people intersect select who from raw.orders",
    "totals": "select count(*) as n, sum(amount) as s from raw.orders",
    "above": "select name from raw.people p where exists (select 1 from raw.orders o where o.who > p.id)",
    "better": "select name from raw.people p where exists (select 1 from raw.orders o where o.who = p.id)",
    "united": "select id from raw.orders union all select id from raw.people",
    "ranked": "select who, s, rank() over (order by s) as r from grouped",
    "open_ended": "select * from raw.orders union all by name select * from raw.orders",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("built"))
    for name, text in MORE.items():
        (made.root / "tables" / f"{name}.sql").write_text(text)
    made.run()
    return made


@pytest.fixture
def shop(built, tmp_path):
    made = copy(built)
    made.root = tmp_path / "shop"
    shutil.copytree(built.root, made.root)
    return made


def done(app):
    """The strategies of the last run, by table."""
    run = requests.run(app)
    assert run.state == "done"
    return {s.table: s.strategy for s in run.steps if s.stage == "table" and s.strategy}


@pytest.mark.parametrize("move", [GROWS, LOSES], ids=["rows come", "rows change"])
def test_what_it_says_of_each_table_is_what_a_run_then_does(shop, move):
    """Where a run does more, a group whose min or max may have gone is computed again: said, too, but in the reason."""
    rows = [(6, 7, 0.5, 0.5)] if move == GROWS else [(6, 7, 0.5, 0.5), (2, 7, 4, 0.2), (3, 8, 7, 0.3)]
    with shop.open() as app:
        said = {name: requests.explain(app, name) for name in app.project.tables}
        shop.orders(*rows)
        for name, did in done(app).items():
            found = next((one for one in said[name].inputs if one.input == "raw.orders"), None)
            if not said[name].blocks:
                assert did.startswith("full"), name
            elif found is not None:
                expected = found.grows if move == GROWS else found.loses
                assert did in (expected, f"{expected} → keys"), name


def test_estimates_come_of_what_the_blocks_have_learned(shop):
    with shop.open() as app:
        first = requests.explain(app, "grouped").costs
        assert first[0].seconds > 0
        assert "full" in first[-1].strategy
        for n in range(3):
            shop.orders(*((100 * n + i, 7, 1, 1) for i in range(10, 11 + 5 * n)))
            requests.run(app)
        last = requests.explain(app, "grouped").costs
        assert last[0].seconds > 0
        assert last[0].basis == "what its blocks took before"
        assert last[-1].basis == "not known yet: it has not had so many rows"  # which are more than ten times all
        assert [one.changed for one in last] == [1, 1_000, 1_000_000]


def test_a_small_table_is_said_to_be_computed_in_full(tmp_path):
    shop = Shop(tmp_path)
    shop.run(smallest=50_000)
    with shop.open(50_000) as app:
        found = requests.explain(app, "spend")
    assert found.rows_in == 5
    assert found.smallest == 50_000
    assert "its inputs have 5 rows: below 50,000 a table is computed in full" in found.notes[0]
    assert {one.strategy for one in found.costs} == {"full"}


def test_what_is_missing_before_the_first_run_is_said(tmp_path):
    shop = Shop(tmp_path)
    (tmp_path / "tables" / "over.sql").write_text(
        "select who, max(n) as n from (from spend select who, orders as n) group by 1"
    )
    with shop.open() as app:
        found = requests.explain(app, "over")
        assert found.missing == ("raw.orders",)
        assert found.notes == ("raw.orders has no rows yet: penstock run raw.orders loads them",)
        requests.run(app, ["raw.orders"])
        found = requests.explain(app, "over")
        assert found.missing == ()
        assert [one.input for one in found.inputs] == ["spend"]
        assert found.notes[-1] == "the blocks are kept from the next run that computes it" or found.rows_in == 0


def test_a_python_table_that_was_not_built_is_to_be_run_with_what_it_reads(tmp_path):
    shop = Shop(tmp_path)
    (tmp_path / "tables" / "over.sql").write_text("select who, twice from doubled")
    with shop.open() as app:
        found = requests.explain(app, "over")
        assert found.notes == ("doubled has no rows yet: penstock run +doubled loads them",)
        assert requests.run(app, ["+doubled"]).state == "done"
        assert requests.explain(app, "over").missing == ()


def test_raw_and_python_tables_are_explained_in_a_sentence(shop):
    with shop.open() as app:
        assert "read from its source" in requests.explain(app, "raw.orders").finding
        found = requests.explain(app, "doubled")
    assert (found.kind, found.inputs[0].grows) == ("python", "full")


def test_a_python_table_says_which_inputs_come_in_parts(shop):
    text = "from penstock import table\n@table({})\ndef doubled(raw__orders, other): ...\n"
    (shop.root / "tables" / "other.sql").write_text("select 1 as n")
    (shop.root / "tables" / "doubled.py").write_text(text.format("rows='raw__orders'"))
    with shop.open() as app:
        found = requests.explain(app, "doubled")
        assert "the new and changed rows of raw.orders" in found.finding
        assert [(one.input, one.loses) for one in found.inputs] == [("raw.orders", "rows"), ("other", "full")]
        assert "other is given whole: when it changes, everything is computed" in found.notes
    (shop.root / "tables" / "doubled.py").write_text(text.format("by='who'"))
    with shop.open() as app:
        requests.run(app, ["raw.orders", "other"])
        found = requests.explain(app, "doubled")
        assert "all rows of the keys (who) that changed" in found.finding
        assert [(one.input, one.loses) for one in found.inputs] == [("raw.orders", "by keys"), ("other", "full")]
        assert {one.strategy for one in found.costs} == {"by keys"}


def test_an_unknown_table_and_wrong_sql_are_said(shop):
    (shop.root / "tables" / "plain.sql").write_text("select idd from raw.orders")
    with shop.open() as app:
        with pytest.raises(ConfigError, match="no table 'spent'") as caught:
            requests.explain(app, "spent")
        assert caught.value.hint == "did you mean 'spend'?"
        with pytest.raises(PlanError, match="idd") as wrong:
            requests.explain(app, "plain")
    assert "tables/plain.sql:1" in str(wrong.value.where)
