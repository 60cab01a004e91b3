"""Files: CSV, TSV, JSON, JSON lines and Parquet as a source, Parquet and CSV as a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.option import Option, Options

if TYPE_CHECKING:
    from penstock.model.sink import SinkTable
    from penstock.model.source import RawTable
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context, Source


class FilesConnector:
    """`files:some/folder`, the path relative to the project's folder; plain `files` is that folder itself."""

    options = Options(
        source=(
            Option("format", "what the files are; by their names unless given", choices=("csv", "tsv", "json", "jsonl", "parquet")),  # noqa: E501
            Option("delimiter", "what separates the fields of a CSV (found in its first lines)"),
            Option("quote", 'what encloses a CSV field that holds a delimiter (")'),
            Option("escape", "what stands before a quote inside quotes (the quote itself)"),
            Option("header", "whether the first line of a CSV names its columns (true)", "boolean"),
            Option("skip", "lines to pass over at the beginning of each CSV (0)", "number"),
            Option("nulls", "words that mean null in a CSV, beside the empty field", "list"),
            Option("encoding", "how the text is encoded (utf-8)"),
            Option("records", "where the rows of a JSON document stand, such as data.items"),
            Option("optional", "whether it is no error that no file is there (false)", "boolean"),
        ),
        sink=(
            Option("format", "what to write; by the name unless given", choices=("parquet", "csv")),
            Option("delimiter", "what separates the fields of a CSV (,)"),
            Option("header", "whether a CSV begins with the names of its columns (true)", "boolean"),
            Option("compression", "how Parquet pages or the CSV file are compressed"),
            Option("replace", "whether a file that this sink did not write may be replaced (false)", "boolean"),
        ),
    )  # fmt: skip

    def source(self, table: RawTable, context: Context) -> Source:
        """Read every file that a pattern such as `data/**/*.csv` names: new, grown and replaced ones."""
        from penstock.connect.files.source import FilesSource

        return FilesSource(table, context)

    def sink(self, sink: SinkTable, context: Context) -> Sink:
        """Keep one file equal to a table, or a folder with a manifest."""
        from penstock.connect.files.sink import file_sink

        return file_sink(sink, context)


CONNECTOR = FilesConnector()
