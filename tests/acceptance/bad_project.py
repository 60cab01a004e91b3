"""A project with a table that gets bad input, beside one that is in order; run as the command line runs it."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.app import requests
from penstock.cli import main

GOOD = "id,v\n1,10\n2,20\n"


@dataclass(frozen=True)
class Said:
    """What a call of the command line answered."""

    code: int
    out: str
    err: str

    @property
    def run(self) -> dict[str, Any]:
        return json.loads(self.out)["run"]

    def step(self, table: str) -> dict[str, Any]:
        return next(step for step in self.run["steps"] if step["table"] == table)


class BadProject:
    """A folder: `raw.good` and `over_good` are in order, `raw.bad` and `over_bad` are what the test makes of them."""

    def __init__(self, root: Path, settings: str = "") -> None:
        self.root = root
        self.write("penstock.toml", f'name = "bad"\n{settings}')
        self.write("data/good.csv", GOOD)
        self.write("sources/good.toml", '[raw.good]\nfrom = "files"\nread = "data/good.csv"\n')
        self.write("tables/over_good.sql", "select count(*) as n, sum(v)::bigint as v from raw.good\n")

    def write(self, path: str, data: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        return file

    def reads(self, *lines: str) -> None:
        """Declare where `raw.bad` comes from."""
        self.write("sources/bad.toml", "\n".join(["[raw.bad]", *lines, ""]))
        self.write("tables/over_bad.sql", "select count(*) as n from raw.bad\n")

    def file(self, name: str, data: str | bytes, *more: str) -> Path:
        """Let `raw.bad` come from a file with this content."""
        self.reads('from = "files"', f'read = "data/{name}"', *more)
        return self.write(f"data/{name}", data)

    def log(self, data: bytes, *more: str) -> Path:
        """Let `raw.bad` come from a log of lines such as `12 words`."""
        form = more or (r"pattern = '^(?P<n>[0-9]+) (?P<words>.*)$'",)
        self.reads('from = "logs"', 'read = "logs/a.log*"', *form)
        return self.write("logs/a.log", data)

    def cli(self, *words: str) -> Said:
        """Call the command line in this process: whatever it lets through fails the test."""
        out, err = io.StringIO(), io.StringIO()
        hook, code = sys.excepthook, None
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main([*words, "--project", str(self.root)])
        except SystemExit as exited:
            code = exited.code
        finally:
            sys.excepthook = hook
        said = Said(code, out.getvalue(), err.getvalue())
        assert "Traceback" not in said.out + said.err
        assert "a mistake in Penstock itself" not in said.out + said.err
        return said

    def run(self) -> Said:
        return self.cli("run", "--json")

    def ask(self, text: str) -> list[tuple[Any, ...]]:
        with requests.open_project(self.root) as app:
            return requests.sql(app, text).fetch()

    def all(self) -> dict[str, Any]:
        """Return everything that users and the next run see: rows, open rejects, positions."""
        with requests.open_project(self.root) as app:
            tables = sorted(app.engine.relations())
            found: dict[str, Any] = {
                name: sorted(requests.sql(app, f"from {name}").fetch(), key=repr) for name in tables
            }
            open_rejects = 'select "table", position, "row", reason from penstock.rejected where replayed is null'
            found["rejected"] = sorted(requests.sql(app, open_rejects).fetch())
            found["positions"] = {name: dict(app.engine.positions(name)) for name in tables}
            found["pages"] = requests.sql(app, "select count(*) from _penstock.pages").fetch()
        left = self.root / ".penstock" / "warehouse.duckdb.tmp"
        assert not left.exists() or not list(left.iterdir()), "temporary files were left"
        return found

    def rows(self) -> list[tuple[Any, ...]]:
        return self.all()["raw.bad"]

    def rejects(self) -> list[tuple[Any, ...]]:
        """Return place, raw row and reason of the open rejects of `raw.bad`."""
        return [row[1:] for row in self.all()["rejected"]]

    # ── what every bad input is held to ─────────────────────────────────────────────────────────────────

    def fails(self, subject: str, where: str) -> dict[str, Any]:
        """Run, expect one clear error of `raw.bad` and all else loaded, twice the same; returns the error."""
        before = self.all() if (self.root / ".penstock" / "warehouse.duckdb").exists() else {}
        said = self.run()
        assert said.code == 1
        assert [step["table"] for step in said.run["steps"] if step["state"] == "failed"] == ["raw.bad"]
        error = said.step("raw.bad")["error"]
        assert subject in error["subject"]
        assert where in error.get("where", "") or where in error["subject"]
        assert said.step("over_bad")["state"] == "skipped"
        found = self.all()
        assert found["over_good"] == [(2, 30)]
        assert found.get("raw.bad") == before.get("raw.bad"), "rows of a source that failed moved"
        assert found["positions"].get("raw.bad") == before.get("positions", {}).get("raw.bad")
        told = self.cli("run")
        assert told.code == 1
        assert subject in told.out
        assert self.all() == found
        return error

    def loads(self) -> Said:
        """Run, expect no failure, and that a second run touches nothing."""
        said = self.run()
        assert said.code == 0, said.out + said.err
        found = self.all()
        assert found["over_good"] == [(2, 30)]
        again = self.run()
        assert again.code == 0
        assert {step["state"] for step in again.run["steps"]} <= {"unchanged", "skipped"}
        assert self.all() == found
        if "raw.bad" in found:
            assert found["over_bad"] == [(len(found["raw.bad"]),)]
        return said
