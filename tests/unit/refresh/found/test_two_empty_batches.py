"""Two batches without rows in one run said that the table "already exists" and failed it."""

from tests.property.engine.case import Case, Feed, Raw, Step
from tests.property.engine.drive import hold

CASE = Case(
    raws=(Raw("raw.b", (("x", "integer"),)),),
    tables=(("t1", "select x from raw.b"),),
    steps=(
        Step((Feed("raw.b", "append"), Feed("raw.b", "append"))),
        Step((Feed("raw.b", "append", (("1",),)),)),
    ),
)


def test_two_batches_without_rows_make_one_empty_table() -> None:
    hold(CASE)
