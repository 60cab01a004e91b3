"""What comes in: types exact, what does not fit set aside with its place, nothing lost, nothing half done."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from penstock.base.errors import FatalError, PlanError, RetryableError
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.schema import Schema
from penstock.model.shape import Shape
from penstock.protocols.source import Batch, Csv, File, Json, Kind, Lines, Scan, Time

if TYPE_CHECKING:
    from tests.unit.engines.conftest import Warehouse

REJECTS = 'select position, "row", reason from penstock.rejected order by id'


def test_a_csv_gets_the_types_that_its_values_have(warehouse: Warehouse) -> None:
    """Whole numbers, decimals as doubles, dates, instants, booleans, texts; a leading zero stays text."""
    head = b"id,price,day,at,ok,name,zip\n"
    warehouse.scan("a.csv", head + b"1,2.5,2024-01-02,2024-01-02 03:04:05,true,x,00123\n", Csv())
    assert warehouse.types("raw.t") == {
        "id": "bigint", "price": "double", "day": "date", "at": "timestamp", "ok": "boolean", "name": "varchar",
        "zip": "varchar",
    }  # fmt: skip


def test_a_fraction_late_in_a_column_of_whole_numbers_is_not_rounded(warehouse: Warehouse) -> None:
    """DuckDB's reader would load 12.5 as 13; here the column widens and both values are kept."""
    rows = b"".join(b"%d,x\n" % i for i in range(30_000))
    assert warehouse.scan("a.csv", b"n,t\n" + rows + b"12.5,y\n", Csv()) == 0
    assert warehouse.types("raw.t")["n"] == "double"
    assert warehouse.rows("select n from raw.t where t = 'y'") == [(12.5,)]
    assert warehouse.rows("select count(*) from raw.t") == [(30_001,)]


def test_a_text_late_in_a_column_of_whole_numbers_is_rejected_with_its_line(warehouse: Warehouse) -> None:
    """All other rows load, as numbers."""
    rows = b"".join(b"%d,x\n" % i for i in range(30_000))
    assert warehouse.scan("a.csv", b"n,t\n" + rows + b"oops,y\n007,z\n", Csv()) == 2
    assert warehouse.types("raw.t")["n"] == "bigint"
    found = warehouse.rows(REJECTS)
    assert [(place, row) for place, row, _ in found] == [("a.csv:30002", "oops,y"), ("a.csv:30003", "007,z")]
    assert '"oops" is no bigint' in found[0][2]


def test_a_fraction_in_a_table_of_whole_numbers_is_rejected(warehouse: Warehouse) -> None:
    """The table's type stands: what would lose is not loaded."""
    warehouse.scan("a.csv", b"n\n1\n2\n", Csv())
    assert warehouse.scan("b.csv", b"n\n3\n4.5\n", Csv()) == 1
    assert warehouse.rows("select n from raw.t order by n") == [(1,), (2,), (3,)]
    assert warehouse.rows(REJECTS)[0][1] == "4.5"


def test_a_declared_decimal_is_exact_or_rejected(warehouse: Warehouse) -> None:
    """A value with more digits than declared is not rounded."""
    form = Csv(types={"a": "decimal(18,2)"})
    assert warehouse.scan("a.csv", b"a\n0.10\n12345678901234.56\n1.005\n", form) == 1
    assert warehouse.rows("select a from raw.t order by a") == [(Decimal("0.10"),), (Decimal("12345678901234.56"),)]


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"\xef\xbb\xbfa,b\n"])
def test_an_empty_file_and_a_header_alone_load_no_rows(warehouse: Warehouse, content: bytes) -> None:
    """And the position is kept."""
    assert warehouse.scan("a.csv", content, Csv()) == 0
    assert warehouse.engine.positions("raw.t") == {"a.csv": {"at": 1}}
    assert warehouse.engine.relations().get("raw.t") is None or warehouse.rows("from raw.t") == []


@pytest.mark.parametrize("content", [b"\n", b"\r\n\r\n", b"\n \n\n", b"\xef\xbb\xbf\n\n"])
@pytest.mark.parametrize("header", [None, False])
def test_blank_lines_alone_are_no_rows_of_a_column_that_nobody_named(
    warehouse: Warehouse, content: bytes, header: bool | None
) -> None:
    """They are like an empty file."""
    assert warehouse.scan("a.csv", content, Csv(header=header)) == 0
    assert warehouse.engine.positions("raw.t") == {"a.csv": {"at": 1}}
    assert "raw.t" not in warehouse.engine.relations()


