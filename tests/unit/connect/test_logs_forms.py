"""Logs as a source: real lines cut into the right parts, and times given their years."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.base.errors import ConfigError
from penstock.connect.logs import years
from penstock.model.schema import Schema
from penstock.protocols.source import Json, Kind, Lines, Time
from tests.unit.connect.logs_folder import Log

# ── forms ───────────────────────────────────────────────────────────────────────────────────────────────


def cut(form: Lines, path: Path) -> list[dict[str, str]]:
    """Cut the lines of a file as the engine's RE2 does; a line that does not match gives nothing."""
    names = re.findall(r"\(\?P<(\w+)>", form.pattern)
    con = duckdb.connect()
    rows = con.execute(
        "select regexp_extract(line, $p, ["
        + ", ".join(f"'{n}'" for n in names)
        + "]) from (select unnest(string_split("
        "content, chr(10))) as line from read_text($f)) where regexp_matches(line, $p)",
        {"p": form.pattern, "f": str(path)},
    ).fetchall()
    return [row[0] for row in rows]


def form_of(tmp_path: Path, **options: object) -> Lines:
    log = Log(tmp_path, options=options)
    log.append("x\n")
    form = log.batches()[0].rows.format
    assert isinstance(form, Lines)
    return form


def grep(pattern: str, path: Path) -> int:
    done = subprocess.run(["grep", "-cE", pattern, str(path)], capture_output=True, text=True, check=False)
    return int(done.stdout)


def test_the_real_access_log_is_cut_as_grep_counts_it(shared_data, tmp_path):
    path = shared_data / "logs" / "apache_access.log"
    form = form_of(tmp_path, format="combined")
    rows = cut(form, path)
    assert len(rows) == grep(r'^[^ ]+ [^ ]+ .+ \[[^]]+\] "[^"]*" [0-9]{3} ([0-9]+|-) "[^"]*" ".*"$', path) == 9999
    for status in ("200", "304", "404", "500"):
        assert sum(r["status"] == status for r in rows) == grep(rf'^[^"]*"[^"]*" {status} .*"$', path) > 0
    assert sum(r["method"] == "GET" for r in rows) == grep(r'\] "GET .*"$', path)
    assert all(r["path"].startswith(("/", "*", "http")) and r["protocol"] for r in rows)
    assert sum(r["size"] == "-" for r in rows) == grep(r'" [0-9]{3} - ".*"$', path) > 0
    assert sum(r["referer"] == "-" for r in rows) == grep(r' "-" "[^"]*"$', path) > 0
    assert form.times == {"time": Time("%d/%b/%Y:%H:%M:%S %z")}
    assert form.types == {"status": "smallint", "size": "bigint"}
    parsed = duckdb.connect().execute("select count(try_strptime(unnest, ?)) from unnest(?)", [
        form.times["time"].format, [r["time"] for r in rows]]).fetchone()  # fmt: skip
    assert parsed == (9999,)


def test_the_real_error_log_is_cut_as_grep_counts_it(shared_data, tmp_path):
    path = shared_data / "logs" / "apache.log"
    form = form_of(tmp_path, format="apache_error")
    rows = cut(form, path)
    assert len(rows) == grep(r"^\[", path) == 2000
    for level in ("error", "notice"):
        assert sum(r["level"] == level for r in rows) == grep(rf"^\[[^]]*\] \[{level}\]", path) > 0
    assert sum(r["client"] != "" for r in rows) == grep(r"\[client ", path) == 32
    assert not any("\r" in r["message"] for r in rows)
    assert rows[0]["message"] == "workerEnv.init() ok /etc/httpd/conf/workers2.properties"
    parsed = duckdb.connect().execute("select count(try_strptime(unnest, ?)) from unnest(?)", [
        form.times["time"].format, [r["time"] for r in rows]]).fetchone()  # fmt: skip
    assert parsed == (2000,)


@pytest.mark.parametrize(("name", "programs"), [("linux.log", 40), ("openssh.log", 1)])
def test_the_real_syslogs_are_cut_as_grep_counts_them(shared_data, tmp_path, name, programs):
    path = shared_data / "logs" / name
    form = form_of(tmp_path, format="syslog", year=2005)
    rows = cut(form, path)
    assert len(rows) == grep(r"^[A-Z][a-z]{2} ", path) == 2000
    assert sum(r["program"].startswith("sshd") for r in rows) == grep(r"^.{16}[^ ]+ sshd", path) > 0
    assert sum(r["pid"] != "" for r in rows) == grep(r"^.{16}[^ ]+ +(-- )?[^ :]+\[[0-9]+\]: ", path) > 0
    assert all(r["program"] for r in rows)
    assert len({r["program"] for r in rows}) <= programs
    parsed = duckdb.connect().execute("select count(try_strptime('2005 ' || unnest, ?)) from unnest(?)", [
        form.times["time"].format, [r["time"] for r in rows]]).fetchone()  # fmt: skip
    assert parsed == (2000,)


