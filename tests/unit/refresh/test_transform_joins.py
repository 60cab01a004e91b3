"""Rows that come and go with the rows they are made of: joins of every kind, and several of their inputs at once."""

import pytest

from tests.property.engine.drive import hold
from tests.unit.refresh.followed import case

PICK = "select id, v * 2 as w from raw.a where v > 5"
INNER = "select a.id, b.w from raw.a join raw.b on b.k = a.k"
THREE = "select a.id, b.w, c.x from raw.a join raw.b on b.k = a.k join raw.c on c.k = b.k"
TOTALS = "select b.w, sum(a.v) as s, count(*) as n from raw.a join raw.b on b.k = a.k group by b.w"
LEFT = "select a.id, b.w from raw.a left join raw.b on b.k = a.k"
TWO_LEFT = "select a.id, b.w, c.x from raw.a left join raw.b on b.k = a.k left join raw.c on c.k = a.k"
LEFT_TOTALS = "select b.w, sum(a.v) as s, count(*) as n from raw.a left join raw.b on b.k = a.k group by b.w"
UNITED = "select id, v from raw.a union all select a.id, b.w from raw.a left join raw.b on b.k = a.k"
CHAINED = (
    "select c.x, sum(a.v) as s, count(*) as n from raw.a join raw.b on b.id = a.g left join raw.c on c.k = b.k "
    "group by c.x"
)
BETWEEN = (
    "select a.id, b.w, f.r, c.x from raw.a left join raw.b on b.k = a.k join raw.f on f.id = a.g "
    "left join raw.c on c.k = f.k"
)
FULL = "select a.id, a.v, b.id as bid, b.w from raw.a full join raw.b on b.k = a.k"

CHAIN_BY_NAME = (
    "select k, a.id, b.id as bid, c.id as cid from raw.a {first} join raw.b using (k) {second} join raw.c using (k)"
)
SEMI_BEFORE_FULL = "select k, a.id, b.id as bid from raw.a semi join raw.c using (k) full join raw.b using (k)"

