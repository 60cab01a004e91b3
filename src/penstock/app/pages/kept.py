"""The dashboards of an open project: read again when their files change, with what was computed for them kept."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakKeyDictionary

from penstock.app.past import Past, checked
from penstock.base.errors import ConfigError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.load import dashboards as files

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from datetime import datetime

    from penstock.app.opened import App
    from penstock.model.dashboard import Dashboard

T = TypeVar("T")
_KEPT = 1_024
_STALE_AFTER = 1.0  # seconds
_RUNS = 20


@record
class Standing:
    """How a table stands: when it was last brought up to date, its age in seconds, and how old it may be.

    `state` is `ok`, `late`, `failed` (its rows are those of before), `missing` (never built) or `building`; `run` is
    the one that last brought it up to date, where it is still among the newest.
    """

    state: str
    checked_at: datetime | None = None
    age: float | None = None
    fresh: float | None = None
    message: str = ""
    run: str = ""


class Pages:
    """The dashboards of one project."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._project: object = None
        self._read: dict[str, tuple[tuple[int, int, str], Dashboard]] = {}
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._turns: dict[Hashable, RLock] = {}
        self._standing: tuple[float, dict[str, Standing]] = (float("-inf"), {})

    def belong_to(self, project: object) -> None:
        """Forget what was computed under other definitions."""
        with self._lock:
            if self._project is not project:
                self._project = project
                self._kept.clear()
                self._standing = (float("-inf"), {})

    def all(self, app: App) -> dict[str, Dashboard]:
        """Return every dashboard by name; only files that changed are read."""
        return {name: self._page(app, name, path) for name, path in files.listed(app.root).items()}

    def one(self, app: App, name: str) -> Dashboard:
        """Return a dashboard; raises `ConfigError` with the nearest name."""
        paths = files.listed(app.root)
        if name not in paths:
            hint = did_you_mean(name, paths) or "dashboards/NAME.md makes one; penstock dashboard new TABLE writes it"
            raise ConfigError(f"no dashboard '{name}'", hint=hint)
        return self._page(app, name, paths[name])

    def _page(self, app: App, name: str, path: str) -> Dashboard:
        try:
            stat = (app.root / path).stat()
            stamp = (stat.st_mtime_ns, stat.st_size, path)
        except OSError:
            stamp = (0, 0, path)
        known = self._read.get(name)
        if known is None or known[0] != stamp:
            known = (stamp, files.read(app.root, name, path))
            self._read[name] = known
        return known[1]

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made under a key, or make it; the oldest goes when there is too much.

        Where several ask for the same at once, one makes it and the others wait for that.
        """
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("T", self._kept[key])
            turn = self._turns.setdefault(key, RLock())
        with turn:
            with self._lock:
                project = self._project
                if key in self._kept:
                    return cast("T", self._kept[key])
            try:
                made = make()
                self._keep(key, made, project)
            finally:
                with self._lock:
                    self._turns.pop(key, None)
        return made

    def _keep(self, key: Hashable, made: object, project: object) -> None:
        """Keep what was made, unless the definitions that it was made under are not in force any more."""
        with self._lock:
            if self._project is project:
                self._kept[key] = made
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)

    def known(self, key: Hashable) -> Any:
        """Return what is kept under a key, or None."""
        with self._lock:
            return self._kept.get(key)

    def standing(self, app: App) -> dict[str, Standing]:
        """Return how every table stands, not older than a second."""
        now = app.clock.monotonic()
        at, found = self._standing
        if now - at > _STALE_AFTER:
            found = _standing(app)
            self._standing = (now, found)
        return found


_PAGES: WeakKeyDictionary[App, Pages] = WeakKeyDictionary()


def pages(app: App) -> Pages:
    """Return the dashboards of an open project; what was computed is forgotten when its definitions were read anew."""
    found = _PAGES.setdefault(app, Pages())
    found.belong_to(app.project)
    return found


def _standing(app: App) -> dict[str, Standing]:
    relations, now = app.engine.relations(), app.clock.now()
    past = Past(app, _RUNS)
    times = {commit.version: commit.at for commit in app.engine.commits(200)}
    found = {}
    for item in app.project:
        relation = relations.get(item.name)
        good, last = past.good.get(item.name), past.last.get(item.name)
        at = checked(*good) if good else times.get(relation.seen or relation.changed) if relation else None
        age = max((now - at).total_seconds(), 0.0) if at else None
        fresh = item.fresh.total_seconds() if item.fresh else None
        failed = last[1].error or {} if last and last[1].state == "failed" else None
        state = _state(relation is None, item.name in past.running, failed is not None, age, fresh)
        said = str(failed.get("subject", "")) if failed else ""
        found[item.name] = Standing(state, at, age, fresh, said, good[0].id if good else "")
    return found


def _state(missing: bool, running: bool, failed: bool, age: float | None, fresh: float | None) -> str:
    if missing:
        return "building" if running else "failed" if failed else "missing"
    if failed:
        return "failed"
    return "late" if age is not None and fresh is not None and age > fresh else "ok"


def worst(standing: dict[str, Standing], tables: Iterable[str]) -> Standing:
    """Return how some tables stand together: the worst state, the greatest age, the shortest freshness."""
    found = [standing[name] for name in tables if name in standing]
    if not found:
        return Standing("ok")
    order = ("ok", "late", "failed", "building", "missing")
    state = max((one.state for one in found), key=order.index)
    times = [one.checked_at for one in found if one.checked_at]
    ages = [one.age for one in found if one.age is not None]
    fresh = [one.fresh for one in found if one.fresh is not None]
    message = next((one.message for one in found if one.state == state and one.message), "")
    return Standing(state, min(times, default=None), max(ages, default=None), min(fresh, default=None), message)
