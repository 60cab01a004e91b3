"""A warehouse of its own for each test, and short ways to load it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from penstock.engines.duck import DuckEngine, open_engine
from penstock.model.change import Change, Staged
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.shape import Shape
from penstock.protocols.engine import Replay, Target
from penstock.protocols.source import Batch, File, Format, Scan, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class Warehouse:
    """An engine, and what tests do with it all the time."""

    engine: DuckEngine
    folder: Path
    attempts: int = 0

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        found = self.engine.read(Query(text))
        try:
            return found.fetch()
        finally:
            found.close()

    def types(self, table: str) -> dict[str, str]:
        """Return a table's columns."""
        return self.engine.relations()[table].schema.types

    def file(self, name: str, content: bytes, compression: str = "") -> File:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content)
        stat = path.stat()
        return File(str(path), stat.st_size, stat.st_mtime_ns, compression)

    def scan(self, name: str, content: bytes, form: Format, table: str = "raw.t", **shape: Any) -> int:
        """Load a whole file; returns how many rows were rejected."""
        batch = Batch(Scan((self.file(name, content),), form), {"at": 1})
        return self.load(batch, table, name, **shape)

    def text(self, content: bytes, form: Format, table: str = "raw.t", **shape: Any) -> int:
        """Load a text; returns how many rows were rejected."""
        return self.load(Batch(Text([content], form, "text"), {"at": 1}), table, "text", **shape)

    def load(self, batch: Batch, table: str, partition: str, **shape: Any) -> int:
        """Load a batch as ingest does, begun anew where the engine asks for it."""
        wanted = Shape(table, **shape)
        reading = self.engine.prepare(batch, wanted, partition)
        try:
            while True:
                txn = self.engine.begin()
                self.attempts += 1
                try:
                    target = Target(table, self.engine.relations().get(table), "1:x")
                    change = txn.load(reading, wanted, partition, target)
                    if change.relation.physical:
                        txn.apply(change)
                    rejected = txn.rejected()
                    positions = {(table, partition): batch.position}
                    txn.commit(Commit(txn.version, AT, "run", positions=positions))
                except Replay:
                    txn.rollback()
                except BaseException:
                    txn.rollback()
                    raise
                else:
                    return rejected
        finally:
            reading.close()

    def do(self, work: Callable[[Any], Change]) -> Change:
        """Apply the change that `work` computes in a transaction."""
        txn = self.engine.begin()
        try:
            change = work(txn)
            txn.apply(change)
            txn.commit(Commit(txn.version, AT, "run"))
        except BaseException:
            txn.rollback()
            raise
        return change

    def staged(self, txn: Any, text: str) -> Staged:
        """Stage a query."""
        from penstock.model.step import Compute

        found: Staged = txn.run(Compute(Query(text)))
        return found


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """An empty warehouse in a file."""
    engine = open_engine(tmp_path / "w.duckdb")
    yield Warehouse(engine, tmp_path)
    engine.close()
