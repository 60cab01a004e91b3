"""Metrics measured in a small shop: every kind, against SQL written by hand."""

from datetime import date
from decimal import Decimal

import pytest

import penstock
from penstock.base.errors import ConfigError, PlanError

ORDERS = penstock.Table(
    "sales.orders",
    key=("order_id",),
    sql="""
    select * from (values
        (1, 'ada', 'North', timestamp '2026-01-05 10:00', 10.00),
        (2, 'ada', 'South', timestamp '2026-01-06 23:30', 5.00),
        (3, 'bob', 'North', timestamp '2026-01-14 01:00', 7.00),
        (4, 'bob', null,    timestamp '2026-02-02 01:00', 8.00),
        (5, 'cy',  'West',  timestamp '2026-02-03 12:00', 0.00),
        (6, 'cy',  'West',  null,                         4.00)
    ) as t(order_id, customer_id, region, ordered_at, amount)""",
)
CUSTOMERS = penstock.Table(
    "customers",
    key=("id",),
    sql="select * from (values ('ada', 'gold', 'x'), ('bob', 'tin', 'y')) as t(id, tier, region)",
)
LINES = penstock.Table("lines", sql="select unnest([1, 1, 2]) as order_id, unnest(['a', 'b', 'a']) as product")
SHOP = penstock.Metrics(
    "sales.orders",
    {
        "revenue": {"sql": "sum(amount)", "format": "eur"},
        "orders": "count(distinct order_id)",
        "buyers": "count(distinct customer_id)",
        "north": {"sql": "sum(amount)", "filter": "region = 'North'"},
        "average": "{revenue} / {orders}",
        "nothing": "{revenue} / ({orders} - {orders})",
        "mtd": {"of": "revenue", "cumulative": "month"},
        "buyers_28": {"of": "buyers", "window": "28 days"},
        "wow": {"of": "revenue", "compare": "1 week"},
        "last_day": {"sql": "sum(amount)", "last": "day"},
        "by_product": "count(*) filter (where lines.product = 'a')",
    },
    time={"column": "ordered_at", "grain": "hour"},
    joins={"customers": "customer_id", "lines": "order_id"},
    dimensions={"region": {}, "tier": "customers.tier", "size": "case when amount > 6 then 'large' else 'small' end"},
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with penstock.build(
        "shop", tmp_path_factory.mktemp("shop"), tables=[ORDERS, CUSTOMERS, LINES], metrics=[SHOP]
    ) as project:
        project.run().raise_for_failure()
        yield project


def test_a_total_is_computed_from_all_rows(shop):
    assert shop.metric(["revenue", "orders"]).fetchall() == [(Decimal("34.00"), 6)]


def test_an_average_by_a_dimension_of_a_join_is_of_its_own_rows(shop):
    found = shop.metric(["orders", "average"], by="tier").fetchall()
    assert found == [("gold", 2, 7.5), ("tin", 2, 7.5), (None, 2, 2.0)]


def test_dividing_by_zero_gives_null(shop):
    assert shop.metric("nothing").fetchall() == [(None,)]


def test_a_filter_of_a_metric_counts_only_its_rows(shop):
    assert shop.metric("north", by="region").fetchall() == [
        ("North", Decimal("17.00")), ("South", None), ("West", None), (None, None),
    ]  # fmt: skip


def test_a_window_counts_each_customer_once(shop):
    found = dict(shop.metric("buyers_28", grain="week").fetchall())
    assert found[date(2026, 1, 12)] == 2
    assert found[date(2026, 2, 2)] == 2  # bob and cy: the week ends with the last day that has rows


def test_a_comparison_stands_beside_its_value(shop):
    found = shop.metric(
        "revenue", compare="1 month", start="2026-02", end="2026-02"
    )  # 3 days of it, beside 3 of January
    assert found.fetchall() == [(Decimal("8.00"), None)]
    assert [one.role for one in found.measured] == ["metric", "compared"]


def test_a_balance_is_that_of_the_last_day(shop):
    assert shop.metric("last_day", grain="month").fetchall() == [
        (date(2026, 1, 1), Decimal("7.00")), (date(2026, 2, 1), Decimal("0.00")),
    ]  # fmt: skip


def test_a_day_begins_where_the_time_zone_says(shop):
    found = shop.metric("revenue", grain="day", timezone="Europe/Berlin", end="2026-01-07").fetchall()
    assert found == [(date(2026, 1, 5), Decimal("10.00")), (date(2026, 1, 7), Decimal("5.00"))]


def test_a_join_that_multiplies_rows_is_refused_by_name(shop):
    with pytest.raises(PlanError) as caught:
        shop.metric("by_product")
    assert caught.value.subject == "joining 'lines' by order_id would count rows of 'sales.orders' more than once"


def test_a_metric_stands_where_a_table_may_in_sql(shop):
    found = shop.sql(
        "select m.region, revenue from metric('revenue', by := ['region'], where := {tier: 'gold'}) as m order by all"
    )
    assert found.fetchall() == [("North", Decimal("10.00")), ("South", Decimal("5.00"))]


@pytest.mark.parametrize(
    ("said", "subject", "hint"),
    [
        ({"name": "revenu"}, "no metric 'revenu'", "did you mean 'revenue'?"),
        ({"name": "revenue", "by": "regio"}, "'revenue' has no dimension 'regio'", "did you mean 'region'?"),
        ({"name": "revenue", "grain": "wek"}, "no grain 'wek'", "did you mean 'week'?"),
        ({"name": "revenue", "order": "reven"}, "there is no column 'reven' to order by", "did you mean 'revenue'?"),
        ({"name": "revenue", "compare": "soon"}, "'soon' is no span of time", ""),
        ({"name": "revenue", "start": "2026-13"}, "'2026-13' is no day and no time", ""),
        ({"name": "revenue", "start": "2026-02", "end": "2026-01"}, "the period ends before it begins", ""),
        ({"name": "wow", "grain": "month"}, "a month cannot be compared with what was 1 week before: they overlap", ""),
    ],
)
def test_what_cannot_be_asked_is_said_with_the_nearest_name(shop, said, subject, hint):
    with pytest.raises((ConfigError, PlanError)) as caught:
        shop.metric(said.pop("name"), **said)
    assert (caught.value.subject, caught.value.hint) == (subject, hint)


def checked(tmp_path, text, amount=10, table="spend"):
    """Run a table with a check of a metric; the second run has another amount in its only row."""
    spend = penstock.Table("spend", sql=f"select 'ada' as id, {amount} as amount", checks=(penstock.Check(text),))
    money = penstock.Metrics(
        table,
        {"total": "sum(amount)", "rows_there": "count(*)", "each": "{total} / {rows_there}"},
        joins={"known": "id"},
        dimensions={"tier": "known.tier"},
    )
    known = penstock.Table("known", sql="select 'ada' as id, 'gold' as tier, 1 as amount")
    return penstock.build("checked", tmp_path, tables=[spend, known], metrics=[money])


def test_a_check_of_a_metric_holds_a_table_at_its_last_good_version(tmp_path):
    with checked(tmp_path, "metric('total') between 1 and 100 and metric('each') > 0") as project:
        assert project.run().ok
        assert [v.state for v in project.check()] == ["passed"]
    with checked(tmp_path, "metric('total') between 1 and 100 and metric('each') > 0", 1000) as project:
        result = project.run()
        assert not result.ok
        assert result.run.failed[0].error["got"] == "total = 1000, each = 1000.0"
        assert project.sql("select amount from spend").fetchall() == [(10,)]


@pytest.mark.parametrize(
    ("text", "table", "subject"),
    [
        ("metric('totl') > 0", "spend", "a check of 'spend' names the metric 'totl', which there is not"),
        ("metric('total') > 0", "known", "a check of 'spend' names the metric 'total', which is of known"),
    ],
)
def test_a_check_of_a_metric_that_cannot_be_is_told_before_anything_runs(tmp_path, text, table, subject):
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path, text, table=table)
    assert caught.value.subject == subject


