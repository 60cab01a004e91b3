"""Records as JSON: what the API answers with, encoded in one way."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from penstock.app.serving.asking import Asked
from penstock.app.serving.shapes import Grid
from penstock.base.errors import Place
from penstock.base.exact import value

if TYPE_CHECKING:
    from penstock.base.errors import PenstockError

# Records whose rows were made ready for JSON when they were read.
_READY = (Grid, Asked)


def carried(given: Any) -> Any:
    """Return a record as JSON carries it; a field whose name ends with `_` loses that.

    >>> carried(Grid((), ((1, "a"),)))
    {'columns': [], 'rows': ((1, 'a'),), 'total': None, 'truncated': False}
    """
    if isinstance(given, str) or given is None:
        return given
    if isinstance(given, Place):
        return str(given)
    if dataclasses.is_dataclass(given):
        ready = isinstance(given, _READY)
        found = {}
        for field in dataclasses.fields(given):
            inner = getattr(given, field.name)
            found[field.name.removesuffix("_")] = inner if ready and field.name == "rows" else carried(inner)
        return found
    if isinstance(given, dict):
        return {str(name): carried(inner) for name, inner in given.items()}
    if isinstance(given, list | tuple):
        return [carried(inner) for inner in given]
    if isinstance(given, datetime) and given.tzinfo is not None:
        return given.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value(given)


def encoded(given: Any) -> bytes:
    """Return a record, or what is made of records, as JSON."""
    return written(carried(given))


def written(shape: Any) -> bytes:
    """Return what JSON carries as it is."""
    try:
        return msgspec.json.encode(shape)
    except UnicodeEncodeError:  # a file's name that is no text
        return json.dumps(shape).encode()


def error_shape(error: PenstockError) -> dict[str, Any]:
    """Return an error as the API says it."""
    return {
        "kind": type(error).__name__,
        "subject": str(error) if getattr(error, "errors", None) else error.subject,
        "expected": error.expected,
        "got": error.got,
        "where": str(error.where) if error.where else "",
        "hint": error.hint,
        "excerpt": error.excerpt,
    }
