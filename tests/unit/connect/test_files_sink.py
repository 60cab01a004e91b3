"""Files as a sink: what readers see is always one whole epoch, whenever the writer dies."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from penstock.base.errors import ConfigError, FatalError
from penstock.connect.files import CONNECTOR
from penstock.engines.duck.export import DuckExporter
from penstock.engines.duck.intake import Intake
from penstock.model.schema import Schema
from penstock.model.sink import DeliveryNote, SinkTable
from penstock.model.source import Connection
from penstock.protocols.sink import Sink
from penstock.protocols.source import Context

SCHEMA = Schema.of([("n", "bigint"), ("word", "varchar")])


class Target:
    """A project's folder with a sink in it."""

    def __init__(self, root: Path, write: str, mode: str = "mirror", name: str = "out", **options: object) -> None:
        self.root = root
        self.path = root / write
        self.table = SinkTable(name, "t", Connection("files", "files"), write, mode, options=options)

    def sink(self) -> Sink:
        intake = Intake(self.root / "scratch")
        exporter = DuckExporter(lambda: intake)
        return CONNECTOR.sink(self.table, Context(self.root, self.root / "scratch", exporter=exporter))

    def stage(self, epoch: int, rows: str, *, whole: bool | None = None) -> Sink:
        sink = self.sink()
        is_whole = not sink.can.changes if whole is None else whole
        note = DeliveryNote(self.table.name, "t", SCHEMA, (), self.table.mode, is_whole, 0, epoch)
        sink.stage(note, duckdb.connect().sql(f"select n::bigint as n, word from ({rows}) v(n, word)"), None)
        return sink

    def deliver(self, epoch: int, rows: str, *, whole: bool | None = None) -> None:
        sink = self.stage(epoch, rows, whole=whole)
        sink.commit(epoch)
        sink.close()

    @property
    def files(self) -> list[str]:
        folder = self.path if self.path.is_dir() else self.path.parent
        return sorted(p.name for p in folder.iterdir())

    def listed(self) -> list[tuple[object, ...]]:
        """Return the rows of the files that the manifest lists."""
        manifest = json.loads((self.path / "manifest.json").read_text())
        found: list[tuple[object, ...]] = []
        for entry in manifest["files"]:
            rows = rows_of(self.path / entry["file"])
            assert (entry["rows"], entry["bytes"]) == (len(rows), (self.path / entry["file"]).stat().st_size)
            found += rows
        return sorted(found)


def rows_of(path: Path) -> list[tuple[object, ...]]:
    return duckdb.connect().execute(f"select * from '{path}' order by all").fetchall()


ONE, TWO = "values (1, 'a')", "values (2, 'b'), (3, null)"


# ── one file ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_parquet_file_is_the_table_with_its_types(tmp_path):
    target = Target(tmp_path, "deep/er/out.parquet")
    assert target.sink().epoch() is None
    target.deliver(3, TWO)
    assert rows_of(target.path) == [(2, "b"), (3, None)]
    assert duckdb.connect().execute(f"describe select * from '{target.path}'").fetchall()[0][:2] == ("n", "BIGINT")
    assert target.sink().epoch() == 3
    target.deliver(4, ONE)
    assert rows_of(target.path) == [(1, "a")]
    assert target.files == [".out.parquet.penstock.json", "out.parquet"]
    assert target.sink().can.changes is False


@pytest.mark.parametrize(
    ("write", "options", "text"),
    [
        ("out.csv", {}, "n,word\n2,b\n3,\n"),
        ("out.csv", {"delimiter": ";", "header": False}, "2;b\n3;\n"),
        ("out.csv.gz", {}, "n,word\n2,b\n3,\n"),
    ],
)
def test_a_csv_file_is_written_as_declared(tmp_path, write, options, text):
    target = Target(tmp_path, write, **options)
    target.deliver(1, TWO)
    data = target.path.read_bytes()
    assert (gzip.decompress(data) if write.endswith("gz") else data).decode() == text


def test_what_is_staged_is_not_seen_and_goes_when_the_sink_is_closed(tmp_path):
    target = Target(tmp_path, "out.parquet")
    target.deliver(1, ONE)
    sink = target.stage(2, TWO)
    assert rows_of(target.path) == [(1, "a")]
    assert target.sink().epoch() == 1
    sink.close()
    assert target.files == [".out.parquet.penstock.json", "out.parquet"]
    assert (rows_of(target.path), target.sink().epoch()) == ([(1, "a")], 1)


def test_a_second_commit_changes_nothing(tmp_path):
    target = Target(tmp_path, "out.parquet")
    sink = target.stage(2, TWO)
    sink.commit(2)
    before = target.path.stat()
    sink.commit(2)
    target.deliver(2, ONE)  # the same epoch again
    assert target.path.stat() == before
    with pytest.raises(FatalError, match="never staged"):
        sink.commit(3)


def test_an_older_writer_is_kept_out(tmp_path):
    target = Target(tmp_path, "out.parquet")
    target.deliver(5, ONE)
    with pytest.raises(FatalError, match="newer") as caught:
        target.stage(4, TWO)
    assert ".out.parquet.penstock.json" in caught.value.hint
    late = target.stage(6, TWO)
    target.deliver(7, ONE)
    with pytest.raises(FatalError, match="newer"):
        late.commit(6)
    assert rows_of(target.path) == [(1, "a")]


def test_a_file_of_the_users_own_is_not_overwritten(tmp_path):
    target = Target(tmp_path, "out.csv")
    target.path.write_text("mine")
    with pytest.raises(FatalError, match="did not write") as caught:
        target.deliver(1, ONE)
    assert "replace = true" in caught.value.hint
    assert target.path.read_text() == "mine"
    Target(tmp_path, "out.csv", replace=True).deliver(1, ONE)
    assert target.path.read_text() == "n,word\n1,a\n"


