"""Every engine of ours against the suite."""

import pytest

from penstock.engines.duck import open_engine
from penstock.protocols.engine import Engine
from penstock.testing import EngineCase, EngineSuite, TinyEngine


class TestDuckInAFile(EngineSuite):
    @pytest.fixture
    def engine_case(self, tmp_path):
        path = tmp_path / "w.duckdb"
        engine = open_engine(path)
        yield EngineCase(engine, lambda: open_engine(path))
        engine.close()


class TestDuckInMemory(EngineSuite):
    @pytest.fixture
    def engine_case(self):
        engine = open_engine(":memory:")
        yield EngineCase(engine)
        engine.close()


class TestTiny(EngineSuite):
    @pytest.fixture
    def engine_case(self):
        engine: Engine = TinyEngine()
        return EngineCase(engine)
