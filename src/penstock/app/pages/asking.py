"""What a chart asks of the warehouse: the rows of a page's query, of what its filters let through."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from penstock.app.pages.kept import pages
from penstock.app.pages.measured import infos
from penstock.base.errors import PenstockError, Place, PlanError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.relation import Query
from penstock.plan.restrict import bound, parameters, restricted
from penstock.plan.roles import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.app.opened import App
    from penstock.model.dashboard import Dashboard, SqlBlock
    from penstock.model.relation import Relation
    from penstock.plan.chosen import Chosen

_PERIOD = frozenset({"period_start", "period_end", "period"})


class MissingError(PenstockError):
    """A table that the project declares has not been built yet; `table` is its name."""

    def __init__(self, table: str, hint: str) -> None:
        super().__init__(f"the table '{table}' has not been built yet", hint=hint)
        self.table = table


@record
class Asked:
    """Rows to be drawn: SQL for them, which is called `block` in a chart's SQL, and what they are.

    `before` are named subqueries that the text reads. `fields` are its columns, `tables` what it reads, `filtered` the
    filters that hold for it and `unfiltered` those that say nothing about it. `shown` is the SQL as the page has it.
    """

    text: str
    fields: tuple[Field, ...]
    tables: tuple[str, ...]
    shown: str
    definition: str
    before: tuple[str, ...] = ()
    wheres: tuple[str, ...] = ()
    reads: Query = Query("")
    file: str = ""
    line: int = 1
    filtered: tuple[str, ...] = ()
    unfiltered: tuple[str, ...] = ()
    metric: str = ""
    grain: str = ""
    other: str = ""
    timezone: str = ""
    totals: dict[str, Any] = field(default_factory=dict)

    def query(self, shaped: str) -> Query:
        """Return the query of a chart over these rows, by which errors are found in the page's own lines."""
        text = f"block as (\n{self.text}\n)"
        if self.wheres:
            text = f"asked as (\n{self.text}\n), block as (select * from asked where {' and '.join(self.wheres)})"
        named = ", ".join([*self.before, text])
        rest = f", {shaped[5:]}" if shaped.startswith("with ") else f"\n{shaped}"
        return replace(
            self.reads, text=f"with {named}{rest}", file=self.file, line=max(self.line - 1, 0), shown=f"\n{self.shown}"
        )


def tables_of(text: str) -> tuple[str, ...]:
    """Return the tables that SQL names, as far as it can be read."""
    from penstock.plan import sql

    try:
        return tuple(one.name for one in sql.references(text))
    except PlanError:
        return ()


def named(text: str) -> list[str]:
    """Return the tables that SQL without metrics reads, as they are or were; raises `PlanError` for what is no SQL."""
    from penstock.plan import asof
    from penstock.plan.sql.text import references

    asking = asof.find(text, "query")
    places = [f"@{number}" for number in range(len(asking.found))]
    rest = asking.with_names(places) if places else text
    past = [one.table.text for one in asking.found]
    return [*past, *(one.name for one in references(rest, "query") if one.name not in places)]


def tables_read(app: App, text: str) -> tuple[str, ...]:
    """Return the tables that the SQL of a page reads, as far as it can be read: with those of metrics that it asks."""
    from penstock.plan.metrics import call

    known = infos(app)
    try:
        asking = call.find(bound(text, dict.fromkeys(parameters(text), "'-'")))
        metrics = [known[name] for one in asking.found for name in one.ask.metrics if name in known]
        read = named(asking.with_names(asking.names()))
    except PlanError:
        return ()
    own = set(asking.names())
    return tuple(
        dict.fromkeys([*(name for name in read if name not in own), *(t for one in metrics for t in one.tables)])
    )


def described(app: App, page: Dashboard, block: SqlBlock, chosen: Chosen) -> tuple[Query, tuple[Field, ...]]:
    """Return a page's query with its parameters bound, and its columns.

    Raises `PlanError` with line and column for what is wrong in it, `MissingError` where a table is not built yet.
    """
    values = chosen.literals()
    for name, start in parameters(block.text).items():
        if name not in values:
            raise _unknown_parameter(page, block, name, start, values)
    text = bound(block.text, values)
    key = ("described", page.file, block.line, text, app.engine.version)
    return pages(app).kept(key, lambda: _described(app, page, block, text))


def _described(app: App, page: Dashboard, block: SqlBlock, text: str) -> tuple[Query, tuple[Field, ...]]:
    from penstock.app.requests import asked

    try:
        query = replace(asked(app, text), file=page.file, line=block.line, shown=block.text)
        rows = app.engine.read(query)
    except PlanError as error:
        missing = _missing(app, block.text)
        raise (missing or _in_page(error, page, block)) from error
    try:
        return query, tuple(Field(column.name, column.type) for column in rows.schema)
    finally:
        rows.close()


