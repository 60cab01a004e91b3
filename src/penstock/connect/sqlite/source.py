"""Reads a table, a view or a query of a SQLite file in one consistent transaction: whole, or by a cursor."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, FatalError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.connect.sqlite import arrays, columns
from penstock.connect.sqlite.database import (
    columns_of,
    names_of,
    open_readonly,
    path_of,
    quoted,
    told,
    version_of,
)
from penstock.protocols.source import Arrow, Batch, Json, Kind, Reject, SourceCan, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.connect.sqlite.columns import Target
    from penstock.model.position import Position
    from penstock.model.source import RawTable
    from penstock.protocols.source import Context

_CHUNK_ROWS = 500
_BATCH_BYTES = 16_000_000
_ROWS_A_PIECE = 122_880
_QUERY = "temp.penstock_query"


@record
class Plan:
    """How the relation is read: its columns, what stands behind them in each row, and what orders it.

    `place` and `at` are the positions within a row of the row id and of the cursor's value.
    """

    relation: str
    columns: tuple[Target, ...]
    extras: tuple[str, ...]
    place: int | None
    at: int | None
    order: str

    @property
    def select(self) -> str:
        """The select without its condition."""
        listed = ", ".join([*(c.expression for c in self.columns), *self.extras])
        return f"select {listed} from {self.relation}"


@dataclass(slots=True)
class _Gathered:
    """The rows of one batch as they come in: pieces in Arrow form, and the rows that fitted no column."""

    pieces: list[Any] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0
    last: tuple[Any, ...] = ()


class SqliteSource:
    """One table, view or query; its position says which state of the file is in, or how far the cursor came."""

    def __init__(self, table: RawTable, context: Context) -> None:
        self._table = table
        self._context = context
        self._path = path_of(table.connection, context.root)
        self._timeout = float(table.connection.options.get("timeout", 2))
        self._query = str(table.options.get("query", "")).strip().rstrip(";")
        if bool(self._query) == bool(table.read):
            raise ConfigError(
                f"raw table '{table.name}' needs one of `read` and `query`",
                expected="read = a table or view, or query = a select",
                where=table.where,
            )
        self._db: sqlite3.Connection | None = None

    @property
    def can(self) -> SourceCan:
        by_cursor = Kind.UPSERT if self._table.key else Kind.APPEND
        return SourceCan(kinds=frozenset({by_cursor if self._table.cursor else Kind.SNAPSHOT}))

    def partitions(self, known: Sequence[str]) -> Sequence[str]:
        del known
        return [""]

    def read(self, partition: str, after: Position) -> Iterator[Batch]:
        del partition
        known: Mapping[str, Any] = after if isinstance(after, dict) else {}
        if not self._path.is_file():
            open_readonly(self._path, self._timeout)
        version = version_of(self._path, self._context.clock.now(), self._about())
        if version and known.get("version") == version and "row" not in known:
            return
        with self._transaction() as db:
            plan = self._plan(db)
            if self._table.cursor:
                yield from self._changed(db, plan, known, version)
            else:
                yield from self._whole(db, plan, known, version)

    def again(self, rows: Sequence[str], partition: str) -> Batch:
        del partition
        with self._transaction() as db:
            schema = columns.schema_of(self._plan(db).columns)
        return Batch(
            rows=Text([(row + "\n").encode() for row in rows], Json(lines=True, columns=schema)),
            position=None,
            kind=Kind.UPSERT if self._table.key else Kind.APPEND,
            schema=schema,
        )

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _about(self) -> str:
        table = self._table
        types = sorted(table.columns.types.items()) if table.columns else []
        return repr((table.read, self._query, table.key, table.cursor, types))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Open the file, if it is not open yet, and hold one state of it."""
        if self._db is None:
            self._db = open_readonly(self._path, self._timeout)
        db = self._db
        with told(self._path):
            db.execute("begin")
            try:
                db.execute("select 1 from sqlite_master limit 1").fetchone()
                yield db
            finally:
                if self._db is db and db.in_transaction:
                    db.execute("rollback")

    # What is read ------------------------------------------------------------------------------------------

    def _plan(self, db: sqlite3.Connection) -> Plan:
        relation = self._relation(db)
        described = columns_of(db, "penstock_query" if self._query else self._table.read)
        names = [name for name, _, _ in described]
        for needed in (*self._table.key, *filter(None, [self._table.cursor])):
            if needed.lower() not in [name.lower() for name in names]:
                raise FatalError(
                    f"raw table '{self._table.name}': {self._path.name} has no column '{needed}' in "
                    f"{self._table.read or 'its query'}",
                    where=self._table.at("key" if needed in self._table.key else "cursor"),
                    hint=did_you_mean(needed, names),
                )
        wanted = {c.name.lower(): c.type for c in self._table.columns or ()}
        for cleaned in self._table.clean:
            wanted.pop(cleaned.lower(), None)
        found = columns.targets(db, relation, [(name, kind) for name, kind, _ in described], wanted)
        return self._with_extras(db, relation, found, described)

    def _relation(self, db: sqlite3.Connection) -> str:
        if self._query:
            db.execute(f"drop view if exists {_QUERY}")
            try:
                db.execute(f"create temp view penstock_query as {self._query}")
                db.execute(f"select * from {_QUERY} limit 0")
            except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
                if getattr(error, "sqlite_errorname", "") not in ("SQLITE_ERROR", "", None):
                    raise
                raise FatalError(
                    f"raw table '{self._table.name}': SQLite refuses its query: {error}",
                    where=self._table.at("query"),
                ) from error
            return _QUERY
        names = names_of(db)
        if self._table.read.lower() not in [name.lower() for name in names]:
            raise FatalError(
                f"{self._path.name} has no table or view '{self._table.read}'",
                where=self._table.at("read"),
                hint=did_you_mean(self._table.read, names),
            )
        return "main." + quoted(self._table.read)

    def _with_extras(
        self,
        db: sqlite3.Connection,
        relation: str,
        found: tuple[Target, ...],
        described: Sequence[tuple[str, str, int]],
    ) -> Plan:
        """Settle what each row carries beside its columns: the row id as its place, the cursor as it stands."""
        extras: list[str] = []
        lowered = [target.name.lower() for target in found]
        row_id = _row_id(db, relation, described)
        place = None
        if row_id:
            names = [quoted(name) for name in lowered]
            alias = row_id.lower() in names
            place = names.index(row_id.lower()) if alias else len(found)
            extras += [] if alias else [row_id]
        at = None
        if self._table.cursor:
            at = lowered.index(self._table.cursor.lower())
            if not found[at].plain:
                at = len(found) + len(extras)
                extras.append(quoted(self._table.cursor))
        order = quoted(self._table.cursor) if self._table.cursor else row_id
        return Plan(relation, found, tuple(extras), place, at, order)

    # Whole ---------------------------------------------------------------------------------------------------

    def _whole(self, db: sqlite3.Connection, plan: Plan, known: Mapping[str, Any], version: str) -> Iterator[Batch]:
        goes_on = bool(version) and known.get("version") == version and bool(plan.order)
        row = known.get("row") if goes_on else None
        where = f" where {plan.order} > ?" if row is not None else ""
        order = f" order by {plan.order}" if plan.order else ""
        rows = _rows(db, plan.select + where + order, () if row is None else (row,))
        first = row is None
        for gathered, ended in self._gathered(plan, rows, always=True):
            reached: dict[str, Position] = {"version": version}
            if not ended:
                reached["row"] = gathered.last[plan.place] if plan.place is not None and version else None
            yield self._batch(plan, gathered, Kind.SNAPSHOT, reached, restart=first)
            first = False

    # By the cursor -------------------------------------------------------------------------------------------

    def _changed(self, db: sqlite3.Connection, plan: Plan, known: Mapping[str, Any], version: str) -> Iterator[Batch]:
        """Read what the cursor says is new, and what stands at its last value or at none, if that changed."""
        kind = Kind.UPSERT
        if not self._table.key:
            self._refuse_ties(db)
            kind = Kind.APPEND
        cursor, last = quoted(self._table.cursor), known.get("at")
        parts, values = [f"{cursor} > ?"], [last]
        if last is None:
            parts, values = ["true"], []
        elif kind is Kind.UPSERT:
            if _digest(db, plan, f"{cursor} = ?", [last]) != known.get("ties"):
                parts = [f"{cursor} >= ?"]
            if _digest(db, plan, f"{cursor} is null", []) != known.get("nulls"):
                parts.append(f"{cursor} is null")
        rows = _rows(db, f"{plan.select} where {' or '.join(parts)} order by {plan.order}", values)
        for gathered, ended in self._gathered(plan, rows, always=not known):
            reached = self._value(plan, gathered.last)
            position: dict[str, Position] = {"at": last if reached is None else reached}
            if ended:
                position["version"] = version
                position["ties"] = _digest(db, plan, f"{cursor} = ?", [position["at"]])
                position["nulls"] = _digest(db, plan, f"{cursor} is null", [])
            yield self._batch(plan, gathered, kind, position)

    def _value(self, plan: Plan, row: tuple[Any, ...]) -> Any:
        value = row[plan.at] if row and plan.at is not None else None
        if isinstance(value, bytes):
            raise FatalError(
                f"raw table '{self._table.name}': the cursor '{self._table.cursor}' holds a blob",
                expected="a number or a text that grows",
            )
        return value

    def _refuse_ties(self, db: sqlite3.Connection) -> None:
        """Without a key, rows of an equal cursor value that come later could not be told from those that are in."""
        if not self._query and _is_unique(db, self._table.read, self._table.cursor):
            return
        raise ConfigError(
            f"raw table '{self._table.name}' has a cursor and no key",
            expected="a key, or a cursor column that is unique and not null",
            got=f"'{self._table.cursor}', of which several rows may have the same value",
            where=self._table.at("cursor"),
            hint="add key = the columns that tell a row from all others",
        )

    # Rows into batches ---------------------------------------------------------------------------------------

    def _gathered(
        self, plan: Plan, chunks: Iterator[list[tuple[Any, ...]]], *, always: bool
    ) -> Iterator[tuple[_Gathered, bool]]:
        """Gather chunks into batches of bounded size, each with whether it is the last; `always` at least one."""
        gathered, seen = _Gathered(), 0
        for rows in chunks:
            if gathered.size >= _BATCH_BYTES:
                yield gathered, False
                gathered = _Gathered()
            self._take(plan, gathered, rows, seen)
            seen += len(rows)
        if not seen and always:
            self._take(plan, gathered, [], 0)
        if seen or always:
            yield gathered, True

    def _take(self, plan: Plan, into: _Gathered, rows: list[tuple[Any, ...]], seen: int) -> None:
        from arro3.core import RecordBatch

        try:
            made = _built(plan.columns, rows)
        except arrays.MISFIT:
            reasons = _misfits(plan.columns, rows)
            for at, reason in reasons.items():
                into.rejects.append(self._reject(plan, rows[at], reason, seen + at))
                into.size += len(into.rejects[-1].row)
            into.last = rows[-1]
            rows = [row for at, row in enumerate(rows) if at not in reasons]
            made = _built(plan.columns, rows)
        piece = RecordBatch.from_arrays(made, names=[c.name for c in plan.columns])
        into.pieces.append(piece)
        into.size += piece.nbytes
        into.last = rows[-1] if rows else into.last

    def _reject(self, plan: Plan, row: tuple[Any, ...], reason: str, number: int) -> Reject:
        raw = {c.name: _shown(v) for c, v in zip(plan.columns, row, strict=False)}
        place = f"rowid {row[plan.place]}" if plan.place is not None else f"row {number + 1}"
        of = self._table.read or "query"
        return Reject(json.dumps(raw, ensure_ascii=True), reason, f"{self._path.name}:{of} {place}")

    def _batch(
        self, plan: Plan, gathered: _Gathered, kind: Kind, position: Position, *, restart: bool = False
    ) -> Batch:
        from arro3.core import Table

        schema = columns.schema_of(plan.columns)
        table = Table.from_batches(gathered.pieces).rechunk(max_chunksize=_ROWS_A_PIECE)
        return Batch(
            rows=Arrow(table),
            position=position,
            kind=kind,
            schema=schema,
            rejects=tuple(gathered.rejects),
            bytes=gathered.size,
            restart=restart,
        )


