"""Texts as lines: each with its number in the file, those that are no UTF-8 set aside with their bytes."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import duckdb

from penstock.base.errors import FatalError
from penstock.engines.duck.words import literal, one, options

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 64 * 1024 * 1024
_BLOCK = 1 << 20
_NO_NULL = "\x02"
RETURN = "\ue00d"  # stands in a copy for a carriage return that ends no line
_WORST = ["UNQUOTED VALUE", "LINE SIZE OVER MAXIMUM", "INVALID ENCODING"]  # of several in a line, the first is told
_REASONS = {
    "INVALID ENCODING": "not valid UTF-8",
    "TOO MANY COLUMNS": "the line holds the control character 0x1f",
}
_CHUNK = 1024 * 1024


def read(con: duckdb.DuckDBPyConnection, path: str, compression: str, name: str, first: int, table: str) -> None:
    """Read the lines that are not empty into `table` (`_n` from 1, `_raw`); others that fail go to `{table}_bad`."""
    con.execute(f"create or replace temp table {table}_bad (place varchar, row varchar, reason varchar)")
    try:
        _read(con, (path, compression), (name, first), table, f"coalesce(line, {literal(_NO_NULL)})")
    except duckdb.InvalidInputException:  # what DuckDB makes of a carriage return within a line
        with evened(con, path, compression) as even:
            text = f"replace(coalesce(line, {literal(_NO_NULL)}), {literal(RETURN)}, chr(13))"
            _read(con, (even, ""), (name, first), table, text)
    if not compression:
        _number(con, path, table)


def _read(con: duckdb.DuckDBPyConnection, file: tuple[str, str], where: tuple[str, int], table: str, text: str) -> None:
    (path, compression), (name, first) = file, where
    arguments = options(
        {
            "delim": "\x1f", "quote": "", "escape": "", "header": False, "columns": {"line": "varchar"},
            "auto_detect": False, "max_line_size": _LONGEST, "store_rejects": True, "nullstr": _NO_NULL,
            "compression": compression or None,
        }
    )  # fmt: skip
    con.execute(
        f"create or replace temp table {table} as select row_number() over () as _n, {text} as _raw "
        f"from read_csv({literal(path)}{arguments})"
    )
    for line, at, kind, shown, message in refused(con):
        row = shown if compression else bytes_of(path, at, shown)
        reason = _REASONS.get(kind) or message.split("\n")[0]
        con.execute(f"insert into {table}_bad values (?, ?, ?)", [f"{name}:{line + first - 1}", returned(row), reason])


def refused(con: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Return what the reading of a text just refused, once a line: line, byte, kind, text, message; and forget it."""
    found = con.execute(
        "select line, line_byte_position, error_type::varchar as kind, csv_line, error_message from reject_errors "
        "qualify row_number() over (partition by line order by list_position(?, kind) nulls last) = 1 order by line",
        [_WORST],
    ).fetchall()
    con.execute("drop table reject_errors; drop table reject_scans")
    return found


@contextmanager
def evened(
    con: duckdb.DuckDBPyConnection, path: str, compression: str, quoting: tuple[str, str] = ("", "")
) -> Iterator[str]:
    """Give a copy of a text in which all lines end alike; `returned` brings back other carriage returns.

    What stands within quotes stays; `quoting` are quote and escape.
    """
    folder = Path(str((one(con.execute("select current_setting('temp_directory')")) or ("",))[0]))
    folder.mkdir(parents=True, exist_ok=True)
    handle, copy = tempfile.mkstemp(prefix=f"even-{os.getpid()}-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as out, opened(path, compression) as stream:
            for part in _even(iter(partial(stream.read, _BLOCK), b""), *quoting):
                out.write(part)
        yield copy
    finally:
        Path(copy).unlink(missing_ok=True)


def returned(text: str) -> str:
    """Return a text of an even copy as it stood."""
    return text.replace(RETURN, "\r")


def opened(path: str, compression: str) -> IO[bytes]:
    """Open a text for reading its bytes."""
    if compression == "gzip":
        import gzip

        return cast("IO[bytes]", gzip.open(path, "rb"))
    if compression:
        raise FatalError("lines that end in more than one way cannot be read from zstd yet", where=path)
    return open(path, "rb")  # noqa: PTH123


def _even(blocks: Iterator[bytes], quote: str, escape: str) -> Iterator[bytes]:
    marks = [re.escape((escape + quote).encode())] if quote and escape not in ("", quote) else []
    marks += [re.escape(quote.encode())] if quote else []
    found = re.compile(b"|".join([*marks, rb"\r\n", rb"\r"]))
    inside = False

    def replaced(match: re.Match[bytes]) -> bytes:
        nonlocal inside
        text = match[0]
        if text == quote.encode():
            inside = not inside
        if inside or text[:1] != b"\r":
            return text
        return b"\n" if text == b"\r\n" else RETURN.encode()

    rest = b""
    for block in blocks:
        data = rest + block
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        yield found.sub(replaced, data[:cut])
    yield found.sub(replaced, rest)


def bytes_of(path: str, at: int | None, shown: str) -> str:
    r"""Return the line that stands at a byte (counted from 1), its bad bytes written as `\xNN`."""
    if not at:
        return shown
    with open(path, "rb") as stream:  # noqa: PTH123
        stream.seek(at - 1)
        return stream.readline().rstrip(b"\r\n").decode("utf-8", "backslashreplace")


def _number(con: duckdb.DuckDBPyConnection, path: str, table: str) -> None:
    """Set the numbers of lines right where the reader passed over empty or unreadable ones."""
    row = one(con.execute(f"select count(*) from {table}"))
    have = row[0] if row else 0
    if have == _count(path):
        return
    with open(path, "rb") as stream:  # noqa: PTH123
        numbers = [at for at, line in enumerate(stream, 1) if line.strip(b"\r\n") and _decodes(line)]
    if have == len(numbers):
        con.execute(f"update {table} set _n = list_extract(?::bigint[], _n)", [numbers])


def _count(path: str) -> int:
    """Count the lines of a file, the last one whether it ends or not."""
    count, last = 0, b"\n"
    with open(path, "rb") as stream:  # noqa: PTH123
        while chunk := stream.read(_CHUNK):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")


def _decodes(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
