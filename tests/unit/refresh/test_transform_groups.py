"""Groups, windows and compounds by what changed of them: what is added, taken away, doubted, or computed again."""

import pytest

from tests.property.engine.drive import hold
from tests.unit.refresh.followed import case

COUNTS = "select k, count(*) as n, count(v) as c, sum(v) as s, avg(v) as m from raw.a group by k"
ENDS = "select k, min(v) as lo, max(v) as hi from raw.a group by k"
SOME = (
    "select k, count(*) filter (where g = 1) as n, sum(v) filter (where g = 1) as s, sum(v) filter (where g = 2) as z "
    "from raw.a group by k"
)
SOME_LEAST = "select k, min(v) filter (where g = 1) as lo from raw.a group by k"
MADE_OF = "select k, sum(v) + 1 as s, 2 * count(v) as c, avg(v) as m, max(v) - min(v) as r from raw.a group by k"
TRUTHS = "select k, count_if(v > 2) as n, bool_and(v > 1) as a, bool_or(v > 4) as o from raw.a group by k"
MIDDLE = "select k, median(v) as m from raw.a group by k"
TWO_KEYS = "select k, g, sum(v) as s from raw.a group by k, g"
TWO_MIDDLES = "select a.k, b.k as l, median(a.v + b.w) as m from raw.a join raw.b on b.id = a.g group by a.k, b.k"
SHARES = "select id, k, sum(v) over (partition by k) as s from raw.a"
TWO_WINDOWS = "select id, sum(v) over (partition by k, g) as s, count(*) over (partition by k) as n from raw.a"
LEFT_ENDS = "select b.w, min(a.v) as lo, count(*) as n from raw.a left join raw.b on b.k = a.k group by b.w"
PAIRS = "select p.k, sum(q.v) as s from raw.a p join raw.a q on q.g = p.g group by p.k"

