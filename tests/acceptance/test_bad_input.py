"""Systems and definitions as they should not be, through the whole pipe: APIs, a locked SQLite, files of tables."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.acceptance.bad_project import BadProject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGES = 3
ENOUGH = 60  # requests, after which the server breaks off: no test may hang


@pytest.fixture
def project(tmp_path: Path) -> BadProject:
    """A project in which everything but the input is in order."""
    return BadProject(tmp_path / "project")


# ── APIs ────────────────────────────────────────────────────────────────────────────────────────────────


def page(number: int) -> bytes:
    """Return a page as it should be: two records, and none after the last page."""
    first = 2 * number - 1
    return json.dumps([{"id": n, "v": n * n} for n in (first, first + 1)] if number <= PAGES else []).encode()


class Api:
    """A server whose answer to a page's number a test may replace; `asked` are the numbers that came."""

    def __init__(self) -> None:
        self.answer: Callable[[int], bytes | None] = page
        self.asked: list[int] = []
        self.over = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                number = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
                api.asked.append(number)
                body = b'{"error": "too many"}' if len(api.asked) > ENOUGH else api.answer(number)
                if body is None:  # never: until the test is over
                    api.over.wait(20)
                    return
                self.send_response(410 if len(api.asked) > ENOUGH else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def api() -> Iterator[Api]:
    """A server on a free port."""
    made = Api()
    yield made
    made.over.set()
    made.server.shutdown()
    made.server.server_close()


def reads_api(project: BadProject, api: Api, *more: str) -> BadProject:
    """Let `raw.bad` come from the server, page by page, with no patience."""
    settings = f'[connections.api]\nurl = "{api.url}"\ntimeout = 0.2\nattempts = 1\n'
    project.write("penstock.toml", f'name = "bad"\n{settings}')
    form = more or ('paginate = { by = "page" }',)
    project.reads('from = "api"', 'read = "/things"', "retries = 0", *form)
    return project


WHOLE = [(n, n * n) for n in range(1, 2 * PAGES + 1)]
HTML = b"<html><body>Please log in</body></html>"


@pytest.mark.parametrize("first", [True, False], ids=["on the first page", "on a later page"])
def test_an_api_that_answers_html_is_one_error_and_nothing_of_the_pull_is_shown(
    project: BadProject, api: Api, first: bool
) -> None:
    reads_api(project, api)
    api.answer = lambda n: HTML if first or n == 2 else page(n)
    error = project.fails("the API answers a web page, not JSON", "/things")
    assert "Please log in" in error["got"]
    api.answer = page
    project.loads()
    assert project.rows() == WHOLE


def test_an_answer_that_is_cut_off_is_one_error(project: BadProject, api: Api) -> None:
    reads_api(project, api)
    api.answer = lambda n: page(n)[:-5] if n == 3 else page(n)
    project.fails("the API's answer is not valid JSON", "/things")
    api.answer = page
    project.loads()
    assert project.rows() == WHOLE


def test_an_api_that_repeats_a_page_is_one_error_and_no_row_is_doubled(project: BadProject, api: Api) -> None:
    reads_api(project, api)
    project.loads()
    api.answer = lambda n: page(min(n, 2))
    project.fails("the API loops", "/things")
    assert len(api.asked) < ENOUGH
    assert project.rows() == WHOLE
    api.answer = page
    project.loads()
    assert project.rows() == WHOLE


def test_an_api_that_gives_its_pages_in_a_circle_is_one_error(project: BadProject, api: Api) -> None:
    reads_api(project, api)
    api.answer = lambda n: page(2 - n % 2)
    project.fails("the API loops", "/things")


def test_an_api_whose_next_page_leads_back_is_one_error(project: BadProject, api: Api) -> None:
    reads_api(project, api, 'records = "items"', 'paginate = { by = "next", next_path = "next" }')

    def linked(number: int, last: int | None) -> bytes:
        following = None if number == last else f"/things?page={number % PAGES + 1}"
        return json.dumps({"items": json.loads(page(number)), "next": following}).encode()

    api.answer = lambda n: linked(n, None)
    project.fails("the API loops", "/things")
    assert len(api.asked) < ENOUGH
    api.answer = lambda n: linked(n, PAGES)
    project.loads()
    assert project.rows() == WHOLE


def test_an_api_that_does_not_answer_is_one_error_and_the_rest_is_loaded(project: BadProject, api: Api) -> None:
    reads_api(project, api)
    api.answer = lambda n: None if n == 2 else page(n)
    error = project.fails("the API does not answer in time", "/things")
    assert error["got"] == "no answer in 0.2 seconds"
    api.answer = page
    project.loads()
    assert project.rows() == WHOLE


def test_an_api_of_many_pages_keeps_its_rows_in_the_next_run(
    project: BadProject, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last page is empty, and was once taken for the whole of the next pull."""
    monkeypatch.setattr("penstock.connect.http.source._BATCH_PAGES", 1)
    reads_api(project, api)
    project.loads()
    assert project.rows() == WHOLE
    api.answer = lambda n: b"[]"
    project.loads()
    assert project.rows() == []
    api.answer = page
    project.loads()
    assert project.rows() == WHOLE


def test_pages_that_are_all_empty_are_a_snapshot_without_rows(
    project: BadProject, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.connect.http.source._BATCH_PAGES", 1)
    reads_api(project, api, 'records = "items"', 'paginate = { by = "next", next_path = "next" }')

    def linked(rows: list[dict[str, int]]) -> Callable[[int], bytes]:
        return lambda n: json.dumps({"items": rows, "next": f"/things?page={n + 1}" if n < PAGES else None}).encode()

    api.answer = linked([])
    assert project.run().code == 0
    api.answer = lambda n: linked([{"id": n}])(n)
    project.loads()
    assert project.rows() == [(1,), (2,), (3,)]
    api.answer = linked([])
    project.loads()
    assert project.rows() == []


def test_records_that_are_no_objects_are_rejected_with_their_places(project: BadProject, api: Api) -> None:
    reads_api(project, api)
    api.answer = lambda n: b'[{"id": 1, "v": 1}, 7, "x"]' if n == 1 else b"[]"
    said = project.run()
    assert said.code == 0
    assert project.rows() == [(1, 1)]
    assert [(place, row) for place, row, _ in project.rejects()] == [("/things:2", "7"), ("/things:3", '"x"')]
    api.answer = page
    project.loads()
    assert project.rows() == WHOLE
    assert project.rejects() == []


def test_the_pages_of_a_later_pull_are_read_by_the_types_of_the_table(
    project: BadProject, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first page would decide, and what does not fit its guess would be rejected."""
    monkeypatch.setattr("penstock.connect.http.source._BATCH_PAGES", 1)
    reads_api(project, api)
    api.answer = lambda n: json.dumps([{"id": n, "v": n + 0.5}] if n <= PAGES else []).encode()
    project.loads()
    api.answer = lambda n: json.dumps([{"id": n, "v": n + 0.5 if n == PAGES else n}] if n <= PAGES else []).encode()
    project.loads()
    assert project.rows() == [(n, n + 0.5 if n == PAGES else float(n)) for n in range(1, PAGES + 1)]
    assert project.rejects() == []


def test_the_pages_of_a_changed_definition_are_not_read_by_the_types_of_the_one_before(
    project: BadProject, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.connect.http.source._BATCH_PAGES", 1)
    api.answer = lambda n: json.dumps([{"id": n, "v": n + 0.5}] if n <= PAGES else []).encode()
    reads_api(project, api, 'select = "select id, v::bigint as v from batch"')
    project.loads()
    reads_api(project, api)
    project.loads()
    assert project.rows() == [(n, n + 0.5) for n in range(1, PAGES + 1)]


def test_rejects_of_a_pull_in_several_batches_stay_open_until_the_next_pull(
    project: BadProject, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penstock.connect.http.source._BATCH_PAGES", 1)
    reads_api(project, api)
    api.answer = lambda n: b'[{"id": 3, "v": 9}, 7]' if n == 2 else page(n)
    for kept in (len(WHOLE) - 1, 0):
        said = project.run()
        assert said.code == 0
        step = said.step("raw.bad")
        assert (step["rejected"], step["added"], step["rows_in"]) == (1, kept, len(WHOLE))
        assert project.rows() == [row for row in WHOLE if row[0] != 4]
        assert [(place, row) for place, row, _ in project.rejects()] == [("/things:4", "7")]
    api.answer = page
    project.loads()
    assert project.rows() == WHOLE
    assert project.rejects() == []


# ── SQLite ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("more", [(), ('key = "id"', 'cursor = "id"')], ids=["whole", "by cursor"])
def test_a_locked_sqlite_file_is_one_error_and_is_read_once_it_is_free(
    project: BadProject, more: tuple[str, ...]
) -> None:
    project.write("penstock.toml", 'name = "bad"\n[connections.store]\nurl = "sqlite:data/s.db"\ntimeout = 0.02\n')
    project.reads('from = "store"', 'read = "t"', "retries = 0", *more)
    with closing(sqlite3.connect(project.root / "data" / "s.db", isolation_level=None)) as other:
        other.execute("create table t (id integer primary key, v text)")
        other.execute("insert into t values (1, 'a')")
        project.loads()
        other.execute("begin exclusive")
        other.execute("insert into t values (2, 'b')")
        project.fails("is locked by another process", "data/s.db")
        assert project.rows() == [(1, "a")]
        other.execute("commit")
        project.loads()
    assert project.rows() == [(1, "a"), (2, "b")]


def test_a_sqlite_file_that_is_none_or_not_there_is_one_error(project: BadProject) -> None:
    project.write("penstock.toml", 'name = "bad"\n[connections]\nstore = "sqlite:data/s.db"\n')
    project.reads('from = "store"', 'read = "t"', "retries = 0")
    project.fails("there is no file", "data/s.db")
    project.write("data/s.db", "this is no database, but long enough to look like one " * 100)
    project.fails("is not a sound SQLite database", "data/s.db")


def test_a_sqlite_table_of_nothing_but_nulls_is_loaded(project: BadProject) -> None:
    project.write("penstock.toml", 'name = "bad"\n[connections]\nstore = "sqlite:data/s.db"\n')
    project.reads('from = "store"', 'read = "t"')
    with closing(sqlite3.connect(project.root / "data" / "s.db", isolation_level=None)) as other:
        other.execute("create table t (a, b integer, c text, d real, e blob)")
        other.execute("insert into t values (null, null, null, null, null)")
        project.loads()
        other.execute("insert into t values ('x', 1, 'c', 0.5, x'00')")
    project.loads()
    assert sorted(project.ask("select b, c, d, e from raw.bad"), key=repr) == [
        (1, "c", 0.5, b"\0"),
        (None, None, None, None),
    ]


# ── files of tables ─────────────────────────────────────────────────────────────────────────────────────

MISTAKES = {
    "two statements": ("bad", b"select 1 as a;\nselect 2 as b\n", "bad.sql:2:1", "there is more than one statement"),
    "no statement": ("bad", b"-- to do\n", "bad.sql:1", "there is no select"),
    "an empty file": ("bad", b"", "bad.sql", "the file is empty"),
    "a reserved word as its name": ("order", b"select 1 as a", "order.sql", "'order' cannot be a name"),
    "a byte that is no UTF-8": ("bad", b"select 1 as a,\n  'M\xfcller' as b\n", "bad.sql:2:5", "the file is not UTF-8"),
    "a zero byte": ("bad", b"select 1\0 as a", "bad.sql:1:9", "the file is not text"),
    "UTF-16": ("bad", "select 1 as a".encode("utf-16"), "bad.sql:1:1", "the file is not UTF-8"),
    "no select": ("bad", b"drop table raw.good", "bad.sql:1:1", "this is not a select"),
    "a text that never ends": ("bad", b"select 'abc", "bad.sql:1:8", "a string that never closes"),
}


@pytest.mark.parametrize(("name", "text", "place", "subject"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_in_the_file_of_a_table_is_one_error_and_the_warehouse_is_left_alone(
    project: BadProject, name: str, text: bytes, place: str, subject: str
) -> None:
    assert project.run().code == 0
    before = project.all()
    file = project.write(f"tables/{name}.sql", text)
    project.write("data/good.csv", "id,v\n1,11\n2,20\n")
    told = project.cli("run")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(f"error: tables/{place}: {subject}")
    error = json.loads(project.run().out)["error"]
    assert (error["subject"], error["where"]) == (subject, f"tables/{place}")
    file.unlink()
    assert project.all() == before
    project.write("tables/mended.sql", "select 1 as a\n")
    assert project.run().code == 0
    assert project.all()["mended"] == [(1,)]
    assert project.all()["over_good"] == [(2, 31)]


@pytest.mark.parametrize(
    ("text", "place", "shown"),
    [
        ("select id,\n  order\nfrom raw.good\n", "tables/bad.sql:3:1", "from"),
        ("select select from raw.good\n", "tables/bad.sql:1:8", "select"),
        ("select 1 as a, nope(2) as b\n", "tables/bad.sql:1:16", "nope"),
    ],
)
def test_a_reserved_word_in_a_select_fails_that_table_alone_with_its_place_underlined(
    project: BadProject, text: str, place: str, shown: str
) -> None:
    file = project.write("tables/bad.sql", text)
    project.write("tables/below.sql", "select * from bad\n")
    for _ in range(2):
        said = project.run()
        assert said.code == 1
        error = said.step("bad")["error"]
        assert error["where"] == place
        assert shown in error["excerpt"]
        assert "^" in error["excerpt"]
        assert said.step("below")["state"] == "skipped"
        assert sorted(project.all()) == ["over_good", "pages", "positions", "raw.good", "rejected"]
    assert place in project.cli("run").out
    file.write_text('select id as "order" from raw.good\n')
    assert project.run().code == 0
    assert project.all()["below"] == [(1,), (2,)]
