"""SQLite as a sink: what a reader of the file sees, and what no other writer may do."""

import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal

import pytest

from penstock.base.errors import ConfigError, FatalError, RetryableError
from penstock.connect.sqlite import CONNECTOR
from penstock.model.relation import Query
from penstock.model.sink import DeliveryNote, SinkTable
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Context
from penstock.testing import StillClock
from penstock.testing.landing import engine, landed


class Target:
    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "out.db"
        self.context = Context(folder, folder, StillClock())

    def sink(self, **settings):
        settings = {"key": ("id",), "write": "t", **settings}
        return CONNECTOR.sink(SinkTable("out", "main.t", Connection("o", "sqlite", "out.db"), **settings), self.context)

    def deliver(self, epoch, plus, minus=None, *, since=0, mode="mirror", key=("id",)):
        rows = engine().read(Query(plus))
        gone = None if minus is None else engine().read(Query(minus))
        sink = self.sink(mode=mode, key=key)
        note = DeliveryNote("out", "main.t", rows.schema, key, mode, minus is None, since, epoch)
        try:
            sink.stage(note, rows, gone)
            sink.commit(epoch)
        finally:
            sink.close()

    def sql(self, text):
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute(text).fetchall()


@pytest.fixture
def target(tmp_path):
    return Target(tmp_path)


def test_every_type_is_kept_and_comes_back_the_same(target):
    query = """select 1::bigint as id, true as a, 170141183460469231731687303715884105727::hugeint as b,
        7::hugeint as c,
        1.50::decimal(12,2) as d, 12345678901234567890.25::decimal(38,2) as e, 12.5::decimal(38,2) as f,
        date '2024-02-29' as g, timestamp '2024-02-29 10:00:00.5' as h, timestamptz '2024-02-29 10:00:00+02' as i,
        'nan'::double as j, 0.1::double as k, 'x'::blob as l, [1, 2] as m, {'a': 1.5::decimal(3,1), 'b': 'q"'} as n,
        '550e8400-e29b-41d4-a716-446655440000'::uuid as o, '{"a":1}'::json as p, null::varchar as q,
        time '10:00:00' as r, map {'k': 1} as s"""
    target.deliver(1, query)
    (row,) = target.sql("select * from t")
    assert row == (
        1, 1, "170141183460469231731687303715884105727", 7, 1.5, "12345678901234567890.25", 12.5, "2024-02-29",
        "2024-02-29 10:00:00.500", "2024-02-29 08:00:00Z", "NaN", 0.1, b"x", "[1,2]", '{"a":"1.5","b":"q\\""}',
        "550e8400-e29b-41d4-a716-446655440000", '{"a":1}', None, "10:00:00", '[["k",1]]',
    )  # fmt: skip
    table = RawTable("raw.t", Connection("o", "sqlite", "out.db"), read="t")
    source = CONNECTOR.source(table, target.context)
    (batch,) = source.read("", None)
    source.close()
    assert not batch.rejects
    assert batch.schema.types == {
        "id": "bigint", "a": "boolean", "b": "varchar", "c": "bigint", "d": "decimal(12,2)", "e": "decimal(38,2)",
        "f": "decimal(38,2)", "g": "date", "h": "timestamp", "i": "timestamptz", "j": "double", "k": "double",
        "l": "blob", "m": "varchar", "n": "varchar", "o": "uuid", "p": "json", "q": "varchar", "r": "varchar",
        "s": "varchar",
    }  # fmt: skip


def test_amounts_are_numbers_to_whoever_reads_the_file(target):
    target.deliver(1, "select i as id, (i * 9)::decimal(38,2) as amount, i::hugeint as n from range(1, 13) t(i)")
    assert target.sql("select count(*) from t where amount > 50 and n < 10") == [(4,)]
    assert target.sql("select id from t order by amount desc limit 1") == [(12,)]


