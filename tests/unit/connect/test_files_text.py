"""Files as a source: how their text is cut, encoded and compressed, and what of it is declared."""

import gzip
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.errors import (
    ConfigError,
    FatalError,
    PenstockError,
    UnsupportedError,
)
from penstock.connect.files import source as module
from penstock.model.schema import Schema
from penstock.protocols.source import Json, Kind
from tests.unit.connect.files_folder import Folder, parsed, text_of


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# ── quotes over several lines ───────────────────────────────────────────────────────────────────────────


def test_a_file_cut_within_a_quoted_field_is_read_whole_once_it_goes_on(folder):
    folder.write("data/a.csv", 'a,b\n1,"one\n')
    folder.load()
    folder.append("data/a.csv", 'two"\n2,x\n')
    assert folder.flat == [["1", "one\ntwo"], ["2", "x"]]


def test_a_file_cut_within_a_quoted_field_is_read_whole_even_if_it_is_cut_so_again(folder):
    folder.write("data/a.csv", 'a,b\n1,"one\n')
    folder.load()
    folder.append("data/a.csv", 'two"\n2,"x\n')
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.kind == Kind.SNAPSHOT


def test_growth_that_ends_within_a_quoted_field_is_read_whole(folder):
    folder.write("data/a.csv", "a,b\n1,x\n")
    folder.load()
    folder.append("data/a.csv", '2,"one\n')
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.kind == Kind.SNAPSHOT
    folder.append("data/a.csv", 'two"\n')
    assert folder.flat == [["1", "x"], ["2", "one\ntwo"]]


