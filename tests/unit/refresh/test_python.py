"""Python tables: every form in, every form out, types kept, and an error that points into the user's own file."""

import importlib.util
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from penstock.base.errors import FatalError, PlanError, RetryableError, RunError, UnsupportedError
from penstock.model.relation import Query
from penstock.model.step import Found
from penstock.model.table import Function, Input, Table
from penstock.protocols.engine import Replay
from penstock.refresh.python import compute

FILE = "tables/made.py"
HEAD = """
import datetime, decimal
from datetime import date, timedelta, UTC
from decimal import Decimal
import arro3.core, pandas as pd, polars as pl, pyarrow as pa
"""


@pytest.fixture
def warehouse(shared_warehouse):
    return shared_warehouse


@pytest.fixture
def run(warehouse, tmp_path):
    """Run the text of a function `made` as the table `made`; gives its columns and rows, and leaves the table."""

    def go(text, *inputs, fingerprint=str(tmp_path)):
        path = tmp_path / FILE
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("made_by_test", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function = Function(FILE, "made", tuple(Input(name, name.replace("__", "."), form) for name, form in inputs))
        table = Table("made", function=function, fingerprint=fingerprint)
        txn = warehouse.engine.begin()
        try:
            staged = compute(table, warehouse.engine.relations(), txn, lambda function: module.made)
        except BaseException:
            txn.rollback()
            raise
        assert staged.rows == txn.read(Query(f"select count(*) from {staged.name}")).fetch()[0][0]
        txn.apply(txn.run(Found("made", staged.name, staged.schema, fingerprint)))
        warehouse.commit(txn)
        return staged.schema.types, warehouse.rows("select * from made")

    return go


# ── what goes in ────────────────────────────────────────────────────────────────────────────────────────

FORMS = ["arrow", "polars", "pandas", "relation", "batches"]
BACK = {
    "arrow": "return spend",
    "polars": "assert isinstance(spend, pl.DataFrame); return spend",
    "pandas": "assert isinstance(spend, pd.DataFrame); return spend",
    "relation": "return spend.filter('n is null or n > 0')",
    "batches": "assert iter(spend) is spend; return spend",
}


@pytest.mark.parametrize("form", FORMS)
def test_an_input_comes_in_the_form_that_is_asked_for_and_may_go_out_again(run, warehouse, form):
    warehouse.build(
        "spend",
        "from (values (1, 9007199254740993, true, 1.10::decimal(18,2), date '2024-01-01',"
        " timestamptz '2024-01-01 12:00+02', 'é', 1.5::double),"
        " (2, null, null, null, null, null, null, null)) t(id, n, b, d, day, seen, s, f)",
    )
    types, rows = run(f"def made(spend):\n    {BACK[form]}", ("spend", form))
    assert types["n"] == "bigint"
    assert types["b"] == "boolean"
    assert types["seen"] == "timestamptz"
    at = datetime(2024, 1, 1, 10, tzinfo=UTC)
    assert rows[0] == (1, 9007199254740993, True, Decimal("1.10"), date(2024, 1, 1), at, "é", 1.5)
    assert rows[1][:7] == (2, None, None, None, None, None, None)


@pytest.mark.parametrize("form", ["arrow", "polars", "pandas", "batches"])
def test_types_that_other_libraries_lack_come_as_the_nearest_that_says_the_same(run, warehouse, form):
    warehouse.build(
        "spend",
        "select sum(range) as n, uuid '11111111-1111-1111-1111-111111111111' as u, '{\"a\":1}'::json as j,"
        " [true, null] as flags, {'b': true} as s from range(5)",
    )
    types, rows = run("def made(spend):\n    return spend", ("spend", form))
    assert rows[0][:3] == (10, "11111111-1111-1111-1111-111111111111", '{"a":1}')
    assert list(rows[0][3]) == [True, None]
    assert rows[0][4] == {"b": True}
    assert (types["n"], types["u"], types["j"]) == ("bigint", "varchar", "varchar")


def test_a_number_beyond_64_bits_is_an_error_and_never_rounded(run, warehouse):
    warehouse.build("spend", "select 9223372036854775808::hugeint as n")
    with pytest.raises(RunError, match="9223372036854775808"):
        run("def made(spend):\n    return spend", ("spend", "polars"))


def test_an_interval_reaches_polars_as_text(run, warehouse):
    warehouse.build("spend", "select interval '1 day' as i")
    assert run("def made(spend):\n    return spend", ("spend", "polars"))[1] == [("1 day",)]


def test_several_inputs_and_schemas(run, warehouse):
    warehouse.build("raw.orders", "select 1 as id union all select 2")
    warehouse.build("order", "select 'x' as name")
    text = "def made(raw__orders, order):\n    return [{'n': raw__orders.num_rows, 'm': order.num_rows}]"
    assert run(text, ("raw__orders", "arrow"), ("order", "arrow"))[1] == [(2, 1)]


def test_two_relations_can_be_joined_by_the_function(run, warehouse):
    warehouse.build("a", "select range as id from range(5)")
    warehouse.build("b", "select range as id from range(3, 9)")
    text = "def made(a, b):\n    return a.join(b, 'id')"
    assert sorted(run(text, ("a", "relation"), ("b", "relation"))[1]) == [(3,), (4,)]


def test_an_input_shows_what_this_very_transaction_made_of_it(warehouse, tmp_path):
    warehouse.build("spend", "select 1 as id")
    txn = warehouse.engine.begin()
    relation = txn.apply(warehouse.compared(txn, "spend", "select 1 as id union all select 2"))
    function = Function(FILE, "made", (Input("spend", "spend", "arrow"),))
    relations = {**warehouse.engine.relations(), "spend": relation}
    staged = compute(Table("made", function=function), relations, txn, lambda function: lambda spend: spend)
    assert staged.rows == 2
    txn.rollback()


def test_a_large_input_and_output_come_through(run, warehouse):
    warehouse.build("spend", "select range as id from range(300000)")
    text = "def made(spend):\n    for batch in spend:\n        yield batch"
    _, rows = run(text, ("spend", "batches"))
    assert len(rows) == 300000


@pytest.mark.parametrize(("form", "module"), [("polars", "polars"), ("pandas", "pandas"), ("pandas", "pyarrow")])
def test_a_missing_library_is_named_with_the_line_that_installs_it(run, warehouse, monkeypatch, form, module):
    warehouse.build("spend", "select 1 as id")
    text = "def made(spend):\n    return spend"
    run(text, ("spend", "arrow"))
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sys.modules[__name__], "HEAD", "")
    with pytest.raises(UnsupportedError, match=f"pip install 'penstock\\[{form}\\]'"):
        run(text, ("spend", form))


