"""How a change is computed: the SQL of each strategy, over a stage and the live rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.engines.duck.words import ident, idents, same, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.relation import Relation
    from penstock.model.step import Remove

_NEAR = 1e-12


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that take the place of others: a stage, and what has the old ones with their ids, fit for a `from`.

    The rows are told apart by the columns `by`; `unique` says that no two agree in these on either side. Sums of floats
    may differ by their order where `loose`. `further` selects rows that go beside the old ones.
    """

    stage: str
    old: str
    by: tuple[str, ...]
    unique: bool
    loose: bool = False
    further: str = ""


def difference(relation: Relation, rows: Rows, went: str) -> tuple[str, str]:
    """Return the selects of the rows that come, each with the id that it keeps, and of those that go.

    Rows that are the same on both sides are neither. A row keeps the id of one that goes and agrees with it in the
    columns by which rows are told apart; where these are not unique, the first select reads the outcome of the second
    under the name `went`.
    """
    names, by = relation.whole.names, rows.by
    all_of = idents((*names, *hidden_of(relation), "_row"), "l.")
    if rows.unique:
        equal = _agree(relation, "s", "l", by, loose=rows.loose)
        minus = f"select {all_of} from {rows.old} l anti join {rows.stage} s on {equal}"
        minus += f" union all select {all_of} from {rows.further} l" if rows.further else ""
        if len(by) == len(names):  # what agrees in these is the same
            plus = f"select {idents(names, 's.')} from {rows.stage} s anti join {rows.old} l on {equal}"
            return f"select *, null::bigint as _rid from ({plus})", minus
        plus = f"select {idents(names, 's.')}, l._rid from {rows.stage} s left join {rows.old} l"
        return f"{plus} on {same(by, 's', 'l')} where l._rid is null or ({equal}) is not true", minus
    number = f"row_number() over (partition by {idents(names)}"
    left = f"(select {idents(names)}, {number}) as _k from {rows.stage})"
    right = f"(select *, {number} order by _rid) as _k from {rows.old})"
    equal = f"{same(names, 's', 'l')} and s._k = l._k"
    minus = f"select {all_of} from {right} l anti join {left} s on {equal}"
    plus = f"select {idents(names, 's.')} from {left} s anti join {right} l on {equal}"
    if not by:
        return f"select *, null::bigint as _rid from ({plus})", minus
    turn = f"row_number() over (partition by {idents(by)}) as _t"
    came = f"(select *, {turn} from ({plus})) s left join (select *, {turn} from {went}) w"
    return f"select {idents(names, 's.')}, w._rid from {came} on {same(by, 's', 'w')} and s._t = w._t", minus


def twins(relation: Relation, rows: Rows) -> str:
    """Return the query that gives a row where two are equal, be it of those that take a place or of the old ones."""
    names = idents(relation.whole.names)
    both = f'select {names}, 1 as "@side" from {rows.stage} union all select {names}, 2 from {rows.old}'
    return f'select 1 from ({both}) group by {names}, "@side" having count(*) > 1 limit 1'


def hidden_of(relation: Relation) -> tuple[str, ...]:
    """Return the columns that the engine adds to each row of a relation."""
    return ("_rid", "_seq", "_part") if relation.partitioned else ("_rid", "_seq")


def _agree(relation: Relation, left: str, right: str, key: Sequence[str], *, loose: bool) -> str:
    """Return the condition that two rows are the same; sums of floats may differ by their order where `loose`."""
    exact, near = [*key], []
    lowered = {k.lower() for k in key}
    for column in relation.whole:
        if column.name.lower() in lowered:
            continue
        if loose and column.type in ("double", "float"):
            near.append(column.name)
        else:
            exact.append(column.name)
    parts = [same(exact, left, right)]
    for name in near:
        a, b = f"{left}.{ident(name)}", f"{right}.{ident(name)}"
        finite = f"isfinite({a}) and isfinite({b})"  # to DuckDB, NaN and infinity are near to everything
        near_enough = f"abs({a} - {b}) <= {_NEAR} * greatest(abs({a}), abs({b}))"
        parts.append(f"({a} is not distinct from {b} or {finite} and {near_enough})")
    return " and ".join(parts)


def last_wins(stage: str, key: Sequence[str], order: str) -> str:
    """Return the select of the stage's rows, of each key only the last by `order`, then by arrival."""
    by = f"{ident(order)} desc nulls last, " if order else ""
    return f"select * from {stage} qualify row_number() over (partition by {idents(key)} order by {by}rowid desc) = 1"


def remove(step: Remove, stage: str) -> str:
    """Return the select of the rows whose key is staged; a key is never null."""
    relation = step.relation
    equal = " and ".join(f"s.{ident(k)} = l.{ident(k)}" for k in step.key)
    names = idents((*relation.whole.names, *hidden_of(relation)), "l.")
    return f"select {names}, l.rowid as _row from {stored(relation.physical)} l semi join {stage} s on {equal}"
