"""Mistakes in a project's files, gathered so that they are reported together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError, ConfigErrors, Place

if TYPE_CHECKING:
    from penstock.base.errors import PenstockError


class Mistakes:
    """What is wrong so far; loading goes on past a mistake, so that one look finds all."""

    def __init__(self) -> None:
        self.found: list[ConfigError] = []

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.found)

    def add(self, subject: str, where: Place | None = None, **fields: str) -> None:
        """Note a mistake; `fields` are those of `PenstockError`."""
        self.found.append(ConfigError(subject, where=where, **fields))

    def take(self, error: PenstockError, where: Place | None = None) -> None:
        """Note what another room found wrong, at `where` unless it has a place of its own."""
        for one in error.errors if isinstance(error, ConfigErrors) else (error,):
            self.found.append(
                ConfigError(
                    one.subject,
                    expected=one.expected,
                    got=one.got,
                    where=one.where or where,
                    hint=one.hint,
                    excerpt=one.excerpt,
                )
            )

    def raise_found(self) -> None:
        """Raise what was found, in the order of places: one as itself, several as `ConfigErrors`."""
        if not self.found:
            return
        ordered = sorted(self.found, key=_by_place)
        raise ordered[0] if len(ordered) == 1 else ConfigErrors(ordered)


def _by_place(error: ConfigError) -> tuple[str, int, int]:
    place = error.where
    return (place.file, place.line, place.column) if isinstance(place, Place) else (str(place or ""), 0, 0)
