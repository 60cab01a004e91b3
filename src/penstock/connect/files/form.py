"""What the files are: their format, how their text is delimited and encoded, and where their header ends."""

from __future__ import annotations

import csv
import io
from dataclasses import field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, FatalError, UnsupportedError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.base.textfile import is_utf8, marked_encoding, wide
from penstock.model.schema import Column, Schema
from penstock.protocols.source import Csv, Format, Json, Parquet

if TYPE_CHECKING:
    from penstock.model.source import RawTable

HEAD = 1 << 20
DELIMITERS = (",", ";", "\t", "|")
FORMATS = ("csv", "tsv", "json", "jsonl", "parquet")
DELIMITED = ("csv", "tsv")
BY_LINES = ("csv", "tsv", "jsonl")

_BY_ENDING = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json", ".geojson": "json", ".jsonl": "jsonl",
    ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_COMPRESSED = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz")
_OTHER = {".xlsx": "Excel", ".xls": "Excel", ".zip": "zip", ".avro": "Avro", ".orc": "ORC", ".xml": "XML"}
_SAMPLE = 50
_BOM = b"\xef\xbb\xbf"


@record
class Settings:
    """What a raw table says about its files."""

    format: str = ""
    delimiter: str = ""
    quote: str = '"'
    escape: str = ""
    header: bool = True
    skip: int = 0
    nulls: tuple[str, ...] = ("",)
    encoding: str = ""
    records: str = ""
    optional: bool = False
    columns: Schema | None = None
    clean: tuple[str, ...] = field(default=())

    @property
    def quoted(self) -> bytes:
        """The quote as a file that needs no transcoding has it."""
        return self.quote.encode()

    @property
    def escaped(self) -> bytes:
        """A quote that stands for itself, where it is not written as two."""
        return (self.escape + self.quote).encode() if self.escape and self.escape != self.quote else b""


def settings(table: RawTable) -> Settings:
    """Read the options of a raw table; raises `ConfigError` for values that make no sense, alone or together."""
    said = dict(table.options)
    encoding = str(said.get("encoding", ""))
    nulls = said.get("nulls", ())
    found = Settings(
        format=str(said.get("format", "")),
        delimiter=str(said.get("delimiter", "")),
        quote=str(said.get("quote", '"')),
        escape=str(said.get("escape", "")),
        header=bool(said.get("header", True)),
        skip=_count(said.get("skip", 0), table),
        nulls=tuple(dict.fromkeys(("", *((nulls,) if isinstance(nulls, str) else map(str, nulls))))),
        encoding=encoding,
        records=str(said.get("records", "")),
        optional=bool(said.get("optional", False)),
        columns=table.columns,
        clean=tuple(table.clean),
    )
    _sensible(found, said, table)
    return found


def _count(value: Any, table: RawTable) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError("`skip` is a number of lines", where=table.at("skip"), got=repr(value))
    return value


def _sensible(found: Settings, said: dict[str, Any], table: RawTable) -> None:
    if found.format and found.format not in FORMATS:
        hint = did_you_mean(found.format, FORMATS)
        raise ConfigError(f"unknown format '{found.format}'", where=table.at("format"), hint=hint)
    for name in ("quote", "escape"):
        if len(getattr(found, name)) > 1:
            raise ConfigError(f"`{name}` is one character", where=table.at(name), got=getattr(found, name))
    if found.encoding:
        try:
            is_utf8(found.encoding)
        except LookupError as error:
            hint = "such as utf-8, latin-1, cp1252, utf-16"
            raise ConfigError(f"unknown encoding '{found.encoding}'", where=table.at("encoding"), hint=hint) from error
    kind = found.format or by_name(table.read)
    only = {"records": ("json",)} | dict.fromkeys(
        ("delimiter", "quote", "escape", "header", "skip", "nulls"), DELIMITED
    )
    for name, kinds in only.items():
        if name in said and kind and kind not in kinds:
            raise ConfigError(
                f"`{name}` means nothing for {kind}", where=table.at(name), expected=f"it with {' or '.join(kinds)}"
            )


def by_name(name: str) -> str:
    """Return the format that a file's name tells, or an empty string; raises `UnsupportedError` for a known gap.

    >>> by_name("data/2024.csv.gz"), by_name("quakes.geojson"), by_name("notes")
    ('csv', 'json', '')
    """
    path = PurePath(name.lower())
    if path.suffix in _COMPRESSED:
        path = path.with_suffix("")
    if path.suffix in _OTHER:
        raise UnsupportedError(f"{_OTHER[path.suffix]} files cannot be read yet", where=name)
    return _BY_ENDING.get(path.suffix, "")