def test_wide_decimals_come_back_exact(target):
    target.deliver(1, "select 1 as id, 12345678901234567890.25::decimal(38,2) as x union all select 2, 0.10")
    table = RawTable("raw.t", Connection("o", "sqlite", "out.db"), read="t")
    source = CONNECTOR.source(table, target.context)
    (batch,) = source.read("", None)
    found = {row["id"]: row["x"] for row in landed(batch, table).rows}
    source.close()
    assert found == {1: Decimal("12345678901234567890.25"), 2: Decimal("0.10")}


def test_a_table_that_somebody_else_filled_is_not_replaced(target):
    with closing(sqlite3.connect(target.path)) as db:
        db.executescript("create table t (id int); insert into t values (7)")
    with pytest.raises(FatalError, match="did not write"):
        target.deliver(1, "select 1 as id")
    assert target.sql("select * from t") == [(7,)]
    target.deliver(1, "select 8 as id", mode="append", key=())
    assert target.sql("select id from t order by id") == [(7,), (8,)]


def test_a_change_that_does_not_follow_what_is_there_is_refused(target):
    target.deliver(1, "select 1 as id")
    with pytest.raises(FatalError, match="lacks changes"):
        target.deliver(5, "select 2 as id", "select 1 as id where false", since=4)


def test_a_change_of_type_rebuilds_the_table_and_keeps_its_rows(target):
    target.deliver(1, "select 1 as id, 7::bigint as x")
    target.deliver(
        2, "select 2 as id, '007' as x, 1.5::double as y", "select 1 as id, '' as x, 0.5 as y where false", since=1
    )
    assert target.sql("select id, x, y from t order by id") == [(1, "7", None), (2, "007", 1.5)]


def test_users_indexes_stay_when_the_columns_do(target):
    target.deliver(1, "select 1 as id, 'a' as x")
    with closing(sqlite3.connect(target.path)) as db:
        db.execute("create index mine on t (x)")
    target.deliver(2, "select 2 as id, 'b' as x", since=1)
    assert ("mine",) in target.sql("select name from sqlite_master where type = 'index'")


def test_a_key_of_several_columns_with_nulls_is_mirrored(target):
    key = ("a", "b")
    target.deliver(1, "select * from (values (1, 'x', 0), (1, null, 0), (2, 'x', 0)) v(a, b, n)", key=key)
    target.deliver(
        2, "select 1 as a, null::varchar as b, 5 as n", "select * from (values (2, 'x', 0), (1, null, 0)) v(a, b, n)",
        since=1, key=key,
    )  # fmt: skip
    assert target.sql("select a, b, n from t order by a, b") == [(1, None, 5), (1, "x", 0)]


def test_a_locked_file_is_tried_again_later(target):
    target.deliver(1, "select 1 as id")
    lock = "c = sqlite3.connect(sys.argv[1]); c.execute('begin immediate')"
    hold = f"import sqlite3, sys; {lock}; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, target.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        sink = CONNECTOR.sink(
            SinkTable("out", "main.t", Connection("o", "sqlite", "out.db", {"timeout": 0.05}), write="t", key=("id",)),
            target.context,
        )
        rows = engine().read(Query("select 2 as id"))
        with pytest.raises(RetryableError, match="locked"):
            sink.stage(DeliveryNote("out", "main.t", rows.schema, ("id",), "mirror", True, 1, 2), rows, None)
        other.communicate(b"\n")
        sink.close()
    assert target.sql("select * from t") == [(1,)]


def test_the_table_of_epochs_cannot_be_the_target(target):
    with pytest.raises(ConfigError, match="cannot write"):
        target.sink(write="penstock_epoch")


def test_rows_that_share_a_key_are_refused_and_nothing_is_written(target):
    with pytest.raises(FatalError, match="UNIQUE constraint failed"):
        target.deliver(1, "select 1 as id, x from (values (1), (2)) v(x)")
    assert target.sql("select name from sqlite_master where name = 't'") == []


def test_a_write_that_fails_is_said_to_be_a_write(target):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(RetryableError, match=r"out\.db could not be written"):
            target.deliver(1, "select range as id, repeat('x', 100) as b from range(100_000)")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
