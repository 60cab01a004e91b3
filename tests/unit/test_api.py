"""The Python door: what a project, a run and a result do for whoever writes pipelines."""

import doctest
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import penstock
from penstock import api
from penstock.app import requests
from penstock.base.errors import ConfigError, RunError, UnsupportedError
from tests.unit.cli import fake as made

COLUMNS = [("id", "bigint"), ("name", "varchar"), ("amount", "decimal(10,2)")]
VALUES = [(1, "Ada", Decimal("1.50")), (None, None, None), (2**53 + 1, "<b>", Decimal("-2.00"))]


class ArrowRows(made.FakeRows):
    """Rows that can be had as Arrow too; as a stream they can be read once."""

    def __init__(self):
        super().__init__(COLUMNS, VALUES)

    def __arrow_c_stream__(self, requested_schema=None):
        import pyarrow as pa

        assert not self.closed
        kinds = [pa.int64(), pa.string(), pa.decimal128(10, 2)]
        arrays = [pa.array(column, kind) for column, kind in zip(zip(*VALUES, strict=True), kinds, strict=True)]
        return pa.table(arrays, names=[name for name, _ in COLUMNS]).__arrow_c_stream__()


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A fake app; each question is answered with rows of its own, and remembered."""
    fake = made.Fake()
    for name in made.NAMES:
        monkeypatch.setattr(requests, name, getattr(fake, name))
    fake.given = []

    def sql(app, text):
        fake.calls.append(("sql", text))
        fake.given.append(ArrowRows())
        return fake.given[-1]

    monkeypatch.setattr(requests, "sql", sql)
    (tmp_path / "penstock.toml").write_text('name = "shop"\n')
    monkeypatch.chdir(tmp_path)
    return fake


@pytest.fixture
def project(asked):
    with penstock.open() as found:
        yield found


# ── opening and closing ─────────────────────────────────────────────────────────────────────────────────


def test_open_finds_the_project_above(asked, tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    with penstock.open(env="prod") as project:
        assert project.root == tmp_path
    assert asked.calls[0][1:3] == (tmp_path, "prod")


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_a_folder_that_is_named_must_be_a_project(path, asked, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=f"'{path}' is not a project") as raised:
        penstock.open(path)
    assert raised.value.hint == f"penstock init {path} writes a project there"


def test_no_project_anywhere_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if any((folder / "penstock.toml").exists() for folder in tmp_path.parents):
        pytest.skip("the machine's temporary folder lies in a project")
    with pytest.raises(ConfigError, match="there is no project here"):
        penstock.open()


def test_a_project_says_what_it_is(project, tmp_path):
    assert repr(project) == f"<Project shop in {tmp_path}: 3 tables>"
    project.close()
    assert repr(project).endswith("(closed)>")


def test_a_closed_project_says_so_instead_of_failing_somewhere(project, asked):
    result = project.sql("select 1")
    project.close()
    project.close()
    assert asked.apps[0].closed
    assert asked.given[0].closed
    for use in (project.run, project.status, result.fetchall, result.arrow, lambda: project.sql("x")):
        with pytest.raises(RunError, match="the project 'shop' is closed"):
            use()


def test_what_was_read_stays_after_closing(project):
    result = project.sql("select 1")
    result.fetchall()
    result.arrow()
    project.close()
    assert result.fetchall() == VALUES
    assert len(result) == 3
    assert result.arrow().num_rows == 3


# ── requests ────────────────────────────────────────────────────────────────────────────────────────────


def test_every_request_reaches_the_app(project, asked):
    assert project.plan("spend") == [made.PLANNED[1]]
    assert project.check() == asked.checks
    assert project.test() == asked.units
    assert project.status() == asked.statuses
    assert project.lineage("spend") == made.LINEAGE
    assert project.replay("raw.orders") == asked.replayed
    assert project.runs(5) == asked.found
    assert project.name == "shop"
    assert project.tables == ("raw.orders", "spend", "segments")
    assert asked.calls[-1] == ("runs", 5, {})


def test_a_run_that_is_done(project, asked):
    result = project.run("+spend", full=True)
    assert ("run", ("+spend",), {"exclude": (), "full": True, "command": "python"}) in asked.calls
    assert result.ok
    assert result.raise_for_failure() is result
    assert result.finding == "3 tables up to date, 1 check warns, 812 ms"
    assert repr(result) == f"<RunResult 01KJ8F: {result.finding}>"


def test_a_run_that_failed_is_returned_and_raised_on_request(project, asked):
    asked.made = made.BAD
    result = project.run()
    assert not result.ok
    with pytest.raises(RunError) as raised:
        result.raise_for_failure()
    assert raised.value.subject == "spend failed: no column 'amout'"
    assert (raised.value.where, raised.value.hint) == ("tables/spend.sql:3:12", "did you mean 'amount'?")
    assert "^^^^^" in raised.value.excerpt


def test_an_interrupted_run_is_no_success(project, asked):
    asked.made = made.Run("01", made.START, "interrupted")
    with pytest.raises(RunError, match="run 01 is interrupted"):
        project.run().raise_for_failure()


def run_of(*steps):
    return made.Run("01", made.START, "done", made.START + timedelta(seconds=1), steps=steps)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "nothing to do, 1.0 s"),
        ((("a", "table", "unchanged"),), "1 table up to date, nothing new, 1.0 s"),
        ((("a", "intake", "done"), ("a", "check", "failed")), "1 table failed, 1.0 s"),
        (
            (("a", "table", "done"), ("s", "deliver", "failed")),
            "1 delivery failed, 1 table up to date, 1.0 s",
        ),
        (
            (("a", "table", "failed"), ("b", "table", "skipped"), ("c", "table", "done")),
            "1 table failed, 1 skipped, 1 up to date, 1.0 s",
        ),
    ],
)
def test_the_finding_names_trouble_first(steps, said):
    assert api.finding(run_of(*(made.Step(*step) for step in steps))) == said


def test_a_run_that_was_cut_off_is_not_said_to_have_had_nothing_to_do():
    cut = made.Run("01", made.START, "interrupted", made.END)
    assert api.finding(cut) == "interrupted, 812 ms"
    assert api.finding(made.Run("01", made.START)) == "running"


def test_a_table_comes_whole(project, asked):
    assert project.table("spend").fetchall() == made.ROWS.rows
    assert asked.calls[-1] == ("show", "spend", 2**62, {})


def test_an_unknown_table_gets_the_nearest_name(project):
    with pytest.raises(ConfigError, match="did you mean 'spend'"):
        project.table("spned")


@pytest.mark.parametrize("point", [{"version": "1"}, {"time": 3}, {}, {"version": 1, "time": "2026-01-01"}])
def test_what_is_neither_a_version_nor_a_time_is_a_type_error(project, point):
    with pytest.raises(TypeError, match="at\\(\\) takes"):
        project.table("spend").at(**point)


# ── results ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_result_can_be_used_again_and_again(project, asked):
    result = project.sql("select 1")
    assert (result.columns, result.types) == (
        ("id", "name", "amount"),
        ("bigint", "varchar", "decimal(10,2)"),
    )
    assert result.fetchall() == result.fetchall() == VALUES
    assert result.arrow() is result.arrow()
    assert len(asked.given) == 2
    assert all(rows.closed for rows in asked.given)


def test_nothing_is_read_before_it_is_used(project, asked):
    project.sql("select 1")
    assert [rows.closed for rows in asked.given] == [False]


def test_changing_the_list_of_rows_does_not_change_the_result(project):
    result = project.sql("select 1")
    result.fetchall().clear()
    assert result.fetchall() == VALUES


def test_a_result_speaks_arrow(project):
    import pyarrow as pa

    result = project.sql("select 1")
    assert pa.table(result).num_rows == 3
    assert pa.table(result).column("amount").to_pylist()[0] == Decimal("1.50")


def test_polars(project):
    frame = project.sql("select 1").pl()
    assert frame.rows() == VALUES


def test_pandas_keeps_the_digits_of_integers_beside_a_null(project):
    frame = project.sql("select 1").df()
    assert frame["id"].tolist()[2] == 2**53 + 1
    assert str(frame["id"].dtype) == "Int64"
    assert frame["id"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(("method", "library"), [("pl", "polars"), ("df", "pandas"), ("df", "pyarrow")])
def test_a_missing_library_says_how_to_install_it(method, library, project, monkeypatch):
    result = project.sql("select 1")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnsupportedError, match=f"needs {library}, which is not installed") as raised:
        getattr(result, method)()
    assert raised.value.hint == f"pip install 'penstock[{'polars' if method == 'pl' else 'pandas'}]'"


def test_a_result_is_shown_with_its_first_rows(project):
    assert repr(project.sql("select 1")) == (
        "id                name     amount\n"
        "bigint            varchar  decimal(10,2)\n"
        "----------------  -------  -------------\n"
        "1                 Ada      1.50\n"
        "∅                 ∅        ∅\n"
        "9007199254740993  <b>      -2.00\n"
        "(3 rows)"
    )


def test_a_long_result_says_that_there_is_more(asked, project, monkeypatch):
    many = made.FakeRows([("n", "integer")], [(n,) for n in range(100)])
    monkeypatch.setattr(requests, "sql", lambda app, text: many)
    assert repr(project.sql("x")).splitlines()[-2:] == ["9", "(the first 10 rows)"]
    assert "the first 20 rows" in project.sql("x")._repr_html_()


def test_an_empty_result_is_shown_too(asked, project, monkeypatch):
    monkeypatch.setattr(requests, "sql", lambda app, text: made.FakeRows([("n", "integer")], []))
    assert repr(project.sql("x")).splitlines()[-1] == "(0 rows)"


def test_a_notebook_shows_data_and_never_runs_it(asked, project, monkeypatch):
    evil = "<script>alert(1)</script>\x1b[2J"
    monkeypatch.setattr(requests, "sql", lambda app, text: made.FakeRows([(evil, "varchar")], [(evil,)]))
    html = project.sql("x")._repr_html_()
    assert "<script" not in html
    assert "\x1b" not in html
    assert html.count("&lt;script&gt;") == 2


# ── what can be imported ────────────────────────────────────────────────────────────────────────────────


def test_a_check_is_made_with_its_severity():
    made_check = penstock.check("a > 0", severity="warn", name="positive")
    assert (made_check.text, made_check.severity, made_check.label) == ("a > 0", "warn", "positive")


@pytest.mark.parametrize("name", ["table", "source", "sink", "check"])
def test_the_decorators_come_from_the_loader(name):
    from penstock.load import declared

    assert getattr(penstock, name) is getattr(declared, name)


def test_an_unknown_name_of_the_door_says_so():
    with pytest.raises(AttributeError, match="has no attribute 'tabel'"):
        _ = api.tabel


# ── the documentation ───────────────────────────────────────────────────────────────────────────────────

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "python.md"


def test_the_examples_of_the_reference_are_true(tmp_path, monkeypatch):
    (tmp_path / "penstock.toml").write_text('name = "tiny"\n')
    (tmp_path / "tables").mkdir()
    rows = "('ada', 2.00), ('ada', 3.00), ('bob', 2.25)"
    (tmp_path / "tables" / "orders.sql").write_text(
        f"select customer, amount::decimal(10,2) as amount from (values {rows}) t(customer, amount)"
    )
    (tmp_path / "tables" / "spend.sql").write_text(
        "select customer, sum(amount) as spend from orders group by customer"
    )
    monkeypatch.chdir(tmp_path)
    done = doctest.testfile(
        str(REFERENCE),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
        globs={"Decimal": Decimal},
    )
    assert done.attempted > 10
    assert done.failed == 0


def test_the_reference_names_everything_that_can_be_imported():
    text = REFERENCE.read_text(encoding="utf-8")
    assert [name for name in penstock.__all__ if not name.startswith("_") and name not in text] == []
