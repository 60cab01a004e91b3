"""Broken connectors: each breaks one promise, so that a suite that lets one pass is itself broken.

All of them read the same feed of pages, as an honest source would, but for the one thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError, UnsupportedError
from penstock.model import records
from penstock.model.option import Options
from penstock.model.schema import Schema
from penstock.protocols.source import Batch, Json, Kind, Reject, SourceCan, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.model.position import Position
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source

_FOREVER = 10**9


@dataclass
class Feed:
    """Pages of records; `spoilt` are texts that are no records, which come with the last page."""

    pages: list[list[Mapping[str, Any]]] = field(default_factory=list)
    spoilt: list[str] = field(default_factory=list)


class Honest:
    """The source that all others here are, but for one thing: its position is the number of pages read."""

    can = SourceCan(kinds=frozenset({Kind.APPEND}), replay=False)

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        del known
        return [""]

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        del partition
        first = after if isinstance(after, int) else 0
        for number in range(first, len(self.feed.pages)):
            yield self.batch(number)

    def batch(self, number: int) -> Batch:
        """Make the batch of a page."""
        rejects = self.feed.spoilt if number == len(self.feed.pages) - 1 else []
        return self.of(self.feed.pages[number], number + 1, tuple(Reject(t, "no record", "here:1") for t in rejects))

    def of(self, rows: Sequence[Mapping[str, Any]], position: Position, rejects: tuple[Reject, ...] = ()) -> Batch:
        """Make a batch of records."""
        schema = records.infer(rows)
        text = Text([records.lines(rows)], Json(lines=True, columns=schema))
        return Batch(text, position, Kind.APPEND, schema, rejects)

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        del rows, partition
        raise UnsupportedError("rejected rows cannot be tried again here")

    def close(self) -> None:
        """Nothing is open."""


class OffByOne(Honest):
    """Leaves out the first row of every page but the first."""

    def batch(self, number: int) -> Batch:
        found = super().batch(number)
        return self.of(self.feed.pages[number][1:], number + 1, found.rejects) if number else found


class SkipsOnResume(Honest):
    """Goes on one page too late."""

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        behind = len(self.feed.pages)
        late = after + 1 if isinstance(after, int) and after < behind - 1 else after
        yield from super().read(partition, late)


class RepeatsOnResume(Honest):
    """Gives the page before a position once more."""

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        behind = len(self.feed.pages)
        early = after - 1 if isinstance(after, int) and 0 < after < behind - 1 else after
        yield from super().read(partition, early)


class Lies(Honest):
    """Says with its first batch that it is two pages further than it is."""

    def batch(self, number: int) -> Batch:
        found = super().batch(number)
        return replace(found, position=3) if number == 0 else found


class NeverEnds(Honest):
    """Goes on with empty batches for ever."""

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        yield from super().read(partition, after)
        for number in range(len(self.feed.pages), _FOREVER):
            yield self.of([], number)


class Dies(Honest):
    """Raises an error of its own kind in the middle."""

    def batch(self, number: int) -> Batch:
        if number == 1:
            raise LookupError("the connection is gone")
        return super().batch(number)


class KeepsAllInPosition(Honest):
    """Carries every row that it has seen in its position."""

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        seen: list[Any] = list(after) if isinstance(after, list) else []
        first = len(seen)
        for number in range(first, len(self.feed.pages)):
            seen.append([dict(row) for row in self.feed.pages[number]])
            yield replace(self.batch(number), position=list(seen))
        del partition


class OddPosition(Honest):
    """Gives positions that are another value once they were JSON."""

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        first = after[0] if isinstance(after, tuple | list) else 0
        for batch in super().read(partition, first):
            yield replace(batch, position=(batch.position,))  # type: ignore[arg-type]


class WrongKind(Honest):
    """Declares snapshots and gives rows to add."""

    can = SourceCan(kinds=frozenset({Kind.SNAPSHOT}), replay=False)


class SwallowsRejects(Honest):
    """Drops what it cannot read without a word."""

    def batch(self, number: int) -> Batch:
        return replace(super().batch(number), rejects=())


class RejectsWithoutReason(Honest):
    """Rejects rows and does not say why."""

    def batch(self, number: int) -> Batch:
        found = super().batch(number)
        return replace(found, rejects=tuple(replace(r, reason="") for r in found.rejects))


class Restless(Honest):
    """Gives an empty batch when there is nothing new."""

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        yield from super().read(partition, after)
        if after == len(self.feed.pages):
            yield self.of([], after)


class Blind(Honest):
    """Never sees what was added after it was read to its end."""

    ended: int = 0

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        if after is None:
            yield from super().read(partition, after)
            type(self).ended = len(self.feed.pages)
        elif after != type(self).ended:
            yield from super().read(partition, after)


class Shifting(Honest):
    """Names its partitions anew each time, unless it is told what they were called."""

    count = 0

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        if known:
            return known
        type(self).count += 1
        return [f"part {type(self).count}"]


class Guesses(Honest):
    """Takes a column of large numbers for one of small numbers, as the first rows suggest."""

    def of(self, rows: Sequence[Mapping[str, Any]], position: Position, rejects: tuple[Reject, ...] = ()) -> Batch:
        found = super().of(rows, position, rejects)
        guessed = Schema.of((c.name, "integer" if c.type == "bigint" else c.type) for c in found.schema or ())
        text = Text([records.lines(rows)], Json(lines=True, columns=guessed))
        return replace(found, rows=text, schema=guessed)


class MakesThingsUp(Honest):
    """Gives a row where there is none."""

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        yield from super().read(partition, after)
        if not self.feed.pages and after is None:
            yield self.of([{"id": 0, "name": "nobody"}], 0)


class Pretends(Honest):
    """Declares that it cannot try rows again, and gives a batch when it is asked to."""

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        del rows, partition
        return self.of([], 0)


class LosesAgain(Honest):
    """Declares that it can try rows again, and loses them."""

    can = SourceCan(kinds=frozenset({Kind.APPEND}))

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        del rows, partition
        return self.of([], 0)


class ClosesOnce(Honest):
    """Cannot be closed a second time."""

    closed = False

    def close(self) -> None:
        if self.closed:
            raise FatalError("it is closed already")
        self.closed = True


# Each broken source by the name of the promise that it breaks, and no other.
SOURCES: tuple[tuple[type[Honest], str], ...] = (
    (OffByOne, "rows"),
    (SkipsOnResume, "resume"),
    (RepeatsOnResume, "resume"),
    (Lies, "resume"),
    (NeverEnds, "ends"),
    (Dies, "errors"),
    (KeepsAllInPosition, "positions"),
    (OddPosition, "positions"),
    (WrongKind, "kinds"),
    (SwallowsRejects, "rejects"),
    (RejectsWithoutReason, "rejects"),
    (Restless, "nothing new"),
    (Blind, "added"),
    (Shifting, "partitions"),
    (Guesses, "types"),
    (MakesThingsUp, "empty"),
    (Pretends, "unsupported"),
    (LosesAgain, "again"),
    (ClosesOnce, "closes"),
)


class HostileConnector:
    """Makes one kind of source over the feeds that it is given by name."""

    options = Options(source=())

    def __init__(self, kind: type[Honest], feeds: Mapping[str, Feed]) -> None:
        self._kind = kind
        self._feeds = feeds

    def source(self, table: RawTable, context: Context) -> Source:
        """Read the feed of that name."""
        del context
        return self._kind(self._feeds[table.read])

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Raise `UnsupportedError`: nothing is written here."""
        del sink, context
        raise UnsupportedError("this cannot be a sink")
