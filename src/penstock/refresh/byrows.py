"""Python tables under `rows=`: only the new and changed rows of one input go into the function.

What comes of a row is found again by the columns that name the row, which the function hands through: the key of the
input, or that of the table where both have it. Of an input without them nothing can be found again, so the table
follows it while it only grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model.change import Change
from penstock.model.relation import Query, Read, Relation, Within
from penstock.model.schema import Column
from penstock.model.step import Compute, Extend, Replace
from penstock.refresh.handed import Part
from penstock.refresh.work import Asked, quoted

if TYPE_CHECKING:
    from penstock.model.change import Staged
    from penstock.model.table import Input
    from penstock.refresh.work import Work

_WORD = "the columns that name a row of '{}'"
Reads = dict[str, Read]


def compute(work: Work) -> Staged:
    """Stage what the function gives for all rows, a part of them at a time."""
    one = _input(work)
    relation = work.relation_of(one)
    return work.ask_all(_calls(work, one, relation, {"@all": Read(relation, ids=True)}) or [at_once(work)])


def at_once(work: Work) -> Asked:
    """Return the call for all rows at once."""
    relation = work.relation_of(_input(work))
    return Asked(columns=_columns(work, relation), word=_WORD.format(relation.name))


def follow(work: Work, table: Relation) -> Change | None:
    """Return the change of a table by the rows that came and went; None where everything is to be computed."""
    one = _input(work)
    relation, since = work.relation_of(one), table.seen
    if not work.follows(relation, since) or work.others_changed((one.parameter,), since):
        return None
    names = tuple(column.name for column in _columns(work, relation))
    if relation.lost > since and not names:
        return None
    lost = _lost(work, relation, since, names) if names else None
    reads = {"@came": Read(relation, "plus", since, work.txn.version, ids=True)}
    if lost is not None:
        # Rows that share their name with one that went: what came of it cannot be told from what came of them.
        reads["@kept"] = Read(relation, "kept", since, work.txn.version, ids=True, within=(lost,))
    calls = _calls(work, one, relation, reads)
    if not calls and lost is None:
        return Change(table, 0, 0)
    staged = work.fitted(work.ask_all(calls), table.schema) if calls else work.nothing(table)
    if staged is None:
        return None
    if lost is None:
        change = work.change_by(Extend(table, staged.name, staged.rows))
    else:
        change = work.change_by(Replace(table, staged.name, (work.within(table, lost),), table.key, bool(table.key)))
    work.keep_key(change, staged)
    return change


def _lost(work: Work, relation: Relation, since: int, names: tuple[str, ...]) -> Within | None:
    """Stage the names of the rows that went; None where none did."""
    if relation.lost <= since:
        return None
    went = Read(relation, "minus", since, work.txn.version, ids=True)
    text = f'select distinct {", ".join(map(quoted, names))} from "@went"'
    gone = work.staged(Compute(Query(text, (("@went", went),))))
    return Within(names, gone.name, names) if gone.rows else None


def _input(work: Work) -> Input:
    return next(one for one in work.inputs if one.parameter == work.call.function.rows)


def _columns(work: Work, relation: Relation) -> tuple[Column, ...]:
    """Return the columns by which rows of an input are named in the table; none where there are none."""
    own = [relation.schema.find(name) for name in work.call.table.key]
    finer = relation.key and {name.lower() for name in relation.key} <= {name.lower() for name in work.call.table.key}
    found = own if own and all(own) and not finer else [relation.schema.find(name) for name in relation.key]
    return tuple(column for column in found if column is not None)


def _calls(work: Work, one: Input, relation: Relation, reads: Reads) -> list[Asked]:
    """Return the calls by which all rows of some reads are handed over, a part at a time."""
    columns = _columns(work, relation)
    given = tuple(reads.items())
    ids = " union all ".join(f'select _rid from "{name}"' for name in reads)
    turn = f"(row_number() over (order by _rid) - 1) // {work.most}"
    text = f'select min(_rid), max(_rid) from (select _rid, {turn} as "@call" from ({ids})) group by "@call" order by 1'
    calls = []
    for low, high in work.fetch(Query(text, given)):
        limit = f"where _rid between {low} and {high}"
        rows = " union all ".join(f'select * from "{name}" {limit}' for name in reads)
        keys = ", ".join(f'{quoted(column.name)} as "@key{at}"' for at, column in enumerate(columns, 1))
        values = Part(f"(select {keys} from ({rows}))", given) if keys else None
        part = {one.parameter: Part(f"({rows})", given)}
        calls.append(Asked(part, columns, values, _WORD.format(relation.name)))
    return calls
