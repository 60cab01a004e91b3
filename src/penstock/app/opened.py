"""An opened project, with the implementations that its settings name: each opened when it is first needed."""

from __future__ import annotations

import os
import random
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from penstock.app.warehouse import open_warehouse, place_of
from penstock.base import plugins
from penstock.base.clock import Clock, SystemClock
from penstock.base.errors import ConfigError
from penstock.base.text import did_you_mean
from penstock.load.project import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from penstock.app.warehouse import Place
    from penstock.model.option import Options
    from penstock.model.project import Project
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.model.table import Function
    from penstock.model.tuning import Tuning
    from penstock.protocols.engine import Engine
    from penstock.protocols.journal import Journal
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Connector, Context, Source
    from penstock.run.events import Event
    from penstock.run.runner import World

_CONNECTORS = "penstock.connectors"
_FILE = "penstock.toml"
_KINDS = {"https": "http", "file": "files"}


def connector(kind: str) -> Connector:
    """Return the connector of a kind; raises `ConfigError` naming the nearest for an unknown one."""
    found: Connector = plugins.load(_CONNECTORS, _KINDS.get(kind, kind))
    return found


def options_of(kind: str) -> Options:
    """Return what a kind of connector can be told."""
    return connector(kind).options


class App:
    """A project that is open; closing it lets go of its warehouse. `tuning` says how refreshes are chosen."""

    def __init__(
        self, project: Project, *, wait: float = 5.0, clock: Clock | None = None, tuning: Tuning | None = None
    ) -> None:
        self.project = project
        self.root = Path(project.root)
        self.clock: Clock = clock or SystemClock()
        self.random = random.Random()  # noqa: S311
        # Hears of every run: its id and an event, or None when the run began or ended.
        self.hear: Callable[[str, Event | None], None] | None = None
        self._wait = wait
        self._tuning = tuning
        self._engine: Engine | None = None
        self._journal: Journal | None = None
        self._lock = RLock()

    @property
    def state(self) -> Path:
        """The folder for what Penstock keeps beside the project's files."""
        return self.root / ".penstock"

    @property
    def tuning(self) -> Tuning:
        """How refreshes are chosen."""
        if self._tuning is None:
            from penstock.model.tuning import Tuning

            self._tuning = Tuning()
        return self._tuning

    @property
    def engine(self) -> Engine:
        """The warehouse, opened now if it was not; borrowed from a process that serves it.

        Waits a little while another process holds it.
        """
        with self._lock:
            if self._engine is None:
                kind, _, address = self.project.warehouse.partition(":")
                if kind != "duckdb":
                    raise ConfigError(
                        f"no engine for the warehouse '{kind}'", expected="duckdb:PATH",
                        where="penstock.toml", hint=did_you_mean(kind, ["duckdb"]),
                    )  # fmt: skip
                path = None if address == ":memory:" else self.root / address
                self._engine = open_warehouse(path, self.place, self._wait, self.clock)
            return self._engine

    @property
    def place(self) -> Place | None:
        """Where the warehouse is lent while a process serves it; None for one in memory."""
        return place_of(self.root, self.state, self.project)

    @property
    def journal(self) -> Journal:
        """The journal of this environment."""
        with self._lock:
            if self._journal is None:
                from penstock.stores.sqlite import SqliteJournal

                name = "journal" if self.project.env == "default" else f"journal-{self.project.env}"
                self._journal = SqliteJournal(self.state / f"{name}.db", self.clock)
            return self._journal

    def context(self) -> Context:
        """Return what connectors are given."""
        from penstock.protocols.source import Context

        return Context(self.root, self.state / "tmp", self.clock, self.engine.exporter(), os.environ)

    def source(self, table: RawTable) -> Source:
        """Make the source of a raw table."""
        return connector(table.connection.kind).source(table, self.context())

    def sink(self, sink: SinkTable) -> Sink:
        """Make a sink."""
        return connector(sink.connection.kind).sink(sink, self.context())

    def function(self, function: Function) -> Callable[..., Any]:
        """Import a function of the project."""
        from penstock.load.python import function as find

        return find(self.root, function)

    def world(self) -> World:
        """Return what a run works with."""
        from penstock.run.runner import World

        return World(
            self.project, self.engine, self.journal, self.clock, self.random, self.source, self.sink, self.function,
            self.tuning,
        )  # fmt: skip

    def reload(self) -> None:
        """Load the project's files anew; raises `ConfigError` for mistakes, and keeps what was loaded before."""
        env = None if self.project.env == "default" else self.project.env
        self.project = load(self.root, env, options_of, os.environ)

    def close(self) -> None:
        """Let go of the warehouse and the journal."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def __enter__(self) -> Self:
        """Use it in a `with` statement."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def locate(path: str | os.PathLike[str] | None = None) -> Path:
    """Return a project's folder: the one given, or the nearest, here or above, with a `penstock.toml`.

    Raises `ConfigError` where there is none.
    """
    if path is not None and os.fspath(path) != ".":
        folder = Path(path)
        if (folder / _FILE).is_file():
            return folder
        got = f"a folder without {_FILE}" if folder.is_dir() else "no folder of that name"
        raise ConfigError(
            f"'{folder}' is not a project",
            expected=f"a folder with a {_FILE}",
            got=got,
            hint=f"penstock init {folder} writes a project there",
        )
    here = Path.cwd()
    found = next((folder for folder in (here, *here.parents) if (folder / _FILE).is_file()), None)
    if found is None:
        raise ConfigError(
            "there is no project here",
            expected=f"a {_FILE} in this folder or one above it",
            hint="go to a project's folder, name one with --project DIR, or make one with penstock init",
        )
    return found


def open_project(
    path: str | Path = ".", env: str | None = None, wait: float = 5.0, tuning: Tuning | None = None
) -> App:
    """Open the project in a folder; raises `ConfigError` or `ConfigErrors` for mistakes in its files."""
    root = Path(path).absolute()
    if root.is_file():
        root = root.parent
    return App(load(root, env, options_of, os.environ), wait=wait, tuning=tuning)


def declared(name: str, root: Path, said: Mapping[str, Any]) -> App:
    """Open a project that was declared in Python; raises `ConfigError` or `ConfigErrors` for mistakes."""
    from penstock.load.build import build

    return App(build(name, root, options_of=options_of, **said))
