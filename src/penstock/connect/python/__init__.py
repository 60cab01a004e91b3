"""Python functions of the project: a source of whatever they give, and a sink that hands them a table's changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.option import Option, Options

if TYPE_CHECKING:
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source

_WHERE = (
    Option("file", "the file of the project that has the function"),
    Option("function", "the function's name"),
)


class PythonConnector:
    """Functions under `@source` and `@sink`; tests may give the `callable` itself."""

    options = Options(source=_WHERE, sink=_WHERE)

    def source(self, table: RawTable, context: Context) -> Source:
        """Call a function for rows: dicts, lists of dicts, Arrow, Polars or pandas tables, or `Rows` of these."""
        from penstock.connect.python.function import found
        from penstock.connect.python.source import PythonSource

        return PythonSource(table, found(table.options, context.root, table.name, table.where))

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Call a function with the rows that came."""
        from penstock.connect.python.function import found
        from penstock.connect.python.sink import PythonSink

        return PythonSink(sink, context, found(sink.options, context.root, sink.name, sink.where))


CONNECTOR = PythonConnector()
