"""Checks carried out: on what a change would make of a table before it is applied, or on what stands."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.base.clock import Clock, SystemClock
from penstock.base.errors import FatalError, PenstockError, PlanError, RetryableError
from penstock.base.record import record
from penstock.base.text import nearest
from penstock.model.check import Check, Verdict
from penstock.model.names import split
from penstock.model.relation import Query
from penstock.plan.canonical import tokens
from penstock.plan.conditions import FORMS, Condition, Count, EachRow, Measured, References, Unique, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.model.change import Change
    from penstock.protocols.engine import Rows, Txn

    # Of some metrics, with the rows of their table as a part of a `from`: the select of one row that measures them.
    Measure = Callable[[tuple[str, ...], str], str]

SAMPLES = 5
_LONGEST = 200
_COLUMNS = 30


@record
class _Scope:
    """Where a table's rows are: all of them, and those that came (None: all count as such), as parts of a `from`.

    `passed` are the marks of the checks that the others passed.
    """

    name: str
    all: str
    came: str | None
    alias: str
    passed: frozenset[str] = frozenset()
    measure: Measure | None = None


def verify(
    checks: Iterable[Check], change: Change, txn: Txn, clock: Clock | None = None, measure: Measure | None = None
) -> list[Verdict]:
    """Carry out the checks of a table on a change that is not applied yet; none where nothing changes.

    A check of severity `error` that says something of single rows, or of their being unique, looks only at
    the rows that came, where those before them are known to have passed it. All others, and every check of a
    table that was built anew, look at the table as it would be. Raises `PlanError` where a check cannot be
    computed, with the check's place; the transaction is then lost. `measure` is asked for the metrics that checks name.
    """
    if change.empty:
        return []
    name = change.relation.name
    came = None if change.built else (change.shown or change.plus) if change.added else ""
    scope = _Scope(name, f"({change.after})", came, _quoted(split(name)[1]), frozenset(change.relation.passed), measure)
    return [_judge(check, scope, txn.read, clock) for check in checks]


def passed(checks: Iterable[Check], change: Change) -> Change:
    """Return a change of which all checks of severity `error` were passed, so that its relation says so."""
    marks = tuple(sorted({_mark(check) for check in checks if check.severity == "error"}))
    return change if change.empty else replace(change, relation=replace(change.relation, passed=marks))


def _mark(check: Check) -> str:
    """Return what stands for a check in a relation: it must change when what it asks for does."""
    return hashlib.blake2b(check.text.encode(), digest_size=8).hexdigest()


def verify_table(
    checks: Iterable[Check],
    name: str,
    read_rows: Callable[[Query], Rows],
    clock: Clock | None = None,
    measure: Measure | None = None,
) -> list[Verdict]:
    """Carry out the checks of a table on all that stands in it; raises `PlanError` as `verify` does."""
    scope = _Scope(name, _table(name), None, _quoted(split(name)[1]), measure=measure)
    return [_judge(check, scope, read_rows, clock) for check in checks]


def _judge(check: Check, scope: _Scope, read_rows: Callable[[Query], Rows], clock: Clock | None) -> Verdict:
    time = clock or SystemClock()
    started = time.monotonic()
    condition = read(check)
    known = check.severity == "error" and _mark(check) in scope.passed
    only_came = known and scope.came is not None and _is_local(condition)
    count, samples = _queries(condition, scope, only_came=only_came)
    failed, samples_shown = 0, tuple[dict[str, object], ...]()
    if count:
        failed = int(_rows(check, scope, read_rows, count)[0][0][0] or 0)
    if failed:
        rows, names = _rows(check, scope, read_rows, f"{samples} limit {SAMPLES}")
        samples_shown = tuple(
            {name: shown(value) for name, value in zip(names[:_COLUMNS], row[:_COLUMNS], strict=True)} for row in rows
        )
    return Verdict(scope.name, check, failed, samples_shown, time.monotonic() - started)


def _is_local(condition: Condition) -> bool:
    """Tell whether rows that passed pass for ever, whatever comes beside them."""
    if isinstance(condition, EachRow):
        return not any(token.kind == "word" and token.name in ("select", "from") for token in tokens(condition.sql))
    return isinstance(condition, Unique)


def _queries(condition: Condition, scope: _Scope, *, only_came: bool) -> tuple[str, str]:
    """Return the query that counts the rows that fail, and the one that gives them; empty where none can."""
    if isinstance(condition, Count):
        counted = f'(select count(*) as "rows" from {scope.all} as {scope.alias}) as counted'
        found = f"from {counted} where not (\n{condition.sql}\n)"
        return f"select count(*) {found}", f'select "rows" {found}'
    if isinstance(condition, Measured):
        measured = scope.measure(condition.metrics, scope.all) if scope.measure else "select null"
        found = f"from (\n{measured}\n) as measured where not (\n{condition.sql}\n)"
        return f"select count(*) {found}", f"select * {found}"
    if only_came and not scope.came:
        return "", ""
    rows = f"{scope.came if only_came else scope.all} as {scope.alias}"
    if isinstance(condition, EachRow):
        found = f"from {rows} where not (\n{condition.sql}\n)"
        return f"select count(*) {found}", f"select * {found}"
    if isinstance(condition, References):
        return _orphans(condition, scope)
    return _doubles(condition, scope, rows if only_came else "")


def _orphans(condition: References, scope: _Scope) -> tuple[str, str]:
    own, column = f"{scope.alias}.{_quoted(condition.own)}", _quoted(condition.column)
    parent = scope.all if condition.table == scope.name else _table(condition.table)
    there = f'select 1 from {parent} as "_there" where "_there".{column} = {own}'
    found = f"from {scope.all} as {scope.alias} where {own} is not null and not exists ({there})"
    return f"select count(*) {found}", f"select * {found}"


def _doubles(condition: Unique, scope: _Scope, came: str) -> tuple[str, str]:
    values = [f"(\n{one}\n)" for one in condition.of]
    names = ", ".join(f"{value} as {_quoted(one)}" for value, one in zip(values, condition.of, strict=True))
    known = " and ".join(f"{value} is not null" for value in values)
    if came:
        # Those that were there before are unique among themselves.
        joined = ", ".join(values)
        known += f" and ({joined}) in (select {'(' + joined + ')' if len(values) > 1 else joined} from {came})"
    groups = (
        f'select {names}, count(*) as "how often" from {scope.all} as {scope.alias} where {known} '
        f"group by {', '.join(str(at + 1) for at in range(len(values)))} having count(*) > 1"
    )
    return f'select sum("how often") from ({groups}) as doubles', groups


def _rows(
    check: Check, scope: _Scope, read_rows: Callable[[Query], Rows], text: str
) -> tuple[list[tuple[Any, ...]], tuple[str, ...]]:
    """Read what a query gives, at once; says which check it was for when that fails."""
    # A condition begins in the second line of its query, which is thereby called by the check's own number.
    line = check.where.line - 1 if check.where and check.where.line else 0
    try:
        rows = read_rows(Query(text, file=check.where.file if check.where else "", line=line))
        try:
            return rows.fetch(), rows.schema.names
        finally:
            rows.close()
    except RetryableError:
        raise
    except PenstockError as error:
        kind = PlanError if isinstance(error, PlanError) else FatalError
        early = error.excerpt.partition("\n")[0].endswith("| )")  # it is not the check's: that ended before it
        why = "the condition ends too early" if early else error.subject
        raise kind(
            f"{scope.name}: the check '{check.label}' cannot be computed: {why}",
            where=check.where or error.where,
            hint=_meant(check, error) or error.hint or _advice(check),
            got=check.text if check.name else "",
            excerpt="" if early else error.excerpt,
        ) from error


def _meant(check: Check, error: PenstockError) -> str:
    """Return the form of a check that was meant by a function that is none."""
    word = check.text.partition("(")[0].strip()
    near = nearest(word, FORMS) if f"name {word} does not exist" in error.subject else ""
    return f"did you mean {FORMS[near]}?" if near else ""


def _advice(check: Check) -> str:
    condition = read(check)
    if isinstance(condition, References) and condition.own == condition.column:
        said = f"references({condition.table}.{condition.column}, COLUMN)"
        return f"where this table calls the column otherwise, say {said}"
    return ""


def shown(value: Any) -> Any:
    """Return a value as JSON can have it, a long one cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, dict):
        return {str(name): shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [shown(part) for part in value[:_COLUMNS]]
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(name: str) -> str:
    return ".".join(map(_quoted, split(name)))
