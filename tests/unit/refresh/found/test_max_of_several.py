"""`max(x, n)` is no `max`: once it was merged as one, and the table failed when rows came."""

from tests.property.engine.case import Case, Feed, Raw, Step
from tests.property.engine.drive import hold

CASE = Case(
    raws=(Raw("raw.a", (("id", "bigint"), ("v", "integer"))),),
    tables=(("t1", "select s1.id as id, max(s1.v, 2) as most from raw.a s1 group by s1.id"),),
    steps=(
        Step(feeds=(Feed("raw.a", "append", rows=(("1", "1"), ("1", "3"))),)),
        Step(feeds=(Feed("raw.a", "append", rows=(("1", "2"), ("2", "0"))),)),
    ),
)


def test_the_largest_two_of_each_group_follow_what_comes() -> None:
    hold(CASE)
