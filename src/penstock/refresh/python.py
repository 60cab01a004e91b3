"""Python tables: a function is given its inputs in the form it asks for, and what it returns is staged."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from penstock.base.errors import FatalError, Place, PlanError, RunError
from penstock.base.record import record
from penstock.base.text import plural
from penstock.base.theirs import said, theirs, to_install
from penstock.model import handover, records
from penstock.model.change import Staged
from penstock.model.names import HIDDEN, split
from penstock.model.relation import Query, Read, Relation
from penstock.model.schema import Column, Schema
from penstock.model.shape import Shape
from penstock.model.step import Compute, Receive
from penstock.model.table import Function, Input, Table
from penstock.protocols.engine import Replay
from penstock.protocols.source import Batch, Json, Text

if TYPE_CHECKING:
    import arro3.core

    from penstock.protocols.engine import Txn

_EXPECTED = "Arrow, Polars, pandas, or dicts, or an iterator of these"
_END = object()
_IN_MEMORY = 32 * 1024 * 1024
_CHUNK = 1024 * 1024
_NULL = re.compile(r'"(?:[^"]|"")*"|\bnull\b')


class NoColumnsError(RunError):
    """A function returned no rows, in a form that has no columns without rows, and the table had none before."""


@record
class _Call:
    """A Python table at work: whom to blame, and where its rows go. `known` are the columns it had, if any."""

    table: Table
    function: Function
    txn: Txn
    known: Schema | None
    root: str = ""
    line: int = 0

    @property
    def where(self) -> Place:
        """The place of the function."""
        return Place(self.function.file, self.line or (self.table.where.line if self.table.where else 0))

    def wrong(self, subject: str, *, expected: str = "", got: str = "", hint: str = "") -> RunError:
        """Return the error for what the function returned."""
        return RunError(f"{self.table.name}: {subject}", where=self.where, expected=expected, got=got, hint=hint)


def compute(
    table: Table,
    relations: Mapping[str, Relation],
    txn: Txn,
    load: Callable[[Function], Callable[..., Any]],
) -> Staged:
    """Run the function of a Python table inside a transaction and stage all the rows that it returns.

    `relations` are the tables as the transaction has them, the table itself among them where it was built
    before. Columns that hold only nulls, and all columns of an empty list of dicts, have the types that they
    had before. Raises `RunError` with the user's own file and line for an exception in the function or a
    value that is no table, `UnsupportedError` for a form whose library is missing, `PlanError` for a column
    name that is reserved.
    """
    function = table.function
    if function is None:
        raise FatalError(f"{table.name} is not a Python table", where=table.where)
    called = load(function)
    before = relations.get(table.name)
    known = before.schema if before is not None and before.fingerprint == table.fingerprint else None
    call = _Call(table, function, txn, known, *_found_at(called, function))
    with ExitStack() as opened:
        given = {one.parameter: _input(one, relations, txn, opened) for one in function.inputs}
        with _users_code(call):
            output = called(**given)
        staged = _stage(call, output)
    return _settled(call, staged)


# ── whom to blame ───────────────────────────────────────────────────────────────────────────────────────


def _found_at(called: Callable[..., Any], function: Function) -> tuple[str, int]:
    """Return the folder of the project, as the function's code knows it, and the function's line."""
    code = getattr(inspect.unwrap(called), "__code__", None)
    if code is None:
        return "", 0
    path = code.co_filename.replace("\\", "/")
    return (path.removesuffix(function.file) if path.endswith(function.file) else "", code.co_firstlineno)


@contextmanager
def _users_code(call: _Call) -> Iterator[None]:
    """Turn whatever the user's code raises into an error that says where in it; ours, and Ctrl-C, pass."""
    with theirs(lambda error: _failed(call, error)):
        yield


def _failed(call: _Call, error: BaseException) -> RunError:
    where = _last_place(call, error)
    return RunError(f"{call.table.name}: {said(error)}", where=where, hint=to_install(error))


def _last_place(call: _Call, error: BaseException) -> Place:
    """Return the last line of the project's own files that an error passed."""
    found = call.where
    for frame in traceback.extract_tb(error.__traceback__):
        path = frame.filename.replace("\\", "/")
        if call.root and path.startswith(call.root) and "site-packages" not in path:
            found = Place(path.removeprefix(call.root), frame.lineno or 0)
        elif path.endswith("/" + call.function.file):
            found = Place(call.function.file, frame.lineno or 0)
    return found


# ── what goes in ────────────────────────────────────────────────────────────────────────────────────────