# ── what comes out ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "made",
    [
        "[{'a': 1, 'b': 'x'}, {'a': 2, 'b': None}]",
        "({'a': n, 'b': b} for n, b in [(1, 'x'), (2, None)])",
        "({'a': 1, 'b': 'x'}, {'a': 2})",
        "pl.DataFrame({'a': [1, 2], 'b': ['x', None]})",
        "pl.LazyFrame({'a': [1, 2], 'b': ['x', None]})",
        "pd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
        "pd.DataFrame({'a': [1, 2], 'b': ['x', None]}, index=[7, 8])",
        "pd.DataFrame({'a': [1, 2], 'b': ['x', None]}).set_index('a')",
        "pa.table({'a': [1, 2], 'b': ['x', None]})",
        "pa.record_batch({'a': [1, 2], 'b': ['x', None]})",
        "pa.table({'a': [1, 2], 'b': ['x', None]}).to_reader()",
        "arro3.core.Table(pa.table({'a': [1, 2], 'b': ['x', None]}))",
        "[pl.DataFrame({'a': [1], 'b': ['x']}), pl.DataFrame({'a': [2], 'b': ['']}).with_columns(b=None)]",
        "(pa.record_batch({'a': [n], 'b': pa.array([b], pa.string())}) for n, b in [(1, 'x'), (2, None)])",
    ],
)
def test_rows_come_out_in_any_form(run, made):
    types, rows = run(f"def made():\n    return {made}")
    assert types == {"a": "bigint", "b": "varchar"}
    assert rows == [(1, "x"), (2, None)]


