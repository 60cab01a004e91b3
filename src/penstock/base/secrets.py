"""Secrets: `${VAR}` in settings is filled from the environment or `.env`, and never shown again."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_SHORTEST = 4
_known: set[str] = set()


def read_env_file(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines of a `.env` file; quotes around a value and `#` lines fall away."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.strip().removeprefix("export ")
        name, equals, value = line.partition("=")
        if line.startswith("#") or not equals:
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = value
    return found


def variables(text: str) -> tuple[str, ...]:
    """Name the variables that `text` asks for and gives no default.

    >>> variables("postgres://me:${PASSWORD}@${HOST:-localhost}/db")
    ('PASSWORD',)
    """
    return tuple(m[1] for m in _VARIABLE.finditer(text) if m[2] is None)


def expand(text: str, values: Mapping[str, str] = os.environ) -> str:
    """Fill `${NAME}` and `${NAME:-default}`; what came from a variable is never shown from then on.

    Raises `KeyError` with the name of a variable that has neither value nor default.
    """

    def fill(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        value = values.get(name, default)
        if value is None:
            raise KeyError(name)
        if name in values:
            hide(value)
        return value

    return _VARIABLE.sub(fill, text)


def hide(value: str) -> None:
    """Remember a secret, so that `redact` takes it out of whatever is shown."""
    if len(value) >= _SHORTEST:
        _known.add(value)


def redact(text: str) -> str:
    """Replace every known secret in `text` with `***`."""
    for value in sorted(_known, key=len, reverse=True):
        if value in text:
            text = text.replace(value, "***")
    return text
