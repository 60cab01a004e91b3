"""The shop's HTTP API on this machine: rates by page, shipments by cursor, and a failure now and then."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from penstock.base.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "SHOP_API"
PORT = 8731
_HOST = "127.0.0.1"
_RATES_A_PAGE = 100
_SHIPMENTS_A_PAGE = 2_500
# Of every six requests to an address, the one that fails and its status; the next is always answered.
_FAILURES = {"/rates": {2: 429, 4: 500}, "/shipments": {1: 429, 4: 500}}


class Answer(Exception):  # noqa: N818 - it is an answer, though not the one hoped for
    """An HTTP status to answer with instead of rows."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Api(ThreadingHTTPServer):
    """The server, with the data folder that it reads and the number of requests that each address has had."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__((_HOST, port), _Handler)
        self.database = folder / "api.db"
        self._count: dict[str, int] = {}
        self._lock = threading.Lock()

    def fail_now_and_then(self, path: str) -> None:
        """Raise an `Answer` at requests whose number says so, the same in every run."""
        with self._lock:
            number = self._count[path] = self._count.get(path, 0) + 1
        status = _FAILURES.get(path, {}).get(number % 6)
        if status:
            raise Answer(status, "too many requests" if status == 429 else "try again")  # noqa: PLR2004


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Api
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a page of rows, as JSON."""
        url = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            answer = _ANSWERS.get(url.path, _nothing)
            self.server.fail_now_and_then(url.path)
            with closing(sqlite3.connect(f"file:{self.server.database}?mode=ro", uri=True)) as con:
                self._send(200, answer(con, asked))
        except Answer as said:
            self._send(said.status, json.dumps({"error": str(said)}))
        except ValueError as error:
            self._send(400, json.dumps({"error": str(error)}))

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 429:  # noqa: PLR2004
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the demo's own words are on the terminal."""


def _rates(con: sqlite3.Connection, asked: dict[str, str]) -> str:
    """`/rates?page=1`: all rates, a page at a time; `pages` says how many there are."""
    page = int(asked.get("page", "1"))
    (count,) = con.execute("select count(*) from rates").fetchone()
    rows = con.execute(
        "select json_group_array(json_object('day', day, 'currency', currency, 'eur', eur)) from"
        " (select * from rates order by day, currency limit ? offset ?)",
        (_RATES_A_PAGE, (page - 1) * _RATES_A_PAGE),
    ).fetchone()[0]
    return f'{{"page": {page}, "pages": {-(-count // _RATES_A_PAGE)}, "rates": {rows}}}'


def _shipments(con: sqlite3.Connection, asked: dict[str, str]) -> str:
    """`/shipments?since=…&cursor=…`: what changed since then, oldest first; `next` is the cursor to go on."""
    at, _, last = asked.get("cursor", "").partition("|")
    since = asked.get("since", "")
    found = con.execute(
        "select updated_at, shipment_id, json_object('shipment_id', shipment_id, 'order_id', order_id,"
        " 'carrier', json_object('code', carrier, 'service', service), 'promised_on', promised_on,"
        " 'shipped_at', shipped_at, 'delivered_at', delivered_at, 'updated_at', updated_at) from shipments"
        " where updated_at >= ? and (updated_at, shipment_id) > (?, ?) order by 1, 2 limit ?",
        (since.replace("T", " ")[:19], at, last, _SHIPMENTS_A_PAGE + 1),
    ).fetchall()
    shown = found[:_SHIPMENTS_A_PAGE]
    following = json.dumps(f"{shown[-1][0]}|{shown[-1][1]}" if len(found) > len(shown) else None)
    return f'{{"next": {following}, "data": {{"shipments": [{", ".join(row[2] for row in shown)}]}}}}'


def _nothing(_con: sqlite3.Connection, _asked: dict[str, str]) -> str:
    raise Answer(404, f"there are only {' and '.join(_ANSWERS)}")


_ANSWERS = {"/rates": _rates, "/shipments": _shipments}


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve the API of a data folder from a thread, at a free port if none is given; yields the address."""
    with _Api(folder, port) as api:
        thread = threading.Thread(
            target=api.serve_forever, kwargs={"poll_interval": 0.05}, name="shop-api", daemon=True
        )
        thread.start()
        try:
            yield f"http://{_HOST}:{api.server_port}"
        finally:
            api.shutdown()
            thread.join()


def main(folder: str = ".") -> int:
    """Serve the API of a shop's folder where its project asks by default, until it is interrupted."""
    data = Path(folder) / "data"
    if not (data / "api.db").is_file():
        raise ConfigError(
            f"{folder} is no shop of the demo", expected="data/api.db", hint="make one with: penstock demo"
        )
    with serving(data, PORT) as address:
        print(f"serving {address}/rates and {address}/shipments; Ctrl-C ends it")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:2]))
    except ConfigError as error:
        sys.exit(str(error))
