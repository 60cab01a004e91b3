"""Files looked at from outside: decompressed, recognised again after they grew or moved, and read by ranges."""

from __future__ import annotations

import codecs
import importlib
import os
import zlib
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, cast

from penstock.base.errors import FatalError, RetryableError, UnsupportedError
from penstock.base.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

BLOCK = 1 << 20
HEAD = 4096
TAIL = 1024

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def compression(head: bytes) -> str:
    """Return how a file that begins so is compressed: `gzip`, `zstd`, `bzip2`, `xz`, or an empty string.

    >>> compression(b"id,name"), compression(bytes([31, 139, 8]))
    ('', 'gzip')
    """
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "")


def marked_encoding(head: bytes) -> str:
    """Return the encoding that a byte order mark declares, or an empty string; UTF-8 needs no saying."""
    return next((name for mark, name in _WIDE_MARKS if head.startswith(mark)), "")


def seal(data: bytes) -> str:
    """Return a short text by which these bytes can be recognised: their number and a digest.

    >>> seal(b"abc").split(":")[0]
    '3'
    """
    return f"{len(data)}:{blake2b(data, digest_size=8).hexdigest()}"


class Reader:
    """A file opened for reading, decompressed on the way; offsets count decompressed bytes.

    What is wrong with the file's compression is raised as `FatalError` that names the file as `name`.
    """

    def __init__(self, path: str | os.PathLike[str], name: str = "") -> None:
        self.name = name or str(path)
        self._raw = open(path, "rb")  # noqa: SIM115, PTH123
        try:
            self.compression = compression(self._raw.read(8))
            self._raw.seek(0)
        except BaseException:
            self._raw.close()
            raise

    @cached_property
    def _stream(self) -> BinaryIO:
        """The decompressed bytes; made when they are first asked for, since only then a gap matters."""
        if not self.compression:
            return self._raw
        if self.compression == "gzip":
            import gzip

            return cast("BinaryIO", gzip.GzipFile(fileobj=self._raw))
        module = {"bzip2": "bz2", "xz": "lzma", "zstd": "compression.zstd"}[self.compression]
        opener = {"bzip2": "BZ2File", "xz": "LZMAFile", "zstd": "ZstdFile"}[self.compression]
        try:
            return cast("BinaryIO", getattr(importlib.import_module(module), opener)(self._raw))
        except ImportError as error:
            hint = "compress it with gzip instead"
            raise UnsupportedError(f"this Python cannot read {self.compression}", where=self.name, hint=hint) from error

    def stat(self) -> os.stat_result:
        """Return size, times and identity of the file that is open, whatever its path names by now."""
        return os.fstat(self._raw.fileno())

    def read(self, count: int = -1) -> bytes:
        """Return up to `count` bytes; fewer only at the end."""
        with _Damage(self.name):
            if self.compression or count < 0:
                return self._stream.read(count)
            parts = [data := self._stream.read(count)]
            while data and (count := count - len(data)):
                parts.append(data := self._stream.read(count))
            return parts[0] if len(parts) == 1 else b"".join(parts)

    def seek(self, offset: int) -> None:
        """Go to an offset."""
        with _Damage(self.name):
            self._stream.seek(offset)

    def close(self) -> None:
        """Let go of the file."""
        if "_stream" in self.__dict__:
            self._stream.close()
        self._raw.close()

    def __enter__(self) -> Self:
        """Use the file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self.close()


class _Damage:
    """Turns what the decompressors raise into one error that says what to do."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cut = isinstance(error, EOFError)
        own = type(error).__name__ in ("BadGzipFile", "LZMAError", "ZstdError")
        # bz2 says so with a plain OSError that has no number.
        broken = own or isinstance(error, zlib.error) or (isinstance(error, OSError) and error.errno is None)
        if cut or broken:
            said = "the compressed file is cut off" if cut else "the compressed file is damaged"
            hint = "copy it again, or move it away; it is tried anew in the next run"
            raise FatalError(said, where=self._name, got=str(error), hint=hint) from error


def around(reader: Reader, offset: int) -> tuple[bytes, bytes]:
    """Return the first bytes of a file and those before `offset`, and leave it there.

    The reader must stand at the beginning.
    """
    head = reader.read(HEAD)
    low = max(0, offset - TAIL)
    reader.seek(low)
    return head, reader.read(offset - low)


