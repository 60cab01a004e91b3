"""Whatever happens to files, databases and logs between runs, every table and sink holds what it should.

What raw tables should hold is computed by plain Python from what was written; the SQL tables over them are computed
by DuckDB alone from that. `PENSTOCK_EXAMPLES=1000` tries more sequences than the few of an everyday run.
"""

from __future__ import annotations

import csv
import io
import os
import sqlite3
import string
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.app import requests

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = int(os.environ.get("PENSTOCK_EXAMPLES", "25"))

SETTINGS = """
name = "pipe"
[connections]
store = "sqlite:data/store.db"
mart = "sqlite:out/mart.db"
copy = "duckdb:out/copy.duckdb"
"""
SOURCES = r"""
[raw.files]
from = "files"
read = "data/*.csv"
optional = true
columns = { id = "bigint", v = "bigint", word = "varchar" }

[raw.snap]
from = "store"
read = "snap"

[raw.keyed]
from = "store"
read = "snap"
key = "id"

[raw.cur]
from = "store"
read = "cur"
key = "id"
cursor = "updated"

[raw.log]
from = "logs"
read = "logs/app.log*"
optional = true
pattern = '^(?P<n>[0-9]+) (?P<word>\S*);$'
columns = { n = "bigint", word = "varchar" }
"""
TABLES = {
    "words": '/* ---\nkey = "word"\nchecks = ["unique(word)"]\n--- */\n'
    "select coalesce(word, '-') as word, count(*) as n, sum(v)::bigint as v from raw.files group by 1",
    "joined": "select f.id, f.v, s.word from raw.files f left join raw.snap s on s.id = f.id",
    "newest": "select max(updated) as updated, count(*) as n, sum(v)::bigint as v from raw.cur",
    "below": "select w.word, w.n, n.n as all_of_it from words w cross join newest n",
    "logged": "select word, count(*) as n, max(n) as last from raw.log group by word",
}
SINKS = """
[mart]
table = "words"
to = "mart"
write = "words"
key = "word"

[copy]
table = "raw.keyed"
to = "copy"
write = "keyed"

[file]
table = "joined"
to = "files"
write = "out/joined.parquet"

[loose]
table = "raw.files"
to = "copy"
write = "loose"
"""
RAW = {
    "raw.files": "id bigint, v bigint, word varchar",
    "raw.snap": "id bigint, v bigint, word varchar",
    "raw.keyed": "id bigint, v bigint, word varchar",
    "raw.cur": "id bigint, v bigint, updated bigint",
    "raw.log": "n bigint, word varchar",
}

Row: TypeAlias = "tuple[Any, ...]"
IDS = st.integers(1, 6)
NUMBERS = st.none() | st.integers(-5, 5) | st.sampled_from([2**53 + 1, -(2**53) - 1])
WORDS = st.none() | st.sampled_from(["a", "b", "two words", 'say "x"', "a,b", "line\nend", "ü", " ", "1", "null"])
LINES = st.lists(st.sampled_from([*string.ascii_lowercase[:4], "", "ü", "broken line", "\x1f", "\r"]), max_size=4)
CHANGES = st.lists(st.tuples(st.sampled_from(["put", "put", "drop"]), IDS, NUMBERS, WORDS), min_size=1, max_size=4)
ROWS = st.lists(st.tuples(IDS, NUMBERS, WORDS), max_size=4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.just(0), ROWS),
        st.tuples(st.just("grow"), st.integers(0, 3), ROWS),
        st.tuples(st.just("replace"), st.integers(0, 3), ROWS),
        st.tuples(st.just("change"), st.just(0), CHANGES),
        st.tuples(st.just("update"), st.just(0), st.lists(st.tuples(IDS, NUMBERS), min_size=1, max_size=4)),
        st.tuples(st.just("log"), st.just(0), LINES),
        st.tuples(st.just("rotate"), st.just(0), st.just(())),
        st.tuples(st.just("run"), st.just(0), st.just(())),
        st.tuples(st.just("reopen"), st.just(0), st.just(())),
    ),
    max_size=12,
)


