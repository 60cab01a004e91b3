"""The files source: a file is a partition, read once, then by what grew, or anew when it was replaced."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from penstock.base import textfile
from penstock.base.errors import FatalError, RetryableError, UnsupportedError
from penstock.base.listing import Found, find, nothing_found
from penstock.base.record import record
from penstock.base.textfile import Reader
from penstock.connect.files import form as forms
from penstock.connect.files.seen import Seen, seen
from penstock.protocols.source import Batch, File, Kind, Scan, SourceCan, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from penstock.model.position import Position
    from penstock.model.source import RawTable
    from penstock.protocols.source import Context

SETTLE = 0.25
AT_REST = 60.0
CHEAP = 64 * 1024 * 1024
_PARQUET = b"PAR1"


@record
class Look:
    """A file as this run sees it: what it is, and how much of it there is.

    `header` is where the header begins and ends in a file that can be read by what grew, in bytes.
    """

    name: str
    found: Found
    kind: str
    compression: str
    encoding: str
    delimiter: str
    header: tuple[int, int] = (0, 0)

    @property
    def size(self) -> int:
        """Its size in bytes when it was looked at."""
        return self.found.stat.st_size

    @property
    def mtime(self) -> int:
        """Its time of change then, in nanoseconds."""
        return self.found.stat.st_mtime_ns

    @property
    def grows(self) -> bool:
        """Whether what is added at its end can be read alone."""
        return forms.grows(self.kind, self.compression, self.encoding)


class FilesSource:
    """Reads the files that a pattern names.

    A last line without a line end is a row. Should it turn out later to have been half a line, the file is handed over
    whole again, as a snapshot of its partition, so that the half row goes.
    """

    def __init__(self, table: RawTable, context: Context) -> None:
        self._table = table
        self._context = context
        self._wanted = forms.settings(table)
        self._folder = context.root / table.connection.address
        self._pattern = table.read or "*"
        self._found: dict[str, Found] = {}
        self._scanned: set[str] = set()
        self._kind = Kind.UPSERT if table.key else Kind.APPEND

    @property
    def can(self) -> SourceCan:
        replays = (self._wanted.format or forms.by_name(self._pattern)) != "parquet"
        return SourceCan(frozenset({self._kind, Kind.SNAPSHOT}), resume=True, replay=replays)

    def partitions(self, known: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        self._found = find(self._pattern, self._folder, self._context.root)
        self._scanned.clear()
        if not self._found and not self._wanted.optional:
            raise nothing_found(self._pattern, self._folder, self._table.at("read") or self._table.name)
        return tuple(self._found)

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        had = seen(after, partition)
        found = self._at(partition)
        if found is None or (had and (had.size, had.mtime) == (found.stat.st_size, found.stat.st_mtime_ns)):
            return
        try:
            batch = self._read(partition, found, had)
        except FileNotFoundError:
            return  # it went after the folder was looked at, which is as if it had gone before
        except PermissionError as error:
            raise FatalError("the file may not be read", where=partition, got=str(error.strerror)) from error
        except OSError as error:
            raise RetryableError("the file could not be read", where=partition, got=str(error)) from error
        if batch is not None:
            yield batch

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        kind = forms.format_of(partition, self._wanted)
        if kind == "parquet":
            raise UnsupportedError("rows of Parquet files are never rejected one by one", where=partition)
        lines = "".join(f"{row}\n" for row in rows).encode()
        if kind not in forms.DELIMITED:
            shape = forms.form("jsonl", replace(self._wanted, records=""))
            return Batch(Text((lines,), shape, name=partition), None, self._kind, bytes=len(lines))
        delimiter, header = self._heading(partition, kind)
        text = Text((header, lines), forms.form(kind, self._wanted, delimiter=delimiter, skip=0), name=partition)
        return Batch(text, None, self._kind, bytes=len(lines))

    def close(self) -> None:
        self._found.clear()

    def _heading(self, partition: str, kind: str) -> tuple[str, bytes]:
        """Return delimiter and header line of a file; when it cannot be asked, those that are declared."""
        found = self._at(partition)
        look, head = self._look(partition, found) if found is not None else (None, b"")
        if look is not None and head:
            text = textfile.as_utf8(head, look.encoding)
            return look.delimiter, _line(text, forms.header_span(text, self._wanted))
        delimiter = forms.delimiter_of(kind, b"", self._wanted)
        header = forms.header_of_names(self._wanted, delimiter) if self._wanted.header else b""
        if self._wanted.header and not header:
            raise FatalError(
                "the file that had the names of these columns is gone", where=partition,
                hint="put it back, or declare `columns`",
            )  # fmt: skip
        return delimiter, header

    def _at(self, partition: str) -> Found | None:
        if partition in self._found:
            return self._found[partition]
        path = self._context.root / partition
        return Found(path, path.stat()) if path.is_file() else None

    def _look(self, name: str, found: Found) -> tuple[Look, bytes]:
        kind = forms.format_of(name, self._wanted)
        with Reader(found.path, name) as reader:
            raw = reader.compression == "zstd" or kind == "parquet"
            head = b"" if raw else reader.read(forms.HEAD)
            encoding = "" if kind == "parquet" else forms.encoding_of(head, self._wanted)
            compression = "" if kind == "parquet" else reader.compression
        if encoding and compression == "zstd":
            raise UnsupportedError(f"{encoding} inside zstd cannot be read yet", where=name, hint="use gzip")
        look = Look(name, found, kind, compression, encoding, self._wanted.delimiter)
        if kind not in forms.DELIMITED or raw:
            return look, head
        span = forms.header_span(head, self._wanted) if look.grows else (0, 0)
        delimiter = forms.delimiter_of(kind, textfile.as_utf8(head, encoding), self._wanted)
        return replace(look, delimiter=delimiter, header=span), head

    def _read(self, name: str, found: Found, had: Seen | None) -> Batch | None:
        if had is None and not found.stat.st_size:
            return None
        look, head = self._look(name, found)
        if had is None or not look.grows or not self._continues(look, had):
            return self._whole(look, had)
        return self._grown(look, head, had)

    # ── whole files ─────────────────────────────────────────────────────────────────────────────────────

    def _whole(self, look: Look, had: Seen | None) -> Batch | None:
        measured, end, hot = self._measured(look)
        if had is not None and (had.length, had.crc) == (measured.length, measured.crc):
            return None
        rowless = look.grows and look.kind in forms.DELIMITED and look.header[1] >= end
        if had is None and rowless and len(self._found) > 1:
            return None  # names without rows tell no types; another file will
        now = self._remembered(look, measured, end)
        kind = self._kind if had is None else Kind.SNAPSHOT
        anew = kind is Kind.SNAPSHOT
        return Batch(self._rows(look, end, hot=hot), now.position(), kind, bytes=measured.length, restart=anew)

    def _measured(self, look: Look) -> tuple[textfile.Measure, int, bool]:
        """Measure a whole file; one that grows meanwhile is taken to its last whole line, and said to be hot."""
        if look.kind == "parquet" or look.compression == "zstd":
            return self._raw_measure(look), look.size, False
        with Reader(look.found.path, look.name) as reader:
            end = None if look.compression else look.size
            measured = self._measure(look, textfile.blocks(reader, 0, end))
            hot = look.grows and reader.stat().st_size != look.size
            if not hot or measured.last.endswith(b"\n"):
                return measured, look.size, hot
            cut = textfile.line_end(reader, 0, look.size)
            return self._measure(look, textfile.blocks(reader, 0, cut)), cut, hot

    def _measure(self, look: Look, blocks: Iterable[bytes], crc: int = 0) -> textfile.Measure:
        quoted = look.kind in forms.DELIMITED and bool(self._wanted.quote)
        quote = self._wanted.quoted if quoted else b""
        return textfile.measure(blocks, crc=crc, quote=quote, escaped=self._wanted.escaped)

    def _raw_measure(self, look: Look) -> textfile.Measure:
        with look.found.path.open("rb") as raw:
            measured = textfile.measure(iter(partial(raw.read, textfile.BLOCK), b""))
            raw.seek(0)
            framed = raw.read(4) == _PARQUET and measured.last.endswith(_PARQUET)
            if look.kind == "parquet" and not (framed and measured.length > 2 * len(_PARQUET)):
                hint = "if it is still being written, it is tried again in the next run; else make it anew"
                raise FatalError("no Parquet file, or not a whole one", where=look.name, hint=hint)
        return measured

    def _rows(self, look: Look, end: int, *, hot: bool) -> Scan | Text:
        form = forms.form(look.kind, self._wanted, delimiter=look.delimiter)
        plain = not look.encoding and look.compression in ("", "gzip", "zstd")
        # What changed under a scan is asked for again, and is then read up to a fixed place.
        again = look.grows and (hot or look.name in self._scanned)
        if plain and look.size and not again:
            self._scanned.add(look.name)
            return Scan((File(str(look.found.path), look.size, look.mtime, look.compression),), form)
        limit = None if look.compression else end
        return Text(self._chunks(look, 0, limit), form, name=look.name)

    def _chunks(self, look: Look, start: int, end: int | None) -> Iterable[bytes]:
        found = textfile.chunks(look.found.path, look.name, start, end)
        return textfile.transcoded(found, look.encoding, look.name) if look.encoding else found

    def _remembered(self, look: Look, measured: textfile.Measure, end: int) -> Seen:
        now = Seen(end, look.mtime, measured.length, measured.crc, delimiter=look.delimiter)
        if not look.grows:
            return now
        return self._sealed(look, replace(now, lines=measured.lines, inside=measured.quotes % 2 == 1))

    def _sealed(self, look: Look, now: Seen) -> Seen:
        with Reader(look.found.path, look.name) as reader:
            head, tail = textfile.around(reader, now.size)
        sealed = textfile.seals(head, tail, now.size)
        return replace(now, head=sealed[0], tail=sealed[1], open=bool(tail) and not tail.endswith(b"\n"))

    # ── grown files ─────────────────────────────────────────────────────────────────────────────────────

    def _continues(self, look: Look, had: Seen) -> bool:
        """Tell whether the file is the one that was seen, with more at its end that can be read alone."""
        if look.size <= had.size or not had.head or had.inside or look.header[1] > had.size:
            return False
        with Reader(look.found.path, look.name) as reader:
            if textfile.seals(*textfile.around(reader, had.size), had.size) != (had.head, had.tail):
                return False
            return not had.open or _line_end_of(reader.read(2)) > 0

    def _grown(self, look: Look, head: bytes, had: Seen) -> Batch | None:
        delimiter = self._wanted.delimiter or had.delimiter or look.delimiter
        with Reader(look.found.path, look.name) as reader:
            end = self._settled(look, reader, had)
            reader.seek(had.size)
            gap = _line_end_of(reader.read(2)) if had.open else 0
            start = had.size + gap
            if end <= start:
                return None
            added = self._measure(look, textfile.blocks(reader, had.size, end), had.crc)
        if added.quotes % 2:
            return self._whole(look, had)
        now = Seen(
            end, look.mtime, had.length + added.length, added.crc, lines=had.lines + added.lines, delimiter=delimiter
        )
        header = textfile.as_utf8(_line(head, look.header), look.encoding)
        first = had.lines + bool(gap) + (not header)
        form = forms.form(look.kind, self._wanted, delimiter=delimiter, skip=0)
        rows = itertools.chain([header] if header else [], self._chunks(look, start, end))
        position = self._sealed(look, now).position()
        return Batch(Text(rows, form, look.name, first), position, self._kind, bytes=added.length)

    def _settled(self, look: Look, reader: Reader, had: Seen) -> int:
        """Return how far a grown file is to be read: a last line without an end counts once nobody adds to it."""
        reader.seek(look.size - 1)
        if reader.read(1) == b"\n":
            return look.size
        clock = self._context.clock
        age = clock.now().timestamp() - look.mtime / 1e9
        if look.size > CHEAP and age < AT_REST:
            return textfile.line_end(reader, had.size, look.size)
        if age < SETTLE:
            clock.sleep(min(SETTLE, SETTLE - age))
            now = reader.stat()
            if (now.st_size, now.st_mtime_ns) != (look.size, look.mtime):
                return textfile.line_end(reader, had.size, look.size)
        return look.size


def _line(text: bytes, span: tuple[int, int]) -> bytes:
    """Return the record of a span, with a line end."""
    record = text[span[0] : span[1]]
    return record if not record or record.endswith(b"\n") else record + b"\n"


def _line_end_of(data: bytes) -> int:
    """Return how many bytes the line end is long with which `data` begins, 0 for none."""
    return 2 if data == b"\r\n" else int(data[:1] == b"\n")
