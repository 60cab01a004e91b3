"""The door for pipeline authors: open a project, run it, ask it, look at its rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from penstock.app.finding import finding
from penstock.app.results import Result, RunResult, TableResult
from penstock.base import text as words
from penstock.base.cells import cell, clean
from penstock.base.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, timedelta
    from types import TracebackType
    from typing import Self

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
    from penstock.app.columns import Traced
    from penstock.app.metrics import MetricInfo
    from penstock.app.profile import Profile
    from penstock.app.requests import App
    from penstock.app.results import MetricResult
    from penstock.load.declared import check, sink, source, table
    from penstock.model.check import Verdict
    from penstock.model.page import Page, PageInfo
    from penstock.model.run import Run
    from penstock.protocols.engine import Rows

__all__ = [
    "Project", "Result", "RunResult", "TableResult", "cell", "check", "clean", "finding", "open", "sink", "source",
    "table",
]  # fmt: skip

_DECLARED = frozenset({"check", "sink", "source", "table"})
_ALL = 2**62


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
    (`Table`), `sinks` (`SinkTable`), `units` (`UnitTest`) and `metrics` (`Metrics`), all importable from `penstock`.
    Parents, fingerprints and order are found. Raises `ConfigError`, or `ConfigErrors` with all that is wrong.

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

    @property
    def metrics(self) -> list[MetricInfo]:
        """Every metric, by name, with its definition, its table and what it can be asked by."""
        from penstock.app import metrics

        return metrics.metrics(self._open())

    @property
    def dashboards(self) -> list[PageInfo]:
        """Every dashboard, pinned ones first: title, file, owner, tables, how fresh it is, how many mistakes it has."""
        from penstock.app.pages import dashboards

        return dashboards.dashboards(self._open())

    def dashboard(self, name: str, **chosen: str) -> Page:
        """Return a dashboard with its filters, blocks and what is wrong in it; `chosen` is as in a page's address.

        Raises `ConfigError`, with the nearest name, for an unknown one.
        """
        from penstock.app.pages import dashboards

        return dashboards.page(self._open(), name, chosen)

    def metric(  # noqa: PLR0913
        self,
        name: str | Sequence[str],
        *,
        by: str | Sequence[str] = (),
        grain: str = "",
        start: str | date | None = None,
        end: str | date | None = None,
        where: Mapping[str, Any] | None = None,
        compare: str = "",
        order: str = "",
        limit: int | None = None,
        timezone: str = "",
    ) -> MetricResult:
        """Measure one metric, or several beside each other; `.query` of the result is the select that it became.

        `by` names dimensions, `grain` is minute, hour, day, week, month, quarter or year. `start` and `end` are days,
        months or years, both included, or times, the end excluded. `where` maps dimensions to a value or a list of
        them. `compare` (`"1 week"`) adds what each was so long before. Raises `ConfigError` or `PlanError`, with the
        nearest name, for what cannot be asked.

        >>> import tempfile, penstock
        >>> spend = penstock.Table("spend", sql="select 'ada' as customer, 3.50 as amount")
        >>> money = penstock.Metrics("spend", {"revenue": "sum(amount)"}, dimensions={"customer": {}})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with penstock.build("tiny", folder, tables=[spend], metrics=[money]) as project:
        ...         _ = project.run()
        ...         project.metric("revenue", by="customer").fetchall()
        [('ada', Decimal('3.50'))]
        """
        from penstock.app import metrics
        from penstock.app.results import MetricResult

        asked = metrics.asked(
            name, by=by, grain=grain, start=start, end=end, where=where, compare=compare, order=order, limit=limit,
            timezone=timezone,
        )  # fmt: skip
        return MetricResult(lambda: metrics.measure(self._open(), asked), self._results)

    def profile(self, name: str, *columns: str) -> Profile:
        """Return what the columns of a table hold, by default all: found in one scan, from a sample where it says so.

        Raises `ConfigError`, with the nearest name, for an unknown table or column.

        >>> import tempfile, penstock
        >>> spend = penstock.Table("spend", sql="select 'ada' as customer, 3.50 as amount")
        >>> with tempfile.TemporaryDirectory() as folder, penstock.build("tiny", folder, tables=[spend]) as project:
        ...     _ = project.run()
        ...     project.profile("spend", "amount").columns[0].max
        Decimal('3.50')
        """
        from penstock.app import profile

        return profile.profile(self._open(), name, columns)

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

    def lineage(self, name: str) -> Lineage | Traced:
        """Return what a table reads and what reads it, all the way; of `table.column`, what it is made of, and makes.

        >>> import tempfile, penstock
        >>> tables = [penstock.Table("a", sql="select 1 as x"), penstock.Table("b", sql="select x + 1 as y from a")]
        >>> with tempfile.TemporaryDirectory() as folder, penstock.build("tiny", folder, tables=tables) as project:
        ...     use = project.lineage("b.y").upstream[0]
        ...     use.source, use.source_column, use.ways
        ('a', 'x', ('value',))
        """
        from penstock.app import columns, requests

        table, column = columns.split(self._open(), name)
        return columns.traced(self._open(), table, column) if column else requests.lineage(self._open(), name)

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
