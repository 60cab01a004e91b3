"""SQLite as a source: exact types, positions that resume, and clear words for what is wrong."""

import json
import math
import random
import sqlite3
import struct
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from penstock.base.errors import ConfigError, FatalError, RetryableError
from penstock.connect.sqlite import CONNECTOR, source
from penstock.connect.sqlite.columns import by_declaration
from penstock.model.schema import Schema
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Context, Kind
from penstock.testing import StillClock
from penstock.testing.landing import landed


class Db:
    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "store.db"

    def do(self, sql, rows=None):
        with closing(sqlite3.connect(self.path)) as db:
            db.executemany(sql, rows) if rows is not None else db.executescript(sql)
            db.commit()

    def table(self, read="t", **settings):
        options = settings.pop("options", {})
        return RawTable("raw.t", Connection("s", "sqlite", "store.db"), read=read, options=options, **settings)

    @contextmanager
    def source(self, *, clock=None, **settings):
        made = CONNECTOR.source(self.table(**settings), Context(self.folder, self.folder, clock or StillClock()))
        try:
            yield made
        finally:
            made.close()

    def batches(self, after=None, *, clock=None, **settings):
        with self.source(clock=clock, **settings) as made:
            return list(made.read("", after))

    def rows(self, **settings):
        found = [landed(batch, self.table(**settings)) for batch in self.batches(**settings)]
        return [tuple(row.values()) for one in found for row in one.rows]

    def types(self, **settings):
        return self.batches(**settings)[0].schema.types


@pytest.fixture
def db(tmp_path):
    return Db(tmp_path)


# Types -------------------------------------------------------------------------------------------------------


def test_every_declared_type_comes_out_exact(db):
    db.do("create table t (a integer, b varchar(9), c real, d decimal(10,2), e boolean, f date, g datetime, h blob, "
          "i timestamptz, j time, k json, l uuid)")  # fmt: skip
    row = (2**63 - 1, "é\0'\"\n", 0.1, 12.34, 1, "2024-02-29", "2024-02-29 10:00:00.123456", b"\0\xff",
           "2024-02-29T10:00:00+02:00", "10:30:00", '{"a": [1]}', "550e8400-e29b-41d4-a716-446655440000")  # fmt: skip
    db.do("insert into t values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [row, (None,) * 12])
    assert db.types() == {
        "a": "bigint", "b": "varchar", "c": "double", "d": "decimal(10,2)", "e": "boolean", "f": "date",
        "g": "timestamp", "h": "blob", "i": "timestamptz", "j": "time", "k": "json", "l": "uuid",
    }  # fmt: skip
    first, second = db.rows()
    assert first[:9] == (
        2**63 - 1, "é\0'\"\n", 0.1, Decimal("12.34"), True, date(2024, 2, 29),
        datetime(2024, 2, 29, 10, 0, 0, 123456),  # noqa: DTZ001
        b"\0\xff", datetime(2024, 2, 29, 8, tzinfo=UTC),
    )  # fmt: skip
    assert (str(first[9]), first[10], str(first[11])) == ("10:30:00", row[10], row[11])
    assert second == (None,) * 12


def test_floats_come_out_to_the_last_bit(db):
    chance = random.Random(7)
    values = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(3_000)]
    values = [v for v in values if not math.isnan(v)] + [0.1 + 0.2, 5e-324, 1.7976931348623157e308, float("inf")]
    db.do("create table t (x real)")
    db.do("insert into t values (?)", [(v,) for v in values])
    assert [struct.pack("<d", x) for (x,) in db.rows()] == [struct.pack("<d", v) for v in values]


def test_an_empty_text_is_not_null(db):
    db.do("create table t (x text); insert into t values (''), (null), ('null')")
    assert db.rows() == [("",), (None,), ("null",)]


@pytest.mark.parametrize(
    ("stored", "exact"),
    [
        (0.1 + 0.2, "0.30"),  # what SQLite itself shows of it
        (1234567.89, "1234567.89"), (-0.05, "-0.05"), (5, "5.00"), (99999999.99, "99999999.99"), ("17.5", "17.50"),
    ],
)  # fmt: skip
def test_a_decimal_is_the_number_that_was_stored(db, stored, exact):
    db.do("create table t (x decimal(10,2))")
    db.do("insert into t values (?)", [(stored,)])
    assert db.rows() == [(Decimal(exact),)]


def test_all_cents_up_to_a_large_amount_come_out_exact(db):
    chance = random.Random(3)
    cents = [*range(2_000), *(chance.randrange(10**14) for _ in range(2_000))]
    db.do("create table t (x decimal(16,2))")
    db.do("insert into t values (?)", [(float(Decimal(c) / 100),) for c in cents])
    assert [x for (x,) in db.rows()] == [Decimal(c) / 100 for c in cents]