def test_a_header_with_a_line_end_in_quotes_is_one_header(folder):
    folder.write("data/a.csv", '"a\nb",c\n1,2\n')
    folder.load()
    folder.append("data/a.csv", "3,4\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert text_of(batch) == b'"a\nb",c\n3,4\n'
    assert batch.rows.first_line == 3


# ── what the text is like ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n2,5;3\n", ";"),
        ("a\tb,c\n1\t2\n3\t4\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('"x, y";"z"\n1;2\n', ";"),
        ("alone\n1\n", ","),
        ("name;price\n", ";"),
    ],
)
def test_the_delimiter_is_found_in_the_first_lines(folder, text, delimiter):
    folder.write("data/a.csv", text)
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.rows.format.delimiter == delimiter
    folder.append("data/a.csv", "5,6;7\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.rows.format.delimiter == delimiter


def test_tsv_is_cut_at_tabs(folder):
    folder.write("data/a.tsv", "a,x\tb\n1\t2\n")
    assert folder.flat == [["1", "2"]]


def test_a_file_of_a_header_alone_keeps_its_position_and_goes_on(folder):
    folder.write("data/a.csv", "a,b\n")
    assert folder.flat == []
    assert folder.positions
    folder.append("data/a.csv", "1,x\n")
    assert folder.flat == [["1", "x"]]


def test_a_header_that_was_not_finished_is_read_again(folder):
    folder.write("data/a.csv", "a,b")
    folder.load()
    folder.append("data/a.csv", "c\n1,2\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.kind == Kind.SNAPSHOT
    assert text_of(batch) == b"a,bc\n1,2\n"


def test_a_header_alone_does_not_decide_the_types_for_the_files_that_have_rows(folder):
    folder.write("data/0.csv", "a,b\n")
    folder.write("data/1.csv", "a,b\n1,x\n")
    assert list(folder.batches()) == ["data/1.csv"]
    folder.append("data/0.csv", "2,y\n")
    (batch,) = folder.batches()["data/0.csv"]
    assert (batch.kind, parsed(batch)) == (Kind.APPEND, [["2", "y"]])


def test_an_empty_file_gives_nothing_until_something_is_in_it(folder):
    folder.write("data/a.csv", "")
    assert folder.batches() == {}
    folder.write("data/a.csv", "a\n1\n")
    assert folder.flat == [["1"]]


def test_a_byte_order_mark_is_no_part_of_the_first_name(folder):
    folder.write("data/a.csv", b"\xef\xbb\xbfa,b\n1,x\n")
    assert folder.flat == [["1", "x"]]
    folder.append("data/a.csv", "2,y\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert text_of(batch) == b"a,b\n2,y\n"


def test_a_declared_encoding_becomes_utf8_and_grows(tmp_path):
    folder = Folder(tmp_path, options={"encoding": "latin-1"})
    folder.write("data/a.csv", "größe,b\nMünchen,x\n".encode("latin-1"))
    (batch,) = folder.batches()["data/a.csv"]
    assert text_of(batch).decode() == "größe,b\nMünchen,x\n"
    with (tmp_path / "data/a.csv").open("ab") as out:
        out.write("Köln,y\n".encode("latin-1"))
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.kind == Kind.APPEND
    assert text_of(batch).decode() == "größe,b\nKöln,y\n"


@pytest.mark.parametrize("options", [{}, {"encoding": "utf-16"}])
def test_utf16_is_read_by_its_mark_or_by_its_name_and_whole(tmp_path, options):
    folder = Folder(tmp_path, options=options)
    folder.write("data/a.csv", "größe;b\nMünchen;x\n".encode("utf-16"))
    assert folder.flat == [["München", "x"]]
    folder.write("data/a.csv", "größe;b\nMünchen;x\nKöln;y\n".encode("utf-16"))
    assert folder.batches()["data/a.csv"][0].kind == Kind.SNAPSHOT


def test_text_that_is_not_of_the_declared_encoding_is_one_error_with_its_line(tmp_path):
    folder = Folder(tmp_path, options={"encoding": "cp1252"})
    folder.write("data/a.csv", b"a\nok\n\x81\n")
    (batch,) = folder.batches()["data/a.csv"]
    with pytest.raises(FatalError) as caught:
        text_of(batch)
    assert str(caught.value.where) == "data/a.csv:3"
    assert caught.value.got.startswith("the bytes 81")


@given(
    st.lists(st.text("aé\u20ac\U0001f600\n,", max_size=20), max_size=5), st.sampled_from(["utf-16", "utf-8", "gb18030"])
)
def test_transcoding_does_not_mind_where_blocks_are_cut(parts, encoding):
    text = "".join(parts)
    data = text.encode(encoding)
    cuts = sorted(random.Random(len(data)).choices(range(len(data) + 1), k=4))
    blocks = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert b"".join(module.textfile.transcoded(blocks, encoding, "x")).decode() == text


# ── compression and damage ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("damage", ["cut", "flipped", "no end"])
def test_a_damaged_gzip_is_one_error_that_names_it_and_leaves_the_others(folder, damage):
    data = gzip.compress(("a,b\n" + "".join(f"{i},{i * 7919 % 1000}\n" for i in range(5000))).encode())
    broken = {
        "cut": data[: len(data) // 2],
        "flipped": data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
        "no end": data[:-4],
    }[damage]
    folder.write("data/a.csv.gz", broken)
    folder.write("data/b.csv.gz", data)
    source = folder.source()
    assert len(source.partitions(())) == 2
    with pytest.raises(FatalError) as caught:
        list(source.read("data/a.csv.gz", None))
    assert caught.value.where == "data/a.csv.gz"
    assert caught.value.hint
    assert len(list(source.read("data/b.csv.gz", None))) == 1


def test_compression_is_told_by_the_content_not_by_the_name(folder):
    folder.write("data/a.csv", gzip.compress(b"a\n1\n"))
    folder.write("data/b.csv.gz", b"a\n2\n")
    assert folder.flat == [["1"], ["2"]]


def test_bzip2_and_xz_are_decompressed_on_the_way(folder):
    import bz2
    import lzma

    folder.write("data/a.csv.bz2", bz2.compress(b"a\n1\n"))
    folder.write("data/b.csv.xz", lzma.compress(b"a\n2\n"))
    assert folder.flat == [["1"], ["2"]]
    folder.write("data/a.csv.bz2", bz2.compress(b"a\n1\n")[:-5])
    with pytest.raises(FatalError, match="cut off"):
        folder.load()


def test_zstd_is_left_to_the_engine(folder):
    folder.write("data/a.jsonl.zst", b"\x28\xb5\x2f\xfd and so on")
    (batch,) = folder.batches()["data/a.jsonl.zst"]
    assert batch.rows.files[0].compression == "zstd"
    assert batch.rows.format == Json(lines=True)


@pytest.mark.parametrize("data", [b"PAR1 not finished", b"a,b\n1,2\n", b"PAR1"])
def test_a_parquet_file_without_its_end_is_one_error(folder, data):
    folder.write("data/a.parquet", data)
    with pytest.raises(FatalError, match="Parquet"):
        folder.load()


# ── what is declared ────────────────────────────────────────────────────────────────────────────────────


def test_declarations_reach_the_engine(tmp_path):
    folder = Folder(
        tmp_path,
        columns=Schema.of([("id", "bigint"), ("amount", "decimal(10,2)")]),
        clean={"amount": "decimal(10,2)", "name": "trim"},
        options={"nulls": ["NA"], "quote": "'", "escape": "\\"},
    )
    folder.write("data/a.csv", "id,amount,name\n1,2,x\n")
    folder.write("data/b.json", "[]")
    found = folder.batches()
    form = found["data/a.csv"][0].rows.format
    assert (form.types, form.text, form.nulls) == ({"id": "bigint"}, ("amount", "name"), ("", "NA"))
    assert (form.quote, form.escape) == ("'", "\\")
    assert found["data/b.json"][0].rows.format == Json(types={"id": "bigint", "amount": "varchar", "name": "varchar"})


def test_without_a_header_the_declared_columns_are_all(tmp_path):
    folder = Folder(
        tmp_path,
        columns=Schema.of([("id", "bigint"), ("amount", "decimal(10,2)")]),
        clean={"amount": "decimal(10,2)"},
        options={"header": False},
    )
    folder.write("data/a.csv", "1,2\n")
    form = folder.batches()["data/a.csv"][0].rows.format
    assert form.columns == Schema.of([("id", "bigint"), ("amount", "varchar")])
    assert form.types == {}


@pytest.mark.parametrize(
    ("read", "options", "said"),
    [
        ("data/*.csv", {"format": "cvs"}, "unknown format"),
        ("data/*.csv", {"encoding": "latin-9000"}, "unknown encoding"),
        ("data/*.csv", {"skip": -1}, "number of lines"),
        ("data/*.csv", {"quote": "''"}, "one character"),
        ("data/*.csv", {"records": "a.b"}, "means nothing for csv"),
        ("data/*.jsonl.gz", {"delimiter": ";"}, "means nothing for jsonl"),
        ("data/*.json", {"header": False}, "means nothing for json"),
    ],
)
def test_options_that_make_no_sense_are_refused(folder, read, options, said):
    folder.table = replace(folder.table, read=read, options=options)
    with pytest.raises(ConfigError, match=said):
        folder.source()


def test_a_file_of_unknown_kind_is_one_error_unless_the_format_is_said(folder):
    folder.write("data/a.dat", "a\n1\n")
    with pytest.raises(FatalError, match="does not tell its format") as caught:
        folder.load()
    assert "csv" in caught.value.hint
    folder.table = replace(folder.table, options={"format": "csv"})
    assert folder.flat == [["1"]]


def test_an_excel_file_is_a_gap_with_a_name(folder):
    folder.table = replace(folder.table, read="data/a.xlsx")
    with pytest.raises(UnsupportedError, match="Excel"):
        folder.source()


@pytest.mark.parametrize(
    "position",
    [3, "x", [], {"size": "1", "mtime": 2}, {"size": 1}, {"size": 1, "mtime": 1, "who": 1}, {"size": -1, "mtime": 1}],
)
def test_a_position_that_is_not_ours_is_one_error(folder, position):
    folder.write("data/a.csv", "a\n1\n")
    folder.positions["data/a.csv"] = position
    with pytest.raises(PenstockError, match="position"):
        folder.load()


# ── replay ──────────────────────────────────────────────────────────────────────────────────────────────


def test_rejected_rows_come_again_under_their_header(folder):
    folder.write("data/a.csv", b"\xef\xbb\xbfa;b\n1;x\n")
    batch = folder.source().again(["2;y", '3;"z\nz"'], "data/a.csv")
    assert text_of(batch) == b'a;b\n2;y\n3;"z\nz"\n'
    assert (batch.rows.format.delimiter, batch.rows.format.skip, batch.position) == (";", 0, None)


def test_rejected_records_come_again_as_lines(folder):
    folder.table = replace(folder.table, options={"records": "data.items"}, read="data/*.json")
    batch = folder.source().again(['{"a":1}', '{"a":2}'], "data/a.json")
    assert text_of(batch) == b'{"a":1}\n{"a":2}\n'
    assert batch.rows.format == Json(lines=True)


def test_rejected_rows_of_a_file_that_is_gone_need_declared_columns(folder):
    with pytest.raises(FatalError, match="gone"):
        folder.source().again(["1,2"], "data/a.csv")
    folder.table = replace(folder.table, columns=Schema.of([("a", "bigint"), ("b", "bigint")]))
    assert text_of(folder.source().again(["1,2"], "data/a.csv")) == b"a,b\n1,2\n"


def test_parquet_has_no_rows_to_replay(folder):
    folder.table = replace(folder.table, read="data/*.parquet")
    source = folder.source()
    assert not source.can.replay
    with pytest.raises(UnsupportedError):
        source.again(["x"], "data/a.parquet")
