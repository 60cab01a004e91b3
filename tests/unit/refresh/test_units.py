"""Unit tests of tables: what is right passes, what differs is listed, and a test never leans on another."""

from datetime import date, datetime
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.errors import Place
from penstock.engines.duck import open_engine
from penstock.model.project import Project
from penstock.model.schema import Schema
from penstock.model.source import Connection, RawTable
from penstock.model.table import Function, Input, Table
from penstock.model.unit import UnitTest
from penstock.refresh.units import _paired, run_units

WHERE = Place("tests/spend.toml", 4)
SPEND = """
select customer_id, sum(amount) as spend, count(*) as orders, max(day) as last_day
from raw.orders
where status <> 'cancelled'
group by customer_id
"""


@pytest.fixture(scope="module")
def engine():
    opened = open_engine(":memory:")
    yield opened
    opened.close()


@pytest.fixture
def go(engine):
    class Lent:
        """The module's engine, which a run of tests may not close."""

        def begin(self):
            return engine.begin()

        def close(self):
            pass

    def run(unit, *, sql=SPEND, parents=("raw.orders",), raw=(), schemas=None, table=None, load=None):
        table = table or Table("spend", sql=sql, parents=parents, where=Place("tables/spend.sql"))
        project = Project(
            "shop", ".", raw={one.name: one for one in raw}, tables={table.name: table}, order=(table.name,)
        )
        before = engine.version, dict(engine.relations())
        (outcome,) = run_units(project, [unit], Lent, load, schemas=schemas)
        assert (engine.version, dict(engine.relations())) == before
        return outcome

    return run


def unit(rows, expect, name="raw.orders", table="spend"):
    return UnitTest("a test", table, {name: tuple(rows)}, tuple(expect), WHERE)


ORDERS = [
    {"customer_id": 1, "amount": "10.50", "status": "paid", "day": date(2024, 1, 1)},
    {"customer_id": 1, "amount": "1.25", "status": "paid", "day": date(2024, 1, 3)},
    {"customer_id": 2, "amount": "7.00", "status": "cancelled", "day": date(2024, 1, 2)},
]


# ── what passes and what does not ───────────────────────────────────────────────────────────────────────


def test_a_table_that_is_what_was_expected_passes(go):
    outcome = go(unit(ORDERS, [{"customer_id": 1, "spend": "11.75", "orders": 2, "last_day": date(2024, 1, 3)}]))
    assert (outcome.passed, outcome.missing, outcome.unexpected, outcome.error) == (True, (), (), None)
    assert (outcome.name, outcome.table) == ("a test", "spend")
    assert outcome.seconds > 0


def test_columns_that_are_not_named_are_not_compared(go):
    assert go(unit(ORDERS, [{"orders": 2}])).passed


def test_each_row_is_compared_on_the_columns_that_it_names(go):
    rows = [{"customer_id": n, "amount": 1.0, "status": "x", "day": date(2024, 1, n)} for n in (1, 2)]
    assert go(unit(rows, [{"customer_id": 2, "spend": 1.0}, {"last_day": date(2024, 1, 1)}])).passed


def test_differences_are_listed_with_the_columns_that_were_named(go):
    outcome = go(unit(ORDERS, [{"customer_id": 1, "spend": "12.00"}, {"customer_id": 3, "spend": "0.00"}]))
    assert not outcome.passed
    assert outcome.missing == ({"customer_id": 1, "spend": "12.00"}, {"customer_id": 3, "spend": "0.00"})
    assert outcome.unexpected == ({"customer_id": 1, "spend": "11.75"},)


def test_rows_are_counted(go):
    twice = {"customer_id": 1, "amount": 1, "status": "paid", "day": None}
    sql = "select customer_id from raw.orders"
    assert go(unit([twice, twice], [{"customer_id": 1}] * 2), sql=sql).passed
    outcome = go(unit([twice, twice], [{"customer_id": 1}]), sql=sql)
    assert outcome.unexpected == ({"customer_id": 1},)
    outcome = go(unit([twice], [{"customer_id": 1}] * 3), sql=sql)
    assert outcome.missing == ({"customer_id": 1},) * 2


def test_no_rows_may_be_expected(go):
    assert go(unit(ORDERS[2:], [])).passed
    outcome = go(unit(ORDERS[:1], []))
    assert outcome.unexpected == ({"customer_id": 1, "spend": "10.50", "orders": 1, "last_day": "2024-01-01"},)


def test_nulls_are_equal_to_nulls_only(go):
    rows = [{"customer_id": 1, "amount": None, "status": "x", "day": None}]
    schemas = {"raw.orders": Schema.of([("amount", "decimal(9,2)"), ("day", "date")])}
    assert go(unit(rows, [{"customer_id": 1, "spend": None, "last_day": None}]), schemas=schemas).passed
    assert not go(unit(rows, [{"customer_id": 1, "spend": 0}]), schemas=schemas).passed


