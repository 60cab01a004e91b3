"""The least SQL that keeps a hundred tables up to date in plain DuckDB, written by hand for exactly these tables."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from benchmarks.fed import Feed
from benchmarks.refresh.setting import clocked

_SUMMED = "select {by}, sum(n) as n, sum(amount) as amount from ({both}) group by {by} having sum(n) > 0"


@dataclass(frozen=True, slots=True)
class Link:
    """A table in a chain: rows of the one above through `columns` and `condition`, or its sums by `key`, called `by`.

    All tables of rows have `order_id`, `customer_id`, `product_id` and `amount`; those of sums the columns of `by`,
    `n` and `amount`.
    """

    name: str
    above: str
    columns: str = ""
    condition: str = ""
    by: str = ""
    key: str = ""
    counts: str = "count(*)"

    @property
    def query(self) -> str:
        """Return it as users write it."""
        return self.over(self.above)

    def over(self, source: str) -> str:
        """Return it over something that has the columns of the table above."""
        if self.by:
            sums = f"{self.counts} as n, sum(amount) as amount"
            return f"select {self.key} as {self.by}, {sums} from {source} group by all"
        return f"select {self.columns} from {source} where {self.condition}"


class Bare:
    """The tables in a file of plain DuckDB; `grow` and `change` bring one feed through all of them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, links: list[Link]) -> None:
        self.con, self.links = con, links
        for name, query in [("orders", "from orders"), *((link.name, link.query) for link in links)]:
            if name != "orders":
                con.execute(f"create table {name} as {query.replace('raw.orders', 'orders')}")
            con.execute(f"create table {name}_gone as from {name} limit 0")

    def bring(self, feed: Feed) -> float:
        """Return the seconds of one durable transaction; an upsert loses rows, an append does not."""
        self.con.register("feed", feed.rows)
        losing = feed.kind == "upsert"
        statements = ["begin", "create temp table plus_orders as from feed"]
        made = ["plus_orders"]
        if losing:
            made.append("minus_orders")
            statements += [
                "create temp table minus_orders as from orders where order_id in (select order_id from feed)",
                "insert into orders_gone from minus_orders",
                _delete("orders"),
            ]
        statements.append("insert into orders from plus_orders")
        for link in self.links:
            above = link.above.removeprefix("raw.")
            statements += _group(link, above, losing=losing) if link.by else _rows(link, above, losing=losing)
            made += [f"plus_{link.name}", f"minus_{link.name}"] if losing or link.by else [f"plus_{link.name}"]
        statements += [f"drop table {name}" for name in made]
        statements.append("commit")

        def work() -> None:
            for statement in statements:
                self.con.execute(statement)

        return clocked(work)


def _delete(table: str) -> str:
    return f"delete from {table} where order_id in (select order_id from minus_{table})"


def _rows(link: Link, above: str, *, losing: bool) -> list[str]:
    name = link.name
    found = [f"create temp table plus_{name} as {link.over(f'plus_{above}')}"]
    if losing:
        found += [
            f"create temp table minus_{name} as {link.over(f'minus_{above}')}",
            f"insert into {name}_gone from minus_{name}",
            _delete(name),
        ]
    return [*found, f"insert into {name} from plus_{name}"]


def _group(link: Link, above: str, *, losing: bool) -> list[str]:
    """Merge the sums of what came, less those of what went, into the stored ones; a group of none is gone."""
    name, by, key = link.name, link.by, link.key
    # A table of sums always gives up the old row of a group, so what is above it may have losses though nothing shrank.
    parts = [f"select {key} as {by}, {_number(link)} as n, amount from plus_{above}"]
    if losing or link.counts != "count(*)":
        parts.append(f"select {key}, -{_number(link)}, -amount from minus_{above}")
    change = " union all ".join(parts)
    both = f"({change}) union all from minus_{name}"
    return [
        f"create temp table minus_{name} as from {name} where {by} in (select {by} from ({change}))",
        f"create temp table plus_{name} as {_SUMMED.format(by=by, both=both)}",
        f"insert into {name}_gone from minus_{name}",
        f"delete from {name} where {by} in (select {by} from minus_{name})",
        f"insert into {name} from plus_{name}",
    ]


def _number(link: Link) -> str:
    """Return what a row above counts for: one, or the number that it carries."""
    return "1" if link.counts == "count(*)" else "n"
