"""What is said when a call goes wrong, on stderr or as one JSON object, and the exit code for it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigErrors, PenstockError, RetryableError, RunError
from penstock.base.record import record
from penstock.cli.style import Paint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

FAILED = 1
WRONG = 2
HELD = 3
STOPPED = 130
UNREAD = 141
_NAMED = ("expected", "got", "hint")


class UsageError(PenstockError):
    """The command was typed wrongly."""


@record
class How:
    """How errors are to be said."""

    json: bool = False
    debug: bool = False


def error(found: PenstockError, how: How) -> int:
    """Say an error and return the exit code that belongs to it."""
    if how.json:
        _emit(found.fields())
    else:
        paint = Paint.of(sys.stderr)
        sys.stderr.writelines(line + "\n" for line in _told(found, paint))
    if how.debug:
        import traceback

        from penstock.base.secrets import redact

        sys.stderr.write(redact("".join(traceback.format_exception(found))))
    return code(found)


def code(found: PenstockError) -> int:
    """Return the exit code of an error: who acts is in its class."""
    if isinstance(found, RetryableError):
        return HELD
    return FAILED if isinstance(found, RunError) else WRONG


def _told(found: PenstockError, paint: Paint) -> Iterator[str]:
    if not isinstance(found, ConfigErrors):
        yield from said(found.fields(), paint("error: ", "red"))
        return
    yield paint("error: ", "red") + paint(found.subject, "bold")
    for one in found.errors:
        yield ""
        yield from said(one.fields())


def said(fields: Mapping[str, Any], before: str = "", indent: str = "") -> Iterator[str]:
    """Lay out an error from its fields: place and subject, the user's text underlined, what to do next."""
    from penstock.base.cells import clean

    where = f"{fields['where']}: " if fields.get("where") else ""
    first, *rest = f"{where}{fields.get('subject', '')}".split("\n")
    yield f"{indent}{before}{clean(first)}"
    for line in (*rest, *str(fields.get("excerpt", "")).split("\n")):
        if line.strip():
            yield f"{indent}  {clean(line)}"
    for name in _NAMED:
        if fields.get(name):
            start, *more = str(fields[name]).split("\n")
            yield f"{indent}  {name}: {clean(start)}"
            yield from (f"{indent}    {clean(line)}" for line in more)


def interrupted(how: How) -> int:
    """Say what Ctrl-C leaves, and return its exit code."""
    fields = {
        "error": "Interrupted",
        "subject": "stopped by Ctrl-C: what was committed stays",
        "hint": "run again: it goes on from the last commit",
    }
    if how.json:
        _emit(fields)
    else:
        sys.stderr.writelines(line + "\n" for line in said(fields))
    return STOPPED


def unread() -> int:
    """Stop because whoever read the output went away, as `head` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UNREAD


def hook(how: How) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """Return what takes the place of a traceback where Penstock itself is wrong."""

    def told(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
        import tempfile
        import traceback

        from penstock.base.cells import clean
        from penstock.base.secrets import redact

        details = redact("".join(traceback.format_exception(kind, value, trace)))
        if how.debug:
            sys.stderr.write(details)
        handle, path = tempfile.mkstemp(prefix="penstock-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(details)
        subject = f"a mistake in Penstock itself: {kind.__name__}: {redact(str(value)) or 'no message'}"
        if how.json:
            _emit({"error": "Unexpected", "subject": subject, "hint": f"the details are in {path}"})
        else:
            sys.stderr.write(f"error: {clean(subject)} (details: {path})\n")

    return told


def _emit(fields: Mapping[str, Any]) -> None:
    from penstock.cli.call import emit

    emit({"error": fields})
