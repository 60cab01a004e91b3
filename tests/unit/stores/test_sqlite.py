"""The journal: what was recorded is there, whatever happens to the process, the file or another process."""

import multiprocessing
import os
import platform
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from penstock.base import secrets
from penstock.base.errors import ConfigError, FatalError, Place, RetryableError
from penstock.model.check import Check, Verdict
from penstock.model.run import Note, Run, Step
from penstock.stores import sqlite
from penstock.stores.sqlite import SqliteJournal

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class FakeClock:
    def __init__(self):
        self.at = NOON

    def now(self):
        return self.at

    def monotonic(self):
        return self.at.timestamp()

    def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".penstock" / "journal.db"


@pytest.fixture
def journal(path, clock):
    with_clock = SqliteJournal(path, clock)
    yield with_clock
    with_clock.close()


def other(journal, clock):
    return SqliteJournal(journal.path, clock)


def run(name="r1", **more):
    return Run(name, **{"started": NOON, **more})


STEP = Step("raw.orders", "intake", "running", rows_in=5, bytes_in=100)


# ── what is recorded ────────────────────────────────────────────────────────────────────────────────────


def test_a_run_is_there_for_another_process_as_soon_as_it_starts(journal, clock):
    journal.start(run(command="penstock run", pid=4711, host="box"))
    (found,) = other(journal, clock).unfinished()
    assert found == run(command="penstock run", pid=4711, host="box", lease=NOON + timedelta(seconds=30))


def test_a_run_knows_the_process_that_started_it(journal):
    journal.start(run())
    found = journal.find("r1")
    assert (found.pid, found.host) == (os.getpid(), platform.node())


def test_a_later_step_of_the_same_table_and_stage_replaces_the_earlier_one(journal):
    journal.start(run())
    done = Step("raw.orders", "intake", "done", "append", "grew", 5, 1, 2, 7, 900, 0.25, {"subject": "x", "line": 3})
    for step in (STEP, Step("spend", "table", "running"), done):
        journal.step("r1", step)
    assert journal.find("r1").steps == (done, Step("spend", "table", "running"))


def test_every_field_of_a_step_has_a_column(journal, path):
    journal.start(run())
    with sqlite3.connect(path) as db:
        columns = {row[1] for row in db.execute("pragma table_info(steps)")}
    db.close()
    assert {field.name for field in fields(Step)} < columns


def test_the_end_of_a_run_is_recorded_and_leaves_no_step_in_flight(journal, clock):
    journal.start(run())
    journal.step("r1", STEP)
    clock.at += timedelta(seconds=3)
    journal.end("r1", "failed", 7)
    found = journal.find("r1")
    assert (found.state, found.version, found.ended) == ("failed", 7, NOON + timedelta(seconds=3))
    assert [step.state for step in found.steps] == ["interrupted"]
    assert journal.unfinished() == []


def test_a_run_that_ended_does_not_end_again(journal, clock):
    journal.start(run())
    journal.end("r1", "done", 7)
    other(journal, clock).end("r1", "interrupted", None)
    assert (journal.find("r1").state, journal.find("r1").version) == ("done", 7)


def test_verdicts_come_back_with_their_samples_and_places(journal):
    journal.start(run())
    where = Place("tables/a.sql", 3, 5)
    first = Verdict("a", Check("x > 0", "error", "positive", where), 2, ({"x": -1, "s": "é"},), 0.5)
    second = Verdict("a", Check("unique(x)", "warn"), 0)
    journal.verdicts("r1", [first, second])
    assert journal.checks("r1") == [first, second]
    again = Verdict("a", first.check, 1, ({"x": -2},), 0.25)
    journal.verdicts("r1", [again])
    assert set(map(repr, journal.checks("r1"))) == {repr(again), repr(second)}


