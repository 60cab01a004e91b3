"""Queries within queries: which rows a change of what they read can touch."""

import pytest

from tests.property.engine.drive import hold
from tests.unit.refresh.followed import case

IN = "select id from raw.a where k in (select k from raw.b)"
NOT_IN = "select id from raw.a where k not in (select k from raw.b)"
NOT_IN_SOME = "select id from raw.a where k not in (select k from raw.b where w > 5)"
AS_VALUE = "select id, k in (select k from raw.b) as y from raw.a"
EXISTS = "select id from raw.a where exists (select 1 from raw.b where b.k = a.k and b.w > 5)"
LEAST = "select id from raw.a where v in (select b.w from raw.b where b.k = a.k order by b.w limit 1)"
EITHER = "select id from raw.a where exists (select 1 from raw.b where b.k = a.k or b.g = a.g)"
LONELY = (
    "select id from raw.a where exists "
    "(select 1 from raw.b left join raw.c on c.id = b.id where b.k = a.k and c.id is null)"
)
SMALLER = "select id, (select count(*) from raw.b where b.w < a.v) as n from raw.a"
SUMMED = "select id, (select sum(w) from raw.b where b.k = a.k) as s from raw.a"
AMONG_GROUPS = "select id from raw.a where v in (select max(w) from raw.b group by k)"
TWO_ARE_IN = "select id from raw.a where (k, g) in (select k, g from raw.b)"
BOTH = (
    "select a.id, c.x from raw.a join raw.c on c.k = a.k "
    "where exists (select 1 from raw.b where b.g = a.g and b.w = c.x)"
)

CASES = {
    "a value is in what comes and goes": case(
        "a 1 x 1 1, 2 y 1 2, 3 . 1 3; b 1 x 1 5", "b 2 y 1 6", "b 1 y 1 5", "b- 1, 2", t=IN
    ),
    "a value is not in what comes and goes": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5", "b 2 y 1 6", "b 1 z 1 5", "b- 1, 2", t=NOT_IN
    ),
    "a null comes among what a value is not in": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5", "b 2 . 1 6", "b- 2", "b 1 . 1 5", t=NOT_IN, u=AS_VALUE
    ),
    "a null is not in nothing": case(
        "a 1 . 1 1, 2 y 1 2; b 1 x 1 5", "b- 1", "b 2 x 1 5", "a 3 . 1 3; b 2 y 1 5", "b- 2", t=NOT_IN, u=AS_VALUE
    ),
    "a null is hidden by a condition": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 6, 2 . 1 1", "b 2 . 1 9", "b 2 . 1 2, 1 x 1 3", t=NOT_IN_SOME
    ),
    "whether there is one": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5", "b 1 x 1 6", "b 2 y 1 9; a 3 y 1 1", "b 1 y 1 6", "b- 2", t=EXISTS
    ),
    "the least of those that are met": case(
        "a 1 x 1 5, 2 y 1 2; b 1 x 1 5, 2 y 1 3", "b 3 x 1 1", "b- 3; b 4 y 1 2", t=LEAST
    ),
    "either of two conditions": case(
        "a 1 x 1 1, 2 y 2 2; b 1 z 9 5", "b 1 x 9 5", "b 1 z 2 5", "b- 1", "b 2 y 9 1, 3 q 1 1", t=EITHER
    ),
    "one that meets none": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5, 2 y 1 6; c 9 q 1", "c 1 x 1", "c 2 x 1", "c- 1", "b 1 y 1 5", t=LONELY
    ),
    "how many are smaller": case("a 1 x 1 1, 2 y 1 5; b 1 x 1 2", "b 2 x 1 0", "a 3 x 1 9", "b- 1", t=SMALLER),
    "the sum of those that are met": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5", "b 2 x 1 6, 3 y 1 1", "b 2 y 1 6", "b- 1, 2; a 3 x 1 1", t=SUMMED
    ),
    "one of some groups": case("a 1 x 1 5, 2 y 1 6; b 1 x 1 5", "b 2 x 1 6", "b 3 y 1 5", "b- 2", t=AMONG_GROUPS),
    "two values at once": case("a 1 x 1 1, 2 y 2 2; b 1 x 2 5", "b 2 x 1 6", "b 1 y 2 5", "b- 2", t=TWO_ARE_IN),
    "rows of two inputs together": case(
        "a 1 x 1 1, 2 y 2 2; c 1 x 5, 2 y 6, 3 x 8; b 1 q 1 5, 4 q 1 8",
        "b 5 q 1 5",
        "b 2 q 2 6",
        "b 1 q 2 5",
        "c 1 x 7; b 3 q 1 7",
        "a 1 y 1 1; b- 2",
        t=BOTH,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rows_with_queries_in_them_equal_the_query_after_every_step(name):
    hold(CASES[name])
