"""Killed while a table is rolled back: it is as before or as it was meant, never between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from penstock.app import requests

if TYPE_CHECKING:
    from pathlib import Path


def penstock(root: Path, *words: str, fault: str = "") -> int:
    """Call the command in a process of its own; returns its exit code."""
    env = {**os.environ, "PENSTOCK_FAULT": fault}
    command = [sys.executable, "-m", "penstock", *words, "--project", str(root), "--json"]
    return subprocess.run(command, env=env, capture_output=True, check=False).returncode


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "value", "below"),
    [
        ("rollback.commit.before", 2, 20),
        ("engine.commit.before", 2, 20),
        ("engine.commit.after", 1, 10),
        ("rollback.commit.after", 1, 10),
    ],
)
def test_killed_there_a_table_shows_one_of_its_two_definitions(
    point: str, value: int, below: int, tmp_path: Path
) -> None:
    """And the next run goes on from there: what reads it follows."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "penstock.toml").write_text('name = "back"')
    (tmp_path / "tables" / "below.sql").write_text("select v * 10 as v from t")
    for number in (1, 2):
        (tmp_path / "tables" / "t.sql").write_text(f"select {number} as v")
        assert penstock(tmp_path, "run") == 0
    assert penstock(tmp_path, "rollback", "t", fault=point) == -signal.SIGKILL
    assert penstock(tmp_path, "run") == 0
    with requests.open_project(tmp_path) as app:
        assert requests.show(app, "t").fetch() == [(value,)]
        assert requests.show(app, "below").fetch() == [(below,)]
        assert requests.sql(app, "from t at (version => 1)").fetch() == [(1,)]
        assert [past.state for past in requests.runs(app)] == ["done", "interrupted", "done", "done"]
        states = {one.name: one.state for one in requests.status(app)}
    assert states["t"] == ("rolled back" if value == 1 else "ok")
