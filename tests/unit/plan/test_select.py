"""Selection and lineage of tables in one small project."""

import pytest

from penstock.base.errors import ConfigError, Place
from penstock.model.project import Project
from penstock.model.sink import SinkTable
from penstock.model.source import Connection, RawTable
from penstock.model.table import Function, Table
from penstock.plan.lineage import lineage
from penstock.plan.select import select

STORE, LOGS = Connection("store", "sqlite"), Connection("web", "logs")


def table(name, *parents, tags=(), function=None):
    where = Place(f"tables/{name.replace('.', '/')}.sql")
    return Table(name, sql="select 1", parents=parents, tags=tags, where=where, function=function)


@pytest.fixture
def project():
    """orders, customers → spend → segments; hits → sales.visits; spend, sales.visits → sales.daily → sink."""
    raw = [
        RawTable("raw.orders", STORE, tags=("nightly",), where=Place("sources/store.toml")),
        RawTable("raw.customers", STORE, where=Place("sources/store.toml")),
        RawTable("raw.hits", LOGS, where=Place("sources/logs.toml")),
    ]
    tables = [
        table("spend", "raw.orders", "raw.customers", tags=("nightly", "money")),
        table("segments", "spend", function=Function("tables/segments.py", "segments")),
        table("sales.visits", "raw.hits"),
        table("sales.daily", "spend", "sales.visits", tags=("money",)),
    ]
    return Project(
        "shop", "/shop", raw={t.name: t for t in raw}, tables={t.name: t for t in tables},
        sinks={"out": SinkTable("out", "sales.daily", STORE)}, order=tuple(t.name for t in [*raw, *tables]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "raw.orders raw.customers raw.hits spend segments sales.visits sales.daily"),
        ("spend", "spend"),
        ("SPEND", "spend"),
        ("main.spend", "spend"),
        ("raw.orders", "raw.orders"),
        ("raw.*", "raw.orders raw.customers raw.hits"),
        ("s*d", "spend"),
        ("+spend", "raw.orders raw.customers spend"),
        ("spend+", "spend segments sales.daily"),
        ("+spend+", "raw.orders raw.customers spend segments sales.daily"),
        ("1+sales.daily", "spend sales.visits sales.daily"),
        ("2+sales.daily", "raw.orders raw.customers raw.hits spend sales.visits sales.daily"),
        ("0+sales.daily", "sales.daily"),
        ("raw.orders+1", "raw.orders spend"),
        ("raw.orders+2", "raw.orders spend segments sales.daily"),
        ("@raw.hits", "raw.orders raw.customers raw.hits spend sales.visits sales.daily"),
        ("@spend", "raw.orders raw.customers raw.hits spend segments sales.visits sales.daily"),
        ("tag:nightly", "raw.orders spend"),
        ("tag:n*", "raw.orders spend"),
        ("tag:money,tag:nightly", "spend"),
        ("tag:money tag:nightly", "raw.orders spend sales.daily"),
        ("+sales.daily,raw.*", "raw.orders raw.customers raw.hits"),
        ("path:tables/sales", "sales.visits sales.daily"),
        ("path:./tables/sales/", "sales.visits sales.daily"),
        ("path:sources/store.toml+1", "raw.orders raw.customers spend"),
        ("path:tables/s*.sql", "spend segments sales.visits sales.daily"),
        ("source:store", "raw.orders raw.customers"),
        ("source:web+", "raw.hits sales.visits sales.daily"),
        ("spend segments", "spend segments"),
        ("spend,segments", ""),
    ],
)
def test_words_choose_tables(project, words, expected):
    assert select(project, [words] if words else []) == frozenset(expected.split())


def test_several_words_choose_either(project):
    assert select(project, ["spend", "raw.hits sales.visits"]) == {"spend", "raw.hits", "sales.visits"}


def test_what_is_excluded_is_left_out(project):
    assert select(project, ["+sales.daily"], ["raw.*", "spend"]) == {"sales.visits", "sales.daily"}
    assert select(project, [], ["+sales.daily"]) == {"segments"}


@pytest.mark.parametrize(
    ("word", "said", "hint"),
    [
        ("spent", "there is no table 'spent'", "'spend'"),
        ("orders", "there is no table 'orders'", "'raw.orders'"),
        ("raw.z*", "there is no table 'raw.z*'", ""),
        ("tag:nigtly", "no table has the tag 'nigtly'", "'nightly'"),
        ("source:stor", "no table has the source 'stor'", "'store'"),
        ("path:tables/sale", "no table lies in 'tables/sale'", "'tables/sales'"),
        ("tga:nightly", "'tga:' is no way to select", "'tag'"),
        ("+", "selects nothing", ""),
        ("@spend+", "selects nothing", ""),
        ("a+b", "selects nothing", ""),
        ("spend,", "selects nothing", ""),
    ],
)
def test_a_word_that_chooses_nothing_is_an_error(project, word, said, hint):
    with pytest.raises(ConfigError) as caught:
        select(project, [word])
    assert said in caught.value.subject
    assert hint in caught.value.hint


def test_a_wrong_word_among_the_excluded_is_an_error(project):
    with pytest.raises(ConfigError, match="spent"):
        select(project, [], ["spent"])


def test_lineage_has_all_above_and_below_in_order(project):
    found = lineage(project, "spend")
    assert found.upstream == ("raw.orders", "raw.customers")
    assert found.downstream == ("segments", "sales.daily", "sink:out")
    assert set(found.edges) == {
        ("raw.orders", "spend"), ("raw.customers", "spend"), ("spend", "segments"), ("spend", "sales.daily"),
        ("sales.daily", "sink:out"),
    }  # fmt: skip
    assert found.kinds == {
        "raw.orders": "raw", "raw.customers": "raw", "spend": "sql", "segments": "python", "sales.daily": "sql",
        "sink:out": "sink",
    }  # fmt: skip


def test_lineage_of_a_sink_and_of_a_name_in_another_case(project):
    assert lineage(project, "out").upstream == (
        "raw.orders", "raw.customers", "raw.hits", "spend", "sales.visits", "sales.daily",
    )  # fmt: skip
    assert lineage(project, "Main.Spend").table == "spend"


def test_lineage_of_nothing_names_the_nearest(project):
    with pytest.raises(ConfigError) as caught:
        lineage(project, "spent")
    assert "'spend'" in caught.value.hint
