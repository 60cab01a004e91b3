"""A walk through the web app of the demo: every page and every route is asked for, and must answer."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from penstock.cli.demo.compare import Finding
from penstock.cli.demo.proof import Proof

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.requests import App
    from penstock.web.listen import Serving

_API = "/api/v1"
_OK = 200
_TABLE = ("", "/rows", "/versions", "/rejects", "/explain", "/profile", "/lineage")


def visit(app: App) -> Proof:
    """Serve the project and ask for everything that can be looked at; a finding for each kind of page or route."""
    from penstock.web.listen import serving

    with serving(app, 0) as made:
        walk = _Walk(made)
        walk.all()
    return Proof("pages and routes", tuple(walk.findings()))


class _Walk:
    """Asks, and keeps what did not answer."""

    def __init__(self, made: Serving) -> None:
        self._made = made
        self._asked: dict[str, int] = {}
        self._wrong: dict[str, str] = {}

    def all(self) -> None:
        """Ask for every route, with every name that it takes, and for every page."""
        project = self.route("/project")
        self.route("/home", "/openapi.json", "/search?q=sales", "/sql/words", "/lineage")
        for table in self.route("/tables")["tables"]:
            self.route(*(f"/tables/{quote(table['name'])}{part}" for part in _TABLE))
            self.page(f"/data/{quote(table['name'])}")
        for run in self.route("/runs")["runs"]:
            self.route(f"/runs/{run['id']}")
            self.page(f"/runs/{run['id']}")
        for metric in self.route("/metrics")["metrics"]:
            self.route(f"/metrics/{quote(metric['name'])}/values")
            self.page(f"/metrics/{quote(metric['name'])}")
        for one in self.route("/dashboards")["dashboards"]:
            self.dashboard(quote(one["name"]))
        self.ask("/sql", {"sql": "select 1 as one"}, project["csrf"])
        self.ask("/sql/plan", {"sql": "select 1 as one"}, project["csrf"])
        self.page("/", "/dashboards", "/data", "/runs", "/sql", "/lineage")

    def dashboard(self, name: str) -> None:
        """Ask for a dashboard and each of its tiles, whose data must be there."""
        self.page(f"/dashboards/{name}")
        for tile in _tiles(self.route(f"/dashboards/{name}")["blocks"]):
            path = f"/dashboards/{name}/tiles/{quote(tile['id'])}"
            data = self.route(path)
            if data.get("state") == "failed":
                self._wrong.setdefault(path, str(data.get("message") or "failed"))

    def route(self, *paths: str) -> Any:
        """Ask routes of the API; returns the last answer."""
        answer: Any = {}
        for path in paths:
            status, body = self._get("GET", _API + path)
            answer = json.loads(body) if status == _OK else {}
            self._note(path, status)
        return answer

    def ask(self, path: str, body: dict[str, Any], csrf: str) -> None:
        """Ask a route that is sent something."""
        headers = {"Content-Type": "application/json", "X-Penstock-CSRF": csrf}
        status, _ = self._get("POST", _API + path, json.dumps(body), headers)
        self._note(path, status)

    def page(self, *paths: str) -> None:
        """Ask for pages of the app."""
        for path in paths:
            status, body = self._get("GET", path)
            self._note(f"page {path}", status if b"<html" in body else 0)

    def _get(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        settings = self._made.site.settings
        con = http.client.HTTPConnection(settings.host, settings.port, timeout=60)
        try:
            con.request(method, path, body, headers or {})
            answer = con.getresponse()
            return answer.status, answer.read()
        finally:
            con.close()

    def _note(self, path: str, status: int) -> None:
        kind = _kind(path)
        self._asked[kind] = self._asked.get(kind, 0) + 1
        if status != _OK:
            self._wrong.setdefault(path, f"status {status}")

    def findings(self) -> Iterator[Finding]:
        """Give a finding for each kind of page or route."""
        for kind, count in self._asked.items():
            wrong = [f"{path}: {said}" for path, said in self._wrong.items() if _kind(path) == kind]
            yield Finding(kind, count - len(wrong), count, "; ".join(wrong))


def _kind(path: str) -> str:
    """Return what a path is one of, by its parts that are no names."""
    lead, _, rest = path.rpartition(" ")
    parts = rest.partition("?")[0].split("/")
    kept = [part if at in (1, 3) and part else "…" for at, part in enumerate(parts) if at]
    return f"{lead} /{'/'.join(kept)}".strip() if any(parts) else path


def _tiles(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        yield from block.get("tiles", ())
        for tab in block.get("tabs", ()):
            yield from _tiles(tab["blocks"])
