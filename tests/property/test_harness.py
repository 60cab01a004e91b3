"""The harness itself: what is wrong is found, and made small enough to be read."""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from penstock.engines.duck.txn import DuckTxn
from penstock.refresh import cascade
from tests.property.engine import prove
from tests.property.engine.case import Case, Feed, Raw, Step, script
from tests.property.engine.choose import by_random
from tests.property.engine.drive import hold
from tests.property.engine.oracle import difference
from tests.property.engine.sequence import BLOCKS, make
from tests.property.engine.shrink import shrink

RAW = Raw("raw.a", (("id", "bigint"), ("k", "varchar"), ("v", "double")), ("id",))
CASE = Case(
    (RAW,),
    (("t1", "select k, v from raw.a where v > 0 and k <> 'x'"), ("t2", "select k, sum(v) as v from t1 group by k")),
    (
        Step((Feed("raw.a", "upsert", (("1", "'a'", "1.5"), ("2", "'b'", "0.1"))),)),
        Step((Feed("raw.a", "upsert", (("2", "'b'", "0.25"), ("3", "null", "0"))), Feed("raw.a", "delete", (("1",),)))),
        Step((Feed("raw.a", "upsert", (("4", "'a'", "'nan'"),)),), only=("t2",)),
        Step(
            (Feed("raw.a", "upsert", (("5", "'c'", "1", "7"),)),),
            (("t2", "select count(*) as n from t1"),),
            (("raw.a", "y", "integer"),),
            reopen=True,
        ),
    ),
)


def test_a_case_that_is_right_holds_and_says_what_it_did() -> None:
    held = hold(CASE)
    assert {how for _, how, _ in held.refreshed} >= {"build"}
    assert held.steps == len(CASE.steps) + 1


def test_a_case_says_itself_in_python() -> None:
    found: dict[str, Any] = {}
    exec(script(CASE, "why\nso"), found)
    assert found["CASE"] == CASE


def _left_behind() -> tuple[str, Case]:
    """Return what is wrong where a step overlooks that rows were only taken away, and the case made small."""
    run = cascade._Attempt._settle

    def overlooks(self: Any, table: Any, change: Any, strategy: str, *rest: Any) -> None:
        if strategy != "build" and change.removed and not change.added:
            self.txn.drop(change)
            return
        run(self, table, change, strategy, *rest)

    cascade._Attempt._settle = overlooks  # type: ignore[method-assign]
    kinds = ((case, prove.wrong(case)[0]) for case in (prove.sequence(1, n).case for n in range(200)))
    made, kind = next(one for one in kinds if one[1])
    return kind, shrink(made, lambda case: prove.wrong(case)[0] == kind, 240)


@pytest.mark.slow
def test_a_table_that_is_left_behind_is_found_and_made_small() -> None:
    """In a process of its own: behind other tests it has once been made less small, and nobody knows why."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        kind, small = pool.submit(_left_behind).result()
    assert kind == "DiffersError"
    rows = sum(len(feed.rows) for step in small.steps for feed in step.feeds)
    assert (len(small.tables), len(small.steps)) <= (1, 2), script(small, "")
    assert rows <= 4, script(small, "")


def test_a_lost_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = DuckTxn.apply

    def loses(self: Any, change: Any) -> Any:
        applied = apply(self, change)
        if change.added and not change.built:
            place = f'_penstock."{applied.physical}"'
            self.con.execute(f"delete from {place} where _rid = (select max(_rid) from {place})")
        return applied

    monkeypatch.setattr(DuckTxn, "apply", loses)
    wrong = next(said for _, said in (prove.wrong(prove.sequence(2, n).case) for n in range(200)) if said)
    assert "missing" in wrong


def test_floats_are_equal_when_near_and_rows_as_often_as_they_are_there() -> None:
    nan = float("nan")
    assert difference([(1, 0.1 + 0.2), (1, nan)], [(1, nan), (1, 0.3)]) == ([], [])
    assert difference([(1,), (1,)], [(1,)]) == ([(1,)], [])
    assert difference([([1, {"a": nan}],)], [([1, {"a": 2.0}],)])[0]
    assert difference([(1, 0.5)], [(1, 0.5001)]) == ([(1, 0.5)], [(1, 0.5001)])


def test_the_same_seed_gives_the_same_case_and_every_block_has_its_turn() -> None:
    assert make(by_random(random.Random("7/3"))).case == make(by_random(random.Random("7/3"))).case
    for number, wanted in enumerate(["", *sorted(BLOCKS)]):
        made = prove.sequence(7, number)
        assert made.case.tables
        assert wanted == "" or made.blocks[made.case.tables[0][1]]
