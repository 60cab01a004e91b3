"""How many threads an instance works with: one for what is small, since waking another costs more than it saves."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

# Scanning so many rows takes one thread two to four milliseconds; a statement of two costs a tenth more to begin.
MANY_ROWS = 500_000
# To let the others go and to call them again costs as much as ten small statements beside them.
_SMALL_ONES = 10
# As many bytes of text hold about so many rows.
MANY_BYTES = 16_000_000
ONE: dict[str, str | bool | int | float | list[str]] = {"threads": 1}


class Hands:
    """The threads of an instance that was opened with one; safe to use from several threads."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._lock = Lock()
        self._all = False
        self._small = 0

    def fit(self, rows: int = 0, size: int = 0) -> None:
        """Work with all threads where so many rows or bytes of text are read, with one after much that is small."""
        wanted = rows >= MANY_ROWS or size >= MANY_BYTES
        self._small = 0 if wanted else self._small + 1
        if wanted == self._all or (self._all and self._small < _SMALL_ONES):
            return
        with self._lock:
            if self._cursor is None:
                self._cursor = self._con.cursor()
            self._cursor.execute("reset threads" if wanted else "set threads = 1")
            self._all = wanted

    def close(self) -> None:
        """Let go of the connection."""
        if self._cursor is not None:
            self._cursor.close()
