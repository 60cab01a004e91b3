"""Executes a file of statements, one a line, on limit.duckdb in this folder: `plain.py FILE`."""

import sys
from pathlib import Path

import duckdb

with duckdb.connect("limit.duckdb") as db:
    for statement in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        db.execute(statement)
