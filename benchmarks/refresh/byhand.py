"""Burial, an aggregate and a join kept up to date in plain DuckDB by hand: what the limit of a plain delete leaves out.

Each row that changes or goes is looked up with all its columns, put into a table of those that are gone, deleted by its
place and inserted anew; so are the rows of the table on top. Nothing else: no version, no journal, no choice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import duckdb

from benchmarks.fed import Feed
from benchmarks.refresh.setting import clocked, plainly

_CHANGE = """
    select customer_id, sum(w)::bigint as n, sum(w * amount) as s
    from (select customer_id, amount, 1 as w from plus_orders union all select customer_id, amount, -1 from old_orders)
    group by customer_id
"""
_NOW = """
    select d.customer_id, coalesce(o.orders, 0) + d.n as orders, coalesce(o.spend, 0) + d.s as spend
    from d left join old_by_customer o using (customer_id) where coalesce(o.orders, 0) + d.n > 0
"""


class ByHand:
    """Orders, customers, and tables over them, each with its graves, in a file of plain DuckDB."""

    def __init__(self, folder: Path, orders: Path, customers: Path) -> None:
        self.con = duckdb.connect(str(folder / "by_hand.duckdb"))
        self.con.execute(f"create table orders as from read_parquet('{orders}')")
        self.con.execute(f"create table customers as from read_parquet('{customers}')")
        self.con.execute("create table gone_orders as from orders limit 0")
        self.con.execute("checkpoint")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()

    def build(self, table: str, query: str) -> None:
        """Make a table on top, of the orders as they are."""
        self.con.execute(f"create table {table} as {plainly(query)}")
        self.con.execute(f"create table gone_{table} as from {table} limit 0")

    def agree(self, table: str, query: str) -> None:
        """Raise `AssertionError` where a table is not what its query gives over the present rows."""
        wrong = self.con.execute(f"select count(*) from (from {table} except all ({plainly(query)}))").fetchall()
        more = self.con.execute(f"select count(*) from (({plainly(query)}) except all from {table})").fetchall()
        assert wrong == more == [(0,)], f"by hand, {wrong} rows of {table} are not those of its query, and {more} lack"

    def change(self, feed: Feed, table: str, query: str = "") -> float:
        """Return the seconds of one durable transaction that brings a feed into the orders and into one table."""
        self.con.register("feed", feed.rows)
        came = "from feed" if feed.kind != "delete" else "from orders limit 0"
        statements = ["begin", f"create temp table plus_orders as {came}"]
        statements += _moved("orders", "order_id in (select order_id from feed)")
        if table == "by_customer":
            statements += [f"create temp table d as {_CHANGE}"]
            statements += _moved(table, "customer_id in (select customer_id from d)", _NOW)
        elif table == "with_region":
            came = plainly(query).replace("from orders", "from plus_orders orders")
            statements += _moved(table, "order_id in (select order_id from old_orders)", came)
        made = [name for name in ("orders", table) if name]
        drops = [f"drop table {sign}_{name}" for name in made for sign in ("old", "plus")]
        statements += [*drops, *(["drop table d"] if table == "by_customer" else []), "commit"]

        def work() -> None:
            for statement in statements:
                self.con.execute(statement)

        return clocked(work)


def _moved(name: str, goes: str, came: str = "") -> list[str]:
    """Return the statements that bury what goes of a table and bring what comes: `came`, or what is staged already."""
    columns = f"select * exclude (_row) from old_{name}"
    return [
        f"create temp table old_{name} as select *, rowid as _row from {name} where {goes}",
        *([f"create temp table plus_{name} as {came}"] if came else []),
        f"insert into gone_{name} {columns}",
        f"delete from {name} where rowid in (select _row from old_{name})",
        f"insert into {name} from plus_{name}",
    ]
