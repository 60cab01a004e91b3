"""A maximum that became NaN, or infinite, was taken for equal to what it had been, and the table kept the old one."""

import pytest

from tests.property.engine.case import Case, Feed, Raw, Step
from tests.property.engine.drive import hold


@pytest.mark.parametrize("value", ["'nan'", "'inf'", "'-inf'"])
def test_a_number_that_becomes_none_is_a_change(value: str) -> None:
    case = Case(
        raws=(Raw("raw.a", (("id", "bigint"), ("w", "double")), key=("id",)),),
        tables=(
            ("t1", "select max(w) as top from raw.a"),
            ("t2", "select id % 2 as g, sum(w) as s from raw.a group by g"),
        ),
        steps=(
            Step((Feed("raw.a", "snapshot", (("1", "-1000.5"), ("2", "7"))),)),
            Step((Feed("raw.a", "snapshot", (("1", value), ("2", "7"))),)),
            Step((Feed("raw.a", "snapshot", (("1", "3"), ("2", "7"))),)),
        ),
    )
    hold(case)
