"""Rows that change and go, each buried, beside a plain keyed delete and insert; and what a table on top adds.

The same done by hand says what of that no engine over DuckDB could save.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import duckdb

from benchmarks.fed import Fed, Feed
from benchmarks.figures import Figure, Target
from benchmarks.race import made, scratch
from benchmarks.refresh.byhand import ByHand
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
    """Seconds of ours, of plain DuckDB and of it by hand, by what was done and by the table on top ("" for none)."""

    ours: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    plain: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    hand: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def by_hand(self, what: str, table: str = "") -> str:
        """Say what the same takes by hand, and of the table on top what it adds."""
        alone, both = (median(self.hand[what, name]) for name in ("", table))
        limit = median(self.plain[what, table])
        took = both if not table else both - alone
        return f"by hand {1000 * took:.1f} ms, {took / limit:.2f} × the limit"


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
        yield figure(f"{what} {said}, buried", ours, plain, Target(times=1.5), f"{note}; {at.by_hand(what)}")
        for name, word in _WORDS.items():
            more = added(f"{what} {said}: what {word} adds", at.ours[what, name], ours, plain, _QUARTER)
            yield replace(more, note=at.by_hand(what, name))
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
    files = (orders.file(), _customers(customers))
    with (
        scratch() as folder, Fed(folder / "ours", keys, _TABLES) as fed, Plain(folder, files[0]) as plain,
        ByHand(folder, *files) as hand,
    ):  # fmt: skip
        fed.load(dict(zip(("raw.orders", "raw.customers"), files, strict=True)), [])
        for table in ("", *_TABLES):
            if table:
                fed.refresh(tables=[table])
                hand.build(table, _TABLES[table])
            some: list[tuple[str, Callable[[int], Feed]]] = [("update", orders.changed), ("delete", orders.deleted)]
            if table == "by_customer":
                some.append(("growth", orders.new))
            for what, make in some:
                for time in range(-1, times):
                    feed = make(_COUNT)
                    ours = fed.refresh(feed, tables=[table] if table else []).seconds
                    limit = plain.change(feed)
                    by_hand = hand.change(feed, table, _TABLES.get(table, ""))
                    if time >= 0:
                        for times_of, took in ((found.ours, ours), (found.plain, limit), (found.hand, by_hand)):
                            times_of.setdefault((what, table), []).append(took)
            if table:
                agree(fed, table, _TABLES[table])
                hand.agree(table, _TABLES[table])
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
