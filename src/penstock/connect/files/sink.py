"""The files sinks: one file that is always whole, or a folder of files with a manifest of those that count."""

from __future__ import annotations

import contextlib
import json
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.base import durable, faults
from penstock.base.errors import ConfigError, FatalError
from penstock.base.record import record
from penstock.protocols.sink import SinkCan

if TYPE_CHECKING:
    from penstock.model.sink import DeliveryNote, SinkTable
    from penstock.protocols.export import Exporter
    from penstock.protocols.sink import Sink
    from penstock.protocols.source import Context

MANIFEST = "manifest.json"
_VERSION = 1
_ENDINGS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv"}


@record
class Target:
    """Where a sink writes, and in which form."""

    sink: str
    table: str
    path: Path
    mode: str
    format: str
    options: dict[str, Any]
    replace: bool
    exporter: Exporter


def file_sink(sink: SinkTable, context: Context) -> Sink:
    """Make the sink that a declaration means: `exports/daily.parquet` is a file, `exports/daily/` a folder."""
    if not sink.write:
        hint = "such as write = 'exports/daily.parquet'"
        raise ConfigError("a files sink needs `write`", where=sink.where, hint=hint)
    if context.exporter is None:
        raise FatalError("this engine cannot write files", where=sink.name)
    path = context.root / sink.connection.address / sink.write
    bare = Path(sink.write).with_suffix("") if sink.write.endswith(".gz") else Path(sink.write)
    known = _ENDINGS.get(bare.suffix.lower(), "")
    folder = sink.write.endswith("/") or not known
    options: dict[str, Any] = {n: sink.options[n] for n in ("delimiter", "header", "compression") if n in sink.options}
    if sink.write.endswith(".gz"):
        options.setdefault("compression", "gzip")
    form = str(sink.options.get("format") or known or "parquet")
    _sensible(sink, form, options)
    replace = bool(sink.options.get("replace", False))
    target = Target(sink.name, sink.table, path, sink.mode, form, options, replace, context.exporter)
    if folder:
        return FolderSink(target)
    if sink.mode != "mirror":
        hint = f"write a folder, such as '{bare.with_suffix('')}/'"
        raise ConfigError("rows cannot be added to one file safely", where=sink.where, hint=hint)
    return FileSink(target)


def _sensible(sink: SinkTable, form: str, options: dict[str, Any]) -> None:
    if form not in ("parquet", "csv"):
        raise ConfigError(f"unknown format '{form}'", where=sink.where, expected="parquet or csv")
    odd = [name for name in ("delimiter", "header") if name in options and form != "csv"]
    if odd:
        raise ConfigError(f"`{odd[0]}` means nothing for {form}", where=sink.where, expected="it with csv")


