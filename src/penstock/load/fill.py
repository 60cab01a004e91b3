"""Fills the variables of a loaded project from the environment, `.env` and `[vars]`, after the cache."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.base import secrets
from penstock.base.errors import ConfigError, Place
from penstock.base.text import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from penstock.load.asks import Ask
    from penstock.load.cache import Stored
    from penstock.load.mistakes import Mistakes
    from penstock.model.project import Project
    from penstock.model.source import Connection

ENV_FILE = ".env"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-[^}]*)?\}")


class StaleError(Exception):
    """A connection's URL is a variable and now shows another kind, whose options have not been checked."""


def surroundings(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the environment over those of `.env`; raises `ConfigError` for a bad file."""
    try:
        return {**secrets.read_env_file(root / ENV_FILE), **environ}
    except UnicodeDecodeError as error:
        got = f"byte 0x{error.object[error.start]:02x} at offset {error.start}"
        raise ConfigError("the file is not UTF-8", where=Place(ENV_FILE), got=got, hint="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", where=Place(ENV_FILE)) from None


def note_missing(asks: Iterable[Ask], known: Iterable[str], mistakes: Mistakes) -> None:
    """Note every variable that is asked for and not known."""
    names = set(known)
    for ask in asks:
        if ask.variable not in names:
            near = nearest(ask.variable, names)
            hint = did_you_mean(ask.variable, [near]) if near else f"set it in the environment or in {ENV_FILE}"
            mistakes.add(f"the variable '{ask.variable}' is not set", ask.where, got=f"${{{ask.variable}}}", hint=hint)


def fill(stored: Stored, known: Mapping[str, str]) -> Project:
    """Return the project with its variables filled; all of them are known. Raises `StaleError`."""
    filler = _Filler(stored.variables, known, stored.late)
    project = stored.project
    connections = {name: filler.connection(one) for name, one in project.connections.items()}
    raw = {
        name: replace(
            table,
            connection=connections.get(table.connection.name, table.connection),
            read=filler.value(table.read),
            options=filler.value(table.options),
            clean=filler.value(table.clean),
        )
        for name, table in project.raw.items()
    }
    sinks = {
        name: replace(
            sink,
            connection=connections.get(sink.connection.name, sink.connection),
            write=filler.value(sink.write),
            options=filler.value(sink.options),
        )
        for name, sink in project.sinks.items()
    }
    warehouse = filler.value(project.warehouse)
    return replace(project, warehouse=warehouse, connections=connections, raw=raw, sinks=sinks)


class _Filler:
    def __init__(self, variables: Mapping[str, str], known: Mapping[str, str], late: Mapping[str, str]) -> None:
        self._plain = {name: value for name, value in variables.items() if name not in known}
        self._known = known
        self._late = late

    def value(self, value: Any) -> Any:
        """Fill every text in a value."""
        if isinstance(value, str):
            return self._text(value) if "${" in value else value
        if isinstance(value, dict):
            return {key: self.value(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner) for inner in value]
        return value

    def _text(self, text: str) -> str:
        """Variables of the project's own file are no secrets: they are filled first, and shown."""
        text = _VARIABLE.sub(lambda match: self._plain.get(match[1], match[0]), text)
        return secrets.expand(text, self._known)

    def connection(self, one: Connection) -> Connection:
        address, kind = self.value(one.address), one.kind
        if one.name in self._late:
            from penstock.load.settings import split_url

            kind, address = split_url(address)
            if kind != one.kind:
                raise StaleError
        return replace(one, address=address, options=self.value(one.options))
