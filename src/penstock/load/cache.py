"""The cache of loaded projects, by the content of every file that was read: nothing is parsed twice."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import field, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from penstock._version import __version__
from penstock.base.record import record
from penstock.load.asks import Ask
from penstock.model.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from penstock.load.files import File

_LAYOUT = 4
_TAG = "\0"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_DIGEST_SIZE = 16
_INT64 = 2**63


@record
class Stored:
    """A loaded project before its variables are filled, and what filling needs.

    `modules` maps each module of the project that Python files import to the digest of its content; `late`
    has the connections whose kind is in a variable, and the kind that it was.
    """

    project: Project
    asks: tuple[Ask, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    late: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    tagged: bool = False


def key_of(files: Iterable[File], env: str) -> bytes:
    """Return the key of a project's files in an environment, for this version of Penstock."""
    digest = hashlib.blake2b(f"{_LAYOUT} {__version__} {env}".encode(), digest_size=_DIGEST_SIZE)
    for file in files:
        digest.update(f"\n{file.path} {len(file.data)}\n".encode("utf-8", "surrogateescape"))
        digest.update(file.data)
    return digest.digest()


def digest_of(path: Path) -> str:
    """Return the digest of a file's content, empty where it cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=_DIGEST_SIZE).hexdigest()
    except OSError:
        return ""


def find(root: Path, env: str, key: bytes) -> Stored | None:
    """Return what was stored under a key, or None: there is nothing, it is damaged, a module changed."""
    path = _path(root, env)
    try:
        data = path.read_bytes() if path else b""
    except OSError:
        return None
    payload = data[2 * _DIGEST_SIZE :]
    if data[:_DIGEST_SIZE] != key or data[_DIGEST_SIZE : 2 * _DIGEST_SIZE] != _sum(payload):
        return None
    import msgspec

    try:
        stored: Stored = msgspec.msgpack.decode(payload, type=Stored)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if any(digest_of(root / file) != digest for file, digest in stored.modules.items()):
        return None
    stored = replace(stored, project=replace(stored.project, root=str(root)))
    return _mapped(stored, _untagged) if stored.tagged else stored


def keep(root: Path, env: str, key: bytes, stored: Stored) -> None:
    """Store a loaded project; where the folder cannot be written, nothing is stored and nothing fails."""
    import msgspec

    path = _path(root, env)
    if path is None:
        return
    changed = _mapped(stored, _tagged)
    payload = msgspec.msgpack.encode(replace(changed, tagged=changed != stored))
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(key + _sum(payload) + payload)
        beside.replace(path)
    except OSError:
        beside_is_left = beside.exists()
        if beside_is_left:
            beside.unlink(missing_ok=True)


def _path(root: Path, env: str) -> Path | None:
    return root / ".penstock" / "cache" / f"{env}.project" if _PLAIN_NAME.match(env) else None


def _sum(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=_DIGEST_SIZE).digest()


def _mapped(stored: Stored, change: Callable[[Any], Any]) -> Stored:
    """Change every value of the user's own: options, and the rows of unit tests."""
    project = stored.project
    raw = {name: replace(t, options=change(t.options)) for name, t in project.raw.items()}
    sinks = {name: replace(s, options=change(s.options)) for name, s in project.sinks.items()}
    links = {name: replace(c, options=change(c.options)) for name, c in project.connections.items()}
    raw = {name: replace(t, connection=links.get(t.connection.name, t.connection)) for name, t in raw.items()}
    sinks = {name: replace(s, connection=links.get(s.connection.name, s.connection)) for name, s in sinks.items()}
    units = tuple(
        replace(
            u,
            given={name: tuple(change(list(rows))) for name, rows in u.given.items()},
            expect=tuple(change(list(u.expect))),
        )
        for u in project.units
    )
    return replace(stored, project=replace(project, raw=raw, sinks=sinks, connections=links, units=units))


def _tagged(value: Any) -> Any:
    """Write what the form of storage has no word for as a tagged text."""
    if isinstance(value, dict):
        return {key: _tagged(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(inner) for inner in value]
    if isinstance(value, datetime | date | time):
        return {_TAG: [type(value).__name__, value.isoformat()]}
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return {_TAG: ["int", str(value)]}
    return value


_READ: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat, "date": date.fromisoformat, "time": time.fromisoformat, "int": int,
}  # fmt: skip


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        if _TAG in value:
            kind, text = value[_TAG]
            return _READ[kind](text)
        return {key: _untagged(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_untagged(inner) for inner in value]
    return value
