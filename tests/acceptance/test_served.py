"""While a process serves a project: every command goes through it, says the same, and finds nothing half done."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from penstock.app import requests
from penstock.app.holder import hold
from penstock.base.errors import FatalError, PenstockError, UnsupportedError
from penstock.model.relation import Query
from tests.acceptance.test_two_processes import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Serves a project until its input ends.
SERVE = """
import sys
from penstock.app import requests
from penstock.app.holder import hold
with requests.open_project(sys.argv[1]) as app, hold(app):
    print("held", flush=True)
    sys.stdin.read()
"""
# A source that waits, for the length of a file's life, once it has been asked.
SLOW = """
import time
from pathlib import Path
from penstock import source

ROOT = Path(__file__).parents[1]


@source
def slow():
    (ROOT / "reading").touch()
    while (ROOT / "wait").exists():
        time.sleep(0.01)
    return [{"n": n} for n in range(100)]
"""
PYTHON = """
import polars as pl
import duckdb
from penstock import table


@table(key="id")
def doubled(raw__a: pl.DataFrame) -> pl.DataFrame:
    return raw__a.with_columns(v=pl.col("v") * 2)
"""
# What differs from one time to the next.
_OTHERWISE = re.compile(
    r"\d{8}-\d{6}-\w{6}(?:-after)?|\d{4}-\d\d-\d\d[ T][\d:.+Z]+(?:\+00:00)?|[\d.,]+ (?:ms|s|minutes?|[kM]?B)\b"
    r'|"(?:seconds|pid|bytes_before|bytes_after)": [\d.e-]+|─+| +'
)
READS = (
    ["status"], ["runs"], ["plan"], ["check"], ["test"], ["verify"], ["show", "total"],
    ["show", "raw.a", "--limit", "1"],
    ["show", "total", "--at", "1"], ["show", "total", "--changes", "0"], ["show", "total", "--history"],
    ["sql", "select * from raw.a order by id"], ["sql", "select id from raw.a order by 1", "--format", "csv"],
    ["sql", "select nope from raw.a"], ["sql", "create table x (i int)"], ["show", "totl"], ["explain", "total"],
    ["lineage", "total"], ["profile", "raw.a"], ["metric", "sum_of_v"],
    ["sql", "select clean_trim(' a ') as a, 1.50::decimal(9,2) as d, timestamptz '2026-01-01' as t"],
)  # fmt: skip
WRITES = (
    ["run"], ["run", "--full"], ["replay", "raw.a"], ["rollback", "total"], ["vacuum", "--keep", "1 hour"],
    ["run", "nope"], ["status"],
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has been run once."""
    return made(tmp_path / "project")


def made(root: Path) -> Path:
    for folder in ("sources", "tables", "data"):
        (root / folder).mkdir(parents=True)
    (root / "penstock.toml").write_text('name = "served"\n')
    (root / "data" / "a.csv").write_text("id,v\n1,10\n2,20\nx,3\n")
    (root / "sources" / "a.toml").write_text(
        '[raw.a]\nfrom = "files"\nread = "data/*.csv"\ncolumns = { id = "bigint", v = "bigint" }\n'
    )
    (root / "tables" / "total.sql").write_text("select count(*) as n, sum(v)::bigint as v from raw.a\n")
    (root / "tables" / "kept.sql").write_text('/* ---\nchecks = ["id > 0"]\n--- */\nselect id, v from raw.a\n')
    (root / "metrics").mkdir()
    (root / "metrics" / "a.toml").write_text('table = "raw.a"\n[metrics]\nsum_of_v = "sum(v)"\n')
    with requests.open_project(root) as app:
        assert requests.run(app).state == "done"
    return root


