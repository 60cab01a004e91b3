"""A log file cut into blocks of whole lines, bounded in size whatever stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.base.textfile import TAIL
from penstock.connect.logs.series import LogFile, Moved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.base.textfile import Reader

BATCH = 16 * 1024 * 1024
LONGEST = 32 * 1024 * 1024
_SHOWN = 1000


@record
class Block:
    """Whole lines, or (with `too_long`, its beginning) one line that is too long to be handed over.

    `tail` are its last bytes.
    """

    text: bytes
    length: int
    lines: int
    tail: bytes
    too_long: bytes = b""

    @classmethod
    def of(cls, text: bytes) -> Block:
        """Make a block of whole lines; the last may lack its line end."""
        lines = text.count(b"\n") + (bool(text) and not text.endswith(b"\n"))
        return cls(text, len(text), lines, text[-TAIL:])


class Cutter:
    """Cuts a file from where its reader stands.

    After a block, `ended` tells whether it was the last, and `rest` whether an unfinished line is left behind it.
    A file that is `final` grows no more: its last line is whole without a line end. Raises `Moved` when the file
    became shorter than it was when the folder was looked at.
    """

    def __init__(self, reader: Reader, file: LogFile, offset: int, *, final: bool) -> None:
        self._reader = reader
        self._limit = None if file.compressed else file.size
        self._at = offset
        self._final = final
        self._buffer = b""
        self._done = False
        self._left = False

    @property
    def ended(self) -> bool:
        """Whether no further block follows."""
        return self._done and not self._cut()

    @property
    def rest(self) -> bool:
        """Whether an unfinished line is left."""
        return bool(self._buffer) or self._left

    def blocks(self) -> Iterator[Block]:
        """Give the blocks in order."""
        while True:
            if not self._done:
                self._buffer += self._more()
            cut = self._cut()
            if cut:
                text, self._buffer = self._buffer[:cut], self._buffer[cut:]
                yield Block.of(text)
            elif self._done:
                return
            elif len(self._buffer) >= LONGEST:
                yield from self._skipped()

    def _cut(self) -> int:
        return len(self._buffer) if self._done and self._final else self._buffer.rfind(b"\n") + 1

    def _more(self) -> bytes:
        room = BATCH if self._limit is None else min(BATCH, self._limit - self._at)
        data = self._reader.read(room)
        if self._limit is not None and len(data) < room:
            raise Moved
        if self._limit is None and len(data) == room:
            data += self._reader.read(1)  # only so is it known whether this was the end
            self._done = len(data) == room
        else:
            self._done = len(data) < BATCH or self._at + len(data) == self._limit
        self._at += len(data)
        return data

    def _skipped(self) -> Iterator[Block]:
        """Pass over a line that is too long to be held."""
        begin, length, tail = self._buffer[:_SHOWN], 0, b""
        while True:
            end = self._buffer.find(b"\n") + 1
            part, self._buffer = (self._buffer[:end], self._buffer[end:]) if end else (self._buffer, b"")
            length += len(part)
            tail = (tail + part[-TAIL:])[-TAIL:]
            if end or self._done:
                break
            self._buffer = self._more()
        if end or self._final:
            yield Block(b"", length, 1, tail, begin)
        else:
            self._left = True
