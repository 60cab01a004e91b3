"""The suite that a source must pass, whatever it reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PenstockError, UnsupportedError
from penstock.base.record import record
from penstock.model.position import decode, encode
from penstock.model.sink import SinkTable
from penstock.protocols.source import Kind
from penstock.testing.checks import Broken, closes_twice, comparable, demand, difference, only_our_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from penstock.model.position import Position
    from penstock.model.source import RawTable
    from penstock.protocols.source import Batch, Connector, Context, Source
    from penstock.testing.landing import Landed

_MOST_BATCHES = 60
_MOST_RESUMES = 25
_MOST_BYTES = 1_000


@dataclass(frozen=True)
class SourceCase:
    """A source in a world that a test can change.

    `rows` says what the table should hold now, as Python values, and `types` all its columns. `add` brings new rows
    (and changes old ones, if the source sees that) to the other system; `spoil` brings one row there that cannot be
    loaded, and changes nothing about `rows`. `empty` is a raw table over something that has no rows.
    """

    connector: Connector
    table: RawTable
    context: Context
    rows: Callable[[], Sequence[Mapping[str, Any]]]
    types: Mapping[str, str]
    add: Callable[[], None]
    spoil: Callable[[], None] | None = None
    empty: RawTable | None = None


@dataclass
class Replica:
    """A table as the batches of a source make it."""

    key: tuple[str, ...]
    parts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def apply(self, partition: str, batch: Batch, rows: Sequence[dict[str, Any]]) -> None:
        """Take in a batch."""
        held = self.parts.setdefault(partition, [])
        if batch.kind is Kind.SNAPSHOT and batch.restart:
            held.clear()
        if batch.kind in (Kind.UPSERT, Kind.DELETE):
            gone = {self._key(row) for row in rows}
            for part in self.parts.values():
                part[:] = [row for row in part if self._key(row) not in gone]
        if batch.kind is Kind.UPSERT:
            held += {self._key(row): row for row in rows}.values()
        elif batch.kind is not Kind.DELETE:
            held += rows

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows."""
        return [row for part in self.parts.values() for row in part]

    def _key(self, row: Mapping[str, Any]) -> str:
        demand("kinds", self.key, "rows that replace others come for a table without a key")
        return repr([row[name] for name in self.key])


@record
class Pulled:
    """One batch that came, and what the warehouse made of it."""

    partition: str
    batch: Batch
    landed: Landed


