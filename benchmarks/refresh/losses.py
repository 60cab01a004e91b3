"""Rows that change and go, each buried, beside a plain keyed delete and insert; and what a table on top adds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.fed import Fed, Feed
from benchmarks.figures import Figure, Target
from benchmarks.race import made, scratch
from benchmarks.refresh.setting import KEYS, Orders, Plain, added, agree, figure

_COUNT = 1_000
_TABLES = {
    "by_customer": "select customer_id, count(*) as orders, sum(amount) as spend from raw.orders group by customer_id",
    "with_region": """
        select order_id, amount, ordered_at, region
        from raw.orders join raw.customers using (customer_id) where status <> 'open'
    """,
}
_WORDS = {"by_customer": "an aggregate", "with_region": "a join"}
_QUARTER = Target(times=0.25)


@dataclass
class _Times:
    """Seconds of ours and of plain DuckDB, by what was done and by the table on top ("" for none)."""

    ours: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    plain: dict[tuple[str, str], list[float]] = field(default_factory=dict)


def figures(size: str) -> Iterator[Figure]:
    """Give the figures of the middle size, and the slope to it and from it."""
    sizes = {"small": [20_000, 100_000], "full": [1_000_000, 10_000_000]}.get(size, [10**6, 10**7, 10**8])
    times = 2 if size == "small" else 7
    found = {rows: _measured(rows, times) for rows in sizes}
    at = found[sizes[1]]
    said = f"{_COUNT:,} of {sizes[1]:,} rows"
    for what in ("update", "delete"):
        ours, plain = at.ours[what, ""], at.plain[what, ""]
        note = f"the limit is a plain keyed delete{' and insert' if what == 'update' else ''}"
        yield figure(f"{what} {said}, buried", ours, plain, Target(times=1.5), note)
        for name, word in _WORDS.items():
            yield added(f"{what} {said}: what {word} adds", at.ours[what, name], ours, plain, _QUARTER)
    for below, above in pairwise(sizes):
        for what, most in (("growth", 2), ("update", 5), ("delete", 5)):
            target = Target(times=most) if above >= 10**8 else Target()
            ours, limit = found[above].ours[what, "by_customer"], found[below].ours[what, "by_customer"]
            note = f"the limit is the same of {below:,} rows"
            yield figure(f"{what} of {_COUNT:,} rows with an aggregate, {above:,} rows", ours, limit, target, note)


def _measured(rows: int, times: int) -> _Times:
    """Measure one size: the raw table alone, then with each table on top of it."""
    customers = max(rows // 50, 10)
    orders = Orders(rows, customers)
    found = _Times()
    keys = {**KEYS, "raw.customers": ("customer_id",)}
    with scratch() as folder, Fed(folder / "ours", keys, _TABLES) as fed, Plain(folder, orders.file()) as plain:
        fed.load({"raw.orders": orders.file(), "raw.customers": _customers(customers)}, [])
        for table in ("", *_TABLES):
            if table:
                fed.refresh(tables=[table])
            some: list[tuple[str, Callable[[int], Feed]]] = [("update", orders.changed), ("delete", orders.deleted)]
            if table == "by_customer":
                some.append(("growth", orders.new))
            for what, make in some:
                for time in range(-1, times):
                    feed = make(_COUNT)
                    ours = fed.refresh(feed, tables=[table] if table else []).seconds
                    limit = plain.change(feed)
                    if time >= 0:
                        found.ours.setdefault((what, table), []).append(ours)
                        found.plain.setdefault((what, table), []).append(limit)
            if table:
                agree(fed, table, _TABLES[table])
    print(f"… {rows:,} rows: {_told(found)}", file=sys.stderr, flush=True)
    return found


def _told(found: _Times) -> str:
    middle = {key: 1000 * median(some) for key, some in found.ours.items()}
    return ", ".join(f"{what} {table} {value:.1f} ms".replace("  ", " ") for (what, table), value in middle.items())


def _customers(count: int) -> Path:
    def make(folder: Path) -> None:
        with duckdb.connect() as con:
            con.execute(
                "copy (select id::bigint as customer_id, 'region ' || (id % 20) as region "
                f"from range({count}) t(id)) to '{folder}/customers.parquet'"
            )

    return made(f"customers-{count}", make) / "customers.parquet"
