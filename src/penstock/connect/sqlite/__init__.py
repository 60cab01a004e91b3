"""SQLite files: a source of tables, views and queries, and a sink of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.option import Option, Options

if TYPE_CHECKING:
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source


class SqliteConnector:
    """`sqlite:path/to/file.db`, the path relative to the project's folder."""

    options = Options(
        connection=(Option("timeout", "seconds to wait for a file that another process has locked (2)", "number"),),
        source=(Option("query", "a select to read instead of a table or view"),),
        sink=(),
    )

    def source(self, table: RawTable, context: Context) -> Source:
        """Read a table, a view or a query: whole, or by its cursor."""
        from penstock.connect.sqlite.source import SqliteSource

        return SqliteSource(table, context)

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Keep a table of the file equal to ours, or add our new rows to it."""
        from penstock.connect.sqlite.sink import SqliteSink

        return SqliteSink(sink, context)


CONNECTOR = SqliteConnector()