def format_of(name: str, wanted: Settings) -> str:
    """Return the format of a file; raises `FatalError` when neither its name nor an option tells."""
    found = wanted.format or by_name(name)
    if not found:
        hint = f"say it with `format`: {', '.join(FORMATS)}"
        raise FatalError("the file's name does not tell its format", where=name, hint=hint)
    return found


def encoding_of(head: bytes, wanted: Settings) -> str:
    """Return the encoding to turn into UTF-8, or an empty string; a byte order mark is a declaration."""
    encoding = wanted.encoding or marked_encoding(head)
    return "" if not encoding or is_utf8(encoding) else encoding


def grows(kind: str, compression: str, encoding: str) -> bool:
    """Tell whether new lines at a file's end can be read apart from the rest."""
    return kind in BY_LINES and not compression and not (encoding and wide(encoding))


def header_span(head: bytes, wanted: Settings) -> tuple[int, int]:
    """Return where the header record begins and ends; without one, both are where the rows begin.

    `head` is the beginning of the file, in an encoding that writes line ends as one byte.
    """
    at = len(_BOM) if head.startswith(_BOM) else 0
    for _ in range(wanted.skip):
        found = head.find(b"\n", at)
        at = len(head) if found < 0 else found + 1
    end = at
    while wanted.header and end < len(head):
        found = head.find(b"\n", end)
        end = len(head) if found < 0 else found + 1
        record = head[at:end]
        if not wanted.quote or (record.count(wanted.quoted) - _escapes(record, wanted)) % 2 == 0:
            break
    return at, end


def _escapes(record: bytes, wanted: Settings) -> int:
    return record.count(wanted.escaped) if wanted.escaped else 0


def delimiter_of(kind: str, head: bytes, wanted: Settings) -> str:
    r"""Return what separates the fields: as declared, or what cuts the first lines most evenly.

    >>> delimiter_of("csv", b"price;day\n1,5;mon\n2,5;tue\n", Settings())
    ';'
    """
    if wanted.delimiter or kind == "tsv":
        return wanted.delimiter or "\t"
    start, _ = header_span(head, wanted)
    text = head[start:].decode("utf-8", "replace")
    lines = text.split("\n")[: _SAMPLE + 1]
    if 1 < len(lines) <= _SAMPLE and len(head) >= HEAD:
        lines = lines[:-1]  # it is cut
    return max(DELIMITERS, key=lambda d: (*_evenness(lines, d, wanted.quote), -DELIMITERS.index(d)))


def _evenness(lines: list[str], delimiter: str, quote: str) -> tuple[float, int]:
    """Return the part of the rows that have as many fields as the first, and how many that is."""
    if quote:
        reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    try:
        widths = [len(row) for row in reader if row]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:  # noqa: PLR2004
        return 0.0, 0
    return sum(w == widths[0] for w in widths) / len(widths), widths[0]


def form(kind: str, wanted: Settings, *, delimiter: str = ",", skip: int | None = None) -> Format:
    """Return how the engine is to parse text of this kind, which reaches it as UTF-8."""
    types = {c.name: c.type for c in wanted.columns or () if c.name not in wanted.clean}
    if kind == "parquet":
        return Parquet()
    if kind in ("json", "jsonl"):
        texts = dict.fromkeys(wanted.clean, "varchar")
        return Json(lines=kind == "jsonl", records=wanted.records, types={**types, **texts})
    named = None
    if not wanted.header and wanted.columns is not None:
        raw = (Column(c.name, "varchar") if c.name in wanted.clean else c for c in wanted.columns)
        named, types = Schema(tuple(raw)), {}
    return Csv(
        delimiter=delimiter,
        quote=wanted.quote,
        escape=wanted.escape or wanted.quote,
        header=wanted.header,
        skip=wanted.skip if skip is None else skip,
        nulls=wanted.nulls,
        columns=named,
        types=types,
        text=wanted.clean,
    )


def header_of_names(wanted: Settings, delimiter: str) -> bytes:
    """Write a header line of the declared columns, for when the file that had it is gone."""
    if wanted.columns is None:
        return b""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quotechar=wanted.quote or '"', lineterminator="\n").writerow(
        wanted.columns.names
    )
    return out.getvalue().encode()
