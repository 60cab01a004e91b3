"""The door for pipeline authors: open a project, run it, ask it, look at its rows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from penstock.app.finding import finding
from penstock.base import text as words
from penstock.base.cells import cell, clean
from penstock.base.errors import RunError, UnsupportedError
from penstock.model.check import Verdict
from penstock.model.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, timedelta
    from types import TracebackType
    from typing import Self

    import arro3.core
    import pandas as pd
    import polars as pl

    from penstock.app.answers import (
        Explained,
        Lineage,
        Planned,
        Replayed,
        RolledBack,
        TableStatus,
        UnitResult,
        Vacuumed,
        Verified,
    )  # fmt: skip
    from penstock.app.requests import App
    from penstock.load.declared import check, sink, source, table
    from penstock.protocols.engine import Rows

__all__ = [
    "Project", "Result", "RunResult", "TableResult", "cell", "check", "clean", "finding", "open", "sink", "source",
    "table",
]  # fmt: skip

_DECLARED = frozenset({"check", "sink", "source", "table"})
_SHOWN = 10
_ALL = 2**62
_SHOWN_HTML = 20


def __getattr__(name: str) -> object:
    """Return what declarations are made with, imported from its home on first use."""
    if name in _DECLARED:
        from penstock.load import declared

        found: object = getattr(declared, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)


def open(path: str | os.PathLike[str] = ".", env: str | None = None) -> Project:
    """Open the project in a folder; by default the nearest one, here or above, as the command line does.

    `env` names an environment of `penstock.toml`. Raises `ConfigError`, or `ConfigErrors` with all that is
    wrong in the project's files. The warehouse is opened when first needed, and held until `close`.

    >>> import pathlib, tempfile, penstock
    >>> folder = tempfile.TemporaryDirectory()
    >>> root = pathlib.Path(folder.name)
    >>> _ = (root / "penstock.toml").write_text('name = "tiny"')
    >>> (root / "tables").mkdir()
    >>> _ = (root / "tables" / "spend.sql").write_text("select 'ada' as customer, 3.50 as amount")
    >>> with penstock.open(root) as project:
    ...     project.run().ok
    ...     project.sql("select amount * 2 as twice from spend").fetchall()
    True
    [(Decimal('7.00'),)]
    >>> folder.cleanup()
    """
    from penstock.app import requests
    from penstock.app.opened import locate

    return Project(requests.open_project(locate(path), env))


def build(name: str, root: str | os.PathLike[str] = ".", **declared: Any) -> Project:
    """Open a project that is declared in Python, in the folder `root`: the same objects as files give.

    `declared` takes `connections` (name to `kind:address`), and sequences of the nouns `raw` (`RawTable`), `tables`
    (`Table`), `sinks` (`SinkTable`) and `units` (`UnitTest`), all importable from `penstock`. Parents, fingerprints
    and order are found. Raises `ConfigError`, or `ConfigErrors` with all that is wrong.

    >>> import tempfile, penstock
    >>> spend = penstock.Table("spend", sql="select 'ada' as customer, 3.50 as amount")
    >>> with tempfile.TemporaryDirectory() as folder, penstock.build("tiny", folder, tables=[spend]) as project:
    ...     project.run().ok, project.sql("from spend").fetchall()
    (True, [('ada', Decimal('3.50'))])
    """
    from penstock.app import opened

    return Project(opened.declared(name, Path(root), declared))


class Project:
    """A project that is open; use it in a `with` statement, or call `close` when done.

    While it is open it may hold the warehouse, which no other process can then open.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._closed = False
        self._results: WeakSet[Result] = WeakSet()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = " (closed)" if self._closed else ""
        return f"<Project {self.name} in {self.root}: {words.plural(len(self.tables), 'table')}{state}>"

    @property
    def name(self) -> str:
        """The project's name."""
        return self._app.project.name

    @property
    def root(self) -> Path:
        """The project's folder."""
        return Path(self._app.root)

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of all tables, raw ones too, each after what it reads."""
        return tuple(self._app.project.order)

    def run(self, *select: str, exclude: Sequence[str] = (), full: bool = False) -> RunResult:
        """Bring the selected tables (by default all), less `exclude`, up to date once.

        `full` computes anew what would be left as it is otherwise. What fails in a table is part of the
        result and not raised: ask `.ok` or call `.raise_for_failure()`. Raises `ConfigError` for a selection
        of nothing.
        """
        from penstock.app import requests

        run = requests.run(self._open(), select, exclude=exclude, full=full, command="python")
        recorded, verdicts = requests.run_detail(self._open(), run.id)
        return RunResult(recorded, tuple(verdicts))

    def plan(self, *select: str, exclude: Sequence[str] = ()) -> list[Planned]:
        """Return what a run would do with each table and sink, and why."""
        from penstock.app import requests

        return requests.plan(self._open(), select, exclude=exclude)

    def sql(self, text: str) -> Result:
        """Ask one `select` of the warehouse; raises `PlanError`, with the place underlined, for a mistake."""

        def ask() -> Rows:
            from penstock.app import requests

            return requests.sql(self._open(), text)

        return Result(ask, self._results)

    def table(self, name: str) -> TableResult:
        """Return all rows of a table, from which its past can be asked for as well.

        Raises `ConfigError`, with the nearest name, for an unknown one.

        >>> import tempfile, penstock
        >>> spend = penstock.Table("spend", sql="select 'ada' as customer, 3.50 as amount")
        >>> with tempfile.TemporaryDirectory() as folder, penstock.build("tiny", folder, tables=[spend]) as project:
        ...     _ = project.run()
        ...     project.table("spend").at(version=1).fetchall()
        ...     project.table("spend").changes(0).columns
        [('ada', Decimal('3.50'))]
        ('_change', '_version', '_at', 'customer', 'amount')
        """

        def ask() -> Rows:
            from penstock.app import requests

            return requests.show(self._open(), name, _ALL)

        return TableResult(self._open, name, ask, self._results)

    def check(self, *select: str) -> list[Verdict]:
        """Check the rows that are in the warehouse, and return how each check ended."""
        from penstock.app import requests

        return requests.check(self._open(), select)

    def verify(self, *select: str, rows: int = 5) -> list[Verified]:
        """Recompute the selected tables in full and compare, with at most so many rows of a difference."""
        from penstock.app import requests

        return requests.verify(self._open(), select, rows=rows)

    def explain(self, name: str) -> Explained:
        """Return how a table is kept fresh, and why: its blocks, what a change leads to, what it would cost."""
        from penstock.app import requests

        return requests.explain(self._open(), name)

    def test(self, *select: str) -> list[UnitResult]:
        """Run the unit tests of the selected tables; they touch nothing in the warehouse."""
        from penstock.app import requests

        return requests.test(self._open(), select)

    def status(self) -> list[TableStatus]:
        """Return how each table stands."""
        from penstock.app import requests

        return requests.status(self._open())

    def lineage(self, name: str) -> Lineage:
        """Return what a table reads and what reads it, all the way up and down."""
        from penstock.app import requests

        return requests.lineage(self._open(), name)

    def replay(self, name: str) -> Replayed:
        """Try a table's rejected rows again, after the mistake in its declaration has been mended."""
        from penstock.app import requests

        return requests.replay(self._open(), name, command="python")

    def rollback(self, name: str) -> RolledBack:
        """Let a table show what it showed before its definition changed, at once; what reads it follows with a run.

        It stays so until its definition changes again, or is asked for by `run(full=True)`. Raises `ConfigError` for
        an unknown table, `UnsupportedError` for a raw one, `FatalError` where no other definition is kept.
        """
        from penstock.app import history

        return history.rollback(self._open(), name, command="python")

    def vacuum(self, keep: timedelta | None = None) -> Vacuumed:
        """Remove rows and relations that went longer ago than `keep`, by default the project's `history`."""
        from penstock.app import history

        return history.vacuum(self._open(), keep)

    def runs(self, limit: int = 20) -> list[Run]:
        """Return the newest runs with their steps, newest first."""
        from penstock.app import requests

        return requests.runs(self._open(), limit)

    def close(self) -> None:
        """Let go of the warehouse; a result that was not read yet cannot be read any more."""
        if self._closed:
            return
        self._closed = True
        for result in list(self._results):
            result.close()
        self._app.close()

    def _open(self) -> App:
        if self._closed:
            raise RunError(
                f"the project '{self.name}' is closed",
                hint="read results before the project is closed, or open it again with penstock.open",
            )
        return self._app


