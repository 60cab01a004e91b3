"""Loads the ingest benchmark's data the fastest way that is known: `limit.py FORM DATA TARGET`.

It does just the work: a program written for this one file, with no types to find out, nothing to resume, no row to
reject and nobody to tell. TARGET is a DuckDB file that does not exist yet, or `none` for the address of the API.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb


def csv(db: duckdb.DuckDBPyConnection, data: str) -> None:
    db.execute(f"create table orders as from read_csv('{data}/orders.csv')")


def jsonl(db: duckdb.DuckDBPyConnection, data: str) -> None:
    """A parent and two children; the file is parsed once."""
    db.execute(f"create temp table read as from read_json('{data}/orders.jsonl')")
    db.execute("create table orders as select * exclude (items, tags) from read")
    db.execute(
        "create table items as select order_id, unnest(items, recursive := true) from "
        "(select order_id, items from read)"
    )
    db.execute("create table tags as select order_id, unnest(tags) as tag from read")
    db.execute("drop table read")


_CENTS = "cast(round(amount * 100) as integer)"
_TYPED = """
select
  order_id, customer_id, ordered_at::timestamp as ordered_at, promised_on::date as promised_on, status, currency,
  (amount / 100)::decimal(10, 2) as amount, discount, email, gift::boolean as gift, note
"""


def sqlite(db: duckdb.DuckDBPyConnection, data: str) -> None:
    """Rows in small lists, which stay in the processor's cache while they become Arrow columns.

    Tried and dearer: rows as CSV or as JSON, columns as JSON arrays made within SQLite (equal, in twice the memory),
    a stream of Arrow batches that DuckDB pulls from its own thread.
    """
    import sqlite3

    from arro3.core import Array, DataType, RecordBatch, Table

    whole, text = DataType.int64(), DataType.string()
    types = [whole, whole, text, text, text, text, whole, DataType.float64(), text, whole, text]
    names = [
        "order_id",
        "customer_id",
        "ordered_at",
        "promised_on",
        "status",
        "currency",
        "amount",
        "discount",
        "email",
        "gift",
        "note",
    ]
    listed = ", ".join(_CENTS if name == "amount" else name for name in names)
    rows = sqlite3.connect(f"file:{data}/orders.db?mode=ro", uri=True).execute(f"select {listed} from orders")
    into, parts = "create table orders as", []
    db.execute("begin")
    while True:
        part = rows.fetchmany(500)
        if part:
            columns = zip(*part, strict=True)
            made = [Array(column, kind) for column, kind in zip(columns, types, strict=True)]
            parts.append(RecordBatch.from_arrays(made, names=names))
        if len(parts) == 240 or (parts and not part):
            db.register("part", Table.from_batches(parts).rechunk(max_chunksize=122_880))
            db.execute(f"{into} {_TYPED} from part")
            db.unregister("part")
            into, parts = "insert into orders", []
        if not part:
            break
    db.execute("commit")


def rest(db: duckdb.DuckDBPyConnection, address: str) -> None:
    """All pages over one connection into one file, which DuckDB reads."""
    import http.client
    import tempfile
    from urllib.parse import urlsplit

    link = http.client.HTTPConnection(urlsplit(address).netloc)
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.json"
        with bodies.open("wb") as stream:
            for page in range(1, int(sys.argv[4]) + 1):
                link.request("GET", f"/orders?page={page}")
                stream.write(link.getresponse().read() + b"\n")
        db.execute(
            "create table orders as select unnest(data, max_depth := 2) from "
            f"read_json('{bodies}', format = 'newline_delimited', maximum_object_size = 16777216)"
        )


if __name__ == "__main__":
    with duckdb.connect(sys.argv[3]) as opened:
        {"csv": csv, "jsonl": jsonl, "sqlite": sqlite, "rest": rest}[sys.argv[1]](opened, sys.argv[2])
