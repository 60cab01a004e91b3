"""Whatever comes, goes, changes its definition, is rolled back or vacuumed: what can be read of the past is right.

A model in plain Python keeps every version of two tables; the warehouse must agree wherever it does not refuse.
`PENSTOCK_EXAMPLES=1000` tries more sequences than the few of an everyday run.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.errors import FatalError, PlanError
from penstock.engines.duck import DuckEngine, open_engine
from penstock.model.commit import Commit
from penstock.model.project import Project
from penstock.model.relation import Query, Read
from penstock.model.step import Build, Compare, Compute, Conform
from penstock.model.table import Table
from penstock.refresh import retention
from penstock.refresh.history import Pasts
from penstock.refresh.rollback import roll_back
from penstock.testing.clocks import StillClock

EXAMPLES = int(os.environ.get("PENSTOCK_EXAMPLES", "12"))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
Row: TypeAlias = "tuple[int, str | None]"

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), ROWS, st.integers(0, 1)),
        st.tuples(st.just("set"), ROWS, st.integers(0, 1)),
        st.tuples(st.just("build"), ROWS, st.integers(0, 2)),
        st.tuples(st.just("roll back"), st.just([]), st.just(0)),
        st.tuples(st.just("follow"), st.just([]), st.just(0)),
        st.tuples(st.just("vacuum"), st.just([]), st.integers(0, 5)),
        st.tuples(st.just("reopen"), st.just([]), st.just(0)),
    ),
    max_size=12,
)


class World:
    """A warehouse with the table `t`, one that follows it, and what `t` was at each version."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.engine: DuckEngine = open_engine(path)
        self.clock = StillClock(BEGIN)
        self.states: list[list[Row]] = [[]]
        self.followed: list[Row] = [(0, "a")]
        self.build([(0, "a")], "1:0")
        self.do(lambda txn: txn.apply(txn.run(Build("follower", Query("select 1 as one"), "1:f"))))

    @property
    def project(self) -> Project:
        follower = Table("follower", sql="from t", parents=("t",), fingerprint="1:f")
        return Project("p", "", tables={"follower": follower}, order=("follower",))

    def do(self, work: Any, rows: list[Row] | None = None) -> None:
        self.clock.at += timedelta(hours=1)
        txn = self.engine.begin()
        work(txn)
        txn.commit(Commit(txn.version, self.clock.now(), "r"))
        self.states.append(self.states[-1] if rows is None else rows)

    def build(self, rows: list[Row], fingerprint: str) -> None:
        self.do(lambda txn: txn.apply(txn.run(Build("t", Query(_values(rows)), fingerprint))), rows)

    def set(self, rows: list[Row], _: int) -> None:
        def work(txn: Any) -> None:
            relation = self.engine.relations()["t"]
            stage = txn.run(Conform(relation, txn.run(Compute(Query(_values(rows)))).name))
            txn.apply(txn.run(Compare(relation, stage.name)))

        self.do(work, rows)

    def step(self, name: str, rows: list[Row], number: int) -> None:
        if name == "set":
            self.set(rows, number)
        elif name == "build":
            self.build(rows, f"1:{number}")
        elif name == "roll back":
            self.roll_back()
        elif name == "follow":
            self.follow()
        elif name == "vacuum":
            retention.vacuum(self.engine, self.project, timedelta(hours=number), self.clock)
        else:
            self.engine.close()
            self.engine = open_engine(self.path)

    def roll_back(self) -> None:
        self.clock.at += timedelta(hours=1)
        try:
            span, _ = roll_back(self.engine, "t", "r", self.clock)
        except FatalError:
            spans = self.engine.spans("t")
            assert {s.relation.fingerprint for s in spans} == {spans[-1].relation.fingerprint}
            return
        assert span.until is not None
        self.states.append(self.states[span.until - 1])

    def follow(self) -> None:
        """Take what changed since the follower last looked, as an incremental table does."""
        relation, seen = self.engine.relations()["t"], self.engine.relations()["follower"].seen
        if relation.built <= seen and self.engine.kept_since("t") <= seen:
            now = self.engine.version
            left = Counter(self.followed)
            left.subtract(self.read(Read(relation, "minus", seen, now)))
            left.update(self.read(Read(relation, "plus", seen, now)))
            self.followed = list(left.elements())
            assert not -left
        else:
            self.followed = self.states[-1]
        assert Counter(self.followed) == Counter(self.states[-1])
        self.do(lambda txn: txn.seen(self.engine.relations()["follower"], txn.version))

    def read(self, read: Read) -> list[Row]:
        rows = self.engine.read(Query('from "@1"', (("@1", read),)))
        try:
            return rows.fetch()
        finally:
            rows.close()

    def check(self) -> None:
        """Compare everything that can be read with the model."""
        pasts = Pasts(self.engine, self.clock)
        kept = max(self.engine.kept_since("t"), 1)
        now = self.engine.version
        assert now == len(self.states) - 1
        for version in range(1, now + 1):
            if version < kept:
                with pytest.raises(PlanError, match="no longer kept"):
                    pasts.at("t", version)
                continue
            assert Counter(self.read(pasts.at("t", version))) == Counter(self.states[version])
        for low in {kept, (kept + now) // 2}:
            self.check_changes(pasts, low, now)
        self.check_history(pasts, kept)

    def check_changes(self, pasts: Pasts, low: int, high: int) -> None:
        left = Counter(self.states[low])
        rows: list[Any] = self.read(pasts.changes("t", low, high))
        for version in range(low + 1, high + 1):
            for change, at, _, *row in rows:
                if at == version:
                    left[tuple(row)] += 1 if change == "insert" else -1
            assert +left == Counter(self.states[version])
            assert not -left

    def check_history(self, pasts: Pasts, kept: int) -> None:
        rows: list[Any] = self.read(pasts.history("t"))
        at = {c.version: c.at for c in self.engine.commits()}
        for version in range(kept, self.engine.version + 1):
            if version in at:
                valid = [tuple(r[:-2]) for r in rows if r[-2] <= at[version] and (r[-1] is None or at[version] < r[-1])]
                assert Counter(valid) == Counter(self.states[version])


def _values(rows: list[Row]) -> str:
    texts = [f"({k}, {'null::varchar' if v is None else repr(v)})" for k, v in rows]
    return f"from (values {', '.join(texts)}) t(k, v)" if rows else "select 0 as k, 'x' as v where false"


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(steps=STEPS)
def test_every_version_that_can_be_read_is_what_it_was(
    steps: list[tuple[str, list[Row], int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("w") / "w.duckdb")
    try:
        for name, rows, number in steps:
            world.step(name, rows, number)
        world.follow()
        world.check()
    finally:
        world.engine.close()
