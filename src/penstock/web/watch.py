"""What changed, looked for while someone listens: the warehouse's version, and the project's files."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from penstock.app.opened import App
    from penstock.model.commit import Commit
    from penstock.web.live import Hub

_FOLDERS = {"sources", "tables", "sinks", "metrics", "dashboards", "tests"}
_ENDINGS = (".toml", ".sql", ".py", ".md")
_TICK_SECONDS = 0.1
_FILES_EVERY = 10  # ticks
_IDLE_SECONDS = 1.0
_MOST_FILES = 20_000


class Watch:
    """Looks for changes and tells the hub of them; `changed` is called after a commit that someone hears of."""

    def __init__(
        self, app: App, hub: Hub, reload: Callable[[], None], changed: Callable[[], None] = lambda: None
    ) -> None:
        self._app = app
        self._hub = hub
        self._reload = reload
        self._changed = changed
        self._version = app.engine.version
        self._files = seen(app.root)
        self._looked = app.clock.monotonic()
        self._lock = threading.Lock()

    async def watch(self) -> None:
        """Look again and again, for as long as the server runs."""
        tick = 0
        while not self._hub.closed:
            if not self._hub.listeners:
                await asyncio.sleep(_TICK_SECONDS)
                continue
            if self._app.engine.version != self._version:
                await asyncio.to_thread(self.versions)
            tick = (tick + 1) % _FILES_EVERY
            if not tick:
                await asyncio.to_thread(self.files)
            await asyncio.sleep(_TICK_SECONDS)

    def committed(self, commit: Commit) -> None:
        """Tell of a commit, in the thread that made it."""
        with self._lock:
            if commit.version <= self._version:
                return
            self._version = commit.version
        self._tell(commit.version, commit.tables, commit.run)

    def versions(self) -> None:
        """Tell of every commit since the last look, as one event."""
        with self._lock:
            engine = self._app.engine
            version = engine.version
            if version == self._version:
                return
            commits = [one for one in engine.commits(max(version - self._version, 1)) if one.version > self._version]
            self._version = version
        self._tell(version, (name for one in commits for name in one.tables), commits[0].run if commits else "")

    def _tell(self, version: int, tables: Iterable[str], run: str) -> None:
        seen_by_all = sorted({name for name in tables if not name.startswith("@")})
        self._hub.tell("commit", {"version": version, "tables": seen_by_all, "run": run})
        if self._hub.listeners:
            self._changed()

    def files(self) -> None:
        """Load the project anew where its files changed, and tell of it."""
        with self._lock:
            self._looked = self._app.clock.monotonic()
            found = seen(self._app.root)
            changed = sorted(name for name, _ in found.items() ^ self._files.items())
            self._files = found
            if not changed:
                return
            self._reload()
        pages = {name for name in changed if name.startswith("dashboards/") and name.endswith(".md")}
        for name in sorted(pages):
            self._hub.tell("page", {"name": name.removeprefix("dashboards/").removesuffix(".md").replace("/", ".")})
        if len(pages) < len(set(changed)):
            self._hub.tell("project", {})

    def catch_up(self) -> None:
        """Look at the files if nobody did for a while, as is so while no one listens."""
        if self._app.clock.monotonic() - self._looked > _IDLE_SECONDS:
            self.files()


def seen(root: Path) -> dict[str, tuple[int, int]]:
    """Return the files that declare a project, each with its time and size."""
    found: dict[str, tuple[int, int]] = {}
    for path in _files(str(root)):
        try:
            stat = os.stat(path)  # noqa: PTH116  # a thousand files in a few milliseconds
        except OSError:
            continue
        found[os.path.relpath(path, root).replace(os.sep, "/")] = (stat.st_mtime_ns, stat.st_size)
    return found


def _files(root: str) -> Iterator[str]:
    yield os.path.join(root, "penstock.toml")  # noqa: PTH118
    yield os.path.join(root, ".env")  # noqa: PTH118
    left = _MOST_FILES
    for folder in sorted(_FOLDERS):
        for base, folders, names in os.walk(os.path.join(root, folder)):  # noqa: PTH118
            folders[:] = [one for one in folders if not one.startswith((".", "__"))]
            for name in names:
                if name.endswith(_ENDINGS) and not name.startswith("."):
                    left -= 1
                    if left < 0:
                        return
                    yield os.path.join(base, name)  # noqa: PTH118