@pytest.mark.parametrize(
    ("value", "kind", "expected", "passes"),
    [
        ("1.5", "double", 1.5000000000001, True),
        ("1.5", "double", 1.5001, False),
        ("0.1 + 0.2", "double", 0.3, True),
        ("'nan'", "double", float("nan"), True),
        ("10", "bigint", 10.0, True),
        ("10", "bigint", 10.4, False),
        ("10", "bigint", "10", True),
        ("10", "bigint", "ten", False),
        ("18.4", "decimal(18,2)", "18.4", True),
        ("18.4", "decimal(18,2)", "18.40", True),
        ("18.4", "decimal(18,2)", 18.4, True),
        ("18.4", "decimal(18,2)", "18.404", False),
        ("18.4", "decimal(18,2)", 18.404, False),
        ("true", "boolean", True, True),
        ("true", "boolean", 2, False),
        ("'x'", "varchar", "x", True),
        ("'7'", "varchar", 7, True),
        ("'2024-01-01'", "date", date(2024, 1, 1), True),
        ("'2024-01-01'", "date", "2024-01-01", True),
        ("'2024-01-01'", "date", datetime(2024, 1, 1, 9), False),  # noqa: DTZ001
        ("'2024-01-01 00:00'", "timestamp", date(2024, 1, 1), True),
        ("'2024-01-01 00:00'", "timestamptz", datetime(2024, 1, 1), True),  # noqa: DTZ001
        ("[1, 2]", "bigint[]", [1, 2], True),
        ("[1, 2]", "bigint[]", [2, 1], False),
        ("{'a': 1.5}", "struct(a double)", {"a": 1.5}, True),
        ("'00000000-0000-0000-0000-000000000001'", "uuid", "00000000-0000-0000-0000-000000000001", True),
    ],
)
def test_values_are_compared_as_the_table_has_them_and_never_rounded_into_place(go, value, kind, expected, passes):
    sql = f"select cast({value} as {kind}) as v from raw.orders"
    outcome = go(unit([{"id": 1}], [{"v": expected}]), sql=sql)
    assert outcome.error is None
    assert outcome.passed is passes


def test_one_row_that_never_fits_does_not_hide_the_others(go):
    sql = "select id from raw.orders"
    outcome = go(unit([{"id": 1}, {"id": 2}], [{"id": "no number"}, {"id": "2"}]), sql=sql)
    assert outcome.missing == ({"id": "no number"},)
    assert outcome.unexpected == ({"id": 1},)


@given(st.lists(st.sets(st.integers(0, 3)), max_size=4))
def test_as_many_rows_are_paired_as_can_be(fits):
    expected = [{"at": frozenset(one)} for one in fits]
    actual = [{"at": _Any(at)} for at in range(4)]
    best = max(
        (
            size
            for size in range(len(fits) + 1)
            for chosen in combinations(range(len(fits)), size)
            for places in permutations(range(4), size)
            if all(place in fits[one] for one, place in zip(chosen, places, strict=True))
        ),
        default=0,
    )
    pairs = _paired(expected, actual)
    assert len(pairs) == best
    assert len(set(pairs.values())) == len(pairs)
    assert all(at in fits[want] for want, at in pairs.items())


class _Any:
    """A value that is equal to any set that its number is in."""

    __hash__ = None

    def __init__(self, at):
        self.at = at

    def __eq__(self, other):
        return self.at in other


# ── what is given ───────────────────────────────────────────────────────────────────────────────────────


def test_given_values_have_the_types_that_the_warehouse_or_the_declaration_knows(go):
    sql = "select typeof(amount) as amount, typeof(id) as id, typeof(more) as more, typeof(day) as day from raw.orders"
    rows = [{"amount": "1.50", "id": 7, "day": date(2024, 1, 1)}]
    declared = RawTable(
        "raw.orders", Connection("c", "memory"), columns=Schema.of([("id", "varchar"), ("more", "uuid")])
    )
    expect = [{"amount": "DECIMAL(38,2)", "id": "VARCHAR", "more": "UUID", "day": "DATE"}]
    assert go(unit(rows, expect), sql=sql, raw=[declared]).passed
    known = {"raw.orders": Schema.of([("amount", "double"), ("id", "integer"), ("more", "date"), ("day", "timestamp")])}
    expect = [{"amount": "DOUBLE", "id": "INTEGER", "more": "DATE", "day": "TIMESTAMP"}]
    assert go(unit(rows, expect), sql=sql, raw=[declared], schemas=known).passed


def test_a_text_that_only_looks_like_a_decimal_in_some_rows_stays_text(go):
    sql = "select typeof(amount) as t from raw.orders"
    rows = [{"amount": "1.50"}, {"amount": "1,50"}]
    assert go(unit(rows, [{"t": "VARCHAR"}] * 2), sql=sql).passed


