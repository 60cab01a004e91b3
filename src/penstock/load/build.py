"""Projects said in Python: the same objects as files give, with the same checking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.base.errors import Place, PlanError
from penstock.load import parts as in_parts
from penstock.load import raw as raw_files
from penstock.load import settings, sqlfile
from penstock.load.loading import Loading
from penstock.load.section import Section, always
from penstock.load.weave import Parts, weave
from penstock.model.option import Options
from penstock.model.project import Project
from penstock.model.source import Connection, RawTable
from penstock.plan import sql
from penstock.plan.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    from penstock.model.measure import Metrics
    from penstock.model.sink import SinkTable
    from penstock.model.table import Table
    from penstock.model.unit import UnitTest

_HERE = Place("the project in Python")


def build(  # noqa: PLR0913
    name: str,
    root: Path | str,
    *,
    connections: Mapping[str, Connection | str] | None = None,
    raw: Sequence[RawTable] = (),
    tables: Sequence[Table] = (),
    sinks: Sequence[SinkTable] = (),
    units: Sequence[UnitTest] = (),
    metrics: Sequence[Metrics] = (),
    warehouse: str = "duckdb:.penstock/warehouse.duckdb",
    history: timedelta | str = "7 days",
    timezone: str = "",
    options_of: Callable[[str], Options] | None = None,
) -> Project:
    """Make a project of objects; parents, fingerprints and order are found, whatever the objects say of them.

    `options_of` is as for `load`; without it the options of connectors are not checked. Raises `ConfigError`
    and `ConfigErrors` as `load` does.
    """
    loading = Loading(options_of or _anything)
    for key, value in (connections or {}).items():
        loading.connections[key] = _connection(key, value, loading)
    for table in raw:
        loading.connections.setdefault(table.connection.name, table.connection)
    parts = Parts(sinks=list(sinks), units=list(units))
    parts.raw = [_raw(table, loading) for table in raw]
    parts.drafts = [draft for draft in (_draft(table, loading) for table in tables) if draft]
    if options_of is not None:
        declared: tuple[RawTable | SinkTable, ...] = (*raw, *sinks)
        for one in declared:
            _check_options(one, loading)
    about = Section("the project", {"history": history, "timezone": timezone}, always(_HERE), loading.mistakes)
    kept = about.span("history", None)
    if metrics or timezone:
        from penstock.load import metrics as metric_files

        metric_files.check_zone(timezone, about, "timezone")
        parts.metrics = metric_files.all_declared(metrics, _HERE, loading)
    frame = Project(
        name, str(Path(root).absolute()), warehouse=warehouse, connections=loading.connections, history=kept,
        timezone=timezone,
    )  # fmt: skip
    project = weave(frame, parts, loading)
    loading.mistakes.raise_found()
    return project


def _connection(name: str, value: Connection | str, loading: Loading) -> Connection:
    if isinstance(value, Connection):
        return value
    kind, address = settings.split_url(value)
    if not kind:
        loading.mistakes.add(f"connection '{name}' is not right", _HERE, expected="kind:address")
    return Connection(name, kind, address)


def _raw(table: RawTable, loading: Loading) -> RawTable:
    where = table.where or _HERE
    loading.check_name(table.name, where)
    section = Section(f"raw table '{table.name}'", {}, always(where), loading.mistakes)
    loading.check_columns(section, "key", table.key)
    loading.check_columns(section, "columns", table.columns.names if table.columns else ())
    _check_checks(table, where, loading)
    section.values = {"clean": table.clean, "select": table.select}
    raw_files.clean(section)
    if table.select:
        text, _ = raw_files.select(section, loading)
        table = replace(table, select=text)
    return raw_files.stamped(table)


def _draft(table: Table, loading: Loading) -> sqlfile.Draft | None:
    where = table.where or _HERE
    loading.check_name(table.name, where)
    _check_checks(table, where, loading)
    if bool(table.sql) == bool(table.function):
        loading.mistakes.add(f"table '{table.name}' is not right", where, expected="either sql or a function")
        return None
    if table.function is not None:
        given = {"rows": table.function.rows or None, "by": table.function.by or None}
        section = Section(f"table '{table.name}'", given, always(where), loading.mistakes)
        called = in_parts.declared(table.function, section, loading)
        reads = dict.fromkeys((one.table, where) for one in called.inputs)
        return sqlfile.Draft(replace(table, function=called), f"python {called.file} {called.signature}", tuple(reads))
    try:
        text, line = sql.check_select(table.sql, where.file, table.line)
        found = sql.references(text, where.file, line)
    except PlanError as error:
        loading.mistakes.take(error, where)
        loading.broken.add(("table", table.name))
        return None
    read = tuple((one.name, Place(where.file, one.line, one.column)) for one in found)
    return sqlfile.Draft(replace(table, sql=text, line=line), canonical(text), read)


def _check_checks(table: RawTable | Table, where: Place, loading: Loading) -> None:
    section = Section(f"table '{table.name}'", {"checks": table.checks}, always(where), loading.mistakes)
    section.checks("checks", ())


def _check_options(one: RawTable | SinkTable, loading: Loading) -> None:
    where = one.where or _HERE
    takes = loading.options(one.connection.kind, where)
    if takes is None:
        return
    known: Iterable[Any] | None = takes.source if isinstance(one, RawTable) else takes.sink
    if known is None:
        verb = "read" if isinstance(one, RawTable) else "written"
        loading.mistakes.add(f"connection '{one.connection.name}' cannot be {verb}", where)
        return
    section = Section(f"'{one.name}'", one.options, always(where), loading.mistakes)
    section.options(tuple(known), f"'{one.name}'")


def _anything(_: str) -> Options:
    return Options()
