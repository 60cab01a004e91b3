"""How far a log has been read: recognised by its content, so that it is found again under another name."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from penstock.base import textfile
from penstock.base.errors import FatalError
from penstock.base.record import record
from penstock.base.textfile import Reader
from penstock.connect.logs.series import LogFile, Moved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.connect.logs.blocks import Block
    from penstock.connect.logs.years import Reached
    from penstock.model.position import Position


@record
class Entry:
    """How far one file has been read.

    `offset` counts decompressed bytes and `line` the lines before it; `head` and `tail` seal the file's beginning
    and the bytes before `offset`. `size` and `mtime` are the file's when it was last read to its end, `rest` tells
    that an unfinished line was left there, `inode` is its number on the disk. `year` and `month` are those of the
    last line, where lines tell no year.
    """

    offset: int
    line: int
    head: str
    tail: str
    inode: int = 0
    size: int = -1
    mtime: int = -1
    rest: bool = False
    year: int = 0
    month: int = 0

    def unchanged(self, file: LogFile) -> bool:
        """Tell from size and time that a file is this one, with nothing new in it."""
        return (self.size, self.mtime) == (file.size, file.mtime)

    def ended(self, file: LogFile, *, rest: bool) -> Entry:
        """Note that the file was read to its end, as it was when the folder was looked at."""
        return replace(self, inode=file.inode, size=file.size, mtime=file.mtime, rest=rest)


def position(entries: Sequence[Entry]) -> Position:
    """Return the files that may still grow, older first: the one that is written, and the one before it."""
    return {"files": [asdict(entry) for entry in entries]}


def entries_of(found: Position, partition: str) -> tuple[Entry, ...]:
    """Read a position; raises `FatalError` for what this source never gave out."""
    if found is None:
        return ()
    try:
        entries = tuple(Entry(**fields) for fields in found["files"])  # type: ignore[index,call-overload,union-attr,arg-type,unused-ignore]
    except (TypeError, KeyError) as error:
        raise _not_ours(found, partition) from error
    numbers = [getattr(e, name) for e in entries for name in ("offset", "line", "year", "month")]
    texts = [getattr(e, name) for e in entries for name in ("head", "tail")]
    if not all(isinstance(n, int) and n >= 0 for n in numbers) or not all(isinstance(t, str) for t in texts):
        raise _not_ours(found, partition)
    if not 1 <= len(entries) <= 2:  # noqa: PLR2004
        raise _not_ours(found, partition)
    return entries


def _not_ours(found: Position, partition: str) -> FatalError:
    got = str(found)[:200]
    return FatalError("the committed position is none of a log", where=partition, got=got, hint="load the table anew")


def locate(files: Sequence[LogFile], entry: Entry) -> int | None:
    """Return which file an entry is of, or None when it is gone or was emptied.

    A file with the entry's number on the disk comes first: a rotated one, or one of which a copy was made. Then the
    newest whose content fits, such as one that was compressed.
    """
    order = sorted(range(len(files)), key=lambda at: (files[at].inode != entry.inode, -at))
    same = next((at for at in order if entry.unchanged(files[at])), None)
    return same if same is not None else next((at for at in order if _fits(files[at], entry)), None)


def _fits(file: LogFile, entry: Entry) -> bool:
    if not file.size or (not file.compressed and file.size < entry.offset):
        return False
    try:
        with Reader(file.found.path, file.name) as reader:
            if reader.stat().st_ino != file.inode:
                raise Moved
            head = reader.read(min(textfile.HEAD, entry.offset))
            if textfile.seal(head) != entry.head:
                return False
            reader.seek(0)
            found = textfile.around(reader, entry.offset)
    except FileNotFoundError as error:
        raise Moved from error
    return textfile.seals(*found, entry.offset) == (entry.head, entry.tail)


def plan(files: Sequence[LogFile], entries: Sequence[Entry]) -> tuple[list[Entry], list[tuple[LogFile, int | None]]]:
    """Return which of the entries still have a file, and the files to read in order, each with its entry's place.

    What is older than the entries has been read. When the file that was being read is gone, all that is newer than
    the one before it is new; when both are gone, everything is.
    """
    kept: list[Entry] = []
    todo: list[tuple[LogFile, int | None]] = []
    after = len(files)
    newer = 0
    for entry in reversed(entries):
        at = locate(files[:after], entry)
        if at is not None:
            newer = newer or at + 1
            after = at
            kept.insert(0, entry)
            todo.insert(0, (files[at], None))
    todo = [(file, slot) for slot, (file, _) in enumerate(todo)]
    return kept, todo + [(file, None) for file in files[newer:]]


class Walk:
    """One file on its way from an entry to its end; `advance` gives the entry after each piece of it."""

    def __init__(self, file: LogFile, reader: Reader, start: Entry | None) -> None:
        self.file = file
        self.offset = start.offset if start else 0
        self.line = start.line if start else 0
        self._head, self._tail = textfile.around(reader, self.offset)

    def advance(self, block: Block, reached: Reached) -> Entry:
        """Go over whole lines; the entry is of the middle of the file until its end is noted."""
        self.offset += block.length
        self.line += block.lines
        self._tail = (self._tail + block.tail)[-textfile.TAIL :]
        head, tail = textfile.seals(self._head, self._tail, self.offset)
        return Entry(
            self.offset, self.line, head, tail, self.file.inode, rest=True, year=reached.year, month=reached.month
        )
