"""Errors whose class says who acts, built from fields that the terminal, the journal and the web app show alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.base.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self


@record
class Place:
    """Where something stands: a file with line and column (both from 1; 0 means unknown)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """`file:line:column`, as far as it is known."""
        parts = [self.file, *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(parts)


class PenstockError(Exception):
    """Something is wrong, said once: subject, expected, got, where, and a hint what to do next.

    `excerpt` is the user's own text with the offending part underlined, already laid out in lines.

    >>> print(PenstockError("no table 'ordrs'", where=Place("tables/a.sql", 3), hint="did you mean 'orders'?"))
    tables/a.sql:3: no table 'ordrs'
      hint: did you mean 'orders'?
    """

    def __init__(
        self,
        subject: str,
        *,
        expected: str = "",
        got: str = "",
        where: Place | str | None = None,
        hint: str = "",
        excerpt: str = "",
    ) -> None:
        self.subject = redact(subject)
        self.expected = redact(expected)
        self.got = redact(got)
        self.where = where
        self.hint = redact(hint)
        self.excerpt = redact(excerpt)
        super().__init__(self.subject)

    def __str__(self) -> str:
        """All fields as the lines that a person reads."""
        lines = [f"{self.where}: {self.subject}" if self.where else self.subject]
        lines += [f"  {line}" for line in self.excerpt.splitlines()]
        named = (("expected", self.expected), ("got", self.got), ("hint", self.hint))
        lines += [f"  {name}: {text}" for name, text in named if text]
        return "\n".join(lines)

    def placed(self, name: str, where: Place | None) -> Self:
        """Return the error, with the place where the thing `name` is declared if no better one is known.

        >>> str(PenstockError("it has no key", where="spend").placed("spend", Place("tables/spend.sql", 2)))
        'tables/spend.sql:2: it has no key'
        """
        if where is not None and (not self.where or self.where == name):
            self.where = where
        return self

    def fields(self) -> dict[str, Any]:
        """The fields as a JSON object; empty ones are left out."""
        place = self.where if isinstance(self.where, Place) else None
        found = {
            "error": type(self).__name__,
            "subject": self.subject,
            "expected": self.expected,
            "got": self.got,
            "where": str(self.where) if self.where else "",
            "file": place.file if place else "",
            "line": place.line if place else 0,
            "column": place.column if place else 0,
            "hint": self.hint,
            "excerpt": self.excerpt,
        }
        return {name: value for name, value in found.items() if value}


class ConfigError(PenstockError):
    """A file of the project or a setting is wrong: whoever wrote it acts."""


class ConfigErrors(ConfigError):  # noqa: N818  # several of them
    """Several mistakes, reported together; `errors` has them in the order of their places."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} mistakes in the project's files")

    def __str__(self) -> str:
        """Every mistake in full, then the count."""
        return "\n".join([*(str(e) for e in self.errors), self.subject])

    def fields(self) -> dict[str, Any]:
        """As one error, with `errors` holding the fields of each."""
        return {**super().fields(), "errors": [e.fields() for e in self.errors]}


class PlanError(PenstockError):
    """A definition cannot be carried out: whoever wrote the table acts."""


class RunError(PenstockError):
    """Something went wrong while running."""


class RetryableError(RunError):
    """It may pass if tried again, and is; `after` is a wait in seconds that the other side asked for."""

    def __init__(self, subject: str, *, after: float | None = None, **fields: Any) -> None:
        super().__init__(subject, **fields)
        self.after = after


class FatalError(RunError):
    """Trying again will not help: this table and what depends on it stop."""


class RejectedError(RunError):
    """A row cannot be loaded: it goes to the reject table."""


class UnsupportedError(PenstockError):
    """A gap that is known and named: what was asked for is declared as not possible here."""
