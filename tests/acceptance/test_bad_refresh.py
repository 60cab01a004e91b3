"""What comes to tables that were right: bad rows, twins of a key, other types; in full, and by their changes."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from penstock.app import requests
from penstock.model import tuning
from tests.acceptance.bad_project import BadProject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Rows = list[tuple[Any, ...]]
pytestmark = pytest.mark.slow
SALES: Rows = [(1, "ada", 10, "1"), (2, "ada", 20, "2"), (3, "bob", 30, "3"), (4, "cyd", 40, "4")]


class Project(BadProject):
    """A project whose `raw.sales` is the whole of a file, and whose tables are what a test makes of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.sales: dict[int, tuple[Any, ...]] = {row[0]: row for row in SALES}
        self.write(
            "sources/sales.toml",
            '[raw.sales]\nfrom = "files"\nread = "data/sales.csv"\nkey = "id"\n'
            'columns = { id = "integer", amount = "integer", note = "varchar" }\n',
        )
        self.shows()

    def table(self, name: str, text: str, **settings: str) -> None:
        """Write a table's file."""
        head = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
        self.write(f"tables/{name}.sql", (f"/* ---\n{head}--- */\n" if head else "") + text)

    def shows(self, *rows: tuple[Any, ...], without: Iterable[int] = ()) -> None:
        """Let rows come, or take the place of others of their id, or go."""
        self.sales |= {row[0]: row for row in rows}
        for one in without:
            del self.sales[one]
        lines = [",".join("" if value is None else str(value) for value in row) for row in self.sales.values()]
        self.write("data/sales.csv", "\n".join(["id,who,amount,note", *lines, ""]))

    def good(self) -> dict[str, Any]:
        """Run, expect that nothing fails and each table is what plain SQL gives; returns the steps by table."""
        said = self.run()
        assert said.code == 0, [step.get("error") for step in said.run["steps"] if step["state"] == "failed"]
        self.is_right()
        return {step["table"]: step for step in said.run["steps"] if step["stage"] == "table"}

    def is_right(self, *leave_out: str) -> None:
        """Expect that every table is what plain SQL gives, and that verify finds nothing."""
        with requests.open_project(self.root) as app:
            for name, table in app.project.tables.items():
                if name not in leave_out:
                    asked = (table.sql, f"from {name}")
                    wanted, found = (sorted(map(repr, requests.sql(app, text).fetch())) for text in asked)
                    assert (name, found) == (name, wanted)
            assert [one for one in requests.verify(app) if one.state not in ("same", "skipped")] == []

    def bad(self, table: str, subject: str) -> dict[str, Any]:
        """Run twice, expect one error of one table, the same; it and what reads it stay, the rest is right."""
        stays = (f"from {table} order by all", "from below order by all")
        before = [self.ask(text) for text in stays]
        said = self.run()
        assert said.code == 1
        assert [step["table"] for step in said.run["steps"] if step["state"] == "failed"] == [table]
        assert said.step("below")["state"] == "skipped"
        error: dict[str, Any] = said.step(table)["error"]
        assert subject in error["subject"]
        told = self.cli("run")
        assert told.code == 1
        assert all(line.strip() in told.out for line in (error["subject"], *error.get("excerpt", "").splitlines()))
        assert [self.ask(text) for text in stays] == before
        self.is_right(table, "below")
        return error


