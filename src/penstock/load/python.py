"""Runs the project's Python files and finds the functions in them."""

from __future__ import annotations

import hashlib
import sys
import traceback
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, Place
from penstock.load import syntax

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from penstock.model.table import Function

_loaded: dict[str, tuple[bytes, ModuleType]] = {}
# The modules of projects that were imported on the way, and the digest of their files at that time.
_imported: dict[str, bytes] = {}


def function(root: Path, target: Function) -> Callable[..., Any]:
    """Return the function that `target` names, its file imported if need be.

    Raises `ConfigError` with file and line where the file fails, or has no such function.
    """
    module = load_module(root, target.file)
    found = getattr(module, target.name, None)
    if not callable(found):
        raise ConfigError(f"there is no function '{target.name}'", where=Place(target.file))
    called: Callable[..., Any] = found
    return called


def load_module(root: Path, file: str, *, again: bool = False) -> ModuleType:
    """Import a file of the project under a name of its own; what did not change is imported once.

    `again` imports it anew. The project's folder is put on `sys.path`, so that files may import its modules; of these,
    too, the present content counts. Raises `ConfigError` with file and line of what went wrong in it.
    """
    root, path = root.resolve(), (root / file).resolve()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", where=Place(file)) from None
    parsed = syntax.parse(file, data.decode("utf-8", "replace"))
    others = {other: _digest((root / other).read_bytes()) for other in syntax.imported(parsed, root)}
    digest = _digest(data + b"".join(others.values()))
    known = _loaded.get(str(path))
    if known and known[0] == digest and not again:
        return known[1]
    names = {_dotted(other): value for other, value in others.items()}
    _forget_changed(names)
    module = _run(root, path, file, data)
    _imported.update({name: value for name, value in names.items() if name in sys.modules})
    _loaded[str(path)] = (digest, module)
    return module


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _dotted(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _forget_changed(names: dict[str, bytes]) -> None:
    """Where one of these modules changed since it was imported, have all of them imported anew."""
    if all(_imported.get(name, digest) == digest for name, digest in names.items()):
        return
    for name in names:
        module = sys.modules.pop(name, None)
        if module is not None and module.__file__:
            # Python takes a file of the same second and size for unchanged.
            Path(util.cache_from_source(module.__file__)).unlink(missing_ok=True)


def module_name(root: Path, file: str) -> str:
    """Return the name under which a file of a project is imported: one that nothing else has."""
    mark = hashlib.blake2b(str(root.resolve()).encode(), digest_size=4).hexdigest()
    return f"_penstock_{mark}_{file.removesuffix('.py').replace('/', '_')}"


def _run(root: Path, path: Path, file: str, data: bytes) -> ModuleType:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    name = module_name(root, file)
    spec = util.spec_from_file_location(name, path)
    if spec is None:
        raise ConfigError("this is not a Python file", where=Place(file))
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        # Not by the loader: its store of compiled files looks at time and size only.
        exec(compile(data, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except (Exception, SystemExit) as error:  # the user's own code may raise anything
        del sys.modules[name]
        raise _explained(error, root, file) from error
    return module


def _explained(error: BaseException, root: Path, file: str) -> ConfigError:
    """Say what a file's own code raised, at the last line of the project that it passed."""
    if isinstance(error, ConfigError):
        return error
    where = Place(file)
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(root):
            where = Place(path.relative_to(root).as_posix(), frame.lineno or 0)
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(root):
        where = Place(Path(error.filename).relative_to(root).as_posix(), error.lineno or 0, error.offset or 0)
    hint = ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"install it: pip install {error.name.partition('.')[0]}"
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ConfigError("the file cannot be imported", got=said, where=where, hint=hint)
