"""The journal protocol: runs, recorded as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.check import Verdict
    from penstock.model.run import Note, Run, Step


class Journal(Protocol):
    """Where runs are recorded; safe to use from several threads and processes."""

    def start(self, run: Run) -> None:
        """Record that a run began."""
        ...

    def step(self, run: str, *steps: Step) -> None:
        """Record what tables went through; a later step of the same table and stage replaces an earlier one."""
        ...

    def verdicts(self, run: str, verdicts: Sequence[Verdict]) -> None:
        """Record how checks ended."""
        ...

    def note(self, run: str, note: Note) -> None:
        """Record something that a run says."""
        ...

    def beat(self, run: str) -> None:
        """Extend the run's lease."""
        ...

    def end(self, run: str, state: str, version: int | None) -> None:
        """Record that a run ended."""
        ...

    def unfinished(self) -> Sequence[Run]:
        """Return the runs that are recorded as running."""
        ...

    def runs(self, limit: int = 20) -> Sequence[Run]:
        """Return the newest runs with their steps, newest first."""
        ...

    def find(self, run: str) -> Run | None:
        """Return one run with its steps, by its id or the beginning of it."""
        ...

    def checks(self, run: str) -> Sequence[Verdict]:
        """Return how the checks of a run ended."""
        ...

    def notes(self, run: str) -> Sequence[Note]:
        """Return what a run said, in the order in which it did."""
        ...

    def close(self) -> None:
        """Let go of the journal."""
        ...
