"""Reads of the past in a select, found and replaced: `t at (version => 3)`, `changes('t', 3, 7)`, `history('t')`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.base.errors import Place, PlanError
from penstock.base.record import record
from penstock.base.text import plural, underline
from penstock.model import names
from penstock.plan.canonical import Token, tokens
from penstock.plan.scan import put_in, scan

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAY = re.compile(r"\b(?:at|changes|history)\b", re.IGNORECASE)
_SUCH = {"version": "12", "timestamp": "'2026-11-25 10:00'"}
_CALLS = {"changes": ("a table and one or two versions or times", 2, 3), "history": ("a table", 1, 1)}
# What may stand behind a table's name and is no alias of it.
_NO_ALIAS = frozenset(
    {
        "at", "on", "using", "where", "group", "order", "having", "limit", "offset", "qualify", "window", "sample",
        "tablesample", "union", "except", "intersect", "join", "inner", "left", "right", "full", "cross", "natural",
        "asof", "positional", "semi", "anti", "lateral", "pivot", "unpivot", "select", "with", "fetch", "for",
    }
)  # fmt: skip


@record
class Piece:
    """An argument: its text and where it begins."""

    text: str
    start: int


@record
class Past:
    """One read of the past.

    `kind` is `version` or `timestamp` for a table at one of these, `changes` or `history`; `table` is the table's name;
    `start` and `end` are what of the text is replaced, `alias` what its rows are called, or nothing where the text
    itself says so.
    """

    kind: str
    table: Piece
    arguments: tuple[Piece, ...]
    start: int
    end: int
    alias: str


@record
class Asking:
    """A text that is asked, where it comes from, and its reads of the past."""

    text: str
    file: str
    line: int
    found: tuple[Past, ...]

    def error(self, subject: str, piece: Piece, **fields: str) -> PlanError:
        """Make an error that underlines a piece of the text."""
        before = self.text[: piece.start]
        place = Place(self.file or "query", self.line + before.count("\n"), piece.start - before.rfind("\n"))
        length = len(piece.text.split("\n", 1)[0])
        shown = underline("\n" * (self.line - 1) + self.text, place.line, place.column, max(length, 1))
        return PlanError(subject, where=place, excerpt=shown, **fields)

    def with_names(self, named: Sequence[str]) -> str:
        """Return the text with a name in the place of each read; every other word keeps its line and column."""
        pairs = zip(self.found, named, strict=True)
        said = ((past, f'"{name}"' + (f" as {past.alias}" if past.alias else "")) for past, name in pairs)
        return put_in(self.text, [(past.start, past.end, words) for past, words in said])


def find(text: str, file: str = "", line: int = 1) -> Asking:
    """Find a select's reads of the past; raises `PlanError`, with the place underlined, for one that is not whole."""
    if not _MAY.search(text):
        return Asking(text, file, line, ())
    words = [token for token in tokens(text) if token.kind != "comment"]
    at_start = {token.start: number for number, token in enumerate(words)}
    reading = Asking(text, file, line, ())
    found: list[Past] = []
    for source in scan(text):
        number = at_start[source.start]
        if source.called:
            past = _call(words, number, source.parts, reading)
        else:
            past = _at(words, number, source.parts, reading)
        if past is not None:
            found.append(past)
    _refuse_stray(words, found, reading)
    return Asking(text, file, line, tuple(found))


def refuse(text: str, file: str = "", line: int = 1) -> None:
    """Raise `PlanError` where a table's own SQL reads the past: a table is a function of what its inputs hold now."""
    asking = find(text, file, line)
    for past in asking.found:
        raise asking.error(
            "a table's SQL cannot read earlier versions: it is computed from what its inputs hold now",
            past.table,
            hint="ask for the past in `penstock sql`, or keep it in a table of your own, with a column for the time",
        )


def whole(words: Sequence[Token], number: int) -> int:
    """Return the number of the token behind a name and its parts."""
    number += 1
    while number + 1 < len(words) and words[number].text == "." and words[number + 1].kind in ("word", "quoted"):
        number += 2
    return number


def _text(words: Sequence[Token], number: int) -> str:
    return words[number].text.lower() if 0 <= number < len(words) else ""