CASES = {
    "groups by nothing, and by a list in brackets": case(
        "a 1 x 1 1, 2 y 2 2",
        "a 3 x 1 4",
        "a- 1, 2",
        "a- 3",
        t="select count(*) as n, sum(v) as s from raw.a group by ()",
        u="select k, g, count(*) as n from raw.a group by (k, g)",
    ),
    "a pivot that takes its columns from the rows": case(
        "a 1 x 1 1, 2 y 1 2",
        "a 3 x 2 4",
        "a 4 z 1 1",
        "a- 1",
        t="pivot raw.a on k using sum(v) group by g",
        u="select g, count(*) as n from t group by g",
    ),
    "a column of nothing but null": case(
        "a 1 x 1 1, 2 y 2 2",
        "a 3 x 1 4",
        "a 1 x 1 2",
        "a- 1, 2",
        t="select id, null as z, v from raw.a",
        u="select null as z, k, count(*) as n from raw.a group by all",
    ),
    "rows of a group come, change and go": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4", "a 4 x 1 8, 5 z 1 1", "a 2 y 1 2; a- 3", "a- 5", "a- 1, 4", t=COUNTS
    ),
    "values are made of what a group adds up": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 .", "a 4 x 1 8, 5 z 1 1", "a 2 y 1 2; a- 3", "a- 5", t=MADE_OF
    ),
    "what is true of a group": case(
        "a 1 x 1 1, 2 x 1 5, 3 y 1 .", "a 4 x 1 8, 3 y 1 2", "a- 1", "a 2 x 1 2", "a- 2, 4; a 3 y 1 .", t=TRUTHS
    ),
    "values of a group are null": case(
        "a 1 x 1 ., 2 x 1 2, 3 y 1 .", "a 4 y 1 ., 5 x 1 .", "a- 2", "a 4 y 1 3", "a- 4", t=COUNTS
    ),
    "the key of a group is null": case(
        "a 1 . 1 1, 2 x 1 2", "a 3 . 1 4", "a- 1", "a 2 . 1 2", "a- 2, 3", t=COUNTS, u=ENDS, w=MIDDLE, z=SHARES
    ),
    "one of two keys is null": case("a 1 x . 1, 2 . 1 2", "a 3 x . 4, 4 . 1 1, 5 . . 1", "a- 1, 4", t=TWO_KEYS),
    "groups of two keys that agree in one": case(
        "a 1 x 1 1, 2 x 2 2, 3 y 1 4", "a 4 x 1 8", "a 4 x 2 8; a- 3", "a 1 x 1 3", t=TWO_KEYS
    ),
    "groups of two keys that are computed again": case(
        "a 1 x 1 1, 2 x 2 2, 3 y 1 4", "a 4 x 1 8", "a- 2", t="select k, g, median(v) as m from raw.a group by k, g"
    ),
    "the least and the greatest are lost": case(
        "a 1 x 1 1, 2 x 1 5, 3 x 1 9, 4 y 1 3", "a- 1", "a 3 x 1 2", "a 5 y 1 1", "a- 5", "a- 4", t=ENDS
    ),
    "one of two equal extremes is lost": case("a 1 x 1 1, 2 x 1 1, 3 x 1 5", "a- 1", "a- 2", "a 3 x 1 7", t=ENDS),
    "a greater and a smaller one come": case("a 1 x 1 5", "a 2 x 1 9", "a 3 x 1 1", "a 4 x 1 4", t=ENDS),
    "the extreme of all is lost": case(
        "a 1 x 1 1, 2 x 1 5", "a- 1", "a 3 x 1 0", "a- 2, 3", t="select min(v) as lo, count(*) as n from raw.a"
    ),
    "an extreme leaves its group with the rows that it meets": case(
        "a 1 x 1 1, 2 y 1 5; b 9 q 1 1", "b 1 x 1 7", "b 2 y 1 7", "b- 1", t=LEFT_ENDS
    ),
    "only some rows of a group count": case(
        "a 1 x 1 1, 2 x 2 2, 3 x 1 .", "a 4 x 2 4, 5 x 1 8", "a 1 x 2 1", "a- 5", "a 2 x 1 2", t=SOME, u=SOME_LEAST
    ),
    "of all rows": case("a 1 x 1 1", "a 2 x 1 2", "a- 1", "a- 2", t="select sum(v) as s, count(*) as n from raw.a"),
    "different values": case(
        "a 1 x 1 1, 2 x 1 1, 3 y 1 2",
        "a 4 x 1 1, 5 z 1 1",
        "a- 1, 2",
        "a- 4",
        t="select distinct k from raw.a",
        u="select k, count(distinct v) as n from raw.a group by k",
    ),
    "what cannot be added to is computed again": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4", "a 4 x 1 8", "a 2 y 1 2", "a- 3, 2", "a- 1; a 5 x 1 3", t=MIDDLE
    ),
    "nothing but a float of a group comes to be null, and is none any more": case(
        "a 1 x 1 1, 2 x 1 1, 3 y 1 4",
        "a- 2",
        "a 4 x 1 1",
        t="select k, var_samp(v) as s, quantile_disc(v, 0.5) as q from raw.a group by k",
    ),
    "keys of two inputs": case(
        "a 1 x 1 1, 2 y 2 2, 3 x 2 3; b 1 p 7 1, 2 q 8 2", "a 4 x 1 9", "b 1 q 7 1", "a- 2; b 3 p 7 1", t=TWO_MIDDLES
    ),
    "keys of what a left join finds": case(
        "a 1 x 1 1, 2 y 1 2, 3 z 1 3; b 1 x 1 7, 2 y 1 8",
        "b 3 z 1 7",
        "b- 1",
        t="select b.w, median(a.v) as m from raw.a left join raw.b on b.k = a.k group by b.w",
    ),
    "a window's rows": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4", "a 4 x 1 8", "a 2 y 1 2", "a- 3", "a- 1; a 5 y 1 1", t=SHARES
    ),
    "windows over more and over less": case(
        "a 1 x 1 1, 2 x 2 2, 3 y 1 4", "a 4 x 1 8", "a 2 x 1 2", "a- 4", t=TWO_WINDOWS
    ),
    "equal rows of a window": case(
        "n x 0, x 0, y 1", "n= x 0, y 1", "n= x 0, x 0, x 0", t="select k, sum(v) over (partition by k) as s from raw.n"
    ),
    "a window with a name": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4",
        "a 4 y 1 1",
        t="select id, sum(v) over w as s from raw.a window w as (partition by k)",
    ),
    "the first row of each": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4",
        "a 4 x 1 9",
        "a- 4; a 5 y 1 7",
        t="select k, id from raw.a qualify row_number() over (partition by k order by v desc, id) = 1",
        u="select distinct on (k) k, id from raw.a order by k, v desc, id",
    ),
    "groups that meet a condition": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4",
        "a 4 y 1 1",
        "a- 1",
        t="select k, sum(v) as s from raw.a group by k having count(*) > 1",
    ),
    "what is in both, and what is in one alone": case(
        "a 1 x 1 1, 2 y 1 1; b 1 x 1 1, 2 x 1 1",
        "a 3 x 1 1; b 3 y 1 1",
        "b- 1, 2",
        "b- 3; a- 1",
        t="select k from raw.a intersect select k from raw.b",
        u="select k from raw.a except select k from raw.b",
        w="select k from raw.a except all select k from raw.b",
    ),
    "a group of pairs of one table": case("a 1 x 1 1, 2 y 1 2", "a 3 x 1 4", "a 1 y 2 1", "a- 2", t=PAIRS, u=TWO_KEYS),
    "a number is lost that swallowed the others": case(
        "f 1 x 1e17, 2 x 0.5, 3 y 1",
        "f 4 x 1",
        "f- 1",
        "f 3 x inf",
        "f- 3",
        t="select k, sum(r) as s from raw.f group by k",
    ),
    "a number moves that swallowed the others": case(
        "f 1 x 1e17, 2 y 0.5; b 9 q 1 1",
        "b 1 x 1 7",
        "b- 1",
        t="select b.w, sum(f.r) as s from raw.f left join raw.b on b.k = f.k group by b.w",
    ),
    "groups of groups": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4",
        "a 4 y 1 1, 5 z 1 1",
        "a 3 y 1 5; a- 5",
        "a- 1, 2",
        t="select n, sum(s) as z from (select k, count(*) as n, sum(v) as s from raw.a group by k) group by n",
    ),
    "the first few": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4", "a 4 y 1 3", "a- 4", t="select id, v from raw.a order by v desc, id limit 2"
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_groups_equal_the_query_after_every_step(name):
    hold(CASES[name])


@pytest.mark.parametrize("table", [COUNTS, ENDS, "select sum(v) as s, count(*) as n from raw.a"])
def test_a_group_that_wins_what_it_loses_is_left_alone(table):
    one = case("a 1 x 1 5, 2 y 1 5, 3 y 1 8", "a 1 y 1 5, 2 x 1 5", "a 3 x 1 8", "a 1 x 1 6", t=table)
    changed = [changed for _, _, changed in hold(one).refreshed]
    assert changed == [True, False, "group" in table, True]
