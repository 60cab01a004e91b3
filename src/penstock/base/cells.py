"""Values and texts as people see them: one line each, and nothing in it that could drive a terminal."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, cast

NULL = "∅"

# What can move a cursor, recolour a terminal, or turn text round so that it reads as what it is not.
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_TURNING = [0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)]
_HARMLESS = {code: f"\\x{code:02x}" for code in _CONTROLS} | {code: f"\\u{code:04x}" for code in _TURNING}
_HARMLESS.update({ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"})


def clean(text: str) -> str:
    r"""Write out what could drive a terminal or turn text round, so that data is only ever seen.

    >>> print(clean("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return text if text.isascii() and text.isprintable() else text.translate(_HARMLESS)


def cell(value: Any) -> str:
    r"""Return a value as one line of text for people; nothing of it can drive a terminal.

    >>> print(cell(None), cell(True), cell([1.5, "a"]), cell({"k": b"x"}))
    ∅ true [1.5, a] {k: \x78}
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        pairs = cast("Any", value).items()
        return "{" + ", ".join(f"{cell(k)}: {cell(v)}" for k, v in pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(cell, cast("list[Any]", value))) + "]"
    return clean(_scalar(value))


def _scalar(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (bytes, bytearray)):
        return "\\x" + value.hex()
    return str(value)
