"""Groups whose aggregates are kept as states: added to while they grow, made anew, states and all, where rows go."""

from dataclasses import replace

import pytest

from penstock.engines.duck.engine import DuckEngine
from penstock.model.relation import Query
from penstock.protocols.engine import EngineCan
from tests.property.engine.drive import Drive, Held, hold
from tests.unit.refresh.followed import case, step

SPREAD = "select k, stddev(v) as d, var_pop(v) as p, sum(v) as s, count(*) as n from raw.a group by k"
PAIRS = "select k, corr(v, g) as c, regr_slope(v, g) as b, covar_pop(v, g) as o from raw.a group by k"
BITS = "select k, bit_or(v) as o, bit_and(v) as a, bit_xor(v) as x, product(v) as p from raw.a group by k"
WHOSE = "select k, arg_max(id, v) as most, arg_min(id, v) as least from raw.a group by k"
SUMS = "select k, fsum(v) as s, favg(v) as m from raw.a group by k"
SKETCH = "select k, approx_count_distinct(v) as n, fsum(v) as s from raw.a group by k"
SOME = "select k, stddev(v) filter (where g = 1) as d, bit_or(v) filter (where g = 2) as o from raw.a group by k"
SHAPE = "select k, skewness(v) as s from raw.a group by k"
ALL = "select var_pop(v) as p, min(v) as lo, count(*) as n from raw.a"
PLACES = "select b.w, stddev(a.v) as d from raw.a left join raw.b on b.k = a.k group by b.w"
GOES = (
    "a 1 x 1 1, 2 x 2 2, 3 y 1 4, 9 x 1 7", "a 4 x 1 8, 5 z 1 1, 6 y 2 9", "a 7 x 2 3, 8 x 1 5", "a- 3, 4",
    "a 2 y 1 6", "a 10 x 1 12, 11 y 2 1", "a- 5", "a 12 x 2 2",
)  # fmt: skip

