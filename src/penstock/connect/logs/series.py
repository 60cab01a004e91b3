"""Which files are one log: the one that is written and its rotated, perhaps compressed, forerunners, oldest first."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.base.listing import Found

_COMPRESSED = re.compile(r"\.(?:gz|bz2|xz|zst|zstd)\Z")
_NUMBER = re.compile(r"\.(\d{1,3})\Z")
_DATE = re.compile(
    r"(?:\A|[-._])(\d{4})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])"
    r"(?:[-_T.]?([01]\d|2[0-3])(?:[-_:.]?([0-5]\d)(?:[-_:.]?([0-5]\d))?)?)?(?=\Z|[-._])"
)
_NEWEST = ("9",)


class Moved(Exception):  # noqa: N818
    """The folder changed while we looked at it: it has to be looked at once more."""


@record
class LogFile:
    """One file of a log; `age` sorts the oldest first."""

    name: str
    found: Found
    age: tuple[tuple[str, ...], int]
    compressed: bool

    @property
    def size(self) -> int:
        """Its size in bytes when the folder was looked at."""
        return self.found.stat.st_size

    @property
    def mtime(self) -> int:
        """Its time of change then, in nanoseconds."""
        return self.found.stat.st_mtime_ns

    @property
    def inode(self) -> int:
        """Its number on the disk, which it keeps when it is renamed."""
        return self.found.stat.st_ino


def parse(name: str) -> tuple[str, tuple[tuple[str, ...], int], bool]:
    """Return the log that a file belongs to, how old it is in it, and whether it is compressed.

    A higher number is older, a date is as old as it says, and what has neither is being written.

    >>> parse("access.log.2.gz")
    ('access.log', (('9',), -2), True)
    >>> parse("access.log-20240131")
    ('access.log', (('2024', '01', '31', '', '', ''), 1), False)
    """
    bare = _COMPRESSED.sub("", name)
    number = _NUMBER.search(bare)
    log = bare[: number.start()] if number else bare
    date = _DATE.search(log)
    if date:
        log = log[: date.start()] + log[date.end() :]
        log = log if log and not log.startswith(".") else f"*{log}"
    day = tuple(part or "" for part in date.groups()) if date else _NEWEST
    return log, (day, -int(number[1]) if number else 1), bare != name


def series(found: Mapping[str, Found]) -> dict[str, tuple[LogFile, ...]]:
    """Group files into logs, by the name of the file that is written; each log's files are in order, oldest first.

    Where a file and its compressed form are both there, the compression is under way, and the plain one counts.
    """
    logs: dict[str, dict[str, LogFile]] = {}
    for label, file in found.items():
        path = PurePosixPath(label)
        log, age, compressed = parse(path.name)
        bare = _COMPRESSED.sub("", label)
        group = logs.setdefault(str(path.with_name(log)), {})
        if bare not in group or not compressed:
            group[bare] = LogFile(label, file, age, compressed)
    return {log: tuple(sorted(files.values(), key=lambda f: (f.age, f.name))) for log, files in logs.items()}
