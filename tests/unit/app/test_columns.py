"""The lineage of columns through a project's tables."""

import pytest

import penstock
from penstock.base.errors import ConfigError
from penstock.cli.style import Paint
from penstock.cli.traces import all as shown_all
from penstock.cli.traces import one as shown

SQL = {
    "orders": "select 1 as id, 7 as who, 3.5 as amount, now() as seen",
    "spend": "select who, sum(amount) as total from orders where id > 0 group by who",
    "best": "select total as most from spend order by total desc limit 1",
    "odd": "select who from spend using sample 3",
}
SCORES = "from penstock import table\n\n@table\ndef scores({}):\n    return {}\n"


def project_of(root, texts, function):
    (root / "tables").mkdir()
    (root / "penstock.toml").write_text('name = "p"\n')
    for name, text in texts.items():
        (root / "tables" / f"{name}.sql").write_text(text)
    (root / "tables" / "scores.py").write_text(SCORES.format(function, function))
    return penstock.open(root)


@pytest.fixture
def project(tmp_path):
    with project_of(tmp_path, SQL, "spend") as made:
        made.run().raise_for_failure()
        yield made


def steps(found):
    return [(f"{u.source}.{u.source_column}", f"{u.table}.{u.column}", *u.ways) for u in found]


def test_a_column_is_traced_up_and_down_through_tables(project):
    found = project.lineage("spend.total")
    assert steps(found.upstream) == [
        ("orders.amount", "spend.total", "value"), ("orders.id", "spend.", "filter"), ("orders.who", "spend.", "group"),
    ]  # fmt: skip
    down = steps(found.downstream)
    assert ("spend.total", "best.most", "same") in down
    assert ("spend.total", "best.", "order") in down
    assert ("spend.total", "scores.total", "function") in down
    assert ("spend.total", "odd.who", "unknown") in down
    assert any("Python function" in note for note in found.notes)
    assert any("a sample" in note for note in found.notes)


def test_it_is_traced_all_the_way(project):
    assert ("orders.amount", "spend.total", "value") in steps(project.lineage("best.most").upstream)
    assert ("spend.total", "best.most", "same") in steps(project.lineage("ORDERS.Amount").downstream)


def test_a_name_of_a_table_is_a_table(project):
    assert project.lineage("spend").upstream == ("orders",)


def test_wrong_names_are_told_the_nearest(project):
    with pytest.raises(ConfigError, match="spend has no column 'totl'") as error:
        project.lineage("spend.totl")
    assert error.value.hint == "did you mean 'total'?"
    with pytest.raises(ConfigError, match=r"there is no table 'spent\.total'"):
        project.lineage("spent.total")


def test_a_table_that_was_never_built_needs_none_of_its_rows(tmp_path):
    tables = [penstock.Table("a", sql="select 1 as x"), penstock.Table("b", sql="select x + 1 as y from a")]
    with penstock.build("p", tmp_path, tables=tables) as made:
        assert steps(made.lineage("b.y").upstream) == [("a.x", "b.y", "value")]


def test_where_columns_are_not_known_yet_it_says_what_to_run(tmp_path):
    with project_of(tmp_path, {"a": "select 1 as x"}, "a") as made:
        with pytest.raises(ConfigError, match="the columns of scores are not known yet") as error:
            made.lineage("scores.x")
        assert error.value.hint == "penstock run +scores"
        assert made.lineage("a.x").downstream == ()


def test_on_a_terminal(project):
    assert list(shown(project.lineage("best.most"), Paint())) == [
        "best.most (decimal(38,1)) is made of 2 columns and goes into none",
        "",
        "made of",
        "└─ spend.total (same)",
        "   └─ orders.amount (value)",
        "",
        "which rows best has depends on",
        "  spend.total (order)",
    ]
    from penstock.app import columns

    lines = list(shown_all(columns.columns(project._app, "spend"), Paint()))
    assert lines[:4] == ["spend: 2 columns", "", "  who    orders.who (same)", "  total  orders.amount (value)"]


def test_what_was_traced_is_kept_until_a_definition_or_a_tables_columns_change(project, tmp_path, monkeypatch):
    from penstock.plan.sql import columns

    read = []
    made_of = columns.made_of
    monkeypatch.setattr(columns, "made_of", lambda text, schemas: read.append(text) or made_of(text, schemas))
    first = project.lineage("spend.total")
    once = len(read)
    assert once
    assert project.lineage("spend.total") == first
    assert len(read) == once
    (tmp_path / "tables/spend.sql").write_text("select who, max(id) as total from orders group by who")
    project._open().reload()
    assert ("orders.id", "spend.total", "value") in steps(project.lineage("spend.total").upstream)
    (tmp_path / "tables/orders.sql").write_text("select 1 as id, 7 as who, 3.5 as amount, 8 as who_else, now() as seen")
    project._open().reload()
    project.run().raise_for_failure()
    assert not project.lineage("orders.who_else").upstream
    assert len(read) > once
