"""Columns of SQLite's values as Arrow arrays, whole columns at a time, refusing what would not come out exact."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MISFIT = (TypeError, ValueError, OverflowError, KeyError, ArithmeticError)
_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
_ZONE = r" ?(?:Z|[+-]\d\d(?::?\d\d)?)"
_FORMS = {
    "date": re.compile(rf"(?:{_DATE}\n)*"),
    "timestamp": re.compile(rf"(?:{_DATE}(?:[ T]{_CLOCK})?\n)*"),
    "timestamptz": re.compile(rf"(?:{_DATE}[ T]{_CLOCK}{_ZONE}\n)*"),
    "time": re.compile(rf"(?:{_CLOCK}\n)*"),
}
_UUID = re.compile(r"(?:[0-9A-Fa-f]{8}(?:-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}\n)*")
_SHORT = re.compile(rf"({_DATE}[ T]\d\d:\d\d)(?!:)")
_USUAL = {"date": {10}, "timestamp": {19}}
_TRUTH: dict[Any, int | None] = {
    None: None, 0: 0, 1: 1, "0": 0, "1": 1, "f": 0, "t": 1, "false": 0, "true": 1, "F": 0, "T": 1,
    "False": 0, "True": 1, "FALSE": 0, "TRUE": 1,
}  # fmt: skip
_DECIMAL_TYPE = re.compile(r"decimal\((\d+),(\d+)\)\Z")
_SHOWN_DIGITS = 15


def form_of(text: str) -> str:
    """Return `date`, `time`, `timestamp` or `timestamptz` as a text is written, or `varchar`.

    >>> (
    ...     form_of("2024-05-01"),
    ...     form_of("2024-05-01 10:00:00"),
    ...     form_of("2024-05-01T10:00Z"),
    ...     form_of("1.5.2024"),
    ... )
    ('date', 'timestamp', 'timestamptz', 'varchar')
    """
    return next((kind for kind, form in _FORMS.items() if form.fullmatch(text + "\n")), "varchar")


def digits_of(kind: str) -> tuple[int, int] | None:
    """Return width and scale of a decimal type, or None for another.

    >>> digits_of("decimal(12,2)"), digits_of("double")
    ((12, 2), None)
    """
    match = _DECIMAL_TYPE.match(kind)
    return (int(match[1]), int(match[2])) if match else None


@cache
def _types() -> dict[str, Any]:
    from arro3.core import DataType

    return {
        "bigint": DataType.int64(),
        "integer": DataType.int32(),
        "smallint": DataType.int16(),
        "tinyint": DataType.int8(),
        "double": DataType.float64(),
        "varchar": DataType.string(),
        "blob": DataType.binary(),
        "boolean": DataType.bool(),
        "date": DataType.date32(),
        "time": DataType.time64("us"),
        "timestamp": DataType.timestamp("us"),
        "timestamptz": DataType.timestamp("us", tz="UTC"),
    }


def _array(values: Sequence[Any], kind: str) -> Any:
    from arro3.core import Array

    return Array(values, _types()[kind])


def _cast(array: Any, wanted: Any) -> Any:
    """Cast, refusing what the cast could only make null."""
    made = array.cast(wanted)
    if made.null_count != array.null_count:
        raise ValueError("a value does not fit")
    return made


def texts(values: Sequence[Any]) -> Any:
    """Build text; any other storage class is a misfit."""
    return _array(values, "varchar")


def mixed(values: Sequence[Any]) -> Any:
    """Build text of texts and numbers, each number in the shortest form that gives it back."""
    try:
        return _array(values, "varchar")
    except TypeError:
        return _array([repr(v) if isinstance(v, int | float) else v for v in values], "varchar")


def _uuids(values: Sequence[Any]) -> Any:
    array = _array(values, "varchar")
    if not _UUID.fullmatch("\n".join([*filter(None, values), ""])) or "" in values:
        raise ValueError("not a UUID")
    return array


def _documents(values: Sequence[Any]) -> Any:
    from msgspec import DecodeError
    from msgspec.json import decode

    array = mixed(values)
    given = [v for v in array.to_pylist() if v is not None]
    try:
        if len(decode(f"[{','.join(given)}]".encode())) == len(given):
            return array
    except DecodeError as error:
        raise ValueError(str(error)) from None
    raise ValueError("not JSON")


def _integers(kind: str) -> Callable[[Sequence[Any]], Any]:
    def build(values: Sequence[Any]) -> Any:
        array = _array(values, "bigint")
        return array if kind == "bigint" else _cast(array, _types()[kind])

    return build


def _doubles(values: Sequence[Any]) -> Any:
    found = set(map(type, values))
    if str in found:
        # SQLite keeps no NaN; a sink writes this word in its place.
        values = [math.nan if v == "NaN" else v for v in values]
    if int in found and not all(v == float(v) for v in values if type(v) is int):
        raise ValueError("an integer is larger than a double holds")
    return _array(values, "double")


def _blobs(values: Sequence[Any]) -> Any:
    try:
        return _array(values, "blob")
    except TypeError:
        return _array([v.encode() if isinstance(v, str) else v for v in values], "blob")


def _truths(values: Sequence[Any]) -> Any:
    return _array(tuple(map(_TRUTH.__getitem__, values)), "bigint").cast(_types()["boolean"])


def _instants(kind: str) -> Callable[[Sequence[Any]], Any]:
    form = _FORMS[kind]
    usual = _USUAL.get(kind, set())

    def build(values: Sequence[Any]) -> Any:
        array = _array(values, "varchar")
        given = tuple(filter(None, values))
        if not set(map(len, given)) <= usual:
            if not form.fullmatch("\n".join([*given, ""])):
                raise ValueError("not the form of its type")
            if kind != "date":
                array = _array([v and _SHORT.sub(r"\1:00", v) for v in values], "varchar")
        return _cast(array, _types()[kind])

    return build


def decimals(width: int, scale: int) -> Callable[[Sequence[Any]], Any]:
    """Return what builds decimals of integers in their smallest unit, of texts, and of reals as SQLite shows them."""
    from arro3.core import Array, DataType

    units, wanted = DataType.decimal128(width, 0), DataType.decimal128(width, scale)
    form = re.compile(rf"(?:[+-]?\d+(?:\.\d{{0,{scale}}}0*)?\n)*")

    def of_units(values: Sequence[Any]) -> Any:
        whole = _cast(_array(values, "bigint"), units)
        return Array.from_arrow_pycapsule(wanted.__arrow_c_schema__(), whole.__arrow_c_array__()[1])

    def build(values: Sequence[Any]) -> Any:
        try:
            return of_units(values)
        except TypeError:
            shown = [_shown(v, scale) for v in values]
            if not form.fullmatch("\n".join([*filter(None, shown), ""])):
                raise ValueError("more digits than its type") from None
            return _cast(_array(shown, "varchar"), wanted)

    return build


def _shown(value: Any, scale: int) -> str | None:
    """Return the text of a number: a real in the 15 digits that SQLite shows and a double surely holds."""
    if isinstance(value, int):
        return str(Decimal(value).scaleb(-scale))
    if isinstance(value, float):
        value = f"{value:.{_SHOWN_DIGITS}g}"
    if isinstance(value, str):
        try:
            return f"{Decimal(value):f}"
        except InvalidOperation:
            raise ValueError("not a number") from None
    if value is not None:
        raise TypeError("not a number")
    return None


BUILDERS: dict[str, Callable[[Sequence[Any]], Any]] = {
    **{kind: _integers(kind) for kind in ("bigint", "integer", "smallint", "tinyint")},
    **{kind: _instants(kind) for kind in _FORMS},
    "double": _doubles,
    "blob": _blobs,
    "boolean": _truths,
    "uuid": _uuids,
    "json": _documents,
}
