"""Unit tests of tables: given these rows in its inputs, a table must be those rows."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from penstock.base.clock import Clock, SystemClock
from penstock.base.errors import ConfigError, FatalError, PenstockError
from penstock.base.record import record
from penstock.base.text import did_you_mean
from penstock.model.change import Change, Staged
from penstock.model.project import Project
from penstock.model.relation import Query, Relation
from penstock.model.schema import Column, Schema, cast
from penstock.model.step import Compute, Found
from penstock.model.table import Function, Table
from penstock.model.unit import UnitResult, UnitTest
from penstock.refresh import python, returned
from penstock.refresh.checks import shown

if TYPE_CHECKING:
    from penstock.protocols.engine import Engine, Txn

_AT = "_penstock_at"
_CLOSE = 1e-9
_NEAR = 0.8
_DECIMAL = re.compile(r"[+-]?\d+\.\d+\Z")
_EXACT = re.compile(r"(?:u?(?:tiny|small|big|huge)int|u?integer|decimal\(.*\))\Z")
_FLOAT = ("double", "float")
_Row = Mapping[str, Any]


def run_units(
    project: Project,
    units: Sequence[UnitTest],
    open_engine: Callable[[], Engine],
    load: Callable[[Function], Callable[..., Any]],
    *,
    schemas: Mapping[str, Schema] | None = None,
    clock: Clock | None = None,
) -> list[UnitResult]:
    """Run unit tests in a scratch warehouse that `open_engine` gives; each leaves nothing behind for the next.

    A given column has the type that `schemas` (the tables as they stand in a warehouse) or the declaration of the
    raw table says. Where neither does, its type is that of its values, and a text such as "18.40" is a decimal,
    since TOML has none; a column that the rows lack is null, and an input that is not given is empty, if its columns
    are known. Expected rows are compared as a multiset, each on the columns that it names, their values cast to the
    types that the table has; floats may differ by 1e-9. What goes wrong is in the outcome; nothing is raised.
    """
    if not units:
        return []
    time = clock or SystemClock()
    engine = open_engine()
    try:
        found = []
        for unit in units:
            started = time.monotonic()
            outcome = _run(_Scene(project, unit, engine, load, schemas or {}))
            found.append(replace(outcome, seconds=time.monotonic() - started))
        return found
    finally:
        engine.close()


@record
class _Scene:
    """One test and what it plays with."""

    project: Project
    unit: UnitTest
    engine: Engine
    load: Callable[[Function], Callable[..., Any]]
    schemas: Mapping[str, Schema]


def _run(scene: _Scene) -> UnitResult:
    unit = scene.unit
    txn = scene.engine.begin()
    try:
        missing, unexpected = _played(scene, txn)
    except PenstockError as error:
        return UnitResult(unit.name, unit.table, passed=False, error=error.fields())
    finally:
        txn.rollback()
    passed = not missing and not unexpected
    return UnitResult(unit.name, unit.table, passed, tuple(missing), tuple(unexpected))


def _played(scene: _Scene, txn: Txn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    unit = scene.unit
    table = scene.project.tables.get(unit.table)
    if table is None:
        raise _wrong(
            unit, f"there is no SQL or Python table '{unit.table}'", did_you_mean(unit.table, scene.project.tables)
        )
    relations = {name: _give(scene, txn, name) for name in table.parents}
    try:
        staged = _computed(table, relations, txn, scene.load)
    except returned.NoColumnsError:
        return [_as_json(row) for row in unit.expect], []
    return _compared(unit, staged, txn)


def _wrong(unit: UnitTest, why: str, hint: str = "") -> ConfigError:
    return ConfigError(f"test '{unit.name}': {why}", where=unit.where, hint=hint)


# ── given ───────────────────────────────────────────────────────────────────────────────────────────────


def _give(scene: _Scene, txn: Txn, name: str) -> Relation:
    """Make an input of the rows that are given for it."""
    rows, known = scene.unit.given.get(name, ()), _known(scene, name)
    if not rows and known is None:
        raise _wrong(
            scene.unit,
            f"it gives no rows for '{name}', and the columns of that are not known",
            f"give it a row, such as given.{name} = [{{column = 1}}], or run the project first",
        )
    _refuse_typos(scene, name, rows)
    staged = returned.stage_nothing(txn, known) if not rows and known else _staged(scene.unit, txn, name, rows)
    wanted = _typed(staged.schema, rows, known or Schema())
    missing = [column for column in known or () if staged.schema.find(column.name) is None]
    select = [f"{cast(_quoted(c.name), c.type)} as {_quoted(c.name)}" for c in wanted]
    select += [f"{cast('null', c.type)} as {_quoted(c.name)}" for c in missing]
    given = _stage(txn.run(Compute(Query(f"select {', '.join(select)} from {staged.name}"))))
    change = txn.run(Found(name, given.name, given.schema, "unit"))
    assert isinstance(change, Change)  # noqa: S101
    return txn.apply(change)


def _refuse_typos(scene: _Scene, name: str, rows: Sequence[_Row]) -> None:
    """Raise for a column that the input has not and that is like one which is not given; others may be yet to come."""
    if name not in scene.schemas:
        return
    known, given = scene.schemas[name], {column.lower() for row in rows for column in row}
    open_ones = [column for column in known.names if column.lower() not in given]
    for row in rows:
        for column in row:
            near = get_close_matches(column, open_ones, 1, _NEAR)
            if known.find(column) is None and near:
                raise _wrong(scene.unit, f"'{name}' has no column '{column}'", f"did you mean '{near[0]}'?")


def _known(scene: _Scene, name: str) -> Schema | None:
    if name in scene.schemas:
        return scene.schemas[name]
    raw = scene.project.raw.get(name)
    return raw.columns if raw is not None else None


def _staged(unit: UnitTest, txn: Txn, name: str, rows: Sequence[_Row]) -> Staged:
    try:
        return returned.stage_records(txn, name, rows)
    except ValueError as error:
        raise _wrong(unit, f"the rows of '{name}': {error}") from None


def _typed(schema: Schema, rows: Sequence[_Row], known: Schema) -> list[Column]:
    """Return given columns with the types they are known to have; a text column of decimals counts as decimal."""
    found = []
    for column in schema:
        have = known.find(column.name)
        kind = have.type if have else column.type
        if have is None and kind == "varchar":
            values = [row[column.name] for row in rows if row.get(column.name) is not None]
            if values and all(isinstance(value, str) and _DECIMAL.match(value) for value in values):
                kind = f"decimal(38,{max(len(value.partition('.')[2]) for value in values)})"
        found.append(Column(column.name, kind))
    return found


def _computed(
    table: Table, relations: Mapping[str, Relation], txn: Txn, load: Callable[[Function], Callable[..., Any]]
) -> Staged:
    if table.function is not None:
        return python.compute(table, relations, txn, load)
    file = table.where.file if table.where else ""
    return _stage(txn.run(Compute(Query(table.sql, file=file, line=table.line))))


# ── expected ────────────────────────────────────────────────────────────────────────────────────────────


def _compared(unit: UnitTest, staged: Staged, txn: Txn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the expected rows that no row of the table is, and the rows that are none of the expected."""
    for row in unit.expect:
        unknown = next((name for name in row if staged.schema.find(name) is None), None)
        if unknown is not None:
            raise _wrong(unit, f"'{unit.table}' has no column '{unknown}'", did_you_mean(unknown, staged.schema.names))
    names = [column.name for column in staged.schema]
    actual = [dict(zip(names, row, strict=True)) for row in _fetch(txn, f"select * from {staged.name}")]
    expected = _as_the_table_has_them(unit, staged.schema, txn)
    pairs = _paired(expected, actual)
    missing = [_as_json(row) for at, row in enumerate(unit.expect) if at not in pairs]
    named = {name.lower() for row in unit.expect for name in row} or {name.lower() for name in names}
    left = [row for at, row in enumerate(actual) if at not in pairs.values()]
    return missing, [_as_json({n: v for n, v in row.items() if n.lower() in named}) for row in left]


