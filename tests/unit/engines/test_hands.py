"""How many threads an instance works with: one, and all where much is read."""

import duckdb
import pytest

from penstock.engines.duck import open_engine
from penstock.engines.duck.hands import MANY_BYTES, MANY_ROWS, ONE, Hands
from penstock.model.relation import Query


def threads(con):
    return con.execute("select current_setting('threads')").fetchone()[0]


def test_much_is_read_with_all_threads_and_little_with_one():
    with duckdb.connect() as other:
        everything = threads(other)
    with duckdb.connect(config=ONE) as con:
        hands = Hands(con)
        seen = []
        for rows, size in ((0, 0), (MANY_ROWS, 0), *[(MANY_ROWS - 1, 0)] * 10, (0, MANY_BYTES), (5, 5)):
            hands.fit(rows, size)
            seen.append(threads(con))
        hands.close()
    assert seen == [1, *[everything] * 10, 1, everything, everything]


def test_the_warehouse_lets_its_threads_be_set_and_nothing_else(tmp_path):
    engine = open_engine(tmp_path / "w.duckdb")
    txn = engine.begin()  # a new warehouse is locked when it is first committed to
    txn.rollback()
    engine.close()
    engine = open_engine(tmp_path / "w.duckdb")
    try:
        assert engine.read(Query("select current_setting('threads') as n")).fetch() == [(1,)]
        engine._con.execute("set threads = 1")
        with pytest.raises(duckdb.InvalidInputException, match="locked"):
            engine._con.execute("set memory_limit = '1GB'")
        with pytest.raises(duckdb.InvalidInputException, match="locked"):
            engine._con.execute("set allowed_configs = ['memory_limit']")
    finally:
        engine.close()