def _input(one: Input, relations: Mapping[str, Relation], txn: Txn, opened: ExitStack) -> Any:
    """Return an input in the form that is asked for, read to its end: an open stream blocks the transaction."""
    relation = relations.get(one.table)
    if relation is None:
        raise PlanError(f"the table '{one.table}' has no rows yet")
    columns = "*" if one.form == "relation" else handover.select(relation.schema, polars=one.form == "polars")
    name = ".".join('"' + part.replace('"', '""') + '"' for part in split(one.table))
    rows = txn.read(Query(f"select {columns} from {name}", reads=((one.table, Read(relation)),)))
    if one.form == "relation":
        opened.callback(rows.close)
        return rows.native()
    from arro3.core import Table as ArrowTable

    try:
        table = handover.plain(ArrowTable.from_arrow(rows))
    finally:
        rows.close()
    if one.form == "polars":
        return handover.to_polars(table)
    if one.form == "pandas":
        return handover.to_pandas(table)
    return iter(table.to_batches()) if one.form == "batches" else table


# ── what comes out ──────────────────────────────────────────────────────────────────────────────────────


def _stage(call: _Call, output: Any) -> Staged:
    if output is None:
        raise call.wrong("the function returned nothing", expected=_EXPECTED, hint="end it with a return")
    frame = _frame(call, output)
    if frame is not None:
        return _stage_frame(call, frame)
    if isinstance(output, str | bytes | Mapping) or not isinstance(output, Iterable):
        raise _no_table(call, output)
    with _users_code(call):
        items = iter(output)
    first = next(given := _guarded(call, items), _END)
    if first is _END:
        return _stage_nothing(call)
    if isinstance(first, Mapping):
        return _stage_records(call, chain([first], given))
    return _stage_frame(call, _joined(call, chain([first], given)))


def _no_table(call: _Call, output: Any) -> RunError:
    kind = type(output).__name__
    hint = "return a list of dicts, one for each row" if isinstance(output, Mapping) else ""
    if inspect.iscoroutine(output):
        output.close()
        hint = "a table's function cannot be async"
    return call.wrong("the function did not return a table", expected=_EXPECTED, got=kind, hint=hint)


def _guarded(call: _Call, items: Iterator[Any]) -> Iterator[Any]:
    """Walk what the user's code hands over bit by bit."""
    while True:
        with _users_code(call):
            item = next(items, _END)
        if item is _END:
            return
        yield item


def _frame(call: _Call, output: Any) -> Any:
    """Return a whole table of one of the libraries as something with `__arrow_c_stream__`; None for anything else."""
    library, kind = type(output).__module__.partition(".")[0], type(output).__name__
    with _users_code(call):
        if library == "polars" and kind == "LazyFrame":
            output = output.collect()
        if library == "polars" and kind != "Series":
            return _named(call, _without_null_types(output), output.columns)
        if library == "pandas" and kind == "DataFrame":
            named = [level for level in output.index.names if level is not None]
            frame = output.reset_index(drop=not named)
            return _named(call, frame, [str(column) for column in frame.columns])
    if library in ("polars", "pandas") or not _is_arrow(output):
        return None
    with _users_code(call):
        table = _arrow(output)
    return _named(call, table, table.column_names)


def _is_arrow(output: Any) -> bool:
    return hasattr(output, "__arrow_c_stream__") or hasattr(output, "__arrow_c_array__")


def _arrow(output: Any) -> arro3.core.Table:
    """Return rows read to their end: what is lazy may depend on the transaction that is to take them."""
    from arro3.core import RecordBatch
    from arro3.core import Table as ArrowTable

    if hasattr(output, "__arrow_c_stream__"):
        return ArrowTable.from_arrow(output)
    return ArrowTable.from_batches([RecordBatch.from_arrow(output)])


def _without_null_types(frame: Any) -> Any:
    """Return a Polars frame whose columns of nothing but nulls are text: its Arrow for them is not valid."""
    import polars as pl

    return frame.with_columns(
        pl.col(name).cast(pl.String if kind == pl.Null else pl.List(pl.String))
        for name, kind in frame.schema.items()
        if kind in (pl.Null, pl.List(pl.Null))
    )


def _named(call: _Call, frame: Any, names: Iterable[str]) -> Any:
    """Return a frame after a look at the names of its columns."""
    seen: set[str] = set()
    for name in names:
        lowered = name.lower()
        if lowered in HIDDEN:
            raise PlanError(
                f"{call.table.name}: the column name '{name}' is reserved",
                where=call.where,
                hint="give it another name",
            )
        if lowered in seen:
            raise call.wrong(f"two columns are named '{name}'", hint="names that differ only in case are the same")
        if not name:
            raise call.wrong("a column has no name")
        seen.add(lowered)
    if not seen:
        raise call.wrong("the function returned a table without columns")
    return frame


