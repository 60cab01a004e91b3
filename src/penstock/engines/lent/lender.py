"""The side that holds the warehouse: it carries out the calls of other processes, each in a thread of its own.

What a process was given (a transaction, rows, a batch made ready) is kept under a number until it lets go of it, or
ends: then what runs for it is interrupted, its transaction rolled back, and its turn is over.
"""

from __future__ import annotations

import itertools
import os
import queue
import secrets
import socket
import struct
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock._version import __version__
from penstock.base.errors import FatalError, PenstockError
from penstock.base.theirs import said, theirs
from penstock.engines.lent import place, wire
from penstock.engines.lent.wire import Interrupted, Line, Packed
from penstock.protocols.engine import Engine, Reading, Rows, StoppedError, Txn
from penstock.protocols.export import Exporter
from penstock.protocols.source import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.engines.turns import Turns

_CHUNK = 1 << 20
_LONGEST_GOODBYE = 10.0
_AGAIN = 0.05


def _names(protocol: type) -> frozenset[str]:
    return frozenset(name for name in vars(protocol) if not name.startswith("_"))


# What may be called of each kind of thing; turns and rows as files are spelled out below.
_MAY = {
    "engine": _names(Engine) - {"close", "turn"}, "txn": _names(Txn), "rows": _names(Rows) - {"native"},
    "reading": _names(Reading), "exporter": _names(Exporter),
}  # fmt: skip
# The calls that give something to be kept, and its kind.
_GIVES = {"begin": "txn", "read": "rows", "prepare": "reading", "exporter": "exporter"}
_LETS_GO = frozenset({"close", "commit", "rollback"})