CASES = {
    "rows that come, change and go": case("a 1 x 1 10, 2 y 1 3", "a 3 z 1 7, 2 y 1 8", "a 3 z 1 1; a- 1", t=PICK),
    "equal rows, of which one goes": case("n x 1, x 1, y 2", "n= x 1, y 2", "n= y 2, y 2", t="select k, v from raw.n"),
    "one side of a join grows": case("a 1 x 1 1; b 1 x 1 5, 2 y 1 6", "a 2 y 1 2", "b 3 x 1 7", t=INNER),
    "both sides of a join grow at once": case("a 1 x 1 1; b 1 x 1 5", "a 2 x 1 2; b 2 x 1 6", t=INNER),
    "both sides of a join change at once": case(
        "a 1 x 1 1, 2 y 1 1; b 1 x 1 5, 2 y 1 6", "a 1 y 1 1; b 1 y 1 7", "a- 1; b- 2", "a 1 y 1 3; b- 1", t=INNER
    ),
    "one row is lost on one side of a join": case(
        "a 1 x 1 1, 2 x 1 2; b 1 x 1 5, 2 x 1 6", "b- 1", "a- 2", "b- 2; b 3 x 1 5", t=INNER
    ),
    "three inputs change at once": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5, 2 y 1 6; c 1 x 7, 2 y 8",
        "a 3 x 1 3; b 3 x 1 9; c 3 x 4",
        "a 1 y 1 1; b- 1; c 2 x 8",
        "a- 3; b 2 x 1 1; c- 3",
        t=THREE,
    ),
    "totals over a join whose sides both grow": case(
        "a 1 x 1 1, 2 x 1 2; b 1 x 1 5", "a 3 x 1 4; b 2 x 1 6", "a 4 x 1 8; b 3 x 1 5", t=TOTALS
    ),
    "totals over a join whose sides both lose": case(
        "a 1 x 1 1, 2 x 1 2, 3 x 1 4; b 1 x 1 5, 2 x 1 6, 3 x 1 5", "a- 1; b- 1", "a- 2; b- 3", t=TOTALS
    ),
    "totals over a join whose sides both change": case(
        "a 1 x 1 1, 2 x 1 2, 3 y 1 4; b 1 x 1 5, 2 y 1 6, 3 x 1 5",
        "a 1 y 1 1, 2 x 1 9; b 1 y 1 5, 2 x 1 6",
        "a- 3; b 1 x 1 7",
        "a 3 x 1 4; b- 1",
        t=TOTALS,
    ),
    "a table joined to itself": case(
        "a 1 x 1 1, 2 x 2 2", "a 3 x 2 3, 1 x 2 1", "a- 2", t="select p.id, q.v from raw.a p join raw.a q on q.g = p.id"
    ),
    "a join in brackets": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5, 2 x 1 6; c 1 x 7",
        "b- 1",
        "a 2 x 1 1; b 3 x 1 8",
        "c- 1; b- 2",
        t="select z.id, c.x from (select a.id, a.k from raw.a join raw.b on b.k = a.k) z join raw.c on c.k = z.k",
    ),
    "the right side of a left join comes, moves and goes": case(
        "a 1 x 1 1, 2 y 1 2, 3 . 1 3; b 9 q 1 1",
        "b 1 x 1 5",
        "b 1 y 1 5",
        "b 1 z 1 5",
        "b 2 x 1 6, 3 x 1 6",
        "b- 3",
        t=LEFT,
    ),
    "both sides of a left join change at once": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5", "a 3 x 1 3; b 2 x 1 6", "a 1 y 1 1; b 1 y 1 5, 2 y 1 6", "a- 2; b- 1", t=LEFT
    ),
    "what a row met goes together, on both sides of what it asks": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5; c 1 x 7",
        "b- 1; c- 1",
        "b 2 y 1 6; c 2 y 8",
        "b- 2; c- 2",
        t="select id from raw.a where not exists (select 1 from raw.b join raw.c on c.k = b.k where b.k = a.k)",
        u="select a.id, w from raw.a left join (select b.k, b.w from raw.b join raw.b d on d.id = b.id) q on q.k = a.k",
        w="select id from raw.a where k in (select b.k from raw.b join raw.c on c.k = b.k)",
    ),
    "one of two left joins finds more": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5; c 1 x 7, 2 y 8", "a 3 z 1 3; b 2 y 1 6", "a 4 z 1 4; c 1 y 9", t=TWO_LEFT
    ),
    "two left joins find more at once": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5; c 1 x 7", "b 2 y 1 6; c 1 y 7", "b- 1; c 3 x 2; a 3 x 1 1", t=TWO_LEFT
    ),
    "left joins before and behind an inner one": case(
        "a 1 x 1 1, 2 y 2 2; b 1 x 1 5; c 1 p 7; f 1 p 1.5, 2 q 2.5", "b 2 y 1 6; c 2 q 8", "b- 1; c- 1", t=BETWEEN
    ),
    "left joins find more on both sides of an inner one": case(
        "a 1 x 1 1, 2 y 2 2; b 1 x 1 5; c 1 p 7; f 1 p 1.5, 2 q 2.5", "b 2 y 1 6; c 2 p 8", "b- 2; c- 1", t=BETWEEN
    ),
    "totals over a left join, rows of whose left side come and go": case(
        "a 1 x 1 1, 2 y 1 2, 3 x 1 4; b 1 x 1 5, 2 y 1 6",
        "a 4 y 1 8; a- 1",
        "a 3 y 1 4",
        "a- 4; a 5 z 1 1",
        t=LEFT_TOTALS,
    ),
    "totals over a left join whose sides both change": case(
        "a 1 x 1 1, 2 y 1 2, 3 x 1 4; b 1 x 1 5, 2 y 1 6",
        "a 1 y 1 1; b 1 x 1 7",
        "a- 3; b 1 y 1 5, 3 x 1 8",
        "a 3 x 1 4; b- 3",
        t=LEFT_TOTALS,
    ),
    "totals over a left join whose right side grows": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5", "a 3 x 1 4; b 2 y 1 6", "b 3 x 1 5", t=LEFT_TOTALS
    ),
    "a row is lost while what it met moves": case(
        "a 1 x 1 1, 2 x 2 2; b 1 p 1 1, 2 q 1 1; c 1 p 5, 2 q 6, 3 r 7",
        "a- 1; b 1 r 1 1",
        "a 1 x 1 1; b 1 q 1 1",
        t=CHAINED,
    ),
    "one of two united queries has a left join": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5", "b 2 y 1 6", "b- 1; a 1 x 1 9", "a- 2", t=UNITED
    ),
    "a row that meets none on either side of a full join": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5, 2 z 1 6",
        "b 3 y 1 7",
        "a 3 z 1 3",
        "a- 1; b- 3",
        "a 4 q 1 1; b 4 q 1 2, 5 r 1 3",
        "b 4 x 1 2; a 2 r 1 2",
        t=FULL,
    ),
    "a right join keeps the right rows": case(
        "a 1 x 1 1; b 1 x 1 5, 2 y 1 6",
        "a 2 y 1 2",
        "a- 1; b 3 z 1 1",
        t="select a.v, b.id from raw.a right join raw.b on b.k = a.k",
    ),
    "semi and anti joins": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5",
        "b 2 y 1 6",
        "b- 1",
        "b 2 x 1 6",
        t="select a.id from raw.a semi join raw.b on b.k = a.k",
        u="select a.id from raw.a anti join raw.b on b.k = a.k",
    ),
    "the last row before each": case(
        "a 1 x 5 1, 2 x 9 2; b 1 x 1 5",
        "b 2 x 6 6",
        "b 3 x 4 7",
        "b- 2",
        t="select a.id, b.w from raw.a asof left join raw.b on b.k = a.k and b.g <= a.g",
    ),
    "the last row before each, by columns of one name": case(
        "a 1 x 5 1, 2 x 9 2; b 1 x 1 5",
        "b 2 x 6 6",
        "b- 2; a 3 y 1 1",
        t="select a.id, b.w, g from raw.a asof left join raw.b using (k, g)",
    ),
    "outer joins by one name after each other": case(
        "a 1 x 1 1; b 1 y 1 5; c 1 y 7, 2 x 8",
        "b 2 z 1 6; c 3 z 9",
        "b- 1; c 2 w 8",
        t=CHAIN_BY_NAME.format(first="full", second="full"),
        u=CHAIN_BY_NAME.format(first="right", second="left"),
    ),
    "what decides has the name of a column": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5",
        "b 2 y 1 6",
        "b- 1",
        t="select a.id, g from raw.a semi join raw.b g on g.k = a.k",
        u="select a.id from raw.a anti join raw.b V on v.k = a.k where v > 1",
    ),
    "what decides before a full join": case(
        "a 1 x 1 1, 2 y 1 2; b 1 x 1 5; c 1 x 1", "b 2 y 1 6; c 2 y 1", "c- 1; b 3 q 1 1", t=SEMI_BEFORE_FULL
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_joined_rows_equal_the_query_after_every_step(name):
    hold(CASES[name])
