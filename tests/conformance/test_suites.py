"""The suites themselves: a broken connector fails the promise that it breaks, and no other."""

from dataclasses import replace

import pytest

from penstock.engines.duck import open_engine
from penstock.engines.duck.txn import DuckTxn
from penstock.model.sink import SinkTable
from penstock.model.source import Connection, RawTable
from penstock.model.step import Extend, Replace, Swap, Take
from penstock.protocols.source import Context
from penstock.testing import (
    Broken,
    EngineCase,
    EngineSuite,
    SinkCase,
    SinkSuite,
    SourceCase,
    SourceSuite,
    StillClock,
    TinyEngine,
)
from penstock.testing.engine_steps import StepChecks
from penstock.testing.hostile import SOURCES, Feed, Honest, HostileConnector
from penstock.testing.hostile_engines import ENGINES
from penstock.testing.hostile_sinks import SINKS, HonestSink, HostileSinkConnector, Target


def case_of(kind, tmp_path):
    numbers = iter(range(1, 1000))

    def page(count):
        return [{"id": n, "name": f"name {n} " + "x" * 20} for n in (next(numbers) for _ in range(count))]

    feed = Feed([page(4) for _ in range(6)])
    connector = HostileConnector(kind, {"some": feed, "none": Feed()})
    where = Connection("hostile", "hostile")
    return SourceCase(
        connector, RawTable("raw.some", where, read="some"), Context(tmp_path, tmp_path, StillClock()),
        lambda: [row for page in feed.pages for row in page], {"id": "bigint", "name": "varchar"},
        add=lambda: feed.pages.append(page(3)), spoil=lambda: feed.spoilt.append("?!"),
        empty=RawTable("raw.none", where, read="none"),
    )  # fmt: skip


def broken(suite, make_case):
    """The names of the promises that a suite finds broken, each check on a fresh case."""
    found = set()
    for name in dir(suite):
        if name.startswith("test_"):
            try:
                getattr(suite, name)(make_case())
            except Broken as error:
                found.add(error.check)
    return found


def test_an_honest_source_passes(tmp_path):
    assert broken(SourceSuite(), lambda: case_of(Honest, tmp_path)) == set()


@pytest.mark.parametrize(("kind", "promise"), SOURCES, ids=[kind.__name__ for kind, _ in SOURCES])
def test_a_broken_source_fails_just_its_promise(kind, promise, tmp_path):
    assert broken(SourceSuite(), lambda: case_of(kind, tmp_path)) == {promise}


def test_every_promise_of_the_suite_has_a_source_that_breaks_it():
    assert len(SOURCES) > 15
    assert {promise for _, promise in SOURCES} >= {
        "rows", "resume", "ends", "errors", "positions", "kinds", "rejects", "nothing new", "added", "partitions",
        "types", "empty", "unsupported", "again", "closes",
    }  # fmt: skip


def sink_case_of(kind, tmp_path):
    target = Target()
    sink = SinkTable("out", "main.items", Connection("hostile", "hostile"), key=("id",))

    def read():
        return [{**row, "good": bool(row["good"])} for row in target.rows]

    return SinkCase(HostileSinkConnector(kind, target), sink, Context(tmp_path, tmp_path, StillClock()), read)


def test_an_honest_sink_passes(tmp_path):
    assert broken(SinkSuite(), lambda: sink_case_of(HonestSink, tmp_path)) == set()


@pytest.mark.parametrize(("kind", "promises"), SINKS, ids=[kind.__name__ for kind, _ in SINKS])
def test_a_broken_sink_fails_just_its_promise(kind, promises, tmp_path):
    assert broken(SinkSuite(), lambda: sink_case_of(kind, tmp_path)) == promises


def test_the_tiny_engine_passes():
    assert broken(EngineSuite(), lambda: EngineCase(TinyEngine())) == set()


@pytest.mark.parametrize(("kind", "promise"), ENGINES, ids=[kind.__name__ for kind, _ in ENGINES])
def test_a_broken_engine_fails_just_its_promise(kind, promise):
    assert broken(EngineSuite(), lambda: EngineCase(kind())) == {promise}


def test_an_engine_that_forgets_all_when_it_closes_is_found_out():
    assert broken(EngineSuite(), lambda: EngineCase(TinyEngine(), TinyEngine)) == {"again"}


# Steps carried out wrongly: by their kind, the step that is carried out in its place and what is made of the outcome.
WRONG = {
    "more rows are told than came": (
        Extend,
        lambda step: step,
        lambda out: replace(out, added=out.added + 1),
        "extend",
    ),
    "ids are told that no row gets": (Extend, lambda step: step, lambda out: replace(out, ids=True), "ids"),
    "ids are not kept": (Replace, lambda step: step, lambda out: replace(out, keeps=False, ids=False), "replace"),
    "a changed row is another": (Replace, lambda step: replace(step, by=("k", "v", "x")), lambda out: out, "replace"),
    "all rows are taken": (Take, lambda step: replace(step, within=()), lambda out: out, "take"),
    "ids are swapped, too": (Swap, lambda step: step, lambda out: replace(out, keeps=False), "swap"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_engine_that_carries_out_a_step_wrongly_fails_just_its_promise(name, monkeypatch):
    kind, asked, told, promise = WRONG[name]
    run = DuckTxn.run

    def wrong(self, step):
        return told(run(self, asked(step))) if isinstance(step, kind) else run(self, step)

    monkeypatch.setattr(DuckTxn, "run", wrong)
    engines = []

    def make_case():
        engines.append(open_engine(":memory:"))
        return EngineCase(engines[-1])

    try:
        assert broken(StepChecks(), make_case) == {promise}
    finally:
        for engine in engines:
            engine.close()
