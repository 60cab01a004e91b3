"""The suite that a sink must pass, whatever it writes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError, PenstockError, UnsupportedError
from penstock.model.relation import Query
from penstock.model.schema import Column, Schema
from penstock.model.sink import DeliveryNote, SinkTable
from penstock.model.source import RawTable
from penstock.testing.checks import Broken, closes_twice, comparable, demand, difference, only_our_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Connector, Context

SCHEMA = Schema.of(
    [
        ("id", "bigint"),
        ("name", "varchar"),
        ("amount", "decimal(12,2)"),
        ("day", "date"),
        ("at", "timestamp"),
        ("good", "boolean"),
        ("ratio", "double"),
        ("note", "varchar"),
    ]
)


def _row(number: int, name: str, note: str | None = None) -> dict[str, Any]:
    return {
        "id": number,
        "name": name,
        "amount": Decimal(number * 10 + 5) / 100,
        "day": date(2024, 2, number),
        "at": datetime(2024, 2, number, 10, 30, number),  # noqa: DTZ001
        "good": number % 2 == 0,
        "ratio": number / 3,
        "note": note,
    }


ONE, TWO, THREE = _row(1, "one"), _row(2, "zwei, 'two' \"ii\""), _row(3, "", "line\nend")
TWO_CHANGED = {**TWO, "name": "deux"}


@dataclass(frozen=True)
class SinkCase:
    """A sink, and how to look at what it wrote.

    `read` gives the rows that the target shows, as Python values of `penstock.testing.sink_suite.SCHEMA`, and nothing
    where there is no target yet. `sink` mirrors with the key `id`, unless its connector only appends.
    """

    connector: Connector
    sink: SinkTable
    context: Context
    read: Callable[[], Sequence[Mapping[str, Any]]]


class SinkSuite:
    """Checks of a sink; a subclass gives the fixture `sink_case`."""

    def test_a_whole_table_is_written(self, sink_case: SinkCase) -> None:
        self._deliver(sink_case, 1, [ONE, TWO, THREE])
        self._shows(sink_case, "rows", [ONE, TWO, THREE])

    def test_a_target_never_written_has_no_epoch(self, sink_case: SinkCase) -> None:
        with self._opened(sink_case) as sink:
            demand("epoch", sink.epoch() is None, f"a target never written shows epoch {sink.epoch()}")

    def test_the_epoch_is_kept(self, sink_case: SinkCase) -> None:
        self._deliver(sink_case, 7, [ONE])
        with self._opened(sink_case) as sink:
            demand("epoch", sink.epoch() == 7, f"epoch 7 was delivered, {sink.epoch()} is told")  # noqa: PLR2004

    def test_a_whole_table_replaces_the_one_before(self, sink_case: SinkCase) -> None:
        if "mirror" in self._can(sink_case).modes:
            self._deliver(sink_case, 1, [ONE, TWO])
            self._deliver(sink_case, 2, [TWO_CHANGED, THREE], since=1)
            self._shows(sink_case, "replace", [TWO_CHANGED, THREE])

    def test_a_table_without_rows_is_delivered(self, sink_case: SinkCase) -> None:
        if "mirror" in self._can(sink_case).modes:
            self._deliver(sink_case, 1, [ONE])
            self._deliver(sink_case, 2, [], since=1)
            self._shows(sink_case, "replace", [])

    def test_changes_are_mirrored(self, sink_case: SinkCase) -> None:
        can = self._can(sink_case)
        if "mirror" in can.modes and can.changes:
            self._deliver(sink_case, 1, [ONE, TWO])
            self._deliver(sink_case, 4, [TWO_CHANGED, THREE], minus=[ONE, TWO], since=1)
            self._shows(sink_case, "changes", [TWO_CHANGED, THREE])

    def test_rows_are_added(self, sink_case: SinkCase) -> None:
        case = replace(sink_case, sink=replace(sink_case.sink, mode="append", key=()))
        if "append" in self._can(sink_case).modes:
            self._deliver(case, 1, [ONE], minus=[])
            self._deliver(case, 2, [TWO, THREE], minus=[], since=1)
            self._shows(case, "append", [ONE, TWO, THREE])

    def test_an_epoch_delivered_twice_shows_once(self, sink_case: SinkCase) -> None:
        case = sink_case
        if "append" in self._can(sink_case).modes:
            case = replace(sink_case, sink=replace(sink_case.sink, mode="append", key=()))
        adds = case.sink.mode == "append"
        rows = [TWO] if adds else [ONE, TWO]
        minus: list[dict[str, Any]] | None = [] if adds else None
        self._deliver(case, 1, [ONE], minus=minus)
        for _ in range(2):
            self._deliver(case, 2, rows, minus=minus, since=1)
        self._shows(case, "twice", [ONE, TWO])

    def test_what_was_staged_and_not_committed_is_not_shown(self, sink_case: SinkCase) -> None:
        self._deliver(sink_case, 1, [ONE])
        with self._opened(sink_case) as sink, only_our_errors():
            self._stage(sink_case, sink, self._note(sink_case, 2, since=1, whole=True), [TWO], None)
        self._shows(sink_case, "crash", [ONE])
        with self._opened(sink_case) as sink:
            demand("crash", sink.epoch() == 1, f"after a crash before the commit the epoch is {sink.epoch()}, not 1")
        self._deliver(sink_case, 2, [ONE, TWO], since=1)
        self._shows(sink_case, "crash", [ONE, TWO])

    def test_a_commit_repeated_changes_nothing(self, sink_case: SinkCase) -> None:
        with self._opened(sink_case) as sink, only_our_errors("commit"):
            self._stage(sink_case, sink, self._note(sink_case, 3, whole=True), [ONE], None)
            sink.commit(3)
            sink.commit(3)
        with self._opened(sink_case) as sink, only_our_errors("commit"):
            sink.commit(3)
        self._shows(sink_case, "commit", [ONE])

    def test_an_older_writer_is_refused(self, sink_case: SinkCase) -> None:
        self._deliver(sink_case, 5, [ONE])
        with self._opened(sink_case) as sink:
            try:
                self._stage(sink_case, sink, self._note(sink_case, 4, since=3, whole=True), [TWO], None)
                sink.commit(4)
            except FatalError:
                pass
            else:
                raise Broken("fence", "version 4 is written over version 5")
        self._shows(sink_case, "fence", [ONE])

    def test_a_new_column_is_shown(self, sink_case: SinkCase) -> None:
        self._deliver(sink_case, 1, [{**ONE, "extra": None}])
        wider = Schema((*SCHEMA, Column("extra", "bigint")))
        rows = [{**ONE, "extra": 7}]
        with self._opened(sink_case) as sink, only_our_errors():
            note = replace(self._note(sink_case, 2, since=1, whole=True), schema=wider)
            self._stage(sink_case, sink, note, rows, None)
            sink.commit(2)
        have, want = comparable(sink_case.read(), wider.names), comparable(rows, wider.names)
        demand("columns", have == want or sink_case.sink.mode == "append", difference(have, want))

    def test_what_it_cannot_do_it_refuses(self, sink_case: SinkCase) -> None:
        connector = sink_case.connector
        if connector.options.source is None:
            table = RawTable("raw.nothing", sink_case.sink.connection, read="nothing")
            try:
                connector.source(table, sink_case.context)
            except UnsupportedError:
                return
            raise Broken("unsupported", "it takes no source's options and does not raise UnsupportedError for one")

    def test_a_mode_it_does_not_take_is_refused(self, sink_case: SinkCase) -> None:
        try:
            sink = sink_case.connector.sink(replace(sink_case.sink, mode="sideways"), sink_case.context)
        except PenstockError:
            return
        modes = sink.can.modes
        sink.close()
        demand("modes", "sideways" not in modes, "it takes a mode that does not exist")

    def test_it_closes(self, sink_case: SinkCase) -> None:
        sink = sink_case.connector.sink(sink_case.sink, sink_case.context)
        closes_twice(sink.close)

    # How -----------------------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, case: SinkCase) -> Iterator[Sink]:
        sink = case.connector.sink(case.sink, case.context)
        try:
            yield sink
        finally:
            sink.close()

    def _can(self, case: SinkCase) -> Any:
        with self._opened(case) as sink:
            return sink.can

    def _note(self, case: SinkCase, epoch: int, *, since: int = 0, whole: bool) -> DeliveryNote:
        sink = case.sink
        return DeliveryNote(sink.name, sink.table, SCHEMA, sink.key, sink.mode, whole, since, epoch)

    def _deliver(
        self,
        case: SinkCase,
        epoch: int,
        plus: Sequence[dict[str, Any]],
        *,
        minus: Sequence[dict[str, Any]] | None = None,
        since: int = 0,
    ) -> None:
        """Deliver rows as a run does: without `minus` as the whole table, with it as a change."""
        with self._opened(case) as sink, only_our_errors():
            self._stage(case, sink, self._note(case, epoch, since=since, whole=minus is None), plus, minus)
            sink.commit(epoch)

    def _stage(
        self,
        case: SinkCase,
        sink: Sink,
        note: DeliveryNote,
        plus: Sequence[dict[str, Any]],
        minus: Sequence[dict[str, Any]] | None,
    ) -> None:
        gone = None if minus is None or case.sink.mode == "append" else rows_of(minus, note.schema)
        sink.stage(note, rows_of(plus, note.schema), gone)

    def _shows(self, case: SinkCase, check: str, want: Sequence[dict[str, Any]]) -> None:
        have, wanted = comparable(case.read(), SCHEMA.names), comparable(want, SCHEMA.names)
        demand(check, have == wanted, difference(have, wanted))


def rows_of(rows: Sequence[Mapping[str, Any]], schema: Schema) -> Any:
    """Return rows as a result of the engine, with its Arrow stream."""
    from penstock.testing.landing import engine

    listed = ", ".join(f'cast({_literal(None)} as {c.type}) as "{c.name}"' for c in schema)
    selects = [f"select {listed} where false"]
    for row in rows:
        listed = ", ".join(f'cast({_literal(row.get(c.name))} as {c.type}) as "{c.name}"' for c in schema)
        selects.append(f"select {listed}")
    return engine().read(Query(" union all ".join(selects)))


def _literal(value: Any) -> str:
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"
