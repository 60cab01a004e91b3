"""Two processes on one warehouse: the second waits a little, then says who holds it; one that dies lets go."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from penstock.app import requests
from penstock.base.clock import SystemClock
from penstock.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HELD = 3
# Holds the warehouse until its input ends.
HOLD = """
import sys
from penstock.app import requests
with requests.open_project(sys.argv[1]) as app:
    app.engine
    print("held", flush=True)
    sys.stdin.read()
"""
# A source that says when it is being read, and goes on when its process's input ends.
SLOW = """
import sys
from penstock import source


@source
def slow():
    if sys.argv[-1] == "slowly":
        print("reading", flush=True)
        sys.stdin.read()
    return [{"n": n} for n in range(100)]
"""
RUN = """
import sys
from penstock.app import requests
requests.run(requests.open_project(sys.argv[1]), command="slow run")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has been run once."""
    root = tmp_path / "project"
    for folder in ("sources", "tables", "data"):
        (root / folder).mkdir(parents=True)
    (root / "penstock.toml").write_text('name = "two"\n')
    (root / "data" / "a.csv").write_text("id,v\n1,10\n2,20\n")
    (root / "sources" / "a.toml").write_text('[raw.a]\nfrom = "files"\nread = "data/*.csv"\n')
    (root / "tables" / "total.sql").write_text("select count(*) as n, sum(v)::bigint as v from raw.a\n")
    with requests.open_project(root) as app:
        assert requests.run(app).state == "done"
    return root


@contextlib.contextmanager
def python(code: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python in a process of its own that listens and speaks; it is gone afterwards."""
    command = [sys.executable, "-c", code, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the warehouse."""
    with python(HOLD, str(root)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands wait no more than a moment."""
    monkeypatch.setattr(requests, "open_project", functools.partial(requests.open_project, wait=0.05))


def cli(*words: str) -> tuple[int | None, str, str]:
    """Call the command line in this process."""
    out, err, hook = io.StringIO(), io.StringIO(), sys.excepthook
    code: Any = None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(words)
    except SystemExit as exited:
        code = exited.code
    finally:
        sys.excepthook = hook
    assert "Traceback" not in out.getvalue() + err.getvalue()
    return code, out.getvalue(), err.getvalue()


def total(root: Path) -> list[tuple[Any, ...]]:
    """Return what the table over the raw table says."""
    with requests.open_project(root) as app:
        return requests.sql(app, "from total").fetch()


class Waiting(SystemClock):
    """A clock that does something the first time that someone waits on it."""

    def __init__(self, then: Callable[[], object]) -> None:
        self.then: Callable[[], object] | None = then

    def sleep(self, seconds: float) -> None:
        if self.then is not None:
            self.then()
            self.then = None
        super().sleep(seconds)


@pytest.mark.usefixtures("impatient")
def test_every_verb_that_needs_the_warehouse_says_who_holds_it_and_exits_3(project: Path) -> None:
    with holder(project) as other:
        for words in (["run"], ["sql", "from total"], ["show", "total"], ["status"], ["plan"], ["check"]):
            code, out, err = cli(*words, "--project", str(project))
            assert (code, out) == (HELD, ""), words
            assert f"the warehouse is held by process {other.pid}" in err
            code, out, _ = cli(*words, "--json", "--project", str(project))
            assert code == HELD
            assert f"process {other.pid}" in json.loads(out)["error"]["subject"]


@pytest.mark.usefixtures("impatient")
def test_a_call_that_found_the_warehouse_held_leaves_nothing_behind(project: Path) -> None:
    (project / "data" / "b.csv").write_text("id,v\n3,30\n")
    with holder(project):
        assert cli("run", "--project", str(project))[0] == HELD
    with requests.open_project(project) as app:
        assert len(requests.runs(app)) == 1
    assert total(project) == [(2, 30)]
    assert cli("run", "--project", str(project))[0] == 0
    assert total(project) == [(3, 60)]


@pytest.mark.usefixtures("impatient")
def test_runs_can_be_listed_while_the_warehouse_is_held(project: Path) -> None:
    with holder(project):
        code, out, _ = cli("runs", "--json", "--project", str(project))
    assert code == 0
    assert [run["state"] for run in json.loads(out)["runs"]] == ["done"]


def test_a_short_holder_is_waited_for(project: Path) -> None:
    (project / "data" / "b.csv").write_text("id,v\n3,30\n")
    with holder(project) as other, requests.open_project(project, wait=60) as app:
        assert other.stdin is not None
        clock = Waiting(other.stdin.close)
        app.clock = clock
        assert requests.run(app).state == "done"
        assert clock.then is None, "nothing was waited for: the warehouse was not held"
        assert requests.sql(app, "from total").fetch() == [(3, 60)]


@pytest.mark.slow
def test_a_command_waits_five_seconds_before_it_gives_up(project: Path) -> None:
    """As people call it: a process of its own, its exit code, no traceback."""
    with holder(project) as other:
        started = SystemClock().monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "penstock", "sql", "from total", "--project", str(project)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        waited = SystemClock().monotonic() - started
    assert done.returncode == HELD
    assert done.stdout == ""
    assert done.stderr.splitlines()[0].endswith(f"the warehouse is held by process {other.pid} ({_program()})")
    assert "Traceback" not in done.stderr
    assert waited >= 5


def _program() -> str:
    return os.path.realpath(sys.executable).rsplit("/", 1)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(3))
def test_two_runs_at_the_same_time_both_end_well_and_no_row_is_doubled(project: Path, turn: int) -> None:
    (project / "data" / "b.csv").write_text("id,v\n" + "".join(f"{n},1\n" for n in range(5000)))
    command = [sys.executable, "-m", "penstock", "run", "--json", "--project", str(project)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert total(project) == [(5002, 5030)]
    added = [s["added"] for out, _ in said for s in json.loads(out)["run"]["steps"] if s["table"] == "raw.a"]
    assert sorted(added) == [0, 5000]
    with requests.open_project(project) as app:
        assert [run.state for run in requests.runs(app)] == ["done"] * 3


def test_a_run_that_goes_on_elsewhere_is_shown_as_running_and_one_that_was_killed_as_interrupted(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "sources" / "slow.py").write_text(SLOW)
    with monkeypatch.context() as patch, python(RUN, str(project), "slowly") as other:
        patch.setattr(requests, "open_project", functools.partial(requests.open_project, wait=0.05))
        assert other.stdout is not None
        assert other.stdout.readline() == "reading\n"
        code, out, _ = cli("runs", "--json", "--project", str(project))
        assert code == 0
        assert [run["state"] for run in json.loads(out)["runs"]] == ["running", "done"]
        assert cli("sql", "from total", "--project", str(project))[0] == HELD
        other.send_signal(signal.SIGKILL)
        other.wait()
        code, out, _ = cli("runs", "--json", "--project", str(project))
        assert code == 0
        killed, first = json.loads(out)["runs"]
        assert (killed["state"], first["state"]) == ("interrupted", "done")
        assert {step["state"] for step in killed["steps"]} <= {"interrupted", "unchanged"}
        code, out, _ = cli("status", "--json", "--project", str(project))
        assert code == 0
        assert {table["name"]: table["rows"] for table in json.loads(out)["tables"]} == {
            "raw.a": 2, "raw.slow": 0, "total": 1,
        }  # fmt: skip
    code, out, _ = cli("run", "--json", "--project", str(project))
    assert code == 0
    with requests.open_project(project) as app:
        assert requests.sql(app, "select count(*) from raw.slow").fetch() == [(100,)]
        assert [run.state for run in requests.runs(app)] == ["done", "interrupted", "done"]