def test_a_wide_decimal_that_is_kept_as_text_comes_out_exact(db):
    db.do("create table t (x decimal_text(38,6))")
    values = ["12345678901234567890123456789012.123456", "-0.000001", "7"]
    db.do("insert into t values (?)", [(v,) for v in values])
    assert [x for (x,) in db.rows()] == [Decimal(v) for v in values]


@pytest.mark.parametrize(
    ("declared", "value", "reason"),
    [
        ("integer", "abc", "'abc' is no bigint"), ("integer", 1.5, "1.5 is no bigint"),
        ("decimal(5,2)", 1.234, "1.234 is no decimal(5,2)"), ("decimal(5,2)", 12345, "no decimal(5,2)"),
        ("decimal(5,2)", "many", "'many' is no decimal(5,2)"), ("boolean", 2, "2 is no boolean"),
        ("real", "abc", "'abc' is no double"), ("text", b"\0", "a blob is no varchar"), ("uuid", "x", "'x' is no uuid"),
        ("json", "{", "'{' is no json"), ("time", "25:00", "'25:00' is no time"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_column_is_rejected_with_its_place(db, declared, value, reason):
    fitting = {"text": "a", "boolean": 1, "uuid": "550e8400-e29b-41d4-a716-446655440000", "json": "1", "time": "10:00"}
    db.do(f"create table t (id integer primary key, x {declared})")
    db.do("insert into t values (?, ?)", [(1, fitting.get(declared, 1)), (5, value), (9, None)])
    (batch,) = db.batches()
    (reject,) = batch.rejects
    assert batch.rows.rows.num_rows == 2
    assert reject.place == "store.db:t rowid 5"
    assert reject.reason.startswith("column 'x': ")
    assert reason in reject.reason
    assert json.loads(reject.row)["id"] == 5


def test_dates_that_do_not_look_like_the_first_are_rejected_not_guessed(db):
    db.do("create table t (d date); insert into t values ('2024-01-01'), ('2024-01-02 10:00:00'), ('1.2.2024')")
    (batch,) = db.batches()
    assert (batch.schema.types, batch.rows.rows.num_rows, len(batch.rejects)) == ({"d": "date"}, 1, 2)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        ("'2024-01-01'", "date"), ("'2024-01-01 10:00'", "timestamp"), ("'2024-01-01T10:00:00Z'", "timestamptz"),
        ("1700000000", "bigint"), ("2460000.5", "double"), ("'1.2.2024'", "varchar"), ("null", "timestamp"),
    ],
)  # fmt: skip
def test_what_a_datetime_column_holds_is_read_off_its_first_value(db, first, kind):
    db.do(f"create table t (x datetime); insert into t values ({first})")
    assert db.types() == {"x": kind}
    assert not db.batches()[0].rejects


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ("(1), (2)", "bigint", [1, 2]), ("(1), (2.5)", "double", [1.0, 2.5]), ("('a'), (1)", "varchar", ["a", "1"]),
        ("(9007199254740993), (0.5)", "varchar", ["9007199254740993", "0.5"]), ("(null)", "varchar", [None]),
        ("(x'00ff'), ('a')", "blob", [b"\0\xff", b"a"]),
    ],
)  # fmt: skip
def test_a_column_that_declares_nothing_gets_the_type_that_holds_all_of_it(db, values, kind, told):
    db.do(f"create table t (x); insert into t values {values}")
    assert db.types() == {"x": kind}
    assert [x for (x,) in db.rows()] == told


def test_text_that_is_no_utf8_is_rejected_and_all_else_comes(db, monkeypatch):
    monkeypatch.setattr(source, "_CHUNK_ROWS", 3)
    db.do("create table t (id integer primary key, x text)")
    db.do(
        "insert into t select value, 'row ' || value from (select 1 value union select 2 union select 3 union select 4)"
    )
    db.do("insert into t values (5, cast(x'ff41' as text)), (6, 'last')")
    (batch,) = db.batches()
    assert batch.rows.rows.num_rows == 5
    assert [r.place for r in batch.rejects] == ["store.db:t rowid 5"]


def test_the_project_may_declare_types(db):
    db.do("create table t (a text, b integer); insert into t values ('12.50', 7)")
    columns = Schema.of([("a", "decimal(8,2)"), ("B", "varchar")])
    assert db.rows(columns=columns) == [(Decimal("12.50"), "7")]


