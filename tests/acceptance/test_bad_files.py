"""Files as they should not be, through the whole pipe: one clear error or rejects with places, all else loaded."""

from __future__ import annotations

import bz2
import gzip
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.acceptance.bad_project import BadProject

if TYPE_CHECKING:
    from pathlib import Path

LONG = 10_000_000


@pytest.fixture
def project(tmp_path: Path) -> BadProject:
    """A project in which everything but the input is in order."""
    return BadProject(tmp_path / "project")


# ── nothing in it ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bad.csv", b""),
        ("bad.csv", b"\xef\xbb\xbf"),
        ("bad.csv.gz", b""),
        ("bad.csv.gz", gzip.compress(b"", mtime=0)),
        ("bad.json", b""),
        ("bad.json", b"[]"),
        ("bad.jsonl", b""),
        ("bad.jsonl", b"\n\n"),
        ("bad.parquet", b""),
    ],
)
def test_an_empty_file_gives_no_table_yet_and_harms_nothing(project: BadProject, name: str, data: bytes) -> None:
    project.file(name, data)
    said = project.loads()
    assert said.step("over_bad")["state"] == "skipped"
    assert "raw.bad" not in project.all()


@pytest.mark.parametrize(
    ("name", "data", "then"),
    [
        ("bad.csv", b"", b"id,v\n1,2\n"),
        ("bad.csv.gz", gzip.compress(b"", mtime=0), gzip.compress(b"id,v\n1,2\n", mtime=0)),
        ("bad.json", b"[]", b'[{"id": 1, "v": 2}]'),
        ("bad.jsonl", b"\n\n", b'\n\n{"id": 1, "v": 2}\n'),
    ],
    ids=["csv", "gzip", "json", "jsonl"],
)
def test_an_empty_file_that_is_filled_later_is_loaded_with_its_types(
    project: BadProject, name: str, data: bytes, then: bytes
) -> None:
    file = project.file(name, data)
    assert project.run().code == 0
    file.write_bytes(then)
    project.loads()
    assert project.rows() == [(1, 2)]


@pytest.mark.parametrize(("name", "data"), [("bad.csv", ""), ("bad.jsonl", ""), ("bad.json", "[]")])
@pytest.mark.parametrize("more", [[], ['key = "id"']])
def test_a_source_without_rows_is_a_table_where_its_columns_are_declared(
    project: BadProject, name: str, data: str, more: list[str]
) -> None:
    file = project.file(name, data, 'columns = { id = "bigint", "a b" = "decimal(9,2)" }', *more)
    project.loads()
    assert project.rows() == []
    assert project.ask('select id, "a b" from raw.bad') == []
    file.write_text("id,a b\n7,1.5\n" if name.endswith("csv") else '{"id": 7, "a b": 1.5}\n')
    project.loads()
    assert project.rows() == [(7, Decimal("1.50"))]


def test_a_check_of_a_table_without_rows_holds(project: BadProject) -> None:
    project.file("bad.csv", "", 'columns = { id = "bigint" }', 'checks = ["rows > 0"]')
    project.fails("the check 'rows > 0' failed for 1 row", "sources/bad.toml")


def test_a_file_that_is_emptied_takes_its_rows_with_it(project: BadProject) -> None:
    file = project.file("bad.csv", "id,v\n1,2\n")
    project.loads()
    file.write_bytes(b"")
    project.loads()
    assert project.rows() == []
    file.write_text("id,v\n3,4\n")
    project.loads()
    assert project.rows() == [(3, 4)]


def test_an_empty_log_gives_nothing_until_a_line_is_in_it(project: BadProject) -> None:
    file = project.log(b"")
    project.loads()
    file.write_bytes(b"1 a\n")
    project.loads()
    assert project.rows() == [("1", "a")]


def test_a_header_without_rows_is_a_table_without_rows_and_its_types_come_with_the_rows(project: BadProject) -> None:
    file = project.file("bad.csv", "id,v\n")
    project.loads()
    assert project.all()["raw.bad"] == []
    file.write_text("id,v\n1,2\n")
    project.loads()
    assert project.rows() == [(1, 2)]


