"""A Python table's function at work: whom to blame for what goes wrong in it, with the user's own file and line."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from penstock.base.errors import Place, RunError
from penstock.base.record import record
from penstock.base.theirs import said, theirs, to_install
from penstock.model.schema import Schema
from penstock.model.table import Function, Table

if TYPE_CHECKING:
    from penstock.protocols.engine import Txn


@record
class Call:
    """A Python table at work: whom to blame, and where its rows go. `known` are the columns it had, if any."""

    table: Table
    function: Function
    txn: Txn
    known: Schema | None
    root: str = ""
    line: int = 0

    @property
    def where(self) -> Place:
        """The place of the function."""
        return Place(self.function.file, self.line or (self.table.where.line if self.table.where else 0))

    def wrong(self, subject: str, *, expected: str = "", got: str = "", hint: str = "") -> RunError:
        """Return the error for what the function returned."""
        return RunError(f"{self.table.name}: {subject}", where=self.where, expected=expected, got=got, hint=hint)


def found_at(called: Callable[..., Any], function: Function) -> tuple[str, int]:
    """Return the folder of the project, as the function's code knows it, and the function's line."""
    code = getattr(inspect.unwrap(called), "__code__", None)
    if code is None:
        return "", 0
    path = code.co_filename.replace("\\", "/")
    return (path.removesuffix(function.file) if path.endswith(function.file) else "", code.co_firstlineno)


@contextmanager
def users_code(call: Call) -> Iterator[None]:
    """Turn whatever the user's code raises into an error that says where in it; ours, and Ctrl-C, pass."""
    with theirs(lambda error: _failed(call, error)):
        yield


def _failed(call: Call, error: BaseException) -> RunError:
    where = _last_place(call, error)
    return RunError(f"{call.table.name}: {said(error)}", where=where, hint=to_install(error))


def _last_place(call: Call, error: BaseException) -> Place:
    """Return the last line of the project's own files that an error passed."""
    found = call.where
    for frame in traceback.extract_tb(error.__traceback__):
        path = frame.filename.replace("\\", "/")
        if call.root and path.startswith(call.root) and "site-packages" not in path:
            found = Place(path.removeprefix(call.root), frame.lineno or 0)
        elif path.endswith("/" + call.function.file):
            found = Place(call.function.file, frame.lineno or 0)
    return found
