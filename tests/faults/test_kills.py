"""Killed at random, dozens of times: whatever is found afterwards agrees, and the next run goes on from there.

`make prove` kills a thousand times. `PENSTOCK_KILLS=200` kills more often here; the seed is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

KILLS = int(os.environ.get("PENSTOCK_KILLS", "24"))


@pytest.mark.slow
@pytest.mark.timeout(60 + 20 * KILLS)
def test_after_random_kills_positions_rows_tables_and_versions_agree() -> None:
    command = [sys.executable, "-m", "tests.faults.kills", "--kills", str(KILLS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{KILLS:,} kills" in done.stdout
