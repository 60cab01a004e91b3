"""Rows as a table of plain text, made fast and without a library."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING

from penstock.cli.style import Paint, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP = 2
_NARROWEST = 8
_WIDEST = 60
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal")


def is_number(kind: str) -> bool:
    """Tell whether a column of this type is aligned to the right.

    >>> is_number("ubigint"), is_number("decimal(10,2)"), is_number("integer[]")
    (True, True, False)
    """
    return kind.partition("(")[0].removeprefix("u") in _NUMBERS and not kind.endswith("]")


def room() -> int:
    """Return the width of the terminal, or 0 where the output is no terminal and nothing is cut."""
    return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else 0


def grid(
    heads: Sequence[Sequence[str]],
    body: Sequence[Sequence[str]],
    right: Sequence[bool],
    *,
    width: int = 0,
    indent: str = "",
    paint: Paint | None = None,
) -> Iterator[str]:
    """Lay out rows under one or more lines of head; `right` says which columns are aligned to the right.

    `width` is what there is room for, 0 for any: cells are cut, then columns left out, as a last line says.
    """
    paint = paint or Paint()
    sizes = [max(map(columns, column), default=0) for column in zip(*heads, *body, strict=True)]
    shown = _fit(sizes, width - len(indent)) if width else sizes
    kept = len(shown)
    for at, row in enumerate((*heads, ["─" * size for size in shown], *body)):
        cells = [_pad(text, *how) for text, how in zip(row, zip(shown, right, strict=False), strict=False)]
        line = (indent + (" " * _GAP).join(cells)).rstrip()
        yield line if at == 0 or at > len(heads) else paint(line, "dim")
    if kept < len(sizes):
        left = ", ".join(heads[0][kept:])
        yield paint(_cut(f"{indent}not shown for want of room: {left}", width), "dim")


def _fit(sizes: Sequence[int], width: int) -> list[int]:
    """Return the sizes of the columns that there is room for."""
    found = [min(size, max(_WIDEST, width // 2)) for size in sizes]
    while found and (over := sum(found) + _GAP * (len(found) - 1) - width) > 0:
        widest = max(range(len(found)), key=found.__getitem__)
        if found[widest] > _NARROWEST:
            second = max([_NARROWEST, *(size for size in found if size < found[widest])])
            found[widest] = max(found[widest] - over, second if second < found[widest] else _NARROWEST)
        else:
            found.pop()
    return found


def _pad(text: str, size: int, right: bool) -> str:
    text = _cut(text, size)
    blank = " " * (size - columns(text))
    return blank + text if right else text + blank


def _cut(text: str, size: int) -> str:
    if columns(text) <= size:
        return text
    kept, used = [], 1
    for char in text:
        used += columns(char)
        if used > size:
            break
        kept.append(char)
    return "".join(kept) + "…"


def columns(text: str) -> int:
    r"""Return how many columns of a terminal a text takes.

    >>> columns("abc"), columns("日本"), columns("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
