"""DuckDB's errors as ours, with the user's own line underlined."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from penstock.base.errors import FatalError, PenstockError, Place, PlanError, RetryableError
from penstock.base.text import underline
from penstock.protocols.engine import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.model.relation import Query

_KIND = re.compile(r"^(?:[A-Z]\w*(?: (?:[A-Z]\w*|of))* Error|\w+Exception): ")
_LINE = re.compile(r"\n+LINE (\d+): (.*)\n( *)(\^+)")
_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")
# A limit or a quota is a full disk to whoever meets it.
_FULL = ("no space left", "disk full", "quota exceeded", "file too large")
_TRY = ". Use TRY("
_PLANNING = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.PermissionException,
)


class HeldError(RetryableError):
    """Another process holds the warehouse's file; `pid` is its id, 0 when it is not known."""

    def __init__(self, path: str, pid: int, program: str) -> None:
        who = f"process {pid}" + (f" ({program})" if program else "") if pid else "another process"
        super().__init__(
            f"the warehouse is held by {who}",
            where=path,
            hint="wait until it has finished, or stop it; one process at a time can open the warehouse",
        )
        self.pid = pid


@contextmanager
def translated(query: Query | None = None, shift: int = 0, subject: str = "") -> Iterator[None]:
    """Turn DuckDB's errors into ours; `shift` is how many lines were put before the user's text."""
    try:
        yield
    except duckdb.Error as error:
        raise translate(error, query, shift, subject) from error
    except RuntimeError as error:
        if "interrupted" in str(error).lower():  # what DuckDB makes of Ctrl-C
            raise KeyboardInterrupt from error
        raise


def translate(error: duckdb.Error, query: Query | None, shift: int = 0, subject: str = "") -> PenstockError:
    """Return our error for one of DuckDB's."""
    text = str(error)
    held = _HOLDER.search(text)
    if held or "Could not set lock" in text:
        return HeldError("the warehouse", int(held[2]) if held else 0, _program(held[1] if held else ""))
    message = _KIND.sub("", _LINE.sub("", text).split("\n\nLINE")[0]).strip()
    place, excerpt = _placed(text, query, shift) if _LINE.search(text) else _suspected(message, query)
    first, _, rest = message.partition("\n")
    hint = " ".join(rest.split()) if rest and len(rest) < 300 else ""  # noqa: PLR2004
    if _TRY in first:
        first, hint = first.partition(_TRY)[0], "try(…) around it gives null instead"
    said = f"{subject}: {first}" if subject else first
    if isinstance(error, duckdb.InterruptException):
        return StoppedError("the query was stopped before it had ended", where=place)
    if isinstance(error, duckdb.ParserException) and _is_behind(text, query, shift):
        said, hint = "the query ends too early", "is a bracket left open, or the last word missing?"
        place, excerpt = _end_of(query) if query is not None and query.file else (place, excerpt)
    if isinstance(error, _PLANNING):
        return PlanError(said, where=place, excerpt=excerpt, hint=hint)
    return FatalError(said, where=place, excerpt=excerpt, hint=_advice(error, text) or hint)


def _advice(error: duckdb.Error, text: str) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return "the query needs more memory than the warehouse may use; make it smaller"
    if "scalar_subquery_error_on_multiple_rows" in text:
        return "take one of them: max(…), or order by … limit 1"
    if any(word in text.lower() for word in _FULL):
        return "the disk is full: free some space and run again; nothing was half done"
    return ""


def _program(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _suspected(message: str, query: Query | None) -> tuple[Place | None, str]:
    """Return the place of an error that has none, as far as it is certain, with the text underlined."""
    if query is None or not query.file:
        return None, ""
    from penstock.engines.duck.suspects import suspect

    span = suspect(message, query.text)
    if span is None:
        return Place(query.file, query.line), ""
    before = query.text[: span[0]]
    line, column = query.line + before.count("\n"), span[0] - (before.rfind("\n") + 1) + 1
    width = len(query.text[slice(*span)].partition("\n")[0])
    padded = "\n" * (query.line - 1) + (query.shown or query.text)
    return Place(query.file, line, column), underline(padded, line, column, width)


def _is_behind(text: str, query: Query | None, shift: int) -> bool:
    """Tell whether an error lies behind the user's text, in what was put after it."""
    match = _LINE.search(text)
    return match is not None and query is not None and int(match[1]) - shift > len(query.text.splitlines())


def _end_of(query: Query) -> tuple[Place, str]:
    """Return the place behind the last word of a text, underlined."""
    lines = query.text.rstrip().splitlines()
    place = Place(query.file, query.line + len(lines) - 1, len(lines[-1]) + 1)
    padded = "\n" * (query.line - 1) + (query.shown or query.text)
    return place, underline(padded, place.line, place.column)


def _placed(text: str, query: Query | None, shift: int) -> tuple[Place | None, str]:
    match = _LINE.search(text)
    if not match or query is None:
        return (Place(query.file, query.line) if query and query.file else None), ""
    line = int(match[1]) - shift
    shown, offset = match[2], len(match[3]) - len(f"LINE {match[1]}: ")
    lines = query.text.splitlines()
    if not 1 <= line <= len(lines):
        return (Place(query.file, query.line) if query.file else None), ""
    piece = shown.removeprefix("...").removesuffix("...")
    start = max(lines[line - 1].find(piece), 0)
    column = start + offset - (3 if shown.startswith("...") else 0) + 1
    file_line = query.line + line - 1
    padded = "\n" * (file_line - line) + (query.shown or query.text)
    return Place(query.file or "query", file_line, column), underline(padded, file_line, column, len(match[4]))
