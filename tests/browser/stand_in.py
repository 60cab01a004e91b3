"""A server that answers as `penstock serve` would, from pages made for the test, and tells what it was asked."""

from __future__ import annotations

import json
import mimetypes
import queue
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
PROJECT = {
    "name": "shop", "env": "prod", "version": 412, "penstock": "0", "timezone": "UTC", "tables": 9, "dashboards": 3,
    "metrics": 4, "csrf": "word",
}  # fmt: skip
Answer = dict[str, Any]


class StandIn:
    """`answer(name, tile, params)` gives a tile's data; `asked` lists what was asked for; `tell` sends an event."""

    def __init__(self, static: Path, pages: dict[str, Answer], answer: Callable[[str, str, dict[str, str]], Answer]):
        self.static, self.pages, self.answer = static, pages, answer
        self.asked: list[str] = []
        self._made = count()
        self._streams: list[queue.Queue[str | None]] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stand_in.get(self)

            def log_message(self, *_: object) -> None:
                """Tests read `asked`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.put(None)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def tell(self, kind: str, **data: Any) -> None:
        for stream in self._streams:
            stream.put(f"id: {data.get('version', 0)}\nevent: {kind}\ndata: {json.dumps(data)}\n\n")

    def tiles_asked(self) -> list[str]:
        return [path for path in self.asked if "/tiles/" in path]

    def get(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path)
        if path.path.startswith("/api/v1"):
            return self._api(request, path.path.removeprefix("/api/v1"), path.query)
        file = self.static / path.path.lstrip("/")
        if not file.is_file():
            file = self.static / "index.html"
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return self._send(request, file.read_bytes(), kind)

    def _api(self, request: BaseHTTPRequestHandler, path: str, query: str) -> None:
        if path == "/events":
            return self._stream(request)
        self.asked.append(path + (f"?{query}" if query else ""))
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match parts:
            case ["project"]:
                found: Answer | None = PROJECT
            case ["dashboards"]:
                found = {"dashboards": list(self.pages.values())}
            case ["dashboards", name]:
                found = self.pages.get(name)
            case ["dashboards", name, "sheet"] if name in self.pages:
                found = self._sheet(name, {key: one for key, (one, *_) in parse_qs(query, True).items()})
            case ["dashboards", name, "tiles", tile]:
                params = {key: values[0] for key, values in parse_qs(query).items()}
                found = self.answer(name, tile, params)
            case _:
                found = None
        if found is None:
            error = {"kind": "missing", "subject": f"there is nothing at {path}", "hint": "penstock dashboard"}
            return self._send(request, json.dumps({"error": error}).encode(), status=HTTPStatus.NOT_FOUND)
        return self._send(request, json.dumps(found).encode())

    def _sheet(self, name: str, params: dict[str, str]) -> Answer:
        """A page with its tiles, of which each is told in `asked` as if it had been asked for by itself."""
        page = self.pages[name]
        told = params.get("show.tiles")
        ids = told.split(",") if told is not None else seen(page["blocks"], params.get("show.tab", "").split("|"))
        filters = {key: one for key, one in params.items() if not key.startswith("show.")}
        tiles = []
        for tile in filter(None, ids):
            self.asked.append(f"/dashboards/{name}/tiles/{tile}" + (f"?{urlencode(filters)}" if filters else ""))
            tiles.append({"made": str(next(self._made)), "seconds": 0.0, "tile": self.answer(name, tile, filters)})
        return {"made": str(next(self._made)), "seconds": 0.0, "page": page, "tiles": tiles, "waiting": []}

    def _send(
        self, request: BaseHTTPRequestHandler, body: bytes, kind: str = "application/json", status: int = 200
    ) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Content-Security-Policy", CSP)
        request.end_headers()
        request.wfile.write(body)

    def _stream(self, request: BaseHTTPRequestHandler) -> None:
        events: queue.Queue[str | None] = queue.Queue()
        events.put('id: 412\nevent: hello\ndata: {"version": 412}\n\n')
        self._streams.append(events)
        request.send_response(HTTPStatus.OK)
        request.send_header("Content-Type", "text/event-stream")
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        try:
            while (event := events.get()) is not None:
                request.wfile.write(event.encode())
                request.wfile.flush()
        except OSError:
            self._streams.remove(events)


def seen(blocks: list[Answer], tabs: list[str]) -> list[str]:
    """The tiles of a page that are seen with these tabs open, elsewhere the first of each."""
    found: list[str] = []
    for block in blocks:
        found += [tile["id"] for tile in block.get("tiles", ())]
        if block["kind"] == "tabs":
            found += seen(next((t for t in block["tabs"] if t["label"] in tabs), block["tabs"][0])["blocks"], tabs)
    return found
