"""Results: lazily read rows of a query, as Arrow or as Python values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from penstock.engines.duck.errors import translated
from penstock.engines.duck.words import ident, schema_of

if TYPE_CHECKING:
    import duckdb

    from penstock.model.queryplan import PlanStep
    from penstock.model.relation import Query
    from penstock.model.schema import Schema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FOREVER = 2**63 - 1


class Capsule:
    """Shows nothing of an object but its Arrow schema and stream: another instance can then scan it.

    DuckDB asks for the schema several times and, where there is none to be had, opens a stream each time; with this
    the rows are computed, and a reader that can be read only once is read, just once. `like` gives the schema where
    the rows would have to be looked at for it, as a text whose types were guessed would be.
    """

    def __init__(self, rows: Any, like: Any = None) -> None:
        if not hasattr(rows, "limit") and not hasattr(rows, "__arrow_c_schema__"):
            from arro3.core import RecordBatchReader

            rows = RecordBatchReader.from_stream(rows)
        self._rows = rows
        self._like = rows if like is None else like
        self._schema: Any = None

    def __arrow_c_schema__(self) -> Any:
        """Give the columns as a PyCapsule of an Arrow C schema."""
        if self._schema is None:
            self._schema = schema_capsule(self._like)
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Give the rows as a PyCapsule of an Arrow C stream."""
        return self._rows.__arrow_c_stream__()


def typed(con: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation) -> Capsule:
    """Return a relation that can cross, with a schema made of its types: to bind it again would guess them again."""
    pairs = zip(relation.columns, relation.types, strict=True)
    columns = ", ".join(f"cast(null as {kind}) as {ident(name)}" for name, kind in pairs)
    return Capsule(relation, con.sql(f"select {columns}"))


def schema_capsule(rows: Any) -> Any:
    """Return an object that gives the Arrow schema of rows without computing them."""
    if hasattr(rows, "limit") and not hasattr(rows, "__arrow_c_schema__"):
        from arro3.core import RecordBatchReader

        return RecordBatchReader.from_stream(rows.limit(0)).schema
    return rows


def lazily(con: duckdb.DuckDBPyConnection, text: str, query: Query) -> duckdb.DuckDBPyRelation:
    """Return a select as a relation that runs when it is read; a mistake in it is raised with its line."""
    import duckdb

    try:
        return con.sql(text)
    except duckdb.Error:
        with translated(query, 1 + text.count("\n") - query.text.count("\n")):
            con.execute(f"describe\n{text}")  # says the same with the line, which `sql` leaves out
        raise


class DuckRows:
    """The rows of a query that runs on a connection; closing it lets go of that where it is a cursor of its own."""

    def __init__(
        self, relation: duckdb.DuckDBPyRelation, query: Query, con: duckdb.DuckDBPyConnection, *, own: bool = False
    ) -> None:
        self._relation: duckdb.DuckDBPyRelation | None = relation
        self._query = query
        self._con = con
        self._own = own
        self._open = Lock()
        self._schema = schema_of(relation.columns, relation.types)

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        return self._schema

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Give the rows as a PyCapsule of an Arrow C stream."""
        with translated(self._query):
            return self.native().__arrow_c_stream__()

    def __arrow_c_schema__(self) -> Any:
        """Give the columns as a PyCapsule of an Arrow C schema."""
        with translated(self._query):
            return schema_capsule(self.native()).__arrow_c_schema__()

    def native(self) -> duckdb.DuckDBPyRelation:
        """Return DuckDB's own relation."""
        if self._relation is None:
            raise ValueError("the result is closed")
        return self._relation

    def fetch(self, limit: int | None = None) -> list[tuple[Any, ...]]:
        """Return rows as Python values; instants are in UTC, nested ones are texts."""
        instants = [i for i, c in enumerate(self._schema) if c.type == "timestamptz"]
        relation = self.native()
        with translated(self._query):
            if any("timestamptz" in c.type or c.type == "timetz" for c in self._schema):
                relation = relation.project(", ".join(_fetchable(c.name, c.type) for c in self._schema))
            if limit is not None:
                relation = relation.limit(limit)
            rows = relation.fetchall()
        return [_with_instants(row, instants) for row in rows] if instants else rows

    def plan(self, *, measure: bool = False) -> PlanStep:
        """Return how DuckDB would compute it, or with `measure` how it did."""
        from penstock.engines.duck.plans import plan

        with translated(self._query):
            return plan(self.native(), measure=measure)

    def stop(self) -> None:
        """Stop whoever reads it in another thread."""
        with self._open:
            if self._relation is not None:
                self._con.interrupt()

    def close(self) -> None:
        """Let go of the result."""
        with self._open:
            self._relation = None
            if self._own:
                self._con.close()


def _fetchable(name: str, kind: str) -> str:
    if kind == "timestamptz":
        return f"epoch_us({ident(name)}) as {ident(name)}"
    if "timestamptz" in kind or kind == "timetz":
        return f"cast({ident(name)} as varchar) as {ident(name)}"
    return ident(name)


def _with_instants(row: tuple[Any, ...], instants: list[int]) -> tuple[Any, ...]:
    values = list(row)
    for at in instants:
        micros = values[at]
        if micros is not None:
            try:
                values[at] = _EPOCH + timedelta(microseconds=micros)
            except OverflowError:
                values[at] = "infinity" if micros >= _FOREVER - 1 else f"{micros} us after 1970"
    return tuple(values)