def test_the_newest_runs_come_first_and_no_more_than_asked_for(journal, clock):
    for number in range(5):
        journal.start(run(f"r{number}", started=NOON + timedelta(minutes=number % 3)))
        journal.step(f"r{number}", STEP)
    assert [one.id for one in journal.runs(3)] == ["r2", "r4", "r1"]
    assert all(len(one.steps) == 1 for one in journal.runs())


def test_a_run_is_found_by_the_beginning_of_its_id(journal):
    journal.start(run("abc1"))
    journal.start(run("abd2"))
    journal.start(run("ab"))
    assert journal.find("abc").id == "abc1"
    assert journal.find("ab").id == "ab"
    assert journal.find("%") is None
    assert journal.find("abx") is None
    with pytest.raises(ConfigError, match="3 runs begin with 'a'") as caught:
        journal.find("a")
    assert "abc1" in caught.value.hint


def test_a_secret_is_never_written(journal, path):
    secrets.hide("hunter2-canary")
    journal.start(run(command="run --password hunter2-canary"))
    error = {"subject": "no", "errors": [{"got": 'say "hunter2-canary"', "hunter2-canary": 1}]}
    journal.step("r1", Step("a", "table", "failed", reason="hunter2-canary", error=error))
    journal.verdicts("r1", [Verdict("a", Check("x <> 'hunter2-canary'"), 1, ({"x": "hunter2-canary"},))])
    journal.close()
    for file in path.parent.iterdir():
        assert b"hunter2" not in file.read_bytes()


def test_an_endless_text_is_cut(journal):
    journal.start(run())
    journal.step("r1", Step("a", "table", "failed", error={"got": "x" * 1_000_000}))
    assert len(journal.find("r1").steps[0].error["got"]) < 11_000


def test_a_journal_that_was_never_written_reads_as_empty_and_makes_no_file(journal, path):
    assert (journal.runs(), journal.unfinished(), journal.find("x"), journal.checks("x"), journal.notes("x")) == (
        [],
        [],
        None,
        [],
        [],
    )
    assert not path.parent.exists()


def test_what_a_run_said_comes_back_in_order_without_secrets_and_goes_with_it(journal, path):
    journal.start(run())
    secrets.hide("hunter2hunter2")
    journal.note("r1", Note(1.5, "no answer from https://u:hunter2hunter2@x", "raw.a", "warning"))
    journal.note("r1", Note(0.5, "x" * 1_000_000))
    first, second = journal.notes("r1")
    assert (first.at, first.table, first.level) == (1.5, "raw.a", "warning")
    assert "hunter2" not in first.text
    assert (second.level, second.table, len(second.text)) == ("info", "", 10_001)
    assert journal.notes("r2") == []
    with sqlite3.connect(journal.path) as db:
        db.execute("pragma foreign_keys = on")
        db.execute("delete from runs")
    assert journal.notes("r1") == []
    db.close()


# ── leases ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_beat_extends_the_lease(journal, clock):
    journal.start(run())
    clock.at += timedelta(seconds=20)
    journal.beat("r1")
    assert journal.find("r1").lease == NOON + timedelta(seconds=50)


@pytest.mark.parametrize(
    "write",
    [
        lambda journal: journal.beat("r1"),
        lambda journal: journal.step("r1", STEP),
        lambda journal: journal.verdicts("r1", []),
        lambda journal: journal.note("r1", Note(1.0, "x")),
        lambda journal: journal.end("r1", "done", 9),
    ],
    ids=["beat", "step", "verdicts", "note", "end"],
)
def test_who_lost_a_run_to_another_process_is_refused(journal, clock, write):
    journal.start(run())
    other(journal, clock).end("r1", "interrupted", 3)
    with pytest.raises(FatalError, match="run r1 was taken over by another process"):
        write(journal)
    found = journal.find("r1")
    assert (found.state, found.version, found.steps) == ("interrupted", 3, ())


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────────────


