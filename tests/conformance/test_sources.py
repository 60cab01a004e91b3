"""Every source of ours against the suite."""

import gzip
import json
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from penstock.base import plugins
from penstock.model.schema import Schema
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Context
from penstock.testing import SourceCase, SourceSuite, StillClock


def connector(kind):
    return plugins.load("penstock.connectors", kind)


@pytest.fixture
def context(tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Context(tmp_path, scratch, StillClock())


class Store:
    """A SQLite file with a table that a test changes."""

    types: ClassVar = {
        "id": "bigint",
        "name": "varchar",
        "amount": "decimal(10,2)",
        "at": "timestamp",
        "day": "date",
        "paid": "boolean",
        "ratio": "double",
        "raw": "blob",
    }

    def __init__(self, path, count):
        self.path = path
        self.held = {}
        with closing(sqlite3.connect(path)) as db:
            for table in ("orders", "bare"):
                db.execute(
                    f"create table {table} (id integer primary key, name text, amount decimal(10,2), at datetime, "
                    "day date, paid boolean, ratio real, raw blob)"
                )
        self.put(range(1, count + 1))

    def put(self, numbers, name="name"):
        for n in numbers:
            at = datetime(2024, 1, 1 + n // 20, 10, n % 20)  # noqa: DTZ001
            self.held[n] = {
                "id": n, "name": f"{name} {n}", "amount": Decimal(n * 7 + 5) / 100, "at": at, "day": at.date(),
                "paid": n % 2 == 0, "ratio": n / 3, "raw": None if n % 3 else bytes([0, n % 256]),
            }  # fmt: skip
        with closing(sqlite3.connect(self.path)) as db:
            db.executemany(
                "insert or replace into orders values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        r["id"],
                        r["name"],
                        float(r["amount"]),
                        str(r["at"]),
                        str(r["day"]),
                        r["paid"],
                        r["ratio"],
                        r["raw"],
                    )
                    for r in (self.held[n] for n in numbers)
                ],
            )
            db.commit()

    def spoil(self):
        with closing(sqlite3.connect(self.path)) as db:
            db.execute("insert into orders (id, name, amount, at) values (9999, 'x', 'much', '2024-01-01 00:00:00')")
            db.commit()

    def rows(self):
        return list(self.held.values())

    def case(self, context, **settings):
        store = Connection("store", "sqlite", self.path.name)
        table = RawTable("raw.orders", store, read="orders", **settings)
        empty = RawTable("raw.nothing", store, read="bare", **settings)
        return SourceCase(
            connector("sqlite"), table, context, self.rows, self.types,
            add=lambda: self.put([5, 200, 201], "new"), spoil=self.spoil, empty=empty,
        )  # fmt: skip


@pytest.fixture
def small_batches(monkeypatch):
    from penstock.connect.sqlite import source

    monkeypatch.setattr(source, "_CHUNK_ROWS", 7)
    monkeypatch.setattr(source, "_BATCH_BYTES", 1_000)


class TestSqliteWhole(SourceSuite):
    @pytest.fixture
    def source_case(self, tmp_path, context, small_batches):
        return Store(tmp_path / "store.db", 60).case(context)


class TestSqliteByCursor(SourceSuite):
    @pytest.fixture
    def source_case(self, tmp_path, context, small_batches):
        store = Store(tmp_path / "store.db", 60)
        case = store.case(context, key=("id",), cursor="at")

        # A change is seen by its cursor: row 5 is dated like the newest.
        def add():
            store.put([200, 201], "new")

        return SourceCase(case.connector, case.table, context, case.rows, case.types, add, case.spoil, case.empty)


class TestSqliteQuery(SourceSuite):
    @pytest.fixture
    def source_case(self, tmp_path, context, small_batches):
        store = Store(tmp_path / "store.db", 40)
        where = Connection("store", "sqlite", "store.db")
        table = RawTable("raw.paid", where, options={"query": "select id, name, at from orders where paid is not 0;"})

        def rows():
            return [r for r in store.rows() if r["paid"] is not False]

        types = {"id": "bigint", "name": "varchar", "at": "timestamp"}
        return SourceCase(connector("sqlite"), table, context, rows, types, lambda: store.put([200], "new"))


