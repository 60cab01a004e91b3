"""Calls a function of the project and hands over what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, FatalError
from penstock.connect.python.function import each, is_table
from penstock.connect.python.tables import Dicts, Taken, column, tables
from penstock.protocols.source import Batch, Json, Kind, Rows, SourceCan, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.connect.python.function import Found
    from penstock.model.position import Position
    from penstock.model.source import RawTable

_TOGETHER = 1_000
_READ_BACK = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}


@dataclass
class _Pull:
    """Where a pull stands: dicts that wait, the kind of them, and the position after what was taken in."""

    dicts: Dicts
    kind: Kind
    reached: Position = None
    newest: Any = None
    pieces: list[tuple[Taken, Position, Kind]] = field(default_factory=list)

    def note(self, values: Sequence[Any]) -> None:
        """Look at more values of the cursor."""
        there = [value for value in values if value is not None]
        self.newest = max([*there, *([] if self.newest is None else [self.newest])], default=None)

    def flush(self) -> None:
        """Make a piece of the dicts that wait."""
        taken = self.dicts.take()
        if taken is not None:
            self.pieces.append((taken, self.reached, self.kind))


class PythonSource:
    """A function: all rows each time, or, where it has a parameter `after`, those that came after a position.

    The position is the one of the last `Rows` that the function yielded, or the highest value of the table's
    cursor, which is known once the function has ended.
    """

    def __init__(self, table: RawTable, function: Found) -> None:
        self._table = table
        self._function = function
        self._follows = "after" in function.parameters
        self._cursor = table.cursor if self._follows else ""
        self._usual = Kind.SNAPSHOT if not self._follows else Kind.UPSERT if table.key else Kind.APPEND
        self._place = f"{function.file or 'function'}:{getattr(function.call, '__name__', 'function')}"
        if self._follows and table.cursor and not table.key:
            raise ConfigError(
                f"raw table '{table.name}' has a cursor and no key",
                expected="a key, so that a row that comes again after a crash replaces itself",
                where=table.where,
                hint="add key = …, or drop the cursor and yield penstock.dev.Rows(data, position=…)",
            )

    @property
    def can(self) -> SourceCan:
        kinds = frozenset(Kind) if self._follows else frozenset({Kind.SNAPSHOT})
        return SourceCan(kinds=kinds, resume=self._follows)

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        del known
        return [""]

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        del partition
        known: Mapping[str, Any] = after if self._follows and isinstance(after, dict) else {}
        pull = _Pull(Dicts(self._place), self._usual, dict(known) or None, _given(known))
        held: Batch | None = None
        begun = False
        for taken, reached, kind in self._pieces(pull, _given(known)):
            if held is not None:
                yield held
            held = self._batch(taken, reached, kind, restart=not begun and not known)
            begun = True
        final = self._final(pull, known, begun=begun)
        if held is not None:
            yield replace(held, position=final)
        elif self._usual is Kind.SNAPSHOT:
            nothing = Taken(Text([], Json(lines=True), self._place), None, (), 0)
            yield self._batch(nothing, final, Kind.SNAPSHOT, restart=True)

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        del partition
        text = "".join(row + "\n" for row in rows).encode()
        kind = Kind.UPSERT if self._table.key else Kind.APPEND
        return Batch(Text([text], Json(lines=True), self._place), None, kind)

    def close(self) -> None:
        """Nothing is open."""

    def _pieces(self, pull: _Pull, after: Any) -> Iterator[tuple[Taken, Position, Kind]]:
        """Hand over what the function gives, in pieces that make a batch each."""
        for rows in self._given(after):
            kind = Kind(rows.kind) if rows.kind else self._usual
            if kind is not pull.kind or is_table(rows.data):
                pull.flush()
            pull.kind = kind
            if is_table(rows.data):
                yield from pull.pieces
                pull.pieces.clear()
                yield from self._parts(pull, rows)
            else:
                self._take(pull, rows)
            yield from pull.pieces
            pull.pieces.clear()
        pull.flush()
        yield from pull.pieces

    def _take(self, pull: _Pull, rows: Rows) -> None:
        given = rows.data if isinstance(rows.data, list | tuple) else list(each(rows.data))
        if self._cursor:
            pull.note([row.get(self._cursor) for row in given if isinstance(row, Mapping)])
        for at in range(0, len(given), _TOGETHER):
            if pull.dicts.full:
                pull.flush()
            pull.dicts.add(given[at : at + _TOGETHER])
        pull.reached = pull.reached if rows.position is None else {"position": rows.position}
        if pull.dicts.full:
            pull.flush()

    def _parts(self, pull: _Pull, rows: Rows) -> Iterator[tuple[Taken, Position, Kind]]:
        """Hand over a table in parts; its position is the last one's."""
        held: Taken | None = None
        for part in tables(rows.data):
            if held is not None:
                yield held, pull.reached, pull.kind
            held = part
            if self._cursor:
                pull.note(column(part, self._cursor))
        pull.reached = pull.reached if rows.position is None else {"position": rows.position}
        if held is not None:
            yield held, pull.reached, pull.kind

    def _given(self, after: Any) -> Iterator[Rows]:
        """Call the function and give what comes as `Rows`; dicts that come one by one are given together."""
        what = f"raw table '{self._table.name}'"
        with self._function.told(what):
            result = self._function.call(**({"after": after} if self._follows else {}))
            things = iter(each(result))
        together: list[Any] = []
        ended = object()
        while True:
            with self._function.told(what):
                one = next(things, ended)
            plain = isinstance(one, Mapping)
            if plain:
                together.append(one)
            if together and (not plain or len(together) >= _TOGETHER):
                yield Rows(together)
                together = []
            if one is ended:
                return
            if not plain:
                yield one if isinstance(one, Rows) else Rows(one)

    def _final(self, pull: _Pull, known: Mapping[str, Any], *, begun: bool) -> Position:
        """Return the position after all that the function gave; raises `FatalError` where nothing says it."""
        if not self._follows:
            return {"done": True}
        if pull.reached is not None and pull.reached != dict(known):
            return pull.reached
        if self._cursor:
            return _kept(pull.newest)
        if begun and not known:
            raise FatalError(
                f"raw table '{self._table.name}': nothing says how far its rows reach",
                expected="a cursor, or rows yielded as penstock.dev.Rows(data, position=…)",
                where=self._table.where,
                hint="without a parameter `after`, the function is asked for all rows each time",
            )
        return pull.reached

    def _batch(self, taken: Taken, position: Position, kind: Kind, *, restart: bool) -> Batch:
        return Batch(
            rows=taken.rows,
            position=position,
            kind=kind,
            schema=taken.schema,
            rejects=taken.rejects,
            bytes=taken.bytes,
            restart=restart and kind is Kind.SNAPSHOT,
        )


def _given(known: Mapping[str, Any]) -> Any:
    """Return what the function is handed as `after`."""
    if "cursor" in known:
        read = _READ_BACK.get(known.get("type", ""))
        return read(known["cursor"]) if read else known["cursor"]
    return known.get("position")


def _kept(newest: Any) -> Position:
    """Return the position for a cursor's value."""
    if newest is None:
        return None
    if isinstance(newest, date):
        kind = "datetime" if isinstance(newest, datetime) else "date"
        return {"cursor": newest.isoformat(), "type": kind}
    if not isinstance(newest, str | int | float):
        raise FatalError("the cursor is no number, text, date or instant", got=repr(newest)[:200])
    return {"cursor": newest}
