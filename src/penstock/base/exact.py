"""Values as JSON that loses nothing: what JSON's own numbers cannot carry exactly is text.

An integer is a number up to 2**53 - 1 and digits in a text beyond. A decimal is a text, and so are `NaN`,
`Infinity` and `-Infinity`. Bytes are base64. Dates, times and spans (`P1DT2.5S`) are texts as in ISO 8601.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from base64 import b64encode
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from penstock.base.errors import Place

_EXACT = 2**53
_DRIVING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# Columns of these types go into JSON as they come.
PLAIN = frozenset({"varchar", "boolean", "tinyint", "smallint", "integer", "utinyint", "usmallint", "uinteger"})


def value(given: Any) -> Any:
    """Return a value as JSON can carry it.

    >>> value([1, 2**60, Decimal("1.50"), float("nan"), b"ab", timedelta(hours=25)])
    [1, '1152921504606846976', '1.50', 'NaN', 'YWI=', 'P1DT3600S']
    """
    if given is None or isinstance(given, (str, bool)):
        return given
    if isinstance(given, int):
        return given if -_EXACT < given < _EXACT else str(given)
    if isinstance(given, float):
        return given if math.isfinite(given) else _unbounded(given)
    if isinstance(given, dict):
        return {key if isinstance(key, str) else _key(key): value(item) for key, item in given.items()}
    if isinstance(given, (list, tuple)):
        return [value(item) for item in given]
    return _text(given)


def shape(given: Any) -> Any:
    """Return an answer as JSON can carry it: of a dataclass an object of its fields, of a place its text."""
    if isinstance(given, Place):
        return str(given)
    if dataclasses.is_dataclass(given):
        return {f.name: shape(getattr(given, f.name)) for f in dataclasses.fields(given)}
    if isinstance(given, dict):
        return {str(key): shape(item) for key, item in given.items()}
    if isinstance(given, (list, tuple)):
        return [shape(item) for item in given]
    if isinstance(given, float):
        return value(round(given, 6))
    return value(given)


def harmless(said: str) -> str:
    r"""Escape in JSON what could drive a terminal or turn text round; it stays the same JSON.

    >>> print(harmless('"a\x9bb"'))
    "a\u009bb"
    """
    return _DRIVING.sub(lambda found: f"\\u{ord(found[0]):04x}", said)


def dumps(given: Any) -> str:
    """Return a value that `value` made as one line of JSON."""
    return harmless(json.dumps(given, ensure_ascii=False))


def _unbounded(given: float) -> str:
    if math.isnan(given):
        return "NaN"
    return "Infinity" if given > 0 else "-Infinity"


def _key(given: Any) -> str:
    found = value(given)
    return found if isinstance(found, str) else json.dumps(found)


def _text(given: Any) -> str:
    if isinstance(given, Decimal):
        return format(given, "f")
    if isinstance(given, (datetime, date, time)):
        return given.isoformat()
    if isinstance(given, timedelta):
        seconds = (given - timedelta(given.days)).total_seconds()
        return f"P{given.days}DT{seconds:.6f}".rstrip("0").rstrip(".") + "S"
    if isinstance(given, (bytes, bytearray, memoryview)):
        return b64encode(bytes(given)).decode("ascii")
    return str(given)
