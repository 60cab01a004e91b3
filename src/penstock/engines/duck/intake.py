"""The intake instance: in memory, the only one that touches files; it runs only SQL that we made."""

from __future__ import annotations

import errno
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb

from penstock.base.errors import FatalError, PlanError, RetryableError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.engines.duck import cut as cutting
from penstock.engines.duck import guess, read_csv, read_json, read_lines
from penstock.engines.duck.errors import translated
from penstock.engines.duck.hands import ONE, Hands
from penstock.engines.duck.known import make_known
from penstock.engines.duck.rows import Capsule, typed
from penstock.engines.duck.words import ident, literal, schema_of
from penstock.model.names import HIDDEN
from penstock.model.schema import Schema, widen
from penstock.protocols.source import Arrow, Batch, Csv, File, Json, Lines, Parquet, Scan, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.model.shape import Shape

_numbers = itertools.count(1)
_PACKED = 6  # times smaller than text is what was compressed, about
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_Parts: TypeAlias = "tuple[cutting.Cut, dict[str, str]]"


class Unfit(Exception):  # noqa: N818
    """The quick way in does not do for this batch: it has to be read carefully."""


@record
class Opened:
    """A batch ready to cross: its columns, its rows, and its rejects (place, row, reason) where there are any."""

    schema: Schema
    rows: Any
    rejects: Any = None
    release: Callable[[], None] | None = None


@record
class Piece:
    """A file to parse: where it is, what it is called to people, and the number of its first line."""

    path: str
    file: File
    name: str
    first: int = 1


