"""A clock that goes only when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class StillClock:
    """Stands at an instant; waiting moves it on at once, and is noted in `waits` (seconds)."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or datetime(2030, 1, 1, tzinfo=UTC)
        self.waits: list[float] = []

    def now(self) -> datetime:
        """Return the instant at which it stands."""
        return self.at

    def monotonic(self) -> float:
        """Return the same instant in seconds."""
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.waits.append(seconds)
        self.at += timedelta(seconds=seconds)