def test_values_in_dicts_keep_their_exact_types(run):
    types, rows = run(
        "def made():\n"
        "    import uuid\n"
        "    return [{'n': 2**70, 'd': Decimal('0.10'), 'at': datetime.datetime(2024, 1, 1, tzinfo=UTC),\n"
        "             'local': datetime.datetime(2024, 1, 1), 'day': date(2024, 1, 1), 'ok': True,\n"
        "             'raw': bytes([0, 255, 92]), 'nan': float('nan'), 'u': uuid.UUID(int=1), 'list': [1, None],\n"
        "             'deep': {'x': [{'y': b'z'}]}, 'for': timedelta(days=1, microseconds=5), 'none': None}]"
    )
    assert types == {
        "n": "hugeint", "d": "decimal(18,2)", "at": "timestamptz", "local": "timestamp", "day": "date", "ok": "boolean",
        "raw": "blob", "nan": "double", "u": "uuid", "list": "bigint[]", "deep": "struct(x struct(y blob)[])",
        "for": "interval", "none": "varchar",
    }  # fmt: skip
    row = dict(zip(types, rows[0], strict=True))
    assert row["n"] == 2**70
    assert row["d"] == Decimal("0.10")
    assert row["at"] == datetime(2024, 1, 1, tzinfo=UTC)
    assert row["raw"] == b"\x00\xff\\"
    assert row["nan"] != row["nan"]
    assert row["u"] == UUID(int=1)
    assert row["deep"] == {"x": [{"y": b"z"}]}


def test_more_rows_than_one_part_have_one_type(run):
    text = "def made():\n    for n in range(25_000):\n        yield {'n': n if n < 24_999 else 0.5}"
    types, rows = run(text)
    assert types == {"n": "double"}
    assert len(rows) == 25_000


def test_an_empty_list_has_the_columns_the_table_had(run):
    run("def made():\n    return [{'a': 1, 'b': [1.5]}]")
    assert run("def made():\n    return []") == ({"a": "bigint", "b": "double[]"}, [])


def test_columns_keep_their_types_while_the_definition_is_the_same(run):
    run("def made():\n    return [{'a': 1.5, 'b': 1}]")
    assert run("def made():\n    return [{'a': 1, 'b': None}]")[0] == {"a": "double", "b": "bigint"}
    assert run("def made():\n    return pl.DataFrame({'a': [1.0], 'b': [None]})")[0] == {"a": "double", "b": "varchar"}
    run("def made():\n    return [{'a': 1.5, 'b': 1}]")
    assert run("def made():\n    return pa.table({'a': [1.0], 'b': [None]})")[0] == {"a": "double", "b": "bigint"}
    assert run("def made():\n    return [{'a': 1}]", fingerprint="1:other")[0] == {"a": "bigint"}


def test_an_empty_frame_is_a_table_without_rows(run):
    assert run("def made():\n    return pl.DataFrame(schema={'a': pl.Int32})") == ({"a": "integer"}, [])
    assert run("def made():\n    return pd.DataFrame({'a': pd.Series([], dtype='int64')})") == ({"a": "bigint"}, [])


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("pass", "made: the function returned nothing"),
        ("return 7", "got: int"),
        ("return 'text'", "got: str"),
        ("return {'a': [1]}", "return a list of dicts"),
        ("return pl.Series('a', [1])", "item 1 is not a table"),
        ("return pd.Series([1])", "item 1 is not a table"),
        ("return [1, 2]", "item 1 is not a table"),
        ("return [{'a': 1}, 2]", "row 2 is of type int, not a dict"),
        ("return []", "its columns are not known"),
        ("return iter([])", "its columns are not known"),
        ("return [{}]", "without columns"),
        ("return pl.DataFrame({})", "without columns"),
        ("return pa.table({})", "without columns"),
        ("return [{'a': 1}, {'a': 'x'}]", r"column 'a' holds integer \(row 1\) and text \(row 2\)"),
        ("return [{'a': {1, 2}}]", "of type set has no type"),
        ("return [{'a': 1, 'A': 2}]", "differ only in case"),
        ("return pa.table([[1], [2]], names=['a', 'A'])", "two columns are named 'A'"),
        ("return pa.table([[1]], names=[''])", "a column has no name"),
        ("return [pa.table({'a': [1]}), pa.table({'b': [1]})]", "item 2 has other columns than the first"),
        ("return pd.DataFrame({'a': [1, 'x']})", "ArrowInvalid"),
        ("return [{'a': '\\ud800'}]", "half of a surrogate pair"),
    ],
)
def test_what_is_no_table_is_one_clear_error(run, body, words):
    with pytest.raises(RunError, match=words) as caught:
        run(f"def made():\n    {body}")
    assert str(caught.value).startswith("tables/made.py:")


