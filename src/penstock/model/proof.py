"""Proofs: a table recomputed in full and compared with what is stored."""

from __future__ import annotations

from typing import Any

from penstock.base.record import record


@record
class Verified:
    """How a table compares with what computing it in full gives, from its inputs as of `version`.

    `state` is `same`, `differs`, `skipped` (left out, for the `reason`) or `failed` (it could not be recomputed).
    `rows` are those that are stored; `missing` and `extra` count the rows that should be there and are not, and the
    other way round, and some of them are in `missing_rows` and `extra_rows`. `parts` are the blocks that were
    compared, too.
    """

    table: str
    kind: str
    state: str
    reason: str = ""
    version: int = 0
    rows: int = 0
    missing: int = 0
    extra: int = 0
    missing_rows: tuple[dict[str, Any], ...] = ()
    extra_rows: tuple[dict[str, Any], ...] = ()
    parts: tuple[str, ...] = ()
    seconds: float = 0.0