@pytest.fixture(params=["in full", "by its changes"])
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose tables are computed in full, as small ones are, or follow every change."""
    if request.param == "by its changes":
        follows = partial(tuning.Tuning, smallest=0, follow=True, looked_up=0, shared=0)
        monkeypatch.setattr(tuning, "Tuning", follows)
    made = Project(tmp_path / "project")
    made.table("fine", "select who, count(*) as n, sum(amount) as amount from raw.sales group by who\n")
    return made


# ── a row that cannot be computed ───────────────────────────────────────────────────────────────────────

BAD = (5, "bob", 0, "x")
FAILING = {
    "a cast, of each row": ("select id,\n  note::integer as n\nfrom raw.sales\n", 2, "note::"),
    "a cast, in a condition": ("select id\nfrom raw.sales\nwhere note::integer > 1\n", 3, "note::"),
    "a cast, under groups": ("select who,\n  sum(note::integer) as n\nfrom raw.sales\ngroup by who\n", 2, "note::"),
    "a cast, as the key of groups": (
        "select\n  note::integer as n, count(*) as many\nfrom raw.sales\ngroup by 1\n", 2, "note::"
    ),
    "a cast, over groups": (
        "with m as (select who, max(note) as s from raw.sales group by who)\nselect who, s::integer as n\nfrom m\n",
        2, "s::",
    ),
    "a cast, in a window": (
        "select id,\n  sum(note::integer) over (partition by who order by id) as n\nfrom raw.sales\n", 2, "note::"
    ),
    "a cast, of what is joined": (
        "select s.id, r.n\nfrom raw.sales s\nleft join fine r on r.who = s.note::integer::varchar\n", 3, "note::"
    ),
    "a cast, over ties": (
        "select row_number() over (partition by who order by amount) as n,\n  note::integer as s\nfrom raw.sales\n",
        2, "note::",
    ),
    "a division by zero": ("select id,\n  100 // amount as n\nfrom raw.sales\n", 2, "100 // amount"),
    "a division by zero, of sums": (
        "select who,\n  1000 // min(amount) as n\nfrom raw.sales\ngroup by who\n", 2, "1000 // min(amount)"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "marked"), FAILING.values(), ids=list(FAILING))
def test_a_row_that_cannot_be_computed_is_one_error_at_the_users_line_and_caught_up_with(
    project: Project, text: str, line: int, marked: str
) -> None:
    subject = "Division by zero in expression" if "//" in text else "Could not convert string 'x'"
    project.table("bad", text)
    project.table("below", "select count(*) as rows, max(b) as last from bad b\n")
    project.good()
    project.shows(BAD, (6, "dan", 60, "6"), (1, "ada", 11, "7"), without=[2])
    error = project.bad("bad", subject)
    assert error["where"].startswith(f"tables/bad.sql:{line}:"), error
    shown, under = error["excerpt"].splitlines()[-2:]
    assert "^" in under
    assert marked in shown
    assert "//" not in text or shown[under.index("^") :].startswith(marked)
    project.shows((7, "ada", 70, "8"), (4, "cyd", 44, "4"))
    project.bad("bad", subject)
    project.shows((5, "bob", 5, "50"))
    steps = project.good()
    assert steps["bad"]["state"] == steps["below"]["state"] == "done"
    project.shows(without=[5, 7])
    project.good()


OVERFLOWS = {
    "a narrow type": ("select who,\n  sum(amount)::smallint as n\nfrom raw.sales\ngroup by who\n", 30_000),
    "a sum": ("select who,\n  sum(amount * 80000000000000000000000000000::hugeint) as n\nfrom raw.sales\ngroup by 1\n",
              1_500_000_000),
    "an addition": ("select id,\n  (amount + 1000000000::integer) as n\nfrom raw.sales\n", 1_500_000_000),
}  # fmt: skip


@pytest.mark.parametrize(("text", "amount"), OVERFLOWS.values(), ids=list(OVERFLOWS))
def test_a_number_that_grows_too_large_is_one_error_and_caught_up_with(
    project: Project, text: str, amount: int
) -> None:
    project.table("bad", text)
    project.table("below", "select count(*) as rows, max(b) as last from bad b\n")
    project.good()
    project.shows((5, "bob", amount, "1"), (6, "bob", amount, "1"), (7, "dan", 1, "1"))
    error = project.bad("bad", "")
    assert "verflow" in error["subject"] or "out of range" in error["subject"]
    assert error["where"].startswith("tables/bad.sql:2:"), error
    assert "^" in error["excerpt"]
    project.shows(without=[5, 6])
    project.good()


def test_a_division_that_has_an_answer_is_no_error(project: Project) -> None:
    """`/` is of floats: by nought it gives what floats give."""
    project.table("ratio", "select id, 100 / amount as n, 0 / amount as none from raw.sales\n")
    project.good()
    project.shows(BAD)
    project.good()
    assert project.ask("select n, isnan(none) from ratio where id = 5") == [(float("inf"), True)]


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────────

KEYED = {
    "rows": ("select note, who, amount from raw.sales where amount >= 0", "note"),
    "a join": ("select s.note, r.n from raw.sales s left join fine r on r.who = s.who", "note"),
    "groups": ("select max(note) as note, who from raw.sales group by who, amount", "note"),
    "groups of other keys": ("select who, note, count(*) as n from raw.sales group by who, note", "note"),
    "a window": ("select note, row_number() over (partition by who order by id) as n from raw.sales", "note"),
    "first of each": (
        "select note, id from raw.sales qualify row_number() over (partition by id % 2, amount order by id) = 1", "note"
    ),
    "a union": ("select note, id from raw.sales union select note, id + 1000 from raw.sales where id > 1000", "note"),
    "two columns": ("select id % 1 as one, note, amount from raw.sales", "one, note"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "key"), KEYED.values(), ids=list(KEYED))
def test_a_key_that_is_there_twice_fails_the_table_until_it_is_mended(project: Project, text: str, key: str) -> None:
    project.table("bad", text + "\n", key=key)
    project.table("below", "select count(*) as rows from bad\n")
    project.good()
    project.shows((5, "dan", 50, "4"), (6, "eve", 60, "6"))  # a twin of a row that stays
    error = project.bad("bad", f"the key ({key}) is not unique: 1 rows too many")
    assert error["got"] == f"more than once: {'0, ' if ',' in key else ''}4"
    project.shows((4, "cyd", 40, "7"))  # the other one moves out of its way
    project.good()
    project.shows((8, "fay", 80, "8"), (9, "gus", 90, "8"))  # twins that come together
    project.bad("bad", f"the key ({key}) is not unique: 1 rows too many")
    project.shows(without=[9])
    project.good()
    project.shows((10, "hal", 1, None))
    project.bad("bad", f"the key ({key}) is null in 1 row")
    project.shows((10, "hal", 2, "10"))
    project.good()
    project.shows((1, "ada", 10, "2"), (2, "ada", 20, "1"))  # two rows that change their keys
    project.good()


def test_a_group_of_nulls_fails_the_table_whose_key_is_that_of_its_groups(project: Project) -> None:
    project.table("bad", "select note, count(*) as n from raw.sales group by note\n", key="note")
    project.table("below", "select count(*) as rows from bad\n")
    project.good()
    project.shows((5, "dan", 50, None), (6, "dan", 50, None))
    project.bad("bad", "the key (note) is null in 1 row")
    project.shows(without=[5, 6])
    project.good()


def test_of_rows_of_one_key_in_a_source_the_last_counts_and_one_without_a_key_is_rejected(project: Project) -> None:
    project.good()
    project.write("data/sales.csv", "id,who,amount,note\n1,ada,1,1\n1,ada,2,1\n,bob,3,1\n")
    project.good()
    assert project.ask("from raw.sales") == [(1, "ada", 2, "1")]
    assert len(project.all()["rejected"]) == 1
    assert project.ask("from fine") == [("ada", 1, 2)]


# ── columns and types ───────────────────────────────────────────────────────────────────────────────────


def test_a_column_that_vanishes_of_a_table_is_one_error_in_those_that_name_it(project: Project) -> None:
    project.table("base", "select id, who, amount, note from raw.sales\n")
    project.table("every", "select * from base\n")
    project.table("bad", "select who,\n  max(notes.note) as note\nfrom base as notes\ngroup by who\n")
    project.table("below", "select count(*) as rows from bad\n")
    project.good()
    project.table("base", "select id, who, amount from raw.sales\n")
    project.shows((5, "dan", 50, "5"))
    error = project.bad("bad", 'column named "note"')
    assert error["where"].startswith("tables/bad.sql:2:")
    assert "max(notes.note)" in error["excerpt"]
    assert len(project.ask("from every")[0]) == 3
    project.table("base", "select id, who, amount, note from raw.sales\n")
    project.good()
    assert len(project.ask("from every")[0]) == 4


def test_a_column_that_vanishes_of_a_source_stays_empty(project: Project) -> None:
    project.table("notes", "select note, count(*) as n from raw.sales group by note\n")
    project.good()
    project.write("data/sales.csv", "id,who,amount\n1,ada,10\n9,ada,90\n")
    project.good()
    assert project.ask("from notes") == [(None, 2)]


def test_a_type_that_changes_under_tables_changes_them(project: Project) -> None:
    project.table("base", "select id, who, amount, note from raw.sales\n")
    project.table("each", "select id, amount from base where id > 1\n")
    project.table("sums", "select who, sum(amount) as amount, max(note) as note from base group by who\n")
    project.table("running", "select id, max(note) over (partition by who order by id) as note from base\n")
    project.good()
    project.table("base", "select id, who, amount::decimal(9, 2) as amount, note::integer as note from raw.sales\n")
    project.shows((5, "dan", 50, "5"))
    project.good()
    types = "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'main' order by all"
    asked = ("each", "running", "sums")
    assert [row for row in project.ask(types) if row[0] in asked and row[1] in ("amount", "note")] == [
        ("each", "amount", "DECIMAL(9,2)"), ("running", "note", "INTEGER"),
        ("sums", "amount", "DECIMAL(38,2)"), ("sums", "note", "INTEGER"),
    ]  # fmt: skip
    project.shows((6, "dan", 60, "6"), without=[1])
    project.good()


def test_a_column_of_nothing_but_null_is_text_in_all_that_read_it(project: Project) -> None:
    project.table("base", "select id, who, amount, null as later from raw.sales\n")
    project.table("each", "select id, later, [null] as list, {a: null} as part from base where id > 1\n")
    project.table("sums", "select who, count(*) as n, null as later from base group by who\n")
    project.table("either", "select id, null as x from base where amount > 15 union all select id, later from base\n")
    project.table("kinds", "select distinct who, later, null as x from base\n")
    project.table("last", "select id, max(later) over (partition by who) as later, null as x from base\n")
    project.good()
    project.shows((5, "dan", 50, "5"), (2, "bob", 21, "2"), without=[1])
    project.good()
    project.table("base", "select id, who, amount::bigint as amount, null as later from raw.sales\n")
    project.shows((6, "dan", 60, "6"))
    project.good()
    types = "select data_type from duckdb_columns() where schema_name = 'main' and column_name in ('later', 'x')"
    assert set(project.ask(types)) == {("VARCHAR",)}
    assert project.ask("select list, part from each where id = 6") == [([None], {"a": None})]


DAYS = """
from datetime import date, datetime
from penstock import source

