"""New rows into an aggregate of many groups: a durable refresh beside the full query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks.fed import Fed, Refreshed
from benchmarks.figures import Figure, Target
from benchmarks.race import scratch
from benchmarks.refresh.setting import KEYS, RAW, Orders, Plain, agree, figure

_NAME = "by_customer"
_QUERY = """
select customer_id, count(*) as orders, sum(amount) as spend, max(ordered_at) as last_order
from raw.orders group by customer_id
"""
_TARGETS = {
    1_000: Target(times=1 / 25, most=20), 10_000: Target(times=1 / 15, most=30), 100_000: Target(times=1 / 6, most=80),
}  # fmt: skip


def figures(size: str) -> Iterator[Figure]:
    """Give a figure for each number of new rows, and one of the smallest by way of `project.run()`."""
    rows, customers, times = (100_000, 2_000, 3) if size == "small" else (10_000_000, 200_000, 9)
    orders = Orders(rows, customers)
    with scratch() as folder, Fed(folder / "ours", KEYS, {_NAME: _QUERY}) as fed, Plain(folder, orders.file()) as plain:
        fed.load({RAW: orders.file()})
        said = f"{customers:,} groups, {rows:,} rows"
        for count, target in _TARGETS.items():
            pairs = [(fed.refresh(orders.new(count)), plain.full(_QUERY)) for _ in range(times + 1)][1:]
            ours, limit = [one.seconds for one, _ in pairs], [full for _, full in pairs]
            yield figure(f"{count:,} new rows, {said}", ours, limit, target, _told([one for one, _ in pairs]))
        ran = [fed.run(orders.new(1_000)) for _ in range(times + 1)][1:]
        steps = [[seconds, *(step.seconds for step in result.run.steps)] for seconds, result in ran]
        note = (
            f"the rows read and taken in {_middle(s[1] for s in steps)}, the table {_middle(s[2] for s in steps)}, "
            f"journal, commit and rest {_middle(s[0] - s[1] - s[2] for s in steps)}"
        )
        yield figure(f"1,000 new rows by project.run(), {said}", [s for s, _ in ran], [], Target(), note)
        agree(fed, _NAME, _QUERY)


def _told(some: Sequence[Refreshed]) -> str:
    """Say where the time goes; the limit is the full query."""
    raw, table = [one.took(RAW) for one in some], [one.took(_NAME) for one in some]
    rest = [one.seconds - a - b for one, a, b in zip(some, raw, table, strict=True)]
    chosen = ", ".join(sorted({one.strategy(_NAME) for one in some}))
    return f"the rows taken in {_middle(raw)}, the table ({chosen}) {_middle(table)}, commit and rest {_middle(rest)}"


def _middle(seconds: Iterable[float]) -> str:
    return f"{1000 * median(seconds):.1f} ms"
