"""The command line: one module per family of verbs, loaded when its verb is typed."""

from __future__ import annotations

import gc
import sys

# Most of what a start makes stays to the end: looking through it every 700 objects finds nothing to collect.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
# Type checkers take this name for true; typing and click cost more than `penstock --version` is worth.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Do what the words say (by default those of this process); exits as `docs/reference/cli.md` lists."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words in (["--version"], ["-V"]):
        from penstock._version import __version__

        print(f"penstock {__version__}")
        raise SystemExit(0)
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    from penstock.cli.root import obey

    raise SystemExit(obey(words))
