"""Logs as a source: every line once, whatever rotation does."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.base.errors import FatalError, PenstockError, UnsupportedError
from penstock.connect.logs import CONNECTOR, blocks
from penstock.model.position import decode, encode
from penstock.model.sink import SinkTable
from penstock.protocols.source import Context, Kind
from tests.unit.connect.logs_folder import LINE, Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


# ── following ───────────────────────────────────────────────────────────────────────────────────────────


def test_new_lines_come_with_the_number_of_the_first(log):
    log.append("1 a;\n2 b;\n")
    (batch,) = log.batches()
    assert (b"".join(batch.rows.chunks), batch.rows.name, batch.rows.first_line) == (b"1 a;\n2 b;\n", "logs/app.log", 1)
    assert (batch.kind, batch.bytes) == (Kind.APPEND, 10)
    assert log.batches() == []
    log.append("3 c;\n")
    (batch,) = log.batches()
    assert (b"".join(batch.rows.chunks), batch.rows.first_line) == (b"3 c;\n", 3)


def test_an_unchanged_log_is_not_opened(log, monkeypatch):
    log.append("1 a;\n")
    log.batches()
    source = log.source()
    source.partitions(())
    monkeypatch.setattr("penstock.base.textfile.Reader.__init__", lambda *_: pytest.fail("it was opened"))
    assert list(source.read("logs/app.log", log.positions["logs/app.log"])) == []


def test_history_is_read_first_oldest_first(log):
    for name, text in (
        ("app.log.10.gz", "1 a;\n"), ("app.log.2.gz", "2 b;\n"), ("app.log.1", "3 c;\n"), ("app.log", "4 d;\n"),
    ):  # fmt: skip
        log.append(gzip.compress(text.encode()) if name.endswith("gz") else text, name)
    assert log.lines() == ["1 a;", "2 b;", "3 c;", "4 d;"]


def test_dated_files_are_read_in_the_order_of_their_dates(log):
    for name, text in (
        ("app.log-20231231", "1 a;\n"), ("app.log-20240101.gz", "2 b;\n"), ("app.log-2024-02-01_13", "3 c;\n"),
        ("app.log-2024-02-01_14", "4 d;\n"), ("app.log", "5 e;\n"),
    ):  # fmt: skip
        log.append(gzip.compress(text.encode()) if name.endswith("gz") else text, name)
    assert log.lines() == ["1 a;", "2 b;", "3 c;", "4 d;", "5 e;"]
    assert list(log.positions) == ["logs/app.log"]


def test_a_log_that_gets_a_file_each_day_is_one_log(tmp_path):
    log = Log(tmp_path, "logs/*.log")
    log.append("1 a;\n", "web-2024-01-31.log")
    log.append("2 b;\n", "web-2024-02-01.log")
    log.append("7 x;\n", "db.log")
    log.batches()
    assert list(log.positions) == ["logs/db.log", "logs/web.log"]
    log.append("3 c;\n", "web-2024-02-01.log")
    log.append("4 d;\n", "web-2024-02-02.log")
    log.batches()
    assert b"".join(log.texts["logs/web.log"]) == b"1 a;\n2 b;\n3 c;\n4 d;\n"


def test_the_rest_of_a_rotated_file_is_read_before_the_new_one(log):
    log.append("1 a;\n")
    log.batches()
    log.append("2 b;\n")
    log.rename("app.log", "app.log.1")
    log.append("3 c;\n")
    first, second = log.batches()
    assert (first.rows.name, first.rows.first_line) == ("logs/app.log.1", 2)
    assert (second.rows.name, second.rows.first_line) == ("logs/app.log", 1)
    assert log.lines() == ["1 a;", "2 b;", "3 c;"]


def test_the_rest_of_a_file_that_was_rotated_and_compressed_twice_over_is_found(log):
    log.append("1 a;\n")
    log.batches()
    log.append("2 b;\n")
    log.rename("app.log", "app.log.1")
    log.pack("app.log.1")
    log.rename("app.log.1.gz", "app.log.3.gz")
    log.append("3 c;\n", "app.log.2")
    log.append("4 d;\n", "app.log.1")
    log.append("5 e;\n")
    assert log.lines() == ["1 a;", "2 b;", "3 c;", "4 d;", "5 e;"]


def test_lines_that_reach_a_rotated_file_late_are_read_too(log):
    log.append("1 a;\n")
    log.batches()
    log.rename("app.log", "app.log.1")
    log.append("3 c;\n")
    assert log.lines() == ["1 a;", "3 c;"]
    log.append("2 b;\n", "app.log.1")
    log.append("4 d;\n")
    assert log.lines() == ["1 a;", "3 c;", "2 b;", "4 d;"]


def test_a_log_that_was_copied_and_emptied_goes_on(log):
    log.append("1 a;\n2 b;\n")
    log.batches()
    log.append("3 c;\n")
    data = (log.folder / "app.log").read_bytes()
    log.append(data, "app.log.1")
    assert log.lines() == ["1 a;", "2 b;", "3 c;"]  # copied, not yet emptied
    (log.folder / "app.log").write_bytes(b"")
    assert log.batches() == []
    log.append("4 d;\n")
    assert log.lines() == ["1 a;", "2 b;", "3 c;", "4 d;"]


def test_a_log_that_was_emptied_without_a_copy_begins_anew(log):
    log.append("1 a;\n", "app.log.1")
    log.append("2 b;\n3 c;\n")
    log.batches()
    (log.folder / "app.log").write_bytes(b"4 d;\n")
    assert log.lines() == ["1 a;", "2 b;", "3 c;", "4 d;"]
    (log.folder / "app.log").write_bytes(b"5 e;\n6 f;\n7 g;\n")
    assert log.lines() == ["1 a;", "2 b;", "3 c;", "4 d;", "5 e;", "6 f;", "7 g;"]


def test_files_that_are_thrown_away_take_nothing_with_them(log):
    for number in range(1, 7):
        log.append(f"{number} x;\n")
        log.batches()
        if (log.folder / "app.log.1").exists():
            (log.folder / "app.log.1").unlink()
        log.rename("app.log", "app.log.1")
    assert log.lines() == [f"{n} x;" for n in range(1, 7)]


def test_all_files_being_new_ones_all_are_read(log):
    log.append("1 a;\n")
    log.batches()
    (log.folder / "app.log").unlink()
    log.append("5 e;\n", "app.log.1")
    log.append("6 f;\n")
    assert log.lines() == ["1 a;", "5 e;", "6 f;"]


def test_logs_of_ever_the_same_line_are_told_apart_when_they_are_renamed(log):
    log.append("1 tick;\n" * 10)
    log.batches()
    log.rename("app.log", "app.log.1")
    log.append("1 tick;\n", "app.log.1")
    log.append("1 tick;\n" * 15)
    assert len(log.lines()) == 26


def test_a_rotation_between_looking_and_reading_is_noticed(log):
    log.append("1 a;\n")
    log.batches()
    log.append("2 b;\n")
    source = log.source()
    source.partitions(())
    log.rename("app.log", "app.log.1")
    log.append("3 c;\n4 d;\n5 e;\n")
    found = list(source.read("logs/app.log", log.positions["logs/app.log"]))
    assert [b"".join(b.rows.chunks) for b in found] == [b"2 b;\n", b"3 c;\n4 d;\n5 e;\n"]
    assert [b.rows.name for b in found] == ["logs/app.log.1", "logs/app.log"]


def test_a_rotation_before_the_very_first_reading_is_noticed(log):
    log.append("1 a;\n")
    source = log.source()
    source.partitions(())
    log.rename("app.log", "app.log.1")
    log.append("2 b;\n3 c;\n")
    found = list(source.read("logs/app.log", None))
    assert [b"".join(b.rows.chunks) for b in found] == [b"1 a;\n", b"2 b;\n3 c;\n"]


def test_a_copy_and_emptying_between_looking_and_reading_is_noticed(log):
    log.append("1 a;\n")
    log.batches()
    log.append("2 b;\n")
    source = log.source()
    source.partitions(())
    log.append((log.folder / "app.log").read_bytes(), "app.log.1")
    (log.folder / "app.log").write_bytes(b"3 c;\n4 d;\n5 e;\n")
    found = list(source.read("logs/app.log", log.positions["logs/app.log"]))
    assert [b"".join(b.rows.chunks) for b in found] == [b"2 b;\n", b"3 c;\n4 d;\n5 e;\n"]


def test_a_log_that_is_emptied_while_it_is_read_gives_no_torn_lines(log, monkeypatch):
    log.append("1 a;\n2 b;\n3 c;\n")
    real = blocks.Cutter._more

    def more(cutter: blocks.Cutter) -> bytes:
        monkeypatch.setattr(blocks.Cutter, "_more", real)
        (log.folder / "app.log").write_bytes(b"4 d;\n")
        return real(cutter)

    monkeypatch.setattr(blocks.Cutter, "_more", more)
    assert log.lines() == ["4 d;"]


@pytest.mark.parametrize("size", [5, 10])
def test_compressed_history_that_fills_its_batches_is_not_unpacked_again(log, monkeypatch, size):
    monkeypatch.setattr(blocks, "BATCH", size)
    log.append(gzip.compress(b"1 a;\n2 b;\n"), "app.log.1.gz")
    log.batches()
    source = log.source()
    source.partitions(())
    monkeypatch.setattr("penstock.base.textfile.Reader.__init__", lambda *_: pytest.fail("it was opened"))
    assert list(source.read("logs/app.log", log.positions["logs/app.log"])) == []


def test_while_a_file_is_being_compressed_the_plain_one_counts(log):
    log.append("1 a;\n", "app.log.1")
    log.append(gzip.compress(b"1 a;\n")[:9], "app.log.1.gz")
    log.append("2 b;\n")
    assert log.lines() == ["1 a;", "2 b;"]


def test_a_link_to_the_log_is_no_second_log(tmp_path):
    log = Log(tmp_path, "logs/*.log")
    log.append("1 a;\n")
    (log.folder / "current.log").symlink_to("app.log")
    log.batches()
    assert list(log.positions) == ["logs/app.log"]


def test_reading_goes_on_from_the_middle_of_compressed_history(log, monkeypatch):
    monkeypatch.setattr(blocks, "BATCH", 50)
    want = [f"{n} x;" for n in range(100)]
    log.append(gzip.compress("".join(f"{x}\n" for x in want[:60]).encode()), "app.log.1.gz")
    log.append("".join(f"{x}\n" for x in want[60:]))
    source, position, got = log.source(), None, []
    for _ in range(1000):  # a new reader for every batch, as after a crash each time
        source.partitions(())
        batch = next(source.read("logs/app.log", position), None)
        if batch is None:
            break
        text = b"".join(batch.rows.chunks)
        assert batch.rows.first_line == (len(got) if len(got) < 60 else len(got) - 60) + 1
        got += text.decode().splitlines()
        assert len(text) <= 51
        position, source = decode(encode(batch.position)), log.source()
    assert got == want


def test_a_batch_is_bounded_and_a_position_small(log, monkeypatch):
    monkeypatch.setattr(blocks, "BATCH", 64 * 1024)
    log.append("".join(f"{n} some words to fill the line;\n" for n in range(20000)))
    found = log.batches()
    assert len(found) == pytest.approx((log.folder / "app.log").stat().st_size / 65536, abs=2)
    assert max(b.bytes for b in found) <= 65536 + 40
    assert max(len(encode(b.position)) for b in found) < 400


# ── the last line ───────────────────────────────────────────────────────────────────────────────────────


def test_a_half_line_is_left_until_it_is_whole(log):
    log.append("1 a;\n2 b")
    assert log.lines() == ["1 a;"]
    log.append("c;\n")
    assert log.lines() == ["1 a;", "2 bc;"]


def test_a_last_line_that_looks_whole_is_shown_apart_until_it_is_read_for_good(log):
    log.append("1 a;\n2 b;")
    assert (log.lines(), log.last()) == (["1 a;"], ["2 b;"])
    (batch,) = [b for b in log.batches() or [None] if b] or [None]
    assert batch is None
    log.append("c;")
    log.batches()
    assert (log.lines(), log.last()) == (["1 a;"], ["2 b;c;"])
    log.append("\n3 d;\n")
    assert (log.lines(), log.last()) == (["1 a;", "2 b;c;", "3 d;"], [])


def test_the_line_shown_apart_has_its_number(log):
    log.append("1 a;\n2 b;\n3 c;")
    found = log.batches()
    assert [(b.kind, b.rows.first_line) for b in found] == [(Kind.APPEND, 1), (Kind.SNAPSHOT, 3)]
    log.append("d;")
    (batch,) = log.batches()
    assert (batch.kind, batch.rows.first_line) == (Kind.SNAPSHOT, 3)


def test_a_last_line_that_nobody_finishes_is_shown_after_a_minute_whatever_it_looks_like(log):
    log.append("1 a;\nhalf")
    log.clock.at = (log.folder / "app.log").stat().st_mtime + 59
    assert (log.lines(), log.last()) == (["1 a;"], [])
    log.clock.at += 2
    assert (log.lines(), log.last()) == (["1 a;"], ["half"])
    log.append(" and more\n")
    assert (log.lines(), log.last()) == (["1 a;", "half and more"], [])


def test_the_last_line_of_a_rotated_file_is_final_once_the_log_goes_on(log):
    log.append("1 a;\n2 b")
    log.batches()
    log.rename("app.log", "app.log.1")
    assert log.lines() == ["1 a;"]
    log.append("3 c;\n")
    found = log.batches()
    assert [b"".join(b.rows.chunks) for b in found] == [b"2 b", b"3 c;\n"]


def test_the_last_line_of_a_compressed_file_is_final(log):
    log.append(gzip.compress(b"1 a;\n2 b"), "app.log.1.gz")
    assert b"".join(log.batches()[0].rows.chunks) == b"1 a;\n2 b"


def test_the_last_line_stays_when_the_whole_log_is_gone(tmp_path):
    log = Log(tmp_path, options={**LINE, "optional": True})
    log.append("1 a;\n2 b;")
    log.batches()
    (log.folder / "app.log").unlink()
    assert log.batches() == []
    assert log.last() == ["2 b;"]


# ── long, broken, foreign ───────────────────────────────────────────────────────────────────────────────


def test_a_line_of_ten_megabytes_is_one_line(log):
    log.append("1 " + "x" * 10_000_000 + ";\n2 b;\n")
    assert [len(line) for line in log.lines()] == [10_000_003, 4]


@pytest.mark.parametrize("before", ["", "1 a;\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_is_too_long_is_rejected_and_the_next_ones_are_read(log, monkeypatch, before, packed):
    monkeypatch.setattr(blocks, "BATCH", 1000)
    monkeypatch.setattr(blocks, "LONGEST", 2000)
    text = before + "2 " + "x" * 10_000 + ";\n3 c;\n4 d;\n"
    log.append(gzip.compress(text.encode()) if packed else text, "app.log.1.gz" if packed else "app.log")
    found = log.batches()
    (reject,) = [r for b in found for r in b.rejects]
    name = "logs/app.log.1.gz" if packed else "logs/app.log"
    assert reject.place == f"{name}:{2 if before else 1}"
    assert "10,004 bytes" in reject.reason
    assert b"".join(c for b in found for c in b.rows.chunks).decode() == before + "3 c;\n4 d;\n"
    assert [b.rows.first_line for b in found][-1] == (3 if before else 2)
    assert log.batches() == []
    if not packed:
        log.append("5 e;\n")
        (batch,) = log.batches()
        assert batch.rows.first_line == (5 if before else 4)


def test_a_damaged_file_is_one_error_and_what_stands_before_it_is_in(log):
    data = gzip.compress(b"2 b;\n")
    log.append(gzip.compress(b"1 a;\n"), "app.log.3.gz")
    log.append(data[:-6], "app.log.2.gz")
    log.append("3 c;\n")
    source = log.source()
    source.partitions(())
    reading = source.read("logs/app.log", None)
    first = next(reading)
    assert b"".join(first.rows.chunks) == b"1 a;\n"
    with pytest.raises(FatalError, match="cut off") as caught:
        next(reading)
    assert caught.value.where == "logs/app.log.2.gz"
    (log.folder / "app.log.2.gz").write_bytes(data)
    assert b"".join(c for b in source.read("logs/app.log", first.position) for c in b.rows.chunks) == b"2 b;\n3 c;\n"


def test_a_declared_encoding_becomes_utf8_and_what_is_not_of_it_is_rejected(tmp_path):
    log = Log(tmp_path, options={**LINE, "encoding": "cp1252"})
    log.append("1 ü;\n".encode("cp1252") + b"2 \x81;\n" + b"3 c;\n")
    (batch,) = log.batches()
    assert b"".join(batch.rows.chunks).decode() == "1 ü;\n\n3 c;\n"
    (reject,) = batch.rejects
    assert (reject.row, reject.place) == ("2 \\x81;", "logs/app.log:2")


def test_zstd_is_a_gap_with_a_name(log):
    log.append(b"\x28\xb5\x2f\xfd\x00\x00\x00", "app.log.1.zst")
    try:
        import compression.zstd  # noqa: F401
    except ImportError:
        with pytest.raises(UnsupportedError, match="zstd"):
            log.batches()


def test_a_pattern_that_matches_nothing_is_one_error_unless_it_may(tmp_path):
    with pytest.raises(FatalError, match="no file matches"):
        Log(tmp_path).batches()
    assert Log(tmp_path, options={**LINE, "optional": True}).batches() == []


@pytest.mark.parametrize(
    "position", [3, {}, {"files": []}, {"files": [{}]}, {"files": [{"offset": "x"}]}, {"files": 3}]
)
def test_a_position_that_is_not_ours_is_one_error(log, position):
    log.append("1 a;\n")
    log.positions["logs/app.log"] = position
    with pytest.raises(PenstockError, match="position"):
        log.batches()


def test_rejected_lines_come_again(log):
    log.append("1 a;\n")
    batch = log.source().again(["2 b;", "3 c;"], "logs/app.log")
    assert (b"".join(batch.rows.chunks), batch.position) == (b"2 b;\n3 c;\n", None)


def test_a_log_is_no_sink(log):
    with pytest.raises(UnsupportedError):
        CONNECTOR.sink(SinkTable("out", "t", log.table.connection), Context(log.root, log.root))


# ── any sequence of what happens to logs ────────────────────────────────────────────────────────────────

EVENTS = st.lists(
    st.sampled_from(["line", "line", "line", "half", "rotate", "copy", "pack", "read", "clear"]), max_size=40
)


class Writer:
    """Does to a log what daemons and logrotate do; `want` are the lines that were finished."""

    def __init__(self, log: Log) -> None:
        self.log, self.active = log, log.folder / "app.log"
        self.number, self.half = 0, ""
        self.want: list[str] = []

    def do(self, event: str) -> None:
        self.number += 1
        if event == "line":
            self.want.append(f"{self.half}{self.number} x;")
            self.log.append(f"{self.number} x;\n")
            self.half = ""
        elif event == "half":
            self.half += f"{self.number} "
            self.log.append(f"{self.number} ")
        elif event in ("rotate", "copy"):
            self.rotate(event)
        elif event == "pack" and self.rotated and self.rotated[-1].suffix != ".gz":
            self.log.pack(self.rotated[-1].name)
        elif event == "clear" and len(self.rotated) > 2:
            self.log.lines()
            self.rotated[0].unlink()

    @property
    def rotated(self) -> list[Path]:
        return sorted(self.log.folder.glob("app.log.*"), key=lambda p: -int(p.name.split(".")[2]))

    def rotate(self, event: str) -> None:
        if not self.active.exists() or self.half:
            return
        for path in self.rotated:
            _, _, old, *packed = path.name.split(".")
            path.rename(path.with_name(".".join(["app.log", str(int(old) + 1), *packed])))
        if event == "rotate":
            self.log.rename("app.log", "app.log.1")
        else:
            self.log.append(self.active.read_bytes(), "app.log.1")
            os.truncate(self.active, 0)


@settings(max_examples=150)
@given(EVENTS, st.sampled_from([7, 64, 10**6]))
def test_every_finished_line_is_read_once_in_order(tmp_path_factory, events, size):
    log = Log(tmp_path_factory.mktemp("p"))
    writer = Writer(log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BATCH", size)
        for event in [*events, "line", "read"]:
            writer.do(event)
            if event == "read" and any(log.folder.iterdir()):
                assert [line for line in log.lines() if line] == writer.want
                assert all(len(encode(p)) < 500 for p in log.positions.values())
