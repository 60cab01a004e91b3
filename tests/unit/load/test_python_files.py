"""Python files: what decorators declare, from where inputs come and in which form, and what goes wrong in them."""

import sys
from datetime import timedelta

import pytest

from penstock.base.errors import ConfigError, Place
from penstock.load import python
from penstock.load.declared import TableDecl, check, collecting, record_of, sink, source, table
from penstock.model.check import Check
from penstock.model.table import Function, Input

TABLE = "from penstock import table\n"
RAW = '[raw.orders]\nfrom = "files"\n[crm.people]\nfrom = "files"\n'


@pytest.fixture(autouse=True)
def _path_is_put_back(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def shop(folder):
    return folder.write("sources/a.toml", RAW).write("tables/spend.sql", "from raw.orders")


def test_a_table_reads_what_its_parameters_name(shop):
    shop.write(
        "tables/sales/segments.py",
        f"""{TABLE}
from penstock import check

@table(
    key="customer_id", fresh="1 hour", checks=["a > 0", check("b > 0", severity="warn", name="b")],
    inputs={{"people": "crm.people"}}, description="who", owner="ann", tags=["nightly"],
)
def segments(spend, raw__orders, people, limit=3):
    return spend
""",
    )
    found = shop.load().tables["sales.segments"]
    assert found.function == Function(
        "tables/sales/segments.py", "segments",
        (
            Input("spend", "spend", "arrow"), Input("raw__orders", "raw.orders", "arrow"),
            Input("people", "crm.people", "arrow"),
        ),
    )  # fmt: skip
    assert found.parents == ("spend", "raw.orders", "crm.people")
    assert (found.key, found.fresh, found.description) == (("customer_id",), timedelta(hours=1), "who")
    assert (found.owner, found.tags) == ("ann", ("nightly",))
    where = Place("tables/sales/segments.py", 9, 1)
    assert found.checks == (Check("a > 0", where=where), Check("b > 0", "warn", "b", where))
    assert (found.where, found.line) == (where, 9)


def test_a_table_says_in_which_parts_its_inputs_come(shop):
    shop.write("tables/a.py", f"{TABLE}@table(rows='raw.orders')\ndef a(raw__orders, spend): ...\n")
    shop.write("tables/b.py", f"{TABLE}@table(by='customer_id, day')\ndef b(spend): ...\n")
    first = shop.load()
    assert (first.tables["a"].function.rows, first.tables["a"].function.by) == ("raw__orders", ())
    assert (first.tables["b"].function.rows, first.tables["b"].function.by) == ("", ("customer_id", "day"))
    shop.write("tables/b.py", f"{TABLE}@table(by='customer_id')\ndef b(spend): ...\n")
    assert shop.load().tables["b"].fingerprint != first.tables["b"].fingerprint


def test_a_bare_decorator_and_a_name_of_its_own(shop):
    shop.write(
        "tables/sales/a.py",
        f"{TABLE}@table\ndef one(): ...\n@table(name='two')\ndef f(): ...\n@table(name='other.three')\ndef g(): ...\n"
        "@table(name='main.four')\ndef h(): ...\n",
    )
    assert set(shop.load().tables) == {"spend", "sales.one", "sales.two", "other.three", "four"}


@pytest.mark.parametrize(
    ("head", "annotation", "form"),
    [
        ("", "", "arrow"),
        ("import polars as pl", ": pl.DataFrame", "polars"),
        ("import polars", ": polars.DataFrame", "polars"),
        ("from polars import DataFrame as Frame", ": Frame", "polars"),
        ("import pandas as pd", ": pd.DataFrame", "pandas"),
        ("from pandas import DataFrame", ": DataFrame", "pandas"),
        ("import duckdb", ": duckdb.DuckDBPyRelation", "relation"),
        ("from duckdb import DuckDBPyRelation", ": DuckDBPyRelation", "relation"),
        ("from collections.abc import Iterator", ": Iterator[object]", "batches"),
        ("from typing import Iterable", ": Iterable", "batches"),
        ("import typing", ": typing.Iterator[typing.Any]", "batches"),
        ("import pyarrow as pa", ": pa.Table", "arrow"),
        ("from arro3.core import Table", ": Table", "arrow"),
        ("from typing import Any", ": Any", "arrow"),
        ("from typing import Annotated\nimport polars as pl", ': Annotated[pl.DataFrame, "x"]', "polars"),
        ("import polars as pl", ': "pl.DataFrame"', "polars"),
    ],
)
def test_the_annotation_says_in_which_form_rows_come(shop, head, annotation, form):
    # The library is not imported, so it need not be there.
    guarded = "\n    ".join(["if TYPE_CHECKING:", *(head or "pass").splitlines()])
    shop.write(
        "tables/a.py",
        f"from __future__ import annotations\n{TABLE}TYPE_CHECKING = False\n{guarded}\n"
        f"@table\ndef a(spend{annotation}): ...\n",
    )
    assert shop.load().tables["a"].function.inputs == (Input("spend", "spend", form),)


@pytest.mark.parametrize(
    ("body", "place", "subject", "more"),
    [
        ("@table\ndef a(spnd): ...", ":3:7", "there is no table 'spnd'", "'spend'"),
        ("@table\ndef a(orders): ...", ":3:7", "there is no table 'orders'", "'raw.orders'"),
        ("@table\ndef a(\n    spend: int,\n): ...", ":4:5", "'int' is not a form", "polars.DataFrame"),
        ('@table\ndef a(spend: "pl."): ...', ":3:7", "is not a form", ""),
        ("@table(inputs={'x': 'spend'})\ndef a(y=1): ...", ":3:1", "has no parameter 'x'", "y"),
        ("@table(key=3)\ndef a(): ...", ":3:1", "'key' of table 'a'", "list"),
        ("@table(fresh='soon')\ndef a(): ...", ":3:1", "'fresh' of table 'a'", "5 minutes"),
        ("@table(checks=['a', 3])\ndef a(): ...", ":3:1", "a check of table 'a'", ""),
        ("@table(name='A b')\ndef a(): ...", ":3:1", "'A b' cannot be a name", "a_b"),
        ("@table(chekcs=[])\ndef a(spend): ...", ":2:8", "unknown argument 'chekcs' of @table", "'checks'"),
        ("@table(rows='spnd')\ndef a(spend): ...", ":3:1", "has no parameter 'spnd', which 'rows' names", "'spend'"),
        ("@table(rows='spend')\ndef a(): ...", ":3:1", "has no parameter 'spend'", "a table that the function reads"),
        ("@table(rows='spend', by='id')\ndef a(spend): ...", ":3:1", "has both 'rows' and 'by'", "groups of rows"),
        ("@table(rows=['spend'])\ndef a(spend): ...", ":3:1", "'rows' of table 'a'", "a text"),
        ("@table(by=3)\ndef a(spend): ...", ":3:1", "'by' of table 'a'", "list"),
        ("@table(by='_rid')\ndef a(spend): ...", ":3:1", "the name '_rid' is taken", ""),
        ("@table(by='id')\ndef a(): ...", ":3:1", "'by', and reads no table", ""),
        ("@table(nme='a')\ndef a(): ...", ":2:8", "unknown argument 'nme' of @table", "'name'"),
        ("@table(**{'nme': 'a'})\ndef a(): ...", ":2", "the file cannot be imported", "keyword argument 'nme'"),
        ("x = 1", "", "the file declares no table", "_"),
        ("@table\ndef a(: ...", ":3:7", "this is not Python", ""),
        ("import no_such_module_anywhere", ":2", "the file cannot be imported", "pip install no_such_module_anywhere"),
        ("def f():\n    return 1 / 0\n\nf()", ":3", "the file cannot be imported", "ZeroDivisionError"),
        ("import sys\nsys.exit(3)", ":3", "the file cannot be imported", "SystemExit: 3"),
        ("a = table(lambda: 1)", "", "table '<lambda>' is not a function at the top", ""),
        ("from penstock import source\n@source\ndef a(): ...", ":4:1", "a source cannot be declared here", "sources/"),
        ("@table\ndef spend(): ...", ":3:1", "there are two tables 'spend'", ""),
        ("@table\ndef a(a): ...", ":3:7", "in a circle: a → a", ""),
        ("x = " + "-" * 100_000 + "1\n", "", "Python", ""),
        ("x = " + "+".join(["1"] * 3000) + "\n@table\ndef a(): ...", "", "Python", ""),
    ],
)  # fmt: skip
def test_a_mistake_in_a_python_file(shop, body, place, subject, more):
    shop.write("tables/b.py", f"{TABLE}{body}\n")
    shop.write("tables/spend.sql", "from raw.orders")
    error = shop.mistake()
    assert str(error.where).startswith(
        f"tables/{'spend.sql' if 'two tables' in subject else 'b.py'}{'' if 'two tables' in subject else place}"
    )
    assert subject in error.subject
    assert more in str(error)


def test_a_mistake_in_a_module_that_a_file_imports_is_shown_in_the_module(shop):
    shop.write("lib_of_shop/__init__.py", "").write("lib_of_shop/money.py", "\n\nraise RuntimeError('no rates')\n")
    shop.write("tables/b.py", f"{TABLE}from lib_of_shop import money\n")
    error = shop.mistake()
    assert (str(error.where), error.got) == ("lib_of_shop/money.py:3", "RuntimeError: no rates")


def test_a_source_is_a_raw_table_of_the_connection_python(folder):
    folder.write(
        "sources/events.py",
        "from penstock import source\n@source(key='id', cursor='at', fresh='5 minutes', columns={'id': 'int'},\n"
        "        retries=1, select='select * from batch', clean={'id': 'trim'}, checks=['id > 0'])\n"
        "def events(after=None):\n    yield {'id': 1}\n@source(name='crm.people')\ndef people(): ...\n",
    )
    project = folder.load()
    found = project.raw["raw.events"]
    assert (found.connection.kind, found.connection.name, found.read) == ("python", "python", "")
    assert found.options == {"file": "sources/events.py", "function": "events"}
    assert (found.key, found.cursor, found.fresh, found.retries) == (("id",), "at", timedelta(minutes=5), 1)
    assert (found.columns.types, found.select, found.clean) == (
        {"id": "integer"},
        "select * from batch",
        {"id": "trim"},
    )
    assert found.where == Place("sources/events.py", 4, 1)
    assert set(project.raw) == {"raw.events", "crm.people"}


def test_a_sink_in_python(shop):
    shop.write("sinks/post.py", "from penstock import sink\n@sink(table='spend', mode='append')\ndef post(rows): ...\n")
    found = shop.load().sinks["post"]
    assert (found.table, found.mode, found.connection.kind) == ("spend", "append", "python")
    assert found.options == {"file": "sinks/post.py", "function": "post"}


def test_a_python_file_is_not_run_again_from_the_cache(shop):
    shop.write(
        "tables/a.py",
        f"{TABLE}from pathlib import Path\nran = Path(__file__).with_suffix('.ran')\n"
        "ran.write_text(ran.read_text() + 'x' if ran.exists() else 'x')\n@table\ndef a(spend): ...\n",
    )
    assert shop.load() == shop.load()
    assert (shop.root / "tables/a.ran").read_text() == "x"


def test_a_change_in_a_module_that_a_file_imports_is_seen(shop):
    shop.write("rates_of_shop.py", "RATE = 1\n").write("more_of_shop/deep.py", "X = 1\n").write(
        "more_of_shop/__init__.py", ""
    )
    shop.write(
        "tables/a.py",
        f"{TABLE}from rates_of_shop import RATE\nfrom more_of_shop import deep\n@table\ndef a(spend): ...\n",
    )
    before = shop.load()
    shop.write("rates_of_shop.py", "# only a comment\nRATE = 1\n")
    assert shop.load().tables["a"].fingerprint == before.tables["a"].fingerprint
    shop.write("rates_of_shop.py", "RATE = 2\n")
    changed = shop.load().tables["a"].fingerprint
    assert changed != before.tables["a"].fingerprint
    shop.write("more_of_shop/deep.py", "X = 2\n")
    assert shop.load().tables["a"].fingerprint != changed


# ── fingerprints of functions ───────────────────────────────────────────────────────────────────────────

FUNCTION = """{TABLE}LIMIT = 3
def helper(x):
    return x
@table(key="id")
def a(spend):
    return helper(spend)[:LIMIT]
"""


def fingerprint(shop, text):
    shop.write("tables/a.py", text.replace("{TABLE}", TABLE))
    return shop.load().tables["a"].fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "# why\nLIMIT    =   3  # so"),
        ("def a(spend):\n", 'def a(spend):\n    """What it is."""\n'),
        ("def helper(x):\n", "def helper(x):\n    'What it is.'\n\n"),
        ("{TABLE}", '"""What the file is."""\n{TABLE}'),
        (
            '@table(key="id")',
            '@table(key="id", fresh="1 day", checks=["id > 0"], description="d", owner="o", tags=["t"])',
        ),
        ("return helper(spend)[:LIMIT]", "return (helper(spend)[:LIMIT])"),
        ("    return x", "        return x"),
        ("@table", "@table(name='z')\ndef other(spend):\n    return 5\n\n\n@table"),
    ],
)
def test_what_does_not_change_what_a_function_computes_changes_no_fingerprint(shop, old, new):
    assert fingerprint(shop, FUNCTION.replace(old, new)) == fingerprint(shop, FUNCTION)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("return x", "return -x"),
        ("return helper(spend)", "return helper(spend[1:])"),
        ('key="id"', 'key="other"'),
        ("def a(spend)", "def a(spend: 'pl.DataFrame')"),
        ('"id")\ndef a(spend):', '"id", inputs={"spend": "raw.orders"})\ndef a(spend):'),
    ],
)
def test_what_changes_what_a_function_computes_changes_its_fingerprint(shop, old, new):
    assert fingerprint(shop, FUNCTION.replace(old, new)) != fingerprint(shop, FUNCTION)


