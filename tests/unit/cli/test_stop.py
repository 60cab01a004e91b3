"""Ctrl-C, in a process of its own: gentle where Python listens, enforced where a library does not let it."""

import json
import signal
import subprocess
import sys

import pytest

LISTENING = "import threading\nprint('begun', flush=True)\nthreading.Event().wait(60)\n"
FINISHING = (
    "import threading\ntry:\n    print('begun', flush=True)\n    threading.Event().wait(60)\n"
    "except KeyboardInterrupt:\n    print('tidied')\n    raise\n"
)
SWALLOWING = (
    "import threading\nsaid = False\nwhile True:\n    try:\n        said or print('begun', flush=True)\n"
    "        said = True\n        threading.Event().wait(60)\n    except KeyboardInterrupt:\n        pass\n"
)
# A query that the engine computes for hours, without an instruction of Python's in between.
DEAF = (
    "import duckdb\nrows = duckdb.sql('select sum(a.range * b.range) from range(10000000) a, range(10000000) b')\n"
    "print('begun', flush=True)\nrows.fetchall()\n"
)


@pytest.fixture
def call():
    """Call the command line in a process whose verb does what the test says; it has begun when this returns."""
    every = []

    def begun(body, *words, patience=0.2):
        indented = "".join(f"    {line}\n" for line in body.splitlines())
        code = (
            "from penstock.cli import call, main, stop\n"
            f"stop._END_AFTER = {patience}\n"
            f"def work(self):\n{indented}"
            f"call.Call.open = work\nmain({list(words)!r})\n"
        )
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started = subprocess.Popen([sys.executable, "-c", code], text=True, **pipes)
        every.append(started)
        assert started.stdout.readline() == "begun\n"
        return started

    yield begun
    for one in every:
        one.kill()
        one.communicate()


def ended(started):
    out, err = started.communicate(timeout=60)
    return started.returncode, out, err


@pytest.mark.parametrize("body", [LISTENING, DEAF], ids=["python waits", "a library computes"])
def test_ctrl_c_ends_it_and_says_that_what_was_committed_stays(body, call):
    started = call(body, "status")
    started.send_signal(signal.SIGINT)
    code, out, err = ended(started)
    assert (code, out) == (130, "")
    assert err.count("what was committed stays") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("body", [LISTENING, DEAF], ids=["python waits", "a library computes"])
def test_ctrl_c_is_one_json_object_where_json_was_asked_for(body, call):
    started = call(body, "status", "--json")
    started.send_signal(signal.SIGINT)
    code, out, _ = ended(started)
    assert code == 130
    assert json.loads(out)["error"]["error"] == "Interrupted"


def test_what_listens_is_left_the_time_to_tidy_up(call):
    started = call(FINISHING, "status", patience=60)
    started.send_signal(signal.SIGINT)
    code, out, _ = ended(started)
    assert (code, out) == (130, "tidied\n")


def test_what_does_not_end_is_ended(call):
    started = call(SWALLOWING, "status")
    started.send_signal(signal.SIGINT)
    code, _, err = ended(started)
    assert code == 130
    assert err.startswith("stopping; Ctrl-C again stops at once\nstopped by Ctrl-C")


def test_a_second_ctrl_c_does_not_wait(call):
    started = call(SWALLOWING, "status", patience=3600)
    started.send_signal(signal.SIGINT)
    assert started.stderr.readline() == "stopping; Ctrl-C again stops at once\n"
    started.send_signal(signal.SIGINT)
    code, _, err = ended(started)
    assert code == 130
    assert "what was committed stays" in err


def test_the_signal_is_given_back_afterwards(penstock, fake):
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    penstock("status")
    assert signal.set_wakeup_fd(before) == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
