"""Fault points: named places in the code where a test can end the process as `kill -9` would.

`PENSTOCK_FAULT=name` kills at the first time the point is passed, `name:3` at the third.
"""

from __future__ import annotations

import os
import signal

_wanted, _, _nth = os.environ.get("PENSTOCK_FAULT", "").partition(":")
_passed = 0


def point(name: str) -> None:
    """Pass a fault point; does nothing unless the environment names it."""
    if name == _wanted:
        _strike()


def _strike() -> None:
    global _passed  # noqa: PLW0603
    _passed += 1
    if _passed >= int(_nth or 1):
        os.kill(os.getpid(), signal.SIGKILL)
