"""The door for pipeline authors: open a project, run it, ask it, look at its rows."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from penstock.base import text as words
from penstock.base.errors import RunError, UnsupportedError
from penstock.model.check import Verdict
from penstock.model.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    import arro3.core
    import pandas as pd
    import polars as pl

    from penstock.app.answers import Explained, Lineage, Planned, Replayed, TableStatus, UnitResult, Verified
    from penstock.app.requests import App
    from penstock.load.declared import check, sink, source, table
    from penstock.protocols.engine import Rows

__all__ = ["Project", "Result", "RunResult", "check", "open", "sink", "source", "table"]

NULL = "∅"
_DECLARED = frozenset({"check", "sink", "source", "table"})
# States of a step, the later the worse; of a table's several steps the worst counts.
_WORSE = ("unchanged", "done", "running", "skipped", "interrupted", "failed")
_BAD = ("failed", "interrupted", "skipped")
_SHOWN = 10
_ALL = 2**62
_SHOWN_HTML = 20

# What can move a cursor, recolour a terminal, or turn text round so that it reads as what it is not.
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_TURNING = [0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)]
_HARMLESS = {code: f"\\x{code:02x}" for code in _CONTROLS} | {code: f"\\u{code:04x}" for code in _TURNING}
_HARMLESS.update({ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"})


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

    def table(self, name: str) -> Result:
        """Return all rows of a table; raises `ConfigError`, with the nearest name, for an unknown one."""

        def ask() -> Rows:
            from penstock.app import requests

            return requests.show(self._open(), name, _ALL)

        return Result(ask, self._results)

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


def finding(run: Run, verdicts: Sequence[Verdict] = ()) -> str:
    """Say in one line what came of a run, trouble first.

    >>> from datetime import UTC, datetime
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> finding(Run("r1", start, "done", start))
    'nothing to do, 0 ms'
    """
    tables: dict[str, str] = {}
    for step in run.steps:
        if step.stage != "deliver":
            tables[step.table] = max(tables.get(step.table, _WORSE[0]), step.state, key=_WORSE.index)
    states = list(tables.values())
    good = states.count("done") + states.count("unchanged")
    said: list[str] = []
    for many, state in (*((states.count(bad), bad) for bad in _BAD), (good, "up to date")):
        if many:
            said.append(f"{many:,} {state}" if said else f"{words.plural(many, 'table')} {state}")
    undelivered = sum(s.stage == "deliver" and s.state == "failed" for s in run.steps)
    if undelivered:
        said.insert("failed" in states, words.plural(undelivered, "delivery failed", "deliveries failed"))
    ends = [v.state for v in verdicts]
    more = (
        (ends.count("failed"), "check fails", "checks fail"),
        (ends.count("warned"), "check warns", "checks warn"),
        (sum(s.rejected for s in run.steps), "row rejected", "rows rejected"),
    )
    said += [words.plural(many, *forms) for many, *forms in more if many]
    if run.state in ("interrupted", "running"):
        said.insert(0, run.state)
    elif all(s.state == "unchanged" for s in run.steps):
        said.append("nothing new" if said else "nothing to do")
    took = [words.seconds((run.ended - run.started).total_seconds())] if run.ended else []
    return ", ".join([*said, *took])


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


def clean(text: str) -> str:
    r"""Write out what could drive a terminal or turn text round, so that data is only ever seen.

    >>> print(clean("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return text if text.isascii() and text.isprintable() else text.translate(_HARMLESS)


def cell(value: Any) -> str:
    r"""Return a value as one line of text for people; nothing of it can drive a terminal.

    >>> print(cell(None), cell(True), cell([1.5, "a"]), cell({"k": b"x"}))
    ∅ true [1.5, a] {k: \x78}
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        pairs = cast("Any", value).items()
        return "{" + ", ".join(f"{cell(k)}: {cell(v)}" for k, v in pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(cell, cast("list[Any]", value))) + "]"
    return clean(_scalar(value))


def _scalar(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (bytes, bytearray)):
        return "\\x" + value.hex()
    return str(value)