def test_rows_of_another_length_and_bad_bytes_are_rejected_as_they_stand(warehouse: Warehouse) -> None:
    """Types of the good rows are those of their values."""
    assert warehouse.scan("a.csv", b"a,b\n1,x\n2\n3,y,z\n4,caf\xe9\n5,ok\n", Csv()) == 3
    assert warehouse.rows("select a, b from raw.t order by a") == [(1, "x"), (5, "ok")]
    rows = {row for _, row, _ in warehouse.rows(REJECTS)}
    assert rows == {"2", "3,y,z", "4,caf\\xe9"}


def test_a_quote_that_never_closes_stops_the_file_with_its_line(warehouse: Warehouse) -> None:
    """Nothing of the file is loaded."""
    with pytest.raises(FatalError, match="a quote that never closes") as caught:
        warehouse.scan("a.csv", b'a,b\n1,x\n2,"open\n' + b"3,y\n" * 10, Csv())
    assert str(caught.value.where) == "a.csv:3"
    assert "raw.t" not in warehouse.engine.relations()


def test_a_line_of_ten_megabytes_loads(warehouse: Warehouse) -> None:
    """Long texts are data."""
    assert warehouse.scan("a.csv", b"a,b\n1," + b"y" * 10_000_000 + b"\n2,z\n", Csv()) == 0
    assert warehouse.rows("select a, length(b) from raw.t order by a") == [(1, 10_000_000), (2, 1)]


