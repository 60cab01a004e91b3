"""A warehouse that is lent: who may borrow it, what crosses the socket, and what is left when somebody goes."""

import os
import pickle
import socket
import threading
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pytest
from arro3.core import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.errors import FatalError, PenstockError, Place, PlanError, RetryableError
from penstock.engines.duck import open_engine
from penstock.engines.duck.parcel import _CONFIG as CONFIG
from penstock.engines.duck.parcel import Parcel, pack
from penstock.engines.lent import borrowed as borrowing
from penstock.engines.lent import place, wire
from penstock.engines.lent.borrowed import borrow
from penstock.engines.lent.lender import Lender, Lent
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.schema import Schema
from penstock.model.step import Build, Receive
from penstock.protocols.engine import StoppedError
from penstock.run.events import Event

LONG = Query("select count(*) from range(10_000_000_000) a, range(100) b where a.range + b.range < 0")


@pytest.fixture
def at(tmp_path):
    return tmp_path / "serve.sock"


@pytest.fixture
def heard():
    return []


@pytest.fixture
def held(tmp_path, at, heard):
    engine = open_engine(tmp_path / "w.duckdb")
    lent = Lent(engine, engine.turns, "w", engine.scratch, pack, Parcel, lambda run, event: heard.append((run, event)))
    lender = Lender(lent, at)
    yield engine
    lender.stop()
    engine.close()


@pytest.fixture
def borrowers(held, at):
    """Give engines that borrow; all are closed in the end."""
    made = []

    def one():
        engine = borrow(at, "w", pack, Parcel)
        assert engine is not None
        made.append(engine)
        return engine

    yield one
    for engine in made:
        engine.close()


def build(engine, name="t", text="select range as n from range(3)", run="r"):
    txn = engine.begin()
    txn.apply(txn.run(Build(name, Query(text), "f")))
    txn.commit(Commit(txn.version, datetime(2026, 1, 1, tzinfo=UTC), run))


def fetch(engine, text):
    rows = engine.read(Query(text))
    try:
        return rows.fetch()
    finally:
        rows.close()


# -- what is asked and answered


def test_what_one_process_commits_all_others_see(held, borrowers):
    first, second = borrowers(), borrowers()
    build(first)
    assert (first.version, second.version, held.version) == (1, 1, 1)
    assert fetch(second, "select sum(n) from t") == fetch(held, "select sum(n) from t") == [(3,)]
    assert second.relations() == held.relations()


def test_a_mistake_in_a_query_keeps_its_class_its_place_and_its_excerpt(held, borrowers):
    query = Query("select 1,\n  nope", file="tables/a.sql")
    found = []
    for engine in (held, borrowers()):
        with pytest.raises(PlanError) as raised:
            engine.read(query)
        found.append(raised.value)
    assert found[0].fields() == found[1].fields()
    assert str(found[0]) == str(found[1])
    assert found[1].where == Place("tables/a.sql", 2, 3)


def test_rows_cross_with_their_exact_values(held, borrowers):
    text = (
        "select 170141183460469231731687303715884105727 as h, 1.50::decimal(10,2) as d, "
        "timestamptz '2026-01-01 10:00+02' as t, [1, null] as l, 'é\n' as s, null as nothing, true as b, "
        "interval 3 days as i, "
        "'\\x00\\xff'::blob as x, uuid '00000000-0000-0000-0000-000000000001' as u, 'nan'::double as f"
    )
    ours, theirs = held.read(Query(text)), borrowers().read(Query(text))
    assert theirs.schema == ours.schema
    assert repr(theirs.fetch()) == repr(ours.fetch())
    assert theirs.fetch()[0][1] == Decimal("1.50")
    assert Table.from_arrow(theirs).schema == Table.from_arrow(ours).schema
    assert theirs.native().columns == ours.native().columns
    theirs.close()
    ours.close()


def test_nothing_is_left_of_rows_that_crossed_as_a_file(held, borrowers):
    engine = borrowers()
    build(engine)
    rows = engine.read(Query("from t"))
    assert Table.from_arrow(rows).num_rows == 3
    rows.close()
    rows.close()
    txn = engine.begin()
    staged = txn.run(Receive(Table.from_pydict({"a": Table.from_arrow(held.read(Query("from t"))).column(0)})))
    assert staged.rows == 3
    txn.rollback()
    assert not list(held.scratch.glob("*"))


def test_what_was_given_back_is_no_longer_there(borrowers):
    engine = borrowers()
    rows = engine.read(Query("select 1"))
    number = rows.number
    rows.close()
    with pytest.raises(FatalError, match="given back"):
        engine.ask(number, "fetch")


@pytest.mark.parametrize("name", ["close", "_settled", "turns", "nope", "__class__"])
def test_nothing_else_can_be_asked_than_what_an_engine_can_do(name, borrowers):
    with pytest.raises(FatalError, match="can be asked"):
        borrowers().ask(0, name)


def test_events_of_runs_are_passed_on(borrowers, heard):
    borrowers().tell("r1", Event("start", "t", "table"))
    assert heard == [("r1", Event("start", "t", "table"))]


