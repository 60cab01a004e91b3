"""Deliveries: a mirror is what the table is, an append target has every row once, whatever came between."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from arro3.core import Table

from penstock.base.errors import FatalError, UnsupportedError
from penstock.model.sink import SinkTable
from penstock.model.source import Connection
from penstock.protocols.sink import SinkCan
from penstock.refresh.deliver import deliver


class Target:
    """A sink in memory that keeps what it was handed."""

    def __init__(self, modes=("mirror", "append"), changes=True, epoch=None):
        self.can = SinkCan(frozenset(modes), changes)
        self.rows = []
        self.notes = []
        self.at = epoch
        self.staged = None

    def epoch(self):
        return self.at

    def stage(self, note, plus, minus):
        self.notes.append(note)
        self.staged = (note, plus, minus)

    def commit(self, epoch):
        note, plus, minus = self.staged
        rows = [] if note.whole else list(self.rows)
        for row in taken(minus):
            rows.remove(row)
        self.rows = rows + taken(plus)
        self.at = epoch

    def close(self):
        self.staged = None


def taken(rows):
    if rows is None:
        return []
    table = Table.from_arrow(rows)
    columns = [table.column(name).to_pylist() for name in table.column_names]
    return list(zip(*columns, strict=True))


def sink_def(mode="mirror", key=()):
    return SinkTable("out", "t", Connection("c", "memory"), mode=mode, key=key)


def go(warehouse, target, mode="mirror", table="t", key=()):
    return deliver(sink_def(mode, key), target, warehouse.engine, warehouse.engine.relations()[table])


def present(warehouse, table="t"):
    return sorted(warehouse.rows(f"select * from {table}"))


ONE_TO_THREE = "select range::integer as id, range::integer * 10 as v from range(1, 4)"


# ── mirror ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_delivery_is_the_whole_table(warehouse):
    warehouse.build("t", ONE_TO_THREE, key=("id",))
    target = Target()
    step = go(warehouse, target)
    assert sorted(target.rows) == [(1, 10), (2, 20), (3, 30)]
    assert (step.table, step.stage, step.state, step.added, step.removed) == ("out", "deliver", "done", 3, 0)
    (note,) = target.notes
    assert (note.whole, note.since, note.epoch, note.key, note.mode) == (True, 0, 1, ("id",), "mirror")
    assert note.schema.types == {"id": "integer", "v": "integer"}


def test_nothing_is_delivered_where_nothing_changed(warehouse):
    warehouse.build("t", ONE_TO_THREE)
    target = Target()
    go(warehouse, target)
    warehouse.build("other", "select 1 as x")
    assert go(warehouse, target).state == "unchanged"
    assert len(target.notes) == 1


def test_a_later_delivery_has_only_what_came_and_went(warehouse):
    warehouse.build("t", ONE_TO_THREE, key=("id",))
    target = Target()
    go(warehouse, target)
    warehouse.change("t", "from (values (1, 10), (2, 21), (4, 40)) t(id, v)")
    step = go(warehouse, target)
    assert (step.added, step.removed, step.strategy) == (2, 2, "changes")
    assert sorted(target.rows) == [(1, 10), (2, 21), (4, 40)]
    assert (target.notes[-1].whole, target.notes[-1].since, target.notes[-1].epoch) == (False, 1, 2)


def test_several_versions_are_delivered_at_once_without_what_came_and_went_between(warehouse):
    warehouse.build("t", ONE_TO_THREE, key=("id",))
    target = Target()
    go(warehouse, target)
    warehouse.change("t", "from (values (1, 10), (2, 20), (3, 30), (4, 40)) t(id, v)")
    warehouse.change("t", "from (values (1, 10), (2, 22)) t(id, v)")
    step = go(warehouse, target)
    assert (step.added, step.removed) == (1, 2)
    assert sorted(target.rows) == present(warehouse)


def test_a_table_that_was_rebuilt_is_delivered_whole(warehouse):
    warehouse.build("t", ONE_TO_THREE)
    target = Target()
    go(warehouse, target)
    warehouse.build("t", "select 9 as id, 'x' as w", fingerprint="1:b")
    step = go(warehouse, target)
    assert target.rows == [(9, "x")]
    assert (step.strategy, step.reason) == ("whole", "t was rebuilt at version 2")


def test_a_sink_that_takes_no_changes_gets_the_whole_each_time(warehouse):
    warehouse.build("t", ONE_TO_THREE, key=("id",))
    target = Target(changes=False)
    go(warehouse, target)
    warehouse.change("t", "select 1 as id, 10 as v")
    step = go(warehouse, target)
    assert (step.added, target.notes[-1].whole, target.rows) == (1, True, [(1, 10)])


def test_the_sinks_own_key_goes_before_the_tables(warehouse):
    warehouse.build("t", ONE_TO_THREE, key=("id",))
    target = Target()
    go(warehouse, target, key=("v",))
    assert target.notes[0].key == ("v",)


@pytest.mark.parametrize("seed", range(4))
def test_a_mirror_is_equal_to_the_table_after_any_history(warehouse, seed):
    """Tables without a key have equal rows, of which some come and go."""
    chance = random.Random(seed)
    warehouse.build("t", "select 0 as id, 'a' as v")
    target = Target()
    for _ in range(12):
        rows = [(chance.randrange(3), chance.choice("ab")) for _ in range(chance.randrange(6))]
        values = ", ".join(f"({a}, '{b}')" for a, b in rows)
        text = f"from (values {values}) t(id, v)" if rows else "select 0 as id, 'a' as v where false"
        (warehouse.build if chance.random() < 0.2 else warehouse.change)("t", text)
        if chance.random() < 0.6:
            go(warehouse, target)
            assert sorted(target.rows) == present(warehouse)
    go(warehouse, target)
    assert sorted(target.rows) == present(warehouse)


# ── append ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_append_target_gets_all_rows_first_and_then_those_that_came(warehouse):
    warehouse.build("t", ONE_TO_THREE, key=("id",))
    target = Target()
    assert go(warehouse, target, "append").added == 3
    warehouse.change("t", "from (values (1, 10), (2, 21), (4, 40)) t(id, v)")
    step = go(warehouse, target, "append")
    assert (step.added, step.removed) == (2, 0)
    assert sorted(target.rows) == [(1, 10), (2, 20), (2, 21), (3, 30), (4, 40)]
    assert [(note.whole, note.since) for note in target.notes] == [(False, 0), (False, 1)]


def test_after_a_rebuild_an_append_target_gets_only_rows_that_are_new(warehouse):
    warehouse.build("t", "from (values (1, 'a'), (1, 'a'), (2, null)) t(id, v)")
    target = Target()
    go(warehouse, target, "append")
    warehouse.build("t", "from (values (1, 'a'), (1, 'a'), (1, 'a'), (2, null), (3, 'c')) t(id, v)", fingerprint="1:b")
    step = go(warehouse, target, "append")
    assert step.added == 2
    assert sorted(target.rows, key=str) == [(1, "a"), (1, "a"), (1, "a"), (2, None), (3, "c")]


def test_after_a_rebuild_with_other_columns_those_that_stayed_tell_what_is_new(warehouse):
    warehouse.build("t", "from (values (1, 'a'), (2, 'b')) t(id, gone)")
    target = Target()
    go(warehouse, target, "append")
    warehouse.build("t", "from (values (1, 1.5), (3, 2.5)) t(id, new)", fingerprint="1:b")
    assert go(warehouse, target, "append").added == 1
    assert target.rows[2][0] == 3


def test_a_rebuild_after_changes_counts_from_what_the_target_has(warehouse):
    warehouse.build("t", "select 1 as id")
    target = Target()
    go(warehouse, target, "append")
    warehouse.change("t", "select 1 as id union all select 2")
    warehouse.build("t", "select 1 as id union all select 2 union all select 3", fingerprint="1:b")
    warehouse.change("t", "from (values (1), (2), (3), (4)) t(id)")
    go(warehouse, target, "append")
    assert sorted(target.rows) == [(1,), (2,), (3,), (4,)]


def test_a_rebuild_whose_former_rows_are_not_kept_is_refused_and_not_doubled(warehouse, monkeypatch):
    warehouse.build("t", "select 1 as id")
    target = Target()
    go(warehouse, target, "append")
    warehouse.build("t", "select 1 as id", fingerprint="1:b")
    monkeypatch.setattr(warehouse.engine, "relation_at", lambda name, version: None)
    with pytest.raises(FatalError, match="how it was at version 1 is no longer kept"):
        go(warehouse, target, "append")
    assert target.rows == [(1,)]


# ── what is refused, and what a crash leaves ────────────────────────────────────────────────────────────


def test_a_sink_that_is_ahead_of_the_warehouse_is_left_alone(warehouse):
    warehouse.build("t", ONE_TO_THREE)
    target = Target(epoch=7)
    with pytest.raises(FatalError, match="shows version 7, which this warehouse has not reached") as caught:
        go(warehouse, target)
    assert "expected: version 1 or older" in str(caught.value)
    assert target.notes == []


def test_a_mode_that_the_sink_does_not_take_is_refused(warehouse):
    warehouse.build("t", ONE_TO_THREE)
    with pytest.raises(UnsupportedError, match="in the mode 'append'"):
        go(warehouse, Target(modes=("mirror",)), "append")


def test_a_key_that_the_table_has_not_is_refused_with_the_nearest_column(warehouse):
    warehouse.build("t", ONE_TO_THREE)
    with pytest.raises(FatalError, match="the key names the column 'idd', which t has not") as caught:
        go(warehouse, Target(), key=("idd",))
    assert caught.value.hint == "did you mean 'id'?"


def test_rows_are_let_go_of_when_the_sink_fails(warehouse):
    warehouse.build("t", ONE_TO_THREE)
    target = Target()
    target.commit = lambda epoch: (_ for _ in ()).throw(FatalError("full"))
    with pytest.raises(FatalError, match="full"):
        go(warehouse, target)
    with pytest.raises(ValueError, match="closed"):
        taken(target.staged[1])


def test_a_delivery_that_was_not_committed_is_delivered_again(warehouse):
    warehouse.build("t", ONE_TO_THREE, key=("id",))
    target = Target()
    go(warehouse, target)
    warehouse.change("t", "from (values (1, 11), (2, 20), (3, 30)) t(id, v)")
    target.commit, keep = (lambda epoch: None), target.commit
    go(warehouse, target)
    target.commit = keep
    warehouse.change("t", "from (values (1, 12), (2, 20), (3, 30)) t(id, v)")
    go(warehouse, target)
    assert sorted(target.rows) == present(warehouse)


@pytest.mark.parametrize("point", ["deliver.staged", "deliver.committed"])
def test_a_kill_at_a_fault_point_ends_the_process_there(point):
    code = (
        "from types import SimpleNamespace as N\n"
        "from penstock.refresh import deliver\n"
        "rows = N(close=lambda: None, fetch=lambda: [(1,)])\n"
        "engine = N(version=1, read=lambda query: rows, delivered=lambda s: None, deliver=lambda *a: None)\n"
        "from penstock.model.relation import Relation\n"
        "from penstock.model.schema import Schema\n"
        "from penstock.model.sink import SinkTable\n"
        "from penstock.model.source import Connection\n"
        "sink = N(epoch=lambda: None, can=N(modes={'mirror'}, changes=True),\n"
        "    stage=lambda *a: print('staged', flush=True), commit=lambda e: print('committed', flush=True))\n"
        "deliver.deliver(SinkTable('s', 't', Connection('c', 'x')), sink, engine,\n"
        "    Relation('t', Schema(), 'f', 'p', changed=1))\n"
        "print('after')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "PENSTOCK_FAULT": point},
    )  # fmt: skip
    assert done.returncode == -9
    assert done.stdout.split() == (["staged"] if point == "deliver.staged" else ["staged", "committed"])


def test_a_target_of_another_warehouse_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """A warehouse that was made anew cannot know what of its rows an old target has."""
    from penstock.app import requests

    (tmp_path / "sources").mkdir()
    (tmp_path / "sinks").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "p"\n[connections]\nout = "sqlite:out.db"\n')
    (tmp_path / "sources" / "a.toml").write_text('[raw.a]\nfrom = "files"\nread = "a*.csv"\n')
    (tmp_path / "sinks" / "a.toml").write_text(
        '[copy]\ntable = "raw.a"\nto = "out"\nwrite = "a"\n\n'
        '[more]\ntable = "raw.a"\nto = "files"\nwrite = "more/"\nmode = "append"\nformat = "csv"\n'
    )
    (tmp_path / "a.csv").write_text("n\n1\n2\n")
    with requests.open_project(tmp_path) as app:
        assert requests.run(app).state == "done"
    shutil.rmtree(tmp_path / ".penstock")
    (tmp_path / "a.csv").write_text("n\n7\n")
    with requests.open_project(tmp_path) as app:
        done = requests.run(app)
    assert [(s.table, s.error["subject"]) for s in done.failed if s.error] == [
        (name, f"the target of the sink '{name}' was written by another warehouse") for name in ("copy", "more")
    ]
    with sqlite3.connect(tmp_path / "out.db") as out:
        assert out.execute("select n from a").fetchall() == [(1,), (2,)]
    out.close()
