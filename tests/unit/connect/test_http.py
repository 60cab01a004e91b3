"""An HTTP API as a source: patience, paging, and a clear word for every way in which an API misbehaves."""

import base64
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest

from penstock.base.errors import ConfigError, FatalError, RetryableError, UnsupportedError
from penstock.connect.http import CONNECTOR
from penstock.connect.http.settings import Since
from penstock.connect.http.source import formatted
from penstock.model.position import encode
from penstock.model.sink import SinkTable
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Context, Kind
from penstock.testing import StillClock
from penstock.testing.landing import landed


class Server:
    """Answers what a test says; `asked` keeps every request as (method, path, parameters, headers, body)."""

    def __init__(self):
        self.asked = []
        self.answer = lambda path, params: (200, {}, b"[]")
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                url = urlsplit(self.path)
                params = dict(parse_qsl(url.query))
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                server.asked.append((self.command, url.path, params, dict(self.headers), body))
                found = server.answer(url.path, params)
                if found is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers, data = found
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def clock():
    return StillClock()


def table_of(url, connection=None, **settings):
    options = settings.pop("options", {})
    where = Connection("api", "http", url, connection or {})
    return RawTable("raw.items", where, options=options, **{"read": "items", **settings})


@pytest.fixture
def read(server, clock, tmp_path):
    def go(after=None, connection=None, url="", **settings):
        table = table_of(url or server.url, connection, **settings)
        source = CONNECTOR.source(table, Context(tmp_path, tmp_path, clock))
        try:
            return list(source.read("", after))
        finally:
            source.close()

    return go


def rows_of(batches):
    table = RawTable("raw.items", Connection("api", "http"))
    return [row for batch in batches for row in landed(batch, table).rows]


def pages(*found, more=None):
    """An answer that pages by number through lists of records; after them comes an empty page."""
    return lambda path, params: (200, {}, found[int(params["page"]) - 1] if int(params["page"]) <= len(found) else [])


BY_PAGE = {"paginate": {"by": "page"}}


# Patience ----------------------------------------------------------------------------------------------------


def test_what_passes_is_tried_again_later_each_time(server, clock, read):
    answers = iter([(500, {}, b"no"), (503, {}, b"no"), None, (200, {}, [{"id": 1}])])
    server.answer = lambda path, params: next(answers)
    assert rows_of(read()) == [{"id": 1}]
    assert len(clock.waits) == 3
    for wait, most in zip(clock.waits, (0.1, 0.2, 0.4), strict=True):
        assert most / 2 <= wait <= most


@pytest.mark.parametrize(
    "told", [lambda clock: "7", lambda clock: format_datetime(clock.now() + timedelta(seconds=7), usegmt=True)]
)
def test_it_waits_as_long_as_the_api_asks(server, clock, read, told):
    answers = iter([(429, {"Retry-After": told(clock)}, b"slow down"), (200, {}, [{"id": 1}])])
    server.answer = lambda path, params: next(answers)
    assert rows_of(read()) == [{"id": 1}]
    assert clock.waits == [7.0]


def test_a_wait_that_is_too_long_is_left_to_the_runner(server, clock, read):
    server.answer = lambda path, params: (429, {"Retry-After": "3600"}, b"tomorrow")
    with pytest.raises(RetryableError) as caught:
        read()
    assert caught.value.after == 3600.0
    assert clock.waits == []


def test_patience_ends(server, clock, read):
    server.answer = lambda path, params: (500, {}, b"boom")
    with pytest.raises(RetryableError, match=r"not ready \(3 of 3 attempts\)"):
        read(connection={"attempts": 3})
    assert len(server.asked) == 3


def test_an_answer_that_does_not_come_in_time_is_tried_again(tmp_path, clock, read):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RetryableError, match="does not answer in time"):
            read(url=url, connection={"timeout": 0.05, "attempts": 2})
    with pytest.raises(RetryableError, match="cannot be reached"):
        read(url=url, connection={"attempts": 2})


# Refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_final_and_says_what_the_api_said(server, read, status):
    server.answer = lambda path, params: (status, {}, {"error": "you may not"})
    with pytest.raises(FatalError) as caught:
        read()
    assert str(status) in caught.value.got
    assert "you may not" in caught.value.got
    assert ("auth" in caught.value.hint) == (status in (401, 403))
    assert len(server.asked) == 1


@pytest.mark.parametrize("headers", [{"Content-Type": "text/html"}, {}])
def test_a_web_page_is_said_to_be_one(server, read, headers):
    server.answer = lambda path, params: (200, headers, b"<!doctype html><html><body>Sign in</body></html>")
    with pytest.raises(FatalError, match="answers a web page") as caught:
        read()
    assert "Sign in" in caught.value.got


@pytest.mark.parametrize("body", [b'[{"id": 1}', b"{bad}", b"id,name\n1,a", b'{"id": 1} {"id": 2}'])
def test_what_is_no_json_is_said_to_be_none(server, read, body):
    server.answer = lambda path, params: (200, {}, body)
    with pytest.raises(FatalError, match="not valid JSON"):
        read()


def test_a_missing_path_names_what_is_there(server, read):
    server.answer = lambda path, params: (200, {}, {"data": {"itmes": [], "total": 0}})
    with pytest.raises(FatalError) as caught:
        read(options={"records": "data.items"})
    assert (caught.value.got, caught.value.hint) == ("itmes, total", "did you mean 'itmes'?")


def test_records_that_are_no_objects_are_rejected_with_their_number(server, read):
    server.answer = lambda path, params: (200, {}, [{"id": 1}, 7, {"id": 2}, "x"])
    (batch,) = read()
    assert rows_of([batch]) == [{"id": 1}, {"id": 2}]
    assert [(r.row, r.place) for r in batch.rejects] == [("7", "items:2"), ('"x"', "items:4")]


# Records -----------------------------------------------------------------------------------------------------


def test_records_keep_their_text_whatever_its_layout(server, read):
    text = '{"data": [\n  {\r\n "id": 12345678901234567890,\n "t": "a\\nb\\u0000c", "big": 1e300 },\n  {"id": 2}\n]}'
    server.answer = lambda path, params: (200, {}, text.encode())
    (batch,) = read(options={"records": "data"})
    assert b"".join(batch.rows.chunks).count(b"\n") == 2
    assert [json.loads(line) for line in b"".join(batch.rows.chunks).splitlines()] == json.loads(text)["data"]


def test_json_lines_and_single_objects_and_nothing_are_understood(server, read):
    server.answer = lambda path, params: (200, {"Content-Type": "application/x-ndjson"}, b'{"id":1}\n{"id":2}\n')
    assert rows_of(read()) == [{"id": 1}, {"id": 2}]
    server.answer = lambda path, params: (200, {}, {"id": 3})
    assert rows_of(read()) == [{"id": 3}]
    server.answer = lambda path, params: (200, {}, {"data": None})
    assert rows_of(read(options={"records": "data"})) == []
    server.answer = lambda path, params: (204, {}, b"")
    assert rows_of(read()) == []


# Paging ------------------------------------------------------------------------------------------------------


def test_pages_that_are_shorter_than_asked_are_not_the_end(server, read):
    server.answer = pages([{"id": 1}], [{"id": 2}, {"id": 3}], [{"id": 4}])
    assert len(rows_of(read(options={"paginate": {"by": "page", "size": 100}}))) == 4
    assert server.asked[0][2] == {"page": "1", "per_page": "100"}


@pytest.mark.parametrize("until", ["pages", "more"])
def test_the_answer_may_say_which_page_is_the_last(server, read, until):
    def answer(path, params):
        page = int(params["page"])
        return 200, {}, {"items": [{"id": page}], "pages": 3, "more": page < 3}

    server.answer = answer
    batches = read(options={"records": "items", "paginate": {"by": "page", "until": until}})
    assert (len(rows_of(batches)), len(server.asked)) == (3, 3)


def test_an_offset_grows_by_what_came(server, read):
    def answer(path, params):
        at = int(params["skip"])
        return 200, {}, {"items": [{"id": n} for n in range(at, min(at + 3, 8))], "total": 8}

    server.answer = answer
    options = {"records": "items", "paginate": {"by": "offset", "param": "skip", "size": 50, "until": "total"}}
    assert [row["id"] for row in rows_of(read(options=options))] == list(range(8))
    assert [params["skip"] for _, _, params, _, _ in server.asked] == ["0", "3", "6"]


