"""Records: every type is found exactly, and what is written as JSON lines comes back the same."""

import json
import math
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.model.records import Inference, infer, lines, parts, reading
from penstock.model.schema import Schema


def type_of(*values):
    return infer([{"a": value} for value in values]).types["a"]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def text(value):
    return "'" + value.replace("'", "''") + "'"


def ddl(kind):
    """The type as DuckDB writes it: only its name for null differs."""
    parts = re.split(r'("(?:[^"]|"")*")', kind)
    parts[::2] = [re.sub(r"\bnull\b", '"NULL"', part) for part in parts[::2]]
    return "".join(parts)


def shown(kind):
    return ddl(kind).replace("timestamptz", "timestamp")


def through_duckdb(path, records):
    """The records as DuckDB reads them back, instants as UTC without a zone."""
    path.write_bytes(lines(records))
    schema = infer(records)
    read = ", ".join(f"{text(c.name)}: {text(ddl(c.type))}" for c in reading(schema))
    select = ", ".join(f"cast(cast({quoted(c.name)} as {ddl(c.type)}) as {shown(c.type)})" for c in schema)
    with duckdb.connect() as db:
        db.execute("set timezone = 'UTC'")
        rows = db.execute(
            f"select {select} from read_json(?, format='newline_delimited', records=true,"
            f" maximum_object_size=10000000, columns={{{read}}})",
            [str(path)],
        ).fetchall()
    return [dict(zip(schema.names, row, strict=True)) for row in rows]


