"""Results as columns of bytes: what lies in memory as Arrow, with a head that says where, for a browser to read from.

The answer begins with the length of the head (four bytes, the lowest first) and the head, JSON; after it, from the
next multiple of eight bytes on, stand the buffers, each at a multiple of eight. `ui/src/lib/buffers.ts` reads it.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from penstock.base.theirs import said, theirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.protocols.engine import Rows

MEDIA = "application/vnd.penstock.columns"
_EDGE = 8
# Penstock's types that are read, each as the kind of its numbers; of texts there are offsets and bytes.
KINDS = {
    "boolean": "int8", "tinyint": "int8", "smallint": "int16", "integer": "int32", "bigint": "int64",
    "utinyint": "uint8", "usmallint": "uint16", "uinteger": "uint32", "ubigint": "uint64", "float": "float32",
    "double": "float64", "date": "date", "timestamp": "moment", "timestamptz": "instant", "varchar": "text",
}  # fmt: skip
_WIDTHS = {
    "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4, "date": 4, "int64": 8,
    "uint64": 8, "float64": 8, "moment": 8, "instant": 8, "decimal": 16,
}  # fmt: skip
# How Arrow says that a column lies in memory as it is read here.
_LAID = {
    "int8": "c", "uint8": "C", "int16": "s", "uint16": "S", "int32": "i", "uint32": "I", "int64": "l", "uint64": "L",
    "float32": "f", "float64": "g", "date": "tdD", "moment": "tsu:", "instant": "tsu:UTC", "text": "u",
}  # fmt: skip


class _Schema(ctypes.Structure):
    """Arrow's C data interface, as far as it is read."""


_Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64), ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
]  # fmt: skip


class _Array(ctypes.Structure):
    """Arrow's C data interface, as far as it is read."""


_Array._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
]  # fmt: skip


def kind_of(type_: str) -> str | None:
    """Return as what the values of a type are read, or None for one that is not.

    >>> kind_of("double"), kind_of("decimal(18,2)"), kind_of("integer[]")
    ('float64', 'decimal', None)
    """
    return "decimal" if type_.startswith("decimal(") and type_.endswith(")") else KINDS.get(type_)


class BrokenError(Exception):
    """Rows that could not be computed; asked for in another way they say better why."""


def packed(found: Rows, limit: int, encode: Callable[[dict[str, Any]], bytes]) -> bytes | None:
    """Return at most `limit` rows of a result, or None where a column's type is not read from bytes.

    `encode` makes JSON of the head, to which it may add. Raises `BrokenError` for what fails while rows are computed.
    """
    kinds = [kind_of(column.type) for column in found.schema]
    if None in kinds or not kinds:
        return None
    body = _Body()
    columns: list[dict[str, Any]] = [
        {"name": column.name, "type": column.type, "kind": kind, "parts": []}
        for column, kind in zip(found.schema, kinds, strict=True)
    ]
    rows, left = [], limit
    for batch in _batches(found):
        if left == 0:
            left = -1  # there are more
            break
        taken = batch if batch.num_rows <= left else batch.slice(0, left)
        if not _add(taken, columns, body):
            return None
        rows.append(taken.num_rows)
        left -= taken.num_rows
        if taken.num_rows < batch.num_rows:
            left = -1
            break
    head = encode({"columns": columns, "batches": rows, "truncated": left < 0})
    padding = b"\0" * (-(4 + len(head)) % _EDGE)
    return b"".join([len(head).to_bytes(4, "little"), head, padding, *body.parts])


def _batches(found: Rows) -> Iterator[Any]:
    from arro3.core import RecordBatchReader

    with theirs(lambda error: BrokenError(said(error))):
        reader = RecordBatchReader.from_stream(found)
    while True:
        with theirs(lambda error: BrokenError(said(error)), passing=(StopIteration,)):
            batch = next(reader, None)
        if batch is None:
            return
        if batch.num_rows:
            yield batch


class _Body:
    """Buffers one after the other."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0

    def add(self, address: int | None, length: int) -> int:
        """Copy bytes from memory and return where they begin."""
        begins = self.length
        self.parts.append(ctypes.string_at(address, length) if address else b"\0" * length)
        padding = -length % _EDGE
        if padding:
            self.parts.append(b"\0" * padding)
        self.length += length + padding
        return begins


def _add(batch: Any, columns: Sequence[dict[str, Any]], body: _Body) -> bool:
    """Add the buffers of a batch; tells whether all of it lies in memory as it is read."""
    schema, array = batch.__arrow_c_array__()
    of_schema = ctypes.cast(_pointer(schema, b"arrow_schema"), ctypes.POINTER(_Schema)).contents
    of_array = ctypes.cast(_pointer(array, b"arrow_array"), ctypes.POINTER(_Array)).contents
    for at, column in enumerate(columns):
        child, laid = of_array.children[at].contents, of_schema.children[at].contents.format.decode()
        kind = column["kind"]
        fits = laid.startswith("d:") and laid.count(",") == 1 if kind == "decimal" else laid == _LAID[kind]
        if not fits or of_array.offset or child.offset:
            return False
        column["parts"].append(_part(child, kind, body))
    return True


def _part(child: _Array, kind: str, body: _Body) -> list[int]:
    """Add a column's buffers; returns where they begin: which are null (-1 for none), the values, the texts' bytes."""
    rows, buffers = child.length, child.buffers
    nulls = body.add(buffers[0], (rows + 7) // 8) if child.null_count and buffers[0] else -1
    if kind != "text":
        return [nulls, body.add(buffers[1], rows * _WIDTHS[kind])]
    offsets = ctypes.cast(buffers[1], ctypes.POINTER(ctypes.c_int32))
    return [nulls, body.add(buffers[1], (rows + 1) * 4), body.add(buffers[2], offsets[rows])]


_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
