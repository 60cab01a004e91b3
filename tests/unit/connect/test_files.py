"""Files as a source: what is new, grown or replaced is seen, and no row is lost, doubled or read twice."""

import csv
import gzip
import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.errors import (
    FatalError,
    RetryableError,
    UnsupportedError,
)
from penstock.connect.files import source as module
from penstock.model.position import encode
from penstock.model.source import Connection
from penstock.protocols.source import Csv, Json, Kind, Parquet, Scan, Text
from tests.unit.connect.files_folder import Folder, parsed, text_of


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# ── which files ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_partition_is_the_path_of_a_file_from_the_project(tmp_path):
    folder = Folder(tmp_path / "p", "data/**/*.csv")
    folder.write("data/a.csv", "a\n1\n")
    folder.write("data/deep/er/b.csv", "a\n2\n")
    folder.write("data/deep/note.txt", "x")
    assert list(folder.source().partitions(())) == ["data/a.csv", "data/deep/er/b.csv"]
    folder.write("../beside/c.csv", "a\n3\n")
    folder.table = replace(folder.table, read="../beside/*.csv")
    assert list(folder.source().partitions(())) == ["../beside/c.csv"]
    folder.table = replace(folder.table, read=str(tmp_path / "beside" / "*.csv"))
    assert list(folder.source().partitions(())) == ["../beside/c.csv"]


def test_a_connection_can_name_the_folder(tmp_path):
    folder = Folder(tmp_path, "*.csv")
    folder.table = replace(folder.table, connection=Connection("inbox", "files", "data"))
    folder.write("data/a.csv", "a\n1\n")
    assert folder.flat == [["1"]]


def test_a_file_name_with_brackets_is_taken_as_it_is(tmp_path):
    folder = Folder(tmp_path, "data/a[1].csv")
    folder.write("data/a[1].csv", "a\n1\n")
    assert folder.flat == [["1"]]
    odd = Folder(tmp_path / "odd [x]", "data/*.csv")
    odd.write("data/b.csv", "a\n2\n")
    assert odd.flat == [["2"]]


def test_a_link_to_a_file_that_is_read_does_not_double_it(folder):
    folder.write("data/2024.csv", "a\n1\n")
    (folder.root / "data" / "0latest.csv").symlink_to("2024.csv")
    (folder.root / "data" / "gone.csv").symlink_to("nowhere.csv")
    (folder.root / "data" / "self.csv").symlink_to("self.csv")
    (folder.root / "data" / "loop").symlink_to(".")
    folder.table = replace(folder.table, read="data/**/*.csv")
    assert list(folder.source().partitions(())) == ["data/2024.csv"]


def test_what_is_no_regular_file_is_passed_over(folder):
    os.mkfifo(folder.root / "data" / "pipe.csv")
    (folder.root / "data" / "dir.csv").mkdir()
    folder.write("data/a.csv", "a\n1\n")
    assert folder.flat == [["1"]]


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ("data/ordes.csv", "did you mean 'orders.csv' in data?"),
        ("data/2024/*.csv", "data has 1 entry: orders.csv"),
        ("data", "'data/*.csv'"),
        ("elsewhere/deep/*.csv", "has 1 entry: data/"),
    ],
)
def test_a_pattern_that_matches_nothing_says_what_is_there(folder, read, said):
    folder.write("data/orders.csv", "a\n1\n")
    folder.table = replace(folder.table, read=read)
    with pytest.raises(FatalError, match=r"no file matches") as caught:
        folder.source().partitions(())
    assert said in caught.value.hint


def test_a_pattern_that_matches_nothing_may_be_declared_optional(tmp_path):
    folder = Folder(tmp_path, "data/*.csv", options={"optional": True})
    assert folder.batches() == {}
    folder.write("data/a.csv", "a\n1\n")
    assert folder.flat == [["1"]]


def test_a_file_that_goes_between_listing_and_reading_is_as_if_it_had_gone_before(folder):
    path = folder.write("data/a.csv", "a\n1\n")
    source = folder.source()
    source.partitions(())
    path.unlink()
    assert list(source.read("data/a.csv", None)) == []