def test_commits_are_told_of_whoever_made_them(held, borrowers):
    told = []
    held.on_commit = told.append
    build(borrowers(), run="theirs")
    build(held, "u", run="ours")
    assert [(c.version, c.run, list(c.tables)) for c in told] == [(1, "theirs", ["t"]), (2, "ours", ["u"])]


def test_a_mistake_of_ours_names_the_process_and_stops_nobody_else(held, borrowers, monkeypatch):
    engine = borrowers()
    monkeypatch.setattr(type(held), "rejects", lambda self: 1 // 0)
    with pytest.raises(RuntimeError, match=rf"process {os.getpid()}.*ZeroDivisionError"):
        engine.rejects()
    assert fetch(engine, "select 1") == [(1,)]


# -- stopping, and going


def in_thread(body):
    found = []

    def work():
        try:
            found.append(body())
        except (KeyboardInterrupt, PenstockError) as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, found


def started(held, monkeypatch):
    """Return what is set once rows are being fetched."""
    from penstock.engines.duck.rows import DuckRows

    begun, fetch = threading.Event(), DuckRows.fetch

    def fetching(self, limit=None):
        begun.set()
        return fetch(self, limit)

    monkeypatch.setattr(DuckRows, "fetch", fetching)
    return begun


def test_an_interrupt_stops_what_runs_for_one_and_nobody_else(held, borrowers, monkeypatch):
    begun = started(held, monkeypatch)
    first, second = borrowers(), borrowers()
    rows = first.read(LONG)
    thread, found = in_thread(rows.fetch)
    assert begun.wait(30)
    assert fetch(second, "select 42") == [(42,)]
    while thread.is_alive():  # what has not quite begun hears nothing of it
        for line in list(first._lines):
            line.interrupt()
        thread.join(0.05)
    assert isinstance(found[0], KeyboardInterrupt)
    assert fetch(first, "select 42") == [(42,)]


def test_rows_can_be_interrupted_from_another_thread(held):
    rows = held.read(LONG)
    thread, found = in_thread(rows.fetch)
    while thread.is_alive():
        rows.stop()
        thread.join(0.05)
    rows.close()
    rows.stop()
    assert isinstance(found[0], StoppedError)


def test_what_was_begun_is_undone_when_its_process_goes(held, borrowers):
    gone = borrowers()
    gone.ask(0, "turn", True)
    txn = gone.begin()
    txn.apply(txn.run(Build("t", Query("select 1 as n"), "f")))
    gone.close()
    with borrowers().turn():  # waits until it is
        build(held, "u")
    assert list(held.relations()) == ["u"]


def test_a_query_ends_when_its_process_goes(held, borrowers, at, monkeypatch):
    begun = started(held, monkeypatch)
    engine = borrowers()
    rows = engine.read(LONG)
    thread, found = in_thread(rows.fetch)
    assert begun.wait(30)
    engine.close()
    thread.join(30)
    assert isinstance(found[0], RetryableError)
    assert "has ended meanwhile" in found[0].subject


def test_a_second_one_waits_for_its_turn_and_says_so(held, borrowers):
    told = threading.Event()

    def second():
        engine = borrowers()
        with engine.turn(told.set):
            build(engine, "second")
        return held.version

    with held.turn():
        thread, found = in_thread(second)
        assert told.wait(30)
        build(held, "first")
    thread.join(30)
    assert found == [2]
    assert list(held.relations()) == ["first", "second"]


def test_calls_from_several_threads_do_not_get_in_each_others_way(held, borrowers):
    engine = borrowers()
    pairs = [in_thread(lambda n=n: [fetch(engine, f"select {n} + {k}") for k in range(20)]) for n in range(8)]
    for thread, _ in pairs:
        thread.join(60)
    assert [found for _, (found,) in pairs] == [[[(n + k,)] for k in range(20)] for n in range(8)]


def test_when_the_lender_ends_the_borrower_is_told(tmp_path, at):
    engine = open_engine(tmp_path / "w.duckdb")
    lender = Lender(Lent(engine, engine.turns, "w", engine.scratch, pack, Parcel), at)
    other = borrow(at, "w", pack, Parcel)
    txn = other.begin()
    lender.stop()
    with pytest.raises(RetryableError, match=f"process {os.getpid()}, which holds the warehouse, has ended"):
        txn.rollback()
    build(engine)
    engine.close()
    other.close()
    assert not at.exists()


# -- who may borrow


def test_another_warehouse_is_not_borrowed(held, at):
    assert borrow(at, "another", pack, Parcel) is None


def test_another_version_is_told_so_with_both_versions(held, at, monkeypatch):
    monkeypatch.setattr(borrowing, "__version__", "0.0.1")
    with pytest.raises(RetryableError) as raised:
        borrow(at, "w", pack, Parcel)
    said = str(raised.value)
    assert f"process {os.getpid()}" in said
    assert "expected: Penstock 0.0.1" in said
    assert "hint: stop that process" in said


def test_another_protocol_is_told_so(held, at, monkeypatch):
    monkeypatch.setattr(wire, "PROTOCOL", 99)
    greeted = borrowing._greeted
    monkeypatch.setattr(borrowing, "_greeted", lambda *given: {**greeted(*given), "protocol": 1})
    with pytest.raises(RetryableError, match="another version"):
        borrow(at, "w", pack, Parcel)


@pytest.mark.parametrize("said", [b"", b"\n", b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b"x" * 100_000, b'{"session": 1}\n'])
def test_who_does_not_speak_the_protocol_is_hung_up_on(said, held, borrowers, at):
    end = place.reach(at)
    end.sendall(said)
    end.shutdown(socket.SHUT_WR)
    while end.recv(4096):
        pass
    end.close()
    assert fetch(borrowers(), "select 1") == [(1,)]


class Evil:
    def __reduce__(self):
        return os.getenv, ("HOME",)


def test_only_classes_of_ours_and_plain_ones_are_made_of_what_comes():
    for bad in (pickle.dumps(Evil()), b"cpenstock.cli\nmain\n.", b"cbuiltins\neval\n.", b"cos\nsystem\n."):
        with pytest.raises(FatalError, match="does not cross"):
            wire.read(bad)
    kept = {"a": [Decimal(1), datetime(2026, 1, 1, tzinfo=UTC), Schema.of([("n", "bigint")]), {1}, b"x"]}
    assert wire.read(wire.answered(kept)) == kept


# -- the place


def test_only_the_present_user_can_reach_the_socket(held, at):
    assert at.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in at.parent.iterdir() if path.name.startswith("s-")] == []


