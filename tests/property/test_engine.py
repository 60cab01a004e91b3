"""Whatever changes, an incremental table equals its full query: some sequences for each block, shrunk by Hypothesis.

`make prove` does ten thousand. `PENSTOCK_EXAMPLES=100` tries more for each block here. A case that was found is kept
in `tests/unit/refresh/found`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, note, seed, settings
from hypothesis import strategies as st

from tests.property.engine.case import script
from tests.property.engine.choose import by_hypothesis
from tests.property.engine.drive import hold
from tests.property.engine.oracle import InvalidCaseError
from tests.property.engine.reach import STRATEGIES, Reach
from tests.property.engine.sequence import BLOCKS, Made, make

EXAMPLES = int(os.environ.get("PENSTOCK_EXAMPLES", "5"))
ROUNDS = 12
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def cases(wanted: str, *, tables: int = 3, steps: int = 6) -> st.SearchStrategy[Made]:
    """Return cases whose first table has a block."""

    @st.composite
    def made(draw: Any) -> Made:
        return make(by_hypothesis(draw), wanted, tables=tables, steps=steps)

    return made()


def put_through(made: Made, reach: Reach) -> None:
    """Put a case through, and say how to keep it if it fails."""
    note(script(made.case, "found by Hypothesis"))
    try:
        reach.add(made, hold(made.case))
    except InvalidCaseError:
        assume(False)


@pytest.mark.slow
@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_a_table_with_this_block_equals_its_query_after_every_step(block: str) -> None:
    reach = Reach()

    @settings(max_examples=EXAMPLES, suppress_health_check=QUIET, database=None)
    @given(cases(block))
    def holds(made: Made) -> None:
        put_through(made, reach)

    holds()
    assert reach.steps > EXAMPLES


@pytest.mark.slow
def test_every_strategy_is_taken_and_all_tables_equal_their_queries() -> None:
    reach = Reach()

    @settings(max_examples=8 * EXAMPLES, suppress_health_check=QUIET, database=None)
    @given(cases(""))
    def holds(made: Made) -> None:
        put_through(made, reach)

    taken: set[str] = set()
    for number in range(ROUNDS):  # forty sequences leave one strategy out now and then
        seed(number)(holds)()  # of their own each round: where Hypothesis draws by the test's name, all were the same
        taken = {strategy for _, strategy in reach.times}
        if taken >= STRATEGIES:
            break
    assert taken >= STRATEGIES, reach.table()
