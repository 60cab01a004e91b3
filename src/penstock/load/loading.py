"""What one loading of a project carries along: mistakes, options of connectors, variables asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from penstock.base import secrets
from penstock.base.errors import ConfigError, Place
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.load.asks import Ask
from penstock.load.mistakes import Mistakes
from penstock.model import names
from penstock.model.check import Check
from penstock.model.option import Options
from penstock.model.source import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.load.section import Section

BUILT_IN = ("files", "logs", "memory", "python")


@record
class Defaults:
    """What holds for tables that do not say it themselves."""

    fresh: timedelta | None = None
    retries: int = 3
    checks: tuple[Check, ...] = ()
    owner: str = ""
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Loading:
    """The state of one loading.

    `late` has the connections whose URL is a variable, with the kind that it shows now; `places` those of
    names that are looked up when all files are read. `broken` names what was declared but could not be read,
    and `unread` the nouns of which more may have been declared in files that could not be read: neither is
    missed.
    """

    options_of: Callable[[str], Options]
    environ: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mistakes = field(default_factory=Mistakes)
    defaults: Defaults = field(default_factory=Defaults)
    connections: dict[str, Connection] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    asks: list[Ask] = field(default_factory=list)
    late: dict[str, str] = field(default_factory=dict)
    places: dict[tuple[str, ...], Place] = field(default_factory=dict)
    broken: set[tuple[str, str]] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    _options: dict[str, Options | None] = field(default_factory=dict)

    def options(self, kind: str, where: Place | None) -> Options | None:
        """Return what connectors of a kind take; None where there is no such kind, which is noted once."""
        if kind not in self._options:
            try:
                self._options[kind] = self.options_of(kind)
            except ConfigError as error:
                self._options[kind] = None
                self.mistakes.take(error, where)
        return self._options[kind]

    def connection(self, section: Section, key: str) -> Connection | None:
        """Return the connection that a section names under `key`; a wrong name is noted."""
        name = section.text(key, required="store")
        if not name:
            return None
        if name in self.connections:
            return self.connections[name]
        if name in BUILT_IN:
            return Connection(name, name)
        if not self.is_broken("connection", name):
            known = [*self.connections, *BUILT_IN]
            section.wrong(key, subject=f"there is no connection '{name}'", hint=did_you_mean(name, known))
        return None

    def is_broken(self, noun: str, name: str) -> bool:
        """Tell whether a connection or table may have been declared where nothing could be read."""
        return noun in self.unread or (noun, name) in self.broken

    def ask(self, section: Section, *keys: str) -> None:
        """Note the variables in the values of some keys."""
        for key in keys:
            self._ask(section.values.get(key), (key,), section)

    def _ask(self, value: Any, path: tuple[str | int, ...], section: Section) -> None:
        if isinstance(value, str) and "${" in value:
            place = section.where(*path, value=True)
            self.asks += [Ask(name, place) for name in secrets.variables(value)]
        elif isinstance(value, dict):
            for key, inner in value.items():
                self._ask(inner, (*path, key), section)
        elif isinstance(value, list | tuple):
            for index, inner in enumerate(value):
                self._ask(inner, (*path, index), section)

    def check_name(self, name: str, where: Place | None) -> bool:
        """Tell whether a table may have this name; why not is noted."""
        schema, bare = names.split(name)
        for part in (schema, bare):
            if not names.is_plain(part):
                lowered = part.lower().replace("-", "_").replace(" ", "_")
                hint = f"write it '{lowered}'" if names.is_plain(lowered) else ""
                self.mistakes.add(
                    f"'{part}' cannot be a name",
                    where,
                    expected="lower case letters, digits and _, no digit first",
                    got=f"'{part}'",
                    hint=hint,
                )
                return False
            if part in names.RESERVED_WORDS:
                self.mistakes.add(
                    f"'{part}' cannot be a name", where, expected="a word that SQL does not keep for itself"
                )
                return False
        if schema in names.RESERVED_SCHEMAS:
            self.mistakes.add(f"the schema '{schema}' is Penstock's own or DuckDB's", where, expected="another schema")
            return False
        if bare in names.HIDDEN:
            self.mistakes.add(
                f"the name '{bare}' is taken", where, hint="Penstock keeps its own columns under this name"
            )
            return False
        return True

    def check_columns(self, section: Section, key: str, columns: tuple[str, ...]) -> None:
        """Note the names that Penstock keeps for its own columns."""
        for column in columns:
            if column.lower() in names.HIDDEN:
                section.wrong(
                    key,
                    subject=f"the name '{column}' is taken",
                    hint="Penstock keeps its own columns under this name",
                )
