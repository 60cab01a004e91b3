"""The side that borrows: an engine whose calls are carried out by the process that holds the warehouse."""

from __future__ import annotations

import os
import secrets
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from penstock._version import __version__
from penstock.base.errors import PenstockError, RetryableError
from penstock.engines.lent import place, wire
from penstock.engines.lent.wire import Far, Line, Packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.model.schema import Schema
    from penstock.protocols.engine import EngineCan
    from penstock.protocols.source import Text

    Pack = Callable[[Any, Path], tuple[tuple[str, bool], ...]]
    Unpack = Callable[[str, Any], Any]


def borrow(at: Path, warehouse: str, pack: Pack, unpack: Unpack) -> Borrowed | None:
    """Borrow a warehouse at a place; None where nobody lends it there.

    `pack` and `unpack` carry rows through files. Raises `RetryableError` where it is another version that lends it.
    """
    end = place.reach(at)
    if end is None:
        return None
    line = Line(end)
    found = _greeted(line, warehouse, "")
    if found is None or found["warehouse"] != warehouse:
        line.close()
        return None
    if (found["penstock"], found["protocol"]) != (__version__, wire.PROTOCOL):
        line.close()
        raise RetryableError(
            f"the project is served by process {found['pid']}, which is another version of Penstock",
            expected=f"Penstock {__version__}",
            got=f"Penstock {found['penstock']}",
            hint="stop that process, or start it again with this version",
        )
    return Borrowed(at, found, line, pack, unpack)


def _greeted(line: Line, warehouse: str, session: str) -> dict[str, Any] | None:
    own = {"penstock": __version__, "protocol": wire.PROTOCOL, "warehouse": warehouse, "session": session}
    try:
        line.greet(own)
        found = line.greeted()
    except (EOFError, OSError):
        return None
    return found if {"penstock", "protocol", "pid", "warehouse", "session", "scratch"} <= set(found) else None


class Borrowed:
    """A warehouse that another process holds; see `protocols.engine.Engine` for what each method does.

    Every thread has a line of its own. Ctrl-C while a call is waited for stops it on the other side, too.
    """

    def __init__(self, at: Path, greeting: dict[str, Any], line: Line, pack: Pack, unpack: Unpack) -> None:
        self.pid = int(greeting["pid"])
        self.unpack = unpack
        self._at, self._pack = at, pack
        self._warehouse, self._session = greeting["warehouse"], greeting["session"]
        self._scratch = Path(greeting["scratch"])
        self._own = threading.local()
        self._own.line = line
        self._first = line  # while it is there the other side keeps what this one has borrowed
        self._lines: WeakSet[Line] = WeakSet([line])

    def __getattr__(self, name: str) -> Any:
        """Return what asks the other side; it knows what can be asked."""
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self.ask, 0, name)

    @property
    def can(self) -> EngineCan:
        found: EngineCan = self.ask(0, "can")
        return found

    @property
    def version(self) -> int:
        return int(self.ask(0, "version"))

    def read(self, *given: Any, **named: Any) -> BorrowedRows:
        return BorrowedRows(self, *self.ask(0, "read", *given, **named))

    def begin(self) -> BorrowedTxn:
        return BorrowedTxn(self, *self.ask(0, "begin"))

    def prepare(self, *given: Any) -> BorrowedThing:
        return BorrowedThing(self, *self.ask(0, "prepare", *given))

    def exporter(self) -> BorrowedThing:
        return BorrowedThing(self, *self.ask(0, "exporter"))

    @contextmanager
    def turn(self, waits: Callable[[], None] | None = None) -> Iterator[None]:
        if not self.ask(0, "turn", False):
            if waits is not None:
                waits()
            self.ask(0, "turn", True)
        try:
            yield
        finally:
            self.ask(0, "over")

    def tell(self, run: str, event: Any) -> None:
        """Let whoever holds the warehouse know what happens in a run."""
        self.ask(0, "tell", run, event)

    def close(self) -> None:
        """Give all back."""
        for line in list(self._lines):
            line.close()

    # -- calls -------------------------------------------------------------------------------------------------

    def ask(self, number: int, name: str, *given: Any, **named: Any) -> Any:
        """Have something called on the other side; raises what was raised there."""
        files: list[Path] = []
        try:
            call = wire.asked((number, name, given, named), partial(self._packed, files), partial(self._spooled, files))
            kind, *answer = self._answer(call)
        except BaseException:
            for file in files:
                file.unlink(missing_ok=True)
            raise
        if kind == "done":
            return answer[0]
        if kind == "interrupted":
            raise KeyboardInterrupt
        if kind == "raised":
            raise _error(*answer)
        raise RuntimeError(f"process {self.pid}, which holds the warehouse: {answer[0]}\n{answer[1]}")

    def _answer(self, call: bytes) -> Any:
        line = self._line()
        try:
            line.send(call)
            try:
                return wire.read(line.receive())
            except KeyboardInterrupt:
                with suppress(OSError, EOFError):
                    line.interrupt()
                    line.receive()
                raise
        except (EOFError, OSError) as error:
            raise self._gone() from error

    def _line(self) -> Line:
        line: Line | None = getattr(self._own, "line", None)
        if line is None:
            end = place.reach(self._at)
            line = None if end is None else Line(end)
            if line is None or _greeted(line, self._warehouse, self._session) is None:
                if line is not None:
                    line.close()
                raise self._gone()
            self._own.line = line
            self._lines.add(line)
        return line

    def _gone(self) -> RetryableError:
        said = f"process {self.pid}, which holds the warehouse, has ended meanwhile"
        return RetryableError(said, hint="run the command again: what was committed stays")

    def _file(self, files: list[Path], word: str) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        files.append(self._scratch / f"{word}-{os.getpid()}-{secrets.token_hex(8)}")
        return files[-1]

    def _packed(self, files: list[Path], rows: Any) -> Packed:
        path = self._file(files, "parcel")
        return Packed(str(path), self._pack(rows, path))

    def _spooled(self, files: list[Path], text: Text) -> str:
        path = self._file(files, "text")
        with path.open("wb") as out:
            out.writelines(text.chunks)
        return str(path)