def test_a_truncated_gzip_is_one_clear_error(warehouse: Warehouse) -> None:
    """It names the file."""
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 200_000)
    file = warehouse.file("a.csv.gz", whole[: len(whole) // 2], "gzip")
    with pytest.raises(FatalError, match=r"a\.csv\.gz"):
        warehouse.load(Batch(Scan((file,), Csv()), {}), "raw.t", "a.csv.gz")


def test_a_file_that_changes_while_it_is_read_is_tried_again(warehouse: Warehouse) -> None:
    """Its size is compared after the read."""
    file = warehouse.file("a.csv", b"a\n1\n")
    stale = File(file.path, file.size - 1, file.mtime_ns)
    with pytest.raises(RetryableError, match="changed while it was read"):
        warehouse.load(Batch(Scan((stale,), Csv()), {}), "raw.t", "a.csv")
    assert "raw.t" not in warehouse.engine.relations()


def test_json_lines_that_are_broken_are_rejected_with_their_line(warehouse: Warehouse) -> None:
    """The others load; a column of texts and numbers becomes text."""
    content = b'{"a":1,"b":{"c":1}}\n{"a":"x","b":null}\n{bad\n[1]\n{"a":3,"d":"2020-01-01"}\n'
    assert warehouse.scan("a.jsonl", content, Json(lines=True)) == 2
    assert warehouse.rows("select a, b.c, d::varchar from raw.t order by a") == [
        ("1", 1, None), ("3", None, "2020-01-01"), ("x", None, None),
    ]  # fmt: skip
    assert [row[:2] for row in warehouse.rows(REJECTS)] == [("a.jsonl:3", "{bad"), ("a.jsonl:4", "[1]")]


def test_a_json_value_that_does_not_fit_the_table_is_rejected(warehouse: Warehouse) -> None:
    """Its row, as it stood."""
    warehouse.scan("a.jsonl", b'{"n":1}\n', Json(lines=True))
    assert warehouse.scan("b.jsonl", b'{"n":2}\n{"n":2.5}\n{"n":"x"}\n', Json(lines=True)) == 2
    assert warehouse.rows("select n from raw.t order by n") == [(1,), (2,)]
    assert {row for _, row, _ in warehouse.rows(REJECTS)} == {'{"n":2.5}', '{"n":"x"}'}


def test_records_are_found_by_their_path(warehouse: Warehouse) -> None:
    """And a path that leads nowhere says what is there."""
    content = b'{"meta": {}, "data": {"items": [{"a": 1}, {"a": 2}]}}'
    warehouse.scan("a.json", content, Json(records="data.items"))
    assert warehouse.rows("select a from raw.t order by a") == [(1,), (2,)]
    with pytest.raises(FatalError, match="no rows at 'nope'") as caught:
        warehouse.scan("b.json", content, Json(records="nope"), "raw.u")
    assert caught.value.got == "nothing; the document has: meta, data"
    with pytest.raises(FatalError, match=r"no rows at 'data\.itms'") as caught:
        warehouse.scan("c.json", content, Json(records="data.itms"), "raw.v")
    assert (caught.value.got, caught.value.hint) == ("nothing; data has: items", "did you mean 'items'?")


def test_lines_are_cut_by_a_pattern(warehouse: Warehouse) -> None:
    """Parts are typed; blank lines pass; numbers of lines count them."""
    form = Lines(r"^(?P<day>\w+ \d+) (?P<n>\S+)$", {"n": "integer"}, {"day": Time("%Y %b %d", "2024 ")})
    rejected = warehouse.text(b"Jan 2 7\n\nJan 3 -\nJan 4 x\nbin\xff\nFoo 9 1\nnope\n", form)
    assert rejected == 4
    assert warehouse.rows("select day::varchar, n from raw.t order by day") == [
        ("2024-01-02 00:00:00", 7), ("2024-01-03 00:00:00", None),
    ]  # fmt: skip
    places = sorted(place for place, _, _ in warehouse.rows(REJECTS))
    assert places == ["text:4", "text:5", "text:6", "text:7"]


def test_new_columns_are_added_and_types_widen_on_record(warehouse: Warehouse) -> None:
    """Rows from before have null there."""
    warehouse.load(Batch(Scan((warehouse.file("a.csv", b"a\n1\n"),), Csv(types={"a": "integer"})), {}), "raw.t", "a")
    warehouse.scan("b.csv", b"a,b\n3000000000,x\n", Csv())
    assert warehouse.types("raw.t") == {"a": "bigint", "b": "varchar"}
    assert warehouse.rows("select a, b from raw.t order by a") == [(1, None), (3_000_000_000, "x")]
    assert warehouse.rows('select "column", old_type, new_type from penstock.schema_changes order by 1') == [
        ("a", "integer", "bigint"), ("b", None, "varchar"),
    ]  # fmt: skip


def test_cleaning_before_the_load_rejects_what_cannot_be_cleaned(warehouse: Warehouse) -> None:
    """With the raw row, so that it can be tried again."""
    content = b'day,amount\n03.01.2024,"1.234,50 EUR"\nnever,1\n'
    rejected = warehouse.scan(
        "a.csv", content, Csv(text=("day", "amount")), clean={"day": "date", "amount": "decimal(18,2)"}
    )
    assert rejected == 1
    assert warehouse.rows("select day::varchar, amount from raw.t") == [("2024-01-03", Decimal("1234.50"))]
    assert warehouse.rows(REJECTS)[0][1] == "never,1"


def test_a_select_transforms_before_the_load(warehouse: Warehouse) -> None:
    """A mistake in it is shown where it stands."""
    warehouse.scan("a.csv", b"a,b\n1,x\n2,\n", Csv(), select="select a * 10 as a from batch where b is not null")
    assert warehouse.rows("select a from raw.t") == [(10,)]
    with pytest.raises(PlanError, match="nope") as caught:
        warehouse.scan("b.csv", b"a\n1\n", Csv(), select="select a,\n nope from batch", file="sources/s.toml", line=7)
    assert str(caught.value.where) == "sources/s.toml:8:2"


def test_a_select_cannot_read_files(warehouse: Warehouse) -> None:
    """Users' SQL runs where nothing outside can be reached."""
    with pytest.raises(PlanError, match="disabled by configuration"):
        warehouse.scan("b.csv", b"a\n1\n", Csv(), select="select * from read_csv('/etc/passwd')")


def test_a_hidden_name_is_refused(warehouse: Warehouse) -> None:
    """The layout's own columns are not the user's."""
    with pytest.raises(PlanError, match="'_rid' is reserved"):
        warehouse.scan("a.csv", b"_rid,b\n1,2\n", Csv())


def test_a_declared_schema_types_json_exactly(warehouse: Warehouse) -> None:
    """Decimals do not pass through doubles."""
    schema = Schema.of([("id", "bigint"), ("a", "decimal(20,10)"), ("moment", "timestamptz")])
    content = b'{"id":9007199254740993,"a":"1234567890.0123456789","moment":"2024-01-02T03:04:05+02:00"}\n'
    warehouse.text(content, Json(lines=True, columns=schema))
    found = warehouse.rows("select id, a, moment::varchar from raw.t")
    assert found == [(9007199254740993, Decimal("1234567890.0123456789"), "2024-01-02 01:04:05+00")]


def test_parts_of_json_that_are_always_null_or_empty_load(warehouse: Warehouse) -> None:
    """What has no type yet is text."""
    warehouse.text(b'{"n":{"a":[1],"b":null},"l":[],"x":null}\n', Json(lines=True))
    assert warehouse.rows("select n.a, n.b, l, x from raw.t") == [([1], None, [], None)]


def test_a_column_that_held_only_nulls_takes_the_type_of_its_first_values(warehouse: Warehouse) -> None:
    """Its first type was a guess."""
    from penstock.protocols.source import Arrow

    for text in ("select 1 as a, null::varchar as b", "select 2 as a, 7::bigint as b"):
        rows = warehouse.engine.read(Query(text))
        warehouse.load(Batch(Arrow(rows), {}, schema=rows.schema), "raw.t", "")
    assert warehouse.rows("select a, b from raw.t order by a") == [(1, None), (2, 7)]


def test_cleaning_applies_to_rows_that_are_typed_already(warehouse: Warehouse) -> None:
    """They are not texts, but may hold some."""
    from penstock.protocols.source import Arrow

    rows = warehouse.engine.read(Query("select 1 as a, ' X@Example.ORG ' as b union all select 2, 'no'"))
    rejected = warehouse.load(Batch(Arrow(rows), {}, schema=rows.schema), "raw.t", "", clean={"b": "email"})
    assert rejected == 1
    assert warehouse.rows("select a, b from raw.t") == [(1, "x@example.org")]


def test_late_json_values_of_another_form_are_not_turned_into_the_first_form(warehouse: Warehouse) -> None:
    """DuckDB would read 1.5 as 2, true as 1, 1 as true and [1.5] as [2], without a word."""
    rows = b"".join(b'{"n":%d,"b":true,"l":[1],"s":{"x":1}}\n' % i for i in range(21_000))
    late = b'{"n":1.5,"b":1,"l":[1.5],"s":{"x":true}}\n'
    rejected = warehouse.text(rows + late, Json(lines=True))
    kept = warehouse.rows("select count(*) from raw.t")[0][0]
    assert rejected + kept == 21_001
    found = warehouse.rows("select n::varchar, b::varchar, l::varchar, s.x::varchar from raw.t offset 21000")
    assert found in ([], [("1.5", "1", "[1.5]", "true")])


@pytest.mark.parametrize("late", ['"2.5"', "true"])
def test_a_late_text_or_truth_value_is_not_turned_into_a_number(warehouse: Warehouse, late: str) -> None:
    """DuckDB would read "2.5" as 2.5 and true as 1.0, without a word."""
    rejected = warehouse.text(b'{"n":-1.5}\n' * 21_000 + b'{"n":%s}\n' % late.encode(), Json(lines=True))
    found = warehouse.rows("select n::varchar from raw.t offset 21000")
    assert (rejected, found) in ((1, []), (0, [(late.strip('"'),)]))
    assert warehouse.rows("select count(*) from raw.t where n::varchar = '-1.5'") == [(21_000,)]


def test_every_type_that_json_suggests_comes_over_as_it_is(warehouse: Warehouse) -> None:
    """From one DuckDB to the other."""
    values = {
        "u": '"550e8400-e29b-41d4-a716-446655440000"', "t": '"10:00:00"', "d": '"2024-01-01"',
        "h": "12345678901234567890", "z": '"2024-01-01T00:00:00Z"', "x": "1e300", "b": "true",
        "l": "[[1],[2,3]]", "s": '{"a b":1,"n\\"x":[1.5,null]}',
    }  # fmt: skip
    row = ",".join(f'"{name}":{value}' for name, value in values.items())
    warehouse.scan("a.jsonl", f"{{{row}}}\n".encode(), Json(lines=True))
    assert warehouse.types("raw.t") == {
        "u": "uuid", "t": "time", "d": "date", "h": "hugeint", "z": "timestamptz", "x": "double", "b": "boolean",
        "l": "bigint[][]", "s": 'struct("a b" bigint, "n""x" double[])',
    }  # fmt: skip


def test_a_late_name_of_json_is_a_column(warehouse: Warehouse) -> None:
    """At the top and inside."""
    rows = b'{"n":1,"s":{"x":1}}\n' * 21_000
    warehouse.text(rows + b'{"n":1,"s":{"x":2,"y":"deep"},"late":7}\n', Json(lines=True))
    assert warehouse.rows("select s.y, late from raw.t where late is not null") == [("deep", 7)]


@pytest.mark.parametrize("broken", [b"", b"{broken\n"], ids=["in one go", "value by value"])
def test_whole_numbers_of_both_signs_in_json_are_bigint(warehouse: Warehouse, broken: bytes) -> None:
    """DuckDB calls them hugeint, however small; what needs that is one, and the other columns are not."""
    rows = b'{"n":-1,"s":{"x":-1},"l":[-1,1]}\n{"n":1,"s":{"x":1},"l":[]}\n'
    warehouse.scan("a.jsonl", rows + broken, Json(lines=True))
    assert warehouse.types("raw.t") == {"n": "bigint", "s": "struct(x bigint)", "l": "bigint[]"}
    assert warehouse.rows("select n, s.x, len(l) from raw.t order by n") == [(-1, -1, 2), (1, 1, 0)]
    large = b'{"n":-1,"h":-1}\n{"n":1,"h":12345678901234567890}\n'
    warehouse.scan("b.jsonl", large + broken, Json(lines=True), "raw.u")
    assert warehouse.types("raw.u") == {"n": "bigint", "h": "hugeint"}


def test_records_of_a_json_document_have_the_types_of_its_lines(warehouse: Warehouse) -> None:
    """Of both signs, too."""
    warehouse.scan("a.json", b'{"d":[{"n":-1},{"n":1}]}', Json(records="d"))
    assert warehouse.types("raw.t") == {"n": "bigint"}


@pytest.mark.parametrize("broken", [b"", b"{broken\n"], ids=["in one go", "value by value"])
def test_whole_numbers_beyond_64_bits_in_json_lose_no_digit(warehouse: Warehouse, broken: bytes) -> None:
    """DuckDB reads them as doubles; beyond 128 bits they are texts. Among fractions they are what fractions are."""
    rows = b'{"h":18446744073709551617,"t":1,"d":0.5}\n{"h":-5,"t":%d,"d":100000000000000000001}\n' % (10**41 + 1)
    warehouse.scan("a.jsonl", rows + broken, Json(lines=True))
    assert warehouse.types("raw.t") == {"h": "hugeint", "t": "varchar", "d": "double"}
    assert warehouse.rows("select h::varchar, t, d from raw.t order by h") == [
        ("-5", str(10**41 + 1), 1e20),
        ("18446744073709551617", "1", 0.5),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1.5", "7"), "double"), (("7", "1.5", str(2**53)), "double"), (("7", str(-(2**60)), "1.5"), "varchar"),
        (("1.5", str(2**60)), "varchar"), (("null", "7"), "integer"),
        (("7", "null"), "integer"),
    ],
    ids=["floats first", "whole first", "no float before", "no float after", "nothing first", "nothing after"],
)  # fmt: skip
def test_whole_numbers_and_floats_of_several_pages_are_floats_where_no_digit_is_lost(
    warehouse: Warehouse, values: tuple[str, ...], kind: str
) -> None:
    from penstock.protocols.source import Arrow

    for at, value in enumerate(values):
        rows = warehouse.engine.read(Query(f"select {value}{'::double' if '.' in value else ''} as v"))
        reading = warehouse.engine.prepare(Batch(Arrow(rows), {}, Kind.SNAPSHOT, rows.schema), Shape("raw.t"), "")
        txn = warehouse.engine.begin()
        assert txn.hold(reading, Shape("raw.t"), "", at) == at + 1
        txn.commit(Commit(txn.version, datetime(2026, 1, 2, tzinfo=UTC), "run"))
        reading.close()
    txn = warehouse.engine.begin()
    staged = txn.held("raw.t", "")
    assert staged.schema.types == {"v": kind}
    found = {str(value) for (value,) in txn.read(Query(f"select v from {staged.name}")).fetch()}
    assert found == {"None" if v == "null" else str(float(v)) if kind == "double" else v for v in values}
    txn.rollback()
