"""From the wheel to a page: into an empty environment, packages from warm caches, the demo, its first page."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Target
from benchmarks.measure import surroundings

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
# Once by hand, on two cores with warm caches.
_OTHERS = (
    "others from nothing installed to a page, November 2026: Prefect 3.8 7 s, Mage 14 s, Dagster 1.13 15 s,\n"
    "dlt dashboard 1.31 24 s, SQLMesh 0.236 30 s (and no page without its CDN)"
)
TIMES = {"small": 1, "full": 3}


def figures(size: str) -> Iterator[Figure]:
    """Give the seconds with uv and with pip; the small size installs nothing and has none."""
    if size != "full":
        return
    subprocess.run(["make", "wheel"], cwd=ROOT, check=True)
    (wheel,) = (ROOT / "dist").glob("*.whl")
    python = shutil.which("python3") or sys.executable
    ways: dict[str, Callable[[Path], tuple[list[object], list[object]]]] = {
        "uv": lambda venv: (
            [UV, "venv", "-q", "--python", python, venv],
            [UV, "pip", "install", "-q", "--python", venv],
        ),
        "pip": lambda venv: ([python, "-m", "venv", venv], [venv / "bin" / "pip", "install", "-q"]),
    }
    for name, commands in ways.items():
        took: list[_Took] = []
        for _ in range(TIMES[size] + 1):
            with tempfile.TemporaryDirectory() as folder:
                make, install = commands(Path(folder, "venv"))
                took.append(_first_page(Path(folder), make, [*install, wheel]))
        took = took[1:]  # the first one fills the caches
        ends = [one.served - one.made for one in took]
        after = [one.served - one.installed for one in took]
        note = f"making the environment took {median(one.made for one in took):.1f} s before\n{_OTHERS}"
        name_of_all = f"empty environment to the demo's first page, {name}"
        yield Figure(name_of_all, "s", median(ends), None, Target(most=10.0), min(ends), max(ends), note=note)
        name_of_demo = f"penstock demo to its first page, just installed by {name}"
        yield Figure(name_of_demo, "s", median(after), None, Target(most=3.0), min(after), max(after))


@dataclass(frozen=True)
class _Took:
    """Seconds until the environment was there, until all was installed, and until a page and what it shows had come."""

    made: float
    installed: float
    served: float


def _first_page(folder: Path, make: list[object], install: list[object]) -> _Took:
    began = time.perf_counter()
    subprocess.run([str(word) for word in make], check=True, env=surroundings())
    made = time.perf_counter() - began
    subprocess.run([str(word) for word in install], check=True, env=surroundings())
    installed = time.perf_counter() - began
    command = [str(folder / "venv" / "bin" / "penstock"), "demo", str(folder / "shop")]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings())
    assert demo.stdout is not None
    try:
        url = next(line.split(" is at ")[1].strip() for line in demo.stdout if " is at http" in line)
        for path in ("/", "/api/v1/project", "/api/v1/home"):
            with urllib.request.urlopen(url + path) as answer:
                answer.read()
        return _Took(made, installed, time.perf_counter() - began)
    finally:
        demo.terminate()
        demo.communicate(timeout=30)
