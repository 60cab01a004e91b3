"""Finding a function of the project, and calling it so that its own errors are said at the user's own line."""

from __future__ import annotations

import hashlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import util
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from penstock.base.errors import ConfigError, FatalError, PenstockError, Place
from penstock.base.record import record

_NAMED = "_penstock_"
_OURS = Path(__file__).parent
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
        try:
            yield
        except PenstockError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise FatalError(f"the function of {what} failed", got=said, where=self._line(error)) from error

    def _line(self, error: BaseException) -> Place | str:
        where: Place | str = Place(self.file) if self.file else self.call.__qualname__
        for frame in traceback.extract_tb(error.__traceback__):
            path = Path(frame.filename)
            if path.is_relative_to(self.root) and path.parent != _OURS:
                where = Place(path.relative_to(self.root).as_posix(), frame.lineno or 0)
        return where


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
            call = getattr(_module(root, file), word, None)
        if call is None:
            raise ConfigError(f"there is no function '{word}'", where=Place(file))
    if not callable(call):
        raise ConfigError(f"what {name} names is no function", got=type(call).__name__, where=where)
    taken = signature(call).parameters.values()
    return Found(call, frozenset(p.name for p in taken if p.kind in _PASSED), file, root)


def _module(root: Path, file: str) -> Any:
    """Return the module of a file: the one that loading the project made, or a new one."""
    path = (root / file).resolve()
    for name, module in list(sys.modules.items()):
        if name.startswith(_NAMED) and getattr(module, "__file__", None) == str(path):
            return module
    mark = hashlib.blake2b(str(path).encode(), digest_size=8).hexdigest()
    name = f"{_NAMED}{mark}_{path.stem}"
    spec = util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError("this is not a Python file", where=Place(file))
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        with Found(_module, frozenset(), file, root).told(file):
            spec.loader.exec_module(module)
    except PenstockError:
        del sys.modules[name]
        raise
    return module


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
