"""Changes: only real differences are applied, what goes is buried, versions can be read back."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.errors import FatalError, PlanError
from penstock.engines.duck import open_engine
from penstock.model.change import Change
from penstock.model.commit import Commit
from penstock.model.relation import Query, Read, Within
from penstock.model.step import Build, Compare, Conform, Dedupe, Extend, Found, Remove, Replace, Upsert

if TYPE_CHECKING:
    from typing import Any

    from tests.unit.engines.conftest import Warehouse

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def build(warehouse: Warehouse, text: str, key: tuple[str, ...] = (), name: str = "t") -> None:
    """Make a table from a query."""
    warehouse.do(lambda txn: txn.run(Build(name, Query(text), "1:a", key)))


def compared(warehouse: Warehouse, text: str, key: tuple[str, ...] = ()) -> Change:
    """Bring the table to what a query gives."""

    def work(txn: Any) -> Change:
        relation = warehouse.engine.relations()["t"]
        staged = txn.run(Conform(relation, warehouse.staged(txn, text).name))
        found: Change = txn.run(Compare(relation, staged.name, key))
        return found

    return warehouse.do(work)


def test_rows_that_come_out_equal_are_left_alone(warehouse: Warehouse) -> None:
    """Their version stays, so that nothing downstream moves."""
    build(warehouse, "from (values (1, 'a'), (2, 'b'), (3, null)) t(k, v)", ("k",))
    change = compared(warehouse, "from (values (1, 'a'), (2, 'x'), (3, null), (4, 'd')) t(k, v)", ("k",))
    assert (change.added, change.removed) == (2, 1)
    relation = warehouse.engine.relations()["t"]
    plus = Query("select * from d order by k", (("d", Read(relation, "plus", 1, 2)),))
    minus = Query("select * from d", (("d", Read(relation, "minus", 1, 2)),))
    before = Query("select * from d order by k", (("d", Read(relation, "at", 0, 1)),))
    assert warehouse.engine.read(plus).fetch() == [(2, "x"), (4, "d")]
    assert warehouse.engine.read(minus).fetch() == [(2, "b")]
    assert warehouse.engine.read(before).fetch() == [(1, "a"), (2, "b"), (3, None)]


def test_duplicates_are_counted_where_there_is_no_key(warehouse: Warehouse) -> None:
    """A multiset: one of three equal rows goes, two stay."""
    build(warehouse, "from (values (1), (1), (1), (null), (null)) t(v)")
    change = compared(warehouse, "from (values (1), (1), (null), (null), (null)) t(v)")
    assert (change.added, change.removed) == (1, 1)
    assert sorted(warehouse.rows("from t"), key=str) == [(1,), (1,), (None,), (None,), (None,)]


@pytest.mark.parametrize(("before", "after"), [("(1), (1)", "(1)"), ("(1)", "(1), (1)"), ("(1)", "(1)")])
def test_duplicates_on_one_side_alone_are_counted(warehouse: Warehouse, before: str, after: str) -> None:
    """Rows of which none has an equal are compared another way."""
    build(warehouse, f"from (values {before}) t(v)")
    change = compared(warehouse, f"from (values {after}) t(v)")
    more = after.count("1") - before.count("1")
    assert (change.added, change.removed) == (max(more, 0), max(-more, 0))


rows = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", None])), max_size=12)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=2, max_size=4), st.booleans())
def test_after_any_comparisons_the_table_is_the_last_stage_and_every_version_reads_back(
    versions: list[list[tuple[int, str | None]]], keyed: bool
) -> None:
    """Whatever came before, with a key or without."""
    engine = open_engine(":memory:")
    try:
        states = [list({k: (k, v) for k, v in found}.values()) if keyed else found for found in versions]
        key = ("k",) if keyed else ()
        for found in states:
            txn = engine.begin()
            text = " union all ".join(f"select {k} as k, {v!r} as v".replace("None", "null::varchar") for k, v in found)
            text = text or "select 0 as k, 'x' as v where false"
            relation = engine.relations().get("t")
            if relation is None:
                change = txn.run(Build("t", Query(text), "1:a", key))
            else:
                stage = txn.run(Conform(relation, _stage(txn, text)))
                change = txn.run(Compare(relation, stage.name, key))
            txn.apply(change)
            txn.commit(Commit(txn.version, AT, "r"))
        relation = engine.relations()["t"]
        for version, found in enumerate(states, 1):
            query = Query("select * from d", (("d", Read(relation, "at", 0, version)),))
            assert sorted(engine.read(query).fetch(), key=str) == sorted(found, key=str)
        assert relation.rows == len(states[-1])
    finally:
        engine.close()


def _stage(txn: Any, text: str) -> str:
    from penstock.model.step import Compute

    name: str = txn.run(Compute(Query(text))).name
    return name


def test_an_upsert_replaces_by_key_and_the_last_wins(warehouse: Warehouse) -> None:
    """By the cursor first, then by arrival."""
    build(warehouse, "from (values (1, 10, 'old'), (2, 10, 'keep')) t(k, moment, v)", ("k",))

    def work(txn: Any) -> Change:
        staged = warehouse.staged(
            txn,
            "from (values (1, 12, 'new'), (1, 11, 'late'), (3, 1, 'w'), (3, 1, 'x'), (2, 10, 'keep')) t(k, moment, v)",
        )
        last = txn.run(Dedupe(staged.name, ("k",), "moment"))
        found: Change = txn.run(Upsert(warehouse.engine.relations()["t"], last.name, ("k",)))
        return found

    change = warehouse.do(work)
    assert (change.added, change.removed) == (2, 1)
    assert warehouse.rows("select k, v from t order by k") == [(1, "new"), (2, "keep"), (3, "x")]


def test_rows_are_removed_by_key(warehouse: Warehouse) -> None:
    """And buried with the version that removed them."""
    build(warehouse, "from (values (1), (2)) t(k)", ("k",))

    def work(txn: Any) -> Change:
        staged = warehouse.staged(txn, "select 2 as k")
        found: Change = txn.run(Remove(warehouse.engine.relations()["t"], staged.name, ("k",)))
        return found

    assert warehouse.do(work).removed == 1
    assert warehouse.rows("from t") == [(1,)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from (values (1), (1)) t(k)", "is not unique"),
        ("from (values (1), (null)) t(k)", "is null in 1 row"),
        ("select 1 as other", "the key names the column 'k'"),
    ],
)
def test_a_key_that_is_none_is_one_clear_error(warehouse: Warehouse, text: str, said: str) -> None:
    """And the table is not made."""
    with pytest.raises((FatalError, PlanError), match=said):
        build(warehouse, text, ("k",))
    assert warehouse.engine.relations() == {}


def test_a_new_definition_is_built_beside_and_swapped(warehouse: Warehouse) -> None:
    """The old storage stays and can still be found by its version."""
    build(warehouse, "select 1 as a")
    old = warehouse.engine.relations()["t"]
    build(warehouse, "select 2 as b")
    assert warehouse.rows("from t") == [(2,)]
    assert warehouse.engine.relation_at("t", 1) == old
    query = Query("select * from d", (("d", Read(old, "live")), ("e", Read(old, "at", 0, 1))))
    assert warehouse.engine.read(Query("select * from e", query.reads)).fetch() == [(1,)]


def test_what_was_not_applied_leaves_no_trace(warehouse: Warehouse) -> None:
    """A built table that a check refused is dropped; one that stands is not touched."""
    build(warehouse, "select 1 as a")
    txn = warehouse.engine.begin()
    staged = warehouse.staged(txn, "select 5 as a")
    change = txn.run(Found("u", staged.name, staged.schema, "1:u"))
    txn.drop(change)
    txn.commit(Commit(txn.version, AT, "run"))
    assert set(warehouse.engine.relations()) == {"t"}
    assert warehouse.rows("select count(*) from duckdb_tables() where table_name like 'u@%'") == [(0,)]


@pytest.mark.parametrize(
    "text", ["select 1; select 2", "delete from t", "drop view t", "attach 'x.db'", "", "set threads = 1"]
)
def test_only_one_select_can_be_asked(warehouse: Warehouse, text: str) -> None:
    """Everything else is refused before it runs."""
    build(warehouse, "select 1 as a")
    with pytest.raises(PlanError, match="only one select"):
        warehouse.engine.read(Query(text))
    assert warehouse.rows("from t") == [(1,)]


def test_an_error_points_at_the_users_line(warehouse: Warehouse) -> None:
    """File, line, column, and the word underlined."""
    with pytest.raises(PlanError) as caught:
        build(warehouse, "select 1 as a,\n  nope\n")
    txn = warehouse.engine.begin()
    with pytest.raises(PlanError) as caught:
        txn.run(Build("t", Query("select 1 as a,\n  nope\n", file="tables/t.sql", line=4), "f"))
    txn.rollback()
    assert str(caught.value.where) == "tables/t.sql:5:3"
    assert caught.value.excerpt.splitlines() == ["5 |   nope", "  |   ^^^^"]


@pytest.mark.parametrize(
    ("came", "went", "said"),
    [
        ("(4, 'd'), (5, 'e')", "", ""),
        ("(4, 'd'), (2, 'x')", "", "not unique: 1 rows too many"),
        ("(4, 'd'), (2, 'x')", "2", ""),
        ("(4, 'd'), (2, 'x')", "1", "not unique: 1 rows too many"),
        ("(4, 'd'), (4, 'd'), (4, 'e')", "1", "not unique: 2 rows too many"),
        ("(4, 'd'), (null, 'd')", "", "is null in 1 row"),
    ],
)
def test_a_key_holds_after_what_came_and_went(warehouse: Warehouse, came: str, went: str, said: str) -> None:
    """Rows that are added, or that take the place of others, are held against each other and those that stay."""
    build(warehouse, "from (values (1, 'a'), (2, 'b'), (3, null)) t(k, v)", ("k",))

    def work(txn: Any) -> Change:
        relation = warehouse.engine.relations()["t"]
        stage = warehouse.staged(txn, f"from (values {came}) t(k, v)")
        step: Any = Extend(relation, stage.name, stage.rows)
        if went:
            gone = warehouse.staged(txn, f"select {went} as k")
            step = Replace(relation, stage.name, (Within(("k",), gone.name, ("k",)),), ())
        found: Change = txn.run(step)
        return found

    if said:
        with pytest.raises(FatalError, match=said):
            warehouse.do(work)
        assert sorted(warehouse.rows("select k from t")) == [(1,), (2,), (3,)]
    else:
        warehouse.do(work)
        assert warehouse.rows("select count(*), count(distinct k) from t") == [(5 - bool(went),) * 2]


def test_a_transaction_that_ended_can_be_asked_to_stop(tmp_path):
    with closing(open_engine(tmp_path / "w.duckdb")) as engine:
        txn = engine.begin()
        txn.rollback()
        txn.stop()
        engine.begin().rollback()
