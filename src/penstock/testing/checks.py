"""What the suites have in common: a broken promise by its name, and rows that can be compared."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PenstockError
from penstock.base.theirs import said, theirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


class Broken(AssertionError):  # noqa: N818 - it is what was found
    """A promise that a connector broke; `check` is its name."""

    def __init__(self, check: str, found: str) -> None:
        super().__init__(f"{check}: {found}")
        self.check = check


def demand(check: str, holds: object, found: str) -> None:
    """Raise `Broken` unless something holds."""
    if not holds:
        raise Broken(check, found)


@contextmanager
def only_our_errors(check: str = "errors") -> Iterator[None]:
    """Take an error of another kind for a broken promise: a connector's errors say who acts."""
    with theirs(
        lambda error: Broken(check, f"an error that is not one of penstock.dev: {said(error)}"), (PenstockError, Broken)
    ):
        yield


def closes_twice(close: Callable[[], None]) -> None:
    """Take any error of closing, the first or the second time, for a broken promise."""
    for attempt in ("the first", "the second"):
        with theirs(partial(_unclosed, attempt), ()):
            close()


def _unclosed(attempt: str, error: BaseException) -> Broken:
    return Broken("closes", f"closing it {attempt} time: {error!r}")


def comparable(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> list[str]:
    """Return rows as sorted texts, one a row: equal lists are equal multisets of rows."""
    names = list(columns)
    return sorted(repr([plain(row.get(name)) for name in names]) for row in rows)


def plain(value: Any) -> Any:
    """Return a value in the one form in which equal values look the same."""
    if isinstance(value, Decimal):
        return ("decimal", str(value.normalize() if value else 0))
    if isinstance(value, dict):
        return sorted((name, plain(part)) for name, part in value.items())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def difference(have: list[str], want: list[str]) -> str:
    """Say in a line what one list of comparable rows has that the other has not."""
    lacks, extra = _less(want, have), _less(have, want)
    parts = [f"{len(lacks)} missing, such as {lacks[0]}"] if lacks else []
    parts += [f"{len(extra)} too many, such as {extra[0]}"] if extra else []
    return "; ".join(parts)[:600]


def _less(rows: list[str], without: list[str]) -> list[str]:
    left = list(without)
    found = []
    for row in rows:
        if row in left:
            left.remove(row)
        else:
            found.append(row)
    return found
