"""For authors of connectors and engines: the suites that prove a source, a sink or an engine, and broken ones that
prove the suites.

A connector's whole test is a class and one fixture:

    class TestShelf(SourceSuite):
        @pytest.fixture
        def source_case(self, tmp_path): ...
"""

from __future__ import annotations

from penstock.testing.checks import Broken
from penstock.testing.clocks import StillClock
from penstock.testing.engine_checks import EngineCase
from penstock.testing.engine_suite import EngineSuite
from penstock.testing.sink_suite import SinkCase, SinkSuite
from penstock.testing.source_suite import SourceCase, SourceSuite
from penstock.testing.tiny import TinyEngine

__all__ = [
    "Broken",
    "EngineCase",
    "EngineSuite",
    "SinkCase",
    "SinkSuite",
    "SourceCase",
    "SourceSuite",
    "StillClock",
    "TinyEngine",
]
