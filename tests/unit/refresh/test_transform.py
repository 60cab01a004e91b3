"""How a table is brought up to date: what is followed, by which strategy, and what is computed in full."""

from datetime import UTC, datetime

import pytest

from tests.property.engine.drive import Drive, Held, hold
from tests.unit.refresh.followed import case, step

TOTALS = "select k, sum(v) as s, count(*) as n from raw.a group by k"
OF_TOTALS = "select n, count(*) as c from (select k, count(*) as n from raw.a group by k) group by n"

CASES = {
    "a table is left out of a run": case(
        "a 1 x 1 1, 2 y 1 2",
        step("a 3 x 1 4", only=("t",)),
        step("a 4 y 1 8; a- 1", only=("u",)),
        "a 5 x 1 16",
        t=TOTALS,
        u="select id, v from raw.a",
    ),
    "a row comes and goes while a table is left out": case(
        "a 1 x 1 1, 2 y 1 2",
        step("a 3 x 1 4", only=("u",)),
        step("a- 3; a 2 x 1 2", only=("u",)),
        "a 4 y 1 8",
        t=TOTALS,
        u="select id from raw.a",
    ),
    "a raw table has a further column": case(
        "n x 1, y 2", step("n x 3 7", wider="n z integer"), "n y 4 8", t="select * from raw.n", u="select k from raw.n"
    ),
    "a table is computed anew under groups of groups": case(
        "a 1 x 1 1, 2 y 1 2, 3 y 1 3",
        step("a 4 x 1 8", p="select id, k, v from raw.a where v > 1"),
        "a 5 y 1 1, 6 y 1 9",
        p="select id, k, v from raw.a",
        t="select n, count(*) as c from (select k, count(*) as n from p group by k) group by n",
    ),
    "two tables share groups": case(
        "a 1 x 1 1, 2 y 1 2",
        "a 3 x 1 4",
        "a- 2; a 1 y 1 1",
        "a 4 y 1 3",
        t=OF_TOTALS,
        u="select max(n) as m from (select k, count(*) as n from raw.a group by k)",
    ),
    "tables over tables": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5",
        "a 3 x 1 4; b 2 y 1 6",
        "a- 1; b- 1",
        p="select a.id, a.k, b.w from raw.a left join raw.b on b.k = a.k",
        t="select k, sum(w) as s from p group by k",
        u="select t.k, p.id from t join p on p.k = t.k",
    ),
    "a row makes many, which others follow": case(
        "a 1 x 1 1; b 1 x 1 1, 2 x 1 2, 3 x 1 3",
        "a 2 x 1 1",
        "a 3 x 1 2",
        "a- 2",
        p="select a.id, b.w from raw.a join raw.b on b.k = a.k",
        t="select id + w as s from p",
    ),
    "one of two tables over each other is left out": case(
        "a 1 x 1 1, 2 y 1 2",
        step("a 3 x 1 4; a- 1", only=("p",)),
        "a 4 y 1 8",
        p="select id, k, v + 1 as v from raw.a",
        t="select id, v from p",
        u=TOTALS.replace("raw.a", "p"),
    ),
}

# What is done after the first step, the table, and the strategy of each step.
STRATEGIES = {
    "more rows": (("a 2 x 1 2",), "select id, v from raw.a", ["append"]),
    "fewer rows": (("a- 1",), "select id, v from raw.a", ["keys"]),
    "groups that grow": (("a 2 x 1 2", "a 3 y 1 1"), TOTALS, ["merge", "merge"]),
    "groups that lose": (("a 2 x 1 2", "a- 2"), TOTALS, ["merge", "merge"]),
    "groups that lose an extreme": (("a- 1",), "select k, min(v) as m from raw.a group by k", ["merge"]),
    "groups whose extreme another takes": (
        ("a 2 x 1 2", "a- 1"), "select k, min(v) as m from raw.a group by k", ["merge", "merge → keys"]
    ),
    "groups that cannot merge": (("a 2 x 1 2", "a- 2"), "select k, median(v) as m from raw.a group by k", ["keys"] * 2),
    "groups of groups": (("a 2 x 1 2",), OF_TOTALS, ["merge"]),
    "the first few": (("a 2 x 1 2",), "select id from raw.a order by v, id limit 3", ["full"]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_tables_equal_their_queries_after_every_step(name):
    hold(CASES[name])


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_change_is_followed_by_the_strategy_of_its_block(name):
    steps, text, wanted = STRATEGIES[name]
    held = hold(case("a 1 x 1 1, 9 z 1 5", *steps, t=text))
    assert [strategy for _, strategy, done in held.refreshed if done][1:] == wanted


def test_what_was_vacuumed_since_is_not_followed():
    told = case("a 1 x 1 1, 2 y 1 2", step("a- 1", only=("u",)), "a 3 y 1 4", t=TOTALS, u="select id from raw.a")
    drive = Drive(told, ":memory:", Held())
    try:
        drive.step(0, told.steps[0])
        drive.step(1, told.steps[1])
        drive.engine.vacuum({"raw.a": drive.engine.version}, 0, datetime.now(UTC))
        drive.step(2, told.steps[2])
    finally:
        drive.engine.close()
    assert [how for text, how, _ in drive.held.refreshed if text == TOTALS] == ["build", "full"]
