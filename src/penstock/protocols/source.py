"""The source protocol: partitions, read from positions, handed over as batches."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from penstock.base.clock import Clock, SystemClock
from penstock.base.record import record
from penstock.model.position import Position
from penstock.model.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from penstock.model.option import Options
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.export import Exporter
    from penstock.protocols.sink import Sink


class Kind(StrEnum):
    """What the rows of a batch mean for the table."""

    APPEND = "append"
    UPSERT = "upsert"
    DELETE = "delete"
    SNAPSHOT = "snapshot"


@record
class Csv:
    """Delimited text. What is None is found out by looking at the text.

    `columns` names and types all columns when the header is not to be trusted or absent; `types` fixes the types
    of some; `text` names columns to keep as text, untouched, for cleaning. `nulls` are the words that mean null.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    header: bool | None = None
    skip: int = 0
    nulls: tuple[str, ...] = ("",)
    encoding: str = "utf-8"
    columns: Schema | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ()


@record
class Json:
    """JSON: `lines` (one value a line), or documents whose rows stand at `records`, a path such as `data.items`.

    An array at the path gives a row an element, an object one row. `columns` fixes the types of all columns
    (others are dropped), `types` those of some.
    """

    lines: bool = False
    records: str = ""
    columns: Schema | None = None
    types: Mapping[str, str] = field(default_factory=dict)


@record
class Parquet:
    """Parquet files."""


@record
class Time:
    """How a column's text becomes an instant.

    `format` is a strptime pattern; `prefix` is put before the text first (a year that the text lacks: prefix
    "2005 " with format "%Y %b %d %H:%M:%S"). `zone` names the time zone of texts without one: the column is then
    `timestamptz`; without it, and without `%z` in the format, it is `timestamp`.
    """

    format: str
    prefix: str = ""
    zone: str = ""


@record
class Lines:
    """Text lines cut by a regular expression (RE2) with named groups `(?P<name>…)`: a column for each group.

    A line that does not match, or whose parts do not fit `types` or `times`, is rejected; blank lines are passed
    over. Words in `nulls` mean null. `extra` are further columns, the same for every line (name → SQL-free text).
    """

    pattern: str
    types: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, Time] = field(default_factory=dict)
    nulls: tuple[str, ...] = ("-", "")
    encoding: str = "utf-8"


Format = Csv | Json | Parquet | Lines


@record
class File:
    """A local file and the size and time of change at which it was looked at; what changed since is retried."""

    path: str
    size: int
    mtime_ns: int
    compression: str = ""


@record
class Scan:
    """Whole files for the engine to read by itself."""

    files: tuple[File, ...]
    format: Format


@record
class Text:
    """Text for the engine to parse: an iterable of byte chunks (cut anywhere), read once.

    `name` says where the text comes from and `first_line` the number of its first line there: with them a reject
    gets its place.
    """

    chunks: Iterable[bytes]
    format: Format
    name: str = ""
    first_line: int = 1


@record
class Arrow:
    """Rows in Arrow form: anything with `__arrow_c_stream__`, read once."""

    rows: Any


@record
class Reject:
    """A row that the source itself could not make sense of: raw text, reason, and place."""

    row: str
    reason: str
    place: str


@record
class Batch:
    """Rows from one partition, with the position after the last of them.

    `schema` says the exact types where the rows alone do not (Arrow loses some, text has none); None lets the
    engine infer. Memory stays bounded: a batch holds at most about 32 MB, or is read by the engine as a stream.
    A pull of kind snapshot is complete when the iterator ends; `restart` says that it begins anew with this batch,
    and that what is staged of an unfinished one is to be dropped.
    """

    rows: Scan | Text | Arrow
    position: Position
    kind: Kind = Kind.APPEND
    schema: Schema | None = None
    rejects: tuple[Reject, ...] = ()
    bytes: int = 0
    restart: bool = False


@record
class Rows:
    """Rows that a Python function of a project yields as a source, with the position after the last of them.

    `data` is a dict, a list of dicts, or a table (Arrow, Polars, pandas). `position` is what the function is handed
    as `after` when it is called the next time. Without a `kind`, rows replace those of the same key, or are added
    where the table has none.
    """

    data: Any
    position: Position = None
    kind: Kind | str = ""


@record
class SourceCan:
    """What a source can do.

    `kinds` it may hand over; `resume`: `read` goes on from any position it gave out; `replay`: `again` makes a batch of
    rejected raw rows.
    """

    kinds: frozenset[Kind]
    resume: bool = True
    replay: bool = True


class Source(Protocol):
    """Where a raw table's rows come from; made anew for each run, used by one thread."""

    @property
    def can(self) -> SourceCan:
        """What this source can do."""
        ...

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        """Return the names of the parts that are read apart (files, topic partitions); `[""]` for one.

        `known` are those already committed; one that is gone from the other side need not be returned.
        """
        ...

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        """Hand over what comes after a position (None: from the beginning); nothing new gives no batch.

        Raises `RetryableError` for what may pass, `FatalError` for what will not.
        """
        ...

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        """Make a batch of raw rows as they stand in `penstock.rejected`, to try them again; its position is ignored.

        Raises `UnsupportedError` where `can.replay` is false.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


@record
class Context:
    """What a connector is given beside the declaration: the project's folder, a folder for temporary files, a clock."""

    root: Path
    scratch: Path
    clock: Clock = field(default_factory=SystemClock)
    exporter: Exporter | None = None
    env: Mapping[str, str] = field(default_factory=dict)


class Connector(Protocol):
    """One kind of external system: found by its name among the entry points `penstock.connectors`.

    A connector that is no source, or no sink, raises `UnsupportedError` from that method and leaves its options None.
    """

    @property
    def options(self) -> Options:
        """The settings that it takes."""
        ...

    def source(self, table: RawTable, context: Context) -> Source:
        """Make the source of a raw table; raises `ConfigError` for settings that make no sense together."""
        ...

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Make a sink; raises `ConfigError` for settings that make no sense together."""
        ...