class World:
    """The outside of a project: what stands in its files, database and logs, and the same as Python values."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("sources", "tables", "sinks", "data", "logs", "out"):
            (root / folder).mkdir()
        (root / "penstock.toml").write_text(SETTINGS)
        (root / "sources" / "all.toml").write_text(SOURCES)
        (root / "sinks" / "all.toml").write_text(SINKS)
        for name, text in TABLES.items():
            (root / "tables" / f"{name}.sql").write_text(text)
        self.files: list[list[Row]] = []
        self.snap: dict[int, Row] = {}
        self.cur: dict[int, Row] = {}
        self.lines: list[Row] = []
        self.broken: list[str] = []
        self.clock, self.rotated = 10**18, 0
        self.store("create table snap (id integer primary key, v integer, word text)")
        self.store("create table cur (id integer primary key, v integer, updated integer)")

    def store(self, text: str, values: Row = ()) -> None:
        with closing(sqlite3.connect(self.root / "data" / "store.db")) as db, db:
            db.execute(text, values)

    def do(self, word: str, at: int, what: Any) -> None:
        self.clock += 10**9
        getattr(self, word)(at, what)

    # ── files ───────────────────────────────────────────────────────────────────────────────────────────

    def add(self, _: int, rows: list[Row]) -> None:
        self.files.append(list(rows))
        self._write(len(self.files) - 1, [("id", "v", "word"), *rows], "w")

    def grow(self, at: int, rows: list[Row]) -> None:
        if at < len(self.files):
            self.files[at] += rows
            self._write(at, rows, "a")

    def replace(self, at: int, rows: list[Row]) -> None:
        if at < len(self.files):
            self.files[at] = list(rows)
            self._write(at, [("id", "v", "word"), *rows], "w")

    def _write(self, at: int, rows: list[Row], mode: str) -> None:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        path = self.root / "data" / f"{at}.csv"
        with path.open(mode, encoding="utf-8", newline="") as file:
            file.write(out.getvalue())
        os.utime(path, ns=(self.clock, self.clock))

    # ── the database ────────────────────────────────────────────────────────────────────────────────────

    def change(self, _: int, changes: list[tuple[str, int, Any, Any]]) -> None:
        for word, key, number, text in changes:
            if word == "put":
                self.snap[key] = (key, number, text)
                self.store("insert or replace into snap values (?, ?, ?)", self.snap[key])
            elif self.snap.pop(key, None):
                self.store("delete from snap where id = ?", (key,))

    def update(self, _: int, changes: list[tuple[int, Any]]) -> None:
        for key, number in changes:
            self.cur[key] = (key, number, self.clock // 10**9)
            self.store("insert or replace into cur values (?, ?, ?)", self.cur[key])

    # ── logs ────────────────────────────────────────────────────────────────────────────────────────────

    def log(self, _: int, words: list[str]) -> None:
        path = self.root / "logs" / "app.log"
        with path.open("a", encoding="utf-8", newline="") as file:
            for word in words:
                number = len(self.lines) + len(self.broken)
                text = f"{number} {word};"
                file.write(text + "\n")
                if word in ("broken line", "\x1f", "\r"):
                    self.broken.append(text)
                else:
                    self.lines.append((number, word or None))

    def rotate(self, *_: Any) -> None:
        path = self.root / "logs" / "app.log"
        if not path.exists():
            return
        for old in sorted(path.parent.glob("app.log.*"), key=lambda p: -int(p.suffix[1:])):
            old.rename(path.with_name(f"app.log.{int(old.suffix[1:]) + 1}"))
        path.rename(path.with_name("app.log.1"))

    # ── what there should be ────────────────────────────────────────────────────────────────────────────

    def wanted(self) -> dict[str, list[Row]]:
        snap = list(self.snap.values())
        return {
            "raw.files": [row for rows in self.files for row in rows],
            "raw.snap": snap,
            "raw.keyed": snap,
            "raw.cur": list(self.cur.values()),
            "raw.log": self.lines,
        }


def computed(raw: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return what the SQL tables give over these rows, by DuckDB alone."""
    found = {}
    with duckdb.connect() as con:
        con.execute("create schema raw")
        for name, columns in RAW.items():
            con.execute(f"create table {name} ({columns})")
            if raw[name]:
                con.executemany(f"insert into {name} values ({', '.join('?' * len(raw[name][0]))})", raw[name])
        for name, text in TABLES.items():
            con.execute(f"create view {name} as {text}")
            found[name] = con.execute(f"from {name}").fetchall()
    return found


def plain(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=repr)


def compare(world: World, app: requests.App) -> None:
    """Compare all raw tables, tables, rejects and sinks with what there should be."""
    raw = world.wanted()
    relations = app.engine.relations()
    there = {name: requests.sql(app, f"from {name}").fetch() for name in relations}
    for name, rows in raw.items():
        assert plain(there.get(name, [])) == plain(rows), name
    rejected = requests.sql(app, 'select "row" from penstock.rejected').fetch()
    assert sorted(row for (row,) in rejected) == sorted(world.broken)
    for name, rows in computed(raw).items():
        if name in there:
            assert plain(there[name]) == plain(rows), name
        else:  # what it reads has never had a column
            assert any(parent not in there for parent in app.project.tables[name].parents), name
    if "words" in there:
        with closing(sqlite3.connect(world.root / "out" / "mart.db")) as mart:
            assert plain(mart.execute("select word, n, v from words").fetchall()) == plain(there["words"])
    if "joined" in there:
        found = duckdb.connect().sql(f"select id, v, word from '{world.root}/out/joined.parquet'").fetchall()
        assert plain(found) == plain(there["joined"])
    copies = {"raw.keyed": "keyed", "raw.files": "loose"}
    with duckdb.connect(str(world.root / "out" / "copy.duckdb")) as copy:
        for name, target in copies.items():
            if name in there:
                assert plain(copy.execute(f"select id, v, word from {target}").fetchall()) == plain(there[name])


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(STEPS)
def test_after_every_run_all_tables_and_sinks_hold_what_they_should(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, Any]]
) -> None:
    world = World(tmp_path_factory.mktemp("pipe"))
    app = requests.open_project(world.root)
    try:
        for word, at, what in [*steps, ("run", 0, ()), ("log", 0, ["a"]), ("run", 0, ()), ("run", 0, ())]:
            if word == "reopen":
                app.close()
                app = requests.open_project(world.root)
            elif word != "run":
                world.do(word, at, what)
            else:
                made = requests.run(app)
                assert made.state == "done", [step.error for step in made.failed]
                compare(world, app)
        touched = [step for step in made.steps if step.state not in ("unchanged", "skipped")]
        assert touched == []
    finally:
        app.close()
