"""A project said in Python: the same objects, the same checking."""

from datetime import timedelta

import pytest

from penstock.base.errors import ConfigError, ConfigErrors, Place
from penstock.load.build import build
from penstock.model.check import Check
from penstock.model.schema import Column, Schema
from penstock.model.sink import SinkTable
from penstock.model.source import Connection, RawTable
from penstock.model.table import Function, Input, Table
from penstock.model.unit import UnitTest

FILES = Connection("files", "files")
ORDERS = RawTable("raw.orders", FILES, "orders.csv", key=("id",), fresh=timedelta(hours=1))


def test_what_files_say_and_what_python_says_is_the_same_project(folder):
    folder.write("sources/a.toml", '[raw.orders]\nfrom = "files"\nread = "orders.csv"\nkey = "id"\nfresh = "1 hour"\n')
    folder.write("tables/spend.sql", "select id from raw.orders").write("tables/sales/daily.sql", "from spend")
    read = folder.load()
    said = build(
        "shop", folder.root, raw=[ORDERS],
        tables=[Table("sales.daily", "from spend"), Table("spend", "SELECT id\nFROM raw.orders;")],
    )  # fmt: skip
    assert said.order == read.order
    assert said.parents() == read.parents()
    assert {t.name: t.fingerprint for t in said} == {t.name: t.fingerprint for t in read}
    assert said.tables["spend"].sql == "SELECT id\nFROM raw.orders"


def test_connections_sinks_functions_and_tests_are_taken_as_they_are(tmp_path):
    function = Function("tables/a.py", "a", (Input("orders", "raw.orders", "polars"),))
    project = build(
        "shop", tmp_path, connections={"store": "sqlite:a.db", "other": FILES}, raw=[ORDERS],
        tables=[Table("a", function=function, parents=("wrong",))], sinks=[SinkTable("s", "a", FILES, "a.csv")],
        units=[UnitTest("t", "a", {"raw.orders": ()})], warehouse="duckdb::memory:",
    )  # fmt: skip
    assert project.connections["store"] == Connection("store", "sqlite", "a.db")
    assert (project.tables["a"].parents, project.tables["a"].function) == (("raw.orders",), function)
    assert (project.sinks["s"].write, project.units[0].name, project.warehouse) == ("a.csv", "t", "duckdb::memory:")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"tables": [Table("A", "select 1")]}, "'A' cannot be a name"),
        ({"tables": [Table("a")]}, "table 'a' is not right"),
        ({"tables": [Table("a", "select 1", Function("a.py", "a"))]}, "table 'a' is not right"),
        ({"tables": [Table("a", "select 1; select 2")]}, "more than one statement"),
        ({"tables": [Table("a", "from raw.ordrs")]}, "there is no table 'raw.ordrs'"),
        ({"tables": [Table("a", "from 'x.csv'")]}, "cannot read the file"),
        ({"tables": [Table("a", "from b"), Table("b", "from a")]}, "a → b → a"),
        ({"tables": [Table("a", "from raw.orders"), Table("a", "select 2")]}, "there are two tables 'a'"),
        ({"tables": [Table("a", "select 1", checks=(Check("x", "wran"),))]}, "'severity' of a check of table 'a'"),
        ({"tables": [Table("a", function=Function("a.py", "a", (Input("b", "b", "arrow"),)))]}, "no table 'b'"),
        ({"tables": [Table("a", function=Function("a.py", "a", rows="b"))]}, "no parameter 'b', which 'rows' names"),
        ({"raw": [RawTable("raw.select", FILES)]}, "'select' cannot be a name"),
        ({"raw": [RawTable("raw.a", FILES, key=("_rid",))]}, "the name '_rid' is taken"),
        ({"raw": [RawTable("raw.a", FILES, columns=Schema((Column("_seq", "integer"),)))]}, "the name '_seq' is taken"),
        ({"raw": [RawTable("raw.a", FILES, select="select 1 from others")]}, "cannot read 'others'"),
        ({"sinks": [SinkTable("s", "raw.ordrs", FILES)]}, "there is no table 'raw.ordrs' for sink 's'"),
        ({"units": [UnitTest("t", "b")]}, "there is no table 'b' for test 't'"),
        ({"connections": {"a": "nothing"}}, "connection 'a' is not right"),
    ],
)
def test_the_same_mistakes_are_found(tmp_path, parts, said):
    with pytest.raises(ConfigError) as caught:
        build("shop", tmp_path, **{"raw": [ORDERS], **parts})
    assert said in str(caught.value)


def test_options_are_checked_where_it_is_known_what_connectors_take(folder):
    raw = RawTable("raw.a", FILES, options={"formt": "csv"}, where=Place("here.py", 3))
    sink = SinkTable("s", "raw.a", Connection("logs", "logs"))
    assert build("shop", folder.root, raw=[raw], sinks=[sink]).raw["raw.a"].options == {"formt": "csv"}
    with pytest.raises(ConfigErrors) as caught:
        build("shop", folder.root, raw=[raw], sinks=[sink], options_of=folder.options_of)
    assert [one.subject for one in caught.value.errors] == [
        "unknown key 'formt' of 'raw.a'", "connection 'logs' cannot be written",
    ]  # fmt: skip
    assert caught.value.errors[0].hint == "did you mean 'format'?"
