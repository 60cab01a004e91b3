"""The benchmarks' harness: that it counts all that a command costs, compares answers, and tells figures as they are."""

import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from benchmarks import figures, measure, race, run
from benchmarks.figures import Figure, Target
from benchmarks.measure import Cost, FailedError, spend
from benchmarks.race import Contender, Pairs
from benchmarks.show import evidence_pages, peer_evidence
from benchmarks.tpch.same import difference
from penstock.cli.demo import main

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
BUSY = "import time\nwhile time.process_time() < {}: pass"


def python(code):
    return [sys.executable, "-c", code]


# ── what a command costs ────────────────────────────────────────────────────────────────────────────────


def test_the_cpu_of_a_commands_children_is_counted(tmp_path):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY.format(0.3)!r}])"
    cost = spend(python(code), tmp_path)
    assert 0.3 <= cost.cpu < 2


def test_waiting_is_wall_time_and_no_cpu_time(tmp_path):
    cost = spend(python("import select; select.select([], [], [], 0.5)"), tmp_path)
    assert cost.wall >= 0.5
    assert cost.cpu < 0.4


def test_the_peak_is_the_commands_own_however_large_the_process_that_measures(tmp_path):
    ballast = bytearray(200 * MEGABYTE)
    small = spend(python("pass"), tmp_path)
    large = spend(python(f"x = b'x' * {100 * MEGABYTE}"), tmp_path)
    assert small.memory < 40 * MEGABYTE < len(ballast)
    assert 100 * MEGABYTE <= large.memory < small.memory + 110 * MEGABYTE


def test_a_command_runs_in_its_folder_and_what_it_prints_is_kept(tmp_path):
    cost = spend(python("import os, sys; print(os.getcwd(), flush=True); print('and this', file=sys.stderr)"), tmp_path)
    assert cost.output.splitlines() == [str(tmp_path), "and this"]


def test_what_rules_python_here_does_not_rule_what_is_measured(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import sys; print(sys.dont_write_bytecode)"
    assert spend(python(code), tmp_path).output == "False\n"
    assert spend(python(code), tmp_path, env={"PYTHONDONTWRITEBYTECODE": "1"}).output == "True\n"


def test_a_command_that_fails_is_no_figure(tmp_path):
    with pytest.raises(FailedError, match="ended with 3\nthe reason"):
        spend(python("print('the reason'); raise SystemExit(3)"), tmp_path)


def test_a_command_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(FailedError, match="took too long"):
        spend(python("import select; select.select([], [], [], 60)"), tmp_path, timeout=0.5)


def test_a_command_that_takes_the_machines_memory_is_ended(tmp_path):
    with pytest.raises(FailedError, match="too little memory"):
        spend(python("import select; select.select([], [], [], 60)"), tmp_path, spare=measure._available() * 2)


# ── who runs, and when ──────────────────────────────────────────────────────────────────────────────────


def contender(name, log, *, answer="42", code="pass"):
    def command(folder):
        log.append(name)
        assert list(folder.iterdir()) == []
        (folder / "mess").touch()
        return python(code)

    return Contender(name, command, lambda _: answer)


def test_each_pair_begins_with_the_other_and_the_first_round_is_not_counted():
    log = []
    pairs = race.race(contender("ours", log), contender("limit", log), times=3)
    assert log == ["ours", "limit", "ours", "limit", "limit", "ours", "ours", "limit"]
    assert len(pairs.ours) == len(pairs.limit) == 3


def test_an_answer_that_differs_is_no_result():
    with pytest.raises(AssertionError, match="the answers differ"):
        race.race(contender("ours", []), contender("limit", [], answer="41"), times=1)


def test_a_peer_with_a_wrong_answer_is_no_result():
    with pytest.raises(AssertionError, match="slow answers 41 and not 42"):
        race.race(contender("ours", []), None, times=1, peers=[contender("slow", [], answer="41")])


def test_a_peer_that_breaks_is_said_and_left_out(capsys):
    peers = [contender("broken", [], code="raise SystemExit('no way')"), contender("whole", [])]
    pairs = race.race(contender("ours", []), None, times=1, peers=peers)
    assert list(pairs.peers) == ["whole"]
    assert "no way" in capsys.readouterr().out


def test_data_that_was_half_made_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(race, "WORK", tmp_path)

    def fail(folder):
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        race.made("data", fail)
    folder = race.made("data", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert race.made("data", fail) == folder


# ── figures ─────────────────────────────────────────────────────────────────────────────────────────────


def costs(*values):
    return [Cost(value, value / 2, int(value * MEGABYTE)) for value in values]


def test_the_figure_is_the_pair_with_the_middle_ratio():
    pairs = Pairs(costs(2, 9, 3), costs(1, 2, 3))  # ratios 2, 4.5, 1
    figure = pairs.figure("load", "wall", Target(times=2))
    assert (figure.ours, figure.limit, figure.ratio) == (2, 1, 2)
    assert (figure.low, figure.high) == (2, 9)


def test_a_target_of_distance_takes_the_pair_with_the_middle_distance():
    pairs = Pairs(costs(200, 100, 150), costs(100, 10, 100), {"slow": Cost(1, 1, 900 * MEGABYTE)})  # 100, 90, 50
    figure = pairs.figure("load", "memory", Target(above=95), unit="MB")
    assert (figure.ours, figure.limit) == (100, 10)
    assert figure.peers == {"slow": 900}
    assert figure.met


def test_without_a_limit_the_figure_is_the_median():
    figure = Pairs(costs(1, 5, 2), []).figure("start", "cpu", Target(most=1000), unit="ms")
    assert (figure.ours, figure.limit, figure.ratio, figure.met) == (1000, None, None, True)


@pytest.mark.parametrize(
    ("target", "ours", "limit", "met"),
    [
        (Target(times=2), 4.0, 2.0, True), (Target(times=2), 4.1, 2.0, False), (Target(above=150), 350, 200, True),
        (Target(above=150), 351, 200, False), (Target(most=0.6), 0.6, None, True), (Target(most=0.6), 0.61, 9, False),
        (Target(times=2, above=15), 35, 10, True), (Target(times=2, above=15), 35.1, 10, False),
        (Target(times=0.25, most=20), 20, 50, True), (Target(times=0.25, most=20), 25, 100, True),
        (Target(times=0.25, most=20), 21, 50, False), (Target(), 1e9, None, True),
    ],
)  # fmt: skip
def test_a_target_is_met_up_to_its_bound(target, ours, limit, met):
    assert target.holds(ours, limit) is met


def test_a_target_that_speaks_of_the_limit_needs_one():
    with pytest.raises(ValueError, match="needs one"):
        Target(times=2).holds(1, None)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(times=1.5), "≤ 1.5 × limit"), (Target(above=150), "≤ limit + 150 ms"), (Target(most=0.6), "≤ 0.60 ms"),
        (Target(times=2, above=15), "≤ 2 × limit + 15.0 ms"), (Target(), "–"),
        (Target(times=1 / 25, most=20), "≤ 20.0 ms or ≤ 1/25 of the limit"),
    ],
)  # fmt: skip
def test_a_target_says_its_bound(target, said):
    assert target.told("ms") == said


