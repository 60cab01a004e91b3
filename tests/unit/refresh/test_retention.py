"""Vacuum: the file stays as large as what is kept, and nobody who reads or has to catch up loses a row."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from arro3.core import RecordBatchReader

import penstock
from penstock.base.errors import FatalError, PlanError
from penstock.engines.duck import open_engine
from penstock.model.commit import Commit, Removed
from penstock.model.names import is_hidden
from penstock.model.project import Project
from penstock.model.relation import Query, Read
from penstock.model.sink import SinkTable
from penstock.model.source import Connection
from penstock.model.step import Build, Compare, Compute, Conform, Dedupe, Upsert
from penstock.model.table import Table
from penstock.model.tuning import Tuning
from penstock.refresh import retention
from penstock.refresh.history import Pasts
from penstock.testing.clocks import StillClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
REFRESHES = int(os.environ.get("PENSTOCK_REFRESHES", "1500"))
READER = Table("reader", sql="from t", parents=("t",), fingerprint="1:reader")
SINK = SinkTable("out", "t", Connection("c", "memory"))


class Warehouse:
    """A warehouse whose clock is an hour later at each commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = open_engine(path)
        self.clock = StillClock(BEGIN)

    def do(self, work: Any) -> Any:
        self.clock.at += HOUR
        txn = self.engine.begin()
        found = work(txn)
        txn.commit(Commit(txn.version, self.clock.now(), "r"))
        return found

    def build(self, name: str, text: str, fingerprint: str) -> None:
        self.do(lambda txn: txn.apply(txn.run(Build(name, Query(text), fingerprint))))

    def set(self, text: str, name: str = "t") -> None:
        def work(txn: Any) -> None:
            relation = self.engine.relations()[name]
            stage = txn.run(Conform(relation, txn.run(Compute(Query(text))).name))
            txn.apply(txn.run(Compare(relation, stage.name)))

        self.do(work)

    def vacuum(self, keep: timedelta = HOUR * 0, project: Project | None = None) -> Removed:
        return retention.vacuum(self.engine, project or Project("p", ""), keep, self.clock)

    def at(self, version: int, name: str = "t") -> list[Any]:
        return sorted(self.fetch(Pasts(self.engine, self.clock).at(name, version)))

    def fetch(self, read: Read) -> list[Any]:
        rows = self.engine.read(Query('from "@1"', (("@1", read),)))
        try:
            return rows.fetch()
        finally:
            rows.close()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    found = Warehouse(tmp_path / "w.duckdb")
    found.build("t", "select 1 as v", "1:a")
    for number in range(2, 7):
        found.set(f"select {number} as v")
    yield found
    found.engine.close()


def project(*tables: Table, sinks: tuple[SinkTable, ...] = ()) -> Project:
    named = {t.name: t for t in tables}
    return Project("p", "", tables=named, sinks={s.name: s for s in sinks}, order=tuple(named))


def test_what_is_older_than_is_kept_goes_and_the_rest_reads_as_before(warehouse: Warehouse) -> None:
    removed = warehouse.vacuum(HOUR * 2)
    assert removed.rows == 3
    assert [warehouse.at(v) for v in (4, 5, 6)] == [[(4,)], [(5,)], [(6,)]]
    with pytest.raises(PlanError, match="what t was at version 3 is no longer kept") as caught:
        warehouse.at(3)
    assert caught.value.expected == "version 4 or later"
    assert warehouse.vacuum(HOUR * 2) == Removed()


def test_a_table_that_lost_nothing_is_read_as_far_back_as_ever(warehouse: Warehouse) -> None:
    warehouse.build("grows", "select 1 as v", "1:g")
    warehouse.set("select 1 as v union all select 2", "grows")
    warehouse.vacuum()
    assert warehouse.at(7, "grows") == [(1,)]
    with pytest.raises(PlanError, match="is no longer kept"):
        Pasts(warehouse.engine, warehouse.clock).version("2026-01-01 02:30")


def test_a_relation_of_an_earlier_definition_goes_when_its_time_is_over(warehouse: Warehouse) -> None:
    warehouse.build("t", "select 'x' as w", "1:b")
    assert warehouse.vacuum(HOUR).relations == 0
    assert warehouse.at(6) == [(6,)]
    warehouse.set("select 'y' as w")
    assert warehouse.vacuum(HOUR).relations == 1
    with pytest.raises(PlanError, match="version 6 is no longer kept"):
        warehouse.at(6)
    assert warehouse.at(7) == [("x",)]


