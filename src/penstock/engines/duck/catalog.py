"""What is known of the warehouse at its last version, kept beside it so that no query has to ask."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from penstock.engines.duck import history, layout
from penstock.engines.duck.known import make_known
from penstock.engines.duck.words import SYSTEM
from penstock.model.position import decode

if TYPE_CHECKING:
    import duckdb

    from penstock.engines.duck.state import State


class Catalog:
    """Relations, positions and counters as of the last commit.

    `lock` is held while a commit becomes known: who holds it too sees the warehouse and this at the same version.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self.lock = RLock()
        self.version, self.next_rid = layout.counters(con)
        self.relations = layout.relations(con)
        self.positions = layout.positions(con)
        self._graves: set[str] | None = None if self.version else set()
        self._functions: set[str] = set()
        self._refused: dict[str, str] | None = None
        self._floors: dict[str, int] | None = None
        self._rows: int | None = None

    @property
    def with_graves(self) -> set[str]:
        """The storages that have lost rows."""
        with self.lock:
            if self._graves is None:
                with self._con.cursor() as cursor:
                    rows = cursor.execute(
                        "select table_name from duckdb_tables() "
                        "where schema_name = ? and ends_with(table_name, '_gone')",
                        [SYSTEM],
                    ).fetchall()
                self._graves = {row[0].removesuffix("_gone") for row in rows}
            return self._graves

    @property
    def refused(self) -> dict[str, str]:
        """The fingerprint of the definition that each table was rolled back from."""
        with self.lock:
            if self._refused is None:
                self._refused = history.refused(self._con)
            return self._refused

    @property
    def floors(self) -> dict[str, int]:
        """The first version at which a table can be read, of those from which something was vacuumed."""
        with self.lock:
            if self._floors is None:
                self._floors = history.floors(self._con)
            return self._floors

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        if self._rows is None:
            self._rows = sum(relation.rows for relation in self.relations.values())
        return self._rows

    def vacuumed(self) -> None:
        """Commit what a vacuum did, and forget what it may have changed."""
        with self.lock:
            self._con.execute("commit")
            self.relations = layout.relations(self._con)
            self._graves = self._floors = None

    def make_known(self, con: duckdb.DuckDBPyConnection, text: str) -> None:
        """Make the cleaning functions that a text uses known to the warehouse, by the connection that changes it."""
        make_known(con, text, self._functions)

    def take(self, version: int, state: State) -> None:
        """Take over what a transaction did."""
        self.version, self.next_rid = version, state.next_rid
        self.relations = {**self.relations, **state.relations}
        self._rows = None
        known = {source: at for source, at in self.positions.items() if source not in state.outlived}
        for (source, partition), text in state.positions.items():
            known[source] = {**known.get(source, {}), partition: decode(text)}
        self.positions = known
        if self._graves is not None:
            self._graves = self._graves | state.with_graves
        if state.refusals:
            self._refused = None

    def undone(self) -> None:
        """Forget what a transaction that was rolled back may have made."""
        self._functions.clear()
