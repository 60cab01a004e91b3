"""What it costs to look: a profile beside DuckDB's summarize, and the drawing of a thousand tables."""

from __future__ import annotations

import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import penstock
from benchmarks.figures import Figure, Target
from penstock.plan.layout import Box, layout

_TEN = """
select i as id, i * 7919 % 10000019 as code, exp((hash(i) % 1000000) / 1e5) as size,
(hash(i + 1) % 20)::integer as kind, 'customer ' || hash(i + 2) % 50000 as customer,
['north', 'south', 'east', 'west'][1 + (hash(i + 3) % 4)::int] as region,
timestamp '2024-01-01' + interval (i * 3) second as at, (hash(i + 4) % 100000 / 100)::decimal(10,2) as amount,
hash(i + 5) % 2 = 0 as gift, date '2024-01-01' + (hash(i + 6) % 500)::int as day from range({rows}) t(i)
"""


def figures(size: str) -> Iterator[Figure]:
    """Give each figure as it is done."""
    rows, times = (10_000_000, 5) if size == "full" else (200_000, 1)
    yield from _profile(rows, times)
    yield _layout(1_000, 7 if size == "full" else 1)


def _profile(rows: int, times: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        table = penstock.Table("orders", sql=_TEN.format(rows=rows))
        with penstock.build("show", Path(folder), tables=[table]) as project:
            project.run().raise_for_failure()
            pairs = []
            for _ in range(times):
                ours = _spent(lambda: project.profile("orders"))
                limit = _spent(lambda: project.sql("select * from (summarize orders)").fetchall())
                pairs.append((ours, limit))
    for at, what in enumerate(("CPU", "wall")):
        both = sorted((ours[at] / limit[at], ours[at], limit[at]) for ours, limit in pairs)
        _, ours, limit = both[len(both) // 2]
        seen = [one[at] for one, _ in pairs]
        name = f"profile of {rows:,} rows in 10 columns, {what}"
        target = Target(times=1.0) if what == "CPU" else Target()
        yield Figure(name, "s", ours, limit, target, min(seen), max(seen), note="the limit is DuckDB's summarize")


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    used, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return cpu, time.perf_counter() - begun


def _layout(count: int, times: int) -> Figure:
    """Lay out tables of which a quarter are raw; each other reads two, most of them near it."""
    chance = random.Random(1)
    boxes = [Box(f"schema{n % 40}.table_{n}", 160, 34) for n in range(count)]
    edges = [
        (boxes[chance.randint(0 if chance.random() < 0.15 else max(0, n - 180), n - 1)].name, boxes[n].name)
        for n in range(count // 4, count)
        for _ in range(2)
    ]
    seen = []
    for _ in range(times):
        begun = time.process_time()
        layout(boxes, edges)
        seen.append((time.process_time() - begun) * 1_000)
    return Figure(
        f"lineage of {count:,} tables laid out, CPU", "ms", median(seen), None, Target(most=200), min(seen), max(seen)
    )
