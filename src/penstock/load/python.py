"""Runs the project's Python files and finds the functions in them."""

from __future__ import annotations

import hashlib
import sys
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, Place
from penstock.base.theirs import content, import_file
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

    `again` imports it anew. Of the project's modules that it imports, too, the present content counts. Raises
    `ConfigError` with file and line of what went wrong in it.
    """
    root, path = root.resolve(), (root / file).resolve()
    data = content(root, file)
    parsed = syntax.parse(file, data.decode("utf-8", "replace"))
    others = {other: _digest((root / other).read_bytes()) for other in syntax.imported(parsed, root)}
    digest = _digest(data + b"".join(others.values()))
    known = _loaded.get(str(path))
    if known and known[0] == digest and not again:
        return known[1]
    names = {_dotted(other): value for other, value in others.items()}
    _forget_changed(names)
    module = import_file(root, file, data)
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
