"""One refresh in a process of its own, whose memory is measured: `remember.py WHAT FOLDER MEGABYTES [STATEMENT]`."""

import itertools
import sys
from importlib import import_module
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[2]


def hold_to(megabytes):
    """Let every DuckDB of this process take so much memory, whatever it asks for."""
    connect = duckdb.connect

    def held(path=":memory:", config=None, **more):
        return connect(path, config={**(config or {}), "memory_limit": f"{megabytes}MB"}, **more)

    duckdb.connect = held


def main(what, folder, megabytes, statement=""):
    """Do what is asked; raises what goes wrong."""
    sys.path.insert(0, str(ROOT))
    if int(megabytes):
        hold_to(megabytes)
    if what == "plain":
        import_module("pyarrow.parquet")  # which feeds ours, and is no part of it
        with duckdb.connect(folder, config={"temp_directory": f"{folder}.tmp"}) as con:
            con.execute(statement)
        return
    from benchmarks.fed import Fed
    from benchmarks.refresh.memory import QUERIES
    from benchmarks.refresh.setting import KEYS, Orders

    with Fed(Path(folder), KEYS, QUERIES) as fed:
        rows = fed.app.engine.relations()["raw.orders"].rows
        orders = Orders(rows, max(rows // 50, 10), seed=fed.app.engine.version)
        if what == "build":
            fed.refresh(tables=["running"])
        elif what == "again":
            fed.refresh(orders.new(1_000), tables=["running"], full=True)
        else:
            # A few, so that what is taken once and what a refresh takes cannot be mistaken for each other.
            make = {"new": orders.new, "changed": orders.changed}[what]
            for _ in itertools.repeat(None, 3):
                fed.refresh(make(1_000), tables=["by_customer"])


if __name__ == "__main__":
    main(*sys.argv[1:])