def test_a_socket_of_another_user_is_not_touched(held, at, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    assert place.reach(at) is None


def test_another_users_process_is_hung_up_on(held, at, monkeypatch):
    monkeypatch.setattr("penstock.engines.lent.lender._is_own", lambda end: False)
    assert borrow(at, "w", pack, Parcel) is None


def test_a_path_that_is_too_long_for_a_socket_is_a_link_to_a_short_one(tmp_path):
    deep = tmp_path / ("d" * 120) / ".penstock" / "serve.sock"
    end = place.listen(deep)
    assert deep.is_symlink()
    target = deep.readlink()
    assert target.parent.stat().st_mode & 0o777 == 0o700
    found = place.reach(deep)
    assert found is not None
    found.close()
    end.close()
    assert place.reach(deep) is None
    place.remove(deep)
    assert not os.path.lexists(deep)
    assert not target.parent.exists()


def test_a_socket_that_nobody_listens_at_is_replaced(at):
    place.listen(at).close()
    assert at.exists()
    assert place.reach(at) is None
    end = place.listen(at)
    found = place.reach(at)
    assert found is not None
    found.close()
    end.close()


def test_a_file_in_its_place_is_no_socket(at):
    at.write_text("hello")
    assert place.reach(at) is None


# -- parcels

TYPES = {
    "boolean": "true", "tinyint": "-1", "ubigint": "18446744073709551615", "hugeint": "-7", "float": "1.5",
    "double": "'nan'", "decimal(38,3)": "1.125", "varchar": "'é'", "blob": "'\\xff'", "uuid": "gen_random_uuid()",
    "date": "'2026-01-01'", "time": "'10:00'", "timetz": "'10:00:00+02'", "timestamp": "'2026-01-01'",
    "timestamptz": "'2026-01-01 00:00+02'", "timestamp_ns": "'2026-01-01'", "interval": "interval 1 month",
    "bit": "'101'", "json": "'{\"a\": 1}'", "integer[]": "[1, null]",
    "struct(a integer, b varchar)": "{'a': 1, 'b': 'x'}",
    "map(varchar, integer)": "map {'a': 1}", "integer[2]": "[1, 2]",
}  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(kinds=st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=6), rows=st.integers(0, 3))
def test_types_and_values_survive_the_way_through_a_file(kinds, rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("parcel") / "p"
    con = duckdb.connect(config=CONFIG)
    listed = ", ".join(f"case when range = 1 then null else {TYPES[k]}::{k} end as a{n}" for n, k in enumerate(kinds))
    con.execute(f"create table t as select {listed} from range({rows})")
    relation = con.sql("from t")
    parcel = Parcel(path, pack(relation, path))
    assert not path.exists()
    assert parcel.native().types == relation.types
    exact = "cast(columns(*) as varchar)"
    assert parcel.native().project(exact).fetchall() == relation.project(exact).fetchall()
    parcel.close()
    con.close()


def test_columns_of_one_name_and_of_no_type_survive_too(tmp_path):
    con = duckdb.connect(config=CONFIG)
    relation = con.sql("select 1 as a, null as n, 2 as a from range(2)")
    path = tmp_path / "p"
    parcel = Parcel(path, pack(relation, path))
    assert Table.from_arrow(parcel).schema == Table.from_arrow(relation).schema
    assert Table.from_arrow(parcel).num_rows == 2
    parcel.close()
    with pytest.raises(ValueError, match="closed"):
        parcel.native()
    con.close()
