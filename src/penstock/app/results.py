"""What a pipeline author is given: how a run ended, and rows that are read when they are first used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from penstock.app.finding import finding
from penstock.base import text as words
from penstock.base.cells import cell, clean
from penstock.base.errors import RunError, UnsupportedError
from penstock.model.check import Verdict
from penstock.model.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from typing import Self
    from weakref import WeakSet

    import arro3.core
    import pandas as pd
    import polars as pl

    from penstock.app.metrics import Measured, MeasuredColumn
    from penstock.app.requests import App
    from penstock.protocols.engine import Rows

_SHOWN = 10
_SHOWN_HTML = 20


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
        if isinstance(point, int) is not (version is not None):
            raise TypeError("at() takes a whole number as version=, and a date, a datetime or a text as time=")

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


class MetricResult(Result):
    """What was measured: its rows, the select that it became, and what each of its columns is."""

    def __init__(self, measure: Callable[[], Measured], register: WeakSet[Result] | None = None) -> None:
        self._measured: Measured | None = None

        def ask() -> Rows:
            self._measured = measure()
            return self._measured.rows

        super().__init__(ask, register)

    @property
    def query(self) -> str:
        """The select that it became, laid out to be read."""
        return self._measured.sql if self._measured else ""

    @property
    def measured(self) -> tuple[MeasuredColumn, ...]:
        """What each column is: its role, label and format."""
        return self._measured.columns if self._measured else ()


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