class _Files:
    """What both have in common: a record of what was delivered, the fence, and files that wait unseen."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._staged: tuple[int, Path] | None = None

    @property
    @abstractmethod
    def record(self) -> Path:
        """The file that says what was delivered."""

    @abstractmethod
    def epoch(self) -> int | None:
        """Return the epoch that the target shows."""

    def close(self) -> None:
        """Drop what was staged and not committed."""
        if self._staged is not None:
            self._staged[1].unlink(missing_ok=True)
            self._staged = None

    def _recorded(self) -> dict[str, Any] | None:
        """Read the record; raises `FatalError` when it is another sink's or cannot be read."""
        try:
            found = json.loads(self.record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            hint = "delete it to deliver the whole table anew"
            raise FatalError("the sink's record is damaged", where=str(self.record), hint=hint) from error
        if not isinstance(found, dict) or found.get("penstock") != _VERSION:
            hint = "move it away, or write elsewhere"
            raise FatalError("this file is not a record of Penstock's", where=str(self.record), hint=hint)
        if found.get("sink") != self._target.sink:
            raise FatalError(
                "the target belongs to another sink", where=str(self._target.path), expected=self._target.sink,
                got=str(found.get("sink")), hint=f"write elsewhere, or delete {self.record.name} to take it over",
            )  # fmt: skip
        return found

    def _write_record(self, fields: dict[str, Any]) -> None:
        whole = {"penstock": _VERSION, "sink": self._target.sink, "table": self._target.table, **fields}
        durable.write_text(self.record, json.dumps(whole, indent=1) + "\n")

    def _fence(self, epoch: int) -> bool:
        """Tell whether an epoch is already there; raises `FatalError` when a newer one is."""
        there = self.epoch()
        if there is not None and there > epoch:
            hint = (
                f"another warehouse writes here too, or this one was reset: "
                f"delete {self.record.name} to deliver the whole table anew"
            )
            raise FatalError(
                "the target is newer than this delivery", where=str(self._target.path),
                expected=f"at most epoch {epoch}", got=f"epoch {there}", hint=hint,
            )  # fmt: skip
        return there == epoch

    def _write(self, rows: Any, waiting: Path) -> int:
        """Write rows into a file that waits under a hidden name, on the disk before it returns."""
        target = self._target
        count = target.exporter.write_file(rows, waiting, target.format, target.options)
        durable.sync_file(waiting)
        return count

    def _take(self, epoch: int) -> Path | None:
        """Return the file that waits for an epoch; None when the epoch is already shown."""
        if self._staged is not None and self._staged[0] == epoch:
            self._fence(epoch)
            waiting = self._staged[1]
            self._staged = None
            return waiting
        if self.epoch() != epoch:
            raise FatalError(f"epoch {epoch} was never staged", where=str(self._target.path))
        return None


class FileSink(_Files):
    """One file, equal to the table: written beside, then renamed over the old one.

    The record beside it lists the old and the new file by their identity on the disk; the rename alone decides
    which of the two epochs the target shows.
    """

    can = SinkCan(modes=frozenset({"mirror"}), changes=False)

    @property
    def record(self) -> Path:
        path = self._target.path
        return path.with_name(f".{path.name}.penstock.json")

    def epoch(self) -> int | None:
        entry = self._shown()
        return None if entry is None else int(entry["epoch"])

    def _shown(self) -> dict[str, Any] | None:
        there = _identity(self._target.path)
        entries = (self._recorded() or {}).get("files", [])
        return next((e for e in entries if there is not None and e["file"] == there), None)

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:  # noqa: ARG002
        self.close()
        path = self._target.path
        if self._fence(note.epoch):
            return
        self._own(path)
        durable.make_folder(path.parent)
        for left in path.parent.glob(f".{_literal(path.name)}.*.tmp"):
            left.unlink(missing_ok=True)
        waiting = path.with_name(f".{path.name}.epoch-{note.epoch}.tmp")
        self._staged = (note.epoch, waiting)
        rows = self._write(plus, waiting)
        shown = self._shown()
        new = {"epoch": note.epoch, "rows": rows, "file": _identity(waiting)}
        self._write_record({"files": [new] if shown is None else [shown, new]})
        faults.point("files.sink.staged")

    def commit(self, epoch: int) -> None:
        waiting = self._take(epoch)
        if waiting is not None:
            durable.move(waiting, self._target.path)
            faults.point("files.sink.renamed")

    def _own(self, path: Path) -> None:
        if path.is_dir():
            raise FatalError("a folder stands where the file should go", where=str(path))
        if path.exists() and not self._target.replace and self._recorded() is None:
            hint = "move it away, or say `replace = true`"
            raise FatalError("a file is there that this sink did not write", where=str(path), hint=hint)


class FolderSink(_Files):
    """A folder: `epoch-N` files and a manifest; what the manifest lists is the table, or all rows ever delivered.

    Files that it does not list are left by a crash, or are those of the epoch before, and go with the next delivery.
    """

    @property
    def can(self) -> SinkCan:
        return SinkCan(modes=frozenset({"mirror", "append"}), changes=self._target.mode == "append")

    @property
    def record(self) -> Path:
        return self._target.path / MANIFEST

    def epoch(self) -> int | None:
        found = self._recorded()
        if found is None:
            return None
        listed = [self._target.path / entry["file"] for entry in found["files"]]
        whole = self._target.mode == "append" or all(path.is_file() for path in listed)
        return int(found["epoch"]) if whole else None

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:  # noqa: ARG002
        self.close()
        if self._fence(note.epoch):
            return
        folder = self._target.path
        durable.make_folder(folder)
        old = (self._recorded() or {}).get("files", [])
        self._sweep({entry["file"] for entry in old})
        name = f"epoch-{note.epoch}.{self._ending}"
        waiting = folder / f".{name}.tmp"
        self._staged = (note.epoch, waiting)
        rows = self._write(plus, waiting)
        new = {"file": name, "epoch": note.epoch, "rows": rows, "bytes": waiting.stat().st_size}
        replaces = note.whole or self._target.mode == "mirror"
        kept = [] if replaces else old
        files = [*kept, new] if rows or replaces else kept
        schema = [{"name": c.name, "type": c.type} for c in note.schema]
        self._next: dict[str, Any] = {"epoch": note.epoch, "mode": self._target.mode, "schema": schema, "files": files}
        faults.point("files.sink.staged")

    def commit(self, epoch: int) -> None:
        waiting = self._take(epoch)
        if waiting is None:
            return
        name = waiting.name.removeprefix(".").removesuffix(".tmp")
        if any(entry["file"] == name for entry in self._next["files"]):
            durable.move(waiting, self._target.path / name)
        else:
            waiting.unlink()
        faults.point("files.sink.renamed")
        self._write_record(self._next)
        faults.point("files.sink.manifest")

    @property
    def _ending(self) -> str:
        form, packed = self._target.format, self._target.options.get("compression")
        return f"{form}.gz" if form == "csv" and packed == "gzip" else form

    def _sweep(self, listed: set[str]) -> None:
        for pattern in ("epoch-*", ".epoch-*.tmp", f".{MANIFEST}.*.tmp"):
            for path in self._target.path.glob(pattern):
                if path.name not in listed:
                    with contextlib.suppress(FileNotFoundError):
                        path.unlink()


def _identity(path: Path) -> str | None:
    """Return what a file keeps when it is renamed and loses when it is written anew."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def _literal(name: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
