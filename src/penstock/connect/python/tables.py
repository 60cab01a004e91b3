"""What a function gave, as batches: tables as Arrow, dicts as JSON lines with their exact types."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError
from penstock.base.record import record
from penstock.model import records
from penstock.model.schema import Schema, widen
from penstock.protocols.source import Arrow, Json, Reject, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BATCH_BYTES = 8_000_000
_ARROW_BYTES = 16_000_000
_PART = 10_000
_FIRST_PART = 100
_NULL = re.compile(r'(?<![\w"])null(?=[,)\[]|\Z)')
_NESTED = re.compile(r"\bblob\b.*[\])]\Z")


@record
class Taken:
    """Rows that are ready to be handed over."""

    rows: Text | Arrow
    schema: Schema | None
    rejects: tuple[Reject, ...]
    bytes: int


@dataclass
class Dicts:
    """Gathers dicts until they make a batch; the types of earlier batches hold for later ones and only widen."""

    name: str
    key: tuple[str, ...] = ()
    seen: int = 0
    _inference: records.Inference = field(default_factory=records.Inference)
    _part: list[records.Record] = field(default_factory=list)
    _numbers: list[int] = field(default_factory=list)
    _done: list[list[records.Record]] = field(default_factory=list)
    _size: int = 0
    _most: int = _FIRST_PART
    _rejects: list[Reject] = field(default_factory=list)

    def add(self, rows: Sequence[Any]) -> None:
        """Take in more dicts."""
        for row in rows:
            self.seen += 1
            if isinstance(row, Mapping):
                self._part.append(row)
                self._numbers.append(self.seen)
            else:
                reason = f"not a dict: {type(row).__name__}"
                self._rejects.append(Reject(_shown(row), reason, f"{self.name}:{self.seen}"))
            if len(self._part) >= self._most:
                self._close_part()

    @property
    def full(self) -> bool:
        """Whether there is enough for a batch."""
        return self._size >= BATCH_BYTES

    def take(self) -> Taken | None:
        """Return what was gathered, or None where there is nothing."""
        self._close_part()
        if not self._done and not self._rejects:
            return None
        schema = settled(self._inference.schema())
        rows = [row for part in self._done for row in part]
        size = self._size
        rejects, self._rejects = tuple(self._rejects), []
        self._done, self._size = [], 0
        return Taken(_rows(rows, schema, self.name, self.seen), schema, rejects, size)

    def _close_part(self) -> None:
        part, self._part = self._part, []
        numbers, self._numbers = self._numbers, []
        if not part:
            return
        before = copy.deepcopy(self._inference)
        try:
            self._look(part)
        except ValueError:
            self._inference = before
            part = self._fitting(part, numbers)
            self._look(part)
        if part:
            self._done.append(part)
            size = len(records.lines(part))
            self._size += size
            self._most = max(1, min(_PART, BATCH_BYTES * len(part) // (size or 1)))

    def _look(self, part: Sequence[records.Record]) -> None:
        self._inference.add(part)
        self._inference.schema()

    def _fitting(self, part: Sequence[records.Record], numbers: Sequence[int]) -> list[records.Record]:
        """Return the dicts whose values fit the types so far, one by one; the rest is rejected with its reason."""
        good: list[records.Record] = []
        types = {name.lower(): kind for name, kind in self._inference.schema().types.items()}
        for number, row in zip(numbers, part, strict=True):
            reason = _misfit(row, types)
            if reason:
                self._rejects.append(Reject(_shown(row), reason, f"{self.name}:{number}"))
            else:
                good.append(row)
        return good


def _misfit(row: records.Record, types: dict[str, str]) -> str:
    """Return why a dict does not fit the types so far, or "" after widening them by it."""
    try:
        found = records.infer([row])
        records.lines([row])
    except ValueError as error:
        return str(error)
    wider: dict[str, str] = {}
    for column in found:
        name, have = column.name.lower(), types.get(column.name.lower(), "null")
        same_shape = have.partition("(")[0] == column.type.partition("(")[0] and have.startswith("struct")
        fits = have if same_shape else widen(have, column.type)
        if have == "double" and column.type == "bigint" and float(row[column.name]) == row[column.name]:
            fits = have
        if fits is None:
            shown = repr(row[column.name])[:200]
            return f"column '{column.name}': {shown} is of type {column.type}, not {have}"
        wider[name] = fits
    types |= wider
    return ""


def settled(schema: Schema) -> Schema:
    """Give columns, and parts of nested ones, that hold nothing but nulls a type that a table can have: text.

    >>> settled(Schema.of([("a", "null"), ("b", "struct(x null[], y bigint)")])).types
    {'a': 'varchar', 'b': 'struct(x varchar[], y bigint)'}
    """
    return Schema(tuple(replace(c, type=_NULL.sub("varchar", c.type)) for c in schema))


def _rows(rows: Sequence[records.Record], schema: Schema, name: str, seen: int) -> Text | Arrow:
    """Return dicts as JSON lines; with blobs, which JSON has not, as Arrow of texts that are cast to their types."""
    blobs = {c.name for c in schema if c.type == "blob"}
    nested = [c.name for c in schema if _NESTED.search(c.type)]
    if nested:
        raise FatalError(
            f"{name}: column '{nested[0]}' has bytes inside a list or dict",
            hint="give them a column of their own, or give an Arrow table",
        )
    if not blobs:
        first = seen - len(rows) + 1
        return Text([records.lines(rows)], Json(lines=True, columns=schema), name, first)
    return Arrow(_table(rows, schema, blobs))


def _table(rows: Sequence[records.Record], schema: Schema, blobs: set[str]) -> Any:
    from arro3.core import Array, DataType, Table
    from msgspec.json import decode

    others = [{name: value for name, value in row.items() if name not in blobs} for row in rows]
    told = [decode(line) for line in records.lines(others).splitlines()]
    columns: dict[str, Any] = {}
    for column in schema:
        if column.name in blobs:
            bare = [row.get(column.name) for row in rows]
            values = [None if v is None else bytes(v) for v in bare]
            columns[column.name] = Array(values, DataType.binary())
        else:
            columns[column.name] = Array([_told(row.get(column.name)) for row in told], DataType.string())
    return Table.from_pydict(columns)


def _told(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _shown(row: Any) -> str:
    try:
        return records.lines([row]).decode().rstrip("\n") if isinstance(row, Mapping) else repr(row)
    except ValueError:
        return json.dumps(row, default=repr, ensure_ascii=False, skipkeys=True)


def tables(value: Any) -> Iterator[Taken]:
    """Hand over a table in parts of bounded size, each of which can be read more than once."""
    from arro3.core import RecordBatchReader, Table

    part: list[Any] = []
    size = 0
    reader = RecordBatchReader.from_stream(_arrow(value))
    for batch in reader:
        part.append(batch)
        size += batch.nbytes
        if size >= _ARROW_BYTES:
            yield Taken(Arrow(Table.from_batches(part)), None, (), size)
            part, size = [], 0
    if part or size == 0:
        yield Taken(Arrow(Table.from_batches(part, schema=reader.schema)), None, (), size)


def column(taken: Taken, name: str) -> list[Any]:
    """Return the values of one column of a table's part; raises `FatalError` where it has none."""
    from penstock.base.text import did_you_mean

    assert isinstance(taken.rows, Arrow)  # noqa: S101
    table = taken.rows.rows
    if name not in table.column_names:
        raise FatalError(f"the rows have no column '{name}'", hint=did_you_mean(name, table.column_names))
    values: list[Any] = table.column(name).to_pylist()
    return values


def _arrow(value: Any) -> Any:
    """Return a table as something that has an Arrow stream: lazy ones computed, a nameless pandas index left out."""
    if hasattr(value, "collect") and not hasattr(value, "__arrow_c_stream__"):
        value = value.collect()
    if type(value).__module__.partition(".")[0] == "pandas" and list(value.index.names) == [None]:
        value = value.reset_index(drop=True)
    if not hasattr(value, "__arrow_c_stream__"):
        from arro3.core import Table

        value = Table.from_batches([value])
    return value