# ── decorators and functions on their own ───────────────────────────────────────────────────────────────


def test_outside_a_loading_a_decorator_only_leaves_its_record():
    @table(key="id")
    def a(b):
        return b + 1

    assert a(1) == 2
    assert record_of(a) == TableDecl(a, "", {"key": "id"})
    assert record_of(len) is None


def test_records_are_collected_in_the_order_of_their_declaration():
    with collecting() as found:
        table(lambda: 1)
        source(key="a")(lambda: 2)
        sink(table="t")(lambda: 3)
    assert [type(one).__name__ for one in found] == ["TableDecl", "SourceDecl", "SinkDecl"]
    with collecting() as nothing:
        pass
    assert nothing == []


def test_a_check_with_a_severity():
    assert check("a > 0", severity="warn", name="a") == Check("a > 0", "warn", "a")


def test_a_function_is_found_in_its_file_and_sees_the_projects_modules(folder):
    folder.write("prices_of_shop.py", "FACTOR = 2\n")
    folder.write("tables/a.py", "def double(x):\n    from prices_of_shop import FACTOR\n    return x * FACTOR\n")
    double = python.function(folder.root, Function("tables/a.py", "double"))
    assert double(21) == 42
    assert python.function(folder.root, Function("tables/a.py", "double")) is double
    assert double.__module__ in sys.modules


