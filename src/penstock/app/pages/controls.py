"""The filters of a page as they are shown: what can be chosen, how many rows have it, and what is chosen."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from penstock.app.fetched import fetched
from penstock.app.pages import measured
from penstock.app.pages.asking import described, tables_of
from penstock.app.pages.kept import pages
from penstock.base.errors import PenstockError
from penstock.base.text import did_you_mean
from penstock.load.calls import Source
from penstock.model.page import Choice, Control
from penstock.model.relation import Query
from penstock.plan import restrict
from penstock.plan.chosen import Chosen, choose
from penstock.plan.drawing import NOTHING
from penstock.plan.period import worded
from penstock.plan.roles import Field, humanized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from penstock.app.opened import App
    from penstock.model.dashboard import Dashboard, Filter, Mistake, SqlBlock

_MOST_VALUES = 500
_PERIODS = ("last 7 days", "last 28 days", "last 90 days", "this month", "this year", "all")


def chosen(app: App, page: Dashboard, params: Mapping[str, str]) -> Chosen:
    """Return what holds for a page by the address that it was asked with."""
    return choose(page, params, dimensions(app, page), newest(app, page))


def dimensions(app: App, page: Dashboard) -> set[str]:
    """Return the names that something on a page can be filtered by."""
    known = measured.infos(app)
    found = {
        name for one in page.charts for word in one.names if word.text in known for name in known[word.text].dimensions
    }
    relations = app.engine.relations()
    for block in page.queries.values():
        for table in tables_of(block.text):
            if table in relations:
                found |= {column.name for column in relations[table].schema if not Field("", column.type).is_time}
    bare = choose(page, {}, (), datetime(2000, 1, 1))  # noqa: DTZ001  # only for the types of what it gives
    for block in page.queries.values():
        fields = _fields(app, page, block, bare)
        found |= {field.name for field in fields if not field.is_measure and not field.is_time}
    return found


def _fields(app: App, page: Dashboard, block: SqlBlock, bare: Chosen) -> tuple[Field, ...]:
    def made() -> tuple[Field, ...]:
        try:
            return described(app, page, block, bare)[1]
        except PenstockError:  # said where the query's charts stand
            return ()

    built = tuple(one.built for one in app.engine.relations().values())
    return pages(app).kept(("fields", page.file, block.text, built), made)


def newest(app: App, page: Dashboard) -> datetime:
    """Return the newest time of what a page shows: `last 90 days` end there."""
    known = measured.infos(app)
    declared = next((one for one in page.filters if one.kind == "period"), None)
    now = app.clock.now().replace(tzinfo=None)
    if declared and declared.table:
        at = measured.column_newest(app, declared.table, declared.column)
        return min(at, now) if at else now
    names = dict.fromkeys(word.text for one in (*page.charts, *page.values) for word in one.names)
    return measured.newest(app, [known[name] for name in names if name in known])


def controls(app: App, page: Dashboard, found: Chosen) -> tuple[Control, ...]:
    """Return the filters of a page: those that it declares, then those that its address brought."""
    made = [_control(app, one, found) for one in page.filters]
    if not any(one.kind == "period" for one in page.filters) and found.period != "all":
        made.append(_period("period", "Period", found, ""))
    made += [_control(app, one, found) for name, one in found.filters.items() if page.filter(name) is None]
    return tuple(made)


def _control(app: App, one: Filter, found: Chosen) -> Control:
    label = one.label or humanized(one.name)
    if one.kind == "period":
        return _period(one.name, label, found, one.default)
    values = found.values.get(one.name, ())
    listed = choices(app, one) if one.kind in ("many", "choice") else ()
    known = {choice.value for choice in listed}
    listed += tuple(Choice(value, _label(value)) for value in values if value not in known)
    text = ", ".join(_label(value) for value in values) if values else "all"
    return Control(
        one.name, label, one.kind, one.column or one.name, listed, ",".join(_escaped(value) for value in values),
        one.default, text,
    )  # fmt: skip


def _period(name: str, label: str, found: Chosen, default: str) -> Control:
    listed = dict.fromkeys([*([default] if default else []), *_PERIODS])
    said = worded(found.low, found.high)
    text = found.period if found.period == said else f"{found.period} ({said})" if found.period != "all" else "all"
    if ".." in found.period or found.period[:1].isdigit():
        text = said
    return Control(
        name, label, "period", None, tuple(Choice(one, one) for one in listed), found.period, default or "all", text
    )


def _label(value: str) -> str:
    return "none" if value == NOTHING else value


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,")


def choices(app: App, one: Filter) -> tuple[Choice, ...]:
    """Return the values of a filter with their numbers of rows, the most frequent first."""
    if one.values:
        return tuple(Choice(value, value) for value in one.values)
    relation = app.engine.relations().get(one.table)
    spec = relation.schema.find(one.column) if relation else None
    if relation is None or spec is None:
        return ()
    return pages(app).kept(
        ("choices", one.table, spec.name, relation.changed), lambda: _counted(app, one.table, spec.name)
    )


def _counted(app: App, table: str, column: str) -> tuple[Choice, ...]:
    name = restrict.quoted(column)
    text = (
        f"select cast({name} as varchar), count(*) from {restrict.table(table)} group by all "
        f"order by 2 desc, 1 limit {_MOST_VALUES}"
    )
    return tuple(
        Choice(NOTHING if value is None else value, _label(NOTHING if value is None else value), count)
        for value, count in fetched(app, Query(text))
    )


def mistakes(app: App, page: Dashboard) -> Iterator[Mistake]:
    """Find filters that name no table or no column of it."""
    relations, source = app.engine.relations(), Source(page.text)
    for one in page.filters:
        if not one.table:
            continue
        if one.table not in relations:
            if one.table not in app.project.order:
                hint = did_you_mean(one.table, [*app.project.order])
                yield source.mistake_at(f"the filter '{one.name}' names no table: '{one.table}'", one.line, hint=hint)
            continue
        schema = relations[one.table].schema
        if schema.find(one.column) is None:
            hint = did_you_mean(one.column, schema.names)
            yield source.mistake_at(f"'{one.table}' has no column '{one.column}'", one.line, hint=hint)
