"""Penstock keeps tables fresh: declare them in SQL or Python, and one engine does the rest.

Everything that a pipeline author needs is importable from here. Names are looked up when first used,
so that `import penstock` costs nothing and `penstock --version` answers at once.
"""

from penstock._version import __version__

# Type checkers take this name for true; importing it from typing would cost half of `penstock --version`.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from penstock.api import Project, Result, check, open, sink, source, table
    from penstock.base.errors import (
        ConfigError,
        FatalError,
        PenstockError,
        PlanError,
        RejectedError,
        RetryableError,
        RunError,
        UnsupportedError,
    )

__all__ = [
    "ConfigError",
    "FatalError",
    "PenstockError",
    "PlanError",
    "Project",
    "RejectedError",
    "Result",
    "RetryableError",
    "RunError",
    "UnsupportedError",
    "__version__",
    "check",
    "open",
    "sink",
    "source",
    "table",
]

_HOME = {
    "ConfigError": "penstock.base.errors",
    "FatalError": "penstock.base.errors",
    "PenstockError": "penstock.base.errors",
    "PlanError": "penstock.base.errors",
    "Project": "penstock.api",
    "RejectedError": "penstock.base.errors",
    "Result": "penstock.api",
    "RetryableError": "penstock.base.errors",
    "RunError": "penstock.base.errors",
    "UnsupportedError": "penstock.base.errors",
    "check": "penstock.api",
    "open": "penstock.api",
    "sink": "penstock.api",
    "source": "penstock.api",
    "table": "penstock.api",
}


def __getattr__(name: str) -> object:
    """The public object `name`, imported from its home on first use and kept."""
    home = _HOME.get(name)
    if home is None:
        message = f"module 'penstock' has no attribute {name!r}"
        raise AttributeError(message, name=name)
    from importlib import import_module

    found: object = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, so that completion shows them before they are loaded."""
    return sorted({*globals(), *__all__})
