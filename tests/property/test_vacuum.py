"""A vacuum between any two refreshes changes no table: what lags behind is kept for it, or it is computed in full.

After each step of a sequence the warehouse is vacuumed: with nothing kept beyond what tables need, or not even that, as
where a table was not declared for a while. Tables are left out of runs, redefined, killed and opened again.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from penstock.base.clock import SystemClock
from penstock.model.project import Project
from penstock.refresh.retention import vacuum
from tests.property.engine import drive
from tests.property.engine.choose import by_hypothesis
from tests.property.engine.oracle import InvalidCaseError
from tests.property.engine.sequence import Made, make

if TYPE_CHECKING:
    from penstock.model.commit import Removed
    from tests.property.engine.case import Step

EXAMPLES = int(os.environ.get("PENSTOCK_EXAMPLES", "5"))
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


class Vacuumed(drive.Drive):
    """A warehouse that is vacuumed after each step; `ruthless` does not heed who lags behind."""

    ruthless = False
    removed = 0

    def step(self, number: int, step: Step) -> None:
        super().step(number, step)
        project = Project("none", "") if self.ruthless else self.project
        done: Removed = vacuum(self.engine, project, timedelta(), SystemClock())
        type(self).removed += done.rows + done.relations

    def history(self) -> None:
        """Ask for nothing that was: it is gone, as it should be."""


@st.composite
def cases(draw: Any) -> Made:
    return make(by_hypothesis(draw), "", tables=3, steps=8)


@pytest.mark.slow
@pytest.mark.parametrize("ruthless", [False, True], ids=["heeding who lags behind", "heeding nobody"])
def test_tables_equal_their_queries_whatever_is_vacuumed_between(ruthless: bool) -> None:
    kind = type("Kind", (Vacuumed,), {"ruthless": ruthless, "removed": 0})

    @settings(max_examples=8 * EXAMPLES, suppress_health_check=QUIET, database=None, deadline=None)
    @given(cases())
    def holds(made: Made) -> None:
        with patch.object(drive, "Drive", kind):
            try:
                drive.hold(made.case)
            except InvalidCaseError:
                assume(False)

    holds()
    assert kind.removed > 0
