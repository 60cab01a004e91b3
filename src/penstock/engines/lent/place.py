"""Where the private socket lies: in the project's `.penstock/`, or a link there to a place whose path is short."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

_LONGEST = 100  # bytes of a path that every system takes


def listen(at: Path) -> socket.socket:
    """Listen at a place, which only the present user can reach; whatever lay there is replaced."""
    at.parent.mkdir(parents=True, exist_ok=True)
    remove(at)
    far = len(os.fsencode(at.absolute())) > _LONGEST - len("/x" * 6)
    private = Path(tempfile.mkdtemp(prefix="s-", dir=None if far else at.parent))
    end = socket.socket(socket.AF_UNIX)
    try:
        bound = private / "s"
        end.bind(str(bound.absolute()))
        bound.chmod(0o600)
        end.listen(64)
        if far:
            at.symlink_to(bound)
        else:
            bound.rename(at)
            private.rmdir()
    except BaseException:
        end.close()
        shutil.rmtree(private, ignore_errors=True)
        raise
    return end


def reach(at: Path) -> socket.socket | None:
    """Connect to a place; None where nobody of the present user listens there."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    try:
        if os.lstat(at).st_uid != os.getuid():
            return None
        end = socket.socket(socket.AF_UNIX)
    except OSError:
        return None
    try:
        end.connect(os.path.realpath(at))
    except OSError:
        end.close()
        return None
    return end


def remove(at: Path) -> None:
    """Remove a socket that nobody listens at any more, and the folder made for it."""
    with suppress(OSError):
        if at.is_symlink():
            target = at.readlink()
            at.unlink()
            target.unlink(missing_ok=True)
            target.parent.rmdir()
        else:
            at.unlink()
