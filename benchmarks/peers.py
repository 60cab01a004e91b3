"""Other tools, each installed on demand into an environment of its own, so that none of them is a dependency."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.race import WORK

# What a peer is installed from; the version is in the figures' text.
PEERS = {"dlt": ("dlt[duckdb]==1.31.*", "duckdb==2.0.*", "pyarrow", "pandas", "sqlalchemy", "connectorx", "orjson")}


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, made now if it is not there."""
    folder = WORK / "peers" / peer
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"installing {peer} into an environment of its own", flush=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *PEERS[peer]], check=True)
        (folder / "ready").touch()
    return python
