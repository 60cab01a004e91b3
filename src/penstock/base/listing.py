"""Which files a pattern names, each file once, and what to say when there is none."""

from __future__ import annotations

import errno
import glob
import os
import stat
from pathlib import Path

from penstock.base.errors import FatalError, UnsupportedError
from penstock.base.record import record
from penstock.base.text import nearest, plural

_SHOWN = 5


@record
class Found:
    """A file as it was when the folder was looked at."""

    path: Path
    stat: os.stat_result


def find(pattern: str, folder: Path, root: Path) -> dict[str, Found]:
    """Return the regular files that a pattern names, in the order of their names, by their path from `root`.

    A file that is reached by several names through symbolic links is there once.
    """
    if "://" in pattern:
        raise UnsupportedError(f"files at '{pattern}' cannot be read yet", hint="copy them here first")
    whole = os.path.join(folder, os.path.expanduser(pattern))  # noqa: PTH111, PTH118
    names = [whole] if os.path.lexists(whole) else sorted(glob.glob(_escaped(pattern, folder), recursive=True))  # noqa: PTH207
    found: dict[str, Found] = {}
    real: dict[tuple[int, int], list[str]] = {}
    for name in names:
        path = Path(name)
        try:
            seen = path.stat()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
                raise FatalError("the file cannot be looked at", where=name, got=str(error.strerror)) from error
            continue  # a link to nowhere, or a file that went while we looked
        if stat.S_ISREG(seen.st_mode):
            label = label_of(path, root)
            found[label] = Found(path, seen)
            real.setdefault((seen.st_dev, seen.st_ino), []).append(label)
    for labels in real.values():
        for label in _same(found, labels):
            del found[label]
    return found


def _escaped(pattern: str, folder: Path) -> str:
    expanded = os.path.expanduser(pattern)  # noqa: PTH111
    return expanded if Path(expanded).is_absolute() else os.path.join(glob.escape(str(folder)), expanded)  # noqa: PTH118


def label_of(path: Path, root: Path) -> str:
    """Return how a file is called: by its path from `root`."""
    return Path(os.path.relpath(path, root)).as_posix()


def _same(found: dict[str, Found], labels: list[str]) -> list[str]:
    """Of several names of one inode, return those that only links lead to; hard links are files of their own."""
    if len(labels) == 1:
        return []
    by_real: dict[str, list[str]] = {}
    for label in labels:
        by_real.setdefault(os.path.realpath(found[label].path), []).append(label)
    doubles = []
    for target, names in by_real.items():
        true = [n for n in names if os.path.abspath(found[n].path) == target]  # noqa: PTH100
        keep = (true or sorted(names, key=len))[0]
        doubles += [n for n in names if n != keep]
    return doubles


def nothing_found(pattern: str, folder: Path, where: object) -> FatalError:
    """Return the error of a pattern that names no file, with what stands in the nearest folder."""
    first = pattern.split("*", maxsplit=1)[0].split("?", maxsplit=1)[0]
    at = folder / first
    there = at if first.endswith("/") or not first else at.parent
    while not there.is_dir():
        there = there.parent
    names = sorted(p.name + "/" * p.is_dir() for p in there.iterdir() if not p.name.startswith("."))
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    place = label_of(there, folder)
    near = nearest(Path(pattern).name, [n for n in names if not n.endswith("/")])
    if (folder / pattern).is_dir():
        hint = f"'{pattern}' is a folder; write which of its files to read, such as '{pattern.rstrip('/')}/*.csv'"
    elif near:
        hint = f"did you mean '{near}' in {place}?"
    else:
        hint = f"{place} has {plural(len(names), 'entry', 'entries')}{': ' + shown if names else ''}"
    return FatalError(f"no file matches '{pattern}'", where=str(where) if where else None, hint=hint)
