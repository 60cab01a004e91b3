"""What a metric costs beside the plain select that a person would write: 10 M orders, a warehouse that is open."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import penstock
from benchmarks.figures import Figure, Target

_ORDERS = """
select
    i as order_id,
    i * 7919 % 200000 as customer_id,
    ['North', 'South', 'East', 'West'][1 + i % 4] as region,
    timestamp '2025-01-01' + to_seconds(cast(i * 31536000.0 / {rows} as bigint)) as ordered_at,
    cast((i * 31 % 10000) / 100 as decimal(18, 2)) as amount
from range({rows}) as t(i)
"""
_CUSTOMERS = """
select i as customer_id, ['gold', 'tin', 'iron'][1 + i % 3] as tier from range(200000) as t(i)
"""
_METRICS = penstock.Metrics(
    "orders",
    {
        "revenue": "sum(amount)",
        "buyers": "count(distinct customer_id)",
        "revenue_28": {"of": "revenue", "window": "28 days"},
    },
    time={"column": "ordered_at", "grain": "day"},
    joins={"customers": "customer_id"},
    dimensions={"region": {}, "tier": "customers.tier"},
)
_DAY = "cast(date_trunc('day', ordered_at) as date)"
# What is asked, the select by hand, and what it may cost in milliseconds or as a multiple of that.
_ASKED: dict[str, tuple[dict[str, Any], str, Target]] = {
    "a filter changes": (
        {"name": "revenue", "grain": "day", "where": {"region": "North"}},
        f"select {_DAY} as day, sum(amount) from orders where region = 'North' group by all order by all",
        Target(most=200),
    ),
    "by a dimension of a join": (
        {"name": "revenue", "grain": "month", "by": "tier"},
        """select cast(date_trunc('month', ordered_at) as date) as month, tier, sum(amount)
        from orders left join customers using (customer_id) group by all order by all""",
        Target(times=1.2),
    ),
    "beside the month before": (
        {"name": "revenue", "by": "region", "start": "2025-11", "end": "2025-11", "compare": "1 month"},
        """select region, sum(amount) filter (where ordered_at >= date '2025-11-01'),
        sum(amount) filter (where ordered_at < date '2025-11-01') from orders
        where ordered_at >= date '2025-10-01' and ordered_at < date '2025-12-01' group by all order by all""",
        Target(most=200),
    ),
    "28 days up to each day": (
        {"name": "revenue_28", "grain": "day"},
        f"""select day, sum(amount) over (order by day rows between 27 preceding and current row)
        from (select {_DAY} as day, sum(amount) as amount from orders group by all) order by all""",
        Target(most=200),
    ),
    "distinct customers of each week": (
        {"name": "buyers", "grain": "week"},
        """select cast(date_trunc('week', ordered_at) as date) as week, count(distinct customer_id)
        from orders group by all order by all""",
        Target(times=1.2),
    ),
}


def figures(size: str) -> Iterator[Figure]:
    """Give each figure as it is done."""
    rows, times = (10_000_000, 7) if size == "full" else (100_000, 3)
    tables = [
        penstock.Table("orders", sql=_ORDERS.format(rows=rows)),
        penstock.Table("customers", sql=_CUSTOMERS, key=("customer_id",)),
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        penstock.build("show", folder, tables=tables, metrics=[_METRICS]) as shop,
    ):
        shop.run().raise_for_failure()
        for name, (said, by_hand, target) in _ASKED.items():
            yield _figure(f"metric of {rows:,} rows: {name}", shop, said, by_hand, target, times)


def _figure(
    name: str, shop: penstock.Project, said: dict[str, Any], by_hand: str, target: Target, times: int
) -> Figure:
    def ours() -> list[tuple[Any, ...]]:
        return shop.metric(**said).fetchall()

    def plain() -> list[tuple[Any, ...]]:
        return shop.sql(by_hand).fetchall()

    if ours() != plain():
        raise AssertionError(f"the answers differ: {name}")
    pairs = [(_milliseconds(ours), _milliseconds(plain)) for _ in range(times)]
    mine, limit = [one for one, _ in pairs], [other for _, other in pairs]
    return Figure(name, "ms", median(mine), median(limit), target, min(mine), max(mine), {})


def _milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000
