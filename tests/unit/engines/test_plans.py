"""A plan of DuckDB as people read it: steps over steps, tables and columns by their names."""

import duckdb
import pytest

from penstock.base.errors import UnsupportedError
from penstock.engines.duck.plans import plan as planned


@pytest.fixture
def con():
    made = duckdb.connect()
    made.execute("create schema _penstock")
    made.execute(
        "create table _penstock.\"sales.daily@3.20\" as select i, i % 10 as g, 'n' || i as s from range(50000) t(i)"
    )
    made.execute('create schema sales; create view sales.daily as select * from _penstock."sales.daily@3.20"')
    yield made
    made.close()


def plan(con, text, measure=False):
    return planned(con.sql(text), measure=measure)


def lines(step, depth=0):
    return [(depth, step.operator), *(line for one in step.steps for line in lines(one, depth + 1))]


def steps(step):
    return [step, *(inner for one in step.steps for inner in steps(one))]


GROUPED = "select g, count(*) as n, max(s) as last from sales.daily where i < 500 group by g order by n"


@pytest.mark.parametrize("measure", [False, True])
def test_steps_that_only_carry_columns_are_left_out(con, measure):
    assert lines(plan(con, GROUPED, measure)) == [
        (0, "Order by"), (1, "Perfect hash group by"), (2, "Projection"), (3, "Scan"),
    ]  # fmt: skip


def test_a_table_has_its_own_name_and_columns_theirs(con):
    _, grouped, _, scan = steps(plan(con, GROUPED))
    assert dict(scan.details)["Table"] == "sales.daily"
    assert dict(grouped.details) == {"Groups": "g", "Aggregates": "count_star(), max(s)"}


def test_what_is_only_planned_has_a_guess_and_nothing_measured(con):
    for step in steps(plan(con, GROUPED)):
        assert step.expected is not None
        assert (step.rows, step.seconds) == (None, None)


def test_what_was_measured_says_how_many_rows_each_step_gave(con):
    found = steps(plan(con, GROUPED, measure=True))
    assert [step.rows for step in found] == [10, 10, 500, 500]
    assert all(step.seconds >= 0 for step in found)


def test_a_join_has_two_steps_under_it(con):
    found = plan(con, "select * from sales.daily a join sales.daily b on a.i = b.i + 1 where b.g = 3")
    join = next(step for step in steps(found) if step.operator == "Hash join")
    assert len(join.steps) == 2
    assert dict(join.details)["Join Type"] == "INNER"


@pytest.mark.parametrize(
    "text",
    [
        "select 1", "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r",
        "select * from range(5) a, range(5) b where a.range < b.range", "select count(*) from sales.daily where g = 3",
        "select *, row_number() over (partition by g order by i) from sales.daily union all select 1, 2, 'x', 3",
        "select * from sales.daily where g in (select g from sales.daily where i < 5) order by s limit 3",
        "select unnest([1, 2]) as n", "select * from sales.daily asof join (select 7 as i) b using (i)",
        "pivot sales.daily on g in (1, 2) using count(*)", "select 1 where false",
        "select distinct g from sales.daily except select 3",
    ],
)  # fmt: skip
@pytest.mark.parametrize("measure", [False, True])
def test_every_kind_of_query_has_a_plan(con, text, measure):
    found = steps(plan(con, text, measure))
    assert all(step.operator for step in found)
    assert not measure or all(step.rows is not None and step.seconds is not None for step in found)


@pytest.mark.parametrize("text", ["select count(*) from sales.daily", "values (1), (2)"])
def test_what_the_engine_cannot_measure_is_said_not_to_be_measured(con, text):
    found = steps(plan(con, text, measure=True))
    assert found
    assert all(step.rows is None for step in found)


def test_a_plan_of_thousands_of_steps_upon_each_other_is_refused():
    class Deep:
        def explain(self, **_):
            return "[" + '{"name": "FILTER", "children": [' * 5_000 + "]}" * 5_000 + "]"

    with pytest.raises(UnsupportedError, match="too deep"):
        planned(Deep())
