"""The canonical form of SQL, by a small lexer of our own, and the fingerprints made of it.

Layout, comments and the case of unquoted words do not change the form, so they never rebuild a table; nor
does an upgrade of a library, because none is asked.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME = 1

_NEXT = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>--[^\r\n]*|/\*)
    |(?P<string>[eE]'(?:[^'\\]|\\.|'')*'|[xXbBnN]?'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<dollar>\$(?:[^\W\d]\w*)?\$)
    |(?P<open>[eExXbBnN]?'|")
    |(?P<word>[^\W\d][\w$]*|\$\w+)
    |(?P<number>(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?)
    |(?P<operator>[-+*/<>=~!@\#%^&|`?]+|::|:=|.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK = re.compile(r"/\*|\*/")
_OPERATOR_END = re.compile(r"--|/\*")
_SIGN_MAY_END = re.compile(r"[~!@#%^&|`?]")


class Token(NamedTuple):
    """A piece of SQL and the offset of its first character.

    `kind` is `word`, `quoted`, `string`, `number`, `operator`, `comment`, or `open` for a string, quoted name
    or comment that never closes.
    """

    kind: str
    text: str
    start: int

    @property
    def name(self) -> str:
        """The identifier that a word or a quoted name stands for, in lower case."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"').lower()
        return self.text.lower()


def tokens(text: str) -> Iterator[Token]:
    """Cut SQL into tokens, comments included, white space left out; never fails."""
    return iter(_listed(text))


@lru_cache(maxsize=8)
def _listed(text: str) -> tuple[Token, ...]:
    """Return the tokens of a text: loading a table asks for them several times over."""
    return tuple(_cut(text))


def _cut(text: str) -> Iterator[Token]:
    at, end, match_at = 0, len(text), _NEXT.match
    while at < end:
        match = match_at(text, at)
        if match is None:
            return
        kind, stop = match.lastgroup or "operator", match.end()
        if kind == "space":
            at = stop
            continue
        if kind == "comment" and text[at + 1] == "*":
            kind, stop = _block_comment(text, at)
        elif kind == "dollar":
            kind, stop = _dollar_string(text, at, match[0])
        elif kind == "operator":
            stop = _operator_end(match[0], at)
        elif kind == "open":
            stop = end
        yield Token(kind, text[at:stop], at)
        at = stop


def _block_comment(text: str, start: int) -> tuple[str, int]:
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        depth += 1 if mark[0] == "/*" else -1
        if not depth:
            return "comment", mark.end()
    return "open", len(text)


def _dollar_string(text: str, start: int, tag: str) -> tuple[str, int]:
    close = text.find(tag, start + len(tag))
    return ("string", close + len(tag)) if close >= 0 else ("open", len(text))


def _operator_end(run: str, start: int) -> int:
    """Cut a run of operator characters as PostgreSQL does: before a comment, and before a sign of its own."""
    cut = _OPERATOR_END.search(run)
    if cut:
        run = run[: cut.start()]
    while len(run) > 1 and run[-1] in "+-" and not _SIGN_MAY_END.search(run):
        run = run[:-1]
    return start + len(run)


def canonical(text: str) -> str:
    r"""Return SQL without comments and layout, unquoted words in lower case, one space between tokens.

    >>> canonical('SELECT  Amount, "Name" -- why\nFROM raw.Orders')
    'select amount , "Name" from raw . orders'
    """
    parts = []
    for kind, piece, _ in tokens(text):
        if kind == "comment":
            continue
        parts.append(piece.lower() if kind in ("word", "number") else piece)
    return " ".join(parts)


def fingerprint(*parts: str) -> str:
    """Return the fingerprint of a definition's parts: its scheme's number and 128 bits in hexadecimal.

    The parts are told apart: `("ab", "c")` and `("a", "bc")` differ.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return f"{SCHEME}:{digest.hexdigest()}"
