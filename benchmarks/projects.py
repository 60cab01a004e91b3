"""Our side of a benchmark: a project folder with defaults, run by the command line that users run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.measure import FailedError

RUN = (sys.executable, "-m", "penstock", "run", "--quiet")


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write a project: its files by their path, and a penstock.toml where none is among them."""
    for path, text in {"penstock.toml": 'name = "bench"\n', **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def ask(folder: Path, query: str) -> str:
    """Return the rows of a query on a project's warehouse, as text; raises `FailedError`."""
    command = [sys.executable, "-m", "penstock", "sql", "--json", query]
    return _told(json.loads(_said(command, folder))["rows"])


def ask_file(path: Path, query: str) -> str:
    """Return the rows of a query on a DuckDB file, as text; in a process of its own, which leaves ours small."""
    code = "import duckdb, json, sys; found = duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall(); "
    code += "print(json.dumps(found))"
    return _told(json.loads(_said([sys.executable, "-c", code, str(path), query], path.parent)))


def _said(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(f"there is no answer: {done.stderr[-2000:]}")
    return done.stdout


def _told(rows: list[list[object]]) -> str:
    return " | ".join(", ".join(str(value) for value in row) for row in rows)
