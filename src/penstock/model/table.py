"""Tables that Penstock computes: in SQL or in Python."""

from __future__ import annotations

from datetime import timedelta

from penstock.base.errors import Place
from penstock.base.record import record
from penstock.model.check import Check


@record
class Input:
    """An input of a Python table: the parameter, the table it names, and the form that the annotation asks for.

    `form` is `arrow`, `polars`, `pandas`, `relation` or `batches`.
    """

    parameter: str
    table: str
    form: str


@record
class Function:
    """A Python function by where it is found: imported only when it runs.

    With `rows`, a parameter, it says something of each row of that input by itself; with `by`, columns, something of
    the rows of each key of these. Then it is called with parts of its inputs.
    """

    file: str
    name: str
    inputs: tuple[Input, ...] = ()
    rows: str = ""
    by: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """What it is called with, as a text: part of what its table is made of."""
        named = ";".join(f"{one.parameter}={one.table}:{one.form}" for one in self.inputs)
        parts = f" rows={self.rows}" if self.rows else f" by={','.join(self.by)}" if self.by else ""
        return f"{self.name}({named}){parts}"


@record
class Table:
    """The declaration of a SQL or Python table: exactly one of `sql` and `function` is given.

    `sql` is the one select of its file and starts in line `line` of it; `parents` are the tables that it reads;
    `fingerprint` is the hash of its canonical form and of its parents' fingerprints. `fresh` of None means manual.
    """

    name: str
    sql: str = ""
    function: Function | None = None
    parents: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    fresh: timedelta | None = None
    checks: tuple[Check, ...] = ()
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    fingerprint: str = ""
    where: Place | None = None
    line: int = 1