def _as_the_table_has_them(unit: UnitTest, schema: Schema, txn: Txn) -> list[dict[str, Any] | None]:
    """Return expected rows with the names and values that the table would have; None for one that it never can."""
    if not unit.expect:
        return []
    numbered = [{**row, _AT: at} for at, row in enumerate(unit.expect)]
    staged = _staged(unit, txn, f"{unit.table} (expected)", numbered)
    columns = [(c, schema.find(c.name)) for c in staged.schema if c.name != _AT]
    parts = []
    for at, (column, have) in enumerate(columns):
        kind = have.type if have else column.type
        value = f"try_cast({_quoted(column.name)} as {kind})"
        parts += [f"{value} as value_{at}", f"{_fits(column, kind, value)} as fits_{at}"]
    rows = _fetch(txn, f"select {', '.join([*parts, _AT])} from {staged.name} order by {_AT}")
    found: list[dict[str, Any] | None] = []
    for row, said in zip(rows, unit.expect, strict=True):
        named = {name.lower() for name in said}
        values = {
            have.name: (row[2 * at], row[2 * at + 1])
            for at, (column, have) in enumerate(columns)
            if have is not None and column.name.lower() in named
        }
        fits = all(fit for _, fit in values.values())
        found.append({name: value for name, (value, _) in values.items()} if fits else None)
    return found


