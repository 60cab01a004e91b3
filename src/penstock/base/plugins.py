"""Implementations by name, found through the entry points of installed packages."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError
from penstock.base.text import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def found(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def load(group: str, name: str) -> Any:
    """Import and return the implementation `name`; raises `ConfigError` naming the nearest."""
    points = found(group)
    if name not in points:
        raise ConfigError(f"unknown kind '{name}'", hint=did_you_mean(name, points))
    return points[name].load()
