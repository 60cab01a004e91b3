"""SQL tables brought up to date: each block of a plan by what changed of its inputs, at the cost of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.base.errors import FatalError, RunError
from penstock.base.record import record
from penstock.model.change import Change, Staged
from penstock.model.relation import Query, Within
from penstock.model.step import Build, Compute, Extend, Replace
from penstock.plan import delta
from penstock.plan.blocks import Plan
from penstock.plan.delta import Input

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.model.relation import Relation
    from penstock.model.schema import Schema
    from penstock.model.table import Table
    from penstock.plan.blocks import Block
    from penstock.protocols.engine import Step, Txn

_PLANS = 10_000


@record
class Tuning:
    """How refreshes are chosen.

    A table whose inputs have fewer than `smallest` rows in all is computed in full from the first: that takes no
    longer. `strict` lets a plan that fails fail the table, where else the table is computed in full and the reason
    noted.
    """

    smallest: int = 50_000
    strict: bool = False


class PlanFailedError(RunError):
    """A plan could not be carried out; the table's own text says whether it is wrong itself."""


@record
class Planned:
    """A table's plan, and the columns that its text gives."""

    plan: Plan
    schema: Schema


_planned: dict[tuple[str, tuple[Schema, ...]], Planned] = {}


def planned(table: Table, relations: Mapping[str, Relation], txn: Txn) -> Planned:
    """Return the plan of a SQL table over its inputs as they are; each is made once."""
    schemas = {name: relations[name].schema for name in table.parents}
    asked = (table.fingerprint, tuple(schemas.values()))
    known = _planned.get(asked)
    if known is None:
        from penstock.plan.sql.cut import cut

        schema = txn.describe(query_of(table))
        known = Planned(cut(table.sql, schemas, schema.names, table.name), schema)
        if len(_planned) >= _PLANS:
            _planned.clear()
        _planned[asked] = known
    return known


def query_of(table: Table) -> Query:
    """Return a table's own text as a query."""
    return Query(table.sql, file=table.where.file if table.where else "", line=table.line)


