"""A dashboard with the data of its tiles in one answer, made once for all who look at it."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from penstock.app.limits import within
from penstock.app.pages import dashboards
from penstock.app.pages.kept import pages
from penstock.app.pages.lasting import lasts
from penstock.base.errors import PenstockError
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from penstock.app.limits import Question
    from penstock.app.opened import App
    from penstock.model.dashboard import Chart, Dashboard, Part

_AT_ONCE = 4
_PATIENCE = 0.25  # seconds
_SOON = 0.5  # seconds: what is asked for first goes first
_MOMENT = 1.0  # seconds: pages that need more are made when they are asked for
_PREPARED = 12
_SPARED = 50


@record
class Made:
    """A part of an answer as JSON, and when it was made: seconds of the monotonic clock."""

    body: bytes
    at: float


class Sheets:
    """Dashboards as browsers get them; `encode` writes what JSON carries as it is."""

    def __init__(self, app: App, encode: Callable[[Any], bytes]) -> None:
        self._app, self._encode = app, encode
        self._asked: set[Question] = set()
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tile")
        self._closed = threading.Event()
        self._preparing: threading.Thread | None = None
        self._due = 0.0
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Make pages ready soon, as they are first seen: who then clicks on one waits for nothing.

        Where commits come fast it is done seldom, so that it never takes more than a fiftieth of the time.
        """
        with self._lock:
            if self._closed.is_set() or self._app.clock.monotonic() < self._due:
                return
            self._due = float("inf")
            self._preparing = threading.Thread(target=self._prepare, name="prepare", daemon=True)
            self._preparing.start()

    def _prepare(self) -> None:
        if self._closed.wait(_SOON):
            return
        began = self._app.clock.monotonic()
        with suppress(PenstockError):  # said to who asks for the page
            listed = dashboards.dashboards(self._app)
            for one in listed[:_PREPARED]:
                if not self._ready(pages(self._app).one(self._app, one.name)):
                    break
        ended = self._app.clock.monotonic()
        with self._lock:
            self._due = ended + _SPARED * (ended - began)

    def _ready(self, found: Dashboard) -> bool:
        """Make a page and its tiles, one after the other; tells whether each was done in a moment."""
        self._page(found, {})
        for chart in seen(found.parts, ()):
            began = self._app.clock.monotonic()
            if self._closed.is_set():
                return False
            key = self._key(found, chart, {})
            if self._there(key) is None:
                self._tile(key, found, chart, {})
            if self._app.clock.monotonic() - began > _MOMENT:
                return False
        return True

    def close(self) -> None:
        """Begin no other tile, and stop those that are on their way."""
        self._closed.set()
        self._workers.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            preparing = self._preparing
        while True:
            for question in list(self._asked):
                question.stop()
            if preparing is None or not preparing.is_alive():
                break
            preparing.join(0.05)
        self._workers.shutdown(wait=True)

    def sheet(self, name: str, params: Mapping[str, str], tabs: Sequence[str], ids: Sequence[str] | None) -> bytes:
        """Return a page with the data of some tiles, by default of those that are seen with these tabs open.

        Tiles are made side by side. When none was done for a quarter of a second, those that are left are named in
        `waiting` and go on: who asks for one of them by itself gets what was begun. Raises `ConfigError` for no such
        page.
        """
        found = pages(self._app).one(self._app, name)
        wanted = seen(found.parts, tabs) if ids is None else [one for one in found.charts if one.id in ids]
        begun = {one.id: self._begin(found, one, params) for one in wanted}
        try:
            page = self._page(found, params)
            self._wait([one for one in begun.values() if isinstance(one, Future)])
        finally:
            for one in begun.values():
                if isinstance(one, Future):
                    one.cancel()  # only what has not begun
        tiles, waiting = [], []
        for tile, one in begun.items():
            made = _ended(one)
            if made is None:
                waiting.append(tile)
            else:
                tiles.append(b'{%s,"tile":%s}' % (self._when(made), made.body))
        said = (self._when(page), page.body, b",".join(tiles), self._encode(waiting))
        return b'{%s,"page":%s,"tiles":[%s],"waiting":%s}' % said

    def tile(self, name: str, tile_id: str, params: Mapping[str, str]) -> bytes:
        """Return the data of one tile; raises `ConfigError` for no such page or tile."""
        found = pages(self._app).one(self._app, name)
        chart = next((one for one in found.charts if one.id == tile_id), None)
        if chart is None:
            return self._encode(dashboards.json_of(dashboards.tile(self._app, name, tile_id, params)))
        return self._tile(self._key(found, chart, params), found, chart, params).body

    def _key(self, found: Dashboard, chart: Chart, params: Mapping[str, str]) -> tuple[Hashable, ...]:
        return ("tile as JSON", *dashboards.stamp(self._app, found, [chart], params))

    def _begin(self, found: Dashboard, chart: Chart, params: Mapping[str, str]) -> Made | Future[Made]:
        key = self._key(found, chart, params)
        return self._there(key) or self._workers.submit(self._tile, key, found, chart, params)

    def _there(self, key: tuple[Hashable, ...]) -> Made | None:
        """Return a tile that was made in this minute, or before and stays."""
        kept = pages(self._app)
        made: Made | None = kept.known(key) or kept.known(key[:-1])
        return made

    def _tile(self, key: tuple[Hashable, ...], found: Dashboard, chart: Chart, params: Mapping[str, str]) -> Made:
        def tile() -> object:
            made = dashboards.fresh(self._app, found, chart, params)
            stays.append(lasts(self._app, found, params, made))
            return made

        stays: list[bool] = []
        made = self._made(key, tile)
        if any(stays):
            pages(self._app).kept(key[:-1], lambda: made)
        return made

    def _page(self, found: Dashboard, params: Mapping[str, str]) -> Made:
        charts = (*found.charts, *found.values)
        tables = [one.table for one in found.filters if one.table]
        key = ("page as JSON", *dashboards.stamp(self._app, found, charts, params, tables))
        return self._made(key, lambda: dashboards.page(self._app, found.name, params))

    def _made(self, key: Hashable, make: Callable[[], object]) -> Made:
        def made() -> Made:
            at = self._app.clock.monotonic()
            with within(self._app.project.page_limit) as question, self._on_its_way(question):
                return Made(self._encode(dashboards.json_of(make())), at)

        return pages(self._app).kept(key, made)

    @contextmanager
    def _on_its_way(self, question: Question | None) -> Iterator[None]:
        if question is None:
            yield
            return
        self._asked.add(question)
        try:
            yield
        finally:
            self._asked.discard(question)

    def _when(self, made: Made) -> bytes:
        since = max(self._app.clock.monotonic() - made.at, 0)
        return b'"made":"%.6f","seconds":%.1f' % (made.at, since)

    def _wait(self, left: Sequence[Future[Made]]) -> None:
        """Wait for tiles for as long as one after the other is done."""
        pending = set(left)
        while pending:
            done, pending = wait(pending, _PATIENCE, FIRST_COMPLETED)
            if not done:
                return


def _ended(one: Made | Future[Made]) -> Made | None:
    """Return a tile that is there; one that broke is left to be asked for by itself, which says why."""
    if isinstance(one, Made):
        return one
    return one.result() if one.done() and not one.cancelled() and one.exception() is None else None


def seen(parts: Sequence[Part], tabs: Sequence[str]) -> list[Chart]:
    """Return the charts that a page shows while the tabs with these labels are open, elsewhere the first of each."""
    return list(_seen(parts, tabs))


def _seen(parts: Sequence[Part], tabs: Sequence[str]) -> Iterator[Chart]:
    for part in parts:
        if part.kind == "row":
            yield from part.charts
        elif part.tabs:
            inner = next((inner for label, inner in part.tabs if label in tabs), part.tabs[0][1])
            yield from _seen(inner, tabs)
