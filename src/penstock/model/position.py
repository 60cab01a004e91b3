"""Positions: small JSON values whose meaning only their source knows."""

from __future__ import annotations

import json
from typing import TypeAlias

Position: TypeAlias = "dict[str, Position] | list[Position] | str | int | float | bool | None"


def encode(position: Position) -> str:
    """Return the one text of a position: keys sorted, no spaces.

    >>> encode({"b": 1, "a": [2]})
    '{"a":[2],"b":1}'
    """
    return json.dumps(position, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def decode(text: str) -> Position:
    """Read a position from its text."""
    value: Position = json.loads(text)
    return value
