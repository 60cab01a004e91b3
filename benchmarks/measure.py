"""Runs a command in a process of its own and says what it cost: wall seconds, CPU seconds, peak memory.

What is measured is the command and every process that it started and waited for. The command is a child of this
file run as a script, a process of some 10 MB: on Linux a child's peak begins at its parent's, so a child of a large
process would be counted too large.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


class FailedError(Exception):
    """A command that ended with something else than 0, or was ended because it took too long or too much."""


class Cost:
    """What a command cost: `wall` and `cpu` in seconds, `memory` in bytes, and what it printed."""

    __slots__ = ("cpu", "memory", "output", "wall")

    def __init__(self, wall: float, cpu: float, memory: int, output: str = "") -> None:
        self.wall = wall
        self.cpu = cpu
        self.memory = memory
        self.output = output

    def __repr__(self) -> str:
        return f"Cost(wall={self.wall:.3f}, cpu={self.cpu:.3f}, memory={self.memory:,})"


def spend(command, cwd, *, env=None, timeout=1200.0, spare=0):
    """Run a command in a folder and return its `Cost`.

    `env` has variables beside those of this process, of which those that rule Python are left out: a Python that
    may not keep its bytecode compiles everything at each start. `timeout` is in seconds; the command is ended when
    the machine has less than `spare` bytes of memory available. Raises `FailedError` with what it printed.
    """
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder:
        report, output = Path(folder, "report.json"), Path(folder, "output.txt")
        watched = [sys.executable, "-I", "-S", __file__, str(report), str(timeout), str(spare), *map(str, command)]
        with output.open("wb") as stream:
            subprocess.run(
                watched, cwd=cwd, env={**surroundings(), **(env or {})}, stdin=subprocess.DEVNULL, stdout=stream,
                stderr=subprocess.STDOUT, check=True,
            )  # fmt: skip
        said = output.read_text(encoding="utf-8", errors="replace")
        found = json.loads(report.read_text(encoding="utf-8"))
    if found["ended"] or found["code"]:
        why = found["ended"] or f"ended with {found['code']}"
        raise FailedError(f"{' '.join(map(str, command))}: {why}\n{said[-4000:]}")
    return Cost(found["wall"], found["cpu"], found["memory"], said)


def surroundings():
    """Return this process's environment without what rules Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _watch(report, timeout, spare, command):
    """Be the small parent of a command, and write down what it cost."""
    ended = []
    began = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0)
    guard = _guard(child, began + timeout, spare, ended)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    guard.set()
    unit = 1 if sys.platform == "darwin" else 1024
    found = {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * unit,
        "code": os.waitstatus_to_exitcode(status),
        "ended": ended[0] if ended else "",
    }
    Path(report).write_text(json.dumps(found), encoding="utf-8")


def _guard(child, latest, spare, ended):
    """End the child's process group when its time is up or the machine's memory is; returns what stops the guard."""
    import signal
    import threading

    over = threading.Event()

    def look():
        while not over.wait(0.25):
            if time.perf_counter() > latest:
                ended.append("took too long")
            elif spare and _available() < spare:
                ended.append("left too little memory to the machine")
            else:
                continue
            os.killpg(child, signal.SIGKILL)
            return

    threading.Thread(target=look, daemon=True).start()
    return over


def _available():
    """Return the bytes of memory that the machine can still give; plenty where it cannot be told."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as stream:
            for line in stream:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 1 << 60


if __name__ == "__main__":
    _watch(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
