"""Rows in memory: the reference connector, which a connector's author reads first, and tests and examples use.

A source reads a feed: pages of records that `feed` puts under a name, or the `rows` of its own declaration. A sink
keeps its table in a dict, with the epoch beside it. Both forget everything when the process ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from penstock.base import faults
from penstock.base.errors import ConfigError, FatalError
from penstock.base.text import did_you_mean
from penstock.model import records
from penstock.model.option import Option, Options
from penstock.model.schema import Schema
from penstock.protocols.sink import SinkCan
from penstock.protocols.source import Batch, Json, Kind, SourceCan, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.model.position import Position
    from penstock.model.sink import DeliveryNote, SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source

_NULL = re.compile(r"(?<![\w\"])null(?=[,)\[]|\Z)")
_MODES = frozenset({"mirror", "append"})


@dataclass
class Feed:
    """Pages of records, one after the other; a page that was handed over does not change any more."""

    pages: list[list[Mapping[str, Any]]] = field(default_factory=list)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put one more page at the end."""
        self.pages.append(list(rows))


@dataclass
class Kept:
    """What a sink has delivered: the rows as they stand, and the version of the warehouse that they show."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    epoch: int | None = None


feeds: dict[str, Feed] = {}
kept: dict[str, Kept] = {}


def feed(name: str, *pages: Sequence[Mapping[str, Any]]) -> Feed:
    """Put pages of records under a name, in place of what was there; `memory:` sources read them as `read = name`."""
    feeds[name] = Feed([list(page) for page in pages])
    return feeds[name]


class MemoryConnector:
    """`memory:`, with nothing to say about where."""

    options = Options(
        source=(
            Option("rows", "the rows themselves, a table each", "list"),
            Option("kind", "what a page of a feed means", choices=("append", "upsert", "snapshot")),
        ),
        sink=(),
    )

    def source(self, table: RawTable, context: Context) -> Source:
        """Read a feed, or the rows of the declaration."""
        del context
        if "rows" in table.options:
            return MemorySource(table, Feed([list(table.options["rows"])]), Kind.SNAPSHOT)
        if table.read not in feeds:
            raise ConfigError(
                f"raw table '{table.name}': there is no feed '{table.read}'",
                expected="rows = [ … ], or the name of a feed",
                where=table.where,
                hint=did_you_mean(table.read, feeds),
            )
        usual = Kind.UPSERT if table.key else Kind.APPEND
        return MemorySource(table, feeds[table.read], Kind(table.options.get("kind", usual)))

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Keep a table under the name of the sink's `write`, or of the sink."""
        del context
        return MemorySink(sink)


class MemorySource:
    """A feed. Its position is the number of pages that are in; of a snapshot, the digest of all rows."""

    def __init__(self, table: RawTable, source: Feed, kind: Kind) -> None:
        self._table = table
        self._feed = source
        self._kind = kind

    @property
    def can(self) -> SourceCan:
        return SourceCan(kinds=frozenset({self._kind}))

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        del known
        return [""]

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        del partition
        if self._kind is Kind.SNAPSHOT:
            rows = [row for page in self._feed.pages for row in page]
            digest = sha256(records.lines(rows)).hexdigest()[:32]
            if after != digest:
                yield self._batch(rows, digest)
            return
        first = after if isinstance(after, int) else 0
        for number, page in enumerate(self._feed.pages[first:], first + 1):
            yield self._batch(page, number)

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        del partition
        text = "".join(row + "\n" for row in rows).encode()
        return Batch(Text([text], Json(lines=True), self._table.read), None, self._kind)

    def close(self) -> None:
        """Nothing is open."""

    def _batch(self, rows: Sequence[Mapping[str, Any]], position: Position) -> Batch:
        schema = _settled(records.infer(rows))
        text = records.lines(rows)
        return Batch(
            rows=Text([text], Json(lines=True, columns=records.reading(schema)), self._table.read),
            position=position,
            kind=self._kind,
            schema=schema,
            bytes=len(text),
            restart=self._kind is Kind.SNAPSHOT,
        )


class MemorySink:
    """A table in `kept`; what is staged is a whole new list of rows, which `commit` puts in place of the old one."""

    def __init__(self, sink: SinkTable) -> None:
        self._sink = sink
        self._kept = kept.setdefault(sink.write or sink.name, Kept())
        self._staged: Kept | None = None

    @property
    def can(self) -> SinkCan:
        return SinkCan(modes=_MODES)

    def epoch(self) -> int | None:
        return self._kept.epoch

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        have = self._kept.epoch
        if have is not None and have > note.epoch:
            raise FatalError(
                f"the target of the sink '{note.sink}' is newer than this warehouse",
                expected=f"epoch {note.since} or {note.epoch}",
                got=f"epoch {have}",
            )
        rows = [] if note.whole and note.mode == "mirror" else list(self._kept.rows)
        if have != note.epoch:
            if note.mode == "mirror":
                for gone in _rows(minus, note.schema):
                    rows.remove(gone)
            rows += _rows(plus, note.schema)
        self._staged = Kept(rows, note.epoch)
        faults.point("memory.sink.staged")

    def commit(self, epoch: int) -> None:
        if self._staged is None or self._staged.epoch != epoch or self._kept.epoch == epoch:
            return
        self._kept.rows, self._kept.epoch = self._staged.rows, epoch
        faults.point("memory.sink.committed")

    def close(self) -> None:
        self._staged = None


def _settled(schema: Schema) -> Schema:
    """Give columns, and parts of nested ones, that hold nothing but nulls a type that a table can have: text."""
    return Schema(tuple(replace(c, type=_NULL.sub("varchar", c.type)) for c in schema))


def _rows(rows: Any, schema: Schema) -> list[dict[str, Any]]:
    """Return Arrow rows as dicts in the order of the schema's columns."""
    from arro3.core import Table

    if rows is None:
        return []
    table = Table.from_arrow(rows)
    columns = [table.column(name).to_pylist() for name in schema.names]
    return [dict(zip(schema.names, values, strict=True)) for values in zip(*columns, strict=True)]


CONNECTOR = MemoryConnector()
