"""Delimited text: its dialect found once, then read strictly, or carefully where something does not fit."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb

from penstock.base.errors import FatalError, Place
from penstock.base.record import record
from penstock.engines.duck.cut import Cut, typed
from penstock.engines.duck.lines import RETURN, bytes_of, evened, opened, refused, returned
from penstock.engines.duck.words import ident, literal, one, options, ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.protocols.source import Csv, File

LONGEST_LINE = 32 * 1024 * 1024
_SAMPLE = 20480
_HEAD = 1024 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_GUARDED = (
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "hugeint",
    "utinyint",
    "usmallint",
    "uinteger",
    "ubigint",
)


class Blank(Exception):  # noqa: N818
    """The text has no columns: it is empty, or nothing but a byte order mark or blank lines."""


@record
class Dialect:
    """How a delimited text is written, and its columns with the types that its first rows suggest.

    `sniffed` says whether they could; `fixed` are the columns (in lower case) whose types the source declares.
    """

    delimiter: str
    quote: str
    escape: str
    header: bool
    skip: int
    nulls: tuple[str, ...]
    compression: str
    types: dict[str, str]
    sniffed: bool = True
    fixed: frozenset[str] = frozenset()

    def arguments(self, types: Mapping[str, str], **more: object) -> str:
        """Return the arguments of `read_csv` for columns of these types."""
        longest = LONGEST_LINE if more.pop("long", False) else None
        return options(
            {
                "auto_detect": False, "delim": self.delimiter, "quote": self.quote, "escape": self.escape,
                "header": self.header, "skip": self.skip, "nullstr": list(self.nulls), "columns": dict(types),
                "compression": self.compression or None, "max_line_size": longest, **more,
            }
        )  # fmt: skip


def dialect(con: duckdb.DuckDBPyConnection, path: str, file: File, wanted: Csv, name: str) -> Dialect:
    """Find out how a text is written: what is not declared is taken from its first rows.

    Raises `Blank` where there are none, and `FatalError` for a header that cannot be one; `name` is the text's name.
    """
    head = _head(path, file.compression)
    lines = head.splitlines()[wanted.skip :] or [""]
    delimiter = wanted.delimiter or max(_DELIMITERS, key=lambda d: (lines[0].count(d), -_DELIMITERS.index(d)))
    quote = '"' if wanted.quote is None else wanted.quote
    escape = quote if wanted.escape is None else wanted.escape
    sniffed, fixed = True, {name.lower() for name in (*wanted.text, *wanted.types)}
    if wanted.columns is not None:
        types, header = wanted.columns.types, bool(wanted.header)
        fixed |= {name.lower() for name in types}
    else:
        header = wanted.header is not False
        if file.compression != "zstd" and len(head) < _HEAD and not head.strip():
            raise Blank
        if header:
            _check_header(lines, delimiter, (quote, escape), Place(name, wanted.skip + 1))
        types = _sniffed(con, path, file, delimiter, quote, escape, wanted)
        sniffed = bool(types)
        types = types or _named(lines, delimiter, (quote, escape))
        if not types:
            raise Blank
    kinds = {name: _declared(name, kind, wanted) for name, kind in types.items()}
    return Dialect(
        delimiter, quote, escape, header, wanted.skip, wanted.nulls, file.compression, kinds, sniffed, frozenset(fixed)
    )


def _check_header(lines: list[str], delimiter: str, quoting: tuple[str, str], where: Place) -> None:
    """Refuse a header whose quote never closes, which would make all rows names, and one that is no text."""
    try:
        header = _record(lines, delimiter, quoting)
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return
        hint = "mend the file, or declare another quote; nothing of this file was loaded"
        raise FatalError("a quote that never closes", where=where, hint=hint) from error
    if any("\0" in name for name in header):
        hint = "is the file whole, and is it text? nothing of it was loaded"
        raise FatalError("the header holds zero bytes", where=where, hint=hint)


def _record(lines: list[str], delimiter: str, quoting: tuple[str, str], *, strict: bool = True) -> list[str]:
    """Return the fields of the first record."""
    quote, escape = quoting
    how: dict[str, Any] = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    if quote and escape != quote:
        how |= {"escapechar": escape or None, "doublequote": False}
    if len(delimiter) != 1:
        return lines[0].split(delimiter)
    return next(csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=strict, **how), [])


def _declared(name: str, kind: str, wanted: Csv) -> str:
    lowered = name.lower()
    if lowered in {t.lower() for t in wanted.text}:
        return "varchar"
    return next((said for column, said in wanted.types.items() if column.lower() == lowered), kind)


def _head(path: str, compression: str) -> str:
    opened = gzip.open(path, "rb") if compression == "gzip" else open(path, "rb")  # noqa: SIM115, PTH123
    try:
        with opened as stream:
            return "" if compression == "zstd" else stream.read(_HEAD).decode("utf-8-sig", "replace")
    except (EOFError, gzip.BadGzipFile) as error:
        raise FatalError("the gzip file is damaged or cut off", where=path, got=str(error)) from error


def _sniffed(
    con: duckdb.DuckDBPyConnection, path: str, file: File, delimiter: str, quote: str, escape: str, wanted: Csv
) -> dict[str, str]:  # fmt: skip
    arguments = options(
        {
            "delim": delimiter, "quote": quote, "escape": escape, "skip": wanted.skip, "sample_size": _SAMPLE,
            "header": wanted.header is not False, "nullstr": list(wanted.nulls),
            "compression": file.compression or None,
        }
    )  # fmt: skip
    try:
        found = one(
            con.execute(f"select Columns, DateFormat, TimestampFormat from sniff_csv({literal(path)}{arguments})")
        )
    except duckdb.Error:
        return {}
    if found is None:
        return {}
    kinds = {column["name"]: ours(column["type"]) for column in found[0]}
    for kind, pattern in (("date", found[1]), ("timestamp", found[2]), ("timestamptz", found[2])):
        if pattern and not str(pattern).startswith("%Y-%m-%d"):
            kinds = {name: "varchar" if have == kind else have for name, have in kinds.items()}
    return kinds


def _named(lines: list[str], delimiter: str, quoting: tuple[str, str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for at, name in enumerate(_record(lines[:1], delimiter, quoting, strict=False)):
        plain = name.strip() or f"column{at}"
        while plain in names:
            plain += "_1"
        names[plain] = "varchar"
    return names


def strict(path: str, how: Dialect, types: Mapping[str, str]) -> str:
    """Return the select that reads all rows, or fails at the first value that does not fit exactly."""
    read = {n: "varchar" if t in _GUARDED or t.startswith("decimal(") else t for n, t in types.items()}
    columns = ", ".join(_guard(name, kind) for name, kind in types.items())
    return f"select {columns} from read_csv({literal(path)}{how.arguments(read)})"


def _guard(name: str, kind: str) -> str:
    column = ident(name)
    if kind in _GUARDED:
        cast = f"cast({column} as {kind})"
        kept = f"cast({cast} as varchar) = {column}"
    elif kind.startswith("decimal("):
        cast = f"cast({column} as {kind})"
        kept = f"{cast} = cast({column} as decimal(38,16))"
    else:
        return column
    said = literal(f"{name} does not fit {kind}")
    return f"case when {column} is null then null when {kept} then {cast} else error({said}) end as {column}"


def careful(con: duckdb.DuckDBPyConnection, path: str, how: Dialect, where: tuple[str, int], table: str) -> None:
    """Cut the rows into texts in `table`; what has not the right form goes to the table `{table}_bad`.

    `where` is the name of the text and the number of its first line. Raises `FatalError` for a quote that never closes.
    """
    columns = "row_number() over () as _n, *"
    try:
        _cut_into(con, path, how, where, table, columns)
    except duckdb.InvalidInputException:  # what DuckDB makes of lines that end in more than one way
        columns = f"row_number() over () as _n, replace(columns(*), {literal(RETURN)}, chr(13))"
        with evened(con, path, how.compression, (how.quote, how.escape)) as even:
            _cut_into(con, even, replace(how, compression=""), where, table, columns)


def _cut_into(
    con: duckdb.DuckDBPyConnection, path: str, how: Dialect, where: tuple[str, int], table: str, columns: str
) -> None:
    name, first = where
    texts = dict.fromkeys(how.types, "varchar")
    con.execute(
        f"create or replace temp table {table} as select {columns} from read_csv("
        f"{literal(path)}{how.arguments(texts, long=True, store_rejects=True)})"
    )
    found = refused(con)
    open_quote = next((r for r in found if r[2] == "UNQUOTED VALUE"), None)
    too_long = next((r for r in found if r[2] == "LINE SIZE OVER MAXIMUM"), None)
    if open_quote or too_long:
        line = (open_quote or too_long)[0] + first - 1  # type: ignore[index]
        said = "a quote that never closes" if open_quote else f"a line longer than {LONGEST_LINE:,} bytes"
        hint = "mend the file, or declare another quote; nothing of this file was loaded"
        raise FatalError(said, where=Place(name, line), hint=hint)
    con.execute(f"create or replace temp table {table}_bad (place varchar, row varchar, reason varchar)")
    for line, at, kind, text, message in found:
        row = bytes_of(path, at, text) if kind == "INVALID ENCODING" and not how.compression else text
        values = [f"{name}:{line + first - 1}", returned(row).lstrip("\r\n"), _plain(message)]
        con.execute(f"insert into {table}_bad values (?, ?, ?)", values)
    if how.compression != "zstd":
        _number(con, path, how, {row[0] for row in found}, table)


def _number(con: duckdb.DuckDBPyConnection, path: str, how: Dialect, bad: set[int], table: str) -> None:
    """Set the numbers of rows right where a row is not a line: empty ones, refused ones, and those in quotes."""
    before = how.skip + int(how.header)
    rows = (one(con.execute(f"select count(*) from {table}")) or (0,))[0]
    with opened(path, how.compression) as stream:
        lines = sum(1 for _ in stream)
    if rows + before == lines:
        return
    with opened(path, how.compression) as stream:
        starts = [at for at in _starts(stream, how) if at not in bad]
    if len(starts) == rows:
        con.execute(f"update {table} set _n = list_extract(?::bigint[], _n) - {before}", [starts])


def _starts(stream: Iterable[bytes], how: Dialect) -> Iterator[int]:
    """Give the number of the line in which each row begins."""
    quote, escaped = how.quote.encode(), (how.escape + how.quote).encode() if how.escape != how.quote else b""
    alone, left, inside, start, blank = len(how.types) == 1, int(how.header), False, 0, False
    for at, line in enumerate(stream, 1):
        if at <= how.skip:
            continue
        if not inside:
            start, blank = at, not line.strip(b"\r\n") and not alone
        if quote and (line.count(quote) - (line.count(escaped) if escaped else 0)) % 2:
            inside = not inside
        if inside or blank:
            continue
        if left:
            left -= 1
        else:
            yield start


def _plain(message: str) -> str:
    return message.replace(" This file is not utf-8 encoded.", "").strip()


def cut(how: Dialect, types: Mapping[str, str], where: tuple[str, int], table: str, *, sniffed: bool) -> Cut:
    """Return the cut of the texts that `careful` left in `table`, with `_raw` written as the dialect writes."""
    name, first = where
    fields = tuple(typed(column, kind, ident(column), sniffed=sniffed) for column, kind in types.items())
    offset = first - 1 + how.skip + int(how.header)
    return Cut(table, fields, f"{literal(name + ':')} || (_n + {offset})")


def raw(how: Dialect) -> str:
    """Return the SQL that writes a row again as it stood."""
    special = f"[{how.delimiter}{how.quote}\n\r]".replace("\\", "\\\\").replace("|", "\\|")
    quoted = [
        f"case when regexp_matches({ident(c)}, {literal(special)}) then {literal(how.quote)} || replace({ident(c)}, "
        f"{literal(how.quote)}, {literal(how.escape + how.quote)}) || {literal(how.quote)} "
        f"else coalesce({ident(c)}, '') end"
        for c in how.types
    ]
    return f" || {literal(how.delimiter)} || ".join(quoted)
