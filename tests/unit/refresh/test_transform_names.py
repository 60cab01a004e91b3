"""Columns that are always null, and columns that have no name of their own, in a query and beneath it."""

import pytest

from penstock.app import requests
from penstock.model.tuning import Tuning
from tests.property.engine.drive import hold
from tests.unit.refresh.followed import case

CUBE = (
    "select k, g, sum(v)::bigint as s from raw.a group by k, g union all select k, null, sum(v)::bigint from raw.a "
    "group by k union all select null, null, sum(v)::bigint from raw.a"
)
NAMED = "with q as (select k, null as x, count(*) as n from raw.a group by k) select k, x, n from q where n > 0"
IN_TEXT = (
    "with q as (select distinct k, null as x from raw.a) select k, coalesce(x, 'none') as x, "
    "coalesce(x, date '2024-01-01') as y from q"
)
NUMBERED = "select id, null as x, row_number() over (partition by k order by id) as n from raw.a"
TEXTS = "select id, 'v' as what, k as t from raw.a union all select id, 'k', k from raw.a"
TWICE = "select k, k as t from raw.a union all select id::varchar, id::varchar from raw.a"
OUTER = "select id from raw.a where exists (select 1 from (select id::integer from raw.b) q where id = 2)"

SECOND = "select k, count(*) from raw.a group by k order by 2 desc, 1 limit 2"
COMPUTED = "select k, v + 1 from raw.a order by v + 1 desc, k limit 2"
COMPARED = "select k, sum(v)::bigint from raw.a group by k having sum(v)::bigint > 1 order by 2, 1 limit 2"
EITHER = "select k, v + 1 from raw.a union all select k, g from raw.a order by 2 desc, 1 limit 3"

CASES = {
    "the most, by a column that has no name": case("a 1 x 1 1, 2 y 2 2", "a 3 y 2 5, 4 z 1 1", "a- 2, 3", t=SECOND),
    "the first by what is computed": case("a 1 x 1 1, 2 y 2 2", "a 3 y 2 5, 4 z 1 1", "a- 2, 3", t=COMPUTED),
    "the least of groups that are picked": case("a 1 x 1 1, 2 y 2 2", "a 3 y 2 5, 4 z 1 7", "a- 2, 3", t=COMPARED),
    "the first of two tables": case("a 1 x 1 1, 2 y 2 2", "a 3 y 2 5, 4 z 1 1", "a- 2, 3", t=EITHER),
    "sums of several groupings": case("a 1 x 1 1, 2 y 2 2", "a 3 x 2 5", "a 1 y 1 1", "a- 2", t=CUBE),
    "null in what is named": case("a 1 x 1 1, 2 y 2 2", "a 3 x 2 5", "a 1 z 1 1", "a- 2", t=NAMED),
    "null that stands for texts and for days": case("a 1 x 1 1, 2 y 2 2", "a 3 z 2 5", "a- 2", t=IN_TEXT),
    "null beside a window": case("a 1 x 1 1, 2 y 2 2", "a 3 x 2 5", "a 1 y 1 1", "a- 2", t=NUMBERED),
    "null in a table and what reads it": case(
        "a 1 x 1 1, 2 y 2 2",
        "a 3 x 2 5",
        "a 1 y 1 1",
        "a- 2",
        t="select id, k, null as x from raw.a",
        u="select k, x, count(*) as n, count(x) as m from t group by all",
        v="select distinct x from t",
    ),
    "a text that is called as a column is": case("a 1 x 1 1", "a 2 y 1 1", "a 1 z 1 1", "a- 2", t=TEXTS),
    "a column that is given twice": case("a 1 x 1 1", "a 2 y 1 1", "a 1 z 1 1", "a- 2", t=TWICE),
    "a cast in a subquery is not called as what is cast": case(
        "a 1 x 1 1, 2 y 1 1; b 2 x 1 1", "b- 2", "b 7 x 1 1", "a 2 z 1 1", "a- 2", t=OUTER
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_tables_with_such_columns_equal_their_query_after_every_step(name):
    hold(CASES[name])


def test_a_table_with_a_column_that_is_always_null_is_verified_explained_and_read_on(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "sources").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "nulls"\n')
    (tmp_path / "sources" / "raw.toml").write_text('[raw.a]\nfrom = "files"\nread = "a*.csv"\nkey = "id"\n')
    (tmp_path / "tables" / "t.sql").write_text("select k, null as x, count(*) as n from raw.a group by k having n > 0")
    (tmp_path / "tables" / "u.py").write_text(
        "from penstock import table\n\n\n@table(by='k')\ndef u(t):\n    return t\n"
    )
    (tmp_path / "a1.csv").write_text("id,k\n1,x\n2,y\n")
    with requests.open_project(tmp_path, tuning=Tuning(smallest=0, strict=True, follow=True)) as app:
        assert requests.run(app).state == "done"
        assert requests.explain(app, "t").finding == "it follows what changed"
        (tmp_path / "a2.csv").write_text("id,k\n2,z\n3,x\n")
        run = requests.run(app)
        assert run.state == "done", [step.error for step in run.failed]
        assert {step.table: step.strategy for step in run.steps if step.stage == "table"}["t"] == "merge → keys"
        assert sorted(requests.sql(app, "from u").fetch()) == [("x", None, 2), ("z", None, 1)]
        assert {one.table: one.state for one in requests.verify(app)} == dict.fromkeys(["raw.a", "t", "u"], "same")


@pytest.mark.parametrize("text", [SECOND, COMPUTED, COMPARED, EITHER])
def test_a_small_table_is_ordered_by_a_column_that_has_no_name(text, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "small"\n')
    (tmp_path / "tables" / "a.sql").write_text("select i as id, 'x' || i % 3 as k, 1 as g, i as v from range(9) t(i)")
    (tmp_path / "tables" / "t.sql").write_text(text.replace("raw.a", "a"))
    with requests.open_project(tmp_path) as app:
        run = requests.run(app)
        assert run.state == "done", [step.error for step in run.failed]
        assert [one.state for one in requests.verify(app)] == ["same", "same"]