class Api:
    """A server whose records a test changes; it pages in every way that is known."""

    types: ClassVar = {
        "id": "bigint", "name": "varchar", "changed": "timestamptz", "price": "double",
        "tags": "varchar[]", "place": "struct(city varchar, zip varchar)",
    }  # fmt: skip

    def __init__(self):
        self.records = [self.record(n) for n in range(1, 48)]
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                url = urlsplit(self.path)
                asked = {k: v[-1] for k, v in parse_qs(url.query).items()}
                body, link = api.answer(url.path, asked)
                data = body.encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if link:
                    self.send_header("Link", f'<{link}>; rel="next"')
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def record(self, n, name="name"):
        return {
            "id": n, "name": f"{name} {n}", "changed": f"2024-03-{1 + n // 10:02d}T10:00:00Z", "price": n / 7,
            "tags": ["a", f"t{n}"], "place": {"city": "Bern", "zip": f"{3000 + n}"},
        }  # fmt: skip

    def answer(self, path, asked):
        size = 5
        records = [] if path.endswith("/nothing") else self.records
        records = [r for r in records if not isinstance(r, dict) or r["changed"] >= asked.get("since", "")]
        at = int(asked.get("cursor") or asked.get("offset") or (int(asked.get("page", 1)) - 1) * size)
        shown, more = records[at : at + size], at + size < len(records)
        link = f"{self.url}{path.removeprefix('/v1')}?cursor={at + size}" if more else None
        answer = {"data": {"items": shown}, "cursor": str(at + size) if more else None, "next": link}
        return json.dumps(answer, indent=1), link

    def rows(self):
        return [
            {**r, "changed": datetime.fromisoformat(r["changed"]).astimezone(UTC)}
            for r in self.records
            if isinstance(r, dict)
        ]

    def case(self, context, paginate, **settings):
        where = Connection("api", "http", self.url)
        options = {"records": "data.items", "paginate": paginate, **settings.pop("options", {})}
        types = {name: kind for name, kind in self.types.items() if name != "place"}
        table = RawTable("raw.items", where, read="/items", options=options, **settings)
        empty = RawTable("raw.nothing", where, read="/nothing", options=options, **settings)

        def add():
            self.records += [self.record(90, "new"), self.record(91, "new")]

        return SourceCase(
            connector("http"), table, context, self.rows, {**types, "place": self.types["place"]}, add,
            spoil=lambda: self.records.append("what?"), empty=empty,
        )  # fmt: skip


@pytest.fixture
def api(monkeypatch):
    from penstock.connect.http import source

    monkeypatch.setattr(source, "_BATCH_PAGES", 2)
    served = Api()
    yield served
    served.close()


PAGES = {
    "page": {"by": "page"},
    "offset": {"by": "offset"},
    "cursor": {"by": "cursor", "cursor_path": "cursor"},
    "link": {"by": "link"},
    "next": {"by": "next", "next_path": "next"},
}


@pytest.mark.parametrize("paginate", PAGES.values(), ids=PAGES)
class TestHttpWhole(SourceSuite):
    @pytest.fixture
    def source_case(self, api, context, paginate):
        return api.case(context, paginate)


class TestHttpSince(SourceSuite):
    @pytest.fixture
    def source_case(self, api, context):
        options = {"since": {"param": "since"}}
        return api.case(context, PAGES["cursor"], key=("id",), cursor="changed", options=options)


