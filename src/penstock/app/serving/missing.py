"""The error for what was asked for and is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError

if TYPE_CHECKING:
    from typing import Self


class NoSuchError(ConfigError):
    """No such table, run, dashboard, metric or page."""

    @classmethod
    def of(cls, error: ConfigError) -> Self:
        """Return an error about a name as this one."""
        return cls(
            error.subject,
            expected=error.expected,
            got=error.got,
            where=error.where,
            hint=error.hint,
            excerpt=error.excerpt,
        )
