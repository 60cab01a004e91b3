"""Broken sinks: each breaks one promise of the sink suite, over rows that are kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError, UnsupportedError
from penstock.model.option import Options
from penstock.protocols.sink import SinkCan

if TYPE_CHECKING:
    from penstock.model.sink import DeliveryNote, SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source

_MODES = frozenset({"mirror", "append"})


@dataclass
class Target:
    """What a sink wrote, and the epoch that it shows."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    epoch: int | None = None


class HonestSink:
    """The sink that all others here are, but for one thing."""

    can = SinkCan(modes=_MODES)

    def __init__(self, target: Target, sink: SinkTable) -> None:
        if sink.mode not in _MODES:
            raise UnsupportedError(f"no mode '{sink.mode}'")
        self.target = target
        self.staged: Target | None = None

    def epoch(self) -> int | None:
        return self.target.epoch

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        if self.target.epoch is not None and self.target.epoch > note.epoch:
            raise FatalError("another writer was here")
        rows = self.changed(note, dicts(plus), dicts(minus))
        self.staged = Target(rows if self.target.epoch != note.epoch else self.target.rows, note.epoch)

    def changed(
        self, note: DeliveryNote, plus: list[dict[str, Any]], minus: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return the rows as they will be."""
        kept = [] if note.whole and note.mode == "mirror" else list(self.target.rows)
        for row in minus if note.mode == "mirror" else []:
            kept.remove(row)
        return kept + plus

    def commit(self, epoch: int) -> None:
        if self.staged is not None and self.staged.epoch == epoch:
            self.target.rows, self.target.epoch = self.staged.rows, epoch

    def close(self) -> None:
        self.staged = None


class DropsTheLast(HonestSink):
    """Leaves out the last of many rows."""

    def changed(
        self, note: DeliveryNote, plus: list[dict[str, Any]], minus: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return super().changed(note, plus[:2] if note.whole else plus, minus)


class NeverDeletes(HonestSink):
    """Keeps rows that went."""

    def changed(
        self, note: DeliveryNote, plus: list[dict[str, Any]], minus: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        del minus
        return super().changed(note, plus, [])


class KeepsTheOld(HonestSink):
    """Takes a table without rows for nothing to do."""

    def changed(
        self, note: DeliveryNote, plus: list[dict[str, Any]], minus: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        return super().changed(note, plus, minus) if plus or minus else list(self.target.rows)


class ForgetsEpoch(HonestSink):
    """Always shows the epoch before."""

    def epoch(self) -> int | None:
        return self.target.epoch if self.target.epoch != 7 else 6  # noqa: PLR2004


class AddsTwice(HonestSink):
    """Adds rows again when an epoch is delivered again."""

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        if self.target.epoch == note.epoch:
            self.target.epoch = note.since
        super().stage(note, plus, minus)


class ShowsTooEarly(HonestSink):
    """Shows what is only staged, without its epoch, if the target was written before."""

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        super().stage(note, plus, minus)
        if self.staged is not None and self.target.epoch == 1 and note.since == 1:
            self.target.rows = self.staged.rows


class NoFence(HonestSink):
    """Lets an older writer write."""

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        if self.target.epoch is not None and self.target.epoch > note.epoch:
            self.target.epoch = None
        super().stage(note, plus, minus)


# Each broken sink by the names of the promises that it breaks.
SINKS: tuple[tuple[type[HonestSink], frozenset[str]], ...] = (
    (DropsTheLast, frozenset({"rows"})),
    (NeverDeletes, frozenset({"changes"})),
    (KeepsTheOld, frozenset({"replace"})),
    (ForgetsEpoch, frozenset({"epoch"})),
    (AddsTwice, frozenset({"twice"})),
    (ShowsTooEarly, frozenset({"crash"})),
    (NoFence, frozenset({"fence"})),
)


class HostileSinkConnector:
    """Makes one kind of sink over one target."""

    options = Options(sink=())

    def __init__(self, kind: type[HonestSink], target: Target) -> None:
        self._kind = kind
        self._target = target

    def source(self, table: RawTable, context: Context) -> Source:
        """Raise `UnsupportedError`: nothing is read here."""
        del table, context
        raise UnsupportedError("this cannot be a source")

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Write to the target."""
        del context
        return self._kind(self._target, sink)


def dicts(rows: Any) -> list[dict[str, Any]]:
    """Return Arrow rows as dicts."""
    from arro3.core import Table

    if rows is None:
        return []
    table = Table.from_arrow(rows)
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return [dict(zip(table.column_names, values, strict=True)) for values in zip(*columns, strict=True)]
