"""Reads the body of a page: its queries, its charts and tabs, and the text between them; nothing in it is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.load import calls
from penstock.load.calls import Source, Wrong
from penstock.model.dashboard import Chart, Mistake, Part, SqlBlock

if TYPE_CHECKING:
    from penstock.load.calls import Call

# Where a value stands in a text, its number between two marks that no keyboard has; CommonMark leaves them alone.
OPEN, CLOSE = "\ue000", "\ue001"
_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})[ \t]*([^\n]*)")
_SQL = re.compile(r"(?i:sql)(?:[ \t]+(\S+)(.*))?\Z", re.DOTALL)
_NAME = re.compile(r"[^\W\d]\w*\Z")
_ALL_CALLS = re.compile(r"\s*\{\{")
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_PER_ROW = 12


@dataclass(slots=True)
class _Tabs:
    """Tabs that are open: those that are whole, and the parts of the one that is being read."""

    line: int
    whole: list[tuple[str, tuple[Part, ...]]] = field(default_factory=list)
    label: str = ""
    parts: list[Part] = field(default_factory=list)

    def close(self) -> None:
        self.whole.append((self.label, tuple(self.parts)))
        self.parts = []


@dataclass(slots=True)
class Body:
    """One reading of a page's body, from `at` on."""

    source: Source
    at: int
    parts: list[Part] = field(default_factory=list)
    queries: dict[str, SqlBlock] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    tabs: _Tabs | None = None
    pending: list[str] = field(default_factory=list)
    values: list[Chart] = field(default_factory=list)
    text_line: int = 1
    ids: dict[str, int] = field(default_factory=dict)

    def read(self) -> None:
        """Read to the end."""
        text = self.source.text
        while self.at < len(text):
            end = text.find("\n", self.at)
            end = len(text) if end < 0 else end
            line = text[self.at : end]
            fence = _FENCE.match(line)
            if fence and not (fence[2][0] == "`" and "`" in fence[3]):
                self._fence(fence, end)
            elif _ALL_CALLS.match(line) and self._row():
                continue
            else:
                self._line(line, end)
        self._flush()
        self._close_tabs()

    # ── fences ──────────────────────────────────────────────────────────────────────────────────────────

    def _fence(self, fence: re.Match[str], end: int) -> None:
        """Read what stands between two fences: a query, or code to be shown as it is."""
        text, start = self.source.text, self.at
        mark = fence[2]
        close = re.compile(rf"^ {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$", re.MULTILINE).search(text, end + 1)
        sql = _SQL.match(fence[3].strip())
        if close is None:
            self._flush()
            said = "```" if mark[0] == "`" else "~~~"
            self._wrong(
                self.source.mistake(
                    "this block never closes", start + len(fence[1]), len(mark),
                    expected=f"{said} on a line of its own", got="the end of the file",
                )
            )  # fmt: skip
            self.at = len(text)
            return
        behind = min(close.end() + 1, len(text))
        if sql is None or sql[1] is None:
            self._keep(text[start : close.end()])
        else:
            self._flush()
            self._query(sql[1], text[end + 1 : max(end + 1, close.start() - 1)], start + text[start:end].index(sql[1]))
        self.at = behind

    def _query(self, name: str, text: str, offset: int) -> None:
        line, _ = self.source.place(offset)
        if not _NAME.match(name):
            self._wrong(
                self.source.mistake(
                    f"'{name}' cannot be the name of a query", offset, len(name), expected="letters, digits and _"
                )
            )
        elif name in self.queries:
            first = self.queries[name].line - 1
            self._wrong(
                self.source.mistake(
                    f"there are two queries '{name}'", offset, len(name), hint=f"the first is in line {first}"
                )
            )
        elif not text.strip():
            self._wrong(self.source.mistake(f"the query '{name}' is empty", offset, len(name), expected="one select"))
        else:
            self.queries[name] = SqlBlock(name, text, line + 1)

    # ── charts ──────────────────────────────────────────────────────────────────────────────────────────

    def _row(self) -> bool:
        """Read calls that stand on a line by themselves; False where text stands beside them."""
        text, at = self.source.text, self.at
        found: list[tuple[int, int]] = []
        while True:
            while at < len(text) and text[at] in " \t":
                at += 1
            if at >= len(text) or text[at] == "\n":
                break
            if not text.startswith("{{", at):
                return False
            end = calls.end_of(text, at)
            if end < 0:
                self._flush()
                self._unclosed(at)
                return True
            found.append((at, end))
            at = end
        if len(found) == 1 and text[found[0][0] + 2 :].lstrip().startswith("value"):
            return False
        self._flush()
        self._calls(found)
        self.at = min(at + 1, len(text))
        return True

    def _unclosed(self, at: int) -> None:
        text = self.source.text
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        self._wrong(self.source.mistake("braces that never close", at, 2, expected="}} before the next empty line"))
        self.at = min(end + 1, len(text))

    def _calls(self, found: list[tuple[int, int]]) -> None:
        charts: list[Chart] = []

        def row() -> None:
            for low in range(0, len(charts), _PER_ROW):
                self._add(Part("row", charts[low].line, charts=tuple(charts[low : low + _PER_ROW])))
            charts.clear()

        for start, end in found:
            try:
                call = calls.read(self.source, start, end)
                if call.kind in calls.MARKS:
                    row()
                    self._mark(call, start)
                else:
                    charts.append(self._chart(call, start, end))
            except Wrong as wrong:
                row()
                self._wrong(wrong.mistake)
        row()

    def _chart(self, call: Call, start: int, end: int) -> Chart:
        if not call.words:
            raise Wrong(
                self.source.mistake(
                    f"'{call.kind}' says nothing to show", start, end - start,
                    expected=f"the name of a metric or a query, as in {{{{ {call.kind} revenue }}}}",
                )
            )  # fmt: skip
        slug = "-".join([call.kind, *(re.sub(r"\W+", "-", word.text) for word in call.words)])[:80].lower()
        self.ids[slug] = self.ids.get(slug, 0) + 1
        name = slug if self.ids[slug] == 1 else f"{slug}-{self.ids[slug]}"
        return Chart(name, call.kind, call.words, call.said, call.line, call.column)

    # ── tabs ────────────────────────────────────────────────────────────────────────────────────────────

    def _mark(self, call: Call, start: int) -> None:
        if call.kind == "end":
            if self.tabs is None:
                self._wrong(self.source.mistake("there is no tab to end", start, 2, hint='{{ tab "…" }} opens one'))
            self._close_tabs()
            return
        label = " ".join(word.text for word in call.words)
        if not label:
            raise Wrong(self.source.mistake("the tab has no label", start, 2, expected='{{ tab "By region" }}'))
        if self.tabs is None:
            self.tabs = _Tabs(call.line)
        else:
            self.tabs.close()
        self.tabs.label = label

    def _close_tabs(self) -> None:
        if self.tabs is None:
            return
        self.tabs.close()
        done, self.tabs = self.tabs, None
        self.parts.append(Part("tabs", done.line, tabs=tuple(done.whole)))

    # ── text ────────────────────────────────────────────────────────────────────────────────────────────

    def _line(self, line: str, end: int) -> None:
        """Read a line of text, with the values that stand in it; code within a line is left as it is."""
        text = self.source.text
        base, at, kept = self.at, self.at, ""
        spans = [(base + m.start(), base + m.end()) for m in _CODE.finditer(line)]
        while True:
            start = text.find("{{", at, end)
            if start < 0:
                break
            inside = next((span for span in spans if span[0] <= start < span[1]), None)
            if inside or text[start - 1 : start] == "\\":
                behind = inside[1] if inside else start + 2
                kept += text[at:behind] if inside else text[at : start - 1] + "{{"
                at = behind
                continue
            kept += text[at:start]
            stop = calls.end_of(text, start)
            if stop < 0:
                self._keep(kept)
                self._flush()
                self._unclosed(start)
                return
            kept += self._inline(start, stop)
            at = stop
            if stop > end:
                end = text.find("\n", stop)
                end = len(text) if end < 0 else end
                spans = []
        self._keep(kept + text[at:end])
        self.at = min(end + 1, len(text))

    def _inline(self, start: int, end: int) -> str:
        try:
            call = calls.read(self.source, start, end)
            self._check_inline(call, start, end)
            value = self._chart(call, start, end)
        except Wrong as wrong:
            self.mistakes.append(wrong.mistake)
            value = Chart("", "mistake", (), (), wrong.mistake.line, wrong.mistake.column)
        self.values.append(value)
        return f"{OPEN}{len(self.values) - 1}{CLOSE}"

    def _check_inline(self, call: Call, start: int, end: int) -> None:
        if call.kind != "value":
            raise Wrong(
                self.source.mistake(
                    f"a {call.kind} stands on a line of its own", start, end - start,
                    hint="only {{ value … }} can stand within text",
                )
            )  # fmt: skip

    def _keep(self, text: str) -> None:
        if not self.pending:
            self.text_line = self.source.place(self.at)[0]
        self.pending.append(text)

    def _flush(self) -> None:
        """Make the text so far a part."""
        text = "\n".join(self.pending)
        if text.strip():
            self._add(Part("text", self.text_line, text=text, charts=tuple(self.values)))
        self.pending, self.values = [], []

    def _wrong(self, mistake: Mistake) -> None:
        self.mistakes.append(mistake)
        self._add(Part("mistake", mistake.line, mistake=mistake))

    def _add(self, part: Part) -> None:
        (self.parts if self.tabs is None else self.tabs.parts).append(part)
