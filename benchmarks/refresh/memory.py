"""What memory a refresh takes: by the change and not by the table; and a full one that has to spill."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.fed import Fed
from benchmarks.figures import Figure, Target
from benchmarks.measure import Cost, FailedError, spend
from benchmarks.race import MEGABYTE, scratch
from benchmarks.refresh.setting import KEYS, RAW, Orders, Plain, plainly

HERE = Path(__file__).parent
QUERIES = {
    "by_customer": "select customer_id, count(*) as orders, sum(amount) as spend from raw.orders group by customer_id",
    # It has no key by which a part of it could be computed, and its rows are more than the limit holds.
    "running": """
        select
          order_id, customer_id, product_id, status, amount, ordered_at,
          sum(amount) over (order by ordered_at, order_id) as running
        from raw.orders
    """,
}
LIMIT = 500  # MB


def figures(size: str) -> Iterator[Figure]:
    """Give the peak of a process that refreshes, beside one of few rows; then of a full refresh."""
    many, few, times = (200_000, 20_000, 1) if size == "small" else (10_000_000, 100_000, 3)
    with _loaded(many) as (large, orders), _loaded(few) as (little, _):
        for what, above in (("new", 50), ("changed", 150)):
            ours = [_peak(large, what) for _ in range(times)]
            limit = [_peak(little, what) for _ in range(times)]
            name = f"memory of a refresh of 1,000 {what} rows, {many:,} in all, beside {few:,} in all"
            yield _megabytes(name, ours, limit, Target(above=above))
        with scratch() as folder:
            with Plain(folder, orders.file()) as plain:
                plain.full(QUERIES["by_customer"])
            yield from _full(large, folder, f"{many:,} rows")


def _full(ours: Path, plain: Path, said: str) -> Iterator[Figure]:
    """Give memory and time of a table that is built, then compared in full, where DuckDB may take 500 MB."""
    statement = f"create or replace table running as {plainly(QUERIES['running'])}"
    limit = spend((sys.executable, HERE / "remember.py", "plain", plain / "plain.duckdb", str(LIMIT), statement), plain)
    for what in ("build", "again"):
        name = f"{said}, {LIMIT} MB: {'first build' if what == 'build' else 'full refresh'} of a window over all"
        try:
            cost = spend((sys.executable, HERE / "remember.py", what, ours, str(LIMIT)), ours)
        except FailedError as error:
            nothing, reason = float("inf"), str(error).strip().splitlines()[-1]
            yield Figure(f"{name}, memory", "MB", nothing, _mb(limit), Target(above=150), nothing, nothing, note=reason)
            return
        yield _megabytes(f"{name}, memory", [cost], [limit], Target(above=150))
        wall, least = 1000 * cost.wall, 1000 * limit.wall
        yield Figure(f"{name}, wall", "ms", wall, least, Target(), wall, wall)


@contextmanager
def _loaded(rows: int) -> Iterator[tuple[Path, Orders]]:
    """Give the folder of a project that has so many rows, closed, with its aggregate built."""
    orders = Orders(rows, max(rows // 50, 10))
    with scratch() as folder:
        with Fed(folder, KEYS, QUERIES) as fed:
            fed.load({RAW: orders.file()}, ["by_customer"])
        yield folder, orders


def _peak(folder: Path, what: str) -> Cost:
    return spend((sys.executable, HERE / "remember.py", what, folder, "0"), folder)


def _mb(cost: Cost) -> float:
    return cost.memory / MEGABYTE


def _megabytes(name: str, ours: Sequence[Cost], limit: Sequence[Cost], target: Target) -> Figure:
    found = [_mb(cost) for cost in ours]
    return Figure(name, "MB", median(found), median(map(_mb, limit)), target, min(found), max(found))