@pytest.mark.parametrize(
    "made", ["[{'_rid': 1}]", "pl.DataFrame({'_SEQ': [1]})", "pa.table({'a': [1], '_gone': [1]})", "[{'_part': 'x'}]"]
)
def test_a_column_name_that_is_reserved_is_refused(run, made):
    with pytest.raises(PlanError, match="is reserved"):
        run(f"def made():\n    return {made}")


def test_rows_that_cannot_be_read_back_are_an_error_and_no_endless_repetition():
    class Refusing:
        def stage(self, batch, shape, partition):
            assert b"".join(batch.rows.chunks) == b'{"a":1}\n'
            raise Replay

    table = Table("made", function=Function(FILE, "made"))
    with pytest.raises(FatalError, match="could not be read back"):
        compute(table, {}, Refusing(), lambda function: lambda: [{"a": 1}])


def test_an_async_function_is_refused(run):
    with pytest.raises(RunError, match="cannot be async"):
        run("async def made():\n    return []")


def line_of(text, part):
    return (HEAD + text).splitlines().index(part) + 1


def test_an_exception_is_said_with_the_users_own_line(run):
    text = "def half(x):\n    return x / 0\n\ndef made():\n    return [{'a': half(1)}]"
    with pytest.raises(RunError) as caught:
        run(text)
    place = f"tables/made.py:{line_of(text, '    return x / 0')}"
    assert str(caught.value) == f"{place}: made: ZeroDivisionError: division by zero"


def test_an_exception_deep_in_a_library_points_to_the_users_line_that_called_it(run):
    text = "def made():\n    return pl.DataFrame({'a': [1]}).select('b')"
    with pytest.raises(RunError, match="ColumnNotFoundError") as caught:
        run(text)
    assert caught.value.where.line == line_of(text, "    return pl.DataFrame({'a': [1]}).select('b')")


def test_an_exception_after_some_rows_is_said_with_its_line(run):
    text = "def made():\n    yield {'a': 1}\n    raise ValueError('out of rows')"
    with pytest.raises(RunError, match="ValueError: out of rows") as caught:
        run(text)
    assert caught.value.where.line == line_of(text, "    raise ValueError('out of rows')")


def test_an_exception_in_a_module_of_the_project_points_into_it(run, tmp_path, monkeypatch):
    (tmp_path / "lib_of_test.py").write_text("def go():\n    raise KeyError('x')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RunError) as caught:
        run("import lib_of_test\ndef made():\n    return lib_of_test.go()")
    assert str(caught.value.where) == "lib_of_test.py:2"


def test_a_function_that_exits_is_an_error_and_not_the_end_of_penstock(run):
    with pytest.raises(RunError, match="SystemExit: 3"):
        run("def made():\n    raise SystemExit(3)")


def test_ctrl_c_passes(run):
    with pytest.raises(KeyboardInterrupt):
        run("def made():\n    raise KeyboardInterrupt")


def test_an_error_of_ours_that_the_function_raises_keeps_its_kind(run):
    with pytest.raises(RetryableError, match="later"):
        run("from penstock.base.errors import RetryableError\ndef made():\n    raise RetryableError('later')")


def test_a_library_that_the_function_lacks_is_named(run):
    with pytest.raises(RunError, match="pip install nosuchlibrary"):
        run("def made():\n    import nosuchlibrary.part")


def test_a_traceback_is_never_part_of_the_message(run):
    with pytest.raises(RunError) as caught:
        run("def made():\n    raise ValueError('a')")
    assert "Traceback" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
