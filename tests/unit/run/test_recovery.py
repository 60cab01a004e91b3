"""Recovery: a run that nobody carries on does not stay `running`; one that somebody does is left alone."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from penstock.base.errors import FatalError
from penstock.model.run import Run, Step
from penstock.run.recovery import is_alive, recover
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
def journal(tmp_path, clock):
    held = SqliteJournal(tmp_path / "journal.db", clock)
    held.start(Run("r1", NOON, pid=4711, host="box"))
    held.step("r1", Step("raw.orders", "intake", "done"))
    held.step("r1", Step("spend", "table", "running"))
    yield held
    held.close()


def again(journal, clock):
    return SqliteJournal(journal.path, clock)


def dead(pid):
    return False


def alive(pid):
    return True


def test_a_run_whose_process_is_gone_is_interrupted_at_its_last_commit(journal, clock):
    fresh = again(journal, clock)
    (found,) = recover(fresh, {"r1": 5}.get, clock, dead, host="box")
    assert (found.id, found.state, found.version) == ("r1", "interrupted", 5)
    assert {step.table: step.state for step in found.steps} == {"raw.orders": "done", "spend": "interrupted"}
    assert fresh.unfinished() == []
    assert fresh.find("r1") == found


def test_a_run_that_had_committed_nothing_has_no_version(journal, clock):
    (found,) = recover(again(journal, clock), {}.get, clock, dead, host="box")
    assert found.version is None


def test_a_run_whose_process_lives_and_beats_is_left_alone(journal, clock):
    assert recover(again(journal, clock), {}.get, clock, alive, host="box") == []
    journal.end("r1", "done", 3)
    assert journal.find("r1").state == "done"


def test_a_run_whose_lease_is_over_is_taken_from_its_process(journal, clock):
    clock.at += timedelta(seconds=31)
    assert [run.id for run in recover(again(journal, clock), {}.get, clock, alive, host="box")] == ["r1"]
    with pytest.raises(FatalError, match="taken over"):
        journal.beat("r1")


def test_a_run_on_another_machine_is_judged_by_its_lease_alone(journal, clock):
    assert recover(again(journal, clock), {}.get, clock, dead, host="elsewhere") == []
    clock.at += timedelta(seconds=31)
    assert len(recover(again(journal, clock), {}.get, clock, dead, host="elsewhere")) == 1


def test_a_run_of_an_earlier_process_with_our_own_id_is_found_at_once(tmp_path, clock):
    """In a container every process has the same id."""
    journal = SqliteJournal(tmp_path / "other.db", clock)
    journal.start(Run("before", NOON))
    journal.start(Run("ours", NOON))
    assert recover(again(journal, clock), {}.get, clock, is_alive) == []
    assert [run.id for run in recover(again(journal, clock), {}.get, clock, is_alive, mine={"ours"})] == ["before"]


def test_one_that_this_process_carries_on_is_not_taken_though_its_lease_is_over(journal, clock):
    clock.at += timedelta(hours=1)
    assert recover(again(journal, clock), {}.get, clock, dead, host="box", mine={"r1"}) == []


def test_recovering_twice_changes_nothing(journal, clock):
    recover(again(journal, clock), {"r1": 5}.get, clock, dead, host="box")
    before = journal.find("r1")
    clock.at += timedelta(hours=1)
    assert recover(again(journal, clock), {"r1": 9}.get, clock, dead, host="box") == []
    assert journal.find("r1") == before


def test_a_killed_process_leaves_no_zombie_run(tmp_path):
    path = tmp_path / "journal.db"
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from datetime import datetime, UTC\n"
        "from penstock.model.run import Run\n"
        "from penstock.stores.sqlite import SqliteJournal\n"
        "SqliteJournal(Path(sys.argv[1])).start(Run('r1', datetime.now(UTC)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    journal = SqliteJournal(path)
    from penstock.base.clock import SystemClock

    assert [run.state for run in recover(journal, {}.get, SystemClock(), is_alive)] == ["interrupted"]
    journal.close()


def test_a_process_is_alive_until_it_ends():
    assert is_alive(os.getpid())
    assert not is_alive(0)
    assert not is_alive(-1)
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert not is_alive(done.pid)
    if os.getuid() and Path("/proc/1").exists():
        assert is_alive(1)