def test_an_api_that_ignores_the_page_loops(server, read):
    server.answer = lambda path, params: (200, {}, [{"id": 1}])
    with pytest.raises(FatalError, match="loops: it gives the same page twice in a row") as caught:
        read(options=BY_PAGE)
    assert "'page'" in caught.value.hint


@pytest.mark.parametrize("by", ["cursor", "next", "link"])
def test_an_api_that_leads_back_loops(server, read, by):
    numbers = iter(range(1000))

    def answer(path, params):
        at = {"a": "b", "b": "c", "c": "a"}[params.get("cursor", "a")]
        link = {"Link": f'<{server.url}/items?cursor={at}>; rel="next"'} if by == "link" else {}
        return 200, link, {"items": [{"id": next(numbers)}], "cursor": at, "next": f"/items?cursor={at}"}

    server.answer = answer
    with pytest.raises(FatalError, match="loops: it leads back"):
        read(options={"records": "items", "paginate": {"by": by, f"{by}_path": by} if by != "link" else {"by": by}})
    assert len(server.asked) <= 5


def test_a_post_sends_its_page_in_the_body(server, read):
    server.answer = lambda path, params: (200, {}, {"hits": [], "after": None})
    options = {"method": "POST", "body": {"query": "x"}, "records": "hits",
               "paginate": {"by": "cursor", "cursor_path": "after", "size": 10}}  # fmt: skip
    read(options=options)
    method, _, params, _, body = server.asked[0]
    assert (method, params, json.loads(body)) == ("POST", {}, {"query": "x", "limit": 10})


def test_a_killed_pull_goes_on_at_the_page_that_it_reached(server, read, clock, monkeypatch):
    from penstock.connect.http import source

    monkeypatch.setattr(source, "_BATCH_PAGES", 1)
    server.answer = pages(*([{"id": n}] for n in range(5)))
    batches = read(options=BY_PAGE)
    assert [b.restart for b in batches] == [True, False, False, False, False, False]
    server.asked.clear()
    rest = read(batches[1].position, options=BY_PAGE)
    assert ([row["id"] for row in rows_of(rest)], server.asked[0][2]) == ([2, 3, 4], {"page": "3"})
    assert not any(b.restart for b in rest)
    clock.sleep(2 * 3600)
    assert read(batches[1].position, options=BY_PAGE)[0].restart


def test_pages_before_one_that_cannot_be_had_are_kept(server, read, clock, tmp_path):
    good = pages(*([{"id": n}] for n in range(5)))
    down = True
    server.answer = lambda path, params: (503, {}, {}) if down and params["page"] == "4" else good(path, params)
    table = table_of(server.url, options=BY_PAGE)
    source = CONNECTOR.source(table, Context(tmp_path, tmp_path, clock))
    given = source.read("", None)
    first = next(given)
    assert [row["id"] for row in rows_of([first])] == [0, 1, 2]
    with pytest.raises(RetryableError):
        next(given)
    source.close()
    down = False
    assert [row["id"] for row in rows_of(read(first.position, options=BY_PAGE))] == [3, 4]


def test_pages_that_come_slowly_are_kept_as_they_come(server, read, clock):
    good = pages(*([{"id": n}] for n in range(5)))

    def answer(path, params):
        clock.sleep(3)
        return good(path, params)

    server.answer = answer
    assert [[row["id"] for row in rows_of([b])] for b in read(options=BY_PAGE)] == [[0, 1], [2, 3], [4]]


def test_a_page_that_is_no_longer_known_begins_the_pull_anew(server, read, monkeypatch):
    from penstock.connect.http import source

    monkeypatch.setattr(source, "_BATCH_PAGES", 1)
    gone = False

    def answer(path, params):
        at = params.get("cursor", "")
        if gone and at == "old-1":
            return 410, {}, {"error": "expired"}
        number = int(at.partition("-")[2] or 0)
        following = f"{'new' if gone else 'old'}-{number + 1}" if number < 3 else None
        return 200, {}, {"items": [{"id": number}], "next": following}

    server.answer = answer
    options = {"records": "items", "paginate": {"by": "cursor", "cursor_path": "next"}}
    first = read(options=options)[0]
    gone = True
    anew = read(first.position, options=options)
    assert (anew[0].restart, [row["id"] for row in rows_of(anew)]) == (True, [0, 1, 2, 3])