# ── the wrong letters ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("bad.csv", "id,v\n1,ü\n"), ("bad.jsonl", '{"id": 1, "v": "ü"}\n'), ("bad.json", '[{"id": 1, "v": "ü"}]')],
)
def test_a_byte_order_mark_is_no_part_of_name_or_value(
    project: BadProject, name: str, text: str, encoding: str
) -> None:
    project.file(name, text.encode(encoding))
    project.loads()
    assert project.ask("select id, v from raw.bad") == [(1, "ü")]


@pytest.mark.parametrize(
    ("name", "lines", "good"),
    [
        ("bad.csv", ["id,v", "1,a", "2,ü", "3,c"], [(1, "a"), (3, "c")]),
        ("bad.jsonl", ['{"v":"z"}', '{"v":"a"}', '{"v":"ü"}', '{"v":"c"}'], [("a",), ("c",), ("z",)]),
    ],
)
def test_latin_1_in_a_utf_8_file_is_rejected_with_place_and_bytes_and_is_right_once_mended(
    project: BadProject, name: str, lines: list[str], good: list[tuple[object, ...]]
) -> None:
    file = project.file(name, ("\n".join(lines) + "\n").encode("latin-1"))
    project.loads()
    assert project.rows() == good
    ((place, row, reason),) = project.rejects()
    assert place == f"data/{name}:3"
    assert row == lines[2].replace("ü", r"\xfc")
    assert "unicode" in reason.lower() or "UTF-8" in reason
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    project.loads()
    assert len(project.rows()) == len(good) + 1
    assert project.rejects() == []


def test_declared_latin_1_is_read_as_such(project: BadProject) -> None:
    project.file("bad.csv", "id,v\n1,ü\n".encode("latin-1"), 'encoding = "latin-1"')
    project.loads()
    assert project.rows() == [(1, "ü")]


@pytest.mark.parametrize(
    ("encoding", "data", "where"),
    [("shift_jis", b"id,v\n1,a\n2,\x81\n", "data/bad.csv:3"), ("utf-16", b"id,v\n1,a\n", "data/bad.csv:1")],
)
def test_text_that_is_not_of_the_declared_encoding_is_one_error_with_its_line(
    project: BadProject, encoding: str, data: bytes, where: str
) -> None:
    file = project.file("bad.csv", data, f'encoding = "{encoding}"')
    error = project.fails(f"not valid {encoding}", where)
    assert "encoding" in error["hint"]
    file.write_bytes("id,v\n1,a\n2,b\n".encode(encoding))
    project.loads()
    assert project.rows() == [(1, "a"), (2, "b")]


# ── quotes, line ends, long lines ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ('id,v\n1,a\n2,"never\n3,c\n', "data/bad.csv:3"),
        ('"id,v\n1,a\n2,b\n', "data/bad.csv:1"),
        ('id,v\n1,a\n2,b\n3,"', "data/bad.csv:4"),
    ],
)
def test_a_quote_that_never_closes_is_one_error_at_the_line_where_it_opens(
    project: BadProject, data: str, where: str
) -> None:
    file = project.file("bad.csv", data)
    project.fails("a quote that never closes", where)
    file.write_text("id,v\n1,a\n2,b\n")
    project.loads()
    assert project.rows() == [(1, "a"), (2, "b")]


def test_a_quote_that_opens_in_the_added_lines_leaves_those_that_were_loaded(project: BadProject) -> None:
    file = project.file("bad.csv", "id,v\n1,a\n")
    project.loads()
    file.write_text('id,v\n1,a\n2,"never\n3,c\n')
    project.fails("a quote that never closes", "data/bad.csv:3")
    file.write_text('id,v\n1,a\n2,"at last"\n3,c\n')
    project.loads()
    assert project.rows() == [(1, "a"), (2, "at last"), (3, "c")]


@pytest.mark.parametrize(
    "data",
    [b"id,v\r\n1,a\r\n2,b\n3,c\r\n", b"id,v\n1,a\n2,b\r\n3,c\n", b'id,v\n1,a\r\n2,"b"\n3,c'],
)
def test_a_file_whose_lines_end_in_two_ways_is_read_all_the_same(project: BadProject, data: bytes) -> None:
    project.file("bad.csv", data)
    project.loads()
    assert project.rows() == [(1, "a"), (2, "b"), (3, "c")]