@pytest.mark.parametrize("name", ["apache.log", "apache_access.log", "linux.log", "openssh.log"])
def test_all_lines_of_the_real_logs_are_handed_over_even_the_last(shared_data, tmp_path, name):
    form = {"apache.log": "apache_error", "apache_access.log": "combined"}.get(name, "syslog")
    more = {"year": 2005} if form == "syslog" else {}
    log = Log(tmp_path, f"logs/{name}", options={"format": form, **more})
    log.append((shared_data / "logs" / name).read_bytes(), name)
    log.batches()
    text = b"".join(t for ts in log.texts.values() for t in ts)
    assert text.count(b"\n") == {"apache_access.log": 10000}.get(name, 2000) == grep("", shared_data / "logs" / name)


@pytest.mark.parametrize(
    ("line", "want"),
    [
        (r'h - - [x] "GET / HTTP/1.1" 200 -', ("GET / HTTP/1.1", "GET", "/", "HTTP/1.1")),
        (r'h - - [x] "-" 408 -', ("-", "", "", "")),
        (r'h - - [x] "" 400 0', ("", "", "", "")),
        (r'h - a b [x] "\x16\x03 \"q" 400 226', (r"\x16\x03 \"q", "", "", "")),
        (r'h - - [x] "GET /old" 200 5', ("GET /old", "GET", "/old", "")),
        (r'h - - [x] "GET /a b HTTP/1.0" 200 5', ("GET /a b HTTP/1.0", "", "", "")),
    ],
)
def test_a_request_that_is_none_is_kept_as_it_stands(tmp_path, line, want):
    path = tmp_path / "x.log"
    path.write_text(line)
    (row,) = cut(form_of(tmp_path, format="common"), path)
    assert tuple(row[n] for n in ("request", "method", "path", "protocol")) == want


def test_apache_24_errors_have_their_module_and_fractions_of_seconds(tmp_path):
    text = (
        "[Wed Oct 11 14:32:52.123456 2023] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187:81] AH1: no\n"
        "[Wed Oct 11 14:32:53.000001 2023] [mpm_event:notice] [pid 1] ready\n"
    )
    log = Log(tmp_path, options={"format": "apache_error"})
    log.append(text)
    form = log.batches()[0].rows.format
    first, second = cut(form, log.folder / "app.log")
    assert (first["module"], first["level"], first["tid"], first["client"]) == (
        "core", "error", "4328636416", "72.15.99.187:81",
    )  # fmt: skip
    assert (second["module"], second["pid"], second["message"]) == ("mpm_event", "1", "ready")
    parsed = duckdb.connect().execute("select strptime(?, ?)", [first["time"], form.times["time"].format]).fetchone()
    assert str(parsed[0]) == "2023-10-11 14:32:52.123456"


def test_json_lines_need_no_pattern(tmp_path):
    log = Log(tmp_path, options={"format": "jsonl"}, columns=Schema.of([("a", "bigint")]), clean={"b": "trim"})
    log.append('{"a":1}\n{"a":2}')
    found = log.batches()
    assert [b.kind for b in found] == [Kind.APPEND, Kind.SNAPSHOT]
    assert found[0].rows.format == Json(lines=True, types={"a": "bigint", "b": "varchar"})


