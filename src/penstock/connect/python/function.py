"""Finding a function of the project, and calling it so that its own errors are said at the user's own line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from penstock.base.errors import ConfigError, FatalError, Place
from penstock.base.record import record
from penstock.base.theirs import imported_file, line_of, said, theirs

_importing = threading.RLock()
_PASSED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


@record
class Found:
    """A function of a project, the names of its parameters, and where it stands."""

    call: Callable[..., Any]
    parameters: frozenset[str]
    file: str
    root: Path

    @contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Turn what the function's own code raises into a `FatalError` at the line of the project that raised it."""
        with theirs(lambda error: FatalError(f"the function of {what} failed", got=said(error), where=self._at(error))):
            yield

    def _at(self, error: BaseException) -> Place | str:
        return line_of(error, self.root) or (Place(self.file) if self.file else self.call.__qualname__)


def found(options: Mapping[str, Any], root: Path, name: str, where: Place | None) -> Found:
    """Return the function that options name; raises `ConfigError` where there is none."""
    root = root.resolve()
    call = options.get("callable")
    file = str(options.get("file", ""))
    if call is None:
        word = str(options.get("function", ""))
        if not file or not word:
            raise ConfigError(f"{name} names no function", expected="file = … and function = …", where=where)
        with _importing:  # sources are read side by side, and two may stand in one file
            call = getattr(imported_file(root, file), word, None)
        if call is None:
            raise ConfigError(f"there is no function '{word}'", where=Place(file))
    if not callable(call):
        raise ConfigError(f"what {name} names is no function", got=type(call).__name__, where=where)
    taken = signature(call).parameters.values()
    return Found(call, frozenset(p.name for p in taken if p.kind in _PASSED), file, root)


def each(result: Any) -> Iterable[Any]:
    """Return what a function gave as things to take in one after the other."""
    if result is None:
        return ()
    single = isinstance(result, Mapping | str | bytes) or is_table(result)
    if single or not isinstance(result, Iterable):
        return (result,)
    return result


def is_table(value: Any) -> bool:
    """Tell whether a value is a table: Arrow, Polars, pandas, or anything else that speaks Arrow."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__") or hasattr(value, "collect")
