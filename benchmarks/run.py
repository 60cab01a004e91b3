"""Answers one question's benchmark: `run.py --name ingest [--size small]`; without a name, lists the questions.

`--part losses` measures one part of a question that has parts; nothing is then written down.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
_HEAD = """# Results

What Penstock costs, beside the fastest way that is known to do just the work (the limit) and beside other tools
(the peers). Written by `make bench NAME=…`, one part a question; how it is measured is in docs/benchmarks.md.
"""


def main(words: list[str]) -> int:
    """Run a question and print a line a figure; the full size is written down. Returns 0 whatever the figures say."""
    sys.path.insert(0, str(HERE.parent))
    from benchmarks import figures

    questions = sorted(path.parent.name for path in HERE.glob("*/question.py"))
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--name", default="", help=f"one of {', '.join(questions)}")
    asked.add_argument("--size", default="", help="small, full (the default), or large where a question has it")
    asked.add_argument("--part", default="", help="only this part of the question, and nothing written down")
    asked.add_argument("--no-peers", action="store_true", help="leave the other tools out, which take the longest")
    given = asked.parse_args(words)
    size = given.size or "full"
    if given.name not in questions:
        print(f"make bench NAME=… with one of: {', '.join(questions)}; SIZE=small or full", file=sys.stderr)
        return 2
    question = importlib.import_module(f"benchmarks.{given.name}.question")
    sizes, parts = getattr(question, "SIZES", ("small", "full")), getattr(question, "PARTS", {})
    if size not in sizes or given.part not in ("", *parts):
        what = f"{given.name}: SIZE={' or '.join(sizes)}"
        print(f"{what}, PART={' or '.join(parts)}" if parts else what, file=sys.stderr)
        return 2
    found = []
    chosen = {"part": given.part} if given.part else {}
    for figure in question.figures(size, peers=size != "small" and not given.no_peers, **chosen):
        found.append(figure)
        print(f"… {figure.name}", file=sys.stderr, flush=True)
    print("\n".join(figures.lines(found)))
    if size != "small" and not given.part:
        text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else _HEAD
        part = figures.section(given.name, question.__doc__.strip(), about(), found)
        RESULTS.write_text(figures.filed(text, given.name, part), encoding="utf-8")
    return 0


def about() -> str:
    """Return when and where this is measured, and with which versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version(name)}" for name in ("penstock", "duckdb", "sqlglot", "arro3-core"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"load {load:.1f}, {platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}."
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