def test_a_pattern_of_ones_own_takes_types_times_and_null_words(tmp_path):
    log = Log(
        tmp_path,
        options={
            "pattern": r"^(?<at>\S+) (?P<n>\S+) (?P<c>.*)$", "times": {"at": "%Y-%m-%dT%H:%M:%S"},
            "zone": "Europe/Berlin", "nulls": "-",
        },
        columns=Schema.of([("n", "bigint")]),
        clean={"c": "trim"},
    )  # fmt: skip
    log.append("x\n")
    assert log.batches()[0].rows.format == Lines(
        r"^(?P<at>\S+) (?P<n>\S+) (?P<c>.*)$", {"n": "bigint"},
        {"at": Time("%Y-%m-%dT%H:%M:%S", zone="Europe/Berlin")}, ("", "-"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "form of its lines"),
        ({"format": "common", "pattern": "(?P<a>.)"}, "form of its lines"),
        ({"format": "comined"}, "combined"),
        ({"pattern": "(.*)"}, "no named group"),
        ({"pattern": "(?P<a>.)(b)"}, "without a name"),
        ({"pattern": "(?P<a>.)(?P<a>.)"}, "twice"),
        ({"pattern": "(?P<a>.)(?=b)"}, "neither ahead nor back"),
        ({"pattern": "(?P<a>.)", "times": {"b": "%Y"}}, "no part 'b'"),
        ({"pattern": "(?P<a>.)", "year": 2005}, "means nothing"),
        ({"format": "syslog"}, "have no year"),
        ({"format": "syslog", "year": "soon"}, "have no year"),
        ({"format": "syslog", "year": 2005, "zone": "Mars/North"}, "unknown time zone"),
        ({"format": "combined", "zone": "UTC"}, "have their own"),
        ({"format": "combined", "encoding": "utf-16"}, "cannot be followed"),
        ({"format": "combined", "encoding": "klingon"}, "unknown encoding"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, said):
    with pytest.raises(ConfigError) as caught:
        Log(tmp_path, options=options).source()
    assert said in str(caught.value)


# ── years ───────────────────────────────────────────────────────────────────────────────────────────────

NIGHT = "Dec 31 23:59:58 h a: 1\nDec 31 23:59:59 h a: 2\nJan  1 00:00:01 h a: 3\n"


def dated(log: Log) -> list[tuple[str, str]]:
    """Return year and message of every line of what is new."""
    found = []
    for batch in log.batches():
        year = batch.rows.format.times["time"].prefix.strip()
        found += [(year, line[-1:]) for line in b"".join(batch.rows.chunks).decode().splitlines()]
    return found


def test_the_year_turns_when_december_becomes_january(tmp_path):
    log = Log(tmp_path, options={"format": "syslog", "year": 2005})
    log.append("Nov 30 00:00:00 h a: 0\n" + NIGHT)
    source = log.source()
    source.partitions(())
    assert [b.rows.first_line for b in source.read("logs/app.log", None)] == [1, 4]
    assert dated(log) == [("2005", "0"), ("2005", "1"), ("2005", "2"), ("2006", "3")]
    log.append("Feb  1 00:00:00 h a: 4\nDec  9 00:00:00 h a: 5\n")
    log.rename("app.log", "app.log.1")
    log.append("Jan  9 00:00:00 h a: 6\n")
    # From February to December is more than half a year: nothing was written meanwhile, or it is a straggler.
    assert dated(log) == [("2006", "4"), ("2005", "5"), ("2006", "6")]


def test_a_straggler_of_the_old_year_stays_in_it(tmp_path):
    log = Log(tmp_path, options={"format": "syslog", "year": 2005})
    log.append(NIGHT + "Dec 31 23:59:59 h a: 4\nJan  1 00:00:02 h a: 5\n")
    assert dated(log) == [("2005", "1"), ("2005", "2"), ("2006", "3"), ("2005", "4"), ("2006", "5")]


def test_the_year_goes_on_from_the_position(tmp_path):
    log = Log(tmp_path, options={"format": "syslog", "year": 2005})
    log.append("Dec 31 23:59:58 h a: 1\n")
    log.batches()
    log.append("Jan  1 00:00:00 h a: 2\n")
    assert dated(log) == [("2006", "2")]
    log.append("Mar  1 00:00:00 h a: 3")
    assert dated(log) == [("2006", "3")]


def test_the_year_can_be_told_from_the_time_of_the_file(tmp_path):
    log = Log(tmp_path, options={"format": "syslog", "year": "from file time", "zone": "UTC"})
    log.append("Jun 14 00:00:00 h a: 0\n" + NIGHT + "Jan  9 00:00:00 h a: 4\nJan 10 12:00:00 h a: 5\n")
    at = datetime(2006, 1, 9, 12, tzinfo=UTC).timestamp()
    os.utime(log.folder / "app.log", (at, at))
    assert dated(log) == [
        ("2005", "0"), ("2005", "1"), ("2005", "2"), ("2006", "3"), ("2006", "4"), ("2006", "5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "wants"),
    [("Jan  1", 2006), ("Jan 15", 2006), ("Jan 16", 2006), ("Jan 17", 2005), ("Feb  2", 2005), ("Dec 31", 2005)],
)
def test_a_day_after_the_time_of_the_file_is_of_the_year_before(day, wants):
    at = int(datetime(2006, 1, 15, tzinfo=UTC).timestamp() * 1e9)
    text = f"{day} 00:00:00 h a: x\n".encode()
    assert [(t, r.year) for t, r in years.by_file(text, at)] == [(text, wants)]


@given(st.lists(st.sampled_from([m.decode() for m in years.MONTHS]), max_size=30), st.booleans())
def test_no_line_is_lost_where_the_year_turns(months, first):
    text = "".join(f"{m} 10 00:00:00 h a: {n}\n" for n, m in enumerate(months)).encode()
    at = int(datetime(2006, 6, 15, tzinfo=UTC).timestamp() * 1e9)
    found = list(years.by_first(text, 2005, years.Reached()) if first else years.by_file(text, at))
    assert b"".join(t for t, _ in found) == text
    assert all(t.endswith(b"\n") for t, _ in found if t)