def _joined(call: _Call, items: Iterable[Any]) -> Any:
    """Return the tables that an iterator gave, one after the other, as one."""
    from arro3.core import Table as ArrowTable

    batches, schema = [], None
    for at, item in enumerate(items, 1):
        frame = _frame(call, item)
        if frame is None:
            raise call.wrong(f"item {at} is not a table", expected=_EXPECTED, got=type(item).__name__)
        with _users_code(call):
            table = _arrow(frame)
        if schema is not None and table.schema != schema:
            raise call.wrong(
                f"item {at} has other columns than the first", expected=_shape(schema), got=_shape(table.schema)
            )
        schema = table.schema
        batches += table.to_batches()
    return ArrowTable.from_batches(batches, schema=schema)


def _shape(schema: Any) -> str:
    return ", ".join(f"{name} {str(schema.field(name).type).split('<', 1)[-1].strip()[:-1]}" for name in schema.names)


def _stage_frame(call: _Call, frame: Any) -> Staged:
    with _users_code(call):
        staged = call.txn.run(Receive(frame))
    assert isinstance(staged, Staged)  # noqa: S101
    return staged


def _stage_nothing(call: _Call) -> Staged:
    if call.known is None:
        raise NoColumnsError(
            f"{call.table.name}: the function returned no rows, so its columns are not known",
            where=call.where,
            hint="return an empty data frame with the columns, or an Arrow table",
        )
    return stage_nothing(call.txn, call.known)


def stage_nothing(txn: Txn, schema: Schema) -> Staged:
    """Stage no rows of these columns."""
    columns = ", ".join(f"cast(null as {c.type}) as {_quoted(c.name)}" for c in schema)
    staged = txn.run(Compute(Query(f"select {columns} where false")))
    assert isinstance(staged, Staged)  # noqa: S101
    return staged


def _stage_records(call: _Call, rows: Iterable[Mapping[str, Any]]) -> Staged:
    try:
        return stage_records(call.txn, call.table.name, rows, call.known, lambda names: _named(call, None, names))
    except ValueError as error:
        raise call.wrong(str(error)) from None


def stage_records(
    txn: Txn,
    name: str,
    rows: Iterable[Mapping[str, Any]],
    known: Schema | None = None,
    look: Callable[[Iterable[str]], object] | None = None,
) -> Staged:
    """Stage dicts with their exact types: written as JSON lines while the types are found out, then read with them.

    `known` are the types to keep while nothing is lost; `look` is shown the names of the columns beforehand. Raises
    `ValueError` for what is no dict, or has no type.
    """
    found = records.Inference()
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as written:
        for part in records.parts(rows):
            found.add(part)
            written.write(records.lines(part))
        schema = _some(found.schema(known))
        if look is not None:
            look(schema.names)
        written.seek(0)
        reading = records.reading(schema)
        casts = ", ".join(
            _quoted(c.name) if c == read else f"cast({_quoted(c.name)} as {c.type}) as {_quoted(c.name)}"
            for c, read in zip(schema, reading, strict=True)
        )
        batch = Batch(Text(_chunks(written), Json(lines=True, columns=reading), name), None, schema=reading)
        select = f"select {casts} from batch" if reading != schema else ""
        try:
            staged = txn.stage(batch, Shape(name, select=select), "")
        except Replay as error:
            # Begun anew it would end the same way: what was written is exactly what is read.
            raise FatalError(f"{name}: the rows could not be read back", hint="please report this") from error
    if staged.rows != found.rows:
        lost = plural(found.rows - staged.rows, "row")
        raise FatalError(f"{name}: {lost} of {found.rows:,} could not be read back", hint="please report this")
    return staged


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def _some(schema: Schema) -> Schema:
    """Return columns of which none, and no part of one, is of no type: those become text."""
    return Schema(
        tuple(
            replace(c, type=_NULL.sub(lambda found: "varchar" if found[0] == "null" else found[0], c.type))
            for c in schema
        )
    )


def _settled(call: _Call, staged: Staged) -> Staged:
    """Give columns of nothing but nulls the type they had, or text."""
    target = _some(Schema(tuple(_had(column, call.known) for column in staged.schema)))
    if target == staged.schema:
        return staged
    columns = ", ".join(f"cast({_quoted(c.name)} as {c.type}) as {_quoted(c.name)}" for c in target)
    settled = call.txn.run(Compute(Query(f"select {columns} from {staged.name}")))
    assert isinstance(settled, Staged)  # noqa: S101
    return settled


def _had(column: Column, known: Schema | None) -> Column:
    have = known.find(column.name) if known and column.type == "null" else None
    return replace(column, type=have.type) if have else column


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