def test_a_position_stays_small_however_much_was_read(server, read, monkeypatch):
    from penstock.connect.http import source

    monkeypatch.setattr(source, "_BATCH_PAGES", 3)
    server.answer = pages(*([{"id": n}] for n in range(90)))
    assert max(len(encode(b.position)) for b in read(options=BY_PAGE)) < 120


# What is new -------------------------------------------------------------------------------------------------


def test_only_what_is_new_is_asked_for_and_what_is_known_is_not_given_again(server, read):
    records = [{"id": 1, "at": "2024-01-01T00:00:00Z"}, {"id": 2, "at": "2024-01-02T00:00:00Z"}]
    server.answer = lambda path, params: (200, {}, [r for r in records if r["at"] >= params.get("since", "")])
    settings = {"key": ("id",), "cursor": "at", "options": {"since": {"param": "since"}}}
    (batch,) = read(**settings)
    assert batch.kind is Kind.UPSERT
    assert read(batch.position, **settings) == []
    assert server.asked[-1][2] == {"since": "2024-01-02T00:00:00Z"}
    records.append({"id": 3, "at": "2024-01-02T00:00:00Z"})
    (more,) = read(batch.position, **settings)
    assert [row["id"] for row in rows_of([more])] == [2, 3]
    records[1] = {**records[1], "name": "changed"}
    assert len(read(more.position, **settings)) == 1


def test_the_cursor_does_not_go_back_when_the_api_gives_older_records(server, read):
    settings = {"key": ("id",), "cursor": "n", "options": {"since": {"param": "since"}}}
    server.answer = lambda path, params: (200, {}, [{"id": 1, "n": 50}])
    (batch,) = read(**settings)
    server.answer = lambda path, params: (200, {}, [{"id": 2, "n": 10}, {"id": 3}])
    (more,) = read(batch.position, **settings)
    assert more.position["since"] == 50


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("", "2024-05-01T10:00:00+02:00"), ("unix", 1714550400), ("unix_ms", 1714550400000), ("date", "2024-05-01"),
        ("%d.%m.%Y", "01.05.2024"),
    ],
)  # fmt: skip
def test_the_cursor_is_told_in_the_form_that_the_api_wants(form, told):
    assert formatted("2024-05-01T10:00:00+02:00", Since("since", "at", form)) == told


def test_a_cursor_that_is_no_plain_value_is_refused(server, read):
    server.answer = lambda path, params: (200, {}, [{"id": 1, "at": {"x": 1}}])
    with pytest.raises(FatalError, match="is no text and no number"):
        read(key=("id",), cursor="at", options={"since": {"param": "since"}})


# Who asks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "header", "value", "query"),
    [
        ({"bearer": "tok-123456"}, "Authorization", "Bearer tok-123456", {}),
        ({"basic": "me:pass-word"}, "Authorization", "Basic " + base64.b64encode(b"me:pass-word").decode(), {}),
        ({"key": "key-123456", "header": "X-Key"}, "X-Key", "key-123456", {}),
        ({"key": "key-123456", "query": "api_key"}, "X-None", None, {"api_key": "key-123456"}),
    ],
)
def test_credentials_are_sent_and_never_shown(server, read, auth, header, value, query):
    server.answer = lambda path, params: (403, {}, {"said": f"no, {value or 'key-123456'}"})
    with pytest.raises(FatalError) as caught:
        read(connection={"auth": auth})
    _, _, params, headers, _ = server.asked[0]
    assert (headers.get(header), params) == (value, query)
    for secret in ("tok-123456", "pass-word", "key-123456"):
        assert secret not in str(caught.value)
        assert secret not in json.dumps(caught.value.fields())