CASES = {
    "what spreads": case(*GOES, t=SPREAD),
    "what goes together": case(*GOES, t=PAIRS),
    "bits and products": case(*GOES, t=BITS),
    "the row of an extreme": case(*GOES, t=WHOSE),
    "sketches and sums of floats": case(*GOES, t=SKETCH),
    "only some rows": case(*GOES, t=SOME),
    "all rows": case("a 1 x 1 1", "a 2 x 1 3", "a 3 y 1 .", "a- 1", "a 4 y 1 8", "a- 2, 3, 4", "a 5 x 1 1", t=ALL),
    "values and keys that are null": case(
        "a 1 . 1 ., 2 x 1 2", "a 3 . 1 4, 4 x 1 .", "a 5 . 1 1, 6 x 1 3", "a- 3, 2", "a 7 . 1 2, 8 x 1 9",
        t=SPREAD, u=WHOSE,
    ),
    # {1, 2, 3} and {11, 12, 13} are equally skew, and there are as many of them: the state must change all the same
    "a value stays and its state does not": case(
        "a 1 x 1 1, 2 x 1 2, 3 x 1 3", "a 1 x 1 11, 2 x 1 12, 3 x 1 13", "a 4 x 1 90", t=SHAPE
    ),
    "groups that the rows of others enter": case(
        "a 1 x 1 1, 2 x 1 5, 3 y 1 3; b 1 y 1 7", "b 2 x 1 7", "a 4 x 1 9, 5 y 1 4", "b- 1", "a 6 x 1 2", t=PLACES
    ),
    "a definition that changes": case(
        "a 1 x 1 1, 2 x 1 5", step("a 3 x 1 2", t=SKETCH), "a 4 x 1 9", step("a 5 x 1 3", t=SPREAD), "a 6 x 1 4",
        t=SPREAD,
    ),
    "a raw table with a new column": case(
        "a 1 x 1 1, 2 x 1 5", step("a 3 x 1 9 7", wider="a u integer"), "a 4 x 1 2 1", t=SPREAD
    ),
    "numbers that are none": case(
        "f 1 x 1, 2 x inf, 3 y 4", "f 4 y nan, 5 z 1", "f 6 x nan, 7 y 2", "f- 2, 4", "f 8 x 0.5, 9 y inf, 10 z 7",
        t="select k, var_pop(r) as p, product(r) as m, fsum(r) as s, approx_count_distinct(r) n from raw.f group by k",
        u="select k, arg_max(id, r) as most, corr(r, id) as c, favg(r) as f from raw.f group by k",
    ),
    "a table over one with states": case(*GOES, t=SPREAD, u="select n, max(d) as d from t group by n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_states_give_what_the_query_gives_after_every_step(name):
    hold(CASES[name])


def strategies(one):
    return [strategy for _, strategy, _ in hold(one).refreshed]


@pytest.mark.parametrize("query", [SPREAD, PAIRS, BITS, WHOSE, SUMS, SOME, SHAPE])
def test_groups_merge_while_they_grow_and_are_computed_again_where_rows_go(query):
    steps = ("a 1 x 1 1, 2 x 2 2, 3 y 1 4", "a 4 x 1 8, 5 z 1 1", "a- 3", "a 6 x 1 3")
    assert strategies(case(*steps, t=query)) == ["build", "merge", "keys", "merge"]


@pytest.mark.parametrize(("dense", "how"), [(0, "merge"), (10**6, "keys")], ids=["large groups", "small groups"])
def test_sketches_are_added_to_where_groups_are_large_alone(dense, how):
    one, held = case(*GOES, t=SKETCH), Held()
    drive = Drive(one, ":memory:", held, dense)
    for number, taken in enumerate(one.steps):
        drive.step(number, taken)
    drive.engine.close()
    said = [strategy for _, strategy, _ in held.refreshed]
    assert said == ["build", how, how, "keys", "keys", how, "keys", how]


def test_a_group_of_all_rows_merges_while_it_grows_and_is_computed_in_full_where_rows_go():
    steps = ("a 1 x 1 1, 2 x 2 2", "a 3 x 1 8", "a- 3", "a 4 x 1 3")
    assert strategies(case(*steps, t=ALL)) == ["build", "merge", "full", "merge"]


def test_a_group_of_all_rows_that_none_of_the_new_ones_enters_is_as_it_was():
    one = case("a 1 x 1 1, 2 x 2 2", "a 3 y 1 8", "a 4 x 1 8", t="select var_pop(v) as p from raw.a where k = 'x'")
    assert [changed for _, _, changed in hold(one).refreshed] == [True, False, True]


@pytest.mark.parametrize(
    "wanted",
    [
        "count(distinct v)", "var_pop(distinct v)", "any_value(v)", "last(v)", "first(v)", "list(v order by v)",
        "string_agg(k, ',' order by k)", "approx_quantile(v, 0.5)", "median(v)", "mode(v)", "histogram(v)", "max(v, 2)",
        "arg_max(id, v, 2)", "product(v order by id)",
    ],
)  # fmt: skip
def test_what_has_no_state_that_gives_the_same_is_computed_again(wanted):
    table = f"select k, g, stddev(v) as d, {wanted} as x from raw.a group by k, g"
    assert strategies(case("a 1 x 1 1, 2 x 1 2", "a 3 x 1 8", t=table)) == ["build", "keys"]


def test_nobody_sees_states():
    one = case("a 1 x 1 1, 2 x 1 2", "a 3 x 1 8", t=SPREAD)
    drive = Drive(one, ":memory:", Held())
    drive.step(0, one.steps[0])
    drive.step(1, one.steps[1])
    rows = drive.engine.read(Query("select * from t"))
    assert rows.schema.names == drive.engine.relations()["t"].schema.names == ("k", "d", "p", "s", "n")
    assert len(rows.fetch()) == 1
    said = drive.engine.read(Query("select column_name from information_schema.columns where table_name = 't'"))
    assert sorted(name for (name,) in said.fetch()) == sorted(rows.schema.names)
    drive.engine.close()


def test_states_in_another_form_are_made_anew(monkeypatch):
    below = "select n, max(d) as d from (select k, stddev(v) as d, count(*) as n from raw.a group by k) group by n"
    one = case("a 1 x 1 1, 2 x 1 5", "a 3 x 1 8", "a 4 x 1 2", "a 5 x 1 3", t=SPREAD, u=below, w="select k from raw.a")
    held = Held()
    drive = Drive(one, ":memory:", held)
    drive.step(0, one.steps[0])
    drive.step(1, one.steps[1])
    newer = replace(drive.engine.can, states="another form")
    monkeypatch.setattr(DuckEngine, "can", property(lambda _: newer))
    drive.step(2, one.steps[2])
    drive.step(3, one.steps[3])
    drive.engine.close()
    said = [strategy for _, strategy, _ in held.refreshed]
    first, grown, anew = ["build"] * 3, ["merge", "merge", "append"], ["build", "build", "append"]
    assert said == [*first, *grown, *anew, *grown]


def test_an_engine_that_keeps_no_states_has_such_groups_computed_again(monkeypatch):
    monkeypatch.setattr(DuckEngine, "can", property(lambda _: EngineCan(frozenset(), frozenset(), frozenset())))
    assert strategies(case("a 1 x 1 1, 2 x 1 2", "a 3 x 1 8", t=SPREAD)) == ["build", "keys"]
