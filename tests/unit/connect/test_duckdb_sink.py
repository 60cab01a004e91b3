"""DuckDB files as a sink: rows and epoch in one transaction, none of it before the commit."""

from pathlib import Path

import duckdb
import pytest

from penstock.base.errors import ConfigError, FatalError, UnsupportedError
from penstock.connect.duckdb import CONNECTOR
from penstock.engines.duck.export import DuckExporter
from penstock.engines.duck.intake import Intake
from penstock.model.schema import Schema
from penstock.model.sink import DeliveryNote, SinkTable
from penstock.model.source import Connection, RawTable
from penstock.protocols.sink import Sink
from penstock.protocols.source import Context

SCHEMA = Schema.of([("n", "bigint"), ("word", "varchar")])


def sink_of(root: Path, write: str = "daily", mode: str = "mirror", address: str = "out/shop.duckdb") -> Sink:
    table = SinkTable("out", "t", Connection("shop", "duckdb", address), write, mode)
    return CONNECTOR.sink(
        table, Context(root, root / "scratch", exporter=DuckExporter(lambda: Intake(root / "scratch")))
    )


def stage(sink: Sink, epoch: int, plus: str, minus: str = "", mode: str = "mirror") -> None:
    note = DeliveryNote("out", "t", SCHEMA, (), mode, not minus, 0, epoch)
    rows = [
        duckdb.connect().sql(f"select n::bigint as n, word from ({r}) v(n, word)") if r else None for r in (plus, minus)
    ]
    sink.stage(note, *rows)


def rows_of(root: Path, table: str = "daily") -> list[tuple[object, ...]]:
    with duckdb.connect(str(root / "out/shop.duckdb"), read_only=True) as con:
        return con.execute(f"select * from {table} order by all").fetchall()


def test_a_table_is_mirrored_whole_and_then_by_changes(tmp_path):
    sink = sink_of(tmp_path)
    assert sink.epoch() is None
    stage(sink, 2, "values (1, 'a'), (2, 'b'), (2, 'b')")
    sink.commit(2)
    assert (rows_of(tmp_path), sink.epoch()) == ([(1, "a"), (2, "b"), (2, "b")], 2)
    stage(sink, 4, "values (3, null)", "values (2, 'b')")
    sink.commit(4)
    assert (rows_of(tmp_path), sink.epoch()) == ([(1, "a"), (2, "b"), (3, None)], 4)
    assert sink_of(tmp_path).epoch() == 4
    assert sink.can.changes


def test_nothing_is_seen_before_the_commit_and_nothing_twice_after_it(tmp_path):
    sink = sink_of(tmp_path, mode="append")
    stage(sink, 2, "values (1, 'a')", mode="append")
    assert not (tmp_path / "out/shop.duckdb").exists()
    sink.commit(2)
    sink.commit(2)
    stage(sink, 2, "values (1, 'a')", mode="append")
    sink.commit(2)
    assert rows_of(tmp_path) == [(1, "a")]
    stage(sink, 3, "values (2, 'b')", mode="append")
    sink.close()
    assert (rows_of(tmp_path), sink.epoch()) == ([(1, "a")], 2)
    with pytest.raises(FatalError, match="never staged"):
        sink.commit(3)


def test_an_older_writer_is_kept_out(tmp_path):
    late = sink_of(tmp_path)
    stage(late, 4, "values (9, 'late')")
    sink = sink_of(tmp_path)
    stage(sink, 5, "values (1, 'a')")
    sink.commit(5)
    with pytest.raises(FatalError, match="newer"):
        late.commit(4)
    with pytest.raises(FatalError, match="newer"):
        stage(sink, 3, "values (2, 'b')")
    assert rows_of(tmp_path) == [(1, "a")]


def test_a_table_can_stand_in_a_schema(tmp_path):
    sink = sink_of(tmp_path, "sales.daily")
    stage(sink, 1, "values (1, 'a')")
    sink.commit(1)
    assert rows_of(tmp_path, "sales.daily") == [(1, "a")]


@pytest.mark.parametrize(("write", "address"), [("", "x.duckdb"), ("daily", "")])
def test_a_sink_without_a_table_or_a_file_is_refused(tmp_path, write, address):
    with pytest.raises(ConfigError, match="needs"):
        sink_of(tmp_path, write, address=address)


def test_a_duckdb_file_as_a_source_is_a_gap_with_a_name(tmp_path):
    table = RawTable("raw.t", Connection("shop", "duckdb", "x.duckdb"), "t")
    with pytest.raises(UnsupportedError, match="source"):
        CONNECTOR.source(table, Context(tmp_path, tmp_path))
