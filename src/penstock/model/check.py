"""Checks: conditions that a table's rows must meet."""

from __future__ import annotations

from penstock.base.errors import Place
from penstock.base.record import record


@record
class Check:
    """A condition over a table.

    `text` is as the user wrote it: a SQL condition on a row (null passes, as in SQL's own `check`), `unique(a, b)`,
    `references(table.column, column)`, `accepted(column, 'a', 'b')`, or a condition on `rows` such as `rows > 0`.
    `severity` is `error` (the table stays at its last good version) or `warn`.
    """

    text: str
    severity: str = "error"
    name: str = ""
    where: Place | None = None

    @property
    def label(self) -> str:
        """What people see: the name, or the text itself."""
        return self.name or self.text


@record
class Verdict:
    """How a check ended: how many rows failed it and a few of them, as JSON-ready mappings."""

    table: str
    check: Check
    failed: int
    samples: tuple[dict[str, object], ...] = ()
    seconds: float = 0.0

    @property
    def state(self) -> str:
        """`passed`, `warned` or `failed`."""
        if not self.failed:
            return "passed"
        return "failed" if self.check.severity == "error" else "warned"
