"""Values that a text in SQL asks to be made at once and that would fill the memory: a list of a billion numbers.

The engine makes such a value in one piece, and those of a vector of rows at once, which no limit of time or memory
interrupts. Only constants are looked at: of a size that comes from a column nothing is known before, and what it makes
is stopped when it has grown too large (`app.limits`). A generator in `from` gives rows, not a value, and is left alone.
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
    """Return the size that a call asks for, and whether it does so for each row.

    The size is the product of the numbers in those arguments in which no column is named: of others nothing is known.
    """
    called_on = words[at - 2 : at - 1] if at > 1 and words[at - 1].text == "." else ()
    size, of_rows = 1, any(word.kind in ("word", "quoted") for word in called_on)
    for part in _arguments(words, at + 1):
        if any(_is_column(words, one) for one in part):
            of_rows = True
            continue
        numbers = [_number(words[one].text) for one in part if words[one].text[:1].isdigit()]
        large = prod(max(one, 1) for one in numbers)
        if any(words[one].name in _POWERS for one in part):
            large = max(large, _powered(numbers))
        size *= large
    return size, of_rows


def _arguments(words: Sequence[Token], opens: int) -> list[range]:
    """Return where each argument stands, behind a bracket that opens."""
    depth, begin, found = 0, opens + 1, []
    for at in range(opens, len(words)):
        depth += (words[at].text in ("(", "[")) - (words[at].text in (")", "]"))
        if not depth or (depth == 1 and words[at].text == ","):
            found.append(range(begin, at))
            begin = at + 1
        if not depth:
            break
    return found


def _is_column(words: Sequence[Token], at: int) -> bool:
    called = at + 1 < len(words) and words[at + 1].text == "("
    return words[at].kind in ("word", "quoted") and not called


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
