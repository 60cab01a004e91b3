"""Fifty who look at a page that changes once a second: what the server spends on them, beside the same with nobody."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Target
from benchmarks.show.serving import PAGE, cpu_of, write

VIEWERS = {"small": 5, "full": 50}
SECONDS = {"small": 4, "full": 20}
ROUNDS = {"small": 1, "full": 3}
# Once a second a line is added and the project run, in the process that serves it.
_SERVE = """
import json, sys, time
from pathlib import Path
from penstock.app import requests
from penstock.web.listen import serving
root = Path({root!r})
with requests.open_project(root) as app:
    requests.run(app)
    with serving(app, 0) as made:
        print(json.dumps({{"port": made.site.settings.port}}), flush=True)
        added = 100_000
        while sys.stdin.readline().strip() == "go":
            with (root / "data" / "orders.csv").open("a") as data:
                data.writelines(f"{{added + at}},2026-01-28,a,{{at % 50}}\\n" for at in range(20))
            added += 20
            assert requests.run(app).state == "done"
            print("went", flush=True)
"""


def figures(size: str) -> Iterator[Figure]:
    """Give the CPU that viewers cost in a second, over that of the updates themselves."""
    seconds, viewers = SECONDS[size], VIEWERS[size]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, 100_000)
        pairs = [(_spent(root, seconds, viewers), _spent(root, seconds, 0)) for _ in range(ROUNDS[size])]
    added = [with_them - alone for with_them, alone in pairs]
    note = f"the updates alone cost {median(alone for _, alone in pairs):.0f} ms in a second"
    name = f"{viewers} viewers of a page of 6 tiles, 1 update a second, CPU in a second"
    yield Figure(name, "ms", median(added), None, Target(most=200.0), min(added), max(added), note=note)


def _spent(root: Path, seconds: int, viewers: int) -> float:
    """Return the milliseconds of CPU in a second of a server whose page changes once a second."""
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE.format(root=str(root))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = json.loads(server.stdout.readline())["port"]
        answers: list[int] = []
        looking = [_Viewer(port, answers) for _ in range(viewers)]
        used = 0.0
        for second in range(seconds + 2):
            if second == 2:  # the first two warm it up
                used, begun, before = cpu_of(server.pid), time.perf_counter(), len(answers)
            due = time.perf_counter() + 1
            server.stdin.write("go\n")
            server.stdin.flush()
            server.stdout.readline()
            time.sleep(max(due - time.perf_counter(), 0))
        spent = (cpu_of(server.pid) - used) / (time.perf_counter() - begun)
        if len(answers) - before < viewers * (seconds - 1):
            raise AssertionError(f"{len(answers) - before} updates were seen by {viewers} in {seconds} s")
        for one in looking:
            one.close()
    finally:
        server.stdin.close()
        server.wait(30)
    return spent * 1000


class _Viewer:
    """Does what a browser does: hears of a commit, and asks for the page with the tiles that it concerns."""

    def __init__(self, port: int, answers: list[int]) -> None:
        self._answers = answers
        self._ask = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        ids = ",".join(one["tile"]["id"] for one in self._sheet("")["tiles"])
        self._view = f"?show.tiles={ids}"
        self._hear = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._hear.request("GET", "/api/v1/events")
        self._events = self._hear.getresponse()
        self._closed = False
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while line := self._events.readline():
            if line.startswith(b"event: commit"):
                found = self._sheet(self._view)
                self._answers.append(len(found["tiles"]))
            if self._closed:
                return

    def _sheet(self, query: str) -> dict[str, list[dict[str, dict[str, str]]]]:
        self._ask.request("GET", f"/api/v1/dashboards/{PAGE}/sheet{query}")
        found: dict[str, list[dict[str, dict[str, str]]]] = json.loads(self._ask.getresponse().read())
        return found

    def close(self) -> None:
        self._closed = True
