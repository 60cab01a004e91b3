"""Logs: lines of web servers, of syslog, of JSON or of one's own form, followed over rotation and compression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import UnsupportedError
from penstock.model.option import Option, Options

if TYPE_CHECKING:
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source

FORMATS = ("combined", "common", "apache_error", "syslog", "jsonl")


class LogsConnector:
    """`logs:some/folder`, the path relative to the project's folder; plain `logs` is that folder itself."""

    options = Options(
        source=(
            Option("format", "what the lines are; needed unless `pattern` says it", choices=FORMATS),
            Option("pattern", "a regular expression (RE2) with a named group (?P<name>…) for each column"),
            Option("times", "how columns are read as instants: strptime patterns by column", "table"),
            Option("year", "the year of syslog's first line, or 'from file time'", "number|text"),
            Option("zone", "the time zone of times that have none, such as Europe/Berlin; without it they keep none"),
            Option("nulls", "words that mean null", "list"),
            Option("encoding", "how the text is encoded (utf-8)"),
            Option("optional", "whether it is no error that no file is there (false)", "boolean"),
        ),
    )  # fmt: skip

    def source(self, table: RawTable, context: Context) -> Source:
        """Follow the logs that a pattern such as `logs/access.log*` names, with their rotated files."""
        from penstock.connect.logs.source import LogsSource

        return LogsSource(table, context)

    def sink(self, sink: SinkTable, context: Context) -> Sink:  # noqa: ARG002
        """Raise `UnsupportedError`: tables are not written as logs."""
        hint = "write CSV or Parquet with a sink to `files`"
        raise UnsupportedError("logs cannot be a sink", where=str(sink.where or sink.name), hint=hint)


CONNECTOR = LogsConnector()
