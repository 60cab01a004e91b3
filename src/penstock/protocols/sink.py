"""The sink protocol: changes staged under an epoch, then committed, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from penstock.base.record import record

if TYPE_CHECKING:
    from penstock.model.sink import DeliveryNote


@record
class SinkCan:
    """What a sink can do.

    `modes` it takes; `changes`: it takes changes, otherwise it is always handed the whole table; `exact`: a retry
    after a crash leaves neither a gap nor a double.
    """

    modes: frozenset[str]
    changes: bool = True
    exact: bool = True


class Sink(Protocol):
    """Where a table's changes go."""

    @property
    def can(self) -> SinkCan:
        """What this sink can do."""
        ...

    def epoch(self) -> int | None:
        """Return the version that the target shows, or None when it has never been written by this sink."""
        ...

    def stage(self, note: DeliveryNote, plus: Any, minus: Any) -> None:
        """Bring rows to the target's side without showing them.

        `plus` (rows that came) and `minus` (rows that went, all columns) have `__arrow_c_stream__`; `minus` is None
        with `note.whole`. Raises `FatalError` when the target's epoch is newer: another writer was here.
        """
        ...

    def commit(self, epoch: int) -> None:
        """Show what was staged, all or nothing; a second call with the same epoch changes nothing."""
        ...

    def close(self) -> None:
        """Let go of files and connections; what was staged and not committed is dropped."""
        ...
