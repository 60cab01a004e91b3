"""Reads calls within braces, `{{ line revenue by="day" }}`: a kind, what it shows, and options with their places."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from penstock.base.cells import clean
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.dashboard import COMMON, KINDS, VALUE, Mistake, Said, Word

if TYPE_CHECKING:
    from typing import Any

MARKS = ("tab", "end")
_WIDEST, _BEFORE = 140, 60
_LONG = 18  # digits
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<open>["'])
    |(?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    |(?P<word>[^\W\d]\w*(?:\.\w+)*)
    |(?P<sign>[=,\[\]])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ELSEWHERE = {
    "bar_chart": "bar", "column": "bar", "pie": "bar", "donut": "bar", "linechart": "line", "barchart": "bar",
    "big_value": "kpi", "number": "kpi", "metric": "kpi", "datatable": "table", "boxplot": "box", "hist": "histogram",
    "spark": "sparkline", "timeseries": "line",
}  # fmt: skip


class Wrong(Exception):  # noqa: N818  # it becomes a value at once
    """A call that cannot be read, with the mistake that it is."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.subject)
        self.mistake = mistake


@record
class Call:
    """A call as it is written: `words` are what stands after its kind before the first option."""

    kind: str
    words: tuple[Word, ...]
    said: tuple[Said, ...]
    line: int
    column: int