def _error(kind: type[PenstockError], args: tuple[Any, ...], said: dict[str, Any]) -> PenstockError:
    found = kind.__new__(kind)
    found.args = args
    vars(found).update(said)
    return found


class BorrowedThing(Far):
    """Something that the other side keeps; what is asked of it is asked there."""

    def __init__(self, engine: Borrowed, number: int, about: Any) -> None:
        self.number = number
        self._engine, self._about = engine, about
        self._closed = False

    def close(self) -> None:
        """Have the other side let go of it."""
        if not self._closed:
            self._closed = True
            self._engine.ask(self.number, "close")

    def __getattr__(self, name: str) -> Any:
        """Return what asks the other side; it knows what can be asked."""
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self._engine.ask, self.number, name)


class BorrowedTxn(BorrowedThing):
    """A transaction; see `protocols.engine.Txn` for what each method does."""

    @property
    def version(self) -> int:
        return int(self._about)

    def read(self, *given: Any) -> BorrowedRows:
        return BorrowedRows(self._engine, *self._engine.ask(self.number, "read", *given))

    def commit(self, *given: Any) -> None:
        self._engine.ask(self.number, "commit", *given)
        self._closed = True

    def rollback(self) -> None:
        if not self._closed:
            self._engine.ask(self.number, "rollback")
            self._closed = True


class BorrowedRows(BorrowedThing):
    """Rows; see `protocols.engine.Rows` for what each method does."""

    _parcel: Any = None

    @property
    def schema(self) -> Schema:
        found: Schema = self._about
        return found

    def native(self) -> Any:
        return self._unpacked().native()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._unpacked().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> Any:
        return self._unpacked().__arrow_c_schema__()

    def close(self) -> None:
        if self._parcel is not None:
            self._parcel.close()
        super().close()

    def _unpacked(self) -> Any:
        if self._parcel is None:
            packed: Packed = self._engine.ask(self.number, "packed")
            self._parcel = self._engine.unpack(packed.path, packed.columns)
        return self._parcel
