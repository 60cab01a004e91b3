"""How a column of ours stands in SQLite: its declared type, and its values as values that SQLite keeps exactly."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError

if TYPE_CHECKING:
    from collections.abc import Callable

_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)\Z")
_SURE_DIGITS = 15
_INT64 = 2**63
_DECLARED = {
    "boolean": "BOOLEAN", "tinyint": "BIGINT", "smallint": "BIGINT", "integer": "BIGINT", "bigint": "BIGINT",
    "utinyint": "BIGINT", "usmallint": "BIGINT", "uinteger": "BIGINT", "ubigint": "HUGE_BLOB", "hugeint": "HUGE_BLOB",
    "uhugeint": "HUGE_BLOB", "float": "REAL", "double": "REAL", "blob": "BLOB", "bit": "BLOB", "date": "DATE",
    "timestamp": "TIMESTAMP", "timestamp_s": "TIMESTAMP", "timestamp_ms": "TIMESTAMP", "timestamptz": "TIMESTAMPTZ",
    "uuid": "UUID_TEXT", "json": "JSON_TEXT",
}  # fmt: skip


def declared(kind: str) -> str:
    """Return the type that a column is declared with.

    A declaration decides what SQLite does to values. A wide decimal and a wide integer are declared so that it does
    nothing (`BLOB` in the name): a value is a number as far as SQLite's numbers are exact, and a text beyond.

    >>> declared("decimal(12,2)"), declared("decimal(38,2)"), declared("varchar[]")
    ('DECIMAL(12,2)', 'DECIMAL_BLOB(38,2)', 'TEXT')
    """
    match = _DECIMAL.match(kind)
    if match:
        return kind.upper() if int(match[1]) <= _SURE_DIGITS else kind.upper().replace("(", "_BLOB(")
    return _DECLARED.get(kind, "TEXT")


def placeholder(kind: str) -> str:
    """Return the SQL that takes in a value of a type."""
    return "replace(?, 'T', ' ')" if kind.startswith("timestamp") else "?"


def values(array: Any, kind: str) -> list[Any]:
    """Return an Arrow array's values as Python values for SQLite; raises `FatalError` for what has no exact form."""
    convert = _CONVERT.get(kind) or (_decimals if kind.startswith("decimal") else None)
    if convert is None:
        convert = _nested if kind.endswith("]") or kind.startswith(("struct", "map")) else _shown
    return convert(array)


def _as_it_is(array: Any) -> list[Any]:
    found: list[Any] = array.to_pylist()
    return found


def _shown(array: Any) -> list[Any]:
    from arro3.core import DataType

    texts = array.cast(DataType.string())
    if texts.null_count != array.null_count:
        raise FatalError("an instant is out of the range that can be written", got=str(array.type))
    return _as_it_is(texts)


def _truths(array: Any) -> list[Any]:
    from arro3.core import DataType

    return _as_it_is(array.cast(DataType.int8()))


def _doubles(array: Any) -> list[Any]:
    found = _as_it_is(array)
    return ["NaN" if v is not None and math.isnan(v) else v for v in found]


def _decimals(array: Any) -> list[Any]:
    return [None if text is None else _number(text) for text in _shown(array)]


def _number(text: str) -> float | int | str:
    digits = text.lstrip("-").replace(".", "").lstrip("0")
    if len(digits) > _SURE_DIGITS:
        return text
    return float(text) if "." in text else int(text)


def _wide_integers(array: Any) -> list[Any]:
    found = [int.from_bytes(v, "little", signed=True) if isinstance(v, bytes) else v for v in array.to_pylist()]
    return [v if v is None or -_INT64 <= v < _INT64 else str(v) for v in found]


def _uuids(array: Any) -> list[Any]:
    from uuid import UUID

    found = array.to_pylist()
    return [str(UUID(bytes=v)) if isinstance(v, bytes) else v for v in found]


def _nested(array: Any) -> list[Any]:
    from msgspec.json import Encoder

    encoder = Encoder(enc_hook=str)
    return [None if v is None else encoder.encode(v).decode() for v in array.to_pylist()]


_CONVERT: dict[str, Callable[[Any], list[Any]]] = {
    **dict.fromkeys(
        ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "varchar", "json",
         "blob", "bit", "null"), _as_it_is,
    ),
    **dict.fromkeys(("float", "double"), _doubles),
    **dict.fromkeys(("ubigint", "hugeint", "uhugeint"), _wide_integers),
    "boolean": _truths,
    "uuid": _uuids,
}  # fmt: skip