def seals(head: bytes, tail: bytes, offset: int) -> tuple[str, str]:
    """Seal what `around` gave, as far as it lies before `offset`."""
    return seal(head[: min(HEAD, offset)]), seal(tail[-TAIL:])


@record
class Measure:
    """What one pass over bytes tells: their number, CRC-32, line ends, occurrences of a quote, and the last of them."""

    length: int = 0
    crc: int = 0
    lines: int = 0
    quotes: int = 0
    last: bytes = b""


def measure(blocks: Iterable[bytes], *, crc: int = 0, quote: bytes = b"", escaped: bytes = b"") -> Measure:
    """Measure blocks of bytes; `crc` is that of what stood before. `escaped` is a quote that does not count."""
    length, lines, quotes, last = 0, 0, 0, b""
    for block in blocks:
        crc = zlib.crc32(block, crc)
        length += len(block)
        lines += block.count(b"\n")
        if quote:
            quotes += block.count(quote) - (block.count(escaped) if escaped else 0)
        last = (last + block[-TAIL:])[-TAIL:]
    return Measure(length, crc, lines, quotes, last)


def blocks(reader: Reader, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Read from `start` to `end` (None: to the end of the file), a block at a time.

    Raises `RetryableError` when the file is shorter than `end` by now.
    """
    reader.seek(start)
    at = start
    while end is None or at < end:
        block = reader.read(BLOCK if end is None else min(BLOCK, end - at))
        if not block:
            if end is None:
                return
            raise RetryableError("the file became shorter while it was read", where=reader.name)
        at += len(block)
        yield block


def chunks(path: str | os.PathLike[str], name: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Open a file when the first block is asked for, and read a range of it.

    Raises `RetryableError` when it is gone by then.
    """
    try:
        reader = Reader(path, name)
    except FileNotFoundError as error:
        raise RetryableError("the file went while it was read", where=name) from error
    with reader:
        yield from blocks(reader, start, end)


def line_end(reader: Reader, start: int, end: int) -> int:
    """Return the offset after the last line end in a range, or `start` when there is none."""
    at = end
    while at > start:
        low = max(start, at - BLOCK)
        reader.seek(low)
        found = reader.read(at - low).rfind(b"\n")
        if found >= 0:
            return low + found + 1
        at = low
    return start


def wide(encoding: str) -> bool:
    """Tell whether an encoding writes a line end as something else than the one byte 10.

    >>> wide("latin-1"), wide("utf-16")
    (False, True)
    """
    return "\n".encode(encoding) != b"\n"


def as_utf8(head: bytes, encoding: str) -> bytes:
    """Return the beginning of a text as UTF-8, what is cut or wrong in it replaced; for looking, not for loading."""
    return head.decode(encoding, "replace").encode() if encoding else head


def is_utf8(encoding: str) -> bool:
    """Tell whether bytes of this encoding can be taken as UTF-8 as they are; raises `LookupError` for no encoding."""
    return codecs.lookup(encoding).name in ("utf-8", "ascii", "utf-8-sig")


def transcoded(parts: Iterable[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """Turn blocks of an encoding into UTF-8; raises `FatalError` with the place of bytes that are not of it."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for part, final in _with_end(parts):
        try:
            text = decoder.decode(part, final)
        except UnicodeError as error:
            raise _undecodable(error, encoding, name, line) from error
        line += text.count("\n")
        if text:
            yield text.encode()


def _with_end(parts: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for part in parts:
        yield part, False
    yield b"", True


def _undecodable(error: UnicodeError, encoding: str, name: str, line: int) -> FatalError:
    hint = "declare the file's real encoding with the option `encoding`"
    if not isinstance(error, UnicodeDecodeError):  # such as UTF-16 without its mark
        return FatalError(f"not valid {encoding}", where=f"{name}:{line}", got=str(error), hint=hint)
    good = bytes(error.object[: error.start]).decode(encoding, "replace").count("\n")
    return FatalError(f"not valid {encoding}", where=f"{name}:{line + good}", got=_shown(error), hint=hint)


def _shown(error: UnicodeDecodeError) -> str:
    found = " ".join(f"{byte:02x}" for byte in error.object[error.start : error.start + 4])
    return f"the bytes {found} ({error.reason})"
