"""A dashboard with the data of its tiles in one answer, made once for all who look at it."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock.app.limits import within
from penstock.app.pages import dashboards
from penstock.app.pages.kept import pages
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from penstock.app.limits import Question
    from penstock.app.opened import App
    from penstock.model.dashboard import Chart, Dashboard, Part

_AT_ONCE = 4
_PATIENCE = 0.25  # seconds


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

    def close(self) -> None:
        """Begin no other tile, and stop those that are on their way."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        for question in list(self._asked):
            question.stop()
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
                tiles.append(b'{"seconds":%s,"tile":%s}' % (self._since(made), made.body))
        said = (self._since(page), page.body, b",".join(tiles), self._encode(waiting))
        return b'{"seconds":%s,"page":%s,"tiles":[%s],"waiting":%s}' % said

    def tile(self, name: str, tile_id: str, params: Mapping[str, str]) -> bytes:
        """Return the data of one tile; raises `ConfigError` for no such page or tile."""
        found = pages(self._app).one(self._app, name)
        chart = next((one for one in found.charts if one.id == tile_id), None)
        if chart is None:
            return self._encode(dashboards.json_of(dashboards.tile(self._app, name, tile_id, params)))
        return self._tile(self._key(found, chart, params), found, chart, params).body

    def _key(self, found: Dashboard, chart: Chart, params: Mapping[str, str]) -> Hashable:
        return ("tile as JSON", *dashboards.stamp(self._app, found, [chart], params))

    def _begin(self, found: Dashboard, chart: Chart, params: Mapping[str, str]) -> Made | Future[Made]:
        key = self._key(found, chart, params)
        if pages(self._app).has(key):
            return self._tile(key, found, chart, params)
        return self._workers.submit(self._tile, key, found, chart, params)

    def _tile(self, key: Hashable, found: Dashboard, chart: Chart, params: Mapping[str, str]) -> Made:
        return self._made(key, lambda: dashboards.fresh(self._app, found, chart, params))

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

    def _since(self, made: Made) -> bytes:
        return b"%.1f" % max(self._app.clock.monotonic() - made.at, 0)

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
