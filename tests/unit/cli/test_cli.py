"""The command line: exit codes, errors, JSON, options that all verbs share."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from penstock.base.errors import (
    ConfigError,
    ConfigErrors,
    FatalError,
    Place,
    PlanError,
    RetryableError,
    UnsupportedError,
)
from penstock.cli.root import VERBS, root
from tests.unit.cli import fake as made

HEAVY = {"arro3", "duckdb", "httpx", "httpx2", "msgspec", "rich", "sqlglot", "stamina"}
CALLS = {
    "init": ("init", "new"),
    "run": ("run",),
    "plan": ("plan",),
    "sql": ("sql", "select 1"),
    "show": ("show", "spend"),
    "check": ("check",),
    "test": ("test",),
    "lineage": ("lineage", "spend"),
    "status": ("status",),
    "runs": ("runs",),
    "replay": ("replay", "raw.orders"),
    "rollback": ("rollback", "spend"),
    "vacuum": ("vacuum",),
}


def command(verb):
    found = root.get_command(click.Context(root), verb)
    assert found is not None
    return found


# ── help ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_ends_with_examples_that_are_calls_of_it(verb, penstock):
    said = penstock(verb, "--help")
    assert said.code == 0
    examples = said.out.split("Examples:\n")[1].splitlines()
    assert len(examples) >= 2
    assert all(f"penstock {verb}" in line or "penstock" in line for line in examples)
    assert f"penstock {verb}" in examples[0]


@pytest.mark.parametrize("verb", VERBS)
def test_what_the_list_of_verbs_says_is_what_the_verb_says(verb):
    own = command(verb).help.split("\n")[0].rstrip(".")
    assert VERBS[verb][1] == own[0].lower() + own[1:]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_the_options_that_all_share(verb):
    options = {o for param in command(verb).params for o in param.opts}
    assert {"--project", "--env", "--json", "--quiet", "--debug"} <= options


def test_every_option_says_what_it_is_for():
    params = [(verb, p) for verb in VERBS for p in command(verb).params]
    assert [f"{verb} {p.opts}" for verb, p in params if not p.help] == []


def test_no_verb_is_loaded_for_the_list_of_them():
    code = (
        "import sys\nfrom penstock.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    print('loaded:', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split()[1:])
    assert HEAVY.isdisjoint(loaded)
    assert loaded.isdisjoint({f"penstock.cli.{module}" for module, _ in VERBS.values()} | {"penstock.app.requests"})


def test_the_version_costs_neither_click_nor_anything_else_of_ours():
    code = (
        "import sys\nfrom penstock.cli import main\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    print('loaded:', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split()[1:])
    ours = {name for name in loaded if name.startswith("penstock")}
    assert ours == {"penstock", "penstock._version", "penstock.cli"}
    assert loaded.isdisjoint(HEAVY | {"click", "dataclasses", "typing"})


@pytest.mark.parametrize("words", [("--version",), ("-V",), ("--quiet", "--version")])
def test_the_version_is_one_line(words, penstock):
    said = penstock(*words)
    assert (said.code, said.out) == (0, "penstock 0.1.0\n")


# ── exit codes ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_is_done_exits_0_and_one_that_failed_1(fake, penstock):
    assert penstock("run").code == 0
    fake.made = made.BAD
    assert penstock("run").code == 1


def test_a_failed_check_exits_1_and_a_warning_0(fake, penstock):
    fake.checks = [made.WARNS, made.PASSES]
    assert penstock("check").code == 0
    fake.checks = [made.FAILS]
    assert penstock("check").code == 1


def test_a_failed_unit_test_exits_1_and_none_at_all_0(fake, penstock):
    assert penstock("test").code == 1
    fake.units = []
    assert penstock("test").code == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 2),
        (ConfigErrors([ConfigError("x"), ConfigError("y")]), 2),
        (PlanError("x"), 2),
        (UnsupportedError("x"), 2),
        (FatalError("x"), 1),
        (RetryableError("the warehouse is held by process 7"), 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_class_of_an_error_decides_the_exit_code(error, code, fake, penstock):
    fake.error = error
    assert penstock("status").code == code
    assert penstock("status", "--json").code == code


@pytest.mark.parametrize(
    "words", [(), ("rnu",), ("run", "--jsn"), ("show",), ("sql", "select 1", "--format", "xml"), ("sql", " ")]
)
def test_wrong_usage_exits_2_and_is_said_on_stderr(words, fake, penstock):
    said = penstock(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err


def test_ctrl_c_exits_130_and_says_that_what_was_committed_stays(fake, penstock):
    fake.error = KeyboardInterrupt()
    said = penstock("run")
    assert said.code == 130
    assert "what was committed stays" in said.err
    again = penstock("run", "--json")
    assert again.code == 130
    assert again.json()["error"]["error"] == "Interrupted"


def test_a_reader_that_goes_away_is_no_error_to_talk_about():
    code = (
        "from penstock.cli import call, main\n"
        "def rows():\n"
        "    while True:\n"
        "        yield 'x' * 1000\n"
        "call.Call.open = lambda self: call.write(rows())\n"
        "main(['status'])\n"
    )
    done = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done.stdout.read(10)
    done.stdout.close()
    errors = done.stderr.read()
    done.stderr.close()
    assert (done.wait(), errors) == (141, b"")


# ── errors ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("rnu",), "'run'"),
        (("statsu",), "'status'"),
        (("build",), "'run'"),
        (("run", "--ful"), "'--full'"),
        (("sql", "select 1", "--fromat", "csv"), "'--format'"),
        (("show", "spnd"), "'spend'"),
    ],
)
def test_a_slip_gets_the_nearest_name(words, near, fake, penstock):
    said = penstock(*words)
    assert f"hint: did you mean {near}?" in said.err
    assert near in penstock(*words, "--json").json()["error"]["hint"]


def test_a_word_where_a_number_must_stand_is_said_to_be_none(penstock):
    said = penstock("runs", "--limit", "x")
    assert (said.code, said.err.splitlines()[0]) == (
        2,
        "error: penstock runs: invalid value for '--limit': 'x' is no whole number",
    )


def test_an_error_shows_all_its_fields_and_no_traceback(fake, penstock):
    fake.error = PlanError(
        "no column 'amout'",
        where=Place("tables/spend.sql", 3, 12),
        expected="a column of raw.orders",
        got="amout",
        hint="did you mean 'amount'?",
        excerpt="3 | select sum(amout)\n  |            ^^^^^",
    )
    said = penstock("sql", "select 1")
    assert said.out == ""
    assert said.err == (
        "error: tables/spend.sql:3:12: no column 'amout'\n"
        "  3 | select sum(amout)\n"
        "    |            ^^^^^\n"
        "  expected: a column of raw.orders\n"
        "  got: amout\n"
        "  hint: did you mean 'amount'?\n"
    )
    assert "Traceback" in penstock("sql", "select 1", "--debug").err


def test_several_mistakes_begin_with_their_number(fake, penstock):
    fake.error = ConfigErrors([ConfigError("a", where="x.toml:1"), ConfigError("b", where="y.toml:2")])
    said = penstock("run")
    assert said.err == "error: 2 mistakes in the project's files\n\nx.toml:1: a\n\ny.toml:2: b\n"
    assert len(penstock("run", "--json").json()["error"]["errors"]) == 2


def unexpected(tmp_path, *words):
    code = (
        "from penstock.cli import call, main\n"
        "def broken(self):\n    raise ZeroDivisionError('by \\x1b[2Jnothing')\n"
        "call.Call.open = broken\n"
        f"main({list(words)!r})\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )


def test_a_mistake_of_ours_is_one_line_with_a_file_of_details(tmp_path):
    done = unexpected(tmp_path, "status")
    (details,) = tmp_path.glob("penstock-*.txt")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "ZeroDivisionError" in done.stderr
    assert "\x1b" not in done.stderr
    assert str(details) in done.stderr
    assert "Traceback" in details.read_text()


def test_a_mistake_of_ours_is_one_json_object_and_debug_shows_the_traceback(tmp_path):
    done = unexpected(tmp_path, "status", "--json", "--debug")
    assert json.loads(done.stdout)["error"]["error"] == "Unexpected"
    assert "Traceback" in done.stderr


def test_a_secret_in_an_unexpected_error_is_not_shown(tmp_path):
    code = (
        "from penstock.cli import call, main\nfrom penstock.base.secrets import hide\n"
        "hide('hunter22')\n"
        "def broken(self):\n    raise ZeroDivisionError('hunter22')\n"
        "call.Call.open = broken\nmain(['status', '--debug'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    (details,) = tmp_path.glob("penstock-*.txt")
    assert "ZeroDivisionError" in details.read_text()
    assert "hunter22" not in details.read_text() + done.stderr.replace("raise ZeroDivisionError('hunter22')", "")


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", CALLS)
def test_json_is_one_object_with_a_version_and_nothing_else(verb, fake, penstock):
    said = penstock(*CALLS[verb], "--json")
    assert said.err == ""
    assert said.out.count("\n") == 1
    found = said.json()
    assert found["version"] == 1
    assert "error" not in found


@pytest.mark.parametrize("verb", [v for v in CALLS if v != "init"])
def test_json_of_an_error_is_one_object_too(verb, fake, penstock):
    fake.error = PlanError("no", where=Place("a.sql", 1), hint="try b")
    said = penstock(*CALLS[verb], "--json")
    assert said.err == ""
    assert said.json() == {
        "version": 1,
        "error": {
            "error": "PlanError",
            "subject": "no",
            "where": "a.sql:1",
            "file": "a.sql",
            "line": 1,
            "hint": "try b",
        },
    }


def test_json_can_be_asked_for_before_the_verb(fake, penstock):
    assert penstock("--json", "status").json()["tables"][0]["name"] == "raw.orders"


# ── what all verbs share ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [("--env", "prod", "status"), ("status", "--env", "prod")])
def test_the_environment_may_stand_before_the_verb_or_after_it(words, fake, penstock):
    penstock(*words)
    assert fake.calls[0][2] == "prod"


def test_the_project_is_the_nearest_above(fake, penstock, tmp_path, monkeypatch):
    deep = tmp_path / "tables" / "sales"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    penstock("status")
    assert fake.calls[0][1] == tmp_path


def test_a_project_that_is_named_is_not_searched_for(fake, penstock, tmp_path):
    (tmp_path / "tables").mkdir()
    said = penstock("status", "--project", "tables")
    assert said.code == 2
    assert "'tables' is not a project" in said.err
    assert penstock("status", "--project", str(tmp_path)).code == 0


def test_the_project_is_closed_whatever_happens(fake, penstock):
    penstock("status")
    fake.error = None
    fake.runs = None
    assert [app.closed for app in fake.apps] == [True]


@pytest.mark.parametrize("verb", ["run", "check", "test", "status"])
def test_quiet_says_only_trouble(verb, fake, penstock):
    said = penstock(*CALLS[verb], "--quiet")
    assert said.err == ""
    assert not any(word in said.out for word in ("up to date", "passed", "check passes", "tables:"))
    assert said.out.strip()


def test_quiet_says_nothing_where_all_is_well(fake, penstock):
    fake.verdicts = fake.checks = [made.PASSES]
    fake.units = made.UNITS[:1]
    fake.made = made.GOOD
    for verb in ("run", "check", "test", "plan"):
        assert (penstock(verb, "-q").out, verb) == ("", verb)


def test_no_colour_reaches_a_file(fake, penstock):
    fake.made = made.BAD
    assert "\x1b" not in penstock("run").out


def test_colour_on_a_terminal_unless_it_is_not_wanted(fake, penstock, monkeypatch):
    fake.made = made.BAD
    assert "\x1b[31mfailed" in penstock("run", terminal=True).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in penstock("run", terminal=True).out


# ── the reference ───────────────────────────────────────────────────────────────────────────────────────

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"


@pytest.mark.parametrize("verb", VERBS)
def test_the_reference_has_every_verb_with_its_own_options(verb):
    text = REFERENCE.read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith((f"| `{verb}`", f"| `{verb} "))][:1]
    shared = {"--project", "--env", "--json", "--quiet", "--debug"}
    own = {p.opts[0] for p in command(verb).params if isinstance(p, click.Option)} - shared
    assert [option for option in own if option not in line] == []


@pytest.mark.parametrize("verb", [v for v in CALLS if v != "init"])
def test_the_reference_has_every_field_of_the_json(verb, fake, penstock):
    text = REFERENCE.read_text(encoding="utf-8")

    def fields(found):
        if isinstance(found, list):
            return {name for item in found for name in fields(item)}
        if isinstance(found, dict) and not found.keys() & {"subject", "raw.orders", "id_", "spend"}:
            return {
                *found,
                *(
                    name
                    for key, item in found.items()
                    if key not in {"samples", "missing", "unexpected"}
                    for name in fields(item)
                ),
            }
        return set()

    assert [name for name in fields(penstock(*CALLS[verb], "--json").json()) if f"`{name}`" not in text] == []