def _built(targets: Sequence[Target], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    values: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(targets)
    return [target.build(column) for target, column in zip(targets, values, strict=False)]


def _misfits(targets: Sequence[Target], rows: Sequence[tuple[Any, ...]]) -> dict[int, str]:
    """Find the rows that fit no column's type, each with the first reason."""
    reasons: dict[int, str] = {}
    for target, values in zip(targets, zip(*rows, strict=True), strict=False):
        try:
            target.build(values)
        except arrays.MISFIT:
            for at, value in enumerate(values):
                if at not in reasons and not _fits(target, value):
                    shown = "a blob" if isinstance(value, bytes) else repr(value)[:200]
                    reasons[at] = f"column '{target.name}': {shown} is no {target.type}"
    return reasons


def _fits(target: Target, value: Any) -> bool:
    try:
        target.build((value,))
    except arrays.MISFIT:
        return False
    return True


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return "".join(f"\\x{byte:02X}" for byte in value)
    return value


def _rows(db: sqlite3.Connection, statement: str, values: Sequence[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Hand over rows in small lists, which stay in the processor's cache while they become columns."""
    given = 0
    db.text_factory = str
    found = db.execute(statement, values)
    while True:
        try:
            rows = found.fetchmany(_CHUNK_ROWS)
        except sqlite3.OperationalError as error:
            if "decode" not in str(error) or db.text_factory is not str:
                raise
            # Text that is no UTF-8: from here on, such a text is kept in a form that no column takes.
            db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            found = db.execute(f"{statement} limit -1 offset {given}", values)
            continue
        if not rows:
            return
        given += len(rows)
        yield rows


def _row_id(db: sqlite3.Connection, relation: str, described: Sequence[tuple[str, str, int]]) -> str:
    """Return the name under which a relation's row id can be read, or "" where it has none."""
    if relation == _QUERY:
        return ""
    keys = [(name, kind) for name, kind, at in described if at]
    if len(keys) == 1 and keys[0][1].upper() == "INTEGER":
        return quoted(keys[0][0])
    taken = {name.lower() for name, _, _ in described}
    name = next((n for n in ("rowid", "_rowid_", "oid") if n not in taken), "")
    try:
        kind = db.execute(f"select typeof({name}) from {relation} limit 1").fetchone() if name else None
    except sqlite3.OperationalError:
        return ""
    return name if kind is None or kind[0] == "integer" else ""


def _is_unique(db: sqlite3.Connection, table: str, column: str) -> bool:
    """Tell whether a column is unique and never null; a primary key may be null here, unless it is the row id."""
    required = {row[1].lower() for row in db.execute(f"pragma table_info({quoted(table)})") if row[3]}
    keys = [(name.lower(), kind.upper()) for name, kind, at in columns_of(db, table) if at]
    if [name for name, _ in keys] == [column.lower()]:
        return keys[0][1] == "INTEGER" or column.lower() in required
    for index in db.execute(f"pragma index_list({quoted(table)})").fetchall():
        parts = [row[2] for row in db.execute(f"pragma index_info({quoted(index[1])})")]
        if index[2] and not index[4] and len(parts) == 1 and (parts[0] or "").lower() == column.lower():
            return column.lower() in required
    return False


def _digest(db: sqlite3.Connection, plan: Plan, condition: str, values: Sequence[Any]) -> str:
    """Return a text that tells whether the same rows stand under a condition; "" for none."""
    order = ", ".join(str(n + 1) for n in range(len(plan.columns)))
    found, digest = False, sha256()
    for rows in _rows(db, f"{plan.select} where {condition} order by {order}", values):
        found = True
        digest.update(repr(rows).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32] if found else ""
