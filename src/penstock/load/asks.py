"""Variables that settings ask for: known to the cache, which knows nothing else of how a project is read."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.base.errors import Place


@dataclass(frozen=True, slots=True)
class Ask:
    """A variable that a setting asks for, and where."""

    variable: str
    where: Place