def said(value):
    """A value as a table would hold it."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, dict):
        return {key: said(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [said(part) for part in value]
    return value


def same(left, right):
    if isinstance(left, float) and isinstance(right, float):
        return (left == right and math.copysign(1, left) == math.copysign(1, right)) or (
            math.isnan(left) and math.isnan(right)
        )
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


# ── what types are found ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "boolean"),
        ([1, 2**63 - 1, -(2**63)], "bigint"),
        ([2**63], "hugeint"),
        ([-(2**63) - 1], "hugeint"),
        ([1.5], "double"),
        ([1, 1.5], "double"),
        ([Decimal("1.10")], "decimal(18,2)"),
        ([Decimal("1E+3"), Decimal("0.001")], "decimal(18,3)"),
        ([Decimal("12345678901234567.89")], "decimal(38,2)"),
        ([Decimal(1) / 8, 12], "decimal(18,3)"),
        (["x"], "varchar"),
        ([b"x"], "blob"),
        ([date(2024, 1, 1)], "date"),
        ([datetime(2024, 1, 1)], "timestamp"),  # noqa: DTZ001
        ([date(2024, 1, 1), datetime(2024, 1, 1)], "timestamp"),  # noqa: DTZ001
        ([datetime(2024, 1, 1, tzinfo=UTC)], "timestamptz"),
        ([time(1)], "time"),
        ([time(1, tzinfo=UTC)], "timetz"),
        ([timedelta(1)], "interval"),
        ([UUID(int=1)], "uuid"),
        ([None], "null"),
        ([[]], "null[]"),
        ([[1], [2**70]], "hugeint[]"),
        ([(1, None)], "bigint[]"),
        ([{}], "json"),
        ([{"x": 1}, {"y z": "a"}], 'struct("x" bigint, "y z" varchar)'),
        ([[{"x": [1.5]}]], 'struct("x" double[])[]'),
        ([StrEnum("Colour", ["RED"]).RED], "varchar"),
        ([Enum("Size", ["BIG"]).BIG], "bigint"),
        ([MappingProxyType({"order": 1})], 'struct("order" bigint)'),
        ([np.int64(1), np.float64(0.5)], "double"),
        ([np.array([1, 2])], "bigint[]"),
        ([pd.Timestamp("2024-01-01"), pd.NaT], "timestamp"),
        ([pd.NA], "null"),
        ([bytearray(b"x")], "blob"),
    ],
)
def test_a_column_gets_the_type_that_holds_all_its_values(values, kind):
    assert type_of(*values) == kind


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1, "x"], r"column 'a' holds integer \(row 1\) and text \(row 2\): make them one type"),
        ([None, True, 1], r"boolean \(row 2\) and integer \(row 3\)"),
        ([2**53 + 1, 0.5], "the float cannot hold the whole numbers"),
        ([0.5, Decimal(1)], "float .* and decimal"),
        ([datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)], "timestamp .* and timestamp with zone"),  # noqa: DTZ001
        ([2**127], "does not fit 128 bits"),
        ([Decimal("NaN")], "column 'a': NaN is no decimal number"),
        ([Decimal(10) ** 38], "need 39 digits before the point and 0 after it"),
        ([1, object()], "column 'a', row 2: <object .* of type object has no type"),
        ([{1, 2}], "of type set has no type"),
        ([{1: 2}], "column 'a': the key 1 is not text"),
        ([{"x": 1}, {"X": 1}], "column 'a': the keys 'x' and 'X' differ only in case"),
        ([[1, "x"]], r"column 'a\[\]' holds integer and text"),
        ([{"b": [{"c": 1}, {"c": "x"}]}], r"column 'a\.b\[\]\.c' holds"),
        ([np.datetime64("2024-01-01T00:00:00", "ns")], "datetime64 has no type"),
        ([pd.Timestamp(1)], "has nanoseconds"),
    ],
)
def test_what_no_type_holds_is_an_error_with_its_place(values, words):
    with pytest.raises(ValueError, match=words):
        type_of(*values)


def test_two_columns_whose_names_differ_only_in_case_are_an_error():
    with pytest.raises(ValueError, match="the rows: the keys 'id' and 'ID' differ only in case"):
        infer([{"id": 1}, {"ID": 2}])


def test_columns_stand_in_the_order_in_which_they_were_met():
    assert infer([{"b": 1}, {"a": 1, "b": 2}, {}]).names == ("b", "a")


def test_parts_are_one_column_together_and_rows_are_counted_over_them():
    found = Inference()
    found.add([{"a": 1}])
    found.add([{"a": None}, {"a": 2**64}])
    assert found.schema().types == {"a": "hugeint"}
    found.add([{"a": 1}, {"a": "x"}])
    with pytest.raises(ValueError, match=r"integer \(row 1\) and text \(row 5\)"):
        found.schema()


def test_a_column_of_nulls_has_the_type_it_had_before():
    known = Schema.of([("Seen", "date"), ("gone", "uuid")])
    assert infer([{"seen": None, "new": None}], known).types == {
        "seen": "date",
        "new": "null",
        "gone": "uuid",
    }
    assert infer([{"seen": 1}], known).types["seen"] == "bigint"
    assert infer([], known).types == known.types


@pytest.mark.parametrize(
    ("known", "value", "kind"),
    [
        ("double", 1, "double"),
        ("double", 2**53 + 1, "bigint"),
        ("hugeint", 1, "hugeint"),
        ("bigint", 1.5, "double"),
        ("decimal(18,3)", Decimal("1.10"), "decimal(18,3)"),
        ("decimal(18,2)", Decimal("1.123"), "decimal(18,3)"),
        ("timestamp", date(2024, 1, 1), "timestamp"),
        ("date", datetime(2024, 1, 1), "timestamp"),  # noqa: DTZ001
        ("varchar[]", [], "varchar[]"),
        ("struct(x bigint)", {"x": 1}, "struct(x bigint)"),
        ("varchar", 1, "bigint"),
    ],
)
def test_a_column_keeps_its_type_while_that_loses_nothing(known, value, kind):
    assert infer([{"a": value}], Schema.of([("a", known)])).types == {"a": kind}


# ── what is written ─────────────────────────────────────────────────────────────────────────────────────

SCALARS = [
    st.booleans(),
    st.integers(-(2**127), 2**127 - 1),
    st.floats(),
    st.decimals(-(10**18), 10**18, places=7),
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.binary(max_size=4),
    st.dates(),
    # DuckDB gives the last instants of year 9999 back as text where a zone moves them past it.
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)),  # noqa: DTZ001
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.timezones()),  # noqa: DTZ001
    st.times(),
    st.timedeltas(timedelta(days=-99999), timedelta(days=99999)),
    st.uuids(),
]
NAMES = st.sampled_from(["order", "null", "blob"]) | st.text("ab C\"',é[]()", min_size=1, max_size=5).filter(
    lambda n: n.strip(" ") == n
)


def distinct(names):
    return len({name.lower() for name in names}) == len(names)


@st.composite
def tables(draw):
    def column(depth):
        kind = draw(st.integers(0, len(SCALARS) + (1 if depth else -1)))
        if kind < len(SCALARS):
            return SCALARS[kind]
        if kind == len(SCALARS):
            return st.lists(st.none() | column(depth - 1), min_size=1, max_size=3)
        names = draw(st.lists(NAMES, min_size=1, max_size=2).filter(distinct))
        return st.fixed_dictionaries({name: st.none() | column(depth - 1) for name in names})

    names = draw(st.lists(NAMES, min_size=1, max_size=3).filter(distinct))
    fields = {name: column(2) for name in names}
    row = st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})
    return [draw(st.fixed_dictionaries(fields)), *draw(st.lists(row, max_size=4))]


@pytest.mark.slow
@given(records=tables())
@settings(max_examples=150)
def test_records_come_back_from_duckdb_as_they_were(tmp_path_factory, records):
    path = tmp_path_factory.getbasetemp() / "records.jsonl"
    back = through_duckdb(path, records)
    names = infer(records).names
    assert len(back) == len(records)
    for record, found in zip(records, back, strict=True):
        for name in names:
            assert same(found[name], fitted(said(record.get(name)), found[name])), (record, found)


def fitted(value, found):
    """The value with the scale that the column gave it, where it is a decimal."""
    if isinstance(value, Decimal) and isinstance(found, Decimal):
        return value.quantize(found) if value == found else value
    if isinstance(value, dict):
        return {key: fitted(part, (found or {}).get(key)) for key, part in value.items()}
    if isinstance(value, list) and isinstance(found, list) and len(value) == len(found):
        return [fitted(part, other) for part, other in zip(value, found, strict=True)]
    return value


def test_an_instant_in_local_mean_time_keeps_its_seconds(tmp_path):
    at = datetime(1890, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))  # 53 min 28 s before UTC
    assert through_duckdb(tmp_path / "a", [{"a": at}]) == [{"a": datetime(1889, 12, 31, 23, 6, 32)}]  # noqa: DTZ001


def test_instants_with_zones_are_the_same_instant(tmp_path):
    at = datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert through_duckdb(tmp_path / "a", [{"a": at}]) == [{"a": datetime(2023, 12, 31, 18, 30)}]  # noqa: DTZ001


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308])
def test_every_float_is_kept(tmp_path, value):
    back = through_duckdb(tmp_path / "a", [{"a": value, "b": [value], "c": {"d": value}}])
    assert same(back, [{"a": value, "b": [value], "c": {"d": value}}])


def test_a_subclass_of_a_plain_type_is_written_as_that_type():
    class Name(str):
        __slots__ = ()

    colour = Enum("Colour", {"RED": "red"})
    rows = [{"a": Name("x"), "b": colour.RED, "c": np.float64("nan"), "d": np.array([1, 2]), "e": pd.NaT}]
    assert json.loads(lines(rows)) == {"a": "x", "b": "red", "c": "NaN", "d": [1, 2], "e": None}


def test_plain_records_are_written_as_they_are():
    assert (
        lines([{"a": 1, "b": "é"}, {}, MappingProxyType({"a": None})]) == '{"a":1,"b":"é"}\n{}\n{"a":null}\n'.encode()
    )


@pytest.mark.parametrize("value", ["\ud800", {"x": "\udfff"}])
def test_half_a_surrogate_pair_is_an_error_that_shows_it(value):
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        lines([{"a": value}])


def test_reading_turns_a_blob_into_text_wherever_it_stands_but_not_a_name():
    schema = Schema.of([("a", "blob"), ("b", 'struct(blob blob, "x blob" bigint, c map(varchar, blob[]))')])
    assert reading(schema).types == {
        "a": "varchar",
        "b": 'struct(blob varchar, "x blob" bigint, c map(varchar, varchar[]))',
    }


def test_parts_cut_what_comes_and_name_the_row_that_is_no_dict():
    assert [len(part) for part in parts(({"a": n} for n in range(5)), size=2)] == [2, 2, 1]
    with pytest.raises(ValueError, match="row 2 is of type tuple, not a dict"):
        list(parts([{"a": 1}, (1,)]))
