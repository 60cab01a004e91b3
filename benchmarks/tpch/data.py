"""TPC-H's tables, and its refresh functions RF1 and RF2, as the specification makes them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
KEYS = {
    "region": ("r_regionkey",), "nation": ("n_nationkey",), "supplier": ("s_suppkey",), "customer": ("c_custkey",),
    "part": ("p_partkey",), "partsupp": ("ps_partkey", "ps_suppkey"), "orders": ("o_orderkey",),
    "lineitem": ("l_orderkey", "l_linenumber"),
}  # fmt: skip
_QUERIES = Path(__file__).parent / "queries"
_SHARE = 1_500  # orders that come, and orders that go, in one stream at scale 1: a thousandth

# Clause numbers are those of the specification; words() and number() are made below.
_ORDERS = """
create or replace temp table new_orders as
select
  (j >> 3 << 5) + 8 + (j & 7) as o_orderkey,  -- 4.2.3: of 32 keys 8 are taken at first; these are the next 8
  number(j, 'customer', $customers * 2 // 3) // 2 * 3 + number(j, 'customer', $customers * 2 // 3) % 2 + 1 as o_custkey,
  date '1992-01-01' + number(j, 'date', 2406)::integer as o_orderdate,
  ['1-URGENT', '2-HIGH', '3-MEDIUM', '4-NOT SPECIFIED', '5-LOW'][number(j, 'priority', 5) + 1] as o_orderpriority,
  format('Clerk#{:09d}', number(j, 'clerk', $clerks) + 1) as o_clerk,
  0::integer as o_shippriority,
  words(j, 'order', 78) as o_comment,
  number(j, 'lines', 7) + 1 as lines
from (select unnest(range($first, $first + $count)) as j)
"""
_LINES = """
create or replace temp table new_lines as
with drawn as (
  select
    o_orderkey, o_orderdate, n, o_orderkey * 8 + n as k, number(k, 'part', $parts) + 1 as partkey,
    number(k, 'quantity', 50) + 1 as quantity, o_orderdate + number(k, 'ship', 121)::integer + 1 as shipped,
    shipped + number(k, 'receipt', 30)::integer + 1 as received
  from (select o_orderkey, o_orderdate, unnest(range(1, lines + 1)) as n from new_orders)
)
select
  o_orderkey as l_orderkey,
  partkey as l_partkey,
  (partkey + number(k, 'supplier', 4) * ($suppliers // 4 + (partkey - 1) // $suppliers)) % $suppliers + 1 as l_suppkey,
  n::integer as l_linenumber,
  quantity::decimal(15, 2) as l_quantity,
  (quantity * (90000 + partkey // 10 % 20001 + 100 * (partkey % 1000)) / 100::decimal(15, 2))::decimal(15, 2)
    as l_extendedprice,
  (number(k, 'discount', 11) / 100)::decimal(15, 2) as l_discount,
  (number(k, 'tax', 9) / 100)::decimal(15, 2) as l_tax,
  case when received > date '1995-06-17' then 'N' else ['R', 'A'][number(k, 'return', 2) + 1] end as l_returnflag,
  case when shipped > date '1995-06-17' then 'O' else 'F' end as l_linestatus,
  shipped as l_shipdate,
  o_orderdate + number(k, 'commit', 61)::integer + 30 as l_commitdate,
  received as l_receiptdate,
  ['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'][number(k, 'instruct', 4) + 1] as l_shipinstruct,
  ['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'][number(k, 'mode', 7) + 1] as l_shipmode,
  words(k, 'line', 43) as l_comment
from drawn
"""
_WHOLE_ORDERS = """
select
  o_orderkey, o_custkey, any_value(status) as o_orderstatus, any_value(price)::decimal(15, 2) as o_totalprice,
  o_orderdate, o_orderpriority, o_clerk, o_shippriority, o_comment
from (select * exclude (lines) from new_orders)
join (
  select
    l_orderkey,
    case when bool_and(l_linestatus = 'F') then 'F' when bool_and(l_linestatus = 'O') then 'O' else 'P' end as status,
    sum(l_extendedprice * (1 + l_tax) * (1 - l_discount)) as price
  from new_lines group by l_orderkey
) on l_orderkey = o_orderkey
group by all order by o_orderkey
"""
_OLD_KEYS = "select (j >> 3 << 5) + (j & 7) as o_orderkey from (select unnest(range($first, $first + $count)) as j)"
_WORDS = (
    ("furiously", "sly", "carefully", "blithe", "quick", "final", "even", "ironic", "slow", "bold"),
    ("special", "pending", "unusual", "express", "regular", "silent", "daring", "busy"),
    ("packages", "requests", "accounts", "deposits", "foxes", "ideas", "theodolites", "pinto beans", "platelets"),
    ("sleep", "wake", "are", "cajole", "haggle", "nag", "use", "boost", "affix", "detect", "integrate"),
    ("about", "above", "according to", "across", "after", "against", "along", "among"),
    ("special", "pending", "unusual", "express", "regular", "silent", "daring", "busy"),
    ("packages", "requests", "accounts", "deposits", "foxes", "ideas", "theodolites", "pinto beans", "platelets"),
)


@dataclass(frozen=True)
class Refresh:
    """What one stream brings and takes away, each an Arrow table: RF1's rows whole, RF2's by their keys."""

    orders: Any
    lines: Any
    old_orders: Any
    old_lines: Any


def queries() -> dict[str, str]:
    """Return the 22 queries by the names of their tables, the parameters being those of the validation."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(_QUERIES.glob("q*.sql"))}


def make(folder: Path, scale: float) -> None:
    """Write the eight tables as Parquet files into a folder."""
    command = [Path(sys.executable).with_name("tpchgen-cli"), "parquet", "-s", f"{scale:g}", "-o", folder, "--quiet"]
    subprocess.run(command, check=True)


def streams(folder: Path, scale: float, count: int, *, orders: int | None = None) -> list[Refresh]:
    """Return the first `count` refresh streams over the tables in `folder`.

    Each brings `orders` new orders with their lines (RF1) and takes as many of the first ones away (RF2), by default
    a thousandth of the orders. tpchgen-cli has no refresh data, so they are drawn here, by the rules of clauses 4.2.3
    and 5.1.6; the comments are of the same words, but of a simpler grammar.
    """
    share = orders if orders is not None else round(_SHARE * scale)
    with duckdb.connect() as con:
        _macros(con)
        con.execute(f"create view lineitem as from read_parquet('{folder}/lineitem.parquet')")
        return [_stream(con, scale, 1 + number * share, share) for number in range(count)]


def _stream(con: duckdb.DuckDBPyConnection, scale: float, first: int, count: int) -> Refresh:
    these = {"first": first, "count": count}
    sizes = {"customers": 150_000, "clerks": 1_000, "parts": 200_000, "suppliers": 10_000}
    scaled = {name: round(size * scale) for name, size in sizes.items()}
    con.execute(_ORDERS, {**these, "customers": scaled["customers"], "clerks": scaled["clerks"]})
    con.execute(_LINES, {"parts": scaled["parts"], "suppliers": scaled["suppliers"]})
    con.execute(f"create or replace temp table old as {_OLD_KEYS}", these)
    lines = "select l_orderkey, l_linenumber from lineitem semi join old on o_orderkey = l_orderkey order by all"
    return Refresh(
        con.sql(_WHOLE_ORDERS).to_arrow_table(),
        con.sql("from new_lines order by l_orderkey, l_linenumber").to_arrow_table(),
        con.sql("from old").to_arrow_table(),
        con.sql(lines).to_arrow_table(),
    )


def _macros(con: duckdb.DuckDBPyConnection) -> None:
    """Make `number(key, field, below)`, drawn by hashing, and `words(key, field, longest)`, a sentence of them."""
    con.execute("create macro number(k, field, below) as (hash(k, field) % below::ubigint)::bigint")
    parts = [
        f"[{', '.join(repr(word) for word in words)}][number(k, field || {at}, {len(words)}) + 1]"
        for at, words in enumerate(_WORDS)
    ]
    con.execute(f"create macro words(k, field, longest) as left(concat_ws(' ', {', '.join(parts)}), longest)")