@contextlib.contextmanager
def served(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process serve a project."""
    command = [sys.executable, "-c", SERVE, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def started(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "penstock", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def same(said: tuple[int | None, str, str], root: Path) -> tuple[int | None, str, str]:
    """Return what was said without what differs each time."""
    code, out, err = said
    return (code, *(_OTHERWISE.sub("·", text.replace(str(root), "ROOT")) for text in (out, err)))


def wait_for(path: Path) -> None:
    done = threading.Event()
    for _ in range(3_000):
        if path.exists():
            return
        done.wait(0.01)
    raise AssertionError(f"{path} does not come")


def test_every_verb_that_reads_says_the_same_through_the_socket(project: Path) -> None:
    calls = [[*words, *more, "--project", str(project)] for words in READS for more in ([], ["--json"])]
    alone = [same(cli(*words), project) for words in calls]
    with served(project):
        through = [same(cli(*words), project) for words in calls]
    for words, one, other in zip(calls, alone, through, strict=True):
        assert one == other, words
    assert {code for code, _, _ in alone} >= {0, 2}


def test_every_verb_that_writes_says_the_same_and_does_the_same(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    found = []
    for name in ("alone", "through"):
        root = made(tmp_path / name)
        (root / "data" / "b.csv").write_text("id,v\n3,30\n")
        (root / "tables" / "doubled.py").write_text(PYTHON.replace("raw__a", "kept"))
        (root / "tables" / "total.sql").write_text("select count(*) as n, max(v) as v from raw.a\n")
        with served(root) if name == "through" else contextlib.nullcontext():
            said = [same(cli(*words, "--project", str(root)), root) for words in WRITES]
            rows = cli("sql", "select * from doubled, total order by all", "--json", "--project", str(root))
        found.append((said, rows))
    assert found[0] == found[1]
    assert found[0][1][0] == 0
    assert [code for code, _, _ in found[0][0]] == [0, 0, 0, 0, 0, 2, 0]


def test_a_definition_that_changed_while_it_is_served_counts(project: Path) -> None:
    with served(project):
        (project / "tables" / "total.sql").write_text("select 42 as n\n")
        assert cli("run", "--project", str(project))[0] == 0
        code, out, _ = cli("sql", "from total", "--json", "--project", str(project))
        assert (code, json.loads(out)["rows"]) == (0, [[42]])


def test_another_environment_is_not_asked_of_it(project: Path) -> None:
    with (project / "penstock.toml").open("a") as file:
        file.write('[env.dev]\nwarehouse = "duckdb:dev.duckdb"\n')
    with served(project):
        code, out, _ = cli("status", "--json", "--env", "dev", "--project", str(project))
        assert code == 0
        assert {table["state"] for table in json.loads(out)["tables"]} == {"empty"}


def test_python_reads_and_runs_through_it_too(project: Path) -> None:
    import penstock

    with served(project), penstock.open(project) as opened:
        assert opened.sql("from total").fetchall() == [(2, 30)]
        assert opened.table("total").arrow().num_rows == 1
        assert opened.run().ok


def test_a_second_one_that_would_serve_is_told_who_does(project: Path) -> None:
    with served(project) as other, requests.open_project(project) as app, pytest.raises(FatalError) as raised:
        hold(app)
    assert f"served already, by process {other.pid}" in raised.value.subject


def test_a_warehouse_in_memory_is_not_lent(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text('name = "m"\nwarehouse = "duckdb::memory:"\n')
    with requests.open_project(tmp_path) as app, pytest.raises(UnsupportedError, match="in memory"):
        hold(app)


def test_a_project_in_a_very_deep_folder_is_served_too(tmp_path: Path, project: Path) -> None:
    deep = tmp_path / ("d" * 100) / "project"
    shutil.copytree(project, deep)
    with served(deep):
        assert cli("sql", "from total", "--project", str(deep))[0] == 0


def test_when_whoever_serves_is_killed_in_a_run_the_next_command_recovers(project: Path) -> None:
    (project / "sources" / "slow.py").write_text(SLOW)
    (project / "wait").touch()
    with served(project) as process:
        run = started("run", "--project", str(project))
        wait_for(project / "reading")
        process.send_signal(signal.SIGKILL)
        process.wait()
        (project / "wait").unlink()
        _, err = run.communicate(timeout=60)
    assert run.returncode == 3
    assert f"process {process.pid}, which holds the warehouse, has ended meanwhile" in err
    assert os.path.lexists(project / ".penstock" / "serve.sock")
    code, out, _ = cli("status", "--json", "--project", str(project))
    assert code == 0
    assert not os.path.lexists(project / ".penstock" / "serve.sock")
    assert {t["name"]: t["rows"] for t in json.loads(out)["tables"]}["raw.a"] == 2
    assert cli("run", "--project", str(project))[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_and_the_next_one_goes_on(project: Path, number: signal.Signals) -> None:
    (project / "sources" / "slow.py").write_text(SLOW)
    (project / "wait").touch()
    with served(project) as process:
        run = started("run", "--project", str(project))
        wait_for(project / "reading")
        run.send_signal(number)
        _, err = run.communicate(timeout=60)
        assert run.returncode == (130 if number == signal.SIGINT else -9), err
        (project / "wait").unlink()
        code, _, err = cli("run", "--json", "--project", str(project))
        assert (code, err) == (0, "")
        assert process.poll() is None
        states = [one["state"] for one in json.loads(cli("runs", "--json", "--project", str(project))[1])["runs"]]
        assert states == ["done", "interrupted", "done"]


def test_a_second_run_waits_for_the_first_and_says_so(project: Path) -> None:
    (project / "sources" / "slow.py").write_text(SLOW)
    (project / "wait").touch()
    with served(project):
        first = started("run", "--project", str(project))
        wait_for(project / "reading")
        second = started("run", "--project", str(project))
        assert second.stderr is not None
        assert second.stderr.readline() == "waiting: another run is under way\n"
        (project / "wait").unlink()
        for run in (first, second):
            out, err = run.communicate(timeout=60)
            assert run.returncode == 0, out + err


QUESTION = "select (select sum(v) from raw.a) - (select max(v) from total) as torn, count(*) as n from kept"


class Watchers:
    """Readers in this process and commands in processes of their own, until they are told that it is over."""

    def __init__(self, app: requests.App) -> None:
        self.app = app
        self.over = threading.Event()
        self.wrong: list[object] = []
        self.looked = dict.fromkeys([*range(8), "sql", "status", "verify"], 0)

    def look(self, who: int | str) -> None:
        """Look again and again."""
        while not self.over.is_set():
            try:
                found = self.rows() if isinstance(who, int) else self.command(who)
            except PenstockError as error:
                found = error
            if found:
                self.wrong.append((who, found))
            self.looked[who] += 1

    def rows(self) -> object:
        """Return what is torn, nothing where all is well."""
        rows = self.app.engine.read(Query(QUESTION))
        try:
            found = rows.fetch()
        finally:
            rows.close()
        assert len(requests.status(self.app)) == 3
        return found if found[0][0] else None

    def command(self, verb: str) -> object:
        """Return what a command said that should not have."""
        done = started(verb, *[QUESTION] * (verb == "sql"), "--json", "--project", str(self.app.root))
        out, err = done.communicate(timeout=120)
        torn = verb == "sql" and not done.returncode and json.loads(out)["rows"][0][0]
        return (done.returncode, out, err) if done.returncode or torn else None


@pytest.mark.slow
def test_readers_and_commands_see_whole_versions_under_a_run_that_commits_again_and_again(project: Path) -> None:
    with requests.open_project(project) as app, hold(app):
        watchers = Watchers(app)
        threads = [threading.Thread(target=watchers.look, args=(who,)) for who in watchers.looked]
        for thread in threads:
            thread.start()
        try:
            states = set()
            for turn in range(30):
                (project / "data" / f"n{turn}.csv").write_text(f"id,v\n{turn + 10},{turn}\n")
                if turn % 10 == 9:  # its definition changes: the table is built beside, and swapped in
                    text = f"select count(*) as n, sum(v)::bigint as v, {turn} as turn from raw.a\n"
                    (project / "total.sql").write_text(text)  # a reader may come while it is written
                    (project / "total.sql").replace(project / "tables" / "total.sql")
                    states.add(cli("run", "--project", str(project))[0])
                states.add(requests.run(app).state)
        finally:
            watchers.over.set()
            for thread in threads:
                thread.join(120)
    assert not watchers.wrong
    assert states == {"done", 0}
    assert min(watchers.looked.values()) > 0