def _at(words: Sequence[Token], number: int, parts: tuple[str, ...], reading: Asking) -> Past | None:
    """Read `name [[as] alias] at (version => …) [[as] alias]`."""
    behind = whole(words, number)
    clause = behind
    if not _is_at(words, clause):
        clause = behind_alias(words, behind)
        if clause == behind or not _is_at(words, clause):
            return None
    stop, arguments = _arguments(words, clause + 1, reading)
    kind = words[clause + 2].name
    if len(arguments) != 1 or not _value_of(arguments[0]).text:
        clause_piece = _piece(words, clause, stop + 1, reading)
        raise reading.error(f"`at` takes one {kind}", clause_piece, expected=f"such as: at ({kind} => {_SUCH[kind]})")
    alias = words[clause - 1].text  # the name itself, where it has no alias
    if clause == behind and behind_alias(words, stop + 1) > stop + 1:
        alias = ""
    name = words[number]
    table = names.full(parts[0], parts[-1]) if len(parts) > 1 else parts[0]
    return Past(
        kind,
        Piece(table, name.start),
        (_value_of(arguments[0]),),
        name.start,
        words[stop].start + 1,
        alias,
    )


def _value_of(argument: Piece) -> Piece:
    """Return what stands behind the arrow."""
    behind = argument.text.index("=>") + 2
    value = argument.text[behind:]
    return Piece(value.strip(), argument.start + behind + len(value) - len(value.lstrip()))


def _is_at(words: Sequence[Token], number: int) -> bool:
    three = [_text(words, number + at) for at in (0, 1, 3)]
    return three == ["at", "(", "=>"] and _text(words, number + 2) in _SUCH


def behind_alias(words: Sequence[Token], number: int) -> int:
    """Return the number of the token behind an alias, or the same number where none stands here."""
    at = number + (_text(words, number) == "as")
    if at >= len(words):
        return number
    token = words[at]
    is_alias = token.kind == "quoted" or (token.kind == "word" and token.name not in _NO_ALIAS)
    return at + 1 if is_alias else number


def _call(words: Sequence[Token], number: int, parts: tuple[str, ...], reading: Asking) -> Past | None:
    """Read `changes('t', 3, 7)` or `history('t')`."""
    kind = parts[-1]
    if len(parts) != 1 or kind not in _CALLS:
        return None
    takes, least, most = _CALLS[kind]
    stop, arguments = _arguments(words, number + 1, reading)
    own = _piece(words, number, number + 1, reading)
    if not least <= len(arguments) <= most:
        raise reading.error(f"'{kind}' takes {takes}", own, got=plural(len(arguments), "argument"))
    table = _table(arguments[0], reading)
    alias = "" if behind_alias(words, stop + 1) > stop + 1 else kind
    return Past(kind, table, arguments[1:], own.start, words[stop].start + 1, alias)


def _table(argument: Piece, reading: Asking) -> Piece:
    """Read the name of a table, as a string or as it stands."""
    text = argument.text
    if text[:1] == "'":
        text = text[1:-1].replace("''", "'")
    parts = [token for token in tokens(text) if token.kind in ("word", "quoted")]
    if not parts or len(parts) > 2:  # noqa: PLR2004
        raise reading.error("this is not the name of a table", argument, expected="such as 'orders' or 'raw.orders'")
    named = [token.name for token in parts]
    return Piece(names.full(named[0], named[1]) if len(named) > 1 else named[0], argument.start)


def _arguments(words: Sequence[Token], opening: int, reading: Asking) -> tuple[int, tuple[Piece, ...]]:
    """Cut what stands in brackets at its commas; returns the number of the closing bracket too."""
    depth, begin, found = 0, opening + 1, []
    for number in range(opening, len(words)):
        text = words[number].text
        depth += (text in "([{") - (text in ")]}")
        if (text == "," and depth == 1) or not depth:
            if number > begin:
                found.append(_piece(words, begin, number, reading))
            begin = number + 1
        if not depth:
            return number, tuple(found)
    raise reading.error("a bracket that never closes", Piece(words[opening].text, words[opening].start))


def _piece(words: Sequence[Token], first: int, behind: int, reading: Asking) -> Piece:
    last = words[behind - 1]
    start = words[first].start
    return Piece(reading.text[start : last.start + len(last.text)], start)


def _refuse_stray(words: Sequence[Token], found: Sequence[Past], reading: Asking) -> None:
    """Refuse an `at (version => …)` that stands behind something else than the name of a table."""
    for number, token in enumerate(words):
        if _is_at(words, number) and not any(past.start <= token.start < past.end for past in found):
            raise reading.error(
                "`at` follows the name of a table of the warehouse", Piece(token.text, token.start),
                expected="such as: from orders at (version => 12)",
            )  # fmt: skip