def test_credentials_do_not_follow_to_another_host(server, read):
    other = Server()
    try:
        other.answer = lambda path, params: (200, {}, [{"id": 1}])
        server.answer = lambda path, params: (302, {"Location": f"{other.url}/else?x=1"}, b"")
        connection = {"auth": {"key": "key-123456", "header": "X-Key"}, "headers": {"X-Tenant": "shop"}}
        assert rows_of(read(connection=connection)) == [{"id": 1}]
        _, path, params, headers, _ = other.asked[0]
        assert (path, params) == ("/else", {"x": "1"})
        assert not {"X-Key", "X-Tenant", "Authorization"} & set(headers)
        assert server.asked[0][3]["X-Tenant"] == "shop"
    finally:
        other.close()


def test_credentials_do_not_go_to_a_next_page_on_another_host(server, read):
    other = Server()
    try:
        other.answer = lambda path, params: (200, {}, {"items": [{"id": 2}], "next": None})
        server.answer = lambda path, params: (200, {}, {"items": [{"id": 1}], "next": f"{other.url}/items?p=2"})
        options = {"records": "items", "paginate": {"by": "next", "next_path": "next"}}
        auth = {"auth": {"key": "key-123456", "query": "k"}}
        assert len(rows_of(read(connection=auth, options=options))) == 2
        assert other.asked[0][2] == {"p": "2"}
    finally:
        other.close()


def test_credentials_do_not_go_to_an_endpoint_on_another_host(server, read):
    other = Server()
    try:
        other.answer = lambda path, params: (200, {}, [{"id": 1}])
        read(read=f"{other.url}/items", connection={"auth": {"bearer": "tok-123456"}})
        assert "Authorization" not in other.asked[0][3]
    finally:
        other.close()


def test_a_redirect_on_the_same_host_keeps_the_credentials_and_a_circle_ends(server, read):
    server.answer = lambda path, params: (
        (307, {"Location": "/v2/items"}, b"") if path == "/items" else (200, {}, [{"id": 1}])
    )
    assert rows_of(read(connection={"auth": {"bearer": "tok-123456"}})) == [{"id": 1}]
    assert server.asked[1][3]["Authorization"] == "Bearer tok-123456"
    server.answer = lambda path, params: (302, {"Location": "/items"}, b"")
    with pytest.raises(FatalError, match="sends the request on"):
        read()


# Settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "ftp://x"}, "http:// or https://"),
        ({"connection": {"auth": {"bearer": "a", "basic": "b:c"}}}, "one of bearer, key, basic"),
        ({"connection": {"auth": {"key": "a"}}}, "header = name or query = name"),
        ({"connection": {"auth": {"barer": "a"}}}, "did you mean 'bearer'?"),
        ({"options": {"paginate": {"by": "pages"}}}, "did you mean 'page'?"),
        ({"options": {"paginate": {"by": "cursor"}}}, "cursor_path"),
        ({"options": {"paginate": {"by": "page", "size": 0}}}, "a whole number from 1"),
        ({"options": {"since": {"from": "at"}}}, "param = the parameter's name"),
        ({"options": {"since": {"param": "since", "from": "at"}}}, "a key"),
        ({"options": {"body": {"a": 1}}}, 'method = "POST"'),
        ({"options": {"kind": "append"}}, "`since`"),
        ({"options": {"kind": "snapshot", "since": {"param": "s", "from": "at"}}, "key": ("id",)}, "upsert or append"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_anything_is_asked(server, read, settings, words):
    with pytest.raises(ConfigError) as caught:
        read(**settings)
    assert words in str(caught.value)
    assert server.asked == []


def test_it_is_no_sink(tmp_path):
    with pytest.raises(UnsupportedError):
        CONNECTOR.sink(SinkTable("s", "t", Connection("api", "http")), Context(tmp_path, tmp_path))


def test_dates_of_retry_after_are_read_in_utc(server, clock, read):
    clock.at = datetime(2030, 1, 1, tzinfo=UTC)
    answers = iter([(503, {"Retry-After": "Tue, 01 Jan 2030 00:00:03 GMT"}, b""), (200, {}, [])])
    server.answer = lambda path, params: next(answers)
    read()
    assert clock.waits == [3.0]
