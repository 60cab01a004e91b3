"""Where in a query an error stands that DuckDB gives no place for: at what its message names, if that is there once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.plan.canonical import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.plan.canonical import Token

_EXPRESSION = re.compile(r"in expression \((.*?)\)\.(?: |$)")
# What an error's message begins with, and the operators and functions that can fail so.
_SUSPECTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("division by zero", frozenset({"//", "%", "mod", "fmod", "divide"})),
    (r"overflow in (\w+ )?addition", frozenset({"+", "sum", "avg", "mean", "add"})),
    (r"overflow in (\w+ )?subtraction", frozenset({"-", "subtract"})),
    (r"overflow in (\w+ )?multiplication", frozenset({"*", "multiply", "product"})),
    ("could not parse string", frozenset({"strptime"})),
    ("more than one row returned by a subquery", frozenset({"(select"})),
)
# The same of words that are no functions.
_WORDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("set operations can only apply", frozenset({"union", "intersect", "except"})),
    ("cannot unpivot", frozenset({"unpivot"})),
)


def suspect(message: str, text: str) -> tuple[int, int] | None:
    """Return where in a text what a message is about begins and ends, or None where that is not certain.

    >>> suspect("Division by zero in expression (a // b). Use TRY(...)", "select A//b, c // d")
    (7, 11)
    >>> suspect("Overflow in addition of INT32 (1 + 2)!", "select a, sum(a + 1) + 1") is None
    True
    >>> suspect("Set operations can only apply to …", "select a union select b, c")
    (9, 14)
    """
    found = [token for token in tokens(text) if token.kind != "comment"]
    named = _EXPRESSION.search(message)
    spans = list(_runs(found, [token.name for token in tokens(named[1])])) if named else []
    if not spans:
        lowered = message.lower()
        names = next((names for start, names in _SUSPECTS if re.match(start, lowered)), frozenset())
        words = next((names for start, names in _WORDS if lowered.startswith(start)), frozenset())
        spans = list(_named(found, names))
        spans += [(token.start, token.start + len(token.text)) for token in found if token.name in words]
    return spans[0] if len(spans) == 1 else None


def _runs(found: Sequence[Token], names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Give the places of a run of tokens."""
    for at in range(len(found) - len(names) + 1):
        run = found[at : at + len(names)]
        if [token.name for token in run] == names:
            yield run[0].start, run[-1].start + len(run[-1].text)


def _named(found: Sequence[Token], names: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Give the places of operators, and of functions with their arguments."""
    for at, token in enumerate(found):
        following = found[at + 1] if at + 1 < len(found) else None
        if token.kind == "word":
            if token.name in names and following is not None and following.text == "(":
                yield token.start, _closed(found, at + 1)
        elif token.text in names:
            yield token.start, token.start + len(token.text)
        elif following is not None and token.text + following.name in names:
            yield token.start, _closed(found, at)


def _closed(found: Sequence[Token], opening: int) -> int:
    """Return where the bracket ends that opens at a token."""
    depth = 0
    for token in found[opening:]:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if not depth:
            return token.start + 1
    return found[-1].start + len(found[-1].text)
