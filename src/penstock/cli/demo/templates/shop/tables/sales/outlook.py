"""What the next week should bring: the mean of four like weekdays, with the best and the worst of them."""

from collections.abc import Iterator
from datetime import timedelta
from statistics import fmean
from typing import Any

from arro3.core import RecordBatch

from penstock import table

WEEKS = 4


@table(
    key="day",
    fresh="1 day",
    description="Revenue to be expected on each of the next seven days, in euros.",
    checks=["unique(day)", "lowest_eur <= expected_eur and expected_eur <= highest_eur"],
)
def outlook(sales__daily: Iterator[RecordBatch]) -> list[dict[str, Any]]:
    """Read `sales.daily` batch by batch, as one would a table that is larger than memory."""
    revenue: dict[Any, float] = {}
    for batch in sales__daily:
        days, amounts = batch.column("day").to_pylist(), batch.column("revenue_eur").to_pylist()
        revenue |= {day: float(amount) for day, amount in zip(days, amounts, strict=True)}
    if not revenue:
        return []
    last = max(revenue)
    rows = []
    for ahead in range(1, 8):
        day = last + timedelta(days=ahead)
        before = [revenue.get(day - timedelta(weeks=weeks), 0.0) for weeks in range(1, WEEKS + 1)]
        rows.append(
            {
                "day": day,
                "weekday": day.strftime("%A"),
                "expected_eur": fmean(before),
                "lowest_eur": min(before),
                "highest_eur": max(before),
            }
        )
    return rows
