"""Names of columns that are not there, in settings: one error where the table is declared, with the nearest name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.bad_project import BadProject

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "id,total\n1,2.5\n2,7\n"


@pytest.fixture
def project(tmp_path: Path) -> BadProject:
    """A project in which everything but the input is in order."""
    return BadProject(tmp_path / "project")


@pytest.mark.parametrize(
    ("more", "said", "place", "meant"),
    [
        (['key = "idd"'], "the key names the column 'idd'", "1:1", "id"),
        (['key = "id"', 'cursor = "totl"'], "the cursor names the column 'totl'", "5:10", "total"),
        (['clean = { totl = "double" }'], "clean names the column 'totl'", "1:1", "total"),
    ],
)
def test_a_column_that_a_source_has_not_is_told_in_its_file(
    project: BadProject, more: list[str], said: str, place: str, meant: str
) -> None:
    project.file("bad.csv", ROWS, *more)
    error = project.fails(said, f"sources/bad.toml:{place}")
    assert error["hint"] == f"did you mean '{meant}'?"


def test_a_select_may_leave_the_cursor_out(project: BadProject) -> None:
    project.file("bad.csv", ROWS, 'key = "id"', 'cursor = "total"', 'select = "select id from batch"')
    project.loads()
    assert project.rows() == [(1,), (2,)]


def test_a_cleaning_function_that_a_variable_makes_wrong_is_one_error(project: BadProject) -> None:
    project.file("bad.csv", ROWS, 'clean = { total = "decimal(${DIGITS:-x},2)" }')
    project.fails("'x' cannot be its precision", "sources/bad.toml:1:1")


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("tables/t.sql", '/* ---\nkey = "idd"\n--- */\nselect id, v from raw.good\n', "tables/t.sql:1"),
        (
            "tables/t.py",
            'from penstock import table\n\n\n@table(key="idd")\ndef t(raw__good):\n    return raw__good\n',
            "tables/t.py:5:1",
        ),
    ],
)
def test_a_key_that_a_table_has_not_is_told_where_the_table_is_declared(
    project: BadProject, file: str, text: str, place: str
) -> None:
    project.write(file, text)
    error = project.cli("run", "--json").step("t")["error"]
    assert error["subject"] == "the key names the column 'idd', which the table has not"
    assert (error["where"], error["hint"]) == (place, "did you mean 'id'?")


def test_what_reads_a_table_that_has_no_rows_yet_says_so(project: BadProject) -> None:
    project.file("bad.jsonl", "")
    project.write("tables/over_over.sql", "select n from over_bad\n")
    said = project.cli("run", "--json")
    assert [said.step(name)["reason"] for name in ("over_bad", "over_over")] == ["raw.bad has no rows yet"] * 2


@pytest.mark.parametrize(
    ("check", "said", "hint"),
    [
        ("unqiue(id)", "name unqiue does not exist", "did you mean unique(a) or unique(a, b)?"),
        ("total >=", "the condition ends too early", None),
    ],
)
def test_a_check_that_cannot_be_computed_says_what_was_meant(
    project: BadProject, check: str, said: str, hint: str | None
) -> None:
    project.file("bad.csv", ROWS, f'checks = ["{check}"]')
    error = project.fails(said, "sources/bad.toml:4:11")
    assert error.get("hint") == hint


@pytest.mark.parametrize(
    ("text", "subject", "hint"),
    [
        (
            "from raw.bad",
            "the table 'raw.bad' has no rows yet",
            "its columns are known as soon as its source gives a row",
        ),
        ("from over_bad", "the table 'over_bad' has not been built yet", "penstock run +over_bad"),
        ("from raw.god", "there is no table 'raw.god'", "did you mean 'raw.good'?"),
        ("from penstock.rejcted", "there is no table 'penstock.rejcted'", "did you mean 'penstock.rejected'?"),
        ("from zzz", "there is no table 'zzz'", "penstock status names the tables that there are"),
        (
            "with q as (from raw.good) select * from q, raw.god",
            "there is no table 'raw.god'",
            "did you mean 'raw.good'?",
        ),
    ],
)
def test_a_question_to_a_table_that_is_not_there_is_answered_by_the_projects_names(
    project: BadProject, text: str, subject: str, hint: str
) -> None:
    project.file("bad.jsonl", "")
    project.run()
    said = project.cli("sql", text, "--json")
    assert said.code == 2
    error = json.loads(said.out)["error"]
    assert (error["subject"], error["hint"], error["file"]) == (subject, hint, "query")
    assert "^" in error["excerpt"]


def test_a_query_that_ends_too_early_says_so(project: BadProject) -> None:
    project.write("tables/t.sql", "select id, (v + 1 as w\nfrom raw.good\nwhere (id > 1\n")
    project.write("tables/u.sql", "select id from raw.good where (id > 1\n")
    error = project.cli("run", "--json").step("u")["error"]
    assert (error["subject"], error["file"]) == ("the query ends too early", "tables/u.sql")
    assert (error["line"], error["column"]) == (1, 38)
    assert "^" in error["excerpt"]


def test_sides_of_a_union_that_do_not_fit_and_a_subquery_of_several_rows_are_underlined(project: BadProject) -> None:
    project.write("tables/t.sql", "select id, v from raw.good\nunion all\nselect id from raw.good\n")
    project.write("tables/u.sql", "select (select id from (values (1), (2)) x(id)) as one from raw.good\n")
    run = project.cli("run", "--json")
    error = run.step("t")["error"]
    assert (error["line"], error["column"]) == (2, 1)
    assert "^^^^^" in error["excerpt"]
    error = run.step("u")["error"]
    assert error["hint"].startswith("take one of them: max(")
    assert "^" in error["excerpt"]


def test_what_sources_are_told_and_cannot_be_is_checked_together_before_anything_is_read(project: BadProject) -> None:
    project.write(
        "sources/bad.toml",
        '[raw.bad]\nfrom = "api"\nread = "x"\npaginate = { by = "pge" }\n'
        '[raw.worse]\nfrom = "logs"\nread = "a.log"\nformat = "syslog"\nyear = 2005\nzone = "Europe/Berln"\n',
    )
    project.write("penstock.toml", 'name = "bad"\n[connections]\napi = "http://127.0.0.1:1"\n')
    said = project.cli("check", "--json")
    assert said.code == 2
    found = [(one["where"], one["hint"]) for one in json.loads(said.out)["error"]["errors"]]
    assert found == [
        ("sources/bad.toml:4:12", "did you mean 'page'?"),
        ("sources/bad.toml:10:8", "did you mean 'Europe/Berlin'?"),
    ]
    assert project.cli("check", "raw.good").code == 0
