"""The table that metrics are computed from, with the joins that they need: each of its rows counts once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PlanError
from penstock.base.text import did_you_mean
from penstock.model import names
from penstock.model.schema import Schema
from penstock.plan.metrics import formula

if TYPE_CHECKING:
    from collections.abc import Iterable

    from penstock.model.measure import Filter
    from penstock.model.metric import Join, MetricSet
    from penstock.plan.metrics.resolve import Known

_TIMES = ("date", "timestamp", "timestamptz", "timestamp_s", "timestamp_ms", "timestamp_ns")
_NUMBERS = ("tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal")
_BOUNDS = 2


def ident(name: str) -> str:
    """Return a name as SQL takes it: as it is where it may stand so, otherwise in quotes."""
    plain = names.is_plain(name.lower()) and name.lower() not in names.RESERVED_WORDS
    return name if plain else '"' + name.replace('"', '""') + '"'


def table_ident(name: str) -> str:
    """Return the name of a table as SQL takes it."""
    return ".".join(ident(part) for part in name.split("."))


@dataclass
class Source:
    """A table and its joins, in one select; `used` are the joins that its expressions name."""

    made: MetricSet
    known: Known
    zone: str
    beside: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)

    @property
    def alias(self) -> str:
        """What the table is called within the select."""
        return ident(names.split(self.made.table)[1])

    @property
    def schema(self) -> Schema:
        """The columns of the table."""
        return schema_of(self.made.table, self.known)

    def need(self, *texts: str) -> None:
        """Note the joins that expressions name, and those by which they are reached."""
        for text in texts:
            waiting = formula.aliases(text, self.made.joins)
            while waiting:
                alias = waiting.pop()
                if alias not in self.used:
                    self.used.add(alias)
                    above = {own.rpartition(".")[0] for own, _ in self.made.joins[alias].on}
                    waiting |= above & set(self.made.joins)

    def own(self, text: str) -> str:
        """Return an expression as it stands in the select: a column that another table has, too, is this table's."""
        others: set[str] = set(self.beside)
        for alias in self.used:
            others |= {name.lower() for name in schema_of(self.made.joins[alias].table, self.known).names}
        ambiguous = others & {name.lower() for name in self.schema.names}
        return formula.qualified(text, self.alias, ambiguous)

    def time(self) -> tuple[str, str]:
        """Return the local time of a row, and its type; raises `PlanError` where the column is no time."""
        said = self.made.time
        alias, _, column = said.rpartition(".")
        schema = schema_of(self.made.joins[alias].table, self.known) if alias in self.made.joins else self.schema
        found = schema.find(column if alias in self.made.joins else said)
        if found is None:
            raise PlanError(
                f"{self.made.table} has no column '{said}', which its metrics take for the time",
                where=self.made.where, hint=did_you_mean(said, schema.names),
            )  # fmt: skip
        if found.type not in _TIMES:
            raise PlanError(
                f"{self.made.table}.{said} is no time", where=self.made.where, expected="a date or a timestamp",
                got=found.type, hint="cast it in the table's own SQL",
            )  # fmt: skip
        text = self.own(f"{alias}.{ident(column)}" if alias in self.made.joins else ident(found.name))
        if found.type == "date":
            return text, "date"
        zone = self.zone or "UTC"
        if found.type == "timestamptz":
            return f"{text} at time zone {quoted(zone)}", "timestamp"
        return (text if zone == "UTC" else f"{text} at time zone 'UTC' at time zone {quoted(zone)}"), "timestamp"

    def tables(self) -> list[str]:
        """Return the lines that follow `from`; raises `PlanError` for a join that would count rows twice."""
        rows = self.known.rows.get(self.made.table)
        lines = [f"{rows} as {self.alias}" if rows else table_ident(self.made.table)]
        for join in self._in_order():
            pairs = self.checked(join)
            alias = ident(join.alias)
            named = "" if names.split(join.table)[1] == join.alias else f" as {alias}"
            equal = " and ".join(f"{alias}.{ident(theirs)} = {own}" for own, theirs in pairs)
            lines.append(f"left join {table_ident(join.table)}{named} on {equal}")
        return lines

    def _in_order(self) -> list[Join]:
        """Return the joins that are used, each after those that it begins at."""
        from penstock.base import graph

        above = {
            alias: [own.rpartition(".")[0] for own, _ in self.made.joins[alias].on if "." in own] for alias in self.used
        }
        return [self.made.joins[alias] for alias in graph.order(above)]

    def checked(self, join: Join) -> list[tuple[str, str]]:
        """Return the columns that a join makes equal, ours as it stands in SQL, once they are seen to be a key."""
        schema = schema_of(join.table, self.known)
        keys = self.known.keys.get(join.table, ())
        pairs = []
        for own, theirs in join.on:
            self._check_own(join, own)
            pairs.append((own, self._theirs(join, own, theirs, schema, keys)))
        columns = tuple(sorted({theirs for _, theirs in pairs}))
        if not self._is_key(join, columns, keys):
            said = " and ".join(columns)
            raise PlanError(
                f"joining '{join.table}' by {said} would count rows of '{self.made.table}' more than once",
                where=join.where, expected=f"a column by which each row of {join.table} is known",
                got=f"its key is {', '.join(keys[0])}" if keys else f"several of its rows have the same {said}",
                hint=f"define these metrics on '{join.table}', and join '{self.made.table}' there",
            )  # fmt: skip
        return [(self._sql(own), theirs) for own, theirs in pairs]

    def _is_key(self, join: Join, columns: tuple[str, ...], keys: tuple[tuple[str, ...], ...]) -> bool:
        if any(set(key) <= set(columns) for key in keys):
            return True
        return not keys and self.known.is_unique(join.table, columns)

    def _sql(self, own: str) -> str:
        alias, _, column = own.rpartition(".")
        return f"{ident(alias or self.made.table.rpartition('.')[2])}.{ident(column)}"

    def _check_own(self, join: Join, own: str) -> None:
        alias, _, column = own.rpartition(".")
        table = self.made.joins[alias].table if alias else self.made.table
        schema = schema_of(table, self.known)
        if schema.find(column) is None:
            raise PlanError(
                f"{table} has no column '{column}', by which '{join.table}' is joined", where=join.where,
                hint=did_you_mean(column, schema.names),
            )  # fmt: skip

    def _theirs(self, join: Join, own: str, theirs: str, schema: Schema, keys: tuple[tuple[str, ...], ...]) -> str:
        column = theirs or own.rpartition(".")[2]
        if schema.find(column) is None and not theirs and keys and len(keys[0]) == 1:
            column = keys[0][0]
        if schema.find(column) is None:
            raise PlanError(
                f"{join.table} has no column '{column}', by which it is joined", where=join.where,
                expected=f'"{own} = …", the last a column of {join.table}', hint=did_you_mean(column, schema.names),
            )  # fmt: skip
        return column

    def condition(self, one: Filter, text: str) -> str:
        """Return the condition that a filter sets on a dimension."""
        dimension, values, op = self.own(text), one.values, one.op
        found = self.schema.find(text.strip())
        kind = found.type if found else ""
        if "." in text:
            alias, _, column = text.strip().partition(".")
            join = self.made.joins.get(alias)
            inner = schema_of(join.table, self.known).find(column) if join else None
            kind = inner.type if inner else ""
        if op == "contains":
            return f"contains(lower(cast({dimension} as varchar)), lower({quoted(str(values[0]))}))"
        literals = [value_sql(value, kind, one.dimension) for value in values if value is not None]
        if op in ("in", "not in", "="):
            return _among(dimension, literals, has_null=None in values, negated=op == "not in")
        if op == "between":
            if len(literals) != _BOUNDS:
                raise PlanError(f"between takes two values of '{one.dimension}'", got=str(len(values)))
            return f"{dimension} between {literals[0]} and {literals[1]}"
        if len(literals) != 1:
            raise PlanError(f"{op} takes one value of '{one.dimension}'", got=str(len(values)))
        return f"{dimension} {op} {literals[0]}"