class SourceSuite:
    """Checks of a source; a subclass gives the fixture `source_case`."""

    # Reading -------------------------------------------------------------------------------------------

    def test_partitions_are_the_same_each_time(self, source_case: SourceCase) -> None:
        first, second = self._partitions(source_case, ()), self._partitions(source_case, ())
        demand("partitions", first == second, f"{first}, and asked again {second}")
        demand("partitions", len(set(first)) == len(first), f"one name stands for two: {first}")
        known = self._partitions(source_case, first)
        demand("partitions", set(first) <= set(known), f"known are {first}, and now there are {known}")

    def test_every_row_is_read(self, source_case: SourceCase) -> None:
        have = comparable(self._replica(source_case, self._pull(source_case)).rows(), source_case.types)
        want = comparable(source_case.rows(), source_case.types)
        demand("rows", have == want, difference(have, want))

    def test_types_are_exact(self, source_case: SourceCase) -> None:
        for pulled in self._pull(source_case):
            if pulled.landed.rows:
                have = pulled.landed.schema.types
                demand("types", have == dict(source_case.types), f"{have}, not {dict(source_case.types)}")

    def test_kinds_are_those_declared(self, source_case: SourceCase) -> None:
        with self._source(source_case) as source:
            declared = source.can.kinds
        for pulled in self._pull(source_case):
            kind = pulled.batch.kind
            demand("kinds", kind in declared, f"a batch is of kind {kind}, declared are {sorted(declared)}")

    def test_a_pull_ends(self, source_case: SourceCase) -> None:
        self._pull(source_case)

    def test_nothing_at_all_gives_no_rows(self, source_case: SourceCase) -> None:
        if source_case.empty is not None:
            pulled = self._pull(replace(source_case, table=source_case.empty))
            rows = [row for one in pulled for row in one.landed.rows]
            demand("empty", not rows, f"rows out of nothing, such as {rows[:1]}")

    # Positions -----------------------------------------------------------------------------------------

    def test_positions_are_small_json(self, source_case: SourceCase) -> None:
        for pulled in self._pull(source_case):
            position = pulled.batch.position
            try:
                text = encode(position)
            except (TypeError, ValueError) as error:
                raise Broken("positions", f"no JSON: {error}") from error
            demand("positions", decode(text) == position, f"{position!r} is another value once it was JSON")
            demand("positions", len(text) <= _MOST_BYTES, f"{len(text)} bytes: {text[:80]} …")

    def test_a_pull_goes_on_from_every_position(self, source_case: SourceCase) -> None:
        with self._source(source_case) as source:
            if not source.can.resume:
                return
        whole = self._pull(source_case)
        want = comparable(self._replica(source_case, whole).rows(), source_case.types)
        for at in range(min(len(whole), _MOST_RESUMES)):
            before = whole[: at + 1]
            after = {pulled.partition: pulled.batch.position for pulled in before}
            have = comparable(
                self._replica(source_case, [*before, *self._pull(source_case, after)]).rows(), source_case.types
            )
            demand("resume", have == want, f"after batch {at + 1} of {len(whole)}: {difference(have, want)}")

    def test_nothing_new_gives_no_batch(self, source_case: SourceCase) -> None:
        whole = self._pull(source_case)
        after = {pulled.partition: pulled.batch.position for pulled in whole}
        more = self._pull(source_case, after)
        if more and all(pulled.batch.kind is Kind.SNAPSHOT for pulled in more):
            # A source that cannot tell gives the same snapshot once more, from its beginning.
            have = comparable(self._replica(source_case, [*whole, *more]).rows(), source_case.types)
            want = comparable(self._replica(source_case, whole).rows(), source_case.types)
            demand("nothing new", have == want, difference(have, want))
            return
        demand(
            "nothing new",
            not more,
            f"{len(more)} batches, the first with {len(more[0].landed.rows) if more else 0} rows",
        )

    def test_what_was_added_is_seen(self, source_case: SourceCase) -> None:
        whole = self._pull(source_case)
        after = {pulled.partition: pulled.batch.position for pulled in whole}
        source_case.add()
        more = self._pull(source_case, after)
        demand("added", more, "nothing comes after rows were added")
        have = comparable(self._replica(source_case, [*whole, *more]).rows(), source_case.types)
        want = comparable(self._replica(source_case, self._pull(source_case)).rows(), source_case.types)
        demand("added", have == want, f"other rows than when all is read anew: {difference(have, want)}")

    # Rejects -------------------------------------------------------------------------------------------

    def test_rejects_have_row_reason_and_place(self, source_case: SourceCase) -> None:
        if source_case.spoil is None:
            return
        before = comparable(self._replica(source_case, self._pull(source_case)).rows(), source_case.types)
        source_case.spoil()
        pulled = self._pull(source_case)
        rejects = [reject for one in pulled for reject in one.landed.rejects]
        demand("rejects", rejects, "a row that cannot be loaded vanishes")
        for place, row, reason in rejects:
            demand("rejects", place and row and reason, f"place '{place}', row '{row}', reason '{reason}'")
        have = comparable(self._replica(source_case, pulled).rows(), source_case.types)
        demand("rejects", have == before, f"a row that cannot be loaded changes others: {difference(have, before)}")

    def test_rejected_rows_can_be_tried_again(self, source_case: SourceCase) -> None:
        if source_case.spoil is None:
            return
        source_case.spoil()
        found = [(one.partition, reject[1]) for one in self._pull(source_case) for reject in one.landed.rejects]
        with self._source(source_case) as source:
            if not source.can.replay:
                self._refused(lambda: source.again([], ""), "again")
                return
            for partition, row in found:
                with only_our_errors():
                    batch = source.again([row], partition)
                told = self._landed(source_case, batch, partition)
                demand("again", len(told.rows) + len(told.rejects) == 1, f"of one row came {told}")

    # Manners -------------------------------------------------------------------------------------------

    def test_what_it_cannot_do_it_refuses(self, source_case: SourceCase) -> None:
        connector, table = source_case.connector, source_case.table
        if connector.options.sink is None:
            sink = SinkTable("nowhere", table.name, table.connection)
            self._refused(lambda: connector.sink(sink, source_case.context), "sink")

    def test_it_closes(self, source_case: SourceCase) -> None:
        source = source_case.connector.source(source_case.table, source_case.context)
        for partition in source.partitions([]):
            reading = source.read(partition, None)
            next(iter(reading), None)
        closes_twice(source.close)

    # How -----------------------------------------------------------------------------------------------

    def _source(self, case: SourceCase) -> _Opened:
        return _Opened(case)

    def _partitions(self, case: SourceCase, known: Sequence[str]) -> list[str]:
        with self._source(case) as source, only_our_errors():
            return list(source.partitions(known))

    def _pull(self, case: SourceCase, after: Mapping[str, Position] | None = None) -> list[Pulled]:
        """Read all partitions from where they were left."""
        after = after or {}
        found: list[Pulled] = []
        with self._source(case) as source:
            for partition in self._partitions(case, sorted(after)):
                found += [
                    Pulled(partition, batch, self._landed(case, batch, partition))
                    for batch in self._batches(source, partition, after.get(partition))
                ]
        return found

    def _batches(self, source: Source, partition: str, after: Position) -> Iterator[Batch]:
        batches = source.read(partition, after)
        for _ in range(_MOST_BATCHES):
            with only_our_errors():
                batch = next(iter(islice(batches, 1)), None)
            if batch is None:
                return
            yield batch
        raise Broken("ends", f"more than {_MOST_BATCHES} batches come from a few rows")

    def _landed(self, case: SourceCase, batch: Batch, partition: str) -> Landed:
        from penstock.testing.landing import landed

        return landed(batch, case.table, partition)

    def _replica(self, case: SourceCase, pulled: Sequence[Pulled]) -> Replica:
        replica = Replica(case.table.key)
        for one in pulled:
            replica.apply(one.partition, one.batch, one.landed.rows)
        return replica

    def _refused(self, ask: Callable[[], object], what: str) -> None:
        try:
            ask()
        except UnsupportedError:
            return
        except PenstockError as error:
            raise Broken("unsupported", f"{what} raises {type(error).__name__}, not UnsupportedError") from error
        raise Broken("unsupported", f"{what} is declared as not possible and does not raise UnsupportedError")


class _Opened:
    """A source that is closed at the end."""

    def __init__(self, case: SourceCase) -> None:
        self._case = case
        self._source: Source | None = None

    def __enter__(self) -> Source:
        self._source = self._case.connector.source(self._case.table, self._case.context)
        return self._source

    def __exit__(self, *_: object) -> None:
        if self._source is not None:
            self._source.close()
