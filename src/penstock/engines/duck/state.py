"""What a transaction has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock.model.commit import Counts
    from penstock.model.relation import Relation


@dataclass
class State:
    """What a transaction has done so far and the engine must know once it is committed."""

    relations: dict[str, Relation] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    next_rid: int = 1
    stages: int = 0
    storages: int = 0
    rejected: int = 0
    leaving: list[str] = field(default_factory=list)
    with_graves: set[str] = field(default_factory=set)
    numbered: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    nulls: dict[tuple[str, tuple[str, ...]], bool] = field(default_factory=dict)
    refusals: bool = False
    positions: dict[tuple[str, str], str] = field(default_factory=dict)
    outlived: set[str] = field(default_factory=set)
