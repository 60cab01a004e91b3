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