def test_a_figure_without_a_target_is_only_reported():
    assert Figure("slope", "ms", 3, 1, Target(), 3, 3).cells()[-2:] == ("–", "reported")


FIGURE = Figure("csv CPU", "s", 2.8, 1.4, Target(times=1.5), 2.5, 3.0, {"slow": 35.0, "best": 3.1})


def test_a_line_says_what_is_missed_and_names_the_best_peer():
    head, line = figures.lines([FIGURE])
    assert head == "figure   ours    limit   best peer    ratio  target"
    assert line == "csv CPU  2.80 s  1.40 s  best 3.10 s  2.00   ≤ 1.5 × limit  missed"


def test_the_results_have_every_peer_and_say_what_is_missed():
    part = figures.section("ingest", "A question.", "today, here", [FIGURE])
    assert "| csv CPU | 2.80 s | 2.50 s – 3.00 s | 1.40 s | 2.00 | ≤ 1.5 × limit | **missed** |" in part
    assert "| csv CPU | slow | 35.0 s | 25.0 | 12.5 |" in part


def test_what_lies_behind_a_figure_comes_after_all_of_them():
    noted = replace(FIGURE, note="the parser 2 s\nthe rest 0.8 s")
    assert figures.lines([noted])[2:] == ["", "csv CPU:", "the parser 2 s\nthe rest 0.8 s"]
    assert "csv CPU:\n\n```\nthe parser 2 s\nthe rest 0.8 s\n```\n" in figures.section("ingest", "?", "", [noted])


def test_a_questions_new_part_takes_the_place_of_its_last_one():
    text = figures.filed("# Results\n\nA head.\n", "start", "## start\n\nold\n")
    text = figures.filed(text, "ingest", "## ingest\n\nkept\n")
    assert figures.filed(text, "start", "## start\n\nnew\n") == (
        "# Results\n\nA head.\n\n## ingest\n\nkept\n\n## start\n\nnew\n"
    )