def _among(dimension: str, literals: list[str], *, has_null: bool, negated: bool) -> str:
    """A row without a value is none of the values that are named, unless null is among them."""
    word = "not in" if negated else "in"
    if not literals:
        return f"{dimension} is {'not ' if negated else ''}null" if has_null else "true" if negated else "false"
    said = f"{dimension} = {literals[0]}" if len(literals) == 1 and not negated else ""
    said = said or f"{dimension} {word} ({', '.join(literals)})"
    if has_null == negated:
        return f"{said} and {dimension} is not null" if negated else said
    return f"({said} or {dimension} is null)"


def value_sql(value: Any, kind: str, dimension: str) -> str:
    """Return a value as SQL has it; a text for a column of numbers is read as one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        word = "timestamptz" if value.tzinfo else "timestamp"
        return f"{word} '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = str(value)
    if kind.partition("(")[0].removeprefix("u") in _NUMBERS:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            raise PlanError(f"'{text}' is no value of '{dimension}'", expected="a number")
        return f"{number:f}"
    return quoted(text)


def quoted(text: str) -> str:
    """Return a text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def schema_of(table: str, known: Known) -> Schema:
    """Return the columns of a table; raises `PlanError` where it is not built yet."""
    found = known.schemas.get(table)
    if found is None:
        raise PlanError(f"the table '{table}' has not been built yet", hint=f"penstock run +{table}")
    return found


def listed(parts: Iterable[str], indent: str = "    ") -> str:
    """Return parts one below the other, with commas."""
    return ",\n".join(f"{indent}{part}" for part in parts)