class _Broken(Exception):  # noqa: N818  # what is told of one
    """Something went wrong that should not have."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(said(error), "".join(traceback.format_exception(error)))


@dataclass
class Lent:
    """What is lent, and how: `pack` and `unpack` carry rows through files, `tell` hears of events of other processes.

    `warehouse` says which one it is, `scratch` is the folder for files on their way.
    """

    engine: Any
    turns: Turns
    warehouse: str
    scratch: Path
    pack: Callable[[Any, Path], tuple[tuple[str, bool], ...]]
    unpack: Callable[[str, Any], Any]
    tell: Callable[[str, Any], None] | None = None


@dataclass
class _Kept:
    """Something a process was given, its kind, and the parcels of rows that it is made of."""

    kind: str
    thing: Any
    parcels: list[Any] = field(default_factory=list)

    def let_go(self) -> None:
        """Close it, or roll it back."""
        if self.kind == "txn":
            self.thing.rollback()
        elif self.kind != "exporter":
            self.thing.close()
        for parcel in self.parcels:
            parcel.close()


class _Session:
    """All that one process has borrowed, over all of its lines."""

    def __init__(self, lent: Lent) -> None:
        self.lent = lent
        self.lines = 0
        self.kept: dict[int, _Kept] = {0: _Kept("engine", lent.engine)}
        self._numbers = itertools.count(1)

    def keep(self, kept: _Kept) -> int:
        """Keep something; returns its number."""
        number = next(self._numbers)
        self.kept[number] = kept
        return number

    def end(self) -> None:
        """Let go of everything, the youngest first."""
        for number in sorted(self.kept, reverse=True):
            if number:
                with suppress(PenstockError):  # it is gone already, which is all that is wanted
                    self.kept[number].let_go()
        self.kept.clear()
        self.lent.turns.give(self, wholly=True)


class _Desk:
    """Works on what comes in over one line, one call after the other."""

    def __init__(self, line: Line, session: _Session) -> None:
        self.line, self.session, self.lent = line, session, session.lent
        self._calls: queue.Queue[bytes | None] = queue.Queue()
        self._running: Any = None
        self._stopped = False
        self._idle = threading.Event()
        self._idle.set()

    def listen(self) -> None:
        """Take calls in until the other side hangs up."""
        worker = threading.Thread(target=self._work, name="lent call", daemon=True)
        worker.start()
        while True:
            try:
                call = self.line.receive()
            except Interrupted:
                self.interrupt()
            except EOFError:
                break
            else:
                self._stopped = False
                self._idle.clear()
                self._calls.put(call)
        self._calls.put(None)
        self.interrupt()
        worker.join()

    def interrupt(self) -> None:
        """Stop what is being done, and wait for its end; what has only just begun hears nothing the first time."""
        self._stopped = True
        while not self._idle.is_set():
            self.lent.turns.look_again()
            running = self._running
            if hasattr(running, "stop"):
                running.stop()
            self._idle.wait(_AGAIN)

    def _work(self) -> None:
        while (data := self._calls.get()) is not None:
            answer = self._answer(data)
            self._idle.set()
            with suppress(OSError):  # whoever asked is gone
                self.line.send(answer)

    def _answer(self, data: bytes) -> bytes:
        """Carry out a call; a mistake of ours is told to whoever asked, and stops nobody else."""
        parcels: list[Any] = []
        try:
            with theirs(_Broken):
                number, name, given, named = wire.read(data, lambda pid: self._known(pid, parcels))
                return wire.answered(("done", self._call(number, name, given, named, parcels)))
        except PenstockError as error:
            if isinstance(error, StoppedError) and self._stopped:
                return wire.answered(("interrupted",))
            return wire.answered(("raised", type(error), error.args, vars(error)))
        except KeyboardInterrupt:
            return wire.answered(("interrupted",))
        except _Broken as error:
            return wire.answered(("broken", *error.args))
        finally:
            self._running = None
            for parcel in parcels:
                parcel.close()

    def _known(self, pid: tuple[Any, ...], parcels: list[Any]) -> Any:
        if pid[0] == "object":
            return self._found(pid[1]).thing
        if pid[0] == "text":
            _, path, form, name, first = pid
            return Text(_chunks(path), form, name, first)
        parcel = self.lent.unpack(pid[1].path, pid[1].columns)
        parcels.append(parcel)
        return parcel

    def _found(self, number: int) -> _Kept:
        found = self.session.kept.get(number)
        if found is None:
            raise FatalError("what was borrowed has been given back already")
        return found

    def _call(self, number: int, name: str, given: Any, named: Any, parcels: list[Any]) -> Any:
        kept = self._found(number)
        special = getattr(self, f"_{kept.kind}_{name}", None)
        if special is not None:
            return special(kept, *given)
        if name not in _MAY[kept.kind]:
            raise FatalError(f"nothing named {name} can be asked of a borrowed {kept.kind}")
        if number and name not in _LETS_GO:  # a commit is not cut in two
            self._running = kept.thing
        member = getattr(kept.thing, name)
        found = member(*given, **named) if callable(member) else member
        if name in _GIVES:
            more = _Kept(_GIVES[name], found, list(parcels))
            parcels.clear()
            return self.session.keep(more), _about(more)
        if name in _LETS_GO and number:
            for parcel in self.session.kept.pop(number).parcels:
                parcel.close()
        return found

    def _engine_turn(self, _: _Kept, wait: bool) -> bool:
        had = self.lent.turns.take(self.session, wait=wait, stopped=lambda: self._stopped)
        if wait and not had:
            raise KeyboardInterrupt
        return had

    def _engine_over(self, _: _Kept) -> None:
        self.lent.turns.give(self.session)

    def _engine_tell(self, _: _Kept, run: str, event: Any) -> None:
        if self.lent.tell is not None:
            self.lent.tell(run, event)

    def _rows_packed(self, kept: _Kept) -> Packed:
        self._running = kept.thing
        self.lent.scratch.mkdir(parents=True, exist_ok=True)
        path = self.lent.scratch / f"parcel-{os.getpid()}-{secrets.token_hex(8)}"
        return Packed(str(path), self.lent.pack(kept.thing, path))


def _about(kept: _Kept) -> Any:
    """Return what the other side need not ask for."""
    if kept.kind == "txn":
        return kept.thing.version
    return kept.thing.schema if kept.kind == "rows" else None


def _chunks(path: str) -> Iterator[bytes]:
    """Give what a file holds, and remove it."""
    try:
        with Path(path).open("rb") as file:
            while part := file.read(_CHUNK):
                yield part
    finally:
        Path(path).unlink(missing_ok=True)


class Lender:
    """Lends a warehouse at a place until it is stopped."""

    def __init__(self, lent: Lent, at: Path) -> None:
        self._lent, self._at = lent, at
        self._end = place.listen(at)
        self._sessions: dict[str, _Session] = {}
        self._lines: set[Line] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._accept, name="lender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hang up on everybody: what they were doing is undone."""
        self._over = True
        place.remove(self._at)
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()
        self._thread.join()
        with self._lock:
            lines, threads = list(self._lines), list(self._threads)
        for line in lines:
            line.close()
        for thread in threads:
            thread.join(_LONGEST_GOODBYE)

    def _accept(self) -> None:
        while not self._over:
            try:
                end, _ = self._end.accept()
            except OSError:
                return
            if not _is_own(end):
                end.close()
                continue
            line = Line(end)
            thread = threading.Thread(target=self._serve, args=(line,), name="lent line", daemon=True)
            with self._lock:
                self._lines.add(line)
                self._threads.add(thread)
            thread.start()

    def _serve(self, line: Line) -> None:
        try:
            session = self._greeted(line)
            if session is not None:
                _Desk(line, session).listen()
                self._left(session)
        finally:
            line.close()
            with self._lock:
                self._lines.discard(line)
                self._threads.discard(threading.current_thread())

    def _greeted(self, line: Line) -> _Session | None:
        """Greet a process; None where it is not one to lend to, which it is told."""
        own = {"penstock": __version__, "protocol": wire.PROTOCOL, "pid": os.getpid()}
        own |= {"warehouse": self._lent.warehouse, "scratch": str(self._lent.scratch)}
        try:
            words = line.greeted()
            with self._lock:
                name = words.get("session") or secrets.token_hex(16)
                line.greet({**own, "session": name})
                if any(words.get(key) != own[key] for key in ("penstock", "protocol", "warehouse")):
                    return None
                session = self._sessions.setdefault(name, _Session(self._lent))
                session.lines += 1
                return session
        except (EOFError, OSError):
            return None

    def _left(self, session: _Session) -> None:
        """Note that a line is no more; with its last one a process is gone."""
        with self._lock:
            session.lines -= 1
            if session.lines:
                return
            self._sessions = {name: one for name, one in self._sessions.items() if one is not session}
        session.end()


def _is_own(end: socket.socket) -> bool:
    """Tell whether a process of the present user has connected, as far as the system says who has."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    _, user, _ = struct.unpack("3i", end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return bool(user == os.getuid())