def test_an_input_without_rows_is_empty_where_its_columns_are_known(go):
    schemas = {
        "raw.orders": Schema.of(
            [("customer_id", "bigint"), ("amount", "double"), ("status", "varchar"), ("day", "date")]
        )
    }
    assert go(unit([], []), schemas=schemas).passed
    assert go(UnitTest("a test", "spend", {}, ()), schemas=schemas).passed
    outcome = go(unit([], []))
    assert "gives no rows for 'raw.orders', and the columns of that are not known" in outcome.error["subject"]
    assert outcome.error["where"] == "tests/spend.toml:4"


def test_several_inputs_are_joined(go):
    sql = "select o.id, c.name from raw.orders o join raw.customers c on c.id = o.customer"
    given = {"raw.orders": ({"id": 1, "customer": 7},), "raw.customers": ({"id": 7, "name": "ada"},)}
    test = UnitTest("a test", "spend", given, ({"id": 1, "name": "ada"},))
    assert go(test, sql=sql, parents=("raw.orders", "raw.customers")).passed


# ── what goes wrong ─────────────────────────────────────────────────────────────────────────────────────


def test_a_query_that_does_not_bind_is_that_tests_error_in_the_tables_own_file(go):
    outcome = go(unit([{"customer_id": 1}], []))
    assert not outcome.passed
    assert outcome.error["error"] == "PlanError"
    assert outcome.error["file"] == "tables/spend.sql"


def test_an_unknown_column_that_is_expected_is_named(go):
    outcome = go(unit(ORDERS, [{"spent": 1}]))
    assert outcome.error["subject"] == "test 'a test': 'spend' has no column 'spent'"
    assert outcome.error["hint"] == "did you mean 'spend'?"


def test_a_given_column_that_is_mistyped_is_named(go):
    known = {"raw.orders": Schema.of([("id", "integer"), ("amount", "double")])}
    outcome = go(unit([{"id": 1, "amuont": 2.0}], []), sql="select id, amount from raw.orders", schemas=known)
    assert outcome.error["subject"] == "test 'a test': 'raw.orders' has no column 'amuont'"
    assert outcome.error["hint"] == "did you mean 'amount'?"


def test_a_given_column_that_is_yet_to_come_is_taken(go):
    known = {"raw.orders": Schema.of([("id", "integer"), ("amount", "double")])}
    assert go(
        unit([{"id": 1, "amount_eur": 2}], [{"e": 2}]), sql="select amount_eur as e from raw.orders", schemas=known
    ).passed


def test_a_given_value_that_is_not_of_its_type_is_an_error(go):
    known = {"raw.orders": Schema.of([("id", "integer")])}
    outcome = go(unit([{"id": "x"}], []), sql="select id from raw.orders", schemas=known)
    assert "'x'" in outcome.error["subject"]


def test_given_rows_that_contradict_each_other_are_an_error(go):
    outcome = go(unit([{"id": 1}, {"id": "x"}], []), sql="select id from raw.orders")
    assert "the rows of 'raw.orders': column 'id' holds integer (row 1) and text (row 2)" in outcome.error["subject"]


def test_an_error_in_one_test_leaves_the_next_alone(engine):
    project = Project("shop", ".", tables={"spend": Table("spend", sql=SPEND, parents=("raw.orders",))})
    units = [
        unit([{"x": 1}], []),
        unit(ORDERS, [{"spend": "11.75"}]),
        UnitTest("gone", "nowhere"),
        unit(ORDERS, [{"spend": "11.75"}]),
    ]
    outcomes = run_units(project, units, lambda: open_engine(":memory:"), None)
    assert [outcome.passed for outcome in outcomes] == [False, True, False, True]


def test_no_engine_is_opened_where_there_are_no_tests():
    assert run_units(Project("shop", "."), [], lambda: pytest.fail("opened"), None) == []


# ── Python tables ───────────────────────────────────────────────────────────────────────────────────────


def python_table():
    function = Function("tables/made.py", "made", (Input("orders", "raw.orders", "arrow"),))
    return Table("spend", function=function, parents=("raw.orders",))


def test_a_python_table_is_tested_the_same_way(go):
    def made(orders):
        return [{"n": orders.num_rows, "total": sum(orders.column("amount").to_pylist())}]

    test = unit([{"amount": 1}, {"amount": 2}], [{"n": 2, "total": 3}])
    assert go(test, table=python_table(), load=lambda function: made).passed


def test_a_python_table_that_returns_no_rows_may_be_expected_to(go):
    test = unit([{"amount": 1}], [])
    assert go(test, table=python_table(), load=lambda function: lambda orders: []).passed
    test = unit([{"amount": 1}], [{"n": 1}])
    outcome = go(test, table=python_table(), load=lambda function: lambda orders: [])
    assert (outcome.passed, outcome.missing) == (False, ({"n": 1},))


def test_an_exception_in_a_python_table_is_that_tests_error(go):
    def made(orders):
        raise KeyError("x")

    outcome = go(unit([{"amount": 1}], []), table=python_table(), load=lambda function: made)
    assert outcome.error["subject"] == "spend: KeyError: 'x'"