def test_old_runs_are_forgotten_with_all_that_belongs_to_them(path, clock):
    journal = SqliteJournal(path, clock, keep_runs=10)
    for number in range(30):
        name = f"r{number:02}"
        journal.start(run(name, started=clock.at))
        journal.step(name, STEP)
        journal.verdicts(name, [Verdict("a", Check("x"), 0)])
        journal.end(name, "done", number)
    journal.start(run("last", started=clock.at))
    assert [one.id for one in journal.runs(100)] == ["last", *(f"r{n:02}" for n in range(29, 20, -1))]
    with sqlite3.connect(path) as db:
        counts = [db.execute(f"select count(*) from {name}").fetchone()[0] for name in ("steps", "verdicts")]
    db.close()
    assert counts == [len(journal.runs(100)) - 1] * 2
    journal.close()


def test_runs_older_than_the_retention_are_forgotten_but_not_one_that_runs(journal, clock):
    journal.start(run("old"))
    journal.end("old", "done", 1)
    journal.start(run("hanging"))
    clock.at += timedelta(days=91)
    journal.start(run("new", started=clock.at))
    assert [one.id for one in journal.runs()] == ["new", "hanging"]


def test_the_file_does_not_grow_for_ever(path, clock):
    journal = SqliteJournal(path, clock, keep_runs=5)

    def size_after(first, last):
        for number in range(first, last):
            journal.start(run(f"r{number}", started=clock.at + timedelta(seconds=number)))
            for table in range(20):
                journal.step(f"r{number}", Step(f"t{table}", "table", "done", reason="x" * 500))
            journal.end(f"r{number}", "done", number)
        return path.stat().st_size

    assert size_after(20, 60) <= size_after(0, 20) * 1.5
    journal.close()


# ── the file ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_journal_is_set_aside_with_a_warning(journal, path, content, caplog):
    path.parent.mkdir()
    path.write_bytes(content)
    journal.start(run())
    assert [one.id for one in journal.runs()] == ["r1"]
    (aside,) = path.parent.glob("journal.db.damaged-*")
    assert aside.read_bytes() == content
    assert "was damaged" in caplog.text


def test_a_journal_that_is_damaged_in_the_middle_of_a_run_goes_on_in_a_new_one(journal, path, clock):
    for number in range(50):
        journal.start(run(f"r{number}"))
    journal.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    journal.step("r49", STEP)
    journal.end("r49", "done", 4)
    found = journal.find("r49")
    assert (found.state, found.steps) == ("done", (Step(**{**_values(STEP), "state": "interrupted"}),))
    assert list(path.parent.glob("journal.db.damaged-*"))


def _values(step):
    return {field.name: getattr(step, field.name) for field in fields(step)}


def test_a_journal_of_a_newer_penstock_is_left_alone(journal, path, clock):
    journal.start(run())
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute("pragma user_version = 999")
    db.close()
    with pytest.raises(ConfigError, match="written by a newer Penstock"):
        other(journal, clock).runs()
    assert not list(path.parent.glob("*damaged*"))


def test_a_migration_keeps_what_was_recorded(journal, clock, monkeypatch):
    journal.start(run())
    journal.close()
    added = ("alter table runs add column note text", "update runs set note = 'moved'")
    monkeypatch.setattr(sqlite, "MIGRATIONS", (*sqlite.MIGRATIONS, added))
    newer = other(journal, clock)
    assert newer.find("r1").id == "r1"
    with sqlite3.connect(journal.path) as db:
        assert db.execute("select note from runs").fetchall() == [("moved",)]
        assert db.execute("pragma user_version").fetchone() == (len(sqlite.MIGRATIONS),)
    db.close()
    newer.close()


def test_a_journal_from_before_steps_had_a_beginning_is_read_and_written_on(path, clock, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "MIGRATIONS", sqlite.MIGRATIONS[:1])
        patch.setattr(sqlite, "_STEP", tuple(name for name in sqlite._STEP if name != "began"))
        old = SqliteJournal(path, clock)
        old.start(run())
        old.step("r1", Step("orders", "table", "done", seconds=1.5))
        old.close()
    journal = SqliteJournal(path, clock)
    assert [(s.table, s.seconds, s.began) for s in journal.find("r1").steps] == [("orders", 1.5, None)]
    later = run("r2")
    journal.start(later)
    journal.step("r2", Step("orders", "table", "done", began=0.25))
    assert journal.find("r2").steps[0].began == 0.25
    journal.close()


