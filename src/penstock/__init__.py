"""Penstock keeps tables fresh: declare them in SQL or Python, and one engine does the rest.

Everything that a pipeline author needs is importable from here. Names are looked up when first used,
so that `import penstock` costs nothing and `penstock --version` answers at once.
"""

from penstock._version import __version__

# Type checkers take this name for true; importing it from typing would cost half of `penstock --version`.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from penstock.api import Project, Result, TableResult, build, check, open, sink, source, table
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
    from penstock.model.check import Check
    from penstock.model.measure import Metrics
    from penstock.model.schema import Schema
    from penstock.model.sink import SinkTable
    from penstock.model.source import Connection, RawTable
    from penstock.model.table import Table
    from penstock.model.unit import UnitTest

__all__ = [
    "Check",
    "ConfigError",
    "Connection",
    "FatalError",
    "Metrics",
    "PenstockError",
    "PlanError",
    "Project",
    "RawTable",
    "RejectedError",
    "Result",
    "RetryableError",
    "RunError",
    "Schema",
    "SinkTable",
    "Table",
    "TableResult",
    "UnitTest",
    "UnsupportedError",
    "__version__",
    "build",
    "check",
    "open",
    "sink",
    "source",
    "table",
]

_HOME = {
    "Check": "penstock.model.check",
    "ConfigError": "penstock.base.errors",
    "Connection": "penstock.model.source",
    "FatalError": "penstock.base.errors",
    "Metrics": "penstock.model.measure",
    "PenstockError": "penstock.base.errors",
    "PlanError": "penstock.base.errors",
    "Project": "penstock.api",
    "RawTable": "penstock.model.source",
    "RejectedError": "penstock.base.errors",
    "Result": "penstock.app.results",
    "TableResult": "penstock.app.results",
    "RetryableError": "penstock.base.errors",
    "RunError": "penstock.base.errors",
    "Schema": "penstock.model.schema",
    "SinkTable": "penstock.model.sink",
    "Table": "penstock.model.table",
    "UnitTest": "penstock.model.unit",
    "UnsupportedError": "penstock.base.errors",
    "build": "penstock.api",
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
