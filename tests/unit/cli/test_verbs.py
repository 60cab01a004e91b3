"""What single verbs pass on and how they show it."""

import io
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from penstock.base.errors import ConfigError
from penstock.cli import look
from tests.unit.cli import fake as made

HOSTILE = "a\x1b[2J\x1b]0;t\x07\r\n\x9b31m\u202eevil\ud800\x00"


# ── run, plan, replay ───────────────────────────────────────────────────────────────────────────────────


def test_run_passes_on_what_was_typed(fake, penstock):
    penstock("run", "+spend", "tag:x y", "--full")
    name, select, how = fake.calls[1]
    assert (name, select) == ("run", ("+spend", "tag:x y"))
    assert how == {"exclude": (), "full": True, "command": "penstock run +spend 'tag:x y' --full"}


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_what_is_excluded_is_passed_on(verb, fake, penstock):
    penstock(verb, "spend+", "--exclude", "segments", "--exclude", "tag:slow")
    name, select, how = fake.calls[1]
    assert (name, select, how["exclude"]) == (verb, ("spend+",), ("segments", "tag:slow"))


def test_a_step_that_ends_is_a_line_on_stderr_where_nobody_watches(fake, penstock):
    assert penstock("run").err == "spend: done, 310 added, 12 removed, 51 ms\n"


@pytest.mark.parametrize("option", ["--json", "--quiet"])
def test_no_progress_where_none_is_wanted(option, fake, penstock):
    assert penstock("run", option).err == ""


def test_trouble_stands_before_the_steps(fake, penstock):
    fake.made, fake.verdicts = made.BAD, [made.FAILS]
    lines = penstock("run").out.splitlines()
    assert lines[0] == "1 table failed, 1 skipped, 1 up to date, 1 check fails, 3 rows rejected, 812 ms"
    order = [
        next(i for i, line in enumerate(lines) if word in line) for word in ("failed  ", "fails ", "rejects ", "step")
    ]
    assert order == sorted(order)


def test_a_hundred_tables_with_nothing_new_are_not_a_hundred_lines(fake, penstock):
    fake.made, fake.verdicts = made.IDLE, []
    assert len(penstock("run").out.splitlines()) <= 4


def test_an_interrupted_run_says_how_to_go_on(fake, penstock):
    fake.made = made.Run("01", made.START, "interrupted", made.END)
    said = penstock("run")
    assert said.code == 1
    assert "what was committed stays; penstock run goes on from there" in said.out


def test_replay_of_nothing_says_so(fake, penstock):
    fake.replayed = made.Replayed("raw.orders", 0, 0, 0)
    assert penstock("replay", "raw.orders").out == "raw.orders has no rejected rows\n"


# ── sql, show ───────────────────────────────────────────────────────────────────────────────────────────


def test_sql_reads_standard_input(fake, penstock, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("select 42\n"))
    penstock("sql", "-")
    assert fake.calls[1][1] == "select 42\n"


def test_rows_are_all_that_stands_on_stdout(fake, penstock):
    said = penstock("sql", "select 1", "--format", "csv")
    assert said.err == ""
    assert said.out.startswith("id,name,amount,at\n1,Ada,,2026-03-01T09:30:00\n")


def test_a_table_of_rows_says_on_stderr_how_many_they_are(fake, penstock):
    assert penstock("sql", "select 1").err == "4 rows\n"
    assert penstock("sql", "select 1", "--limit", "2").err == "the first 2 rows; --limit 0 shows all\n"
    assert penstock("sql", "select 1", "-q").err == ""


def test_a_table_shows_fifty_rows_and_a_file_gets_all(fake, penstock):
    fake.rows = made.FakeRows([("n", "integer")], [(n,) for n in range(120)])
    assert len(penstock("sql", "x").out.splitlines()) == 53
    assert len(penstock("sql", "x", "--limit", "0").out.splitlines()) == 123
    assert len(penstock("sql", "x", "--format", "csv").out.splitlines()) == 121
    assert len(penstock("sql", "x", "--format", "jsonl", "--limit", "7").out.splitlines()) == 7
    found = penstock("sql", "x", "--json", "--limit", "7").json()
    assert (len(found["rows"]), found["more"]) == (7, True)


def test_null_and_empty_text_differ_in_every_format(fake, penstock):
    fake.rows = made.FakeRows([("a", "varchar")], [(None,), ("",)])
    assert penstock("sql", "x", "--format", "csv").out == 'a\n\n""\n'
    assert penstock("sql", "x", "--format", "jsonl").out == '{"a": null}\n{"a": ""}\n'
    assert penstock("sql", "x").out.splitlines()[3:] == ["∅", ""]


