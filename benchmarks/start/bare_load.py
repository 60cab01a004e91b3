"""Reads the table files of a project and does the least with them: `bare_load.py cold|cached`; prints CPU seconds."""

import sys
import time
from hashlib import blake2b
from pathlib import Path

if sys.argv[1] == "cold":
    import sqlglot
began = time.process_time()
digest = blake2b()
for path in sorted(Path("tables").glob("**/*.sql")):
    text = path.read_bytes()
    digest.update(text)
    if sys.argv[1] == "cold":
        sqlglot.parse_one(text.decode(), dialect="duckdb")
print(time.process_time() - began)
