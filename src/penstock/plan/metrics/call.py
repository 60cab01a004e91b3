"""Calls of metrics in a select, found and replaced: `from metric('revenue', by := ['region'], grain := 'week')`."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PlanError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.measure import Filter, MetricAsk
from penstock.plan.asof import Asking as Reading
from penstock.plan.asof import Piece, behind_alias
from penstock.plan.canonical import Token, tokens
from penstock.plan.metrics.formula import closing
from penstock.plan.scan import put_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.base.errors import PenstockError

_MAY = re.compile(r"\bmetric\s*\(", re.IGNORECASE)
_LISTS = ("by",)
_TEXTS = ("grain", "compare", "timezone")
_BOUNDS = {"start": "start", "from": "start", "end": "end", "to": "end"}
_KNOWN = (*_LISTS, *_TEXTS, *_BOUNDS, "where")
_ARROWS = (":=", "=>", "=")
_OPENS = {"(": ")", "[": "]", "{": "}"}
_BEFORE = ("from", "join", ",")


@record
class Called:
    """One call: what it asks, and the place of each of its arguments."""

    ask: MetricAsk
    name: Piece
    arguments: dict[str, Piece]
    start: int
    end: int
    alias: str


@record
class Asking:
    """A text that is asked, and its calls of metrics."""

    text: str
    file: str
    line: int
    found: tuple[Called, ...]

    def names(self) -> list[str]:
        """Return a name for each call: so short that it fits in its place, and none that the text has."""
        first = next(n for n in itertools.count(1) if f"_m{n}" not in self.text.lower())
        return [f"_m{first + at}" for at in range(len(self.found))]

    def with_names(self, named: Sequence[str]) -> str:
        """Return the text with a name in the place of each call; every other word keeps its line and column."""
        pairs = zip(self.found, named, strict=True)
        return put_in(self.text, [(one.start, one.end, f"{name} {one.alias}".rstrip()) for one, name in pairs])

    def error_at(self, called: Called, error: PenstockError) -> PlanError:
        """Return an error with the argument underlined that it speaks of: the one whose text it names."""
        said = re.findall(r"'([^']+)'", error.subject)
        places = [one for word in reversed(said) for one in called.arguments.values() if f"'{word}'" in one.text]
        piece = places[0] if places else called.name
        hint = error.hint if not error.where else f"{error.hint or 'its definition'} ({error.where})"
        return _error(self, error.subject, piece, expected=error.expected, got=error.got, hint=hint)


def _error(asking: Asking, subject: str, piece: Piece, **fields: str) -> PlanError:
    return Reading(asking.text, asking.file, asking.line, ()).error(subject, piece, **fields)


def find(text: str, file: str = "", line: int = 1) -> Asking:
    """Find a select's calls of metrics; raises `PlanError`, with the place underlined, for one that is not whole."""
    asking = Asking(text, file, line, ())
    if not _MAY.search(text):
        return asking
    words = [token for token in tokens(text) if token.kind != "comment"]
    found = []
    for at, token in enumerate(words[:-1]):
        called = token.kind == "word" and token.name == "metric" and words[at + 1].text == "("
        if not called or (at and words[at - 1].text == "."):
            continue
        if not at or words[at - 1].name not in _BEFORE:
            raise _error(
                asking, "a metric gives rows: it stands after from or join",
                Piece(token.text, token.start),
                expected="such as: select revenue from metric('revenue')",
            )  # fmt: skip
        found.append(_call(asking, words, at))
    return replace(asking, found=tuple(found))


def refuse(text: str, file: str = "", line: int = 1) -> None:
    """Raise `PlanError` where a table's own SQL asks a metric."""
    for called in find(text, file, line).found:
        raise _error(
            Asking(text, file, line, ()), "a table's SQL cannot ask a metric: metrics are made of tables",
            Piece("metric", called.start),
            hint="write the aggregate here, or ask the metric in a dashboard, a check or `penstock sql`",
        )  # fmt: skip


def _call(asking: Asking, words: Sequence[Token], at: int) -> Called:
    stop = closing(words, at + 1)
    if words[stop].text != ")":
        raise _error(asking, "a bracket that never closes", Piece("(", words[at + 1].start))
    own = Piece(asking.text[words[at].start : words[stop].start + 1], words[at].start)
    given = _arguments(asking, words, at + 1, stop)
    if not given or given[0][0]:
        raise _error(
            asking, "no metric is named", Piece("metric", own.start),
            expected="metric('revenue', by := ['region'], grain := 'week')",
        )  # fmt: skip
    metrics = _texts(asking, given[0][1], given[0][2])
    said: dict[str, Any] = {}
    pieces = {"": given[0][1]}
    for name, piece, value in given[1:]:
        _take(asking, name, piece, value, said)
        pieces[name] = piece
    end = words[stop].start + 1
    alias = "" if _has_alias(words, stop + 1) else "metric"
    return Called(MetricAsk(metrics, **said), given[0][1], pieces, own.start, end, alias)


