"""Python tables under `by=`: only the rows of changed keys go into the function, many keys at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.change import Change
from penstock.model.relation import Query, Read, Relation, Within
from penstock.model.schema import Column, cast, widen
from penstock.model.step import Compute, Replace
from penstock.refresh.handed import Part
from penstock.refresh.work import Asked, quoted, type_of

if TYPE_CHECKING:
    from penstock.model.change import Staged
    from penstock.model.table import Input
    from penstock.refresh.work import Work


@record
class Grouped:
    """An input that has the columns of `by`, under its own names."""

    input: Input
    relation: Relation
    columns: tuple[str, ...]


def compute(work: Work) -> Staged:
    """Stage what the function gives for all keys, some of them at a time."""
    grouped = _grouped(work)
    return work.ask_all(_calls(work, grouped, _columns(work, grouped), None) or [at_once(work)])


def at_once(work: Work) -> Asked:
    """Return the call for all keys at once."""
    return Asked(columns=_columns(work, _grouped(work)), word=_word(work))


def follow(work: Work, table: Relation) -> Change | None:
    """Return the change of a table by the keys of rows that came or went; None where everything is to be computed."""
    grouped, since = _grouped(work), table.seen
    parted = [one.input.parameter for one in grouped]
    if not all(work.follows(one.relation, since) for one in grouped) or work.others_changed(parted, since):
        return None
    columns = _columns(work, grouped)
    touched = work.staged(Compute(_touched(work, grouped, columns, since)))
    if not touched.rows:
        return Change(table, 0, 0)
    calls = _calls(work, grouped, columns, touched.name)
    staged = work.fitted(work.ask_all(calls), table.schema) if calls else work.nothing(table)
    if staged is None:
        return None
    names = tuple(column.name for column in columns)
    old = work.within(table, Within(names, touched.name, touched.schema.names))
    change = work.change_by(Replace(table, staged.name, (old,), table.key, bool(table.key)))
    work.keep_key(change, staged)
    return change


def _touched(work: Work, grouped: list[Grouped], columns: tuple[Column, ...], since: int) -> Query:
    """Return the query of the keys of all rows that came or went since a version."""
    changed = [one for one in grouped if one.relation.changed > since]
    moved = [(one, "plus") for one in changed] + [(one, "minus") for one in changed if one.relation.lost > since]
    reads = tuple(
        (f"@{at}", Read(one.relation, mode, since, work.txn.version, ids=True)) for at, (one, mode) in enumerate(moved)
    )
    return Query(f"select distinct * from ({_keys([one for one, _ in moved], columns)})", reads)


def _word(work: Work) -> str:
    return f"the columns of by= ({', '.join(work.call.function.by)})"


def _grouped(work: Work) -> list[Grouped]:
    by, found = work.call.function.by, []
    for one in work.inputs:
        relation = work.relation_of(one)
        columns = [relation.schema.find(name) for name in by]
        if all(columns):
            found.append(Grouped(one, relation, tuple(column.name for column in columns if column)))
    if not found:
        have = "; ".join(f"{one.table}: {', '.join(work.relation_of(one).schema.names)}" for one in work.inputs)
        raise work.call.wrong(
            f"no input has {'the column' if len(by) == 1 else 'all the columns'} {', '.join(by)} of by=", got=have
        )
    return found


def _columns(work: Work, grouped: list[Grouped]) -> tuple[Column, ...]:
    """Return the columns of `by`, each with a type that has the values of all inputs."""
    columns = []
    for at, name in enumerate(work.call.function.by):
        kinds = [type_of(one.relation.schema, one.columns[at]) for one in grouped]
        kind: str | None = kinds[0]
        for other in kinds[1:]:
            kind = widen(kind, other) if kind else None
        if kind is None:
            got = ", ".join(f"{one.relation.name}: {k}" for one, k in zip(grouped, kinds, strict=True))
            raise work.call.wrong(f"the column '{name}' of by= has other types in other inputs", got=got)
        columns.append(Column(name, kind))
    return tuple(columns)


def _keys(grouped: list[Grouped], columns: tuple[Column, ...]) -> str:
    """Return the select of the keys of all rows that are read of some inputs, under `@0` and so on."""
    parts = []
    for at, one in enumerate(grouped):
        items = ", ".join(
            f'{cast(quoted(own), column.type)} as "@key{n}"'
            for n, (own, column) in enumerate(zip(one.columns, columns, strict=True), 1)
        )
        parts.append(f'select {items} from "@{at}"')
    return " union all ".join(parts)


def _calls(work: Work, grouped: list[Grouped], columns: tuple[Column, ...], touched: str | None) -> list[Asked]:
    """Return the calls for the keys in a stage, or for all, of which there are rows; a call has all of a key."""
    keys = tuple(f"@key{at}" for at in range(1, len(columns) + 1))
    reads = {
        f"@{at}": Read(one.relation, ids=True, within=(Within(one.columns, touched, keys),) if touched else ())
        for at, one in enumerate(grouped)
    }
    listed = ", ".join(map(quoted, keys))
    counted = f'select {listed}, count(*) as "@rows" from ({_keys(grouped, columns)}) group by all'
    before = f'sum("@rows") over (order by {listed} rows unbounded preceding) - "@rows"'
    text = f'select {listed}, ({before}) // {work.most} as "@call" from ({counted})'
    asked = work.staged(Compute(Query(text, tuple(reads.items()))))
    turns = [turn for (turn,) in work.fetch(Query(f'select distinct "@call" from {asked.name} order by 1'))]
    calls = []
    for turn in turns:
        stage = asked.name
        if len(turns) > 1:
            stage = work.staged(Compute(Query(f'select {listed} from {stage} where "@call" = {turn}'))).name
        parts = {}
        if touched or len(turns) > 1:
            for at, one in enumerate(grouped):
                read = Read(one.relation, ids=True, within=(Within(one.columns, stage, keys),))
                parts[one.input.parameter] = Part(f'"@{at}"', ((f"@{at}", read),))
        calls.append(Asked(parts, columns, Part(stage, ()), _word(work)))
    return calls
