"""HTTP APIs that answer JSON: a source of their records, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import UnsupportedError
from penstock.model.option import Option, Options

if TYPE_CHECKING:
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source


class HttpConnector:
    """`https://host/base/path`, with which an endpoint's path is joined."""

    options = Options(
        connection=(
            Option(
                "auth",
                "{ bearer = token }, { key = secret, header = name } or { key = secret, query = name }, "
                '{ basic = "user:password" }',
                "table",
            ),
            Option("headers", "headers to send along", "table"),
            Option("timeout", "seconds to wait for an answer (30)", "number"),
            Option("attempts", "how often a request is tried in all (5)", "number"),
        ),
        source=(
            Option("params", "the query's parameters", "table"),
            Option("method", "how it is asked", choices=("GET", "POST")),
            Option("body", "the JSON object that a POST sends", "table"),
            Option("records", "where the records stand in the answer, such as data.items", "text"),
            Option(
                "paginate",
                "{ by = page | offset | cursor | link | next }, and as it needs: param, start, size, size_param, "
                "cursor_path, next_path, until (where the answer says the last page, the number of records, or "
                "whether there is more)",
                "table",
            ),
            Option(
                "since",
                "{ param = name }: ask only for what is new; from = the column that says how new a record is (the "
                "cursor), format = unix | unix_ms | date | a strftime pattern, start = the first value",
                "table",
            ),
            Option("kind", "what the records mean", choices=("snapshot", "upsert", "append")),
        ),
    )

    def source(self, table: RawTable, context: Context) -> Source:
        """Read the records of an endpoint."""
        from penstock.connect.http.settings import settings_of
        from penstock.connect.http.source import HttpSource

        return HttpSource(settings_of(table), context)

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Raise `UnsupportedError`: an API is read, not written."""
        del context
        raise UnsupportedError(
            f"sink '{sink.name}': an HTTP API cannot be delivered to",
            where=sink.where,
            hint="deliver to a database or a file",
        )


CONNECTOR = HttpConnector()
