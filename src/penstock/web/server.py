"""The server: the routes behind the guard, in one process that holds the warehouse."""

from __future__ import annotations

import gzip
import logging
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Route as Served

from penstock.app.serving.missing import NoSuchError
from penstock.base.errors import ConfigError, PenstockError, PlanError, RetryableError, UnsupportedError
from penstock.protocols.engine import StoppedError
from penstock.web import dashboards, home, lineage, openapi, runs, sql, tables
from penstock.web.carry import encoded, error_shape
from penstock.web.guard import Guard, RefusedError, TooLargeError
from penstock.web.route import AskError, Call
from penstock.web.site import STATIC, BusyError, TakenError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from starlette.requests import Request

    from penstock.web.route import Route
    from penstock.web.site import Site

BOOKS = (home.BOOK, tables.BOOK, runs.BOOK, lineage.BOOK, dashboards.BOOK, sql.BOOK)
ROUTES: tuple[Route, ...] = tuple(route for book in BOOKS for route in book.routes)
THREADS = 8
_JSON = "application/json"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
# The first that an error is an instance of says its status.
_STATUSES: tuple[tuple[type[PenstockError], int], ...] = (
    (NoSuchError, 404),
    (TooLargeError, 413),
    (RefusedError, 403),
    (AskError, 400),
    (BusyError, 429),
    (TakenError, 409),
    (StoppedError, 422),
    (PlanError, 422),
    (RetryableError, 503),
    (ConfigError, 400),
    (UnsupportedError, 422),
    (PenstockError, 422),
)
_UNBUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Penstock</title>
<h1>The pages are not built</h1><p>This copy of Penstock was installed from its source: <code>make ui</code> builds
them. The API answers all the same: <a href="/api/v1/home">/api/v1/home</a>, described in
<a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></html>"""
_log = logging.getLogger("penstock")


def make(site: Site) -> Starlette:
    """Return the server's application over an open project."""
    limiter = anyio.CapacityLimiter(THREADS)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(site.watch.watch)
            yield
            site.close()
            group.cancel_scope.cancel()

    served = [Served(openapi.BASE + one.path, _answerer(one, site, limiter), methods=[one.method]) for one in ROUTES]
    described = encoded(openapi.document(ROUTES))
    served += [
        Served(f"{openapi.BASE}/openapi.json", lambda _: Response(described, media_type=_JSON)),
        Served(f"{openapi.BASE}/events", _events(site)),
        Served("/api/{rest:path}", _no_route),
        Served("/{path:path}", _page),
    ]
    return Starlette(
        routes=served,
        lifespan=life,
        middleware=[Middleware(Guard, settings=site.settings)],
        exception_handlers={PenstockError: _failed, HTTPException: _refused, 500: _broken},
    )


# ── the API ─────────────────────────────────────────────────────────────────────────────────────────────


def _answerer(route: Route, site: Site, limiter: anyio.CapacityLimiter) -> Callable[[Request], Any]:
    """Return what answers a route's requests: its function, in one of a few threads."""

    async def answer(request: Request) -> Response:
        given = {one.name: one.read(request.query_params) for one in route.params}
        query = dict(request.query_params) if route.open_query else {}
        body = None if route.body is None else _body(route, await request.body(), request.headers)
        call = Call(site, request.path_params, given, query, body, request.headers.get("accept", ""))

        def work() -> Response | bytes:
            site.watch.catch_up()
            found = route.does(call)
            return found if isinstance(found, (Response, bytes)) else encoded(found)

        made = await anyio.to_thread.run_sync(work, limiter=limiter)
        if isinstance(made, Response):
            return made
        return Response(made, route.status, {"Cache-Control": "no-store"}, _JSON)

    return answer


def _body(route: Route, sent: bytes, headers: Any) -> Any:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise AskError("the body is not said to be JSON", expected=f"Content-Type: {_JSON}")
    try:
        return msgspec.json.decode(sent, type=route.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AskError(f"the body is not what {route.path} takes", got=str(error)) from None


def _events(site: Site) -> Callable[[Request], Any]:
    async def events(request: Request) -> Response:
        if site.hub.listeners >= 200:  # noqa: PLR2004
            raise BusyError("too many listen already", hint="close a tab")
        last = request.headers.get("last-event-id", "") or request.query_params.get("last", "")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        told = site.hub.listen(lambda: site.app.engine.version, last)
        return StreamingResponse(told, headers=headers, media_type="text/event-stream")

    return events


async def _no_route(request: Request) -> Response:
    raise NoSuchError(f"there is no route {request.url.path[:200]}", hint=f"{openapi.BASE}/openapi.json has them all")


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────


async def _page(request: Request) -> Response:
    """Serve a file of the built app, and its first page for every other address: the app knows its own."""
    path = request.path_params["path"]
    file = (STATIC / path).resolve()
    if path and file.is_file() and file.is_relative_to(STATIC):
        lasting = path.startswith("assets/")
        headers = {"Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache"}
        if lasting and "gzip" in request.headers.get("accept-encoding", ""):
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            kind = _TYPES.get(file.suffix, "application/octet-stream")
            return Response(await anyio.to_thread.run_sync(_gzipped, file), headers=headers, media_type=kind)
        return FileResponse(file, headers=headers)
    if path.startswith("assets/"):
        raise NoSuchError(f"there is no file {path[:200]}")
    if not (STATIC / "index.html").is_file():
        return HTMLResponse(_UNBUILT, headers={"Cache-Control": "no-cache"})
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=256)
def _gzipped(file: Path) -> bytes:
    """Return a file whose name changes with what is in it, made small once."""
    return gzip.compress(file.read_bytes(), 6, mtime=0)


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────────


def status_of(error: PenstockError) -> int:
    """Return the status that says who acts."""
    return next(status for kind, status in _STATUSES if isinstance(error, kind))


async def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, PenstockError)  # noqa: S101
    body = encoded({"error": error_shape(error)})
    return Response(body, status_of(error), {"Cache-Control": "no-store"}, _JSON)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    said = AskError(f"{request.method} {request.url.path[:200]}: {error.detail}")
    headers = {"Cache-Control": "no-store", **(error.headers or {})}
    return Response(encoded({"error": error_shape(said)}), error.status_code, headers, _JSON)


async def _broken(request: Request, error: Exception) -> Response:
    _log.error("%s %s could not be answered", request.method, request.url.path, exc_info=error)
    said = PenstockError("something went wrong in Penstock itself", hint="the server's output says more")
    return Response(encoded({"error": error_shape(said)}), 500, {"Cache-Control": "no-store"}, _JSON)