def test_a_point_is_no_integer_though_int_is_in_its_name():
    assert by_declaration("POINT") == ""
    assert by_declaration("BIGINT UNSIGNED") == "bigint"
    assert by_declaration("DOUBLE PRECISION") == "double"


# Positions ---------------------------------------------------------------------------------------------------


def test_a_file_that_did_not_change_gives_no_batch_and_a_changed_one_all_rows(db):
    db.do("create table t (x int); insert into t values (1)")
    (batch,) = db.batches()
    assert (batch.kind, batch.restart) == (Kind.SNAPSHOT, True)
    assert db.batches(batch.position) == []
    db.do("update t set x = 2")
    (again,) = db.batches(batch.position)
    assert landed(again, db.table()).rows == [{"x": 2}]


def test_a_file_in_wal_mode_shows_changes_that_stand_only_in_its_log(db):
    with closing(sqlite3.connect(db.path)) as writer:
        writer.executescript("pragma journal_mode = wal; create table t (x int); insert into t values (1)")
        (batch,) = db.batches()
        writer.execute("update t set x = 2")
        writer.commit()
        (again,) = db.batches(batch.position)
        assert landed(again, db.table()).rows == [{"x": 2}]


def test_a_file_that_changed_a_moment_ago_is_not_trusted_to_stay_as_it_looks(db):
    db.do("create table t (x int); insert into t values (1)")
    clock = StillClock(datetime.fromtimestamp(db.path.stat().st_mtime + 0.5, UTC))
    (batch,) = db.batches(clock=clock)
    assert len(db.batches(batch.position, clock=clock)) == 1


def test_a_killed_snapshot_goes_on_where_it_was_and_begins_anew_when_the_file_changed(db, monkeypatch):
    monkeypatch.setattr(source, "_CHUNK_ROWS", 10)
    monkeypatch.setattr(source, "_BATCH_BYTES", 1)
    db.do("create table t (id integer primary key)")
    db.do("insert into t values (?)", [(n,) for n in range(50)])
    first = db.batches()[0]
    rest = db.batches(first.position)
    assert (len(rest), rest[0].restart) == (4, False)
    db.do("insert into t values (50)")
    anew = db.batches(first.position)
    assert (len(anew), anew[0].restart, anew[1].restart) == (6, True, False)


def cursor_rows(db, after):
    found = db.batches(after, key=("id",), cursor="at")
    rows = [tuple(row.values()) for batch in found for row in landed(batch, db.table()).rows]
    return rows, found[-1].position if found else after


def test_rows_of_the_same_cursor_value_that_come_later_are_not_lost(db):
    db.do("create table t (id integer primary key, at integer); insert into t values (1, 10), (2, 20)")
    rows, position = cursor_rows(db, None)
    assert rows == [(1, 10), (2, 20)]
    db.do("insert into t values (3, 20)")
    rows, position = cursor_rows(db, position)
    assert (3, 20) in rows
    assert (1, 10) not in rows
    db.do("insert into t values (4, 30)")
    assert cursor_rows(db, position)[0] == [(4, 30)]


def test_a_change_elsewhere_in_the_file_gives_no_rows(db):
    db.do("create table t (id integer primary key, at integer); insert into t values (1, 10); create table other (x)")
    _, position = cursor_rows(db, None)
    db.do("insert into other values (1)")
    assert cursor_rows(db, position) == ([], position)


def test_rows_without_a_cursor_value_come_and_come_again_when_they_change(db):
    db.do("create table t (id integer primary key, at integer, x int); insert into t values (1, null, 0), (2, 5, 0)")
    rows, position = cursor_rows(db, None)
    assert len(rows) == 2
    db.do("insert into t values (3, 6, 0)")
    rows, position = cursor_rows(db, position)
    assert rows == [(3, 6, 0)]
    db.do("update t set x = 1 where id = 1")
    assert cursor_rows(db, position)[0] == [(1, None, 1)]


def test_a_cursor_without_a_key_is_refused_unless_its_column_is_unique(db):
    db.do("create table t (id integer primary key, at integer); insert into t values (1, 5)")
    with pytest.raises(ConfigError, match="a cursor and no key"):
        db.batches(cursor="at")
    db.do("create table loose (at text primary key)")
    with pytest.raises(ConfigError, match="a cursor and no key"):
        db.batches(read="loose", cursor="at")
    (batch,) = db.batches(cursor="id")
    assert batch.kind is Kind.APPEND
    db.do("insert into t values (2, 5)")
    (more,) = db.batches(batch.position, cursor="id")
    assert landed(more, db.table()).rows == [{"id": 2, "at": 5}]


