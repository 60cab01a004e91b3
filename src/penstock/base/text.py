"""Words and numbers for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_KILO = 1000


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` most likely meant, or an empty string.

    >>> nearest("ordrs", ["orders", "customers"])
    'orders'
    """
    import difflib

    lowered = {k.lower(): k for k in known}
    found = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known word; without one, the known words themselves."""
    names = sorted(set(known))
    near = nearest(word, names)
    if near:
        return f"did you mean '{near}'?"
    return f"there is: {', '.join(names)}" if names else ""


def plural(count: int, noun: str, many: str = "") -> str:
    """Return count and noun, the noun in its right form.

    >>> plural(1, "row"), plural(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def seconds(value: float) -> str:
    """Return a time that was taken, as a person would say it.

    >>> seconds(0.0123), seconds(2.345), seconds(125)
    ('12 ms', '2.3 s', '2 min 5 s')
    """
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:  # noqa: PLR2004
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def size(count: float) -> str:
    """Return a number of bytes in the unit that fits.

    >>> size(10), size(104_000_000)
    ('10 B', '104.0 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < _KILO:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _KILO
    return f"{count:.1f} TB"


def underline(text: str, line: int, column: int, length: int = 1) -> str:
    r"""Return the line of `text` (counted from 1) with a part of it underlined.

    >>> print(underline("select a\nfrom b", 2, 6))
    2 | from b
      |      ^
    """
    lines = text.splitlines()
    if not 1 <= line <= len(lines):
        return ""
    shown = lines[line - 1].replace("\t", " ")
    number = str(line)
    mark = " " * max(column - 1, 0) + "^" * max(length, 1)
    return f"{number} | {shown}\n{' ' * len(number)} | {mark}"