def test_a_reader_at_work_has_its_rows_to_the_end(warehouse: Warehouse) -> None:
    warehouse.set("select range as v from range(300000)")
    warehouse.build("t", "select 'x' as w", "1:b")
    warehouse.build("t", "select 'y' as w", "1:c")
    rows = warehouse.engine.read(Query('from "@1"', (("@1", Pasts(warehouse.engine, warehouse.clock).at("t", 7)),)))
    stream = iter(RecordBatchReader.from_stream(rows))
    first = next(stream)
    assert warehouse.vacuum().relations == 2
    assert first.num_rows + sum(batch.num_rows for batch in stream) == 300000
    rows.close()


def test_what_a_table_has_yet_to_catch_up_with_stays(warehouse: Warehouse) -> None:
    """It shows version 7 of its input and was left out since."""
    warehouse.build("reader", "select 1 as one", READER.fingerprint)
    for number in (8, 9, 10):
        warehouse.set(f"select {number} as v")
    warehouse.vacuum(project=project(READER))
    relation = warehouse.engine.relations()["t"]
    assert warehouse.fetch(Read(relation, "minus", 7, 10)) == [(6,)]
    assert warehouse.fetch(Read(relation, "plus", 7, 10)) == [(10,)]
    warehouse.do(lambda txn: txn.seen(warehouse.engine.relations()["reader"], txn.version))
    assert warehouse.vacuum(project=project(READER)).rows == 3


def test_a_table_that_is_built_anew_in_any_case_holds_nothing_back(warehouse: Warehouse) -> None:
    warehouse.build("reader", "select 1 as one", "1:of before")
    warehouse.set("select 8 as v")
    assert warehouse.vacuum(project=project(READER)).rows == 6


def test_what_a_sink_may_have_yet_to_be_given_stays_though_its_delivery_failed(warehouse: Warehouse) -> None:
    """It was at version 5 when a delivery of version 6 set out, and may be still."""
    warehouse.engine.deliver("out", 5)
    warehouse.engine.deliver("out", 6, 5)
    assert (warehouse.engine.delivered("out"), warehouse.engine.shown("out")) == (6, 5)
    warehouse.vacuum(project=project(sinks=(SINK,)))
    assert warehouse.fetch(Read(warehouse.engine.relations()["t"], "minus", 5, 6)) == [(5,)]
    assert warehouse.engine.kept_since("t") == 5


def test_a_sink_or_table_that_is_no_longer_declared_holds_nothing_back(warehouse: Warehouse) -> None:
    warehouse.engine.deliver("out", 2)
    assert warehouse.vacuum().rows == 5


def test_commits_are_thinned_to_one_an_hour_and_their_times_stay_told(warehouse: Warehouse) -> None:
    for _ in range(5):
        warehouse.clock.at -= HOUR - timedelta(minutes=1)  # a minute after the last, not an hour
        warehouse.build("u", "select 1 as one", "1:u")
    assert warehouse.vacuum().commits > 0
    kept = [c.version for c in warehouse.engine.commits()]
    assert kept[0] == 11
    assert {1, 2, 3, 4, 5, 6} <= set(kept)
    lives = warehouse.fetch(Pasts(warehouse.engine, warehouse.clock).history("t"))
    assert lives == [(6, BEGIN + HOUR * 6, None)]


def test_a_vacuum_is_due_after_a_part_of_what_is_kept(warehouse: Warehouse) -> None:
    keep = Project("p", "", history=HOUR * 4)
    assert retention.tend(warehouse.engine, keep, warehouse.clock) is not None
    assert retention.tend(warehouse.engine, keep, warehouse.clock) is None
    warehouse.set("select 7 as v")
    warehouse.set("select 8 as v")
    assert retention.tend(warehouse.engine, keep, warehouse.clock) == Removed(rows=2, commits=0)
    assert retention.tend(warehouse.engine, Project("p", "", history=None), warehouse.clock) is None


def test_nothing_is_vacuumed_while_a_transaction_is_open(warehouse: Warehouse) -> None:
    txn = warehouse.engine.begin()
    with pytest.raises(FatalError, match="open already"):
        warehouse.vacuum()
    txn.rollback()