def test_a_check_asks_a_metric_by_its_name_alone(tmp_path):
    with pytest.raises(ConfigError) as caught:
        checked(tmp_path, "metric('total', by := ['tier']) > 0")
    assert caught.value.subject.endswith("in a check a metric stands by its name alone")


@pytest.mark.parametrize(
    ("metrics", "dimensions", "subject", "hint"),
    [
        ({"a": "sum(amont)"}, {}, "metric 'a': Referenced column \"amont\" not found", 'Candidate bindings: "amount"'),
        ({"a": "count(*)"}, {"tier": "known.tir"}, "dimension 'tier': ", ""),
        ({"a": "sum(amount) + amount"}, {}, "metric 'a': column \"amount\" must appear in the GROUP BY", ""),
    ],
)
def test_what_the_warehouse_does_not_understand_is_found_by_check(tmp_path, metrics, dimensions, subject, hint):
    spend = penstock.Table("spend", sql="select 'ada' as id, 3 as amount")
    known = penstock.Table("known", sql="select 'ada' as id, 'gold' as tier", key=("id",))
    said = penstock.Metrics("spend", metrics, joins={"known": "id"}, dimensions=dimensions)
    with penstock.build("wrong", tmp_path, tables=[spend, known], metrics=[said]) as project:
        project.check()  # nothing is built yet, so nothing is known
        assert project.run().ok
        with pytest.raises(PlanError) as caught:
            project.check()
        assert caught.value.subject.startswith(subject)
        assert hint in caught.value.hint
        with pytest.raises(PlanError) as asked:
            project.metric("a", by=list(dimensions))
        assert asked.value.subject == caught.value.subject


def test_a_table_that_is_not_built_is_said_to_be(tmp_path):
    with checked(tmp_path, "amount > 0") as project, pytest.raises(PlanError) as caught:
        project.metric("total")
    assert (caught.value.subject, caught.value.hint) == (
        "the table 'spend' has not been built yet",
        "penstock run +spend",
    )