def test_a_function_of_a_file_that_changed_is_the_new_one(folder):
    folder.write("tables/a.py", "def f():\n    return 1\n")
    assert python.function(folder.root, Function("tables/a.py", "f"))() == 1
    folder.write("tables/a.py", "def f():\n    return 22\n")
    assert python.function(folder.root, Function("tables/a.py", "f"))() == 22


def test_files_of_one_name_in_two_projects_are_two_modules(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "tables").mkdir()
    (other / "tables/a.py").write_text("def f():\n    return 'other'\n")
    folder.write("tables/a.py", "def f():\n    return 'this'\n")
    target = Function("tables/a.py", "f")
    assert (python.function(folder.root, target)(), python.function(other, target)()) == ("this", "other")


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [("tables/a.py", "g", "there is no function 'g'"), ("tables/a.py", "x", "there is no function 'x'"),
     ("tables/b.py", "f", "cannot be read")],
)  # fmt: skip
def test_a_function_that_is_not_there(folder, file, name, said):
    folder.write("tables/a.py", "x = 1\ndef f(): ...\n")
    with pytest.raises(ConfigError, match=said):
        python.function(folder.root, Function(file, name))


@pytest.mark.parametrize(
    "imports", ["from tax_of_shop.rate import RATE", "from .rate import RATE", "from . import rate\nRATE = rate.RATE"]
)
def test_a_function_runs_with_the_present_content_of_a_module_that_it_imports(folder, imports):
    folder.write("tax_of_shop/__init__.py", "").write("tax_of_shop/rate.py", "RATE = 1\n")
    folder.write("tax_of_shop/rule.py", f"{imports}\ndef rule():\n    return RATE\n")
    folder.write("tables/a.py", "from tax_of_shop.rule import rule\ndef f():\n    return rule()\n")
    target = Function("tables/a.py", "f")
    assert python.function(folder.root, target)() == 1
    folder.write("tax_of_shop/rate.py", "RATE = 2\n")  # of the same size, within the same second
    assert python.function(folder.root, target)() == 2


def test_two_files_share_a_module_that_they_import(folder):
    folder.write("shared_of_shop.py", "class Money: ...\n")
    for name in ("a", "b"):
        folder.write(f"tables/{name}.py", "from shared_of_shop import Money\ndef f():\n    return Money\n")
    found = [python.function(folder.root, Function(f"tables/{name}.py", "f"))() for name in ("a", "b")]
    assert found[0] is found[1]
