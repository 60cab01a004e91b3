"""What crosses the private socket: a greeting in JSON, then frames of pickled calls and answers.

Both ends are processes of one user that run one version of Penstock, which the greeting makes sure of. Even so only
classes of Penstock and a few plain ones are made of what comes. Rows cross as files, see `engines.duck.parcel`.
"""

from __future__ import annotations

import importlib
import io
import json
import pickle
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError
from penstock.base.record import record
from penstock.protocols.source import Text

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = 1
_LONGEST_GREETING = 1 << 16
_HEAD = struct.Struct(">Q")
_INTERRUPT = 2**64 - 1
_PLAIN = frozenset(
    {
        "builtins.set", "builtins.frozenset", "builtins.bytearray", "builtins.complex", "collections.OrderedDict",
        "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone",
        "decimal.Decimal", "pathlib.PosixPath", "pathlib._local.PosixPath", "uuid.UUID", "uuid.SafeUUID",
        "zoneinfo.ZoneInfo._unpickle",
    }
)  # fmt: skip


class Interrupted(Exception):  # noqa: N818  # a message, not an error
    """The other side asks to stop what it waits for."""


class Far:
    """Something that stands in for what the process that lends keeps under a number."""

    number = 0


@record
class Packed:
    """Rows that wait in a file: its path, and the name of each column, with whether it has nothing but nulls."""

    path: str
    columns: tuple[tuple[str, bool], ...]


class Line:
    """One connection; closed when nobody has it any more."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._got = bytearray()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()

    def greet(self, words: dict[str, Any]) -> None:
        """Send a line of JSON."""
        self._end.sendall(json.dumps(words).encode() + b"\n")

    def greeted(self) -> dict[str, Any]:
        """Receive a line of JSON; raises `EOFError` for anything else."""
        while b"\n" not in self._got:
            self._more(_LONGEST_GREETING)
        text, _, rest = bytes(self._got).partition(b"\n")
        self._got = bytearray(rest)
        with suppress(ValueError):
            words = json.loads(text)
            if isinstance(words, dict):
                return words
        raise EOFError

    def send(self, data: bytes) -> None:
        """Send a frame."""
        self._end.sendall(_HEAD.pack(len(data)))
        self._end.sendall(data)

    def interrupt(self) -> None:
        """Ask the other side to stop what it does for this line."""
        self._end.sendall(_HEAD.pack(_INTERRUPT))

    def receive(self) -> bytes:
        """Receive a frame; raises `EOFError` once the other side has hung up, `Interrupted` where it asks for that."""
        while len(self._got) < _HEAD.size:
            self._more()
        (size,) = _HEAD.unpack_from(self._got)
        if size == _INTERRUPT:
            del self._got[: _HEAD.size]
            raise Interrupted
        while len(self._got) < _HEAD.size + size:
            self._more()
        data = bytes(memoryview(self._got)[_HEAD.size : _HEAD.size + size])
        del self._got[: _HEAD.size + size]
        return data

    def _more(self, most: int = 0) -> None:
        try:
            part = self._end.recv(1 << 18)
        except OSError:
            raise EOFError from None
        if not part or (most and len(self._got) > most):
            raise EOFError
        self._got += part


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, pack: Callable[[Any], Packed], spool: Callable[[Text], str]) -> None:
        super().__init__(file, protocol=5)
        self._pack, self._spool = pack, spool

    def persistent_id(self, obj: Any) -> Any:
        """Name what stays on its side, and put rows and texts into files."""
        if obj.__class__.__module__ == "builtins":
            return None
        if isinstance(obj, Far):
            return ("object", obj.number)
        if isinstance(obj, Text):
            return ("text", self._spool(obj), obj.format, obj.name, obj.first_line)
        if hasattr(obj, "__arrow_c_stream__"):
            return ("rows", self._pack(obj))
        return None


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes, known: Callable[[tuple[Any, ...]], Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._known = known

    def persistent_load(self, pid: Any) -> Any:
        """Return what was named."""
        return self._known(pid)

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Return a class that may cross; raises `UnpicklingError` for any other."""
        full = f"{module_name}.{global_name}"
        if module_name.partition(".")[0] == "penstock" and "." not in global_name:
            found = getattr(importlib.import_module(module_name), global_name, None)
            if isinstance(found, type):
                return found
        elif full in _PLAIN:
            return super().find_class(module_name, global_name)
        raise pickle.UnpicklingError(f"{full} does not cross the socket")


def asked(call: Any, pack: Callable[[Any], Packed], spool: Callable[[Text], str]) -> bytes:
    """Return a call as bytes; rows and texts in it go into files."""
    file = io.BytesIO()
    _Writer(file, pack, spool).dump(call)
    return file.getvalue()


def answered(answer: Any) -> bytes:
    """Return an answer as bytes."""
    return pickle.dumps(answer, protocol=5)


def read(data: bytes, known: Callable[[tuple[Any, ...]], Any] | None = None) -> Any:
    """Return what bytes say; `known` gives what is named in them. Raises `FatalError` for what may not cross."""
    try:
        return _Reader(data, known or _nothing).load()
    except pickle.UnpicklingError as error:
        raise FatalError(f"the private socket: {error}") from error


def _nothing(pid: tuple[Any, ...]) -> Any:
    raise pickle.UnpicklingError(f"nothing is known as {pid}")
