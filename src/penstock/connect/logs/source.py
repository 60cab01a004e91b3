"""The logs source: follows each log from its oldest rotated file to the line that is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base import textfile
from penstock.base.errors import FatalError, RetryableError
from penstock.base.listing import find, nothing_found
from penstock.base.textfile import Reader
from penstock.connect.logs.blocks import LONGEST, Block, Cutter
from penstock.connect.logs.cursor import Entry, Walk, entries_of, plan, position
from penstock.connect.logs.formats import log_form
from penstock.connect.logs.series import LogFile, Moved, series
from penstock.connect.logs.years import Reached
from penstock.protocols.source import Batch, Kind, Reject, SourceCan, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.model.position import Position
    from penstock.model.source import RawTable
    from penstock.protocols.source import Context, Format

LONGEST_OPEN = 1024 * 1024
AT_REST = 60.0
LAST = " (last line)"
_PASSES = 5


class LogsSource:
    """Reads the logs that a pattern names; each log is a partition with all its rotated files.

    A line without a line end is left until it has one, or until the log goes on in a newer file. What stands so at
    the very end of a log is shown meanwhile, if it looks whole or nobody has written for a minute, as the only row
    of a partition of its own, which is emptied when the line is read for good.
    """

    def __init__(self, table: RawTable, context: Context) -> None:
        self._table = table
        self._context = context
        self._form = log_form(table)
        self._folder = context.root / table.connection.address
        self._pattern = table.read or "*.log*"
        self._logs: dict[str, tuple[LogFile, ...]] = {}
        self._reached: dict[str, Entry] = {}
        self._kind = Kind.UPSERT if table.key else Kind.APPEND

    @property
    def can(self) -> SourceCan:
        return SourceCan(frozenset({self._kind, Kind.SNAPSHOT}))

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        self._look()
        self._reached.clear()
        if not self._logs and not self._form.optional:
            raise nothing_found(self._pattern, self._folder, self._table.at("read") or self._table.name)
        found: list[str] = []
        for log in sorted(self._logs):
            found.append(log)
            if log + LAST in known or self._open_line(log)[1]:
                found.append(log + LAST)
        return found

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        if not self._logs:
            self._look()
        log = partition.removesuffix(LAST)
        try:
            yield from self._lines(log, after) if log == partition else self._last(log, after)
        except PermissionError as error:
            raise FatalError("the log may not be read", where=partition, got=str(error.strerror)) from error
        except OSError as error:
            raise RetryableError("the log could not be read", where=partition, got=str(error)) from error

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        text = "".join(f"{row}\n" for row in rows).encode()
        files = self._logs.get(partition.removesuffix(LAST), ())
        mtime = files[-1].mtime if files else int(self._context.clock.now().timestamp() * 1e9)
        piece = next(iter(self._form.pieces(text, Reached(), mtime)))
        return Batch(Text((text,), piece.form, name=partition), None, self._kind, bytes=len(text))

    def close(self) -> None:
        self._logs.clear()

    def _look(self) -> None:
        self._logs = series(find(self._pattern, self._folder, self._context.root))

    # ── finished lines ──────────────────────────────────────────────────────────────────────────────────

    def _lines(self, log: str, after: Position) -> Iterator[Batch]:
        entries = list(entries_of(after, log))
        for turn in range(_PASSES):
            try:
                yield from self._pass(log, entries, sure=turn > 0)
            except Moved:
                self._look()
            else:
                return

    def _pass(self, log: str, entries: list[Entry], *, sure: bool) -> Iterator[Batch]:
        """Read what the files that are there have after the entries, which move on with each batch.

        Raises `Moved` when an entry's file is not there, unless it is `sure` that the folder was just looked at.
        """
        files = self._logs.get(log, ())
        newest = max((at for at, file in enumerate(files) if file.size), default=-1)
        now, todo = plan(files, entries)
        if len(now) < len(entries) and not sure:
            raise Moved
        for file, place in todo:
            slot = place
            entry = now[slot] if slot is not None else None
            final = file.compressed or file in files[:newest]
            if entry is not None and entry.unchanged(file) and not (final and entry.rest):
                self._reached[log] = now[-1]
                continue
            above = entry or (now[-1] if now else None)
            for rows, rejects, reached in self._file(file, entry, above, final=final):
                if slot is None:
                    now = [*now[-1:], reached]
                    slot = len(now) - 1
                now[slot] = reached
                self._reached[log] = now[-1]
                if rows is not None:
                    entries[:] = now
                    yield Batch(rows[0], position(now), self._kind, rejects=rejects, bytes=rows[1])

    def _file(
        self, file: LogFile, entry: Entry | None, above: Entry | None, *, final: bool
    ) -> Iterator[tuple[tuple[Text, int] | None, tuple[Reject, ...], Entry]]:
        """Read a file from its entry on: texts with their sizes, and the entry after each.

        `above` is where the year is known from. Without new lines there is no text, but an entry all the same.
        """
        with _opened(file) as reader:
            walk = Walk(file, reader, entry)
            cutter = Cutter(reader, file, walk.offset, final=final)
            now, reached = entry, Reached(above.year, above.month) if above else Reached()
            for block in cutter.blocks():
                parts = self._parts(block, reached, file)
                for at, (part, form, turn) in enumerate(parts, 1):
                    reached, first = turn, walk.line + 1
                    now = walk.advance(part, reached)
                    if cutter.ended and at == len(parts):
                        now = now.ended(file, rest=cutter.rest)
                    text, rejects = self._utf8(part, file.name, first)
                    yield (Text((text,), form, file.name, first), part.length), rejects, now
            if now is not None and now is entry:
                yield None, (), now.ended(file, rest=cutter.rest)

    def _parts(self, block: Block, reached: Reached, file: LogFile) -> list[tuple[Block, Format, Reached]]:
        if block.too_long:
            return [(block, self._form.form, reached)]
        found = self._form.pieces(block.text, reached, file.mtime)
        return [(block if p.text is block.text else Block.of(p.text), p.form, p.reached) for p in found]

    def _utf8(self, block: Block, name: str, first: int) -> tuple[bytes, tuple[Reject, ...]]:
        """Return a block's text as UTF-8; lines that cannot be read are left blank there, and rejected."""
        if block.too_long:
            shown = block.too_long.decode("utf-8", "backslashreplace") + " …"
            reason = f"a line of {block.length:,} bytes; at most {LONGEST:,} can be read"
            return b"", (Reject(shown, reason, f"{name}:{first}"),)
        encoding = self._form.encoding
        if not encoding:
            return block.text, ()
        try:
            return block.text.decode(encoding).encode(), ()
        except UnicodeDecodeError:
            return _line_by_line(block.text, encoding, name, first)

    # ── the line that has no end yet ────────────────────────────────────────────────────────────────────

    def _last(self, log: str, after: Position) -> Iterator[Batch]:
        file, line = self._open_line(log)
        now: Position = {"line": textfile.seal(line) if line else ""}
        if file is None or after == now or (after is None and not line):
            return
        if not line:
            yield Batch(Text((), self._form.form, file.name), now, Kind.SNAPSHOT, restart=True)
            return
        reached = self._reached.get(log)
        start = file.size - len(line)
        known = reached is not None and reached.offset == start
        number = (reached.line if reached and known else _lines_before(file, start)) + 1
        above = Reached(reached.year, reached.month) if reached else Reached()
        piece = next(iter(self._form.pieces(line, above, file.mtime)))
        text, rejects = self._utf8(Block.of(line), file.name, number)
        rows = Text((text, b"\n"), piece.form, file.name, number)
        yield Batch(rows, now, Kind.SNAPSHOT, rejects=rejects, bytes=len(line), restart=True)

    def _open_line(self, log: str) -> tuple[LogFile | None, bytes]:
        """Return the newest file of a log and what stands behind its last line end, if that is to be shown."""
        file = next((f for f in reversed(self._logs.get(log, ())) if f.size), None)
        if file is None or file.compressed:
            return file, b""
        try:
            with Reader(file.found.path, file.name) as reader:
                low = max(0, file.size - LONGEST_OPEN)
                start = textfile.line_end(reader, low, file.size)
                reader.seek(start)
                line = reader.read(file.size - start)
        except FileNotFoundError:
            return file, b""
        if not line.strip() or (start == low and low):
            return file, b""
        quiet = self._context.clock.now().timestamp() - file.mtime / 1e9 > AT_REST
        return file, line if quiet or self._form.whole(line) else b""


def _opened(file: LogFile) -> Reader:
    """Open a file; raises `Moved` when another one has its name by now."""
    try:
        reader = Reader(file.found.path, file.name)
    except FileNotFoundError as error:
        raise Moved from error
    if reader.stat().st_ino != file.inode:
        reader.close()
        raise Moved
    return reader


def _line_by_line(text: bytes, encoding: str, name: str, first: int) -> tuple[bytes, tuple[Reject, ...]]:
    good, rejects = [], []
    ended = text if text.endswith(b"\n") else text + b"\n"
    for number, line in enumerate(ended.split(b"\n")[:-1], first):
        try:
            good.append(line.decode(encoding).encode() + b"\n")
        except UnicodeDecodeError as error:
            shown = line.decode("ascii", "backslashreplace").rstrip("\r")
            rejects.append(Reject(shown, f"not valid {encoding}: {error.reason}", f"{name}:{number}"))
            good.append(b"\n")
    return b"".join(good), tuple(rejects)


def _lines_before(file: LogFile, end: int) -> int:
    with Reader(file.found.path, file.name) as reader:
        return sum(block.count(b"\n") for block in textfile.blocks(reader, 0, end))