def test_a_warehouse_made_before_there_was_a_vacuum_can_be_vacuumed(warehouse: Warehouse) -> None:
    for name in ("floors", "refused", "vacuums"):
        warehouse.engine._con.execute(f"drop table _penstock.{name}")
    assert (warehouse.engine.kept_since("t"), warehouse.engine.vacuumed(), warehouse.engine.refused()) == (0, None, {})
    assert warehouse.vacuum().rows == 5
    assert warehouse.engine.kept_since("t") == 6


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_the_file_does_not_grow_over_thousands_of_refreshes(tmp_path: Path) -> None:
    """200 of 10,000 rows change in each of 1,500 (of ten thousand by `make prove`); a hundred versions are kept."""
    found = Warehouse(tmp_path / "w.duckdb")
    found.do(
        lambda txn: txn.apply(
            txn.run(Build("t", Query("select range as k, 'v' || range as v from range(10000)"), "1:a", ("k",)))
        )
    )
    keep, sizes = Project("p", "", history=HOUR * 100), []

    def refresh(number: int) -> Any:
        def work(txn: Any) -> None:
            key = f"(hash(range + {number} * 7) % 10000)::bigint"
            text = f"select {key} as k, '{number}_' || range as v from range(200)"
            stage = txn.run(Dedupe(txn.run(Compute(Query(text))).name, ("k",)))
            txn.apply(txn.run(Upsert(found.engine.relations()["t"], stage.name, ("k",))))

        return work

    for number in range(REFRESHES):
        found.do(refresh(number))
        if retention.tend(found.engine, keep, found.clock) is not None:
            sizes.append(found.path.stat().st_size)
    graves = found.engine._con.execute(
        "select sum(estimated_size) from duckdb_tables() where ends_with(table_name, '_gone')"
    ).fetchall()
    found.engine.close()
    half = len(sizes) // 2
    assert len(sizes) > 40
    assert max(sizes[half:]) <= 1.5 * max(sizes[:half])
    assert graves[0][0] < 200 * 150


def lagging(root: Path) -> Any:
    """A project whose table follows its input by what changes, and was left out while rows of that went."""
    for name in ("sources", "tables", "data"):
        (root / name).mkdir()
    (root / "penstock.toml").write_text('name = "lags"')
    (root / "sources" / "a.toml").write_text('[raw.a]\nfrom = "files"\nread = "data/*.csv"\nkey = "k"\n')
    (root / "tables" / "t.sql").write_text("select g, count(*) as n from raw.a group by g")
    data = [f"{k},{k % 3}\n" for k in range(60_000)]
    (root / "data" / "a.csv").write_text("k,g\n" + "".join(data))
    project = penstock.open(root)
    project._app._tuning = Tuning(follow=True)  # else what the machine is busy with would decide
    project.run().raise_for_failure()
    (root / "data" / "a.csv").write_text("k,g\n" + "".join(data[300:]))
    project.run("raw.a").raise_for_failure()
    return project


@pytest.mark.parametrize("heeded", [True, False])
def test_a_table_that_lags_behind_is_right_whether_or_not_it_was_heeded(heeded: bool, tmp_path: Path) -> None:
    """What it has yet to take in is kept for it; where it was not, it is computed in full."""
    with lagging(tmp_path) as project:
        engine = project._app.engine
        if heeded:
            assert project.vacuum(keep=timedelta()).rows == 0
        else:
            assert engine.vacuum(dict.fromkeys(engine.relations(), 2), 2, project._app.clock.now()).rows == 300
        steps = {s.table: s.strategy for s in project.run().raise_for_failure().run.steps}
        assert (steps["t"] == "full") == (not heeded)
        assert sorted(project.table("t").fetchall()) == [(g, 19_900) for g in range(3)]


def test_a_hidden_relation_goes_with_the_last_definition_that_asks_for_it(tmp_path: Path) -> None:
    with lagging(tmp_path) as project:
        (tmp_path / "tables" / "u.sql").write_text(
            "select n, count(*) as m from (select g, count(*) as n from raw.a group by g) group by n"
        )
    with penstock.open(tmp_path) as project:
        project.run().raise_for_failure()
        hidden = [name for name in project._app.engine.relations() if is_hidden(name)]
        assert hidden
        project.vacuum(keep=timedelta())
        assert [name for name in project._app.engine.relations() if is_hidden(name)] == hidden
    (tmp_path / "tables" / "u.sql").write_text("select max(g) as g from raw.a")
    with penstock.open(tmp_path) as project:
        project.run().raise_for_failure()
        project.vacuum(keep=timedelta())
        assert not [name for name in project._app.engine.relations() if is_hidden(name)]
        assert project.table("u").fetchall() == [(2,)]
