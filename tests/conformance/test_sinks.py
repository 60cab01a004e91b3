"""Every sink of ours against the suite."""

import sqlite3
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal

import pytest

from penstock.base import plugins
from penstock.model.sink import SinkTable
from penstock.model.source import Connection
from penstock.protocols.source import Context
from penstock.testing import SinkCase, SinkSuite, StillClock
from penstock.testing.landing import engine


def connector(kind):
    return plugins.load("penstock.connectors", kind)


@pytest.fixture
def context(tmp_path):
    return Context(tmp_path, tmp_path / "scratch", StillClock(), engine().exporter())


def through(rows):
    """Rows as SQLite or CSV shows them, as the Python values that they stand for."""
    convert = {
        "amount": lambda v: Decimal(str(v)),
        "day": lambda v: date.fromisoformat(v) if isinstance(v, str) else v,
        "at": lambda v: datetime.fromisoformat(v) if isinstance(v, str) else v,
        "good": lambda v: v in (1, True, "true", "True"),
        "id": int,
        "ratio": float,
    }
    return [{n: v if v is None or n not in convert else convert[n](v) for n, v in row.items()} for row in rows]


def of_sqlite(path, table):
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(f"select * from {table}")
        names = [column[0] for column in found.description]
        return through([dict(zip(names, row, strict=True)) for row in found])


class TestSqlite(SinkSuite):
    @pytest.fixture
    def sink_case(self, tmp_path, context):
        sink = SinkTable("out", "main.items", Connection("db", "sqlite", "out/x.db"), write="items", key=("id",))
        return SinkCase(connector("sqlite"), sink, context, lambda: of_sqlite(tmp_path / "out/x.db", "items"))


class TestSqliteWithoutKey(SinkSuite):
    @pytest.fixture
    def sink_case(self, tmp_path, context):
        sink = SinkTable("out", "main.items", Connection("db", "sqlite", "x.db"))
        return SinkCase(connector("sqlite"), sink, context, lambda: of_sqlite(tmp_path / "x.db", "items"))


class TestDuckdb(SinkSuite):
    @pytest.fixture
    def sink_case(self, tmp_path, context):
        import duckdb

        path = tmp_path / "x.duckdb"

        def read():
            if not path.exists():
                return []
            with duckdb.connect(str(path), read_only=True) as db:
                found = db.execute("select * from items")
                names = [column[0] for column in found.description]
                return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        sink = SinkTable("out", "main.items", Connection("db", "duckdb", "x.duckdb"), write="items", key=("id",))
        return SinkCase(connector("duckdb"), sink, context, read)


def of_files(path, reader):
    import duckdb

    if not path.exists():
        return []
    found = duckdb.connect().execute(f"select * from {reader}")
    names = [column[0] for column in found.description]
    return through([dict(zip(names, row, strict=True)) for row in found.fetchall()])


class TestParquetFile(SinkSuite):
    @pytest.fixture
    def sink_case(self, tmp_path, context):
        path = tmp_path / "items.parquet"
        sink = SinkTable("out", "main.items", Connection("files", "files", ""), write="items.parquet", key=("id",))
        return SinkCase(connector("files"), sink, context, lambda: through(of_files(path, f"read_parquet('{path}')")))


def dicts(table):
    if table is None:
        return []
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


class TestPython(SinkSuite):
    @pytest.fixture
    def sink_case(self, context):
        held = []

        def take(rows, removed, note):
            if note.whole:
                held.clear()
            for gone in dicts(removed) if note.mode == "mirror" else []:
                held.remove(gone)
            held.extend(dicts(rows))

        sink = SinkTable("out", "main.items", Connection("", "python"), key=("id",), options={"callable": take})
        return SinkCase(connector("python"), sink, context, lambda: held)


class TestMemory(SinkSuite):
    @pytest.fixture
    def sink_case(self, context):
        from penstock.connect import memory

        memory.kept.clear()
        sink = SinkTable("out", "main.items", Connection("m", "memory"), write="items", key=("id",))
        return SinkCase(
            connector("memory"), sink, context,
            lambda: through(memory.kept["items"].rows) if "items" in memory.kept else [],
        )  # fmt: skip