@source(key="id", name="days")
def days():
    for id, who, day in DAYS:
        yield {"id": id, "who": who, "Day": day}

DAYS = """


def test_a_type_that_is_widened_in_a_source_is_that_of_the_tables_above_it(project: Project) -> None:
    project.write("sources/days.py", DAYS + "[(1, 'ada', date(2026, 1, 1)), (2, 'bob', date(2026, 1, 2))]\n")
    project.table("each", "select id, day from raw.days where id > 0\n")
    project.table("most", "select who, max(day) as day, max(id) as id from raw.days group by who\n")
    project.table("first", "select id, min(day) over (partition by who order by id) as day from raw.days\n")
    inner = "select who, max(day) as d from raw.days group by who"
    project.table("above", f"with m as ({inner}) select max(d) as day from m\n")
    project.good()
    project.write("sources/days.py", DAYS + "[(1, 'ada', date(2026, 1, 1)), (3, 'bob', datetime(2026, 1, 2, 3, 4))]\n")
    project.good()
    types = "select data_type from duckdb_columns() where schema_name in ('main', 'raw') and lower(column_name) = 'day'"
    assert project.ask(types) == [("TIMESTAMP",)] * 5
    project.write("sources/days.py", DAYS + "[(2, 'bob', datetime(2026, 1, 1, 1)), (3, 'ada', date(2026, 1, 2))]\n")
    project.good()


def test_a_column_that_comes_to_a_source_comes_to_select_star(project: Project) -> None:
    project.table("every", "select * from raw.sales\n")
    project.table("above", "select * from every where id > 1\n")
    project.good()
    project.write("data/sales.csv", "id,who,amount,note,more\n1,ada,10,1,x\n2,ada,20,2,y\n")
    project.good()
    assert project.ask("from above") == [(2, "ada", 20, "2", "y")]


# ── what gives another answer each time ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("word", ["now()", "random()", "current_date", "uuid()", "get_current_timestamp()"])
def test_a_volatile_function_is_computed_once_per_change_of_its_inputs(project: Project, word: str) -> None:
    name = word.removesuffix("()")
    project.table("stamped", f"select id, {word} as stamp from raw.sales\n")
    project.table("below", "select id, count(stamp) as n from stamped group by id\n")
    assert project.run().code == 0
    before = project.ask("from stamped order by id")
    assert project.run().step("stamped")["state"] == "unchanged"
    assert project.ask("from stamped order by id") == before
    assert name in project.cli("explain", "stamped").out
    assert "gives another answer each time" in project.cli("verify").out
    project.shows((5, "dan", 50, "5"))
    assert project.run().step("stamped")["strategy"] == "full, compared"
    project.is_right("stamped")
    assert project.ask("select count(*), count(stamp) from stamped") == [(5, 5)]


# ── ties ────────────────────────────────────────────────────────────────────────────────────────────────

TIED = {
    "row_number": "select id, who, row_number() over (partition by who order by amount) as n from raw.sales",
    "lag": "select id, lag(id) over (partition by who order by amount) as before from raw.sales",
    "first_two": "select id, who from raw.sales qualify row_number() over (partition by who order by amount) <= 2",
    "least": "select id, amount from raw.sales order by amount limit 3",
    "distinct_on": "select distinct on (who) who, id, amount from raw.sales order by who, amount",
    "running": "select id, sum(id) over (partition by who order by amount rows 3 preceding) as n from raw.sales",
    "nested": "with f as (select id, who, row_number() over (partition by who order by amount) as n from raw.sales) "
    "select who, max(id) as id from f where n = 1 group by who",
}


def test_ties_are_settled_alike_whatever_came_before(project: Project, tmp_path: Path) -> None:
    """What stands after many changes is what a new warehouse gives, and what following changes gives is the same."""
    for name, text in TIED.items():
        project.table(f"t_{name}", text + "\n")
    chance = random.Random(7)
    anew = Project(tmp_path / "anew")
    for name, text in TIED.items():
        anew.table(f"t_{name}", text + "\n")
    for _ in range(6):
        assert project.run().code == 0
        ids = sorted(project.sales)
        gone = chance.sample(ids, 2) if len(ids) > 6 else []
        rows = [(n, chance.choice(["ada", "bob"]), chance.choice([1, 2]), "1") for n in chance.sample(range(1, 40), 6)]
        project.shows(*rows, without=[one for one in gone if one not in {row[0] for row in rows}])
    assert project.run().code == 0
    anew.sales = dict(sorted(project.sales.items(), key=lambda _: chance.random()))
    anew.shows()
    assert anew.run().code == 0
    for name in TIED:
        asked = f"from t_{name} order by all"
        assert (name, project.ask(asked)) == (name, anew.ask(asked))
    assert "differs" not in project.cli("verify").out
    for name in TIED:
        assert "where its order leaves rows equal" in project.cli("explain", f"t_{name}").out


# ── rows that come late, or again otherwise ─────────────────────────────────────────────────────────────

KEY = 'key = "id"'
OVER_EVENTS = {
    "e_hours": "select date_trunc('hour', time) as hour, count(*) as n, sum(v) as v, min(v) as least "
    "from raw.bad group by 1",
    "e_before": "select id, v - lag(v) over (partition by who order by time, id) as more from raw.bad",
    "e_running": "select id, sum(v) over (partition by who order by time, id) as v from raw.bad",
    "e_newest": "select who, v from raw.bad qualify row_number() over (partition by who order by time desc, id) = 1",
    "e_late": "select id from raw.bad where time < (select max(time) from raw.bad) - interval 1 day",
    "e_busiest": "select hour, n from e_hours where n = (select max(n) from e_hours)",
}


@pytest.mark.parametrize(
    "how", [('cursor = "changed"', 'key = "id"'), ('key = "id"',), ()], ids=["cursor", "key", "whole"]
)
def test_late_rows_and_corrections_come_out_as_if_they_had_come_in_order(
    project: Project, how: tuple[str, ...]
) -> None:
    """What came late, out of order, twice, or otherwise than before, through each way into a raw table."""
    project.write("penstock.toml", 'name = "bad"\n[connections]\nstore = "sqlite:data/s.db"\n')
    project.reads('from = "store"', 'read = "e"', 'columns = { time = "timestamp" }', *how)
    for name, text in OVER_EVENTS.items():
        project.table(name, text + "\n")
    chance = random.Random(3)
    with closing(sqlite3.connect(project.root / "data" / "s.db", isolation_level=None)) as store:
        store.execute("create table e (id integer primary key, who text, time text, v integer, changed integer)")
        for turn in range(5):
            for one in chance.sample(range(60), 12):
                at = f"2026-03-{chance.randint(1, 4):02}T{chance.randint(0, 3):02}:{chance.randint(0, 59):02}:00"
                row = (one, chance.choice("abc"), at, chance.randint(-5, 9), turn)
                store.execute("insert or replace into e values (?, ?, ?, ?, ?)", row)
            project.good()
            assert project.ask("select count(*) from raw.bad") == store.execute("select count(*) from e").fetchall()


# ── tables that name each other ─────────────────────────────────────────────────────────────────────────


def test_two_tables_that_name_each_other_are_one_error_and_nothing_moves(project: Project) -> None:
    project.good()
    before = project.ask("from fine order by all")
    project.table("one", "select who from two\n")
    project.table("two", "select who from one\n")
    project.shows((5, "dan", 50, "5"))
    said = project.cli("run")
    assert said.code == 2
    assert "one" in said.err
    assert "two" in said.err
    assert "tables/" in said.err
    (project.root / "tables" / "two.sql").unlink()
    (project.root / "tables" / "one.sql").unlink()
    assert project.ask("from fine order by all") == before
    project.table("one", "select who from fine\n")
    project.good()
    assert len(project.ask("from fine")) == len(before) + 1