def test_an_empty_table_still_tells_its_columns(db):
    db.do("create table t (id integer primary key, at datetime)")
    for settings in ({}, {"key": ("id",), "cursor": "at"}):
        (batch,) = db.batches(**settings)
        assert batch.schema.types == {"id": "bigint", "at": "timestamp"}
        assert landed(batch, db.table()).rows == []


def test_an_emptied_table_gives_a_snapshot_of_nothing(db):
    db.do("create table t (x int); insert into t values (1)")
    (batch,) = db.batches()
    db.do("delete from t")
    (nothing,) = db.batches(batch.position)
    assert (nothing.restart, landed(nothing, db.table()).rows) == (True, [])


# What is wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"read": "ordrs"}, ["no table or view 'ordrs'", "did you mean 'orders'?"]),
        ({"read": "orders", "key": ("idd",)}, ["no column 'idd'", "did you mean 'id'?"]),
        ({"read": "orders", "key": ("id",), "cursor": "gone"}, ["no column 'gone'"]),
        ({"read": "", "options": {"query": "selec 1"}}, ["SQLite refuses its query", "syntax error"]),
        ({"read": "", "options": {"query": "select nope from orders"}}, ["no such column: nope"]),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(db, settings, words):
    db.do("create table orders (id integer primary key)")
    with pytest.raises(FatalError) as caught:
        db.batches(**settings)
    for word in words:
        assert word in str(caught.value)


def test_a_missing_file_is_named_with_the_nearest(db, tmp_path):
    (tmp_path / "stores.db").write_bytes(b"")
    with pytest.raises(FatalError, match=r"did you mean 'stores\.db'"):
        db.batches()
    assert not db.path.exists()


def test_a_file_that_is_no_database_is_said_to_be_none(db):
    db.path.write_bytes(b"id,name\n1,a\n" * 200)
    with pytest.raises(FatalError, match="not a sound SQLite database"):
        db.batches()


def test_neither_or_both_of_read_and_query_is_a_mistake(db):
    for settings in ({"read": ""}, {"read": "t", "options": {"query": "select 1"}}):
        with pytest.raises(ConfigError, match="one of `read` and `query`"):
            db.batches(**settings)


def test_a_file_that_another_process_has_locked_is_tried_again_later(db, tmp_path):
    db.do("create table t (x int); insert into t values (1)")
    lock = "c = sqlite3.connect(sys.argv[1]); c.execute('begin exclusive')"
    hold = f"import sqlite3, sys; {lock}; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, db.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        table = RawTable("raw.t", Connection("s", "sqlite", "store.db", {"timeout": 0.05}), read="t")
        made = CONNECTOR.source(table, Context(tmp_path, tmp_path, StillClock()))
        with pytest.raises(RetryableError, match="locked by another process"):
            list(made.read("", None))
        other.communicate(b"\n")
        assert len(list(made.read("", None))) == 1
        made.close()


def test_one_state_of_the_file_is_read_while_another_process_writes(db, monkeypatch):
    monkeypatch.setattr(source, "_CHUNK_ROWS", 5)
    monkeypatch.setattr(source, "_BATCH_BYTES", 1)
    db.do("pragma journal_mode = wal; create table t (id integer primary key)")
    db.do("insert into t values (?)", [(n,) for n in range(20)])
    with db.source() as made:
        reading = made.read("", None)
        counts = [next(reading).rows.rows.num_rows]
        db.do("delete from t; insert into t values (99)")
        counts += [batch.rows.rows.num_rows for batch in reading]
    assert sum(counts) == 20


def test_columns_of_a_query_keep_the_types_of_their_tables(db):
    db.do("create table orders (id integer primary key, paid decimal(8,2)); insert into orders values (1, 2.5)")
    query = {"query": "select id, paid, paid * 2 as twice from orders;"}
    assert db.types(read="", options=query) == {"id": "bigint", "paid": "decimal(8,2)", "twice": "double"}


def test_chinook_is_read_whole(shared_data, tmp_path):
    (path,) = shared_data.glob("chinook/*.sqlite")
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as plain:
        names = [
            n
            for (n,) in plain.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")
        ]
        assert names
        for name in names:
            table = RawTable("raw.t", Connection("s", "sqlite", str(path)), read=name)
            made = CONNECTOR.source(table, Context(tmp_path, tmp_path, StillClock()))
            batches = list(made.read("", None))
            made.close()
            (count,) = plain.execute(f'select count(*) from "{name}"').fetchone()
            assert sum(b.rows.rows.num_rows for b in batches) == count
            assert not [r for b in batches for r in b.rejects]
