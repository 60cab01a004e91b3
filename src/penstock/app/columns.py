"""The lineage of columns of a project's tables, as far as their columns are known."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from penstock.app.explain import known
from penstock.base.errors import ConfigError
from penstock.base.text import did_you_mean
from penstock.model.relation import Query
from penstock.plan.columns import Made, Traced, Use, every, trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.app.opened import App
    from penstock.model.relation import Relation
    from penstock.model.schema import Schema

__all__ = ["Traced", "Use", "columns", "split", "traced"]

_KEPT: WeakKeyDictionary[App, _Tracing] = WeakKeyDictionary()
_FUNCTION = "its columns are made by a Python function: each may come from any of its inputs"


def split(app: App, name: str) -> tuple[str, str]:
    """Return the table and the column that a name stands for, the column empty where it is a table's or unknown.

    A table's name goes before: `raw.orders` is a table where there is one of this name, whatever columns `raw` has.
    """
    lowered = name.lower().removeprefix("main.")
    if lowered in app.project.order:
        return lowered, ""
    table, _, column = name.rpartition(".")
    table = table.lower().removeprefix("main.")
    return (table, column) if table in app.project.order else (name, "")


def traced(app: App, table: str, column: str) -> Traced:
    """Trace a column up to where it was read and down to all that is made of it.

    Raises `ConfigError`, with the nearest name, for an unknown table or column, or one whose columns nobody knows yet.
    """
    tracing = _tracing(app)
    schema = tracing.schema(_existing(app, table))
    found = next((one for one in schema if one.name.lower() == column.lower()), None)
    if found is None:
        raise ConfigError(f"{table} has no column '{column}'", hint=did_you_mean(column, schema.names))
    return trace(app.project, table, found.name, found.type, tracing.made)


def columns(app: App, table: str) -> tuple[Traced, ...]:
    """Trace every column of a table."""
    tracing = _tracing(app)
    schema = tracing.schema(_existing(app, table))
    return tuple(trace(app.project, table, one.name, one.type, tracing.made) for one in schema)


def _existing(app: App, table: str) -> str:
    if table not in app.project.order:
        raise ConfigError(f"there is no table '{table}'", hint=did_you_mean(table, app.project.order))
    return table


def _tracing(app: App) -> _Tracing:
    """Return what was found out before, as long as no definition and no table's columns are others."""
    relations, kept = app.engine.relations(), _KEPT.get(app)
    known_by = {name: (one.fingerprint, one.schema) for name, one in relations.items()}
    if kept is None or kept.project is not app.project or kept.known_by != known_by:
        kept = _KEPT[app] = _Tracing(app, relations)
    return kept


class _Tracing:
    """What was found out of the tables so far, each once, by their definitions and the columns that they have."""

    def __init__(self, app: App, relations: Mapping[str, Relation]) -> None:
        self._app = ref(app)
        self.project = app.project
        self.relations = relations
        self.known_by = {name: (one.fingerprint, one.schema) for name, one in relations.items()}
        self._schemas: dict[str, Schema | None] = {}
        self._made: dict[str, Made] = {}

    @property
    def app(self) -> App:
        """The open project."""
        found = self._app()
        assert found is not None  # noqa: S101
        return found

    def schema(self, name: str) -> Schema:
        """Return the columns of a table; raises `ConfigError` where they are not known before it is loaded."""
        found = self._schema(name)
        if found is None:
            raise ConfigError(f"the columns of {name} are not known yet", hint=f"penstock run +{name}")
        return found

    def _schema(self, name: str) -> Schema | None:
        if name not in self._schemas:
            self._schemas[name] = self._find(name)
        return self._schemas[name]

    def _find(self, name: str) -> Schema | None:
        item, relation = self.app.project.find(name), self.relations.get(name)
        table = self.app.project.tables.get(name)
        if table is None or table.function or (relation and relation.fingerprint == item.fingerprint):
            return relation.schema if relation else None
        schemas, missing = known(self.app, table)
        return None if missing else self.app.engine.describe(Query(table.sql), schemas)

    def made(self, name: str) -> Made:
        """Return what the columns of a table are made of."""
        if name not in self._made:
            self._made[name] = self._read(name)
        return self._made[name]

    def _read(self, name: str) -> Made:
        from penstock.plan.sql.columns import made_of

        table = self.app.project.tables[name]
        own, above = self._schema(name), {one: self._schema(one) for one in table.parents}
        names = own.names if own else ()
        inputs: dict[str, Sequence[str]] = {one: schema.names if schema else () for one, schema in above.items()}
        if table.function:
            return every(names, inputs, "function", _FUNCTION)
        schemas = {one: schema for one, schema in above.items() if schema}
        if len(schemas) < len(above):
            lacking = ", ".join(one for one in above if one not in schemas)
            return every(names, inputs, "unknown", f"the columns of {lacking} are not known yet")
        found = made_of(table.sql, schemas)
        if found.why or (own and len(found.columns) != len(names)):
            why = f"its query is not understood ({found.why or 'its columns'}): each column may come from any"
            return every(names, inputs, "unknown", why)
        named = [one.lower() for one in names] or list(found.columns)
        return Made(dict(zip(named, found.columns.values(), strict=True)), found.rows)
