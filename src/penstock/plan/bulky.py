"""Values that a text in SQL asks to be made at once and that would fill the memory: a list of a billion numbers.

The engine makes such a value in one piece, and those of a vector of rows at once, which no limit of time or memory
interrupts. Only constants are looked at: a size that comes from a column is not known. A generator in `from` gives
rows, not a value, and is left alone.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from penstock.base.errors import Place, PlanError
from penstock.base.text import underline
from penstock.plan.canonical import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.plan.canonical import Token

MOST = 10_000_000
MOST_A_ROW = 100_000
_MAKERS = frozenset(
    "range generate_series repeat lpad rpad list_resize array_resize bar list_value_repeat bit_repeat".split()  # noqa: SIM905
)
_OF_A_ROW = frozenset({"repeat", "lpad", "rpad", "list_resize", "array_resize"})
_ENDS_FROM = frozenset(
    "select where group having order limit offset qualify window union intersect except on using returning".split()  # noqa: SIM905
)
_POWERS = frozenset({"**", "^", "pow", "power", "<<"})
_MOST_POWERED = 32


def refuse(text: str) -> None:
    """Raise `PlanError` where a text asks for a value that would fill the memory.

    >>> refuse("select range(10), count(*) from range(1000000000)")
    >>> refuse("select range(1000 * 1000 * 1000)")
    Traceback (most recent call last):
    ...
    penstock.base.errors.PlanError: query:1:8: 'range' would make a value of 1,000,000,000 parts at once
    ...
    """
    words = [token for token in tokens(text) if token.kind != "comment"]
    froms = [False]
    for at, word in enumerate(words):
        if word.text in ("(", "["):
            froms.append(False)
        elif word.text in (")", "]") and len(froms) > 1:
            froms.pop()
        elif word.kind == "word" and word.name in ("from", "join", "lateral"):
            froms[-1] = True
        elif word.kind == "word" and word.name in _ENDS_FROM:
            froms[-1] = False
        if word.name in _MAKERS and not froms[-1] and at + 1 < len(words) and words[at + 1].text == "(":
            size, of_rows = _size(words, at)
            most = MOST_A_ROW if of_rows and word.name in _OF_A_ROW else MOST
            if size > most:
                raise _error(text, word, size, most)


def _size(words: Sequence[Token], at: int) -> tuple[int, bool]:
    """Return the size that a call asks for, the product of the numbers in it, and whether a name is there."""
    depth, end = 0, at + 1
    for end in range(at + 1, len(words)):
        depth += (words[end].text in ("(", "[")) - (words[end].text in (")", "]"))
        if not depth:
            break
    called_on = words[at - 2 : at - 1] if at > 1 and words[at - 1].text == "." else ()
    inside = [*called_on, *words[at + 2 : end]]
    numbers = [_number(word.text) for word in inside if word.text[:1].isdigit()]
    large = prod(max(one, 1) for one in numbers)
    if any(word.name in _POWERS for word in inside):
        large = max(large, _powered(numbers))
    return large, any(word.kind in ("word", "quoted") for word in inside)


def _number(text: str) -> int:
    try:
        return int(min(float(text.replace("_", "")), 1e30))
    except ValueError:
        return 1


def _powered(numbers: Sequence[int]) -> int:
    """Return the largest number that two numbers make as a power or shifted."""
    pairs = [(a, min(b, _MOST_POWERED * 4)) for a, b in pairwise(numbers)]
    return max((max(min(a, MOST + 1), 2) ** b for a, b in pairs), default=1)


def _error(text: str, word: Token, size: int, most: int) -> PlanError:
    before = text[: word.start]
    place = Place("query", 1 + before.count("\n"), word.start - before.rfind("\n"))
    return PlanError(
        f"'{word.name}' would make a value of {min(size, 10**30):,} parts at once",
        expected=f"{most:,} at most" + (" for each row" if most < MOST else ""),
        where=place,
        hint="as rows it may be any size: select … from range(…)",
        excerpt=underline(text, place.line, place.column, len(word.text)),
    )
