"""How a change is computed: the SQL of each strategy, over a stage and the live rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.engines.duck.words import ident, idents, literal, same, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.relation import Relation
    from penstock.model.step import Compare, Remove, Upsert

_NEAR = 1e-12


def compare(step: Compare, stage: str) -> tuple[str, str]:
    """Return the selects of the rows that came and of the ids of those that went, stage being all there should be."""
    relation = step.relation
    names = relation.schema.names
    where = f" where _part = {literal(step.partition)}" if step.partition is not None and relation.partitioned else ""
    live = f"(select {idents(names)}, _rid from {stored(relation.physical)}{where})"
    if step.key:
        equal = _agree(relation, "s", "l", step.key, loose=step.partition is None)
        return (
            f"select {idents(names, 's.')} from {stage} s anti join {live} l on {equal}",
            f"select l._rid from {live} l anti join {stage} s on {equal}",
        )
    number = f"row_number() over (partition by {idents(names)}"
    left = f"(select {idents(names)}, {number}) as _k from {stage})"
    right = f"(select {idents(names)}, _rid, {number} order by _rid) as _k from {live})"
    equal = f"{same(names, 's', 'l')} and s._k = l._k"
    return (
        f"select {idents(names, 's.')} from {left} s anti join {right} l on {equal}",
        f"select l._rid from {right} l anti join {left} s on {equal}",
    )


def _agree(relation: Relation, left: str, right: str, key: Sequence[str], *, loose: bool) -> str:
    """Return the condition that two rows are the same; sums of floats may differ by their order where `loose`."""
    exact, near = [*key], []
    lowered = {k.lower() for k in key}
    for column in relation.schema:
        if column.name.lower() in lowered:
            continue
        if loose and column.type in ("double", "float"):
            near.append(column.name)
        else:
            exact.append(column.name)
    parts = [same(exact, left, right)]
    for name in near:
        a, b = f"{left}.{ident(name)}", f"{right}.{ident(name)}"
        parts.append(f"({a} is not distinct from {b} or abs({a} - {b}) <= {_NEAR} * greatest(abs({a}), abs({b})))")
    return " and ".join(parts)


def last_wins(stage: str, key: Sequence[str], order: str) -> str:
    """Return the select of the stage's rows, of each key only the last by `order`, then by arrival."""
    by = f"{ident(order)} desc nulls last, " if order else ""
    return f"select * from {stage} qualify row_number() over (partition by {idents(key)} order by {by}rowid desc) = 1"


def upsert(step: Upsert, rows: str) -> tuple[str, str]:
    """Return the selects of new and changed rows, and of the ids of the rows that they replace."""
    names = step.relation.schema.names
    live = stored(step.relation.physical)
    return (
        f"select {idents(names, 's.')} from {rows} s anti join {live} l on {same(names, 's', 'l')}",
        f"select l._rid from {live} l join {rows} s on {same(step.key, 's', 'l')} where not ({same(names, 's', 'l')})",
    )


def remove(step: Remove, stage: str) -> str:
    """Return the select of the ids of the rows whose key is staged."""
    return f"select l._rid from {stored(step.relation.physical)} l semi join {stage} s on {same(step.key, 's', 'l')}"
