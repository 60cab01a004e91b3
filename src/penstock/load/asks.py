"""Variables that settings ask for: known to the cache, which knows nothing else of how a project is read."""

from __future__ import annotations

from penstock.base.errors import Place
from penstock.base.record import record


@record
class Ask:
    """A variable that a setting asks for, and where."""

    variable: str
    where: Place