def test_json_keeps_digits_that_javascript_would_round(fake, penstock):
    big = 2**53
    fake.rows = made.FakeRows([("n", "bigint")], [(big,), (big - 1,), (-big,)])
    assert penstock("sql", "x", "--json").json()["rows"] == [[str(big)], [big - 1], [str(-big)]]


def test_columns_of_the_same_name_both_come_out(fake, penstock):
    fake.rows = made.FakeRows([("a", "integer"), ("a", "integer")], [(1, 2)])
    assert penstock("sql", "x", "--json").json()["rows"] == [[1, 2]]
    assert penstock("sql", "x", "--format", "csv").out == "a,a\n1,2\n"


def test_csv_can_be_read_back(fake, penstock):
    import csv

    texts = ['say "hi"', "a,b", "two\nlines", " edge ", "plain"]
    fake.rows = made.FakeRows([("a", "varchar"), ("b", "integer")], [(t, n) for n, t in enumerate(texts)])
    found = list(csv.reader(io.StringIO(penstock("sql", "x", "--format", "csv").out)))
    assert found == [["a", "b"], *([t, str(n)] for n, t in enumerate(texts))]


def test_show_asks_for_one_more_row_to_know_whether_there_are_more(fake, penstock):
    penstock("show", "spend", "--limit", "3")
    assert fake.calls[1] == ("show", "spend", 4, {})


# ── hostile text ────────────────────────────────────────────────────────────────────────────────────────


def harmless(text):
    return all(char == "\n" or char.isprintable() for char in text)


@pytest.mark.parametrize("form", ["table", "json", "csv", "jsonl"])
def test_data_cannot_drive_a_terminal(form, fake, penstock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    fake.rows = made.FakeRows([(HOSTILE, "varchar")], [(HOSTILE,), (None,)])
    said = penstock("sql", "x", "--format", form, terminal=True)
    assert "evil" in said.out
    assert harmless(said.out)


def test_what_goes_into_a_file_is_what_is_in_the_table(fake, penstock):
    text = "a\x1b[31m\x9b\u202eb"
    fake.rows = made.FakeRows([("a", "varchar")], [(text,)])
    assert penstock("sql", "x", "--format", "csv").out == f"a\n{text}\n"
    assert json.loads(penstock("sql", "x", "--format", "jsonl").out) == {"a": text}


def test_nothing_else_that_is_shown_can_drive_a_terminal(fake, penstock):
    error = {
        "error": "FatalError",
        "subject": HOSTILE,
        "got": HOSTILE,
        "hint": HOSTILE,
        "excerpt": HOSTILE,
        "where": HOSTILE,
    }
    steps = (made.Step("t", "table", "failed", HOSTILE, HOSTILE, error=error, rejected=1),)
    verdict = made.Verdict("t", made.Check(HOSTILE), 1, ({HOSTILE: HOSTILE},))
    fake.made = made.Run("01", made.START, "failed", made.END, command=HOSTILE, steps=steps)
    fake.verdicts, fake.checks, fake.found = [verdict], [verdict], [fake.made]
    fake.statuses = [made.TableStatus("t", "sql", "failed", 1, 1, None, None, 1, error, (HOSTILE,))]
    fake.units = [
        made.UnitResult(HOSTILE, "t", False, ({HOSTILE: HOSTILE},), ()),
        made.UnitResult("u", "t", False, error=error),
    ]
    for words in (("run",), ("check",), ("test",), ("status",), ("runs",), ("runs", "01")):
        said = penstock(*words)
        assert "evil" in said.out
        assert harmless(said.out), words
    fake.error = ConfigError(HOSTILE, got=HOSTILE, where=HOSTILE)
    assert harmless(penstock("run").err)
    assert harmless(penstock("run", "--json").out)
    assert harmless(penstock(HOSTILE).err)
    assert harmless(penstock("run", f"--{HOSTILE}").err)


# ── lineage, status, runs ───────────────────────────────────────────────────────────────────────────────


def test_lineage_draws_what_is_shared_once(fake, penstock):
    out = penstock("lineage", "spend").out
    assert out.count("├─ clean (sql)") == 1
    assert "reads 3 tables and is read by 2" in out


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7_199, "1 hour ago"), (200_000, "2 days ago")],
)
def test_an_age_is_said_in_its_largest_unit(seconds, said):
    now = datetime(2026, 1, 5, tzinfo=UTC)
    assert look.ago(now - timedelta(seconds=seconds), now) == said