def _unknown_parameter(page: Dashboard, block: SqlBlock, name: str, start: int, known: Mapping[str, str]) -> PlanError:
    from penstock.plan.sql import Origin

    hint = did_you_mean(name, known)
    origin = Origin(block.text, page.file, block.line)
    return origin.error(f"the page has no filter '{name}'", start, len(name) + 1, hint=hint)


def _in_page(error: PlanError, page: Dashboard, block: SqlBlock) -> PlanError:
    """Give an error a place in the page: where it names none, the first line of the query."""
    place = error.where if isinstance(error.where, Place) else None
    if place is None or place.file != page.file:
        line = block.line + place.line - 1 if place and place.line else block.line
        error.where = Place(page.file, line, place.column if place else 1)
    return error


def _missing(app: App, text: str) -> MissingError | None:
    relations = app.engine.relations()
    for name in tables_read(app, text):
        if name not in relations and name in app.project.order:
            return MissingError(name, f"penstock run +{name}")
    return None


def ask(app: App, page: Dashboard, block: SqlBlock, chosen: Chosen, time: str = "") -> Asked:
    """Return the rows of a page's query, with its filters put to the tables that it reads or to its result.

    `time` names the column along which a chart goes: the period holds for it. Raises as `described` does.
    """
    query, fields = described(app, page, block, chosen)
    used = set(parameters(block.text))
    relations = {name: app.engine.relations().get(name) for name in tables_of(block.text)}
    filters = _Filters(page, chosen, fields, relations, used)
    filters.dimensions()
    filters.period(time)
    text, before = restricted(query.text, {name: " and ".join(all_) for name, all_ in filters.inputs.items()})
    return Asked(
        text, fields, tables_read(app, block.text), block.text, f"{page.file}:{block.line}", tuple(before),
        tuple(filters.wheres), query, page.file, block.line, tuple(filters.bound), tuple(filters.loose),
    )  # fmt: skip


class _Filters:
    """The filters of a page, put to one query: by its own parameters, else to its tables, else to its result."""

    def __init__(
        self,
        page: Dashboard,
        chosen: Chosen,
        fields: Sequence[Field],
        relations: Mapping[str, Relation | None],
        used: set[str],
    ) -> None:
        self._page, self._chosen, self._fields, self._used = page, chosen, fields, used
        self._relations = {name: relation for name, relation in relations.items() if relation is not None}
        self.inputs: dict[str, list[str]] = {}
        self.wheres: list[str] = []
        self.bound: list[str] = []
        self.loose: list[str] = []

    def dimensions(self) -> None:
        """Put every chosen value where its dimension is."""
        for name in self._chosen.values:
            one = self._chosen.filters[name]
            done = name in self._used
            if not done:
                done = self._inputs(name, one.table, one.column or name)
            if not done:
                own = _field(self._fields, one.column or name) or _field(self._fields, name)
                if own is not None:
                    self.wheres.append(self._chosen.condition(name, own))
                    done = True
            (self.bound if done else self.loose).append(name)

    def _inputs(self, name: str, table: str, column: str) -> bool:
        """Restrict the table that a filter names, or else all that have a column of its name."""
        named = [table] if table in self._relations else list(self._relations)
        found = False
        for each in named:
            spec = self._relations[each].schema.find(column if each == table else name)
            if spec is not None:
                condition = self._chosen.condition(name, Field(spec.name, spec.type))
                self.inputs.setdefault(each, []).append(condition)
                found = True
        return found

    def period(self, time: str) -> None:
        """Put the period to the column that the page names for it, or to the one along which the chart goes."""
        if self._chosen.low is None and self._chosen.high is None:
            return
        declared = next((one for one in self._page.filters if one.kind == "period"), None)
        done = bool(self._used & _PERIOD)
        if not done and declared and declared.table in self._relations:
            spec = self._relations[declared.table].schema.find(declared.column)
            if spec is not None:
                column = Field(spec.name, spec.type)
                self.inputs.setdefault(declared.table, []).append(self._chosen.within(column))
                done = True
        if not done:
            own = self._time(time, declared.column if declared else "")
            if own is not None and own.is_time:
                self.wheres.append(self._chosen.within(own))
                done = True
        (self.bound if done else self.loose).append("period")

    def _time(self, along: str, declared: str) -> Field | None:
        """Return the time of the result: the chart's own, the page's, or one that a table has under the same name."""
        found = _field(self._fields, along) or _field(self._fields, declared)
        if found is None:
            for one in (each for each in self._fields if each.is_time):
                if any(relation.schema.find(one.name) for relation in self._relations.values()):
                    return one
        return found


def _field(fields: Sequence[Field], name: str) -> Field | None:
    return next((one for one in fields if name and one.name.lower() == name.lower()), None)
