"""Loads the ingest benchmark's data by dlt: `peer_dlt.py rows|arrow FORM DATA`, into load.duckdb in this folder.

`rows` is what dlt's documentation shows first for such a source, with Parquet for its own files between, which is
faster than its default of SQL inserts; `arrow` hands it Arrow tables, which skip its normalizing row by row. It runs in
an environment of its own, and cannot import anything of ours.
"""

import sys
from pathlib import Path

import dlt


def csv_rows(data):
    import csv

    @dlt.resource(name="orders")
    def orders():
        with Path(data, "orders.csv").open(newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)

    return orders()


def csv_arrow(data):
    from pyarrow import Table
    from pyarrow.csv import open_csv

    @dlt.resource(name="orders")
    def orders():
        for batch in open_csv(f"{data}/orders.csv"):
            yield Table.from_batches([batch])

    return orders()


def jsonl_rows(data):
    import orjson

    @dlt.resource(name="orders")
    def orders():
        with Path(data, "orders.jsonl").open("rb") as stream:
            for line in stream:
                yield orjson.loads(line)

    return orders()


def jsonl_arrow(data):
    """The parent and the two children as Arrow tables of their own."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow.json import ReadOptions, open_json

    def batches():
        reader = open_json(f"{data}/orders.jsonl", read_options=ReadOptions(block_size=16_000_000))
        return (pa.Table.from_batches([batch]).combine_chunks() for batch in reader)

    @dlt.resource(name="orders")
    def orders():
        for table in batches():
            yield table.drop_columns(["items", "tags"]).flatten()

    @dlt.resource(name="orders__items")
    def items():
        for table in batches():
            column = table["items"].combine_chunks()
            parent = table["order_id"].combine_chunks().take(pc.list_parent_indices(column))
            child = pa.Table.from_struct_array(pc.list_flatten(column))
            yield child.append_column("order_id", parent)

    @dlt.resource(name="orders__tags")
    def tags():
        for table in batches():
            column = table["tags"].combine_chunks()
            parent = table["order_id"].combine_chunks().take(pc.list_parent_indices(column))
            yield pa.table({"order_id": parent, "value": pc.list_flatten(column)})

    return [orders(), items(), tags()]


def sqlite_rows(data):
    from dlt.sources.sql_database import sql_table

    return sql_table(f"sqlite:///{data}/orders.db", table="orders")


def sqlite_arrow(data):
    from dlt.sources.sql_database import sql_table

    return sql_table(f"sqlite:///{data}/orders.db", table="orders", backend="connectorx")


def rest_rows(address):
    from dlt.sources.rest_api import rest_api_source

    pages = {"type": "page_number", "base_page": 1, "total_path": "pages"}
    endpoint = {"path": "orders", "data_selector": "data", "paginator": pages}
    return rest_api_source({"client": {"base_url": address}, "resources": [{"name": "orders", "endpoint": endpoint}]})


def rest_arrow(address):
    import orjson
    import pyarrow as pa
    import requests

    @dlt.resource(name="orders")
    def orders():
        session, page, last = requests.Session(), 1, 1
        while page <= last:
            body = orjson.loads(session.get(f"{address}/orders", params={"page": page}, timeout=60).content)
            last, page = body["pages"], page + 1
            yield pa.Table.from_pylist(body["data"]).flatten()

    return orders()


if __name__ == "__main__":
    how, form, where = sys.argv[1:4]
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.duckdb("load.duckdb"), dataset_name="bench", pipelines_dir="pipelines"
    )
    pipeline.run(globals()[f"{form}_{how}"](where), loader_file_format="parquet")
