"""What every verb prints, for people and for programs, on answers that are made up."""

import json
import time

import pytest

from penstock.cli import look
from tests.unit.cli import fake as made

CASES = {
    "run": ("run",),
    "plan": ("plan",),
    "sql": ("sql", "select 1"),
    "show": ("show", "spend"),
    "profile": ("profile", "spend"),
    "check": ("check",),
    "test": ("test",),
    "explain": ("explain", "spend"),
    "verify": ("verify",),
    "lineage": ("lineage", "spend"),
    "status": ("status",),
    "runs": ("runs",),
    "runs-one": ("runs", "01KJ"),
    "replay": ("replay", "raw.orders"),
    "rollback": ("rollback", "spend"),
    "vacuum": ("vacuum",),
}


class StoppedClock:
    def now(self):
        return made.END


@pytest.fixture(autouse=True)
def still(monkeypatch, fake):
    """Time stands, in a zone that is no machine's own."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(look, "SystemClock", StoppedClock)


@pytest.mark.parametrize("name", CASES)
def test_what_a_verb_prints_for_people(name, penstock, golden):
    golden(f"{name}.txt", penstock(*CASES[name]).out)


@pytest.mark.parametrize("name", CASES)
def test_what_a_verb_prints_for_programs(name, penstock, golden):
    said = penstock(*CASES[name], "--json")
    assert said.err == ""
    golden(f"{name}.json", json.dumps(json.loads(said.out), indent=1, ensure_ascii=False) + "\n")


def test_a_run_that_failed(fake, penstock, golden):
    fake.made, fake.verdicts = made.BAD, [made.FAILS]
    golden("run-failed.txt", penstock("run").out)


def test_a_run_with_nothing_to_do_says_so_in_two_lines(fake, penstock, golden):
    fake.made, fake.verdicts = made.IDLE, []
    golden("run-idle.txt", penstock("run").out)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_rows_in_other_formats(form, penstock, golden):
    golden(f"sql.{form}", penstock("sql", "select 1", "--format", form).out)


def test_rows_on_a_terminal(penstock, golden):
    golden("sql-terminal.txt", penstock("sql", "select 1", terminal=True).out)


def test_the_help(penstock, golden):
    golden("help.txt", penstock("--help").out)


def test_errors(penstock, golden):
    words = [("rnu",), ("run", "--ful"), ("show", "spnd"), ("sql",), ("sql", " ")]
    golden("errors.txt", "\n".join(f"$ penstock {' '.join(w)}\n{penstock(*w).err}" for w in words))


def test_a_new_project(penstock, golden, tmp_path):
    said = penstock("init", "fresh")
    files = "".join(
        f"\n── {path.relative_to(tmp_path)}\n{path.read_text()}"
        for path in sorted((tmp_path / "fresh").rglob("*"))
        if path.is_file()
    )
    golden("init.txt", said.out + files)