def test_a_migration_that_fails_leaves_the_journal_as_it_was(journal, clock, monkeypatch):
    journal.start(run())
    journal.close()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "MIGRATIONS", (*sqlite.MIGRATIONS, ("drop table steps", "nonsense")))
        with pytest.raises(FatalError, match="nonsense"):
            other(journal, clock).runs()
    assert [one.id for one in other(journal, clock).runs()] == ["r1"]


def test_a_journal_that_another_process_holds_for_long_may_be_tried_again(path, clock, monkeypatch):
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.05)
    journal = SqliteJournal(path, clock)
    journal.start(run())
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(RetryableError, match="locked"):
        journal.beat("r1")
    assert [one.id for one in journal.runs()] == ["r1"]  # readers are not kept waiting
    holder.execute("rollback")
    holder.close()
    journal.beat("r1")
    journal.close()


def test_a_full_disk_is_one_clear_error_and_what_was_written_stays(journal):
    journal.start(run())
    journal._db.execute("pragma max_page_count = 1")  # no page more than there is
    endless = Step("t", "table", "failed", error={"errors": ["x" * 9_000] * 50})
    with pytest.raises(FatalError, match="full") as caught:
        journal.step("r1", endless)
    assert "free some space" in caught.value.hint
    assert journal.find("r1").state == "running"


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path, clock):
    (tmp_path / "file").write_text("x")
    journal = SqliteJournal(tmp_path / "file" / "journal.db", clock)
    with pytest.raises(FatalError, match=r"journal\.db cannot be used"):
        journal.start(run())


# ── side by side ────────────────────────────────────────────────────────────────────────────────────────


def _write_runs(path, worker, count):
    journal = SqliteJournal(path)
    for number in range(count):
        name = f"w{worker}-{number}"
        journal.start(Run(name, datetime.now(UTC)))
        journal.step(name, STEP)
        journal.end(name, "done", number)
    journal.close()


def test_several_processes_begin_and_write_one_journal_at_once(path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_runs, args=(path, worker, 10)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    runs = SqliteJournal(path).runs(100)
    assert {one.id for one in runs} == {f"w{w}-{n}" for w in range(4) for n in range(10)}
    assert {one.state for one in runs} == {"done"}
    assert not list(path.parent.glob("*damaged*"))


def test_several_threads_share_one_journal(journal):
    journal.start(run())
    failures = []

    def work(number):
        try:
            for table in range(20):
                journal.step("r1", Step(f"t{number}-{table}", "table", "done"))
                journal.beat("r1")
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(journal.find("r1").steps) == 100


def test_what_was_recorded_before_a_kill_is_there(path):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from datetime import datetime, UTC\n"
        "from penstock.model.run import Run, Step\n"
        "from penstock.stores.sqlite import SqliteJournal\n"
        "journal = SqliteJournal(Path(sys.argv[1]))\n"
        "journal.start(Run('r1', datetime.now(UTC)))\n"
        "journal.step('r1', Step('a', 'table', 'running'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert done.returncode == -9
    (found,) = SqliteJournal(path).unfinished()
    assert [step.state for step in found.steps] == ["running"]


# ── its price ───────────────────────────────────────────────────────────────────────────────────────────


def test_importing_the_journal_does_not_import_sqlite():
    code = "import sys, penstock.stores.sqlite; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_opening_a_journal_takes_less_than_five_milliseconds(journal, path):
    journal.start(run())
    journal.close()
    times = []
    for _ in range(5):
        started = time.process_time()
        again = SqliteJournal(path)
        again.unfinished()
        times.append(time.process_time() - started)
        again.close()
    assert min(times) < 0.005