@dataclass
class Reading:
    """A batch that can be opened again and again, quickly first, carefully once that failed."""

    intake: Intake
    batch: Batch
    shape: Shape
    partition: str
    careful: bool = False
    whole: bool = False
    spooled: Path | None = None
    _opened: list[str] = field(default_factory=list)

    def open(self, have: Schema | None, required: tuple[str, ...]) -> Opened:
        """Open the batch for a table with these columns (None: a new one); `required` columns may not be null."""
        rows = self.batch.rows
        self.intake.hands.fit(size=self.size)
        if isinstance(rows, Arrow):
            return self._cleaned_arrow(rows) if self.shape.clean else Opened(self.batch.schema or Schema(), rows.rows)
        piece = self._piece(rows)
        if piece.file.size == 0:
            return Opened(Schema(), None)
        with translated(subject=piece.name):
            if not self.careful and not self.shape.clean and not isinstance(rows.format, Lines):
                try:
                    return self._quick(piece, have)
                except (duckdb.Error, Unfit):
                    self.careful = True
                except read_csv.Blank:
                    return Opened(Schema(), None)
            try:
                return self._careful(piece, have, required)
            except read_csv.Blank:
                return Opened(Schema(), None)

    def _cleaned_arrow(self, rows: Arrow) -> Opened:
        con, view = self.intake.con, f"typed_{next(_numbers)}"
        con.register(view, Capsule(rows.rows))
        try:
            return self._cleaned(view, self.batch.schema)
        finally:
            con.unregister(view)

    def _cleaned(self, call: str, known: Schema | None) -> Opened:
        """Take rows that are typed already through the cleaning functions; what they refuse is set aside as JSON."""
        con, table = self.intake.con, f"cut_{next(_numbers)}"
        self._opened.append(table)
        schema = known or columns_of(con, f"select * from {call}")
        _known(self.shape, schema)
        casts = ", ".join(f"cast({ident(c.name)} as {c.type}) as {ident(c.name)}" for c in schema)
        con.execute(
            f"create or replace temp table {table} as select row_number() over () as _n, "
            f"to_json(r)::varchar as _raw, {casts} from {call} as r"
        )
        fields = tuple(cutting.Field(c.name, c.type, ident(c.name)) for c in schema)
        texts = {c.name: f"cast({ident(c.name)} as varchar)" for c in schema}
        cut = cutting.Cut(table, fields, literal(self.partition or self.shape.table))
        cut = cutting.dressed(cut, self.shape.clean, texts, ())
        make_known(con, cutting.good(cut), self.intake.known)
        rejects = Capsule(con.sql(cutting.bad(cut)))
        return Opened(_public(cut.schema, self.shape.table), Capsule(con.sql(cutting.good(cut))), rejects)

    @property
    def size(self) -> int:
        """About how many bytes of text the batch holds."""
        rows = self.batch.rows
        packed = isinstance(rows, Scan) and (isinstance(rows.format, Parquet) or any(f.compression for f in rows.files))
        return self.batch.bytes * (_PACKED if packed else 1)

    def failed(self) -> bool:
        """Note that crossing failed; tells whether another, careful, attempt makes sense."""
        if self.careful or isinstance(self.batch.rows, Arrow) or isinstance(self.batch.rows.format, Parquet):
            return False
        lines = isinstance(self.batch.rows.format, Json) and self.batch.rows.format.lines
        self.whole, self.careful = True, not lines or self.whole
        return True

    def verify(self) -> None:
        """Raise `RetryableError` when a file changed while it was read."""
        if isinstance(self.batch.rows, Scan):
            for file in self.batch.rows.files:
                now = Path(file.path).stat()
                if (now.st_size, now.st_mtime_ns) != (file.size, file.mtime_ns):
                    raise RetryableError("the file changed while it was read", where=file.path)

    def close(self) -> None:
        """Drop what was spooled or cut."""
        for table in self._opened:
            self.intake.con.execute(f"drop table if exists {table}; drop table if exists {table}_bad")
        self._opened.clear()
        if self.spooled is not None:
            self.spooled.unlink(missing_ok=True)
            self.spooled = None

    def _piece(self, rows: Scan | Text) -> Piece:
        if isinstance(rows, Scan):
            if len(rows.files) != 1:
                raise FatalError("a scan is of one file", got=str(len(rows.files)))
            file = rows.files[0]
            return Piece(file.path, file, self.partition or file.path)
        assert self.spooled is not None  # noqa: S101
        path = str(self.spooled)
        return Piece(path, File(path, self.spooled.stat().st_size, 0), rows.name or self.partition, rows.first_line)

    def _quick(self, piece: Piece, have: Schema | None) -> Opened:
        con, wanted = self.intake.con, self._format()
        path, file = piece.path, piece.file
        if isinstance(wanted, Csv):
            how = read_csv.dialect(con, path, file, wanted, piece.name)
            types = _resolve(how.types, have, self._declared())
            if types is None:
                raise Unfit
            sql = read_csv.strict(path, how, types)
        elif isinstance(wanted, Json) and not wanted.records:
            kind = "newline_delimited" if wanted.lines else "array"
            if not wanted.lines and read_json.breaks_off(con, path, file.compression):
                raise Unfit
            known = wanted.columns.types if wanted.columns else None
            if known is None and wanted.lines and not self.whole:
                relation = self._sampled(path, file.compression, have)
                if relation is not None:
                    schema = schema_of(relation.columns, relation.types)
                    return Opened(_public(schema, self.shape.table), typed(con, relation))
            found = known or read_json.describe(con, path, kind, file.compression)
            types = _resolve(found, have, self._declared())
            if types is None or (known is None and list(found) == [read_json.NO_OBJECTS]):
                raise Unfit
            if not read_json.holds(con, path, kind, file.compression, types):
                raise Unfit
            sql = read_json.strict(path, kind, file.compression, types)
        elif isinstance(wanted, Parquet):
            sql = f"select * from read_parquet({literal(path)})"
        else:
            raise Unfit
        relation = con.sql(sql)
        schema = _public(schema_of(relation.columns, relation.types), self.shape.table)
        return Opened(schema, Capsule(relation))

    def _sampled(self, path: str, compression: str, have: Schema | None) -> duckdb.DuckDBPyRelation | None:
        """Read JSON lines in one go where the types of the first rows do for all of them; a late name fails it."""
        relation = read_json.sampled(self.intake.con, path, compression)
        types = schema_of(relation.columns, relation.types).types
        plain = "json" not in " ".join(types.values()) and _resolve(dict(types), have, self._declared()) == types
        holds = plain and read_json.holds(self.intake.con, path, "newline_delimited", compression, types)
        return relation if holds else None

    def _format(self) -> Csv | Json | Lines | Parquet:
        assert not isinstance(self.batch.rows, Arrow)  # noqa: S101
        return self.batch.rows.format

    def _declared(self) -> dict[str, str]:
        wanted = self._format()
        said = dict(wanted.types) if isinstance(wanted, (Csv, Json)) else {}
        if self.shape.columns is not None:
            said |= self.shape.columns.types
        if self.batch.schema is not None:
            said |= self.batch.schema.types
        return {name.lower(): kind for name, kind in said.items()}

    def _careful(self, piece: Piece, have: Schema | None, required: tuple[str, ...]) -> Opened:
        con, wanted = self.intake.con, self._format()
        if isinstance(wanted, Parquet) and self.shape.clean:
            return self._cleaned(f"read_parquet({literal(piece.path)})", None)
        table = f"cut_{next(_numbers)}"
        self._opened.append(table)
        if isinstance(wanted, Csv):
            cut, texts = self._cut_csv(piece, wanted, have, table)
        elif isinstance(wanted, Json):
            cut, texts = self._cut_json(piece, wanted, have, table)
        elif isinstance(wanted, Lines):
            where = (piece.name, piece.first)
            read_lines.careful(con, piece.path, piece.file.compression, wanted, where, table)
            cut, texts = read_lines.cut(wanted, piece.name, piece.first, table)
        else:
            raise FatalError("the Parquet file cannot be read", where=piece.name)
        if not cut.fields:
            return Opened(Schema(), None, Capsule(con.sql(f"from {table}_bad")))
        _known(self.shape, cut.schema)
        cut = cutting.dressed(cut, self.shape.clean, texts, required)
        make_known(con, cutting.good(cut), self.intake.known)
        schema = _public(cut.schema, self.shape.table)
        rejects = con.sql(f"select * from {table}_bad union all ({cutting.bad(cut)})")
        return Opened(schema, Capsule(con.sql(cutting.good(cut))), Capsule(rejects))

    def _cut_csv(self, piece: Piece, wanted: Csv, have: Schema | None, table: str) -> _Parts:
        con = self.intake.con
        how = read_csv.dialect(con, piece.path, piece.file, wanted, piece.name)
        read_csv.careful(con, piece.path, how, (piece.name, piece.first), table)
        con.execute(f"alter table {table} add column _raw varchar")
        con.execute(f"update {table} set _raw = {read_csv.raw(how)}")
        declared = self._declared()
        types = _resolve(how.types, have, declared, force=True) or {}
        if have is None:
            free = [n for n in types if n.lower() not in declared and n.lower() not in how.fixed]
            types |= {n: guess.better(con, table, n, types[n], sniffed=how.sniffed) for n in free}
        texts = {n: ident(n) for n in types}
        return read_csv.cut(how, types, (piece.name, piece.first), table, sniffed=have is None), texts

    def _cut_json(self, piece: Piece, wanted: Json, have: Schema | None, table: str) -> _Parts:
        con, path, compression = self.intake.con, piece.path, piece.file.compression
        name, first = piece.name, piece.first
        if not wanted.lines:
            records = self.intake.path("records")
            read_json.to_lines(con, path, compression, wanted.records, str(records), name)
            path, name, first, compression = str(records), f"{name}:record", 1, ""
        read_json.careful(con, path, compression, (name, first), table)
        types = wanted.columns.types if wanted.columns is not None else self._types_of(table)
        if not wanted.lines:
            Path(path).unlink()
        resolved = _resolve(types, have, self._declared(), force=True) or {}
        return read_json.cut(resolved, read_json.place(name, first), table)

    def _types_of(self, table: str) -> dict[str, str]:
        """Return the columns that the JSON lines of a table suggest, all of them looked at."""
        con, valid = self.intake.con, self.intake.path("valid")
        con.execute(
            f"copy (select _raw from {table}) to {literal(str(valid))} "
            "(format csv, header false, delimiter '\x1f', quote '', escape '')"
        )
        empty = valid.stat().st_size == 0
        types = {} if empty else read_json.describe(con, str(valid), "newline_delimited", "", wide=True)
        valid.unlink()
        return types


