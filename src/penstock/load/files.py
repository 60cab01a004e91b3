"""The files of a project: which there are, their bytes, and their text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, Place
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.load.mistakes import Mistakes

SETTINGS = "penstock.toml"
_DEEPEST = 5
_FOLDERS = {
    "sources": (".toml", ".py"),
    "tables": (".sql", ".py"),
    "sinks": (".toml", ".py"),
    "tests": (".toml",),
    "metrics": (".toml",),
}


@record
class File:
    """A file of the project: its path below the root, with `/` on every system, and what it holds."""

    path: str
    data: bytes

    @property
    def folder(self) -> str:
        """The folder of the project that it stands in: `sources`, `tables` …, or nothing."""
        return self.path.partition("/")[0] if "/" in self.path else ""

    @property
    def suffix(self) -> str:
        """Its ending in lower case, with the dot."""
        return os.path.splitext(self.path)[1].lower()  # noqa: PTH122


def gather(root: Path) -> list[File]:
    """Read every file that declares something, `penstock.toml` first; raises `ConfigError`."""
    settings = root / SETTINGS
    if not settings.is_file():
        hint = "go to the project's folder, or make one with: penstock init"
        raise ConfigError(f"there is no project in {root}", expected=SETTINGS, got="no such file", hint=hint)
    base = str(root)
    paths = [SETTINGS]
    for folder, endings in _FOLDERS.items():
        paths += sorted(below(os.path.join(base, folder), folder, endings))  # noqa: PTH118
    return [File(path, _read(os.path.join(base, path), path)) for path in paths]  # noqa: PTH118


def below(folder: str, path: str, endings: tuple[str, ...]) -> Iterator[str]:
    """Find the files of some endings in a folder and those within it, each with `path` for the folder's."""
    if path.count("/") > _DEEPEST:  # a link that leads back to its own folder
        return
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ConfigError(f"the folder cannot be read: {error.strerror}", where=Place(path)) from None
    for entry in entries:
        name = entry.name
        if name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from below(entry.path, f"{path}/{name}", endings)
        elif name.lower().endswith(endings):
            yield f"{path}/{name}"


def _read(path: str, shown: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", where=Place(shown)) from None


def text(file: File, mistakes: Mistakes) -> str | None:
    """Decode a file as UTF-8, with or without a byte order mark; None where it is not, which is noted."""
    data = file.data.removeprefix(b"\xef\xbb\xbf")
    marked = len(file.data) - len(data)
    try:
        found = data.decode("utf-8")
    except UnicodeDecodeError as error:
        start = error.start
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        mistakes.add(
            "the file is not UTF-8",
            _byte_place(file.path, data, start),
            expected="text in UTF-8",
            got=f"byte 0x{data[start]:02x} at offset {start + marked}",
            hint="it looks like UTF-16: save it as UTF-8" if wide else "save it as UTF-8",
        )
        return None
    if "\0" in found:
        start = data.index(b"\0")
        got = f"a zero byte at offset {start + marked}"
        mistakes.add("the file is not text", _byte_place(file.path, data, start), expected="text in UTF-8", got=got)
        return None
    return found


def _byte_place(path: str, data: bytes, start: int) -> Place:
    before = data[:start]
    line_start = before.rfind(b"\n") + 1
    column = len(before[line_start:].decode("utf-8", "replace")) + 1
    return Place(path, before.count(b"\n") + 1, column)
