"""The reference connector, which others are written after."""

import pytest

from penstock.base.errors import ConfigError
from penstock.connect import memory
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Context, Kind
from penstock.testing.landing import landed

HERE = Connection("m", "memory")


def batches(tmp_path, after=None, **settings):
    table = RawTable("raw.t", HERE, **settings)
    return list(memory.CONNECTOR.source(table, Context(tmp_path, tmp_path)).read("", after))


def test_rows_of_the_declaration_are_a_snapshot(tmp_path):
    options = {"rows": [{"id": 1, "x": None}, {"id": 2, "x": [None]}]}
    (batch,) = batches(tmp_path, options=options)
    assert (batch.kind, batch.restart) == (Kind.SNAPSHOT, True)
    assert batch.schema.types == {"id": "bigint", "x": "varchar[]"}
    assert [row["id"] for row in landed(batch, RawTable("raw.t", HERE)).rows] == [1, 2]
    assert batches(tmp_path, batch.position, options=options) == []


def test_pages_of_a_feed_come_once(tmp_path):
    feed = memory.feed("clicks", [{"id": 1}])
    (first,) = batches(tmp_path, read="clicks")
    feed.add([{"id": 2}])
    (second,) = batches(tmp_path, first.position, read="clicks")
    assert (first.position, second.position, second.kind) == (1, 2, Kind.APPEND)
    (batch, _) = batches(tmp_path, read="clicks", key=("id",))
    assert batch.kind is Kind.UPSERT


def test_a_feed_that_is_not_there_is_named_with_the_nearest(tmp_path):
    memory.feed("clicks")
    with pytest.raises(ConfigError, match="did you mean 'clicks'"):
        batches(tmp_path, read="click")