def test_a_project_without_runs_or_tables_says_what_to_do(fake, penstock):
    fake.found = fake.statuses = []
    assert "penstock run makes the first one" in penstock("runs").out
    assert "declare one" in penstock("status").out


def test_one_run_is_looked_up_by_the_beginning_of_its_id(fake, penstock):
    penstock("runs", "01KJ")
    assert fake.calls[1][:2] == ("run_detail", "01KJ")


# ── init, demo ──────────────────────────────────────────────────────────────────────────────────────────


def test_init_makes_a_project_of_the_folders_name(penstock, tmp_path):
    import tomllib

    said = penstock("init", str(tmp_path / "My Shop-2"))
    assert said.code == 0
    assert tomllib.loads((tmp_path / "My Shop-2" / "penstock.toml").read_text())["name"] == "my_shop_2"
    assert {p.name for p in (tmp_path / "My Shop-2").iterdir() if p.is_dir()} == {
        "sources",
        "tables",
        "sinks",
        "tests",
    }


def test_init_keeps_what_is_there(penstock, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    said = penstock("init", str(tmp_path))
    assert said.code == 0
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n"
    assert "let it name .penstock/ and .env" in said.out


def test_init_writes_nothing_where_something_is_in_the_way(penstock, tmp_path):
    (tmp_path / "penstock.toml").write_text("mine")
    said = penstock("init", str(tmp_path))
    assert said.code == 2
    assert "nothing was written" in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["penstock.toml"]
    assert (tmp_path / "penstock.toml").read_text() == "mine"


def test_init_onto_a_file_says_so(penstock, tmp_path):
    (tmp_path / "a").write_text("")
    assert "is a file" in penstock("init", str(tmp_path / "a")).err


@pytest.fixture
def demo(monkeypatch):
    """The demo replaced by one that says what it was asked for, and ends with the code that the test sets."""
    import types

    main = types.ModuleType("penstock.cli.demo.main")
    main.calls, main.kept, main.code = [], [], 0

    def run(directory=None, tick=False, check=False, as_json=False, out=None, then=None):
        main.calls.append((directory and str(directory), tick, check, as_json, then is not None))
        print("the demo", file=out or sys.stdout)
        return main.code

    main.run, main.keep = run, lambda folder, then: main.kept.append((folder and str(folder), then is not None))
    monkeypatch.setitem(sys.modules, "penstock.cli.demo.main", main)
    return main


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), (None, False, False, False, True)),
        (("x", "--check", "--json"), ("x", False, True, True, False)),
        (("--tick",), (None, True, False, False, True)),
        (("--no-serve",), (None, False, False, False, False)),
        (("--json",), (None, False, False, True, False)),
        (("--quiet",), (None, False, False, False, False)),
    ],
)
def test_demo_passes_on_what_was_typed(words, asked, demo, penstock):
    demo.code = 4
    assert penstock("demo", *words).code == 4
    assert demo.calls == [asked]


def test_a_demo_without_a_run_only_serves(demo, penstock):
    assert penstock("demo", "x", "--no-run").code == 0
    assert (demo.kept, demo.calls) == ([("x", True)], [])
    for other in ("--tick", "--check", "--no-serve"):
        said = penstock("demo", "--no-run", other)
        assert (said.code, demo.calls) == (2, [])
        assert "--no-run only serves" in said.err


def test_a_quiet_demo_speaks_only_of_trouble(demo, penstock):
    assert penstock("demo", "--quiet").out == ""
    demo.code = 1
    assert penstock("demo", "--quiet").out == "the demo\n"


# ── explain, verify ─────────────────────────────────────────────────────────────────────────────────────


def test_verify_passes_on_what_was_typed_and_ends_with_1_where_something_differs(fake, penstock):
    said = penstock("verify", "sales.*", "--rows", "20")
    assert fake.calls[1] == ("verify", ("sales.*",), {"rows": 20})
    assert said.code == 1


def test_verify_ends_with_0_where_all_is_the_same_or_left_out_for_a_reason(fake, penstock):
    fake.verified = [one for one in made.VERIFIED if one.state in ("same", "skipped")]
    said = penstock("verify")
    assert said.code == 0
    assert said.out.splitlines()[0] == "2 tables: 1 left out, 1 same, 20 ms"
    assert "left out latest: now() gives another answer each time" in said.out


def test_quiet_verify_says_only_what_differs(fake, penstock):
    said = penstock("verify", "--quiet").out
    assert "differs  spend" in said
    assert "raw.orders" not in said


def test_explain_asks_for_the_table_that_was_typed(fake, penstock):
    assert penstock("explain", "sales.daily").code == 0
    assert fake.calls[1] == ("explain", "sales.daily", {})