def _fits(column: Column, kind: str, value: str) -> str:
    """Return the SQL that tells whether a value is still the same after its cast."""
    name, come = _quoted(column.name), column.type
    there = f"({value} is not null or {name} is null)"
    if come == kind or kind in ("varchar", *_FLOAT):
        return there
    numeric = come in _FLOAT or _EXACT.match(come) or come == "varchar"
    if _EXACT.match(kind) and numeric:
        apart = f"abs(try_cast({name} as double) - cast({value} as double))"
        return f"({there} and coalesce({apart} <= {_CLOSE} * greatest(1, abs(try_cast({name} as double))), true))"
    if come == "varchar" or "(" in come or come.endswith("]"):
        return there
    return f"({there} and try_cast({value} as {come}) is not distinct from {name})"


def _paired(expected: Sequence[_Row | None], actual: Sequence[_Row]) -> dict[int, int]:
    """Pair as many expected rows with rows as can be, by augmenting paths (Kuhn 1955); by index."""
    fits = [
        [at for at, row in enumerate(actual) if want is not None and all(_same(row[n], v) for n, v in want.items())]
        for want in expected
    ]
    taken: dict[int, int] = {}
    pairs: dict[int, int] = {}
    for first in range(len(fits)):
        reached: dict[int, int] = {}
        waiting, end = [first], None
        while waiting and end is None:
            want = waiting.pop()
            for at in (at for at in fits[want] if at not in reached):
                reached[at] = want
                if at not in taken:
                    end = at
                    break
                waiting.append(taken[at])
        while end is not None:
            want = reached[end]
            before = pairs.get(want)
            taken[end], pairs[want], end = want, end, before
    return pairs


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=_CLOSE, abs_tol=_CLOSE) or (left != left and right != right)  # noqa: PLR0124
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _fetch(txn: Txn, text: str) -> list[tuple[Any, ...]]:
    rows = txn.read(Query(text))
    try:
        return rows.fetch()
    finally:
        rows.close()


def _stage(found: Staged | Change) -> Staged:
    if not isinstance(found, Staged):
        raise FatalError("the engine gave no stage")
    return found


def _as_json(row: _Row) -> dict[str, Any]:
    return {name: shown(value) for name, value in row.items()}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
