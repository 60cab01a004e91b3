"""A folder with a log in it, and what a warehouse would hold of it."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

from penstock.connect.logs import CONNECTOR
from penstock.connect.logs.source import LAST
from penstock.model.position import Position, decode, encode
from penstock.model.source import Connection, RawTable
from penstock.protocols.source import Batch, Context, Kind, Source

LINE = {"pattern": r"^(?P<n>[0-9]+) (?P<word>.*);$"}


class StillClock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits here, not even {seconds} s")


class Log:
    """A folder with a log in it, and what a warehouse would hold: rows and rejects by partition."""

    def __init__(self, root: Path, read: str = "logs/app.log*", **fields: object) -> None:
        self.root = root
        self.folder = root / "logs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.clock = StillClock()
        self.table = RawTable("raw.t", Connection("logs", "logs"), read=read, **{"options": LINE, **fields})
        self.positions: dict[str, Position] = {}
        self.texts: dict[str, list[bytes]] = {}
        self.source_now: Source | None = None

    def source(self) -> Source:
        return CONNECTOR.source(self.table, Context(self.root, self.root / "scratch", self.clock))

    def append(self, text: str | bytes, name: str = "app.log") -> None:
        with (self.folder / name).open("ab") as out:
            out.write(text.encode() if isinstance(text, str) else text)

    def rename(self, old: str, new: str) -> None:
        (self.folder / old).rename(self.folder / new)

    def pack(self, name: str) -> None:
        path = self.folder / name
        (self.folder / f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()

    def batches(self) -> list[Batch]:
        """Read what is new, and remember the positions as a warehouse would: as text."""
        source, found = self.source(), []
        for name in source.partitions(tuple(self.positions)):
            for batch in source.read(name, self.positions.get(name)):
                found.append(batch)
                self.positions[name] = decode(encode(batch.position))
                old = [] if batch.kind == Kind.SNAPSHOT else self.texts.get(name, [])
                self.texts[name] = [*old, b"".join(batch.rows.chunks)]
        source.close()
        return found

    def lines(self) -> list[str]:
        """Read what is new, and return every finished line so far."""
        self.batches()
        text = b"".join(t for name, ts in self.texts.items() if not name.endswith(LAST) for t in ts)
        return text.decode().split("\n")[:-1] if text.endswith(b"\n") else text.decode().split("\n")

    def last(self) -> list[str]:
        """Return the line that is not finished, as it was last read."""
        found = [t for name, ts in self.texts.items() if name.endswith(LAST) for t in ts]
        return b"".join(found).decode().splitlines()
