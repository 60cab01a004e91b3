"""How much memory this process has and takes, and a brake for what would take all of it.

The engine keeps its own limit for what it sorts, joins and groups, but not for values in rows: `repeat(s, n)` of a
vector of rows is made in one go, that nothing interrupts. The brake lets the system refuse this process more memory;
the engine then gives up the query that asked and goes on. On systems without `/proc` nothing is known, nothing braked.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

SHARE = 0.75
ROOM = 256 << 20
_STATE = Path("/proc/self/statm")
_GROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def most() -> int:
    """Return the bytes that this process may take before questions are stopped: a share of the machine's memory."""
    if not _STATE.is_file():
        return sys.maxsize
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for file in _GROUPS:
        if file.is_file() and (text := file.read_text().strip()).isdigit():
            have = min(have, int(text))
    return int(have * SHARE)


def taken() -> tuple[int, int]:
    """Return the bytes of address space and of memory that this process takes; zeros where that is not known."""
    if not _STATE.is_file():
        return 0, 0
    size = os.sysconf("SC_PAGE_SIZE")
    space, resident = _STATE.read_text().split()[:2]
    return int(space) * size, int(resident) * size


class Brake:
    """Within it this process is refused more memory than it has, but for a little room; several may be within it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = 0
        self._before = (-1, -1)

    def __enter__(self) -> None:
        import resource

        with self._lock:
            self._within += 1
            if self._within == 1:
                self._before = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
                least = min(one for one in (taken()[0] + ROOM, soft, hard) if one != resource.RLIM_INFINITY)
                resource.setrlimit(resource.RLIMIT_AS, (least, hard))

    def __exit__(self, *_: object) -> None:
        import resource

        with self._lock:
            self._within -= 1
            if not self._within:
                resource.setrlimit(resource.RLIMIT_AS, self._before)


BRAKE = Brake()