def test_a_file_that_was_deleted_or_changed_since_is_delivered_anew(tmp_path):
    target = Target(tmp_path, "out.csv")
    target.deliver(1, ONE)
    target.path.write_text("changed by hand")
    assert target.sink().epoch() is None
    target.deliver(1, TWO)
    target.path.unlink()
    assert target.sink().epoch() is None


def test_two_sinks_do_not_share_a_target(tmp_path):
    Target(tmp_path, "out.csv").deliver(1, ONE)
    with pytest.raises(FatalError, match="another sink"):
        Target(tmp_path, "out.csv", name="other").deliver(2, TWO)
    Target(tmp_path, "out/").deliver(1, ONE)
    with pytest.raises(FatalError, match="another sink"):
        Target(tmp_path, "out/", name="other").sink().epoch()


@pytest.mark.parametrize("text", ["{", "[]", '{"penstock": 99}'])
def test_a_record_that_cannot_be_read_is_one_error(tmp_path, text):
    target = Target(tmp_path, "out/")
    target.path.mkdir()
    (target.path / "manifest.json").write_text(text)
    with pytest.raises(FatalError) as caught:
        target.deliver(1, ONE)
    assert str(caught.value.where).endswith("manifest.json")


# ── a folder ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_gathers_the_rows_that_came(tmp_path):
    target = Target(tmp_path, "out/", "append")
    assert target.sink().can.changes is True
    target.deliver(2, ONE)
    target.deliver(5, TWO)
    assert target.listed() == [(1, "a"), (2, "b"), (3, None)]
    assert target.files == ["epoch-2.parquet", "epoch-5.parquet", "manifest.json"]
    manifest = json.loads((target.path / "manifest.json").read_text())
    assert manifest["schema"] == [{"name": "n", "type": "bigint"}, {"name": "word", "type": "varchar"}]
    assert (manifest["sink"], manifest["table"], manifest["epoch"], target.sink().epoch()) == ("out", "t", 5, 5)


def test_an_epoch_without_rows_leaves_no_file(tmp_path):
    target = Target(tmp_path, "out/", "append")
    target.deliver(2, ONE)
    target.deliver(3, "select 1, 'x' where false")
    assert (target.files, target.sink().epoch()) == (["epoch-2.parquet", "manifest.json"], 3)


def test_a_whole_delivery_replaces_what_was_gathered(tmp_path):
    target = Target(tmp_path, "out/", "append")
    target.deliver(2, ONE)
    target.deliver(3, TWO, whole=True)
    assert target.listed() == [(2, "b"), (3, None)]


def test_a_mirrored_folder_holds_the_last_epoch_and_the_one_before_for_those_who_still_read_it(tmp_path):
    target = Target(tmp_path, "out/", format="csv")
    for epoch in (1, 2, 3):
        target.deliver(epoch, f"values ({epoch}, 'x')")
    assert target.listed() == [(3, "x")]
    assert target.files == ["epoch-2.csv", "epoch-3.csv", "manifest.json"]
    (target.path / "epoch-3.csv").unlink()
    assert target.sink().epoch() is None


def test_rows_that_a_reader_took_away_do_not_come_again(tmp_path):
    target = Target(tmp_path, "out/", "append")
    target.deliver(1, ONE)
    (target.path / "epoch-1.parquet").unlink()
    assert target.sink().epoch() == 1


@pytest.mark.parametrize(
    ("write", "mode", "options", "said"),
    [
        ("", "mirror", {}, "needs `write`"),
        ("out.parquet", "append", {}, "one file"),
        ("out.parquet", "mirror", {"delimiter": ";"}, "means nothing"),
        ("out", "mirror", {"format": "xml"}, "unknown format"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, write, mode, options, said):
    with pytest.raises(ConfigError, match=said):
        Target(tmp_path, write, mode, **options).sink()


# ── dying ───────────────────────────────────────────────────────────────────────────────────────────────

CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_files_sink import Target
Target(Path(sys.argv[2]), sys.argv[3], sys.argv[4]).deliver(2, "values (2, 'b'), (3, null)")
"""


@pytest.mark.parametrize(
    ("write", "mode", "point"),
    [
        ("out.parquet", "mirror", "staged"),
        ("out.parquet", "mirror", "renamed"),
        *(("out/", mode, point) for mode in ("mirror", "append") for point in ("staged", "renamed", "manifest")),
    ],
)
def test_death_at_any_point_leaves_the_old_epoch_or_the_new_one(tmp_path, write, mode, point):
    single = not write.endswith("/")
    target = Target(tmp_path, write, mode)
    target.deliver(1, ONE)
    env = {**os.environ, "PENSTOCK_FAULT": f"files.sink.{point}"}
    args = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(tmp_path), write, mode]
    done = subprocess.run(args, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    shown = rows_of(target.path) if single else target.listed()
    old, new = [(1, "a")], [(2, "b"), (3, None)]
    after = new if mode == "mirror" else old + new
    committed = point == "manifest" or (single and point == "renamed")
    assert (shown, target.sink().epoch()) == ((after, 2) if committed else (old, 1))
    if not committed:
        target.deliver(2, TWO)
    target.deliver(3, "values (4, 'd')")
    want = [(4, "d")] if mode == "mirror" else [*old, *new, (4, "d")]
    assert (rows_of(target.path) if single else target.listed()) == want
    assert not [name for name in target.files if name.endswith(".tmp")]