def _has_alias(words: Sequence[Token], at: int) -> bool:
    return behind_alias(words, at) > at


def _take(asking: Asking, name: str, piece: Piece, value: list[Token], said: dict[str, Any]) -> None:
    if not name:
        raise _error(
            asking, "only the metrics stand without a name here", piece, expected="by := ['region'], grain := 'week', …"
        )
    if name in _LISTS:
        said[name] = _texts(asking, piece, value)
    elif name in _TEXTS:
        said[name] = _text(asking, piece, value)
    elif name in _BOUNDS:
        said[_BOUNDS[name]] = _text(asking, piece, value)
    elif name == "where":
        said[name] = _filters(asking, piece, value)
    else:
        raise _error(asking, f"metric takes no '{name}'", piece, hint=did_you_mean(name, _KNOWN))


def _arguments(asking: Asking, words: Sequence[Token], opening: int, stop: int) -> list[tuple[str, Piece, list[Token]]]:
    """Cut what stands in brackets at its commas: the name of each argument, its place, the tokens of its value."""
    found = []
    for first, behind in _cut(words, opening + 1, stop):
        if first == behind:
            continue
        named = behind - first > 1 and words[first].kind in ("word", "quoted") and words[first + 1].text in _ARROWS
        value = list(words[first + 2 * named : behind])
        last = words[behind - 1]
        start = words[first].start
        piece = Piece(asking.text[start : last.start + len(last.text)], start)
        found.append((words[first].name if named else "", piece, value))
    return found


def _cut(words: Sequence[Token], first: int, stop: int) -> list[tuple[int, int]]:
    depth, begin, found = 0, first, list[tuple[int, int]]()
    for at in range(first, stop + 1):
        text = words[at].text
        if at == stop or (text == "," and not depth):
            found.append((begin, at))
            begin = at + 1
        depth += (text in _OPENS) - (text in _OPENS.values())
    return found


def _text(asking: Asking, piece: Piece, value: Sequence[Token]) -> str:
    """Read one text; a date or time that is cast is its text."""
    strings = [token for token in value if token.kind == "string"]
    rest = [token.name for token in value if token.kind != "string"]
    if len(strings) != 1 or any(word not in ("date", "timestamp", "timestamptz") for word in rest):
        raise _error(asking, "this is not a text", piece, expected="such as 'week'")
    return _unquoted(strings[0].text)


def _unquoted(text: str) -> str:
    return text[text.index("'") + 1 : -1].replace("''", "'") if "'" in text else text


def _texts(asking: Asking, piece: Piece, value: Sequence[Token]) -> tuple[str, ...]:
    """Read one text, or a list of them."""
    listed = len(value) > 1 and value[0].text in ("[", "(") and value[-1].text in ("]", ")")
    inner = value[1:-1] if listed else value
    wrong = any(token.kind != ("operator" if at % 2 else "string") for at, token in enumerate(inner))
    if wrong or any(token.text != "," for token in inner[1::2]) or not inner:
        raise _error(asking, "this is not a text, nor a list of them", piece, expected="such as ['region', 'tier']")
    return tuple(_unquoted(token.text) for token in inner[::2])


def _filters(asking: Asking, piece: Piece, value: list[Token]) -> tuple[Filter, ...]:
    """Read `{region: 'North', tier: ['gold', 'silver']}`."""
    if len(value) < 2 or value[0].text != "{" or value[-1].text != "}":  # noqa: PLR2004
        raise _error(
            asking, "'where' takes values by dimension", piece, expected="where := {region: ['North', 'West']}"
        )
    found = []
    for first, behind in _cut(value, 1, len(value) - 1):
        if behind - first < 3 or value[first + 1].text != ":":  # noqa: PLR2004
            raise _error(asking, "'where' takes values by dimension", piece, expected="where := {region: 'North'}")
        name = value[first]
        said = value[first + 2 : behind]
        listed = said[0].text in ("[", "(")
        inner = [token for token in (said[1:-1] if listed else said) if token.text != ","]
        dimension = _unquoted(name.text) if name.kind == "string" else name.name
        found.append(Filter(dimension, tuple(_value(asking, token) for token in inner)))
    return tuple(found)


def _value(asking: Asking, token: Token) -> Any:
    if token.kind == "string":
        return _unquoted(token.text)
    if token.kind == "number":
        return float(token.text) if "." in token.text else int(token.text)
    if token.name in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[token.name]
    raise _error(asking, "this is not a value", Piece(token.text, token.start), expected="a text, a number, true, null")
