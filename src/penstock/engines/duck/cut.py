"""The careful way in: every value looked at, every row that does not fit set aside with its reason.

Rows are first cut into texts in a temporary table of the intake instance (`_n`, the row's number; `_raw`, its text;
and the parts); then each field is cast and, in the same pass, tested for loss.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.errors import PlanError
from penstock.base.record import record
from penstock.engines.duck.words import ident, literal
from penstock.model.schema import Column, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHOLE = frozenset(
    ["tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"]
)
_DAY_LENGTH = 10


@record
class Field:
    """A column on its way in: the SQL of its value, the SQL that tells whether a row fails here, and the reason."""

    name: str
    type: str
    value: str
    failed: str = ""
    reason: str = ""


@record
class Cut:
    """Rows cut into texts: the table that holds them, its fields, and the SQL of a row's place."""

    table: str
    fields: tuple[Field, ...]
    place: str

    @property
    def schema(self) -> Schema:
        """The columns that come out."""
        return Schema(tuple(Column(f.name, f.type) for f in self.fields))

    def reason(self) -> str:
        """Return the SQL of the reason why a row is rejected, null for a good row."""
        cases = [f"when {f.failed} then {f.reason}" for f in self.fields if f.failed]
        return f"case {' '.join(cases)} end" if cases else "null::varchar"


def typed(name: str, kind: str, text: str, *, sniffed: bool) -> Field:
    """Return the field that casts a text to a type and fails where something would be lost."""
    if kind == "varchar":
        return Field(name, kind, text)
    value = f"try_cast({text} as {kind})"
    lost = f"{value} is null"
    if kind in _WHOLE:
        shape = r"^\s*[+-]?(0|[1-9][0-9]*)\s*$" if sniffed else r"^\s*[+-]?[0-9]+\s*$"
        lost += f" or not regexp_matches({text}, {literal(shape)})"
    elif kind.startswith("decimal("):
        lost += f" or ({value} <> try_cast({text} as decimal(38,16)))"
    elif kind == "date":
        lost += f" or length(trim({text})) > {_DAY_LENGTH}"
    shown = f"case when length({text}) > 60 then {text}[:57] || '...' else {text} end"
    reason = said(name, shown, f"is no {kind}")
    return Field(name, kind, value, f"({text} is not null and ({lost}))", reason)


def said(name: str, text: str, reason: str) -> str:
    """Return the SQL of a reason: the column, the value in quotes, and what is wrong with it."""
    return f"{literal(name)} || ': \"' || {text} || '\" ' || {literal(reason)}"


def cleaned(field: Field, words: str, text: str) -> Field:
    """Return the field after the cleaning functions that its declaration names, and after its declared type."""
    from penstock.engines.duck.macros import expression

    try:
        done = expression(words, text)
    except ValueError as error:  # a variable made it what it is; all others are seen when the project is loaded
        raise PlanError(f"'clean' of column '{field.name}': {error}") from None
    name = field.name
    reason = said(name, text, done.reason) if done.strict else ""
    failed = f"({done.failed_sql})" if done.strict else ""
    if field.type in ("varchar", done.type):
        return Field(name, done.type, done.sql, failed, reason)
    after = typed(name, field.type, f"cast({done.sql} as varchar)", sniffed=False)
    if not failed:
        return after
    both = f"case when {failed} then {reason} else {after.reason or reason} end"
    return replace(after, failed=f"({failed} or {after.failed or 'false'})", reason=both)


def dressed(cut: Cut, clean: Mapping[str, str], texts: Mapping[str, str], required: tuple[str, ...]) -> Cut:
    """Return a cut with its cleaning functions applied and its key columns required."""
    words = {name.lower(): said for name, said in clean.items()}
    needed = {name.lower() for name in required}
    fields = []
    for field in cut.fields:
        found = field
        if field.name.lower() in words:
            found = cleaned(field, words[field.name.lower()], texts[field.name])
        if field.name.lower() in needed:
            missing = f"({found.value}) is null"
            failed = f"({found.failed} or {missing})" if found.failed else missing
            reason = f"case when {missing} and {texts[field.name]} is null then {literal(f'key {field.name} is null')}"
            found = replace(found, failed=failed, reason=f"{reason} else {found.reason or literal('lost')} end")
        fields.append(found)
    return replace(cut, fields=tuple(fields))


def good(cut: Cut) -> str:
    """Return the select of the rows that fit."""
    columns = ", ".join(f"{f.value} as {ident(f.name)}" for f in cut.fields)
    return f"select {columns} from {cut.table} where ({cut.reason()}) is null order by _n"


def bad(cut: Cut) -> str:
    """Return the select of the rows that do not: place, row, reason."""
    found = f"select {cut.place} as place, _raw as row, {cut.reason()} as reason, _n from {cut.table}"
    return f"select place, row, reason from ({found}) where reason is not null order by _n"
