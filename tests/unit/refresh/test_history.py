"""The past of tables: every version reads as it was, what is not there is one clear error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from penstock.base.errors import ConfigError, PenstockError, PlanError
from penstock.engines.duck import DuckEngine, open_engine
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.step import Build, Compare, Compute, Conform
from penstock.refresh.history import Pasts, asked
from penstock.testing.clocks import StillClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Warehouse:
    """A warehouse whose clock is an hour later at each commit."""

    def __init__(self, engine: DuckEngine) -> None:
        self.engine = engine
        self.clock = StillClock(BEGIN)

    def build(self, name: str, text: str, fingerprint: str = "1:a") -> None:
        self.do(lambda txn: txn.apply(txn.run(Build(name, Query(text), fingerprint))))

    def set(self, name: str, text: str) -> None:
        def work(txn: Any) -> None:
            relation = self.engine.relations()[name]
            stage = txn.run(Conform(relation, txn.run(Compute(Query(text))).name))
            txn.apply(txn.run(Compare(relation, stage.name)))

        self.do(work)

    def do(self, work: Any) -> None:
        self.clock.at += timedelta(hours=1)
        txn = self.engine.begin()
        work(txn)
        txn.commit(Commit(txn.version, self.clock.now(), "r"))

    def ask(self, text: str) -> list[tuple[Any, ...]]:
        rows = self.engine.read(asked(Pasts(self.engine, self.clock), text))
        try:
            return rows.fetch()
        finally:
            rows.close()

    def wrong(self, text: str) -> str:
        with pytest.raises(PenstockError) as caught:
            self.ask(text)
        assert "^" in caught.value.excerpt
        return str(caught.value)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    engine = open_engine(tmp_path / "w.duckdb")
    found = Warehouse(engine)
    found.build("t", "from (values (1, 'a'), (2, 'b')) t(k, v)")
    found.set("t", "from (values (1, 'a'), (2, 'x'), (3, 'c')) t(k, v)")
    found.set("t", "from (values (1, 'a'), (3, 'c')) t(k, v)")
    yield found
    engine.close()


def test_every_version_and_time_reads_as_it_was(warehouse: Warehouse) -> None:
    states = {1: [(1, "a"), (2, "b")], 2: [(1, "a"), (2, "x"), (3, "c")], 3: [(1, "a"), (3, "c")]}
    warehouse.clock.at += timedelta(hours=1)
    for version, rows in states.items():
        assert sorted(warehouse.ask(f"from t at (version => {version})")) == rows
        hour = f"2026-01-01 0{version}"
        assert sorted(warehouse.ask(f"from t at (timestamp => '{hour}:59')")) == rows
        assert sorted(warehouse.ask(f"from t at (timestamp => timestamp '{hour}:00:00')")) == rows
    joined = "select n.k, o.v, n.v from t at (version => 1) o full join t at (version => 2) n using (k) order by all"
    assert warehouse.ask(joined) == [(1, "a", "a"), (2, "b", "x"), (3, None, "c")]


def test_changes_have_every_row_that_came_or_went_with_its_version_and_time(warehouse: Warehouse) -> None:
    found = warehouse.ask("select _change, _version, k, v from changes('t', 1) order by all")
    assert found == [("delete", 2, 2, "b"), ("delete", 3, 2, "x"), ("insert", 2, 2, "x"), ("insert", 2, 3, "c")]
    assert warehouse.ask("select distinct _at from changes('t', 2, 3)") == [(BEGIN + timedelta(hours=3),)]
    assert len(warehouse.ask("from changes('t', 0)")) == 6
    assert len(warehouse.ask("from changes('t', '2026-01-01 01:30', '2026-01-01 02:30')")) == 3
    assert warehouse.ask("from changes('t', 2, 2)") == []


def test_history_says_from_when_to_when_a_row_was_valid(warehouse: Warehouse) -> None:
    found = warehouse.ask("select v, hour(valid_from), hour(valid_to) from history('t') order by v")
    assert found == [("a", 1, None), ("b", 1, 2), ("c", 2, None), ("x", 2, 3)]


def test_columns_of_ours_give_way_to_the_tables_own(warehouse: Warehouse) -> None:
    warehouse.build("scd", "select 1 as valid_from, 2 as _change")
    assert warehouse.ask("select valid_from, _valid_from from history('scd')")[0][0] == 1
    assert warehouse.ask("select _change, __change from changes('scd', 0)") == [(2, "insert")]


def test_a_changed_definition_reads_as_what_it_was(warehouse: Warehouse) -> None:
    warehouse.build("t", "from (values (1, 'a', true), (3, 'd', true), (3, 'd', true)) t(k, v, w)", "1:b")
    warehouse.set("t", "from (values (1, 'a', true)) t(k, v, w)")
    assert sorted(warehouse.ask("from t at (version => 3)")) == [(1, "a"), (3, "c")]
    assert len(warehouse.ask("from t at (version => 4)")) == 3
    found = warehouse.ask("select _change, _version, k, v, w from changes('t', 3) order by all")
    gone = [("delete", 4, 1, "a", None), ("delete", 4, 3, "c", None), ("delete", 5, 3, "d", True)]
    assert found == [*gone, gone[-1], ("insert", 4, 1, "a", True), *2 * [("insert", 4, 3, "d", True)]]
    life = warehouse.ask("select hour(valid_from), hour(valid_to) from history('t') where k = 1 order by 1")
    assert life == [(1, 4), (4, None)]


def test_a_rebuild_that_gives_the_same_rows_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.build("t", "from (values (1, 'a'), (3, 'c'), (4, 'e')) t(k, v)", "1:b")
    assert warehouse.ask("from changes('t', 3)")[0][3:] == (4, "e")
    assert len(warehouse.ask("from changes('t', 3)")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from u at (version => 1)", "no table 'u'"),
        ("from tt at (version => 1)", "did you mean 't'"),
        ("from late at (version => 1)", "late was not there yet at version 1"),
        ("from t at (version => 9)", "there is no version 9"),
        ("from t at (version => 0)", "from 1 to 4"),
        ("from t at (version => 'x')", "this is not a version"),
        ("from t at (version => nope)", "nope"),
        ("from t at (timestamp => 1)", "this is not a time"),
        ("from t at (timestamp => 'noon')", "'noon' is not a time"),
        ("from t at (timestamp => '2025-12-31')", "nothing was committed at 2025-12-31 00:00:00 UTC or before"),
        ("from t at (timestamp => '2027-01-01')", "is still to come"),
        ("from changes('t', 3, 2)", "asked for backwards"),
        ("from changes('late', 1, 2)", "late was not there yet at version 2"),
        ("from t at (version => 1) o, nope", "nope"),
    ],
)
def test_what_is_not_there_is_one_error_with_the_place(warehouse: Warehouse, text: str, said: str) -> None:
    warehouse.build("late", "select 1 as k")
    assert said in warehouse.wrong(f"select 1\n{text}")


def test_a_text_that_begins_with_a_subquery_of_its_own_reads_the_past_too(warehouse: Warehouse) -> None:
    recursive = "with recursive n(k) as (from (select 1) union all select k + 1 from n where k < 2)"
    for text in (
        "with a as (from t at (version => 1)) select count(*) from a",
        f"/* first */ {recursive}\nselect count(*) from n join t at (version => 1) using (k)",
        "(with a as (from t at (version => 1)) select count(*) from a) -- said",
        "(select count(*) from t at (version => 1))",
    ):
        assert warehouse.ask(text) == [(2,)], text
    said = warehouse.wrong("with a as (from t at (version => 1))\nselect nope from a")
    assert "query:2:8" in said
    assert "nope from a" in said


def test_from_python_a_version_a_time_or_a_text(warehouse: Warehouse) -> None:
    pasts = Pasts(warehouse.engine, warehouse.clock)
    for point in (2, "2026-01-01T04:00+02:00", BEGIN + timedelta(hours=2)):
        assert pasts.at("t", point).high == 2
    with pytest.raises(ConfigError):
        pasts.history("nope")
    with pytest.raises(PlanError, match="not a time"):
        pasts.changes("t", "x")