def test_a_file_that_goes_while_it_is_read_is_tried_again(folder):
    path = folder.write("data/a.csv", "a\nü\n".encode("latin-1"))
    folder.table = replace(folder.table, options={"encoding": "latin-1"})
    (batch,) = folder.batches()["data/a.csv"]
    path.unlink()
    with pytest.raises(RetryableError):
        text_of(batch)


def test_a_url_is_a_gap_with_a_name(folder):
    folder.table = replace(folder.table, read="s3://bucket/*.csv")
    with pytest.raises(UnsupportedError):
        folder.source().partitions(())


# ── new, unchanged, grown, replaced ─────────────────────────────────────────────────────────────────────


def test_a_new_file_is_scanned_by_the_engine_with_the_size_it_was_seen_with(folder):
    path = folder.write("data/a.csv", "a,b\n1,x\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert isinstance(batch.rows, Scan)
    (file,) = batch.rows.files
    assert (file.path, file.size, file.mtime_ns) == (str(path), 8, path.stat().st_mtime_ns)
    assert batch.kind == Kind.APPEND
    assert batch.rows.format == Csv(delimiter=",", quote='"', escape='"', header=True)
    assert batch.bytes == 8


def test_no_file_is_opened_twice(folder, monkeypatch):
    folder.write("data/a.csv", "a\n1\n")
    folder.load()
    monkeypatch.setattr(module, "Reader", lambda *_: pytest.fail("it was opened"))
    assert folder.batches() == {}


def test_a_touched_file_with_the_same_content_gives_nothing(folder):
    folder.write("data/a.csv", "a\n1\n")
    folder.write("data/b.csv.gz", gzip.compress(b"a\n2\n", mtime=0))
    folder.write("data/c.json", "[]")
    folder.load()
    for name in ("data/a.csv", "data/c.json"):
        folder.touch(name)
    folder.write("data/b.csv.gz", gzip.compress(b"a\n2\n", 1, mtime=99))
    assert folder.batches() == {}


def test_a_change_in_the_middle_that_keeps_the_size_is_seen(folder):
    rows = "".join(f"{i:08d}\n" for i in range(20000))
    folder.write("data/a.csv", "a\n" + rows)
    folder.load()
    folder.write("data/a.csv", "a\n" + rows.replace("00010000", "0001000x"))
    folder.touch("data/a.csv")
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.kind == Kind.SNAPSHOT
    assert isinstance(batch.rows, Scan)


def test_only_the_new_lines_of_a_grown_csv_come_with_the_header_before_them(folder):
    folder.write("data/a.csv", "a,b\n1,x\n2,y\n")
    folder.load()
    folder.append("data/a.csv", "3,z\n4,w\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert isinstance(batch.rows, Text)
    assert text_of(batch) == b"a,b\n3,z\n4,w\n"
    # The row `3,z` is line 2 of the text and line 4 of the file.
    assert (batch.rows.name, batch.rows.first_line) == ("data/a.csv", 3)
    assert batch.kind == Kind.APPEND
    assert batch.bytes == 8


def test_a_grown_file_without_header_counts_its_lines_too(tmp_path):
    folder = Folder(tmp_path, options={"header": False, "delimiter": ";"})
    folder.write("data/a.csv", "1;x\n2;y\n")
    folder.load()
    folder.append("data/a.csv", "3;z\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert (text_of(batch), batch.rows.first_line) == (b"3;z\n", 3)
    assert batch.rows.format.header is False


def test_lines_that_were_skipped_stay_skipped(tmp_path):
    folder = Folder(tmp_path, options={"skip": 2})
    folder.write("data/a.csv", "made by x\n\na,b\n1,x\n")
    assert folder.flat == [["1", "x"]]
    folder.append("data/a.csv", "2,y\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert (text_of(batch), batch.rows.first_line) == (b"a,b\n2,y\n", 4)
    assert batch.rows.format.skip == 0


def test_a_grown_jsonl_file_gives_its_new_lines(folder):
    folder.write("data/a.jsonl", '{"a":1}\n')
    folder.load()
    folder.append("data/a.jsonl", '{"a":2}\n{"a":3}\n')
    (batch,) = folder.batches()["data/a.jsonl"]
    assert text_of(batch) == b'{"a":2}\n{"a":3}\n'
    assert (batch.rows.format, batch.rows.first_line) == (Json(lines=True), 2)


def test_a_replaced_file_is_a_snapshot_of_its_partition(folder):
    folder.write("data/a.csv", "a\n1\n2\n")
    assert folder.flat == [["1"], ["2"]]
    folder.write("data/a.csv", "a\n7\n8\n9\n")  # larger, and another beginning
    assert folder.flat == [["7"], ["8"], ["9"]]
    folder.write("data/a.csv", "a\n7\n")  # smaller
    assert folder.flat == [["7"]]
    folder.write("data/a.csv", "")
    assert folder.flat == []
    folder.write("data/a.csv", "a\n5\n")
    assert folder.flat == [["5"]]


@pytest.mark.parametrize("name", ["data/a.csv.gz", "data/a.json", "data/a.parquet"])
def test_a_file_that_cannot_grow_by_lines_is_replaced_by_any_change(folder, name):
    contents = {
        "data/a.csv.gz": [gzip.compress(b"a\n1\n"), gzip.compress(b"a\n1\n") + gzip.compress(b"2\n")],
        "data/a.json": [b"[1]", b"[1, 2]"],
        "data/a.parquet": [b"PAR1xPAR1", b"PAR1yyPAR1"],
    }[name]
    folder.write(name, contents[0])
    assert folder.batches()[name][0].kind == Kind.APPEND
    folder.write(name, contents[1])
    (batch,) = folder.batches()[name]
    assert batch.kind == Kind.SNAPSHOT
    assert batch.rows.files[0].compression == ("gzip" if name.endswith("gz") else "")
    assert folder.batches() == {}


def test_with_a_key_rows_replace_those_of_other_files(tmp_path):
    folder = Folder(tmp_path, key=("a",))
    folder.write("data/a.csv", "a\n1\n")
    assert folder.batches()["data/a.csv"][0].kind == Kind.UPSERT
    folder.append("data/a.csv", "2\n")
    assert folder.batches()["data/a.csv"][0].kind == Kind.UPSERT
    folder.write("data/a.csv", "a\n3\n")
    assert folder.batches()["data/a.csv"][0].kind == Kind.SNAPSHOT
    assert folder.source().can.kinds == {Kind.UPSERT, Kind.SNAPSHOT}


# ── a last line without a line end ──────────────────────────────────────────────────────────────────────


def test_a_last_line_without_a_line_end_is_a_row(folder):
    folder.write("data/a.csv", "a,b\n1,x\n2,y")
    assert folder.flat == [["1", "x"], ["2", "y"]]
    assert folder.batches() == {}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_writer_that_puts_line_ends_before_its_lines_only_adds_rows(folder, end):
    folder.write("data/a.csv", f"a,b{end}1,x")
    folder.load()
    folder.append("data/a.csv", f"{end}2,y{end}3,z")
    (batch,) = folder.batches()["data/a.csv"]
    assert batch.kind == Kind.APPEND
    assert parsed(batch) == [["2", "y"], ["3", "z"]]
    assert batch.rows.first_line == 2  # `2,y` is line 3 of the file


def test_a_last_line_that_proves_to_have_been_half_a_line_is_corrected(folder):
    folder.write("data/a.csv", "a,b\n1,x\n2,y")
    folder.load()
    folder.append("data/a.csv", "es\n3,z\n")
    assert folder.flat == [["1", "x"], ["2", "yes"], ["3", "z"]]


def test_a_half_line_that_someone_is_writing_is_left_until_it_is_whole(folder):
    path = folder.write("data/a.csv", "a,b\n1,x\n")
    folder.load()
    folder.append("data/a.csv", "2,y\n3,")
    folder.clock.at = path.stat().st_mtime
    folder.clock.meanwhile = lambda: folder.append("data/a.csv", "zeb")
    (batch,) = folder.batches()["data/a.csv"]
    assert (batch.kind, parsed(batch)) == (Kind.APPEND, [["2", "y"]])
    assert folder.clock.waits == [pytest.approx(module.SETTLE, abs=1e-4)]
    folder.clock.meanwhile = lambda: None
    folder.append("data/a.csv", "ra\n")
    (batch,) = folder.batches()["data/a.csv"]
    assert (batch.kind, parsed(batch)) == (Kind.APPEND, [["3", "zebra"]])


def test_a_half_line_that_nobody_goes_on_writing_is_a_row_after_a_moment(folder):
    path = folder.write("data/a.csv", "a,b\n1,x\n")
    folder.load()
    folder.append("data/a.csv", "2,y\n3,z")
    folder.clock.at = path.stat().st_mtime
    (batch,) = folder.batches()["data/a.csv"]
    assert parsed(batch) == [["2", "y"], ["3", "z"]]


def test_half_lines_of_a_large_file_wait_for_a_minute_rather_than_cost_a_second_reading(folder, monkeypatch):
    monkeypatch.setattr(module, "CHEAP", 10)
    path = folder.write("data/a.csv", "a,b\n1,x\n")
    folder.load()
    folder.append("data/a.csv", "2,y\n3,z")
    folder.clock.at = path.stat().st_mtime + 59
    assert parsed(folder.batches()["data/a.csv"][0]) == [["2", "y"]]
    folder.clock.at += 2
    assert parsed(folder.batches()["data/a.csv"][0]) == [["3", "z"]]


def test_a_file_that_grows_while_it_is_first_read_is_read_to_a_fixed_place(folder, monkeypatch):
    folder.write("data/a.csv", "a,b\n1,x\n2,")
    real = module.textfile.measure

    def measure(blocks: Iterator[bytes], **more: object) -> object:
        found = real(blocks, **more)
        if folder.root.joinpath("data/a.csv").stat().st_size == 10:
            folder.append("data/a.csv", "y\n3,z\n")
        return found

    monkeypatch.setattr(module.textfile, "measure", measure)
    (batch,) = folder.batches()["data/a.csv"]
    assert isinstance(batch.rows, Text)
    assert parsed(batch) == [["1", "x"]]
    (batch,) = folder.batches()["data/a.csv"]
    assert (batch.kind, parsed(batch)) == (Kind.APPEND, [["2", "y"], ["3", "z"]])


def test_a_scan_that_is_asked_for_again_does_not_depend_on_the_file_standing_still(folder):
    folder.write("data/a.csv", "a\n1\n")
    source = folder.source()
    source.partitions(())
    assert isinstance(next(source.read("data/a.csv", None)).rows, Scan)
    assert isinstance(next(source.read("data/a.csv", None)).rows, Text)


# ── any sequence of changes ─────────────────────────────────────────────────────────────────────────────

VALUES = st.sampled_from(["x", "", "a b", "c\nd", 'q"q', "ü"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(VALUES, min_size=1, max_size=4)),
        st.tuples(st.just("replace"), st.lists(VALUES, max_size=4)),
        st.tuples(st.just("half"), st.lists(VALUES, min_size=1, max_size=2)),
        st.tuples(st.just("touch"), st.just([])),
        st.tuples(st.just("remove"), st.just([])),
        st.tuples(st.just("read"), st.just([])),
    ),
    max_size=14,
)


def line(number: int, value: str) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([number, value])
    return out.getvalue()


class Writer:
    """Does to one file what people and programs do; `pending` is what it still owes of a half line."""

    def __init__(self, path: Path, *, ends: bool) -> None:
        self.path, self.ends = path, ends
        self.number, self.pending, self.clock = 0, "", 10**18

    def do(self, word: str, values: list[str]) -> None:
        self.clock += 10**9
        text = "".join(line(self.number + at, value) for at, value in enumerate(values, 1))
        self.number += len(values)
        old = self.path.read_text() if self.path.exists() else "n,v\n"
        if word in ("append", "half"):
            cut = (self.number * 7) % len(text) if word == "half" else len(text)
            self.path.write_text(old + self.pending + text[:cut], newline="")
            self.pending = text[cut:]
        elif word == "replace":
            self.pending = "" if self.ends or not text else "\n"
            self.path.write_text(("n,v\n" + text).removesuffix(self.pending or "never"), newline="")
        elif word == "remove":
            self.path.unlink(missing_ok=True)
            self.pending = ""
        if self.path.exists():
            os.utime(self.path, ns=(self.clock, self.clock))

    def finish(self) -> None:
        if self.path.exists():
            self.path.write_text(self.path.read_text() + self.pending, newline="")


@given(STEPS, st.booleans())
def test_whatever_happens_to_a_file_its_rows_are_those_that_stand_in_it(tmp_path_factory, steps, ends):
    folder = Folder(tmp_path_factory.mktemp("p"), "data/a.csv", options={"optional": True})
    path = folder.root / "data" / "a.csv"
    writer = Writer(path, ends=ends)
    for word, values in steps:
        writer.do(word, values)
        if word == "read":
            folder.load()
    writer.finish()
    folder.load()
    if path.exists():
        want = [r for r in csv.reader(io.StringIO(path.read_text(), newline="")) if r][1:]
        assert folder.rows.get("data/a.csv", []) == want
        assert folder.batches() == {}


# ── real files, read by a plain DuckDB as the batches say ───────────────────────────────────────────────


def arguments(form: Csv) -> str:
    return f"delim='{form.delimiter}', quote='{form.quote}', header={form.header}, skip={form.skip}"


def test_the_real_csv_files_are_handed_over_whole(shared_data, tmp_path):
    folder = Folder(tmp_path, str(shared_data / "csv" / "*.csv"))
    found = folder.batches()
    assert len(found) == len(list((shared_data / "csv").glob("*.csv")))
    for (batch,) in found.values():
        path = batch.rows.files[0].path
        ours = (
            duckdb.connect()
            .execute(f"select count(*) from read_csv('{path}', {arguments(batch.rows.format)})")
            .fetchone()
        )
        with Path(path).open(newline="") as stream:
            assert ours == (sum(1 for row in csv.reader(stream) if row) - 1,)
    assert folder.batches() == {}


def test_the_real_json_files_are_handed_over_whole(shared_data, tmp_path):
    folder = Folder(tmp_path, str(shared_data / "json" / "*.json"))
    found = folder.batches()
    assert [Path(name).name for name in found] == ["earthquakes.json", "flights-20k.json", "movies.json"]
    assert all(isinstance(b.rows.format, Json) and not b.rows.format.lines for (b,) in found.values())


def test_a_real_parquet_file_is_handed_over_whole(tmp_path):
    folder = Folder(tmp_path)
    duckdb.connect().execute(f"copy (select range as n from range(1000)) to '{tmp_path}/data/a.parquet'")
    (batch,) = folder.batches()["data/a.parquet"]
    assert batch.rows.format == Parquet()
    assert duckdb.connect().execute(f"select sum(n) from '{batch.rows.files[0].path}'").fetchone() == (499500,)


def test_a_position_stays_small(folder):
    folder.write("data/a.csv", "a,b\n" + "1,x\n" * 1000)
    folder.load()
    first = len(encode(folder.positions["data/a.csv"]))
    for _ in range(3):
        folder.append("data/a.csv", "1,x\n" * 100000)
        folder.load()
    assert len(folder.rows["data/a.csv"]) == 301000
    assert len(encode(folder.positions["data/a.csv"])) < first + 10 < 300
    assert json.loads(encode(folder.positions["data/a.csv"]))["lines"] == 301001