def _known(shape: Shape, schema: Schema) -> None:
    unknown = [c for c in shape.clean if schema.find(c) is None]
    if unknown:
        raise PlanError(
            f"clean names the column '{unknown[0]}', which the source has not", where=shape.table,
            hint=did_you_mean(unknown[0], schema.names),
        )  # fmt: skip


def _public(schema: Schema, table: str) -> Schema:
    for column in schema:
        if column.name.lower() in HIDDEN:
            hint = "rename it in the source, or leave it out with `select`"
            raise PlanError(f"the column name '{column.name}' is reserved", where=table, hint=hint)
    return schema


def _resolve(
    found: dict[str, str], have: Schema | None, declared: dict[str, str], *, force: bool = False
) -> dict[str, str] | None:
    """Return the type to read each column with; None where a type does not fit the table's and `force` is not set."""
    types: dict[str, str] = {}
    for name, kind in found.items():
        column = have.find(name) if have is not None else None
        if name.lower() in declared:
            types[name] = declared[name.lower()]
        elif column is None:
            types[name] = kind
        else:
            fits = widen(column.type, kind)
            if fits is None and column.type != "varchar" and not force:
                return None
            types[column.name] = fits or column.type
    return types


class Intake:
    """The instance that reads and writes files; made when it is first needed."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._con: duckdb.DuckDBPyConnection | None = None
        self._hands: Hands | None = None
        self.known: set[str] = set()

    @property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The connection to it."""
        if self._con is None:
            self._con = duckdb.connect(
                config={
                    "temp_directory": str(self._scratch), "memory_limit": "40%", "TimeZone": "UTC",
                    "arrow_lossless_conversion": "true", "autoinstall_known_extensions": "false",
                    "python_enable_replacements": "false", **ONE,
                }
            )  # fmt: skip
        return self._con

    @property
    def hands(self) -> Hands:
        """How many threads it works with."""
        if self._hands is None:
            self._hands = Hands(self.con)
        return self._hands

    def prepare(self, batch: Batch, shape: Shape, partition: str) -> Reading:
        """Return a batch as something that can be opened more than once."""
        reading = Reading(self, batch, shape, partition)
        if isinstance(batch.rows, Text):
            reading.spooled = self.spool(batch.rows)
        return reading

    def path(self, word: str) -> Path:
        """Return a new path for a temporary file."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch / f"{word}-{os.getpid()}-{next(_numbers)}"

    def spool(self, text: Text) -> Path:
        """Write a text's chunks into a temporary file."""
        path = self.path("text")
        try:
            with path.open("wb") as out:
                for chunk in text.chunks:
                    out.write(chunk)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in _FULL:
                hint = "the disk is full: free some space and run again; nothing was half done"
                raise FatalError("there is no room for what was read", where=str(path), hint=hint) from error
            raise
        return path

    def close(self) -> None:
        """Let go of it."""
        if self._hands is not None:
            self._hands.close()
            self._hands = None
        if self._con is not None:
            self._con.close()
            self._con = None


def columns_of(con: duckdb.DuckDBPyConnection, view: str) -> Schema:
    """Return the columns of a table, a view or a select."""
    query = view if view.startswith("select ") else f"from {view}"
    bound = con.sql(query)  # never run, and half as dear as a query that gives no rows
    return schema_of(bound.columns, bound.types)