def test_carriage_returns_within_values_survive(project: BadProject) -> None:
    project.file("bad.csv", b'id,v\n1,a\rb\n2,"c\r\nd"\r\n3,e\n')
    project.loads()
    assert project.rows() == [(1, "a\rb"), (2, "c\r\nd"), (3, "e")]


def test_the_place_of_a_reject_is_its_line_whatever_stands_before_it(project: BadProject) -> None:
    lines = [b"id,v", b"1,a", b"", b"2,b,c", b"3,\xff", b'4,"d', b'e"', b"x,f", b"", b"y,g"]
    project.file("bad.csv", b"\n".join(lines) + b"\n", 'columns = { id = "bigint", v = "varchar" }')
    project.loads()
    assert project.rows() == [(1, "a"), (4, "d\ne")]
    assert sorted((place, row) for place, row, _ in project.rejects()) == [
        ("data/bad.csv:10", "y,g"),
        ("data/bad.csv:4", "2,b,c"),
        ("data/bad.csv:5", r"3,\xff"),
        ("data/bad.csv:8", "x,f"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bad.csv", b"id,v\n1,a\n2," + b"x" * LONG + b"\n3,c\n"),
        ("bad.csv", b'id,v\n1,a\n2,"' + b"x" * LONG + b'"\n3,c\n'),
        ("bad.jsonl", b'{"id":1,"v":"a"}\n{"id":2,"v":"' + b"x" * LONG + b'"}\n{"id":3,"v":"c"}\n'),
        ("bad.json", b'[{"id":1,"v":"a"},{"id":2,"v":"' + b"x" * LONG + b'"},{"id":3,"v":"c"}]'),
    ],
    ids=["csv", "quoted", "jsonl", "json"],
)
def test_a_line_of_ten_megabytes_is_a_row_like_any_other(project: BadProject, name: str, data: bytes) -> None:
    project.file(name, data)
    project.loads()
    assert project.ask("select id, length(v) from raw.bad order by id") == [(1, 1), (2, LONG), (3, 1)]


@pytest.mark.slow
def test_a_line_of_ten_megabytes_in_a_log_is_a_row_or_a_reject(project: BadProject) -> None:
    project.log(b"1 a\n2 " + b"x" * LONG + b"\n" + b"y" * LONG + b"\n4 d\n")
    project.loads()
    assert project.ask("select n, length(words) from raw.bad order by n") == [("1", 1), ("2", LONG), ("4", 1)]
    ((place, row, _),) = project.rejects()
    assert (place, len(row)) == ("logs/a.log:3", LONG)


@pytest.mark.slow
def test_a_line_beyond_all_measure_is_one_error_with_its_place(project: BadProject) -> None:
    file = project.file("bad.csv", b"id,v\n1,a\n2," + b"x" * (4 * LONG) + b"\n3,c\n")
    project.fails("a line longer than 33,554,432 bytes", "data/bad.csv:3")
    file.write_text("id,v\n1,a\n")
    project.loads()
    assert project.rows() == [(1, "a")]


# ── nothing in the columns, or something else than before ───────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "data", "rows"),
    [
        ("bad.csv", "a,b\n,\n,\n", [(None, None), (None, None)]),
        ("bad.json", '[{"a": null, "b": null}, {"a": null}]', [(None, None), (None, None)]),
        ("bad.jsonl", '{"a": null, "b": {"c": null}}\n', [(None, {"c": None})]),
    ],
)
def test_columns_of_nothing_but_nulls_are_loaded_and_take_values_later(
    project: BadProject, name: str, data: str, rows: list[tuple[object, ...]]
) -> None:
    file = project.file(name, data)
    project.loads()
    assert project.rows() == rows
    file.write_text(
        "a,b\n7,x\n" if name == "bad.csv" else '[{"a": 7, "b": "x"}]' if name == "bad.json" else '{"a": 7}\n'
    )
    project.loads()
    assert str(project.ask("select a from raw.bad")[0][0]) == "7"


def test_rows_without_a_key_are_rejected_with_their_places(project: BadProject) -> None:
    project.file("bad.csv", "a,b\n,\n1,\n,x\n", 'key = "a"')
    project.loads()
    assert project.rows() == [(1, None)]
    assert [(place, row) for place, row, _ in project.rejects()] == [("data/bad.csv:2", ","), ("data/bad.csv:4", ",x")]


