"""A newcomer's first seconds: `penstock demo` in an empty folder, and `make demo` in a fresh copy of the repository."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, Target
from benchmarks.race import Contender, race

ROOT = Path(__file__).resolve().parents[2]
# What a clone does not have.
_MADE = shutil.ignore_patterns(
    ".venv", ".git", ".work", ".penstock", "__pycache__", ".*_cache", "dist", "node_modules", "static"
)
# A newcomer waits for the first page.
_SERVED = (sys.executable, ROOT / "benchmarks" / "until_served.py")


def figures(size: str, *, peers: bool) -> Iterator[Figure]:
    """Give each figure as it is done; `make demo` is left out of the small size, since it installs."""
    del peers
    pairs = race(_demo(), None, times=5 if size == "full" else 1)
    yield pairs.figure("penstock demo, until it serves, wall", "wall", Target(most=3.0))
    yield pairs.figure("penstock demo, until it serves, CPU", "cpu", Target(most=3.0))
    if size == "full":
        pairs = race(_make_demo(), None, times=3)
        yield pairs.figure("make demo, package caches warm, until it serves, wall", "wall", Target(most=10.0))


def _demo() -> Contender:
    return Contender("penstock", lambda _: (*_SERVED, Path(sys.executable).with_name("penstock"), "demo"))


def _make_demo() -> Contender:
    def command(folder: Path) -> Sequence[str]:
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=_MADE)
        shutil.rmtree(folder / "shop", ignore_errors=True)
        return (*_SERVED, "make", "demo")

    # Its own bytecode: a fresh clone has none, and keeps what it makes.
    return Contender("make", command, env={"PYTHONPYCACHEPREFIX": ""})
