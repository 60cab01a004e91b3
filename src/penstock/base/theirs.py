"""Code that is not ours, as a project's files, its functions or a connector: run so that its errors become ours."""

from __future__ import annotations

import hashlib
import sys
import traceback
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, PenstockError, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

_OURS = Path(__file__).parents[1]


@contextmanager
def theirs(
    explained: Callable[[BaseException], Exception], passing: tuple[type[BaseException], ...] = (PenstockError,)
) -> Iterator[None]:
    """Raise what `explained` makes of what the code inside raises; errors of `passing`, and Ctrl-C, pass as they are.

    The only place in the house where any error at all is caught and not raised again.
    """
    try:
        yield
    except BaseException as error:  # exits, and the panics of libraries, are not of Exception
        if isinstance(error, (*passing, KeyboardInterrupt, GeneratorExit)):
            raise
        raise explained(error) from error


def said(error: BaseException) -> str:
    """Return an error of theirs in a line.

    >>> said(ValueError("no")), said(ValueError())
    ('ValueError: no', 'ValueError')
    """
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def line_of(error: BaseException, root: Path) -> Place | None:
    """Return the last line of the project's own files that an error passed, its path below `root`; None for none."""
    found = None
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(root) and not path.is_relative_to(_OURS) and "site-packages" not in path.parts:
            found = Place(path.relative_to(root).as_posix(), frame.lineno or 0)
    return found


def to_install(error: BaseException) -> str:
    """Return the hint for a library that is missing, or nothing."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return f"install it: pip install {missing.partition('.')[0]}" if missing else ""


# ── a project's files ───────────────────────────────────────────────────────────────────────────────────


def module_name(root: Path, file: str) -> str:
    """Return the name under which a file of a project is imported: one that nothing else has."""
    mark = hashlib.blake2b(str(root.resolve()).encode(), digest_size=4).hexdigest()
    return f"_penstock_{mark}_{file.removesuffix('.py').replace('/', '_')}"


def import_file(root: Path, file: str, data: bytes) -> ModuleType:
    """Run a file of a project, whose content is `data`, as a module under a name of its own.

    The project's folder is put on `sys.path`, so that files may import its modules. Raises `ConfigError` with file and
    line of what went wrong in it.
    """
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    name, path = module_name(root, file), root / file
    spec = util.spec_from_file_location(name, path)
    if spec is None:
        raise ConfigError("this is not a Python file", where=Place(file))
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with theirs(lambda error: _unimportable(error, root, file), passing=(ConfigError,)):
            # Not by the loader: its store of compiled files looks at time and size only.
            exec(compile(data, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except BaseException:
        del sys.modules[name]
        raise
    return module


def imported_file(root: Path, file: str) -> ModuleType:
    """Return the module of a project's file: the one that loading the project made, or a new one."""
    known = sys.modules.get(module_name(root, file))
    if known is not None:
        return known
    return import_file(root, file, content(root, file))


def content(root: Path, file: str) -> bytes:
    """Read a file of a project; raises `ConfigError` where that cannot be done."""
    try:
        return (root / file).read_bytes()
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", where=Place(file)) from None


def _unimportable(error: BaseException, root: Path, file: str) -> ConfigError:
    """Say what a file's own code raised, at the last line of the project that it passed."""
    where = line_of(error, root) or Place(file)
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(root):
        where = Place(Path(error.filename).relative_to(root).as_posix(), error.lineno or 0, error.offset or 0)
    return ConfigError("the file cannot be imported", got=said(error), where=where, hint=to_install(error))
