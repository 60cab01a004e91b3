"""Every engine of ours against the suite."""

from typing import cast

import pytest

from penstock.engines.duck import open_engine
from penstock.engines.duck.parcel import Parcel, pack
from penstock.engines.lent.borrowed import borrow
from penstock.engines.lent.lender import Lender, Lent
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


class TestBorrowed(EngineSuite):
    """As another process sees a warehouse that is lent to it, but in this one."""

    @pytest.fixture
    def engine_case(self, tmp_path):
        path = tmp_path / "w.duckdb"
        held = open_engine(path)
        lent = Lent(held, held.turns, str(path), held.scratch, pack, Parcel)
        lender = Lender(lent, tmp_path / "serve.sock")

        def borrowed():
            engine = borrow(tmp_path / "serve.sock", str(path), pack, Parcel)
            assert engine is not None
            return cast("Engine", engine)

        engine = borrowed()
        yield EngineCase(engine, borrowed)
        engine.close()
        lender.stop()
        held.close()


class TestTiny(EngineSuite):
    @pytest.fixture
    def engine_case(self):
        engine: Engine = TinyEngine()
        return EngineCase(engine)