class TestPythonWhole(SourceSuite):
    @pytest.fixture
    def source_case(self, context):
        held = [
            {"id": n, "price": Decimal(n) / 4, "at": datetime(2024, 1, n, tzinfo=UTC), "raw": b"\x00%d" % n}
            for n in range(1, 9)
        ]
        spoilt = []

        def give():
            yield from held
            yield from spoilt

        types = {"id": "bigint", "price": "decimal(18,2)", "at": "timestamptz", "raw": "blob"}
        nothing = RawTable("raw.nothing", Connection("", "python"), options={"callable": lambda: None})
        return SourceCase(
            connector("python"), RawTable("raw.given", Connection("", "python"), options={"callable": give}), context,
            lambda: held, types, add=lambda: held.append({**held[0], "id": 99}),
            spoil=lambda: spoilt.append({"id": "many"}), empty=nothing,
        )  # fmt: skip


class TestPythonFollowing(SourceSuite):
    @pytest.fixture
    def source_case(self, context):
        from penstock.dev import Rows

        held = [{"id": n, "day": date(2024, 1, n)} for n in range(1, 9)]

        def give(after):
            for n in range(after or 0, len(held)):
                yield Rows(held[n], position=n + 1)

        table = RawTable("raw.given", Connection("", "python"), options={"callable": give})
        empty = RawTable("raw.nothing", Connection("", "python"), options={"callable": lambda after: None})
        return SourceCase(
            connector("python"), table, context, lambda: held, {"id": "bigint", "day": "date"},
            add=lambda: held.append({"id": 99, "day": date(2025, 1, 1)}), empty=empty,
        )  # fmt: skip


class TestMemory(SourceSuite):
    @pytest.fixture
    def source_case(self, context):
        from penstock.connect import memory

        feed = memory.feed("here", [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], [{"id": 3, "name": "c"}])
        memory.feed("nothing")
        where = Connection("m", "memory")
        return SourceCase(
            connector("memory"), RawTable("raw.here", where, read="here"), context,
            lambda: [row for page in feed.pages for row in page], {"id": "bigint", "name": "varchar"},
            add=lambda: feed.add([{"id": 4, "name": "d"}]), empty=RawTable("raw.nothing", where, read="nothing"),
        )  # fmt: skip


class TestFiles(SourceSuite):
    @pytest.fixture
    def source_case(self, tmp_path, context):
        folder = tmp_path / "in"
        folder.mkdir()
        held = []

        def put(name, numbers):
            rows = [{"id": n, "name": f"name {n}", "price": n / 4} for n in numbers]
            held.extend(rows)
            text = "id,name,price\n" + "".join(f"{r['id']},{r['name']},{r['price']}\n" for r in rows)
            path = folder / name
            if name.endswith(".gz"):
                path.write_bytes(gzip.compress(text.encode(), mtime=0))
            else:
                path.write_text(text)

        put("a.csv", range(1, 20))
        put("b.csv.gz", range(20, 31))
        where = Connection("files", "files", "")

        types = {"id": "bigint", "name": "varchar", "price": "double"}
        table = RawTable("raw.items", where, read="in/*.csv*", columns=Schema.of(types.items()))
        return SourceCase(
            connector("files"), table, context, lambda: held, types, add=lambda: put("c.csv", range(40, 45)),
            spoil=lambda: (folder / "z.csv").write_text("id,name,price\nmany,bad,2.5\n"),
        )  # fmt: skip


class TestLogs(SourceSuite):
    @pytest.fixture
    def source_case(self, tmp_path, context):
        log = tmp_path / "app.log"
        held = []

        def put(numbers):
            with log.open("a") as out:
                for n in numbers:
                    held.append({"level": "INFO", "number": n})
                    out.write(f"INFO {n}\n")

        put(range(1, 30))

        def spoil():
            with log.open("a") as out:
                out.write("what is this?\n")

        pattern = r"(?P<level>[A-Z]+) (?P<number>\d+)"
        options = {"pattern": pattern}
        columns = Schema.of([("number", "bigint")])
        where = Connection("logs", "logs", "")
        return SourceCase(
            connector("logs"), RawTable("raw.lines", where, read="app.log", options=options, columns=columns), context,
            lambda: held, {"level": "varchar", "number": "bigint"}, add=lambda: put(range(30, 33)), spoil=spoil,
        )  # fmt: skip