@dataclass(frozen=True, repr=False)
class RunResult:
    """How a run ended: the run as recorded, with its steps, and how its checks ended."""

    run: Run
    checks: tuple[Verdict, ...] = ()

    def __repr__(self) -> str:
        return f"<RunResult {self.run.id}: {self.finding}>"

    @property
    def ok(self) -> bool:
        """Whether everything that was selected is up to date."""
        return self.run.state == "done"

    @property
    def finding(self) -> str:
        """The one line that says what happened."""
        return finding(self.run, self.checks)

    def raise_for_failure(self) -> Self:
        """Return the result itself, or raise `RunError` with what failed first."""
        if self.ok:
            return self
        if not self.run.failed:
            said = f"run {self.run.id} is {self.run.state}"
            raise RunError(said, hint="run again: it goes on from the last commit")
        first, *rest = self.run.failed
        error = first.error or {}
        others = f" and {len(rest):,} more" if rest else ""
        fields = {name: str(error.get(name, "")) for name in ("expected", "got", "where", "hint", "excerpt")}
        raise RunError(f"{first.table}{others} failed: {error.get('subject', '')}", **fields)


class Result:
    """Rows that were asked for: read when first used, and kept, so that they can be used more than once.

    It speaks the Arrow PyCapsule interface, so Polars, pandas, pyarrow and DuckDB take it as it is. The Arrow
    form and the Python form are each read when first asked for.
    """

    def __init__(self, ask: Callable[[], Rows], register: WeakSet[Result] | None = None) -> None:
        self._ask = ask
        self._waiting: Rows | None = ask()
        self._schema = self._waiting.schema
        self._arrow: arro3.core.Table | None = None
        self._rows: list[tuple[Any, ...]] | None = None
        self._head: list[tuple[Any, ...]] | None = None
        if register is not None:
            register.add(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return self._schema.names

    @property
    def types(self) -> tuple[str, ...]:
        """The types of the columns, in Penstock's words and in the order of `columns`."""
        return tuple(column.type for column in self._schema)

    def __len__(self) -> int:
        if self._rows is not None:
            return len(self._rows)
        return int(self.arrow().num_rows)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.arrow().__arrow_c_stream__(requested_schema)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows as tuples of Python values."""
        if self._rows is None:
            rows = self._take()
            self._rows = rows.fetch()
            rows.close()
        return list(self._rows)

    def arrow(self) -> arro3.core.Table:
        """Return the rows as an Arrow table of arro3, which comes with Penstock."""
        if self._arrow is None:
            from arro3.core import Table

            rows = self._take()
            self._arrow = Table.from_arrow(rows)
            rows.close()
        return self._arrow

    def pl(self) -> pl.DataFrame:
        """Return the rows as a Polars frame; raises `UnsupportedError` where Polars is not installed."""
        try:
            import polars as pl
        except ModuleNotFoundError as error:
            raise _missing("pl", "polars", error) from error
        return pl.DataFrame(self)

    def df(self) -> pd.DataFrame:
        """Return the rows as a pandas frame; raises `UnsupportedError` where pandas is not installed.

        A column of integers with nulls becomes one of pandas' nullable integers, since a float would round.
        """
        try:
            import_module("pandas")
            pa: Any = import_module("pyarrow")
        except ModuleNotFoundError as error:
            raise _missing("df", "pandas", error) from error
        found = pa.table(self)
        frame = found.to_pandas()
        for at, column in enumerate(found.columns):
            if column.null_count and pa.types.is_integer(column.type):
                frame.isetitem(at, column.to_pandas(types_mapper=_nullable))
        made: pd.DataFrame = frame
        return made

    def close(self) -> None:
        """Let go of rows that were not read."""
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None

    def __repr__(self) -> str:
        rows, more = self._first(_SHOWN)
        body = [[cell(value) for value in row] for row in rows]
        head = [[clean(name) for name in self.columns], list(self.types)]
        sizes = [max(map(len, column)) for column in zip(*head, *body, strict=True)]
        rule = ["-" * size for size in sizes]
        table = [zip(row, sizes, strict=True) for row in (*head, rule, *body)]
        lines = ["  ".join(text.ljust(size) for text, size in row).rstrip() for row in table]
        return "\n".join([*lines, f"({_counted(rows, more)})"])

    def _repr_html_(self) -> str:
        """Show the first rows in a notebook; what comes from the data is escaped."""
        from html import escape

        rows, more = self._first(_SHOWN_HTML)
        heads = "".join(f"<th>{escape(clean(c.name))}<br><small>{escape(c.type)}</small></th>" for c in self._schema)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell(value))}</td>" for value in row) + "</tr>" for row in rows)
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        return f"{table}<small>{_counted(rows, more)}</small>"

    def _take(self) -> Rows:
        rows, self._waiting = self._waiting, None
        return rows if rows is not None else self._ask()

    def _first(self, count: int) -> tuple[list[tuple[Any, ...]], bool]:
        found = self._rows if self._rows is not None else self._head
        if found is None:
            rows = self._take()
            found = self._head = rows.fetch(_SHOWN_HTML + 1)
            rows.close()
        return found[:count], len(found) > count


class TableResult(Result):
    """All rows of a table as it is, and the way to what it was.

    A point in time is a version (an `int`) or a time (a `date`, a `datetime`, a text as in ISO 8601; without an offset
    it is in UTC). `PlanError` is raised for one that is not there, not yet, or no longer kept.
    """

    def __init__(
        self, app: Callable[[], App], name: str, ask: Callable[[], Rows], register: WeakSet[Result] | None = None
    ) -> None:
        super().__init__(ask, register)
        self._app, self._name, self._register = app, name, register

    def at(self, *, version: int | None = None, time: date | str | None = None) -> Result:
        """Return all rows of the table as it was at a version, or at a time; give one of the two."""
        point = version if version is not None else time
        if point is None or (version is not None and time is not None):
            raise TypeError("at() takes either version= or time=")

        def ask() -> Rows:
            from penstock.app import history

            return history.at(self._app(), self._name, point)

        return Result(ask, self._register)

    def changes(self, after: int | date | str, until: int | date | str | None = None) -> Result:
        """Return the rows that came and went after one point in time, up to another (by default now).

        Before the table's columns stand `_change` (`insert` or `delete`), `_version` and `_at`, its time. 0 is the
        beginning.
        """

        def ask() -> Rows:
            from penstock.app import history

            return history.changes(self._app(), self._name, after, until)

        return Result(ask, self._register)

    def history(self) -> Result:
        """Return all rows that the table has and had, with `valid_from` and `valid_to` (null while it has the row)."""

        def ask() -> Rows:
            from penstock.app import history

            return history.history(self._app(), self._name)

        return Result(ask, self._register)


def _missing(method: str, extra: str, error: ModuleNotFoundError) -> UnsupportedError:
    return UnsupportedError(
        f".{method}() needs {error.name}, which is not installed", hint=f"pip install 'penstock[{extra}]'"
    )


def _nullable(kind: Any) -> Any:
    """Return pandas' nullable type of the same width as an Arrow integer."""
    import pandas as pd

    return pd.api.types.pandas_dtype(str(kind).replace("int", "Int").replace("uI", "UI"))


def _counted(rows: Sequence[Any], more: bool) -> str:
    return f"the first {len(rows)} rows" if more else words.plural(len(rows), "row")