# ── whether two results are the same ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ([(1, 0.1 + 0.2), (2, None)], [(2, None), (1, 0.3)]),
        ([(1, float("nan")), (1, 5.0)], [(1, 5.0), (1, float("nan"))]),
        ([], []),
    ],
)
def test_rows_are_the_same_in_any_order_and_up_to_a_rounding(got, expected):
    assert difference(got, expected) == ""


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        ([(1, "a"), (1, "a")], [(1, "a")]),
        ([(1, "a")], [(1, "a"), (1, "a")]),
        ([(1.0 + 1e-6,)], [(1.0,)]),
        ([(Decimal("1.00"),)], [(Decimal("1.0"),)]),
        ([(1,)], [("1",)]),
        ([(1,)], [(1.0,)]),
        ([(None,)], [(0.0,)]),
        ([(float("nan"),)], [(0.0,)]),
    ],
)
def test_any_other_difference_is_told(got, expected):
    assert re.match(r"\d rows, \d expected; (too many|missing): ", difference(got, expected))


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_question_lists_those_there_are(capsys):
    assert run.main(["--name", "", "--size", ""]) == 2
    assert "demo, ingest, refresh, show, start, tables" in capsys.readouterr().err


def test_a_question_is_asked_and_only_the_full_size_is_written_down(tmp_path, monkeypatch, capsys):
    asked = []

    def ask(size, *, peers):
        asked.append((size, peers))
        yield Pairs(costs(3), costs(2)).figure("load", "wall", Target(times=2))

    question = SimpleNamespace(figures=ask, __doc__="What does it cost?")
    monkeypatch.setattr(run.importlib, "import_module", lambda _: question)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "RESULTS.md")
    assert run.main(["--name", "ingest", "--size", "small"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "load    3.00 s  2.00 s  –          1.50   ≤ 2 × limit  met"
    assert not run.RESULTS.exists()
    assert run.main(["--name", "ingest", "--size", ""]) == 0
    assert run.main(["--name", "ingest", "--no-peers"]) == 0
    assert asked == [("small", False), ("full", True), ("full", False)]
    assert run.RESULTS.read_text(encoding="utf-8").count("## ingest\n\nWhat does it cost?") == 1


def test_a_part_is_measured_alone_and_not_written_down(tmp_path, monkeypatch, capsys):
    asked = []

    def ask(size, *, peers, part=""):
        asked.append((size, peers, part))
        yield Pairs(costs(3), costs(2)).figure("load", "wall", Target())

    question = SimpleNamespace(figures=ask, SIZES=("small", "full", "large"), PARTS={"one": 1, "two": 2})
    monkeypatch.setattr(run.importlib, "import_module", lambda _: question)
    monkeypatch.setattr(run, "RESULTS", tmp_path / "RESULTS.md")
    assert run.main(["--name", "refresh", "--size", "large", "--part", "two"]) == 0
    assert asked == [("large", True, "two")]
    assert not run.RESULTS.exists()
    assert run.main(["--name", "refresh", "--size", "large", "--part", "three"]) == 2
    assert run.main(["--name", "refresh", "--size", "huge"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "refresh: SIZE=small or full or large, PART=one or two"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo", "ingest", "refresh", "start", "tables"])
def test_the_small_size_of_every_question_comes_to_its_end(name):
    before = run.RESULTS.read_bytes()
    command = [sys.executable, ROOT / "benchmarks" / "run.py", "--name", name, "--size", "small"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, *found = done.stdout.splitlines()
    assert head.startswith("figure")
    found = found[: found.index("")] if "" in found else found  # what lies behind them comes after
    assert found
    assert all(line.endswith(("met", "missed", "reported")) for line in found)
    assert run.RESULTS.read_bytes() == before


# ── a peer's pages ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_peers_pages_ask_for_what_the_demos_tiles_show(tmp_path):
    with (tmp_path / "said.txt").open("w") as said:
        assert main.run(tmp_path / "shop", out=said) == 0
    evidence_pages.write(tmp_path / "shop", tmp_path / "peer", 5)
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "peer" / "pages").iterdir()}
    assert sorted(pages) == ["copy4", "customers", "index", "marketing", "sales", "web.operations"]
    with duckdb.connect(tmp_path / "peer" / "sources" / "shop.duckdb", read_only=True) as connection:
        for text in pages.values():
            asked = dict(re.findall(r"```sql (\w+)\n(.*?)\n```", text, re.DOTALL))
            assert list(asked) == re.findall(r"data=\{(\w+)\}", text)
            assert all(connection.execute(sql).fetchone() for sql in asked.values())
    assert 'title="Revenue"' in pages["sales"]


def test_a_peer_that_cannot_be_installed_is_said_and_left_out(tmp_path, monkeypatch, capsys):
    def refuse():
        raise subprocess.CalledProcessError(1, ["npm"], stderr="npm error code ENOTFOUND")

    monkeypatch.setattr(peer_evidence, "_install", refuse)
    assert peer_evidence.Project.of(tmp_path, 20) is None
    assert "is left out, since it cannot be installed: npm error code ENOTFOUND" in capsys.readouterr().out