def test_zero_bytes_are_kept_in_values_and_refused_in_names(project: BadProject) -> None:
    file = project.file("bad.csv", b"id,v\n1,a\0b\n")
    project.loads()
    assert project.rows() == [(1, "a\0b")]
    file.write_bytes(b"\0" * 5000)
    project.fails("the header holds zero bytes", "data/bad.csv:1")
    assert project.rows() == [(1, "a\0b")]
    file.write_bytes(b"id,v\n2,c\n")
    project.loads()
    assert project.rows() == [(2, "c")]


def test_what_is_no_object_among_json_records_is_rejected_with_its_place(project: BadProject) -> None:
    project.file("bad.json", '[1, {"a": 1}, "x", [2]]')
    project.loads()
    assert project.rows() == [(1,)]
    assert [(place, row) for place, row, _ in project.rejects()] == [
        ("data/bad.json:record:1", "1"),
        ("data/bad.json:record:3", '"x"'),
        ("data/bad.json:record:4", "[2]"),
    ]


@pytest.mark.parametrize("data", ["garbage", '[{"a": 1}, {"a"', '[\n{"a": 1},\n', "<html>no</html>"])
def test_json_that_is_none_is_one_error(project: BadProject, data: str) -> None:
    file = project.file("bad.json", data)
    project.fails("not valid JSON", "data/bad.json")
    file.write_text('[{"a": 1}]')
    project.loads()
    assert project.rows() == [(1,)]


@pytest.mark.parametrize(("name", "packed"), [("bad.json.gz", gzip.compress), ("bad.json.bz2", bz2.compress)])
def test_a_packed_list_that_breaks_off_after_a_comma_is_one_error(project: BadProject, name: str, packed: Any) -> None:
    file = project.file(name, packed(b'[\n{"a": 1},\n{"a": 2},\n\n'))
    project.fails("not valid JSON", f"data/{name}")
    file.write_bytes(packed(b'[\n{"a": 1},\n{"a": 2}\n]\n\n'))
    project.loads()
    assert project.rows() == [(1,), (2,)]


def test_lines_that_are_no_json_are_rejected_even_if_all_are(project: BadProject) -> None:
    file = project.file("bad.jsonl", "garbage\n[1]\n")
    project.loads()
    assert [place for place, _, _ in project.rejects()] == ["data/bad.jsonl:1", "data/bad.jsonl:2"]
    file.write_text('{"a": 1}\n')
    project.loads()
    assert project.rows() == [(1,)]
    assert project.rejects() == []


@pytest.mark.slow
def test_a_column_that_changes_type_at_row_900_000_loses_no_row(project: BadProject) -> None:
    """Text among whole numbers is rejected at its line; the numbers before and after it are in, exact."""
    last = 900_000
    head = "".join(f"{n},{n}\n" for n in range(1, last))
    file = project.file("bad.csv", f"id,v\n{head}{last},n/a\n{last + 1},7\n")
    said = project.run()
    assert said.code == 0
    assert said.step("raw.bad")["rejected"] == 1
    summed = "select count(*), sum(v)::bigint, min(typeof(v)) from raw.bad"
    assert project.ask(summed) == [(last, sum(range(1, last)) + 7, "BIGINT")]
    assert project.ask('select position, "row" from penstock.rejected') == [("data/bad.csv:900001", f"{last},n/a")]
    file.write_text(f"id,v\n{head}{last},8\n{last + 1},7\n")
    assert project.run().code == 0
    assert project.ask(summed) == [(last + 1, sum(range(1, last)) + 15, "BIGINT")]
    assert project.ask("select count(*) from penstock.rejected where replayed is null") == [(0,)]
    assert project.ask("select * from over_good") == [(2, 30)]


@pytest.mark.slow
def test_a_fraction_among_900_000_whole_numbers_makes_all_of_them_numbers_with_fractions(project: BadProject) -> None:
    last = 900_000
    project.file("bad.csv", "id,v\n" + "".join(f"{n},{n}\n" for n in range(1, last)) + f"{last},0.5\n")
    assert project.run().code == 0
    assert project.ask("select count(*), sum(v), min(typeof(v)) from raw.bad") == [
        (last, sum(range(1, last)) + 0.5, "DOUBLE")
    ]
    assert project.ask("select count(*) from penstock.rejected") == [(0,)]


