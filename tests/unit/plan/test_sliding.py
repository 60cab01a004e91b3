"""Distinct counts over stretches that slide are those that counting each stretch anew gives."""

import random

import duckdb
import pytest

from penstock.base.errors import Place
from penstock.load.loading import Loading
from penstock.load.metrics import all_declared, inherited, weave
from penstock.model.measure import Filter, MetricAsk, Metrics
from penstock.model.schema import Schema
from penstock.plan.metrics.resolve import Known, resolve
from penstock.plan.metrics.sliding import counted
from penstock.plan.metrics.text import query

COLUMNS = [("visitor", "integer"), ("step", "varchar"), ("its_value", "varchar"), ("day", "date")]
SAID = Metrics(
    "visits",
    {
        "visitors": "count(distinct visitor)",
        "thirds": {"sql": "count(distinct visitor % 3)", "filter": "visitor > 4"},
        "rows_": "count(*)",
        "last_9": {"of": "visitors", "window": "9 days"},
        "thirds_9": {"of": "thirds", "window": "9 days"},
        "rows_9": {"of": "rows_", "window": "9 days"},
        "mtd": {"of": "visitors", "cumulative": "month"},
        "ever": {"of": "visitors", "cumulative": "all"},
    },
    time={"column": "day", "grain": "day"},
    dimensions={"step": {}, "its_value": {}},
)
SPANS = {
    "last_9": "day > d - 9 and day <= d", "thirds_9": "day > d - 9 and day <= d",
    "mtd": "day >= date_trunc('month', d) and day <= d", "ever": "day <= d",
}  # fmt: skip
COUNTS = {"thirds_9": "count(distinct visitor % 3) filter (where visitor > 4)"}


def known():
    loading = Loading(lambda _: None)
    found = all_declared([SAID], Place("here"), loading)
    weave(found, frozenset({"visits"}), loading, lambda *_: "")
    loading.mistakes.raise_found()
    sets = {one.set.name: one.set for one in found}
    return Known(inherited(found), sets, {"visits": Schema.of(COLUMNS)}, {}, lambda *_: False)


@pytest.fixture(scope="module")
def con():
    """Visits with gaps in them, visitors and dimensions that are null, and a day on which nobody is known."""
    dice = random.Random(5)
    made = duckdb.connect()
    made.execute("create table visits (visitor integer, step varchar, its_value varchar, day date)")
    for _ in range(400):
        day = dice.choice([*range(20), *range(50, 75)])
        row = [dice.choice([None, *range(12)]), dice.choice([None, "a", "b"]), dice.choice(["x", None]), day]
        made.execute("insert into visits values (?, ?, ?, date '2026-01-01' + cast(? as integer))", row)
    made.execute("insert into visits values (null, 'only', 'x', date '2026-01-30')")
    yield made
    made.close()


def same(con, ask, by, where="true"):
    columns = ["day", *by, *ask.metrics]
    found = con.execute(query(resolve(ask, known()))).fetchall()
    metric = ask.metrics[0]
    keys = "".join(f"{one}, " for one in by)
    days = "select unnest(generate_series(min(day), max(day), interval 1 day))::date as d from visits"
    said = (
        f"select d as day, {keys}{COUNTS.get(metric, 'count(distinct visitor)')} from ({days}) join visits "
        f"on {SPANS[metric]} where {where} group by all"
    )
    expected = con.execute(said).fetchall()
    assert len(columns) == len(found[0])
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    return found


@pytest.mark.parametrize("metric", SPANS)
@pytest.mark.parametrize("by", [(), ("step",), ("step", "its_value")])
def test_each_day_counts_what_counting_it_anew_gives(con, metric, by):
    assert same(con, MetricAsk((metric,), by, "day"), by)


def test_a_stretch_of_rows_without_a_value_counts_nothing_and_is_there(con):
    found = same(con, MetricAsk(("last_9",), ("step",), "day"), ("step",))
    assert {row[2] for row in found if row[1] == "only"} == {0}


def test_filters_of_who_asks_hold_before_it_is_counted(con):
    ask = MetricAsk(("last_9",), (), "day", where=(Filter("step", ("a", None), "in"),))
    assert same(con, ask, (), "step = 'a' or step is null")


def test_a_value_is_read_once_and_not_once_a_window():
    text = query(resolve(MetricAsk(("last_9",), (), "day"), known()))
    assert text.count("from visits") == 2  # its days and values, and its first and last day
    assert "lag(" in text


def test_beside_something_else_it_is_counted_anew(con):
    text = query(resolve(MetricAsk(("last_9", "rows_9"), (), "day"), known()))
    assert "lag(" not in text
    assert len(con.execute(text).fetchall()) > 50


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count(distinct a)", "a"), ("COUNT( DISTINCT coalesce(a, b) )", "coalesce(a, b)"),
        ("count(distinct a) filter (where b)", "case when b then a end"), ("count(a)", ""), ("count(*)", ""),
        ("sum(distinct a)", ""), ("count(distinct a, b)", ""), ("count(distinct a) + 1", ""),
        ("count(distinct a order by b)", ""),
    ],
)  # fmt: skip
def test_what_is_counted_is_read_from_the_aggregate(text, value):
    assert counted(text) == value
