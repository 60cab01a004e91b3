"""DuckDB files: a sink that keeps tables of another database file, written by the engine in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.base import durable
from penstock.base.errors import ConfigError, FatalError, UnsupportedError
from penstock.model.option import Options
from penstock.protocols.sink import SinkCan

if TYPE_CHECKING:
    from penstock.model.sink import DeliveryNote, SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.export import Exporter
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source


class DuckdbConnector:
    """`duckdb:path/to/file.duckdb`, the path relative to the project's folder."""

    options = Options(sink=())

    def source(self, table: RawTable, context: Context) -> Source:  # noqa: ARG002
        """Raise `UnsupportedError`: DuckDB files are not read yet."""
        hint = 'export the table to Parquet and read that with `from = "files"`'
        raise UnsupportedError("a DuckDB file cannot be a source yet", where=str(table.where or table.name), hint=hint)

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Keep a table of the file equal to ours, or add our new rows to it."""
        if not sink.connection.address or not sink.write:
            missing = (
                "`write`, the name of a table" if sink.connection.address else "a file, such as duckdb:out/shop.duckdb"
            )
            raise ConfigError(f"a duckdb sink needs {missing}", where=sink.where)
        if context.exporter is None:
            raise FatalError("this engine cannot write DuckDB files", where=sink.name)
        return DuckdbSink(sink, context, context.exporter)


class DuckdbSink:
    """A table in another DuckDB file; its rows and its epoch come in one transaction, when it is committed.

    The rows that are staged are read then, so they must stay readable until `commit`.
    """

    def __init__(self, sink: SinkTable, context: Context, exporter: Exporter) -> None:
        self._sink = sink
        self._exporter = exporter
        self._path = context.root / sink.connection.address
        self._staged: tuple[DeliveryNote, Any, Any] | None = None

    @property
    def can(self) -> SinkCan:
        return SinkCan(modes=frozenset({"mirror", "append"}))

    def epoch(self) -> int | None:
        return self._exporter.database_epoch(self._path, self._sink.name) if self._path.exists() else None

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        self._fence(note.epoch)
        durable.make_folder(self._path.parent)
        self._staged = (note, plus, minus)

    def commit(self, epoch: int) -> None:
        staged, self._staged = self._staged, None
        if self._fence(epoch):
            return
        if staged is None or staged[0].epoch != epoch:
            raise FatalError(f"epoch {epoch} was never staged", where=str(self._path))
        note, plus, minus = staged
        self._exporter.write_database(self._path, note, self._sink.write, plus, minus)

    def close(self) -> None:
        self._staged = None

    def _fence(self, epoch: int) -> bool:
        """Tell whether an epoch is already there; raises `FatalError` when a newer one is."""
        there = self.epoch()
        if there is not None and there > epoch:
            raise FatalError(
                "the target is newer than this delivery", where=str(self._path), expected=f"at most epoch {epoch}",
                got=f"epoch {there}",
                hint="another warehouse writes here too, or this one was reset: write to another file",
            )  # fmt: skip
        return there == epoch


CONNECTOR = DuckdbConnector()
