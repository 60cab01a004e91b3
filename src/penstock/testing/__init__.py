"""For authors of connectors: the suites that prove a source or a sink, and broken ones that prove the suites.

A connector's whole test is a class and one fixture:

    class TestShelf(SourceSuite):
        @pytest.fixture
        def source_case(self, tmp_path): ...
"""

from __future__ import annotations

from penstock.testing.checks import Broken
from penstock.testing.clocks import StillClock
from penstock.testing.sink_suite import SinkCase, SinkSuite
from penstock.testing.source_suite import SourceCase, SourceSuite

__all__ = ["Broken", "SinkCase", "SinkSuite", "SourceCase", "SourceSuite", "StillClock"]
