"""Makes the files that the ingest benchmark loads, the same ones every time: `data.py FORM FOLDER ROWS`."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import duckdb

# A shop's orders; a number `i` from 0 makes the row, and every column is a function of it.
_ORDERS = """
select
  i + 1 as order_id,
  dice(i, 50000) as customer_id,
  timestamp '2024-01-01' + to_seconds(i * 31 + dice(i + 1, 30)) as ordered_at,
  date '2024-01-03' + (i * 31 // 86400)::integer as promised_on,
  ['new', 'paid', 'shipped', 'delivered', 'returned'][1 + dice(i + 2, 5)] as status,
  ['EUR', 'USD', 'GBP', 'SEK'][1 + dice(i + 3, 4)] as currency,
  (dice(i + 4, 1000000) / 100)::decimal(10, 2) as amount,
  dice(i + 5, 10000) / 10000 as discount,
  case when dice(i + 6, 10) > 0 then 'customer' || dice(i, 50000) || '@example.org' end as email,
  dice(i + 7, 2) = 0 as gift,
  case when dice(i + 8, 3) = 0 then 'at the door, ' || dice(i + 9, 1000) end as note
from range({rows}) as numbers(i)
"""
_NESTED = """
select
  order_id,
  ordered_at,
  {{'id': customer_id, 'email': email, 'country': currency[1:2]}} as customer,
  [{{
    'sku': 'sku-' || dice(order_id * 10 + n, 100000),
    'quantity': 1 + dice(order_id + n, 9),
    'price': dice(order_id * 7 + n, 100000) / 100
  }} for n in range(1 + order_id % 3)] as items,
  [['gift', 'express', 'fragile', 'b2b', 'insured'][1 + dice(order_id + n, 5)] for n in range(order_id % 3)] as tags,
  amount::double as total,
  status,
  note
from ({orders})
"""
_PAGE = 1000


def _made(query: str) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect()
    db.execute("create macro dice(seed, sides) as (hash(seed) % sides)::bigint")
    return db.execute(query)


def csv(folder: Path, rows: int) -> None:
    _made(f"copy ({_ORDERS.format(rows=rows)}) to '{folder / 'orders.csv'}' (header)")


def jsonl(folder: Path, rows: int) -> None:
    nested = _NESTED.format(orders=_ORDERS.format(rows=rows))
    _made(f"copy ({nested}) to '{folder / 'orders.jsonl'}' (format json)")


def sqlite(folder: Path, rows: int) -> None:
    found = _made(
        "select order_id, customer_id, strftime(ordered_at, '%Y-%m-%d %H:%M:%S'), strftime(promised_on, '%Y-%m-%d'), "
        f"status, currency, amount::double, discount, email, gift::integer, note from ({_ORDERS.format(rows=rows)})"
    )
    db = sqlite3.connect(folder / "orders.db")
    db.execute(
        "create table orders (order_id integer primary key, customer_id integer not null, ordered_at timestamp, "
        "promised_on date, status varchar(20), currency char(3), amount decimal(10,2), discount real, email text, "
        "gift boolean, note text)"
    )
    while part := found.fetchmany(50_000):
        db.executemany(f"insert into orders values ({', '.join('?' * 11)})", part)
    db.commit()
    db.close()


def rest(folder: Path, rows: int) -> None:
    """Write the bodies of the pages, each `{page, pages, data: [record, …]}`."""
    found = _made(
        "select to_json(r) from (select order_id, ordered_at, {'id': customer_id, 'email': email} as customer, "
        f"status, currency, amount::double as amount, gift, note from ({_ORDERS.format(rows=rows)})) as r"
    )
    (folder / "pages").mkdir()
    pages = -(-rows // _PAGE)
    for page in range(1, pages + 1):
        records = [json.loads(text) for (text,) in found.fetchmany(_PAGE)]
        body = {"page": page, "pages": pages, "data": records}
        (folder / "pages" / f"{page}.json").write_text(json.dumps(body), encoding="utf-8")


if __name__ == "__main__":
    {"csv": csv, "jsonl": jsonl, "sqlite": sqlite, "rest": rest}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
