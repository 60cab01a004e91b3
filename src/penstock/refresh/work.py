"""A Python table in a transaction: its function called with parts of its inputs, and what it returns put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError, PenstockError, PlanError, UnsupportedError
from penstock.base.record import record
from penstock.base.text import plural
from penstock.model.change import Change, Staged
from penstock.model.handover import handed_type
from penstock.model.relation import Query, Relation, Within
from penstock.model.schema import Column, Schema, cast, is_whole, widen
from penstock.model.step import Compute
from penstock.protocols.engine import Replay
from penstock.refresh import carry, handed, returned
from penstock.refresh.call import Call, users_code
from penstock.refresh.handed import Part

if TYPE_CHECKING:
    from penstock.model.table import Input
    from penstock.protocols.engine import Step, Txn


@record
class Asked:
    """One call of a function: the parts of its inputs that are not whole, by parameter.

    It hands `columns` through, and may return only rows of `values`, where these columns are called `@key1` and so on;
    `word` says what they are.
    """

    parts: Mapping[str, Part] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    values: Part | None = None
    word: str = ""


@dataclass
class Work:
    """A Python table at work; `most` is how many rows that can come in parts come in one call."""

    call: Call
    called: Callable[..., Any]
    relations: Mapping[str, Relation]
    txn: Txn
    most: int

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs of the function."""
        return self.call.function.inputs

    def relation_of(self, one: Input) -> Relation:
        """Return the table that an input names; raises `PlanError` where it has no rows yet."""
        relation = self.relations.get(one.table)
        if relation is None:
            raise PlanError(f"the table '{one.table}' has no rows yet")
        return relation

    def follows(self, relation: Relation, since: int) -> bool:
        """Tell whether what came and went in an input since a version is to be had: not built anew, nor vacuumed."""
        return relation.built <= since and (relation.changed <= since or self.txn.kept_since(relation.name) <= since)

    def others_changed(self, parted: Collection[str], since: int) -> bool:
        """Tell whether an input that only comes whole changed since a version."""
        others = (self.relation_of(one) for one in self.inputs if one.parameter not in parted)
        return any(max(other.changed, other.built) > since for other in others)

    # -- calls -------------------------------------------------------------------------------------------------

    def ask(self, asked: Asked) -> Staged:
        """Call the function once, and stage what it returns after a look at what it hands through."""
        with ExitStack() as opened:
            given = {}
            for one in self.inputs:
                relation = self.relation_of(one)
                part = asked.parts.get(one.parameter) or handed.whole(relation)
                try:
                    given[one.parameter] = handed.handed(one, relation, part, self.txn, opened)
                except (Replay, UnsupportedError):
                    raise
                except PenstockError as error:
                    raise self.call.wrong(f"{one.table} cannot be handed to it: {error.subject}") from error
            with users_code(self.call):
                output = self.called(**given)
            staged = returned.stage(self.call, output)
        return self._looked_at(staged, asked) if asked.columns else staged

    def ask_all(self, calls: Sequence[Asked]) -> Staged:
        """Call the function for each, and put together what it returns; a call may return no rows of no columns."""
        stages, nothing = [], None
        for asked in calls:
            try:
                stages.append(self.ask(asked))
            except returned.NoColumnsError as error:
                nothing = error
        if not stages and nothing is not None:
            raise nothing
        return returned.settled(self.call, self._joined(stages))

    def _looked_at(self, staged: Staged, asked: Asked) -> Staged:
        """Return rows with the columns that were handed through as they went in.

        Raises where one is missing or of another type, or a row is one of which the function was given none.
        """
        missing = [column.name for column in asked.columns if staged.schema.find(column.name) is None]
        if missing:
            raise self.call.wrong(
                f"the function returned no column '{missing[0]}'",
                expected=f"{', '.join(column.name for column in asked.columns)}, handed through: {asked.word}",
                got=", ".join(staged.schema.names),
            )
        if not staged.rows:
            return staged
        schema = staged.schema
        for column in asked.columns:
            came = schema.find(column.name) or column
            schema = schema.with_column(replace(came, type=self._handed_through(column, came.type, asked)))
        if schema != staged.schema:
            staged = self.staged(Compute(Query(f"select {casts(schema)} from {staged.name}")))
        if asked.values is not None:
            self._refuse_strangers(staged, asked, asked.values)
        return staged

    def _handed_through(self, column: Column, came: str, asked: Asked) -> str:
        """Return the type of a column that holds what went in and what came; raises where there is none."""
        went = handed_type(column.type)
        kind = came if came in (column.type, "varchar") else widen(went, came)
        if kind is None:
            raise self.call.wrong(
                f"the column '{column.name}' does not come back as it went in",
                expected=f"{went}: {asked.word}", got=came, hint="hand it through as it is",
            )  # fmt: skip
        return kind

    def _refuse_strangers(self, staged: Staged, asked: Asked, values: Part) -> None:
        """Raise where the function returned a row of which it was given none."""
        names = [column.name for column in asked.columns]
        same = " and ".join(
            f'o.{quoted(name)} is not distinct from cast(k."@key{at}" as {type_of(staged.schema, name)})'
            for at, name in enumerate(names, 1)
        )
        own = ", ".join(f"o.{quoted(name)}" for name in names)
        text = f"select {own} from {staged.name} o anti join {values.rows} k on {same} limit 1"
        strange = self.fetch(Query(text, values.reads))
        if strange:
            raise self.call.wrong(
                "the function returned a row of a key that it was not asked for",
                expected=asked.word,
                got=", ".join(f"{name} = {value}" for name, value in zip(names, strange[0], strict=True)),
                hint="it gets some of the rows at a time, and hands these columns through as they are",
            )

    # -- what came of them -------------------------------------------------------------------------------------

    def _joined(self, stages: Sequence[Staged]) -> Staged:
        """Return the rows of several calls as one stage, each column in a type that holds all its values."""
        first = stages[0]
        if len(stages) == 1:
            return first
        for one in stages[1:]:
            if {n.lower() for n in one.schema.names} != {n.lower() for n in first.schema.names}:
                raise self.call.wrong(
                    "the function returned other columns for other rows",
                    expected=", ".join(first.schema.names), got=", ".join(one.schema.names),
                )  # fmt: skip
        schema = Schema(tuple(Column(name, self._common(name, stages)) for name in first.schema.names))
        parts = [f"select {casts(schema)} from {one.name}" for one in stages]
        return self.staged(Compute(Query("\nunion all\n".join(parts))))

    def _common(self, name: str, stages: Sequence[Staged]) -> str:
        kinds = list(dict.fromkeys(type_of(one.schema, name) for one in stages))
        widest = kinds[0]
        for kind in kinds[1:]:
            widest = widen(widest, kind) or widest
        for kind in dict.fromkeys([widest, *kinds, "double"]):
            if all(self._fits(one, name, kind) for one in stages):
                return kind
        raise self.call.wrong(
            f"the column '{name}' has other types for other rows", got=", ".join(kinds),
            hint="let the function give it one type, whatever the rows",
        )  # fmt: skip

    def _fits(self, staged: Staged, name: str, kind: str) -> bool:
        """Tell whether all values of a staged column are values of a type."""
        come, own = type_of(staged.schema, name), quoted(name)
        if widen(kind, come) == kind:
            return True
        if is_whole(come) and kind == "double":
            lost = f"try_cast(cast({own} as double) as {come}) is distinct from {own}"
        else:
            lost = f"{own} is not null"
        return not self.fetch(Query(f"select 1 from {staged.name} where {lost} limit 1"))

    def fitted(self, staged: Staged, schema: Schema) -> Staged | None:
        """Return staged rows with the columns and types of a table; None where that has others."""
        if staged.schema == schema:
            return staged
        if {n.lower() for n in staged.schema.names} != {n.lower() for n in schema.names}:
            return None
        if not all(self._fits(staged, column.name, column.type) for column in schema):
            return None
        return self.staged(Compute(Query(f"select {casts(schema)} from {staged.name}")))

    def nothing(self, relation: Relation) -> Staged:
        """Stage no rows of a table."""
        return returned.stage_nothing(self.txn, relation.schema)

    def within(self, relation: Relation, keys: Within) -> Within:
        """Return staged keys in the types that a table has for them."""
        types = [type_of(relation.schema, name) for name in keys.columns]
        pairs = zip(keys.keys, types, strict=True)
        items = ", ".join(f"{cast(quoted(name), kind)} as {quoted(name)}" for name, kind in pairs)
        stage = self.staged(Compute(Query(f"select {items} from {keys.stage}")))
        return Within(keys.columns, stage.name, keys.keys)

    def keep_key(self, change: Change, staged: Staged) -> None:
        """Raise where the key of a table is null or not unique once a change is applied."""
        key, name = change.relation.key, change.relation.name
        if not key or not staged.rows:
            return
        null = " or ".join(f"{quoted(one)} is null" for one in key)
        columns = ", ".join(map(quoted, key))
        found = self.fetch(Query(f"select count(*) from {staged.name} where {null}"))[0][0]
        if found:
            raise FatalError(f"the key ({', '.join(key)}) is null in {plural(found, 'row')}", where=name)
        twice = self.fetch(Query(f"select {columns} from {staged.name} group by all having count(*) > 1 limit 1"))
        if not twice and change.plus:
            same = " and ".join(f"a.{quoted(one)} = p.{quoted(one)}" for one in key)
            text = f"select {columns} from ({change.after}) a semi join {change.plus} p on {same}"
            twice = self.fetch(Query(f"{text} group by all having count(*) > 1 limit 1"))
        if twice:
            got = f"more than once: {', '.join(map(str, twice[0]))}"
            raise FatalError(f"the key ({', '.join(key)}) is not unique", where=name, got=got)

    # -- the transaction ---------------------------------------------------------------------------------------

    def staged(self, step: Step) -> Staged:
        """Carry out a step that gives a stage."""
        return carry.staged(self.txn, step)

    def change_by(self, step: Step) -> Change:
        """Carry out a step that gives a change."""
        return carry.changed(self.txn, step)

    def fetch(self, query: Query) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        rows = self.txn.read(query)
        try:
            return rows.fetch()
        finally:
            rows.close()


def type_of(schema: Schema, name: str) -> str:
    """Return the type of a column that is there."""
    column = schema.find(name)
    if column is None:
        raise FatalError(f"there is no column '{name}'")
    return column.type


def casts(schema: Schema) -> str:
    """Return the select list that gives columns of these names the types of a schema."""
    return ", ".join(f"{cast(quoted(c.name), c.type)} as {quoted(c.name)}" for c in schema)


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
