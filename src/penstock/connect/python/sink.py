"""Calls a function of the project with the changes of a table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from penstock.base import faults
from penstock.base.errors import FatalError
from penstock.protocols.sink import SinkCan

if TYPE_CHECKING:
    from penstock.connect.python.function import Found
    from penstock.model.schema import Schema
    from penstock.model.sink import DeliveryNote, SinkTable
    from penstock.protocols.source import Context


class PythonSink:
    """A function, called with the rows that came (an Arrow table), and with `removed` and `note` if it takes them.

    How far it is delivered stands in a file beside the project's state, written after the call: a crash between
    the two means that the function is called again with the same rows, so the sink is not exact.
    """

    def __init__(self, sink: SinkTable, context: Context, function: Found) -> None:
        self._sink = sink
        self._function = function
        self._file = context.root / ".penstock" / "sinks" / f"{sink.name}.epoch"
        self._staged: tuple[int, dict[str, Any]] | None = None

    @property
    def can(self) -> SinkCan:
        changes = self._sink.mode == "append" or "removed" in self._function.parameters
        return SinkCan(modes=frozenset({"mirror", "append"}), changes=changes, exact=False)

    def epoch(self) -> int | None:
        return int(self._file.read_text(encoding="utf-8")) if self._file.exists() else None

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        have = self.epoch()
        if have is not None and have > note.epoch:
            raise FatalError(
                f"the target of the sink '{note.sink}' is newer than this warehouse",
                expected=f"epoch {note.since} or {note.epoch}",
                got=f"epoch {have}",
            )
        arguments: dict[str, Any] = {"rows": _table(plus, note.schema)}
        if "removed" in self._function.parameters:
            arguments["removed"] = None if minus is None else _table(minus, note.schema)
        if "note" in self._function.parameters:
            arguments["note"] = note
        self._staged = (note.epoch, arguments)
        faults.point("python.sink.staged")

    def commit(self, epoch: int) -> None:
        if self._staged is None or self._staged[0] != epoch or self.epoch() == epoch:
            return
        arguments = dict(self._staged[1])
        rows = arguments.pop("rows")
        with self._function.told(f"sink '{self._sink.name}'"):
            self._function.call(rows, **arguments)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(str(epoch))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._file)
        faults.point("python.sink.committed")

    def close(self) -> None:
        self._staged = None


def _table(rows: Any, schema: Schema) -> Any:
    """Return rows as an Arrow table; the engine's booleans, which are bytes with a mark on them, become Arrow's own."""
    from arro3.core import DataType, Table

    table = Table.from_arrow(rows)
    for at, column in enumerate(schema):
        if column.type == "boolean":
            table = table.set_column(at, column.name, table.column(at).cast(DataType.bool()))
    return table
