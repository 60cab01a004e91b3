"""Pulling: sources read side by side, each in a thread of its own, with as much waiting as one consumer needs."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError, PenstockError, RetryableError
from penstock.base.record import record
from penstock.base.text import seconds
from penstock.base.theirs import said, theirs
from penstock.refresh import ingest
from penstock.refresh.ingest import Portion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

    from penstock.base.clock import Clock
    from penstock.model.position import Position
    from penstock.model.source import RawTable
    from penstock.protocols.engine import Engine
    from penstock.protocols.source import Source

_AT_ONCE = 8
_LONGEST_WAIT = 30.0
_LOOK = 0.01
_LOOKS = 500


@record
class Arrival:
    """What came from a source: a portion, the end of a partition, the end of all, or the error that ended it.

    `note` says that it is tried again, and why.
    """

    table: RawTable
    partition: str = ""
    portion: Portion | None = None
    ended: bool = False
    done: bool = False
    error: PenstockError | None = None
    note: str = ""

    def release(self) -> None:
        """Let go of the portion, which nobody will take in."""
        if self.portion is not None and self.portion.reading is not None:
            self.portion.reading.close()


class Pulls:
    """All pulls of a run; iterating gives what arrives until every source is done."""

    def __init__(
        self,
        tables: Sequence[RawTable],
        open_source: Callable[[RawTable], Source],
        engine: Engine,
        clock: Clock,
        random: Random,
    ) -> None:
        self._open, self._engine, self._clock, self._random = open_source, engine, clock, random
        self._after = {table.name: ingest.after(table, engine) for table in tables}
        self._arrivals: queue.Queue[Arrival] = queue.Queue(maxsize=2 * _AT_ONCE)
        self._stopped = {table.name: threading.Event() for table in tables}
        self._turns = threading.Semaphore(_AT_ONCE)
        self._left = len(tables)
        self._threads = [
            threading.Thread(target=self._pull, args=(table,), name=f"pull {table.name}", daemon=True)
            for table in tables
        ]

    def __iter__(self) -> Iterator[Arrival]:
        """Start pulling and give what arrives, in the order in which it does."""
        for thread in self._threads:
            thread.start()
        while self._left:
            arrival = self._arrivals.get()
            if arrival.done:
                self._left -= 1
            yield arrival

    def stop(self, table: str = "") -> None:
        """Stop one pull, or all of them; all have then ended, and what was on its way is let go.

        A source that hangs is waited for a few seconds only: its thread ends with the process.
        """
        for name, event in self._stopped.items():
            if table in ("", name):
                event.set()
        if not table:
            self._join()

    def _join(self) -> None:
        """Wait for the threads; each may need room for its last arrival."""
        looks = 0
        for thread in self._threads:
            while thread.is_alive() and looks < _LOOKS:
                self._let_go()
                thread.join(_LOOK)
                looks += 1
        self._let_go()

    def _let_go(self) -> None:
        while True:
            try:
                self._arrivals.get_nowait().release()
            except queue.Empty:
                return

    def _give(self, arrival: Arrival) -> None:
        """Hand over an arrival, waiting for room; one whose pull was stopped is let go, but for the last."""
        while True:
            try:
                self._arrivals.put(arrival, timeout=0.1)
            except queue.Full:
                if self._stopped[arrival.table.name].is_set() and not arrival.done:
                    arrival.release()
                    return
            else:
                return

    def _pull(self, table: RawTable) -> None:
        """Read a source to its end, which is told whatever a source does: a run waits for it."""
        error = None
        with self._turns:
            try:
                with theirs(lambda raised: _broke(table, raised)):
                    self._read(table)
            except PenstockError as found:
                error = found
        self._give(Arrival(table, done=True, error=error))

    def _read(self, table: RawTable) -> None:
        after: dict[str, Position] = dict(self._after[table.name])
        ended: set[str] = set()
        attempt = 0
        while True:
            try:
                self._read_once(table, after, ended)
            except RetryableError as error:
                attempt += 1
                if attempt > table.retries or self._stopped[table.name].is_set():
                    raise
                back_off = min(0.25 * 2**attempt, _LONGEST_WAIT) * self._random.uniform(0.5, 1.5)
                wait = min(max(error.after or 0.0, back_off), _LONGEST_WAIT)
                again = f"{attempt} of {table.retries}, in {seconds(wait)}"
                self._give(Arrival(table, note=f"{error.subject}: tried again ({again})"))
                self._clock.sleep(wait)
            else:
                return

    def _read_once(self, table: RawTable, after: dict[str, Position], ended: set[str]) -> None:
        """Read every partition; one that cannot be read is told of when the others are in."""
        source = self._open(table)
        broken: list[FatalError] = []
        try:
            for partition in source.partitions(sorted(after)):
                if partition in ended:
                    continue
                try:
                    self._read_partition(table, source, partition, after)
                except FatalError as error:
                    broken.append(error)
                ended.add(partition)
                if self._stopped[table.name].is_set():
                    return
        finally:
            source.close()
        if broken:
            more = f"{len(broken) - 1:,} more could not be read; " if len(broken) > 1 else ""
            broken[0].hint = f"{more}{broken[0].hint}".removesuffix("; ")
            raise broken[0]

    def _read_partition(self, table: RawTable, source: Source, partition: str, after: dict[str, Position]) -> None:
        wanted = ingest.shape(table)
        for batch in source.read(partition, after.get(partition)):
            if self._stopped[table.name].is_set():
                return
            reading = self._engine.prepare(batch, wanted, partition)
            self._give(Arrival(table, partition, Portion(table, partition, batch, reading)))
            after[partition] = batch.position
        self._give(Arrival(table, partition, ended=True))


def _broke(table: RawTable, error: BaseException) -> FatalError:
    return FatalError(f"the source of {table.name} broke: {said(error)}", where=table.where)


def lease(beat: Callable[[], Any], every: float) -> threading.Event:
    """Call `beat` from a thread of its own until the returned event is set."""
    over = threading.Event()

    def go() -> None:
        while not over.wait(every):
            try:
                beat()
            except PenstockError:  # another beat comes; a lease that is lost shows when the run ends
                continue

    threading.Thread(target=go, name="lease", daemon=True).start()
    return over
