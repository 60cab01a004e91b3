"""Aggregates of different values: kept value by value where groups are large, computed again with their groups else."""

import pytest

from tests.property.engine.drive import Drive, Held
from tests.unit.refresh.followed import case

SOME = "a 1 x 1 1, 2 x 2 2, 3 y 1 4, 4 x 1 1, 5 y 2 4, 6 x 2 ."
GOES = (
    "a 7 x 1 8, 8 z 1 1",
    "a- 4",
    "a- 1",
    "a 3 y 1 5, 2 x 1 8",
    "a 9 y 1 ., 10 . 2 3",
    "a- 8",
    "a- 3, 5",
    "a- 10",
    "a- 2, 6, 7, 9",
    "a 1 x 1 1",
)

QUERIES = {
    "count": "select k, count(distinct v) as n from raw.a group by k",
    "sum and mean": "select k, sum(distinct v) as s, avg(distinct v) as m, count(distinct v) n from raw.a group by k",
    "of an expression": "select k, 1 + count(distinct v % 3) as n from raw.a where id < 9 group by k",
    "some": "select k, count(distinct v) filter (where g = 1) as n from raw.a group by k",
    "beside others": "select k, count(*) as c, count(v) as w, sum(v) as s, count(distinct g) as n, min(v) as lo, "
    "max(v) filter (where g = 1) as hi from raw.a group by k",
    "a condition": "select k, count(distinct v) as n from raw.a group by k having count(distinct v) > 1",
    "all": "select count(distinct v) as n, count(*) as c from raw.a",
    "beside a mean": "select k, avg(v) as m, count(distinct g) as n from raw.a group by k",
    "two keys": "select k, g, count(distinct v) as n from raw.a group by k, g",
    "no key of its own": "select count(distinct v) as n from raw.a group by k",
    "of text": "select g, count(distinct k) as n, max(k) as last from raw.a group by g",
    "of a join": "select b.w, count(distinct a.v) as n from raw.a left join raw.b on b.k = a.k group by b.w",
    "of groups": "select n, count(distinct s) as d "
    "from (select k, sum(v) as s, count(*) as n from raw.a group by k) group by n",
}
APART = {
    "two values": "select k, count(distinct v) as n, count(distinct g) as m from raw.a group by k",
    "one value of different rows": "select k, count(distinct v) as n, count(distinct v) filter (where g = 1) as m "
    "from raw.a group by k",
    "beside what is not added to": "select k, count(distinct v) as n, median(v) as m from raw.a group by k",
    "beside an order": "select k, count(distinct v) as n, list(v order by id) as m from raw.a group by k",
}


def took(query, *steps, dense=1):
    """How a table was brought up to date in each step, with groups that count as large from so many rows."""
    one, held = case(*steps, t=query), Held()
    drive = Drive(one, ":memory:", held, dense)
    for number, step in enumerate(one.steps):
        drive.step(number, step)
    drive.engine.close()
    return [strategy for _, strategy, _ in held.refreshed]


@pytest.mark.parametrize("query", [*QUERIES.values(), *APART.values()], ids=[*QUERIES, *APART])
@pytest.mark.parametrize("dense", [0, 10**6], ids=["large groups", "small groups"])
def test_different_values_are_what_the_query_gives_after_every_step(query, dense):
    both = f"{SOME}; b 1 x 1 7, 2 y 1 8" if "raw.b" in query else SOME
    steps = [*GOES[:4], "b- 1", *GOES[4:]] if "raw.b" in query else GOES
    assert took(query, both, *steps, dense=dense)[0] == "build"


@pytest.mark.parametrize("name", ["count", "sum and mean", "of an expression", "some", "all", "two keys", "of text"])
def test_values_of_large_groups_are_added_to_and_taken_from(name):
    said = took(QUERIES[name], SOME, "a 7 x 1 8", "a- 1, 2", dense=0)
    assert said[0] == "build"
    assert {one.split(" → ")[0] for one in said[1:]} == {"merge"}


@pytest.mark.parametrize("name", ["count", "two keys"])
def test_small_groups_are_computed_again(name):
    assert took(QUERIES[name], SOME, "a 7 x 1 8", "a- 1", dense=10**6) == ["build", "keys", "keys"]


@pytest.mark.parametrize("name", APART)
def test_values_of_several_kinds_are_computed_again(name):
    assert took(APART[name], SOME, "a 7 x 1 8", "a- 1", dense=0) == ["build", "keys", "keys"]


def test_what_was_chosen_once_stays():
    """Four rows in two groups are enough for three a group no more once there are five groups."""
    said = took(QUERIES["count"], "a 1 x 1 1, 2 x 1 2, 3 y 1 1, 4 y 1 1", "a 5 z 1 1, 6 w 1 1, 7 v 1 1", dense=2)
    assert said == ["build", "merge"]
