"""A project's folder with files in it, and what a warehouse would hold of them."""

import csv
import gzip
import io
import os
from datetime import UTC, datetime
from pathlib import Path

from penstock.connect.files import CONNECTOR
from penstock.model.position import Position, decode, encode
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Batch, Context, Csv, Json, Kind, Scan, Source, Text


class FakeClock:
    """A clock that stands until someone waits, and then calls what the test wants to happen meanwhile."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
        self.waits: list[float] = []
        self.meanwhile = lambda: None

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds
        self.meanwhile()


class Folder:
    """A project's folder and the raw table that reads it, with what a warehouse would hold of it."""

    def __init__(self, root: Path, read: str = "data/*", **fields: object) -> None:
        self.root = root
        self.clock = FakeClock()
        self.table = RawTable("raw.t", Connection("files", "files"), read=read, **fields)
        self.positions: dict[str, Position] = {}
        self.rows: dict[str, list[list[str]]] = {}
        (root / "data").mkdir(exist_ok=True, parents=True)

    def source(self) -> Source:
        return CONNECTOR.source(self.table, Context(self.root, self.root / "scratch", self.clock))

    def write(self, name: str, data: bytes | str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def append(self, name: str, data: str) -> None:
        with (self.root / name).open("ab") as out:
            out.write(data.encode())

    def touch(self, name: str) -> None:
        path = self.root / name
        at = path.stat().st_mtime_ns + 10**9
        os.utime(path, ns=(at, at))

    def batches(self) -> dict[str, list[Batch]]:
        """Read what is new, and remember the positions as a warehouse would: as text."""
        source, found = self.source(), {}
        for name in source.partitions(tuple(self.positions)):
            for batch in source.read(name, self.positions.get(name)):
                found.setdefault(name, []).append(batch)
                self.positions[name] = decode(encode(batch.position))
        source.close()
        return found

    def load(self) -> dict[str, list[list[str]]]:
        """Read what is new into `rows`, as appends add and snapshots replace."""
        for name, batches in self.batches().items():
            for batch in batches:
                old = [] if batch.kind == Kind.SNAPSHOT else self.rows.get(name, [])
                self.rows[name] = old + parsed(batch)
        return self.rows

    @property
    def flat(self) -> list[list[str]]:
        self.load()
        return [row for name in sorted(self.rows) for row in self.rows[name]]


def text_of(batch: Batch) -> bytes:
    rows = batch.rows
    if isinstance(rows, Text):
        return b"".join(rows.chunks)
    assert isinstance(rows, Scan)
    data = Path(rows.files[0].path).read_bytes()
    return gzip.decompress(data) if rows.files[0].compression == "gzip" else data


def parsed(batch: Batch) -> list[list[str]]:
    form, text = batch.rows.format, text_of(batch).decode("utf-8-sig")
    if isinstance(form, Json):
        return [[line] for line in text.split("\n") if line.strip()]
    assert isinstance(form, Csv)
    text = "".join(text.splitlines(keepends=True)[form.skip :])
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter) if row]
    return rows[1:] if form.header else rows
