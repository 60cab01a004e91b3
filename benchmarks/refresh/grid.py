"""Whether the strategy that is chosen is the best, over sizes, groups and changes; and that none is much too slow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.fed import Fed, Feed
from benchmarks.figures import Figure, Target
from benchmarks.race import scratch
from benchmarks.refresh.setting import KEYS, Orders, Plain, agree

_BOUND = Target(times=2, above=15)
# Forced, `full` was better where it took a tenth less time, and at least a millisecond.
_BETTER, _CLEARLY = 0.9, 1.0


@dataclass(frozen=True, slots=True)
class _Cell:
    """One combination, in milliseconds: `chosen` by the engine, `full` when forced, `plain` by `create table as`."""

    rows: int
    groups: int
    change: str
    strategy: str
    chosen: float
    full: float
    plain: float

    @property
    def best(self) -> bool:
        return self.strategy.startswith("full") or self.full >= min(_BETTER * self.chosen, self.chosen - _CLEARLY)

    @property
    def weight(self) -> float:
        """How much of its bound it takes."""
        return self.chosen / (2 * self.plain + 15)

    def told(self) -> str:
        return (
            f"{self.rows:>11,} {self.groups:>8,}  {self.change:18} {self.strategy:14} "
            f"{self.chosen:>9.1f} {self.full:>9.1f} {self.plain:>9.1f}  "
            f"{'' if self.best else 'full was better '}{'' if self.weight <= 1 else 'too slow'}"
        ).rstrip()


def figures(size: str) -> Iterator[Figure]:
    """Give the worst cell, how many are above the bound, and in how many another choice was better."""
    sizes, times = ((20_000, 100_000), 1) if size == "small" else ((100_000, 1_000_000, 10_000_000), 5)
    cells = [cell for rows in sizes for cell in _cells(rows, times)]
    head = "       rows   groups  change             strategy          chosen      full     plain  (ms)"
    table = "\n".join([head, *(cell.told() for cell in cells)])
    worst = max(cells, key=lambda cell: cell.weight)
    name = f"worst of {len(cells)}: {worst.change} of {worst.rows:,} rows, {worst.groups:,} groups"
    low, high = min(cell.chosen for cell in cells), max(cell.chosen for cell in cells)
    yield Figure(name, "ms", worst.chosen, worst.plain, _BOUND, low, high)
    slow = float(sum(cell.weight > 1 for cell in cells))
    yield Figure(f"of {len(cells)}: above 2 × create table as + 15 ms", "cells", slow, None, Target(most=0), slow, slow)
    wrong = float(sum(not cell.best for cell in cells))
    said = f"of {len(cells)}: where another was chosen and full was better"
    yield Figure(said, "cells", wrong, None, Target(), wrong, wrong, note=table)


def _cells(rows: int, times: int) -> Iterator[_Cell]:
    orders = Orders(rows, rows // 50)
    sums = "count(*) as orders, sum(amount) as spend, min(ordered_at) as first_order"
    groups = {4: "status", 1_000: "product_id", rows // 50: "customer_id"}
    tables = {f"by_{by}": f"select {by}, {sums} from raw.orders group by {by}" for by in groups.values()}
    with scratch() as folder, Fed(folder / "ours", KEYS, tables) as fed, Plain(folder, orders.file()) as plain:
        fed.load({"raw.orders": orders.file()})
        for what, feed in _changes(orders, rows):
            found: dict[tuple[str, bool | None], list[float]] = defaultdict(list)
            chosen = {}
            for _ in range(times):
                for forced in (False, True):  # each on a change of its own, so that both have as much to write
                    made = feed()
                    fed.refresh(made, tables=[])
                    plain.change(made)
                    for name, query in tables.items():
                        refreshed = fed.refresh(tables=[name], full=forced)
                        found[name, forced].append(refreshed.seconds)
                        if not forced:
                            chosen[name] = refreshed.strategy(name)
                            found[name, None].append(plain.full(query, kept=True))
            for count, name in zip(groups, tables, strict=True):
                middle = [1000 * median(found[name, forced]) for forced in (False, True, None)]
                yield _Cell(rows, count, what, chosen[name], *middle)
        for name, query in tables.items():
            agree(fed, name, query)


def _changes(orders: Orders, rows: int) -> Iterator[tuple[str, Callable[[], Feed]]]:
    for count in (1, 1_000, 100_000):
        if count * 10 <= rows:
            yield f"{count:,} new", lambda count=count: orders.new(count)
    for count in (1, 1_000, 100_000):
        if count * 50 <= rows:
            yield f"{count:,} changed", lambda count=count: orders.changed(count)
