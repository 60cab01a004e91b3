"""TOML with places: where each key and each value stands, which tomllib does not say."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeAlias

from penstock.base.errors import ConfigError, Place

Path: TypeAlias = "tuple[str | int, ...]"

_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)\Z")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?'{3,5}(?!')|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL
)
_OPENS = re.compile(r'(?:"""|\'\'\')(?:\r?\n)?|"|\'')
_SCALAR = re.compile(r"[^,\]}#\n]*")


class Document:
    """One TOML text, read: `data` is what it says, `place` where."""

    def __init__(self, text: str, file: str, data: dict[str, Any], line: int = 1, column: int = 1) -> None:
        self.text = text
        self.file = file
        self.data = data
        self._line = line
        self._column = column

    def place(self, *path: str | int, value: bool = False, content: bool = False) -> Place:
        """Return where the key at `path` stands, or its value; without such a path, its nearest parent.

        `content` asks for the first character of a text, within its quotes.
        """
        while path and path not in self._spots:
            path = path[:-1]
        if not path:
            return Place(self.file, self._line)
        start = self._spots[path][value or content]
        opens = _OPENS.match(self.text, start) if content else None
        return self._at(opens.end() if opens else start)

    @cached_property
    def _spots(self) -> dict[Path, tuple[int, int]]:
        return locate(self.text)

    def _at(self, offset: int) -> Place:
        line, column = _line_and_column(self.text, offset)
        return Place(self.file, self._line - 1 + line, column + (self._column - 1 if line == 1 else 0))


def parse(text: str, file: str, line: int = 1, column: int = 1) -> Document:
    """Read a text that begins in `line` and `column` of `file`; raises `ConfigError` with its place."""
    import tomllib

    try:
        return Document(text, file, tomllib.loads(text), line, column)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        said = _TOML_PLACE.search(message)
        at, across = _line_and_column(text, len(text.rstrip()))
        if said and said[1]:
            at, across = int(said[1]), int(said[2])
        elif not said:
            at, across = 1, 1
        across += column - 1 if at == 1 else 0
        reason = _TOML_PLACE.sub("", message)
        raise ConfigError(f"this is not TOML: {reason}", where=Place(file, line - 1 + at, across)) from None
    except RecursionError:
        raise ConfigError("this TOML is nested too deeply", where=Place(file, line)) from None
    except ValueError as error:  # a date such as 2024-02-31, a number of thousands of digits: tomllib gives no place
        raise ConfigError(f"this is not TOML: {error}", where=Place(file, line)) from None


def _line_and_column(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def locate(text: str) -> dict[Path, tuple[int, int]]:
    """Map the path of every key and element of valid TOML to the offsets of its key and of its value.

    A path has the keys from the root, and the index of an element in a list or in an array of tables.
    """
    walk = _Walk(text)
    with suppress(RecursionError):  # deeper than the walk can follow: what was found gives the nearest place
        walk.document()
    return walk.spots


class _Walk:
    """One pass over valid TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.spots: dict[Path, tuple[int, int]] = {}
        self.counts: dict[Path, int] = {}

    def skip(self) -> None:
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at

    def document(self) -> None:
        table: Path = ()
        self.skip()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.heading()
            else:
                before = self.at
                self.pair(table)
                if self.at == before:
                    return
            self.skip()

    def heading(self) -> Path:
        start, several = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if several else 1
        keys = self.keys()
        self.skip()
        self.at += 2 if several else 1
        path: Path = ()
        for index, (key, _) in enumerate(keys):
            path = (*path, key)
            last = index == len(keys) - 1
            self.spots.setdefault(path, (start, start))
            if several and last:
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
                self.spots.setdefault(path, (start, start))
        if not several:
            self.spots[path] = (start, start)
        return path

    def keys(self) -> list[tuple[str, int]]:
        """Read a dotted key: each part and where it stands."""
        found: list[tuple[str, int]] = []
        while True:
            self.skip()
            match = _KEY.match(self.text, self.at)
            if match is None:
                return found
            found.append((_unquoted(match[0]), self.at))
            self.at = match.end()
            self.skip()
            if not self.text.startswith(".", self.at):
                return found
            self.at += 1

    def pair(self, table: Path) -> None:
        path = table
        parts = self.keys()
        if not parts:
            return
        self.skip()
        self.at += 1  # the equals sign
        self.skip()
        value = self.at
        for key, start in parts:
            path = (*path, key)
            self.spots.setdefault(path, (start, value))
        self.spots[path] = (parts[-1][1], value)
        self.value(path)

    def value(self, path: Path) -> None:
        char = self.text[self.at]
        if char == "[":
            self.array(path)
        elif char == "{":
            self.inline_table(path)
        else:
            match = (_STRING if char in "\"'" else _SCALAR).match(self.text, self.at)
            self.at = match.end() if match else len(self.text)

    def array(self, path: Path) -> None:
        self.at += 1
        index = 0
        self.skip()
        while self.text[self.at] != "]":
            self.spots[(*path, index)] = (self.at, self.at)
            self.value((*path, index))
            index += 1
            self.skip()
            if self.text[self.at] == ",":
                self.at += 1
                self.skip()
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        self.skip()
        while self.text[self.at] != "}":
            self.pair(path)
            self.skip()
            if self.text[self.at] == ",":
                self.at += 1
                self.skip()
        self.at += 1


def _unquoted(key: str) -> str:
    if key[0] == '"' and "\\" in key:
        import tomllib

        return str(tomllib.loads(f"key = {key}")["key"])
    return key[1:-1] if key[0] in "\"'" else key
