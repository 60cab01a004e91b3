"""Charts over many rows, asked for as a browser does, in one warm process: a filter is changed, a line is drawn."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Target
from penstock.app import requests
from penstock.app.opened import App
from penstock.app.pages import dashboards

ROWS = {"small": 100_000, "full": 10_000_000}
POINTS = {"small": 10_000, "full": 1_000_000}
TIMES = 8
FILTER, LINE = Target(most=200.0), Target(most=150.0)
_ORDERS = """
select
    i as id,
    timestamp '2025-01-01' + to_seconds(i * 3) as ordered_at,
    'region ' || (hash(i) % 8) as region,
    'product ' || (hash(i + 7) % 500) as product,
    (hash(i) % 10000) / 100.0 as amount
from range({rows}) as t(i)
"""
_POINTS = "select i as second, sin(i / 1000.0) + hash(i) % 100 / 100.0 as value from range({points}) as t(i)"
_METRICS = """
table = "orders"
time = { column = "ordered_at", grain = "hour" }
[dimensions]
region = {}
product = {}
[metrics]
revenue = "sum(amount)"
mean = "sum(amount) / count(*)"
"""
_PAGE = """---
[filters]
region = "orders.region"
period = { default = "last 90 days", from = "orders.ordered_at" }
---
{{ kpi revenue }}
{{ line revenue by="day" }}
{{ bar mean by="product" }}
{{ table best sort="-amount" limit=100 }}
{{ histogram spread x="amount" }}

```sql best
select product, sum(amount) as amount, count(*) as orders from orders group by product
```
```sql spread
select amount from orders
```
"""
_LINE = "{{ line points }}\n\n```sql points\nselect second, value from points\n```\n"


def figures(size: str) -> Iterator[Figure]:
    """Give the cost of each chart after a filter was changed, then that of a long line."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), size) as app:
        shown = f"{ROWS[size]:,} rows"
        region = cycle(f"region {at}" for at in range(8))
        for chart in dashboards.pages(app).one(app, "sales").charts:
            tile = chart.id

            def change(tile: str = tile) -> None:
                found = dashboards.tile(app, "sales", tile, {"region": next(region)})
                assert found.state == "ok", found.message

            yield measured(f"filter changed, {shown}: {chart.kind}", change, FILTER, lambda: None)
        sizes = iter(range(TIMES + 1))

        def draw() -> None:
            found = dashboards.tile(app, "line", "line-points", {"_": str(next(sizes))})
            assert found.sampled or size == "small", found

        yield measured(f"line of {POINTS[size]:,} points", draw, LINE, lambda: None)


def opened(root: Path, size: str) -> App:
    """Write a project, run it, and leave it open."""
    for name, text in {
        "penstock.toml": 'name = "many"\n', "tables/orders.sql": _ORDERS.format(rows=ROWS[size]),
        "tables/points.sql": _POINTS.format(points=POINTS[size]), "metrics/orders.toml": _METRICS,
        "dashboards/sales.md": _PAGE, "dashboards/line.md": _LINE,
    }.items():  # fmt: skip
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    app = requests.open_project(root)
    assert requests.run(app).state == "done"
    return app


def measured(name: str, ask: Callable[[], None], target: Target, before: Callable[[], None]) -> Figure:
    """Ask once for nothing and then some times, each time for something that was not asked for before."""
    ask()
    took = []
    for _ in islice(cycle([None]), TIMES - 1):
        before()
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return Figure(name, "ms", median(took), None, target, min(took), max(took))
