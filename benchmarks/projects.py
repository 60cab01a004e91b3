"""Our side of a benchmark: a project folder with defaults, run by the command line that users run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

RUN = (sys.executable, "-m", "penstock", "run", "--quiet")


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write a project: its files by their path, and a penstock.toml where none is among them."""
    for path, text in {"penstock.toml": 'name = "bench"\n', **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def ask(folder: Path, query: str) -> str:
    """Return the rows of a query on a project's warehouse, as text."""
    command = [sys.executable, "-m", "penstock", "sql", "--json", query]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return _told(json.loads(done.stdout)["rows"])


def ask_file(path: Path, query: str) -> str:
    """Return the rows of a query on a DuckDB file, as text; in a process of its own, which leaves ours small."""
    code = "import duckdb, json, sys; d = duckdb.connect(sys.argv[1]); print(json.dumps(d.execute(sys.argv[2]).fetchall()))"
    done = subprocess.run([sys.executable, "-c", code, path, query], capture_output=True, text=True, check=True)
    return _told(json.loads(done.stdout))


def _told(rows: list[list[object]]) -> str:
    return " | ".join(", ".join(str(value) for value in row) for row in rows)
