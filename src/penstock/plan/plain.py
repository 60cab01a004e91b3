"""The tables that plain SQL reads, certain from its tokens alone: most queries need no parser, whose import is slow.

The text is walked with one state for each depth of brackets. Whatever is not plainly understood (table functions,
pivots, lateral joins, joins in brackets, keywords used as names) ends the walk without an answer; that a text is
sound is not checked. Where there is an answer, it is the parser's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.plan.canonical import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Callable

_JOINS = frozenset(
    {"inner", "left", "right", "full", "outer", "cross", "natural", "semi", "anti", "asof", "positional"}
)
_AFTER_FROM = frozenset(
    {
        "where", "group", "having", "order", "limit", "offset", "qualify", "window", "union", "except",
        "intersect", "select",
    }
)  # fmt: skip
_BEGINS = frozenset({"select", "from", "with"})
_ONLY_IN_QUERIES = _BEGINS | {"join"}
_NEVER_PLAIN = frozenset(
    {
        "pivot", "unpivot", "pivot_wider", "pivot_longer", "summarize", "describe", "show", "table", "values",
        "lateral", "recursive", "tablesample",
    }
)  # fmt: skip
_STRUCTURE = _JOINS | _AFTER_FROM | _ONLY_IN_QUERIES | _NEVER_PLAIN | {"on", "using", "as"}
_CLOSES = {"(": ")", "[": "]", "{": "}"}
_NAMES = ("word", "quoted")
_END = Token("end", "", 0)

# Where a query stands: outside `from`, before a table, after it, after its alias, between two tables that are
# joined, in the condition of a join, and in the parts of `with name as materialized (…)`.
_OUT, _TABLE, _ALIAS, _NEXT, _JOIN, _ON, _USING = "out", "table", "alias", "next", "join", "on", "using"
_CTE, _CTE_AS, _CTE_BODY, _CTE_END = "cte", "cte as", "cte body", "cte end"
_MAY_END = frozenset({_OUT, _ALIAS, _NEXT, _ON})


class _Unsure(Exception):  # noqa: N818  # no error: somebody else is asked
    """This is not plain."""


class Named(NamedTuple):
    """A table as it is named: the offset of the name, its parts in lower case."""

    start: int
    parts: tuple[str, ...]


class _Level:
    """One depth of brackets: its kind, and for a query where it stands and which names its tables cannot have."""

    __slots__ = ("closes", "cte", "hidden", "query", "state")

    def __init__(self, closes: str, hidden: frozenset[str], *, query: bool) -> None:
        self.closes, self.hidden, self.query = closes, hidden, query
        self.state = _OUT
        self.cte = ""


def plain(text: str) -> list[Named] | None:
    """Return the tables that one select reads, as often as they are named; None where that is not certain."""
    walk = _Walk([token for token in tokens(text) if token.kind != "comment"])
    try:
        return walk.all()
    except _Unsure:
        return None


class _Walk:
    def __init__(self, words: list[Token]) -> None:
        self.words = words
        self.at = 0
        self.found: list[Named] = []
        self.levels = [_Level("", frozenset(), query=True)]

    def near(self, distance: int) -> Token:
        """Return a token near the present one."""
        at = self.at + distance
        return self.words[at] if 0 <= at < len(self.words) else _END

    def all(self) -> list[Named]:
        """Walk through all tokens; raises `_Unsure`."""
        if not self.words or self.words[0].name not in _BEGINS:
            raise _Unsure
        while self.at < len(self.words):
            token, level = self.words[self.at], self.levels[-1]
            if token.kind == "operator" and token.text in "()[]{};":
                self.bracket(token, level)
            else:
                word = token.text.lower() if token.kind == "word" else ""
                if word in _STRUCTURE:
                    self.check(word, level)
                if level.query:
                    _STATES[level.state](self, token, word, level)
            self.at += 1
        if len(self.levels) > 1 or self.levels[0].state not in _MAY_END:
            raise _Unsure
        return self.found

    def check(self, word: str, level: _Level) -> None:
        """Refuse keywords that may be names here, and those that are more than this walk knows."""
        before = self.near(-1)
        named = before.text == "." or before.name == "as"
        # `from` belongs to a query, but for the operator; in `extract(year from d)` it belongs to a function.
        strange = word in _ONLY_IN_QUERIES and not level.query and not self.is_operator(word)
        if word in _NEVER_PLAIN or named or strange:
            raise _Unsure

    def is_operator(self, word: str) -> bool:
        """Tell whether this is the last word of `is [not] distinct from`."""
        return word == "from" and self.near(-1).name == "distinct" and self.near(-2).name in ("is", "not")

    # -- brackets ----------------------------------------------------------------------------------------------

    def bracket(self, token: Token, level: _Level) -> None:
        """Go into a bracket or out of it."""
        if token.text in _CLOSES:
            self.opened(token, level)
        elif token.text == level.closes and level.state in _MAY_END:
            self.levels.pop()
        else:
            raise _Unsure

    def opened(self, token: Token, level: _Level) -> None:
        first = self.near(1)
        query = token.text == "(" and first.kind == "word" and first.text.lower() in _BEGINS
        hidden = level.hidden
        if level.state == _TABLE and query:
            level.state = _ALIAS
        elif level.state == _CTE_BODY and query:
            level.state, level.hidden = _CTE_END, hidden | {level.cte}
        elif level.state == _USING and token.text == "(" and not query:
            level.state = _ON
        elif level.state not in (_OUT, _ON):
            raise _Unsure
        self.levels.append(_Level(_CLOSES[token.text], hidden, query=query))

    # -- states of a query -------------------------------------------------------------------------------------

    def out(self, _token: Token, word: str, level: _Level) -> None:
        """Outside `from`."""
        if word == "with":
            if self.at and self.near(-1).text != "(":
                raise _Unsure
            level.state = _CTE
        elif word == "from":
            if not self.is_operator(word):
                level.state = _TABLE
        elif word == "join":
            raise _Unsure

    def table(self, token: Token, word: str, level: _Level) -> None:
        """Before a table."""
        if token.kind not in _NAMES or word in _STRUCTURE or token.text[0] == "$":
            raise _Unsure
        parts = [token.name]
        while self.near(1).text == ".":
            if self.near(2).kind not in _NAMES:
                raise _Unsure
            parts.append(self.near(2).name)
            self.at += 2
        if len(parts) > 1 or parts[0] not in level.hidden:
            self.found.append(Named(token.start, tuple(parts)))
        level.state = _ALIAS

    def alias(self, token: Token, word: str, level: _Level) -> None:
        """After a table, where its alias may stand."""
        if word == "as":
            self.at += 1
            token = self.near(0)
            word = token.name if token.kind == "word" else ""
            if word in _STRUCTURE or token.kind not in _NAMES:
                raise _Unsure
            level.state = _NEXT
        elif token.kind in _NAMES and word not in _STRUCTURE:
            level.state = _NEXT
        else:
            self.next(token, word, level)

    def next(self, token: Token, word: str, level: _Level) -> None:
        """After a table and its alias."""
        if token.text == "," or word == "join":
            level.state = _TABLE
        elif word in _JOINS:
            level.state = _JOIN
        elif word in _AFTER_FROM:
            level.state = _OUT
        elif word in ("on", "using"):
            level.state = _ON if word == "on" else _USING
        else:
            raise _Unsure

    def join(self, _token: Token, word: str, level: _Level) -> None:
        """Between two tables."""
        if word == "join":
            level.state = _TABLE
        elif word not in _JOINS:
            raise _Unsure

    def on(self, token: Token, word: str, level: _Level) -> None:
        """In the condition of a join, or after its columns."""
        if token.text == "," or word == "join":
            level.state = _TABLE
        elif word in _AFTER_FROM:
            level.state = _OUT
        elif word == "using":
            level.state = _USING
        elif word in _BEGINS and not self.is_operator(word):
            raise _Unsure

    # -- states of `with` --------------------------------------------------------------------------------------

    def cte(self, token: Token, word: str, level: _Level) -> None:
        """Before the name of a common table expression."""
        if token.kind not in _NAMES or word in _STRUCTURE:
            raise _Unsure
        level.cte, level.state = token.name, _CTE_AS

    def cte_as(self, _token: Token, word: str, level: _Level) -> None:
        """After its name."""
        if word != "as":
            raise _Unsure
        level.state = _CTE_BODY

    def cte_body(self, _token: Token, word: str, _level: _Level) -> None:
        """Before its query."""
        if word not in ("not", "materialized"):
            raise _Unsure

    def cte_end(self, token: Token, word: str, level: _Level) -> None:
        """After its query."""
        if token.text == ",":
            level.state = _CTE
        elif word in ("select", "from"):
            level.state = _OUT if word == "select" else _TABLE
        else:
            raise _Unsure

    def using(self, _token: Token, _word: str, _level: _Level) -> None:
        """Before the columns of a join."""
        raise _Unsure


_STATES: dict[str, Callable[[_Walk, Token, str, _Level], None]] = {
    _OUT: _Walk.out, _TABLE: _Walk.table, _ALIAS: _Walk.alias, _NEXT: _Walk.next, _JOIN: _Walk.join, _ON: _Walk.on,
    _USING: _Walk.using, _CTE: _Walk.cte, _CTE_AS: _Walk.cte_as, _CTE_BODY: _Walk.cte_body, _CTE_END: _Walk.cte_end,
}  # fmt: skip
