"""Texts as lines: each with its number in the file, those that are no UTF-8 set aside with their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engines.duck.words import literal, one, options

if TYPE_CHECKING:
    import duckdb

_LONGEST = 64 * 1024 * 1024
_CHUNK = 1024 * 1024


def read(con: duckdb.DuckDBPyConnection, path: str, compression: str, name: str, first: int, table: str) -> None:
    """Read the lines that are not empty into `table` (`_n` from 1, `_raw`); others that fail go to `{table}_bad`."""
    arguments = options(
        {
            "delim": "\x1f", "quote": "", "escape": "", "header": False, "columns": {"line": "varchar"},
            "auto_detect": False, "max_line_size": _LONGEST, "store_rejects": True, "nullstr": "\x02",
            "compression": compression or None,
        }
    )  # fmt: skip
    con.execute(
        f"create or replace temp table {table} as select row_number() over () as _n, line as _raw "
        f"from read_csv({literal(path)}{arguments})"
    )
    found = con.execute(
        "select line, line_byte_position, error_type::varchar, csv_line, error_message from reject_errors order by line"
    ).fetchall()
    con.execute("drop table reject_errors; drop table reject_scans")
    con.execute(f"create or replace temp table {table}_bad (place varchar, row varchar, reason varchar)")
    for line, at, kind, text, message in found:
        row = text if compression else bytes_of(path, at, text)
        reason = "not valid UTF-8" if kind == "INVALID ENCODING" else message.split("\n")[0]
        con.execute(f"insert into {table}_bad values (?, ?, ?)", [f"{name}:{line + first - 1}", row, reason])
    if not compression:
        _number(con, path, table)


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
