"""Opening a SQLite file, telling whether it changed, and saying what is wrong with it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, FatalError, PenstockError, RetryableError
from penstock.base.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from penstock.model.source import Connection

_PASSING = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "SQLITE_IOERR", "SQLITE_SCHEMA")
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_SETTLED_SECONDS = 2.0


def path_of(connection: Connection, root: Path) -> Path:
    """Return the file that a connection names, relative to the project's folder; raises `ConfigError` without one."""
    address = connection.address
    address = address.removeprefix("//")
    if not address:
        raise ConfigError(
            f"connection '{connection.name}' names no file",
            expected="sqlite:path/to/file.db",
            where=connection.where,
        )
    return root / address


def open_readonly(path: Path, timeout: float) -> sqlite3.Connection:
    """Open a file for reading only; raises `FatalError` for one that is missing or no SQLite database."""
    if not path.is_file():
        near = [p.name for p in path.parent.glob("*") if p.is_file()] if path.parent.is_dir() else []
        raise FatalError(f"there is no file {path}", hint=did_you_mean(path.name, near))
    with told(path):
        db = _connect(path, "mode=ro", timeout)
        try:
            db.execute("select count(*) from sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            db.close()
            if not _may_be_frozen(path, error):
                raise
            # A write-ahead log wants to write beside the file, and nobody may: then nobody changes it either.
            db = _connect(path, "mode=ro&immutable=1", timeout)
            db.execute("select count(*) from sqlite_master").fetchone()
        except BaseException:
            db.close()
            raise
    return db


def _connect(path: Path, how: str, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=0,
    )


def _may_be_frozen(path: Path, error: sqlite3.OperationalError) -> bool:
    import os

    names = ("SQLITE_CANTOPEN", "SQLITE_READONLY")
    log = path.with_name(path.name + "-wal")
    return (
        error.sqlite_errorname.startswith(names)
        and not os.access(path.parent, os.W_OK)
        and not (log.exists() and log.stat().st_size)
    )


@contextmanager
def told(path: Path, done: str = "read") -> Iterator[None]:
    """Turn SQLite's errors into ours, so that the class says who acts; `done` is what was done to the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path, done) from error


def translated(error: sqlite3.Error, path: Path, done: str = "read") -> PenstockError:
    """Return our error for one of SQLite's, met while the file was `done`."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return RetryableError(
            f"{path} is locked by another process",
            got=str(error),
            hint="it is tried again; a longer `timeout` on the connection waits longer",
        )
    if name.startswith(_DAMAGED):
        return FatalError(f"{path} is not a sound SQLite database", got=str(error))
    if name == "SQLITE_FULL":
        return RetryableError(f"there is no room left for {path}", got=str(error))
    if name.startswith(_PASSING):
        return RetryableError(f"{path} could not be {done}", got=str(error))
    return FatalError(f"SQLite refuses: {error}", where=str(path))


def columns_of(db: sqlite3.Connection, name: str) -> list[tuple[str, str, int]]:
    """Return (name, declared type, place in the primary key from 1, or 0) of a table's or view's columns."""
    found = db.execute(f"pragma table_xinfo({quoted(name)})").fetchall()
    return [(row[1], row[2] or "", row[5]) for row in found if row[6] != 1]


def names_of(db: sqlite3.Connection) -> list[str]:
    """Return the names of all tables and views."""
    found = db.execute("select name from sqlite_master where type in ('table', 'view')").fetchall()
    return [name for (name,) in found]


def quoted(name: str) -> str:
    """Return a name as SQL writes it.

    >>> print(quoted("order"))
    "order"
    """
    return '"' + name.replace('"', '""') + '"'


def version_of(path: Path, now: datetime, about: str) -> str:
    """Return a text that differs whenever the file's content may differ, or "" when that cannot be told.

    The text holds size, time and change counter of the file, size, time and salt of its write-ahead log, and
    `about`. A file system's clock ticks in milliseconds, so a file that changed within the last two seconds may
    change once more and look the same: then the text is empty. Take it before the reading begins.
    """
    main = path.stat()
    with path.open("rb") as file:
        counter = file.read(100)[24:28]
    parts = [str(main.st_size), str(main.st_mtime_ns), counter.hex()]
    newest = main.st_mtime
    log = path.with_name(path.name + "-wal")
    if log.exists() and (side := log.stat()).st_size:
        with log.open("rb") as file:
            salt = file.read(32)
        parts += [str(side.st_size), str(side.st_mtime_ns), salt.hex()]
        newest = max(newest, side.st_mtime)
    if now.timestamp() - newest < _SETTLED_SECONDS:
        return ""
    return sha256("|".join([*parts, about]).encode()).hexdigest()[:32]
