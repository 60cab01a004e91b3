"""What the parts share: orders and changes of them, plain DuckDB beside ours, and figures of what was timed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Self

import duckdb

from benchmarks.fed import Fed, Feed
from benchmarks.figures import Figure, Target
from benchmarks.measure import Cost
from benchmarks.race import Pairs, made

RAW = "raw.orders"
KEYS = {RAW: ("order_id",)}
_ROW = """
select
  id as order_id,
  (hash(id, {seed}) % {customers}::ubigint)::bigint as customer_id,
  (hash(id, {seed}, 'product') % 1000)::integer as product_id,
  ['open', 'paid', 'sent', 'returned'][1 + (hash(id, {seed}, 'status') % 4)::integer] as status,
  ((hash(id, {seed}, 'amount') % 100000) / 100)::decimal(10, 2) as amount,
  timestamp '2026-01-01' + to_seconds(id) as ordered_at
"""


class Orders:
    """The orders of so many customers: as a file of the first `rows`, and changes of them, never the same twice.

    Where others made changes before, `seed` is above the number of theirs.
    """

    def __init__(self, rows: int, customers: int, seed: int = 0) -> None:
        self.rows, self.customers = rows, customers
        self._next = rows
        self._seed = seed
        self._con = duckdb.connect()
        # Those to change and those to delete are drawn from two halves, so that what is changed is there.
        self._to_change = _drawn(range(rows // 2), seed)
        self._to_delete = _drawn(range(rows // 2, rows), seed)

    def file(self) -> Path:
        """Return the Parquet file of the first rows, made where it is not there from an earlier time."""

        def make(folder: Path) -> None:
            row = _ROW.format(seed=0, customers=self.customers)
            self._con.execute(f"copy ({row} from range({self.rows}) t(id)) to '{folder}/orders.parquet'")

        return made(f"orders-{self.rows}-{self.customers}", make) / "orders.parquet"

    def new(self, count: int) -> Feed:
        """Return rows that were not there."""
        first, self._next = self._next, self._next + count
        return Feed(RAW, "append", self._made(f"range({first}, {self._next}) t(id)"))

    def changed(self, count: int) -> Feed:
        """Return random rows of the first half with other values."""
        return Feed(RAW, "upsert", self._made("ids", [next(self._to_change) for _ in range(count)]))

    def deleted(self, count: int) -> Feed:
        """Return the keys of random rows of the second half."""
        ids = [next(self._to_delete) for _ in range(count)]
        keys = self._con.sql("select unnest($ids) as order_id", params={"ids": ids})
        return Feed(RAW, "delete", keys.to_arrow_table())

    def _made(self, source: str, ids: Sequence[int] = ()) -> Any:
        self._seed += 1
        row = _ROW.format(seed=self._seed, customers=self.customers)
        if not ids:
            return self._con.sql(f"{row} from {source}").to_arrow_table()
        given = "with ids as (select unnest($ids)::bigint as id)"
        return self._con.sql(f"{given} {row} from {source}", params={"ids": ids}).to_arrow_table()


def _drawn(some: range, seed: int) -> Iterator[int]:
    """Give numbers in random order, each once; what is not asked for takes no memory, which may be what is measured."""
    chance, given = random.Random(seed), set[int]()
    while len(given) < len(some):
        one = chance.choice(some)
        if one not in given:
            given.add(one)
            yield one


class Plain:
    """Plain DuckDB in a file of its own: the same rows, and the least that has to be done to them."""

    def __init__(self, folder: Path, file: Path) -> None:
        self.con = duckdb.connect(str(folder / "plain.duckdb"))
        self.con.execute(f"create table orders as from read_parquet('{file}')")
        self.con.execute("checkpoint")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def full(self, query: str, *, kept: bool = False) -> float:
        """Return the seconds of the full query into memory; where it is `kept`, of a durable `create table as`."""
        table = "table kept" if kept else "temp table full_query"
        return clocked(lambda: self.con.execute(f"create or replace {table} as {plainly(query)}"))

    def change(self, feed: Feed) -> float:
        """Return the seconds of the plain keyed delete and insert of a feed, in one durable transaction."""
        self.con.register("feed", feed.rows)

        def work() -> None:
            self.con.execute("begin")
            self.con.execute("create temp table fed as from feed")
            if feed.kind != "append":
                self.con.execute("delete from orders where order_id in (select order_id from fed)")
            if feed.kind != "delete":
                self.con.execute("insert into orders from fed")
            self.con.execute("drop table fed")
            self.con.execute("commit")

        return clocked(work)


def plainly(query: str) -> str:
    """Return a query of ours with the names of plain DuckDB's tables."""
    return query.replace("raw.", "")


def clocked(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def figure(name: str, ours: Sequence[float], limit: Sequence[float], target: Target, note: str = "") -> Figure:
    """Return the figure, in milliseconds, of seconds measured in turn: the pair in the middle."""
    costs = [[Cost(seconds, 0, 0) for seconds in some] for some in (ours, limit)]
    return replace(Pairs(*costs).figure(name, "wall", target, unit="ms"), note=note)


def added(
    name: str, more: Sequence[float], less: Sequence[float], limit: Sequence[float], target: Target
) -> Figure:  # fmt: skip
    """Return the figure, in milliseconds, of what something takes more than without it, beside a limit."""
    base = median(less)
    found = [1000 * (seconds - base) for seconds in more]
    return Figure(name, "ms", median(found), 1000 * median(limit), target, min(found), max(found))


def agree(fed: Fed, name: str, query: str) -> None:
    """Raise `AssertionError` where a table is not what its query gives over the present rows."""
    asked = f"select count(*) from ((from {name} except all ({query})) union all (({query}) except all from {name}))"
    wrong = fed.project.sql(asked).fetchall()[0][0]
    if wrong:
        raise AssertionError(f"{wrong:,} rows of {name} are not those of its query")
