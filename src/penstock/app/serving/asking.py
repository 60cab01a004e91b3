"""Questions in SQL from the web: exactly one select, with limits of rows and time, stopped when asked."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from typing import TYPE_CHECKING, Any

from penstock.app import requests
from penstock.app.limits import telling
from penstock.app.serving import buffers, grids
from penstock.app.serving.shapes import GridColumn
from penstock.base.errors import PlanError, UnsupportedError
from penstock.base.record import record
from penstock.model.queryplan import PlanStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.app.limits import Question
    from penstock.app.opened import App
    from penstock.protocols.engine import Rows

ROWS = 10_000
MOST_ROWS = 1_000_000
SECONDS = 30.0
MOST_SECONDS = 600.0
LONGEST = 100_000


@record
class Asked:
    """The rows of a question, what was asked, what it read, and how long it took."""

    columns: tuple[GridColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int | None
    truncated: bool
    sql: str
    seconds: float
    id: str
    tables: tuple[str, ...]


@record
class QueryPlan:
    """How the warehouse computes a question: its last step, over the others; `seconds` is what it took, if it ran."""

    step: PlanStep
    seconds: float | None = None


def ask(app: App, text: str, question: Question, limit: int = ROWS, name: str = "") -> Asked:
    """Ask the warehouse one select and return at most `limit` rows of it."""
    began = app.clock.monotonic()
    tables = reads(app, text)
    with telling(question):
        rows = question.reads(requests.sql(app, text))
        grid = grids.grid(rows, limit)
    took = app.clock.monotonic() - began
    return Asked(grid.columns, grid.rows, grid.total, grid.truncated, text, took, name, tables)


def columns(
    app: App, text: str, question: Question, encode: Callable[[Any], bytes], limit: int = ROWS, name: str = ""
) -> bytes | None:
    """Ask as `ask` does, and return the rows as columns of bytes; None where that cannot be had, and `ask` says why."""
    began = app.clock.monotonic()
    tables = reads(app, text)

    def encoded(head: dict[str, Any]) -> bytes:
        return encode({**head, "sql": text, "seconds": app.clock.monotonic() - began, "id": name, "tables": tables})

    with telling(question):
        rows = question.reads(requests.sql(app, text))
        try:
            return buffers.packed(rows, limit, encoded)
        except buffers.BrokenError:
            if question.is_over:
                raise question.error() from None
            return None
        finally:
            rows.close()


def arrow(app: App, text: str, question: Question, limit: int = MOST_ROWS) -> bytes:
    """Ask the warehouse one select and return at most `limit` rows as an Arrow IPC stream.

    Raises `UnsupportedError` where pyarrow, an extra, is not installed: nothing of the core writes such a stream.
    """
    if not find_spec("pyarrow"):
        raise UnsupportedError("nothing is installed that writes Arrow streams", hint="pip install 'penstock[arrow]'")
    reads(app, text)
    with telling(question):
        rows = question.reads(requests.sql(app, text))
        try:
            return _streamed(*_first(rows, limit))
        finally:
            rows.close()


def _first(rows: Rows, limit: int) -> tuple[Any, list[Any]]:
    """Return the Arrow schema of a result, and batches of its first rows."""
    from arro3.core import RecordBatchReader

    reader = RecordBatchReader.from_stream(rows)
    found: list[Any] = []
    left = limit
    while left > 0:
        batch = next(reader, None)
        if batch is None:
            break
        found.append(batch if batch.num_rows <= left else batch.slice(0, left))  # slicing beyond the end panics
        left -= found[-1].num_rows
    return reader.schema, found


def _streamed(schema: Any, batches: list[Any]) -> bytes:
    """Return Arrow batches as an IPC stream."""
    import pyarrow as pa

    sink = BytesIO()
    with pa.ipc.new_stream(sink, pa.schema(schema)) as out:
        for batch in batches:
            out.write_batch(pa.record_batch(batch))
    return sink.getvalue()


def reads(app: App, text: str) -> tuple[str, ...]:
    """Return the tables that one select reads; raises `PlanError` for anything else, and for what reads a file."""
    from penstock.app.metrics import rewritten
    from penstock.app.pages.asking import named
    from penstock.plan import bulky
    from penstock.plan.sql.text import check_select, references

    if len(text) > LONGEST:
        raise PlanError("the query is too long", expected=f"{LONGEST:,} characters at most", got=f"{len(text):,}")
    if "\0" in text:
        raise PlanError("the query has a zero byte in it")
    check_select(text, "query")
    bulky.refuse(text)
    measured = rewritten(app, text)
    own = {name for name, _ in measured.made}
    made = [one.name for _, select in measured.made for one in references(select)]
    return tuple(dict.fromkeys([*(name for name in named(measured.text) if name not in own), *made]))


def plan(app: App, text: str, question: Question, *, measure: bool = False) -> QueryPlan:
    """Return how the warehouse would compute one select; with `measure` it does, and says what each step took."""
    reads(app, text)
    began = app.clock.monotonic()
    with telling(question):
        rows = question.reads(requests.sql(app, text))
        try:
            found = rows.plan(measure=measure)
        finally:
            rows.close()
    return QueryPlan(found, app.clock.monotonic() - began if measure else None)