@dataclass
class Keeper:
    """Brings blocks up to date within a transaction; `relations` are the tables as the transaction has them.

    `anew` asks for everything to be computed again, changed input or not.
    """

    txn: Txn
    relations: dict[str, Relation]
    fresh: set[str] = field(default_factory=set)
    how: list[str] = field(default_factory=list)
    anew: bool = False

    def table(self, table: Table, known: Planned) -> Change | None:
        """Return the change of a table by its plan, its hidden relations brought up to date before.

        None says that the plan gives other types than the table's text, so that it cannot be trusted.
        """
        *below, top = known.plan.blocks
        self.how = []
        for block in below:
            self.hidden(block)
        relation = self.relations.get(table.name)
        parts = tuple(block.name for block in below)
        if relation is None or relation.fingerprint != table.fingerprint or relation.layout != top.mark:
            query = delta.whole(top, self.inputs(top, None), self.txn.version)
            given = self.txn.describe(query)
            if [c.type for c in given.columns[: len(known.schema)]] != [c.type for c in known.schema]:
                return None
            self.how.append("build")
            build = Build(table.name, query, table.fingerprint, table.key, top.hidden, top.mark, parts)
            return self.change_by(build)
        return self.change(top, relation)

    def hidden(self, block: Block) -> None:
        """Bring a hidden relation up to date, once in a transaction."""
        if block.name in self.fresh:
            return
        relation = self.relations.get(block.name)
        if relation is None:
            query = delta.whole(block, self.inputs(block, None), self.txn.version)
            change = self.change_by(Build(block.name, query, block.mark, (), block.hidden, block.mark))
        else:
            change = self.change(block, relation)
        applied = self.txn.apply(change)
        self.txn.seen(applied, self.txn.version)
        self.relations[block.name] = applied
        self.fresh.add(block.name)

    def inputs(self, block: Block, relation: Relation | None) -> dict[str, Input]:
        """Return what a block reads, and what happened to it since the relation last looked."""
        since = relation.seen if relation else 0
        found = {}
        for name in block.tables:
            one = self.relations[name]
            found[name] = Input(one, since, one.changed > since, one.lost > since, one.built > since)
        return found

    # -- changes -----------------------------------------------------------------------------------------------

    def change(self, block: Block, relation: Relation) -> Change:
        """Return the change of a block's relation by what happened to its inputs."""
        inputs = self.inputs(block, relation)
        if self.anew:
            return self.full(block, relation, inputs)
        if not any(one.changed for one in inputs.values()):
            return Change(relation, 0, 0)
        if not can_follow(block, inputs):
            return self.full(block, relation, inputs)
        found = {
            where: self.staged(Compute(query)).name
            for where, query in delta.finders(block, inputs, self.txn.version).items()
        }
        if block.kind == "rows":
            return self.rows(block, relation, inputs, found)
        if block.merge is not None and not _inexact(block, relation, inputs, found):
            return self.merge(block, relation, inputs, found)
        if not block.keys:
            return self.full(block, relation, inputs)
        return self.keys(block, relation, inputs, found)

    def full(self, block: Block, relation: Relation, inputs: Mapping[str, Input]) -> Change:
        """Compute everything, and compare."""
        self.how.append("full")
        stage = self.staged(Compute(delta.whole(block, inputs, self.txn.version, relation.whole)))
        return self.change_by(Replace(relation, stage.name, None, *identity(block)))

    def rows(
        self, block: Block, relation: Relation, inputs: Mapping[str, Input], found: Mapping[tuple[int, int], str]
    ) -> Change:
        """Compute the rows that come of a change, beside those that depended on what it touched."""
        version = self.txn.version
        stage = self.staged(Compute(delta.added(block, inputs, version, found, relation.whole)))
        losses = delta.losses(block, inputs, version)
        if not losses and not found:
            self.how.append("append")
            return self.change_by(Extend(relation, stage.name, stage.rows))
        self.how.append("keys")
        old = []
        for columns, query in losses:
            lost = self.staged(Compute(query))
            if lost.rows:
                old.append(Within(columns, lost.name, columns))
        for (at, number), name in found.items():
            leaf = next(one for one in block.arms[at].leaves if one.number == number and one.finder)
            assert leaf.finder is not None  # noqa: S101
            columns = tuple(f"@h{n + 1}" for n in leaf.finder.ids)
            columns = ("@arm", *columns) if len(block.arms) > 1 else columns
            old.append(Within(columns, name, columns))
        if not old:
            return self.change_by(Extend(relation, stage.name, stage.rows))
        return self.change_by(Replace(relation, stage.name, tuple(old), *identity(block)))

    def merge(
        self, block: Block, relation: Relation, inputs: Mapping[str, Input], found: Mapping[tuple[int, int], str]
    ) -> Change:
        """Add to each group that a change touches what came, and take from it what went."""
        version, like = self.txn.version, relation.whole
        self.how.append("merge")
        sums = self.staged(Compute(delta.sums(block, inputs, version, found, like)))
        if not sums.rows:
            return Change(relation, 0, 0)
        stage = self.staged(Compute(delta.merged(block, relation, sums.name, version, like)))
        names = tuple(f"@key{at}" for at in range(1, len(block.keys) + 1))
        asked = delta.doubtful(block, relation, sums.name, version)
        if asked is not None:
            again = self.staged(Compute(asked))
            if again.rows and not block.keys:
                return self.full(block, relation, inputs)
            if again.rows:
                self.how.append("keys")
                query = delta.by_keys(block, inputs, version, again.name, like, nulls=True)
                stage = self.staged(Compute(delta.both(stage.name, query)))
        old = (Within(block.held, sums.name, names),) if block.keys else None
        return self.change_by(Replace(relation, stage.name, old, *identity(block)))

    def keys(
        self, block: Block, relation: Relation, inputs: Mapping[str, Input], found: Mapping[tuple[int, int], str]
    ) -> Change:
        """Compute again what stands under the keys that a change touches."""
        version = self.txn.version
        self.how.append("keys")
        touched = self.staged(Compute(delta.changed_keys(block, inputs, version, found, relation.whole)))
        if not touched.rows:
            return Change(relation, 0, 0)
        names = tuple(f"@key{at}" for at in range(1, len(block.keys) + 1))
        query = delta.by_keys(block, inputs, version, touched.name, relation.whole, nulls=True)
        stage = self.staged(Compute(query))
        old = (Within(block.held, touched.name, names),)
        return self.change_by(Replace(relation, stage.name, old, *identity(block)))

    def staged(self, step: Step) -> Staged:
        """Carry out a step that gives a stage."""
        found = self.txn.run(step)
        if not isinstance(found, Staged):
            raise FatalError(f"a step {type(step).__name__} gave no stage")
        return found

    def change_by(self, step: Step) -> Change:
        """Carry out a step that gives a change."""
        found = self.txn.run(step)
        if not isinstance(found, Change):
            raise FatalError(f"a step {type(step).__name__} gave no change")
        return found


def can_follow(block: Block, inputs: Mapping[str, Input]) -> bool:
    """Tell whether a block can be brought up to date by what changed alone."""
    if any(one.new for one in inputs.values()) or block.kind in ("limit", "whole"):
        return False
    if block.kind != "rows" and not block.keys and block.merge is None:
        return False
    changed = [leaf for arm in block.arms for leaf in arm.dependent if inputs[leaf.table].changed]
    return all(leaf.finder is not None for leaf in changed)


def _inexact(
    block: Block, relation: Relation, inputs: Mapping[str, Input], found: Mapping[tuple[int, int], str]
) -> bool:
    """Tell whether floats would be taken from a sum, which then is not what adding up the rest gives."""
    if not found and not any(one.went for one in inputs.values()):
        return False
    kinds = relation.hidden.types
    parts = block.merge.parts if block.merge else ()
    return any(part.kind == "sum" and kinds[part.column] in ("double", "float") for part in parts)


def identity(block: Block) -> tuple[tuple[str, ...], bool]:
    """Return the columns by which a block's rows are told apart, and whether no two agree in them."""
    if block.kind == "rows":
        return block.hidden, False
    if block.kind in ("group", "distinct"):
        return block.held, True
    return (), False
