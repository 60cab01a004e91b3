"""Customers told apart by how often and how lately they bought; it needs only what comes with Penstock."""

from datetime import date
from typing import Any

from arro3.core import Table

from penstock import table

ASLEEP_AFTER = 45  # days without an order
SLIPPING_AFTER = 21
LATELY = 14
NEW_FOR = 21
OFTEN = 4  # orders
VERY_OFTEN = 8


@table(
    key="customer_id",
    fresh="1 hour",
    description="A segment for every customer who ever ordered, for letters that fit.",
    checks=[
        "unique(customer_id)",
        "accepted(segment, 'champion', 'loyal', 'slipping', 'new', 'occasional', 'asleep')",
        "orders > 0",
    ],
)
def segments(customers__lifetime_value: Table) -> list[dict[str, Any]]:
    """Read `customers.lifetime_value` as an Arrow table, and return a row a customer."""
    wanted = ("customer_id", "first_day", "last_day", "orders", "revenue_eur")
    columns = [customers__lifetime_value.column(name).to_pylist() for name in wanted]
    bought = [row for row in zip(*columns, strict=True) if row[3]]
    today = max((row[2] for row in bought), default=date.min)
    return [
        {
            "customer_id": customer,
            "segment": segment((today - first).days, (today - last).days, orders),
            "last_day": last,
            "orders": orders,
            "revenue_eur": revenue,
        }
        for customer, first, last, orders, revenue in bought
    ]


def segment(known: int, silent: int, orders: int) -> str:
    """Name the segment of a customer, from days since the first order, days since the last, and orders."""
    if silent > ASLEEP_AFTER:
        return "asleep"
    if orders >= VERY_OFTEN and silent <= LATELY:
        return "champion"
    if known < NEW_FOR:
        return "new"
    if orders >= OFTEN:
        return "loyal" if silent <= SLIPPING_AFTER else "slipping"
    return "occasional"
