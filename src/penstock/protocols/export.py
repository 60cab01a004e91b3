"""The export protocol: rows written outside the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from penstock.model.sink import DeliveryNote


class Exporter(Protocol):
    """Writes rows outside the warehouse: files, and databases of the engine's own kind."""

    def write_file(self, rows: Any, path: Path, format: str, options: Mapping[str, Any]) -> int:  # noqa: A002
        """Write a file (`parquet`, `csv`), flushed to the disk; returns the number of rows."""
        ...

    def write_database(self, path: Path, note: DeliveryNote, target: str, plus: Any, minus: Any) -> None:
        """Bring a table in a database file to `note.epoch` in one transaction with the epoch itself."""
        ...

    def database_epoch(self, path: Path, sink: str) -> int | None:
        """Return the epoch that a sink has in a database file, or None."""
        ...
