"""Groups under a left join: taken apart where what meets nothing adds nothing, and left as they are where it does."""

import pytest
from sqlglot import parse_one

from penstock.model.schema import Column, Schema
from penstock.plan.sql.cut import cut
from tests.property.engine.drive import hold
from tests.unit.refresh.followed import case

# Either side comes, changes, moves to another partner and goes; customers without orders come and go, too.
STEPS = (
    "a 1 x 1 1, 2 y 1 2, 3 z 2 4; b 1 x 1 5, 2 x 2 .",
    "b 3 y 1 7",
    "a 4 w 1 8; b 4 w 1 2, 5 v 1 9",
    "b- 1",
    "b 3 x 1 7",
    "a 2 x 1 2; b 4 y 1 3",
    "a- 4; a 5 v 1 3",
    "b- 2, 3, 4, 5",
    "a- 1, 2, 3, 5",
)
FROM = "from raw.a left join raw.b on b.k = a.k"

# What is asked of it, and whether the change of the right side alone reads only what meets it.
ASKED = {
    "counts, sums and extremes of the right": (
        f"select a.k, count(b.id) as n, avg(b.w) as m, min(b.w) as lo, max(b.w) as hi {FROM} group by a.k",
        True,
    ),
    "values made of both": (f"select a.k, sum(b.w * a.v - 1) as s {FROM} group by a.k", True),
    "with an outer": (f"select a.k, count(b.id) as n {FROM.replace('left', 'left outer')} group by a.k", True),
    "of all rows": (f"select count(b.id) as n, coalesce(sum(b.w), 0) as s {FROM}", True),
    "a condition of the join": (f"select a.k, count(b.id) as n {FROM} and b.g = 1 and a.g = 1 group by a.k", True),
    "a condition on the left": (f"select a.k, count(b.id) as n {FROM} where a.v < 8 group by a.k", True),
    "some of what meets": (f"select a.k, sum(b.w) filter (where a.g = 1) as s {FROM} group by a.k", True),
    "behind an inner join": (
        "select c.k, count(b.id) as n from raw.a join raw.a c on c.id = a.id left join raw.b on b.k = c.k group by c.k",
        True,
    ),
    "a query on the right": (
        (
            "select a.k, sum(b.s) as s from raw.a left join (select k, sum(w) as s from raw.b group by k) b "
            "on b.k = a.k group by a.k"
        ),
        True,
    ),
    "every row": (f"select a.k, count(*) as n, count(b.id) as m {FROM} group by a.k", False),
    "what is there for a null": (f"select a.k, sum(coalesce(b.w, 1)) as s {FROM} group by a.k", False),
    "values of the left": (f"select a.k, sum(a.v) as s, count(b.id) as n {FROM} group by a.k", False),
    "a key of the right": (f"select b.k, count(b.id) as n {FROM} group by b.k", False),
    "a condition on the right": (f"select a.k, count(b.id) as n {FROM} where b.g is null group by a.k", False),
    "a condition that asks": (
        f"select a.k, count(b.id) as n {FROM} where not exists (select 1 from raw.b c where c.id = b.w) group by a.k",
        False,
    ),
    "no values": (f"select a.k {FROM} group by a.k", False),
    "a left join before another": (
        "select a.k, count(b.id) as n from raw.a left join raw.b on b.k = a.k join raw.b c on c.id = a.id group by a.k",
        False,
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_groups_under_a_left_join_equal_the_query_after_every_step(name):
    text, _ = ASKED[name]
    hold(case(*STEPS, t=text))


@pytest.mark.parametrize("name", ASKED)
def test_what_meets_nothing_is_looked_for_only_where_it_counts(name):
    text, parts = ASKED[name]
    schema = Schema(tuple(Column(one, "varchar" if one == "k" else "bigint") for one in ("id", "k", "g", "v", "w")))
    plan = cut(text, {"raw.a": schema, "raw.b": schema}, parse_one(text, dialect="duckdb").named_selects, "t")
    dependent = [leaf for block in plan.blocks for arm in block.arms for leaf in arm.dependent]
    assert plan.blocks
    assert (not dependent) == parts