# ── damaged files ───────────────────────────────────────────────────────────────────────────────────────


def packed(kind: str) -> bytes:
    """Return a gzip file of 3,000 rows that do not compress away."""
    chance = random.Random(7)
    rows = [(n, chance.getrandbits(64)) for n in range(3000)]
    if kind == "csv":
        return gzip.compress(("id,v\n" + "".join(f"{n},{v:x}y\n" for n, v in rows)).encode())
    if kind == "jsonl":
        return gzip.compress("".join(f'{{"id":{n},"v":"{v:x}y"}}\n' for n, v in rows).encode())
    return gzip.compress("".join(f"{n} {v:x}\n" for n, v in rows).encode())


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("damage", ["half", "five bytes", "no footer", "damaged"])
def test_a_damaged_gzip_is_one_error_that_names_it_and_nothing_of_it_is_loaded(
    project: BadProject, kind: str, damage: str
) -> None:
    whole = packed(kind)
    data = {
        "half": whole[: len(whole) // 2],
        "five bytes": whole[:5],
        "no footer": whole[:-4],
        "damaged": whole[:2000] + bytes(40) + whole[2040:],
    }[damage]
    file = project.file(f"bad.{kind}.gz", data)
    said = "damaged" if damage == "damaged" else "cut off"
    project.fails(f"the compressed file is {said}", f"data/bad.{kind}.gz")
    file.write_bytes(whole)
    project.loads()
    assert project.ask("select count(*), count(distinct id), sum(id)::bigint from raw.bad") == [(3000, 3000, 4498500)]


def test_a_truncated_gzip_of_a_log_is_one_error_and_all_its_lines_are_in_once_it_is_whole(project: BadProject) -> None:
    whole = packed("log")
    project.log(b"3000 x\n3001 y\n")
    old = project.write("logs/a.log.1.gz", whole[: len(whole) // 2])
    said = project.run()
    assert said.code == 1
    error = said.step("raw.bad")["error"]
    assert (error["subject"], error["where"]) == ("the compressed file is cut off", "logs/a.log.1.gz")
    assert project.run().code == 1
    assert project.all()["over_good"] == [(2, 30)]
    old.write_bytes(whole)
    project.loads()
    assert project.ask("select count(*), count(distinct n) from raw.bad") == [(3002, 3002)]


@pytest.mark.parametrize("data", [b"garbage", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_parquet_file_that_is_none_is_one_error(project: BadProject, data: bytes) -> None:
    project.file("bad.parquet", data)
    project.fails("Parquet file", "data/bad.parquet")


# ── logs ────────────────────────────────────────────────────────────────────────────────────────────────

BINARY = {
    "every byte": bytes(byte for byte in range(256) if byte != 10),
    "zero bytes": bytes(5000),
    "no UTF-8": b"2 \xff\xfe\x80",
    "a carriage return": b"x\ry",
    "the separator that we use": b"2 a\x1fb",
    "the null that we use": b"\x02",
}


@pytest.mark.parametrize("line", BINARY.values(), ids=list(BINARY))
def test_a_log_line_of_binary_is_rejected_with_its_place_and_the_others_are_loaded(
    project: BadProject, line: bytes
) -> None:
    file = project.log(b"1 a\n" + line + b"\n3 c\n")
    project.loads()
    assert project.rows() == [("1", "a"), ("3", "c")]
    ((place, _, reason),) = project.rejects()
    assert place == "logs/a.log:2"
    assert reason
    with file.open("ab") as more:
        more.write(b"4 d\r\n5 e\n")
    project.loads()
    assert [row[0] for row in project.rows()] == ["1", "3", "4", "5"]
    assert len(project.rejects()) == 1


@pytest.mark.parametrize(
    "form", ['format = "combined"', 'format = "jsonl"', 'format = "syslog"\nyear = 2005\nzone = "UTC"']
)
def test_a_log_of_nothing_but_binary_is_rejects_only(project: BadProject, form: str) -> None:
    chance = random.Random(3)
    data = b"".join(chance.randbytes(200).replace(b"\n", b"") + b"\n" for _ in range(50))
    project.log(data, form)
    project.loads()
    assert sorted(place for place, _, _ in project.rejects()) == sorted(f"logs/a.log:{n}" for n in range(1, 51))