@record
class Source:
    """The text of a file, by lines; `place` turns an offset into line and column."""

    text: str

    def place(self, offset: int) -> tuple[int, int]:
        """Return the line and column, both from 1, of an offset."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - before.rfind("\n")

    def mistake(self, subject: str, offset: int, length: int = 1, **fields: str) -> Mistake:
        """Make a mistake that underlines a part of the text."""
        line, column = self.place(offset)
        return self.mistake_at(subject, line, column, length, **fields)

    def mistake_at(self, subject: str, line: int, column: int = 1, length: int = 1, **fields: str) -> Mistake:
        """Make a mistake at a line and column."""
        return Mistake(subject, line=line, column=column, excerpt=self._shown(line, column, length), **fields)

    def _shown(self, line: int, column: int, length: int) -> str:
        """Return a line with a part underlined, cut where it is thousands of characters long."""
        lines = self.text.split("\n")
        if not 1 <= line <= len(lines):
            return ""
        text = clean(lines[line - 1].replace("\t", " "))
        low = max(0, column - _BEFORE) if len(text) > _WIDEST else 0
        shown = ("…" if low else "") + text[low : low + _WIDEST] + ("…" if low + _WIDEST < len(text) else "")
        at = column - 1 - low + (1 if low else 0)
        marks = max(1, min(length, len(shown) - at))
        return f"{line} | {shown}\n{' ' * len(str(line))} | {' ' * max(at, 0)}{'^' * marks}"


@record
class _Token:
    kind: str
    text: str
    start: int


def end_of(text: str, start: int) -> int:
    """Return the offset behind the braces that close those at `start`, or -1: quotes count, a blank line ends it."""
    at, quote = start + 2, ""
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char in (quote, "\n"):
                quote = ""
        elif char in "\"'":
            quote = char
        elif text.startswith("}}", at):
            return at + 2
        elif text.startswith("{{", at):
            return -1
        if char == "\n" and text[at + 1 :].partition("\n")[0].strip() == "":
            return -1
        at += 1
    return -1


def read(source: Source, start: int, end: int) -> Call:
    """Read the call between two offsets, braces included; raises `Wrong` with the mistake."""
    found = _tokens(source, start + 2, end - 2)
    if not found:
        kinds = ", ".join([*KINDS, "value", *MARKS])
        raise Wrong(source.mistake("there is nothing in the braces", start, end - start, expected=f"one of {kinds}"))
    head = found[0]
    kind = _kind(source, head)
    at, words = _words(source, found)
    said = _options(source, found, at, kind)
    line, column = source.place(start)
    return Call(kind, words, said, line, column)


def _tokens(source: Source, start: int, end: int) -> list[_Token]:
    found, at = [], start
    while at < end:
        match = _TOKEN.match(source.text, at, end)
        if match is None:
            break
        kind = match.lastgroup or "other"
        if kind == "open":
            raise Wrong(source.mistake("a quote that never closes", at, 1, expected=f"another {match[0]}"))
        if kind != "space":
            found.append(_Token(kind, match[0], at))
        at = match.end()
    return found


def _kind(source: Source, head: _Token) -> str:
    known = [*KINDS, "value", *MARKS]
    if head.kind == "word" and head.text in known:
        return head.text
    elsewhere = _ELSEWHERE.get(head.text.lower().replace("-", "_"))
    hint = f"did you mean '{elsewhere}'?" if elsewhere else did_you_mean(head.text, known)
    raise Wrong(source.mistake(f"there is no chart '{head.text}'", head.start, len(head.text), hint=hint))


def _words(source: Source, found: list[_Token]) -> tuple[int, tuple[Word, ...]]:
    """Read what stands between the kind and the first option; returns where that begins."""
    words: list[Word] = []
    at = 1
    while at < len(found):
        token = found[at]
        if at + 1 < len(found) and found[at + 1].text == "=":
            break
        if token.kind in ("word", "string"):
            words.append(Word(_unquoted(token.text), *source.place(token.start)))
        elif token.text != ",":
            raise Wrong(
                source.mistake(
                    f"'{token.text}' cannot stand here", token.start, len(token.text),
                    expected='the name of a metric or a query, then options such as by="day"',
                )
            )  # fmt: skip
        at += 1
    return at, tuple(words)


def _options(source: Source, found: list[_Token], at: int, kind: str) -> tuple[Said, ...]:
    takes = (*COMMON, *KINDS[kind]) if kind in KINDS else VALUE if kind == "value" else ()
    said: list[Said] = []
    while at < len(found):
        token = found[at]
        if token.text == ",":
            at += 1
            continue
        if token.kind != "word" or at + 1 >= len(found) or found[at + 1].text != "=":
            raise Wrong(
                source.mistake(
                    f"'{token.text}' is no option", token.start, len(token.text), expected='options such as by="day"'
                )
            )
        if token.text not in takes:
            hint = did_you_mean(token.text, takes) if takes else f"'{kind}' takes no options"
            subject = f"there is no option '{token.text}' of {kind}"
            raise Wrong(source.mistake(subject, token.start, len(token.text), hint=hint))
        if any(one.name == token.text for one in said):
            raise Wrong(source.mistake(f"the option '{token.text}' is said twice", token.start, len(token.text)))
        behind, value = _value(source, found, at + 2, token)
        line, column = source.place(token.start)
        value_column = source.place(found[at + 2].start)[1] if at + 2 < len(found) else column
        said.append(Said(token.text, value, line, column, value_column))
        at = behind
    return tuple(said)


def _value(source: Source, found: list[_Token], at: int, name: _Token) -> tuple[int, Any]:
    if at >= len(found) or found[at].kind == "other" or found[at].text in ("=", ",", "]"):
        got = f"'{found[at].text}'" if at < len(found) else "nothing"
        place = found[at] if at < len(found) else name
        raise Wrong(
            source.mistake(
                f"the option '{name.text}' has no value", place.start, len(place.text),
                expected=f'{name.text}="…"', got=got,
            )
        )  # fmt: skip
    token = found[at]
    if token.text != "[":
        return at + 1, _scalar(token)
    items: list[str] = []
    at += 1
    while at < len(found) and found[at].text != "]":
        if found[at].kind in ("word", "string", "number"):
            items.append(str(_scalar(found[at])))
        elif found[at].text != ",":
            raise Wrong(source.mistake(f"'{found[at].text}' cannot stand in a list", found[at].start))
        at += 1
    if at >= len(found):
        raise Wrong(source.mistake("a list that never closes", token.start, 1, expected="]"))
    return at + 1, tuple(items)


def _scalar(token: _Token) -> Any:
    if token.kind == "number":
        return int(token.text) if "." not in token.text and len(token.text) < _LONG else float(token.text)
    if token.kind == "word" and token.text in ("true", "false"):
        return token.text == "true"
    return _unquoted(token.text)


def _unquoted(text: str) -> str:
    if text[0] in "\"'":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
