"""What a Python table's function returns, staged: any form of table, and dicts with their exact types."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from penstock.base.errors import FatalError, PlanError, RunError
from penstock.base.text import plural
from penstock.model import records
from penstock.model.change import Staged
from penstock.model.names import HIDDEN
from penstock.model.relation import Query
from penstock.model.schema import Column, Schema, cast
from penstock.model.shape import Shape
from penstock.model.step import Compute, Receive
from penstock.protocols.engine import Replay
from penstock.protocols.source import Batch, Json, Text
from penstock.refresh.call import Call, users_code

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


def stage(call: Call, output: Any) -> Staged:
    """Stage all rows that a function returned.

    Raises `RunError` for what is no table, `NoColumnsError` where there are neither rows nor columns, `PlanError` for
    a column name that is reserved.
    """
    if output is None:
        raise call.wrong("the function returned nothing", expected=_EXPECTED, hint="end it with a return")
    frame = _frame(call, output)
    if frame is not None:
        return _stage_frame(call, frame)
    if isinstance(output, str | bytes | Mapping) or not isinstance(output, Iterable):
        raise _no_table(call, output)
    with users_code(call):
        items = iter(output)
    first = next(given := _guarded(call, items), _END)
    if first is _END:
        return _stage_nothing(call)
    if isinstance(first, Mapping):
        return _stage_records(call, chain([first], given))
    return _stage_frame(call, _joined(call, chain([first], given)))


def _no_table(call: Call, output: Any) -> RunError:
    kind = type(output).__name__
    hint = "return a list of dicts, one for each row" if isinstance(output, Mapping) else ""
    if inspect.iscoroutine(output):
        output.close()
        hint = "a table's function cannot be async"
    return call.wrong("the function did not return a table", expected=_EXPECTED, got=kind, hint=hint)


def _guarded(call: Call, items: Iterator[Any]) -> Iterator[Any]:
    """Walk what the user's code hands over bit by bit."""
    while True:
        with users_code(call):
            item = next(items, _END)
        if item is _END:
            return
        yield item


def _frame(call: Call, output: Any) -> Any:
    """Return a whole table of one of the libraries as something with `__arrow_c_stream__`; None for anything else."""
    library, kind = type(output).__module__.partition(".")[0], type(output).__name__
    with users_code(call):
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
    with users_code(call):
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


def _named(call: Call, frame: Any, names: Iterable[str]) -> Any:
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


def _joined(call: Call, items: Iterable[Any]) -> Any:
    """Return the tables that an iterator gave, one after the other, as one."""
    from arro3.core import Table as ArrowTable

    batches, schema = [], None
    for at, item in enumerate(items, 1):
        frame = _frame(call, item)
        if frame is None:
            raise call.wrong(f"item {at} is not a table", expected=_EXPECTED, got=type(item).__name__)
        with users_code(call):
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


def _stage_frame(call: Call, frame: Any) -> Staged:
    with users_code(call):
        staged = call.txn.run(Receive(frame))
    assert isinstance(staged, Staged)  # noqa: S101
    return staged


def _stage_nothing(call: Call) -> Staged:
    if call.known is None:
        raise NoColumnsError(
            f"{call.table.name}: the function returned no rows, so its columns are not known",
            where=call.where,
            hint="return an empty data frame with the columns, or an Arrow table",
        )
    return stage_nothing(call.txn, call.known)


def stage_nothing(txn: Txn, schema: Schema) -> Staged:
    """Stage no rows of these columns."""
    columns = ", ".join(f"{cast('null', c.type)} as {_quoted(c.name)}" for c in schema)
    staged = txn.run(Compute(Query(f"select {columns} where false")))
    assert isinstance(staged, Staged)  # noqa: S101
    return staged


def _stage_records(call: Call, rows: Iterable[Mapping[str, Any]]) -> Staged:
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


def settled(call: Call, staged: Staged) -> Staged:
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
