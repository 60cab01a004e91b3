"""When two results are the same: as multisets, types exact, floats up to what the order of adding does."""

import pytest

from penstock.model.relation import Query
from penstock.refresh.compare import comparing, difference


@pytest.fixture
def compare(shared_warehouse):
    def compared(wanted, stored, limit=5):
        engine = shared_warehouse.engine
        rows = engine.read(Query(wanted))
        schema = rows.schema
        rows.close()
        found = engine.read(comparing(Query(wanted), Query(stored), schema, limit))
        return difference(found, schema.names, limit)

    return compared


def values(*rows, columns="a, b"):
    return f"select * from (values {', '.join(rows)}) as t({columns})"


def test_the_same_rows_in_another_order_are_the_same(compare):
    assert compare(values("(1, 'x')", "(2, null)"), values("(2, null)", "(1, 'x')")).same


def test_a_row_that_is_there_twice_is_not_the_same_as_once(compare):
    found = compare(values("(1, 'x')", "(1, 'x')", "(1, 'x')"), values("(1, 'x')"))
    assert (found.missing, found.extra) == (2, 0)
    assert found.missing_rows == ({"a": 1, "b": "x"}, {"a": 1, "b": "x"})


def test_missing_and_extra_rows_are_told_apart_and_shown(compare):
    found = compare(values("(1, 'x')", "(2, 'y')"), values("(1, 'x')", "(2, 'z')", "(null, null)"))
    assert (found.missing, found.extra) == (1, 2)
    assert found.missing_rows == ({"a": 2, "b": "y"},)
    assert found.extra_rows == ({"a": 2, "b": "z"}, {"a": None, "b": None})


def test_no_more_rows_are_shown_than_are_asked_for(compare):
    found = compare("select i as a from range(100) t(i)", "select -1::bigint as a", limit=3)
    assert (found.missing, found.extra) == (100, 1)
    assert len(found.missing_rows) == 3


NEAR = {
    "sums in another order": ("0.1 + 0.2", "0.3", True),
    "a sum that cancels out beside large ones": ("1e-9", "0", True),
    "a part in a million": ("1.000001", "1", False),
    "null and nought": ("null", "0", False),
    "not a number and itself": ("'nan'", "'nan'", True),
    "not a number and a number": ("'nan'", "1", False),
    "infinities": ("'inf'", "'-inf'", False),
    "infinity and a large number": ("'inf'", "1e308", False),
}


@pytest.mark.parametrize("name", NEAR)
def test_floats(compare, name):
    one, other, same = NEAR[name]
    rows = "union all select 9, 1e6::double"
    wanted, stored = (f"select 1 as a, ({value})::double as b {rows}" for value in (one, other))
    assert compare(wanted, stored).same is same


def test_rows_that_differ_in_floats_alone_are_paired_whatever_their_order(compare):
    """What sorts first by a float that was rounded otherwise must not be paired with another row."""
    wanted = "select 1 as k, 0.3::double as a, 5::double as b union all select 1, 0.1::double + 0.2::double, 1"
    stored = "select 1 as k, 0.1::double + 0.2::double as a, 5::double as b union all select 1, 0.3::double, 1"
    assert compare(wanted, stored).same


def test_a_wrong_float_among_equal_rows_is_found(compare):
    wanted = "select 1 as k, i::double as a from range(5) t(i)"
    stored = "select 1 as k, case when i = 3 then 3.5 else i end::double as a from range(5) t(i)"
    found = compare(wanted, stored)
    assert (found.missing, found.extra) == (1, 1)
    assert found.missing_rows == ({"k": 1, "a": 3.0},)


def test_a_table_of_floats_alone_can_be_compared(compare):
    assert compare("select 0.1::double + 0.2::double as a", "select 0.3::double as a").same
    assert not compare("select 0.1::double as a", "select 0.3::double as a").same


def test_floats_within_lists_and_structs_are_compared_in_single_precision(compare):
    wanted = "select [0.1::double + 0.2::double] as a, {'x': 1e300::double} as b"
    assert compare(wanted, "select [0.3::double] as a, {'x': 1e300::double} as b").same
    assert not compare(wanted, "select [0.31::double] as a, {'x': 1e300::double} as b").same


def test_other_types_are_compared_exactly(compare):
    kinds = "1.10::decimal(9,2) as a, 'é' as b, '2024-01-01 10:00+00'::timestamptz as c, [1, null] as d, 'a'::blob as e"
    assert compare(f"select {kinds}", f"select {kinds}").same
    assert not compare(f"select {kinds}", f"select {kinds.replace('1.10', '1.11')}").same
    assert not compare(f"select {kinds}", f"select {kinds.replace('[1, null]', '[1]')}").same
