"""The names that SQL reads, found by scanning its tokens: the stand-in where the text cannot be parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from penstock.plan.canonical import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OPENS_A_LIST = frozenset({"from", "join"})
_NAMES_ONE = frozenset({"pivot", "unpivot", "pivot_wider", "pivot_longer", "summarize", "describe", "table"})
_ENDS_A_LIST = frozenset(
    {
        "where", "group", "order", "having", "limit", "offset", "select", "union", "except",
        "intersect", "qualify", "window", "sample", "using", "on", "with", "values", "returning", "set",
    }
)  # fmt: skip
_NO_NAMES = frozenset({"lateral", "select", "with", "from", "values", "table", "pivot", "unpivot"})
_FROM_IS_NO_CLAUSE = frozenset({"extract", "substring", "trim", "overlay", "position"})


class Scanned(NamedTuple):
    """A name after `from` or `join`: its parts in lower case, its offset, whether it is called."""

    parts: tuple[str, ...]
    start: int
    called: bool


@dataclass(slots=True)
class _Level:
    """One depth of brackets: the function they belong to, and whether the next name is a table."""

    function: str = ""
    listing: bool = False
    expecting: bool = False


@dataclass(slots=True)
class _Scan:
    words: list[Token]
    levels: list[_Level] = field(default_factory=lambda: [_Level()])
    at: int = 0

    def near(self, distance: int) -> Token:
        """Return a token near the present one."""
        at = self.at + distance
        return self.words[at] if 0 <= at < len(self.words) else Token("end", "", 0)


def scan(text: str) -> Iterator[Scanned]:
    """Find the tables that a text seems to read; names of common table expressions are left out."""
    words = [token for token in tokens(text) if token.kind != "comment"]
    hidden = {
        words[i].name for i in range(1, len(words) - 1) if words[i].kind in ("word", "quoted") and _is_cte(words, i)
    }
    for found in _sources(_Scan(words)):
        if found.called or len(found.parts) > 1 or found.parts[0] not in hidden:
            yield found


def _is_cte(words: list[Token], at: int) -> bool:
    """Tell whether `name [(columns)] as [[not] materialized] (` stands here, after `with` or a comma."""
    if words[at - 1].name not in ("with", "recursive", ","):
        return False
    after = at + 1
    if words[after].text == "(":
        while after < len(words) and words[after].text != ")":
            after += 1
        after += 1
    rest = [token.name for token in words[after : after + 4]]
    return bool(rest) and rest[0] == "as" and "(" in rest[1:2] + [r for r in rest[2:] if "materialized" in rest]


def _sources(state: _Scan) -> Iterator[Scanned]:
    while state.at < len(state.words):
        token = state.words[state.at]
        level = state.levels[-1]
        state.at += 1
        if token.text in ("(", "[", "{"):
            state.levels.append(_opened(level, state))
        elif token.text in (")", "]", "}"):
            if len(state.levels) > 1:
                state.levels.pop()
        elif token.text == ",":
            level.expecting = level.listing
        elif level.expecting and token.kind in ("word", "quoted", "string") and token.name not in _NO_NAMES:
            level.expecting = False
            yield _whole_name(token, state)
        elif token.kind == "word":
            _mark(token, level, state)


def _opened(level: _Level, state: _Scan) -> _Level:
    """Go into a bracket: where a table was expected, tables joined within it may follow."""
    if level.expecting:
        level.expecting = False
        return _Level(listing=True, expecting=True)
    before = state.near(-2)
    return _Level(before.name if before.kind == "word" else "")


def _mark(token: Token, level: _Level, state: _Scan) -> None:
    """Note what a keyword says of the names that follow it."""
    name = token.name
    if name in _OPENS_A_LIST:
        is_clause = level.function not in _FROM_IS_NO_CLAUSE and state.near(-2).name != "distinct"
        if is_clause or name == "join":
            level.listing = level.expecting = True
    elif name in _NAMES_ONE and state.near(-2).text in ("", "("):
        level.expecting = True
    elif name in _ENDS_A_LIST:
        level.listing = level.expecting = False


def _whole_name(first: Token, state: _Scan) -> Scanned:
    parts = [first.text[1:-1] if first.kind == "string" else first.name]
    while state.near(0).text == "." and state.near(1).kind in ("word", "quoted"):
        parts.append(state.near(1).name)
        state.at += 2
    return Scanned(tuple(parts), first.start, called=state.near(0).text == "(")


def put_in(text: str, pieces: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with other words in the place of some pieces, (start, end, words); the rest keeps line and column.

    >>> put_in("from t at (version => 3) where a", [(5, 24, '"@1"')])
    'from "@1"                where a'
    """
    for start, end, words in sorted(pieces, reverse=True):
        first, *rest = text[start:end].split("\n")
        lines = [words.ljust(len(first)), *(" " * len(line) for line in rest)]
        text = text[:start] + "\n".join(lines) + text[end:]
    return text
