"""SQL tables brought up to date: each block of a plan by what changed of its inputs, at the cost of that."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, replace
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.change import Change
from penstock.model.relation import Query, Within
from penstock.model.step import Build, Compute, Extend, Replace, Swap, Take
from penstock.plan import delta, groups
from penstock.plan.blocks import Plan
from penstock.plan.cost import Costs, following_took, full_took, pays
from penstock.plan.delta import Input, Turn
from penstock.refresh import carry
from penstock.refresh.applied import Delta
from penstock.refresh.row import only
from penstock.refresh.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from penstock.base.clock import Clock
    from penstock.model.change import Staged
    from penstock.model.relation import Relation
    from penstock.model.schema import Schema
    from penstock.model.table import Table
    from penstock.model.tuning import Tuning
    from penstock.plan.blocks import Block
    from penstock.protocols.engine import Step, Txn
    from penstock.refresh.applied import Applied

_PLANS = 10_000
_DEAR = 0.1  # seconds of a full computation from which on it is not asked how much changed, before that is read
_SAMPLE = 200_000  # rows from which it is told how many a group has


@record
class Planned:
    """A table's plan, and the columns that its text gives."""

    plan: Plan
    schema: Schema


_planned: dict[tuple[str, tuple[Schema, ...], str], Planned] = {}


def planned(table: Table, relations: Mapping[str, Relation], txn: Txn, states: str) -> Planned:
    """Return the plan of a SQL table over its inputs as they are, with states of a form; each is made once."""
    schemas = {name: relations[name].schema for name in table.parents}
    asked = (table.fingerprint, tuple(schemas.values()), states)
    known = _planned.get(asked)
    if known is None:
        from penstock.plan.sql.cut import cut

        schema = txn.describe(query_of(table))
        known = Planned(cut(table.sql, schemas, schema.names, table.name, states), schema)
        if len(_planned) >= _PLANS:
            _planned.clear()
        _planned[asked] = known
    return known


def settled(table: Table, relations: Mapping[str, Relation], txn: Txn, states: str) -> Query | None:
    """Return the query of a SQL table as its plan puts it, where its text leaves open which of equal rows comes first.

    None says that nothing is open, or that the plan cannot be trusted: then the text itself is the query.
    """
    from penstock.plan.inline import inlined

    known = planned(table, relations, txn, states)
    if not any(block.tied for block in known.plan.blocks):
        return None
    query = inlined(known.plan, {name: relations[name] for name in table.parents}, known.schema.names)
    same = [c.type for c in txn.describe(query)] == [c.type for c in known.schema]
    return query if same else None


def query_of(table: Table) -> Query:
    """Return a table's own text as a query."""
    return Query(table.sql, file=table.where.file if table.where else "", line=table.line)


@dataclass
class Keeper:
    """Brings blocks up to date within a transaction.

    `asked` says that everything is to be computed in full. `costs` are those of the table whose turn it was last.
    """

    txn: Txn
    applied: Applied
    clock: Clock
    tuning: Tuning
    asked: bool = False
    costs: Costs = field(default_factory=Costs)
    fresh: set[str] = field(default_factory=set)
    deltas: dict[tuple[str, int], Delta] = field(default_factory=dict)
    how: list[str] = field(default_factory=list)
    shared: Shared = field(init=False)

    def __post_init__(self) -> None:
        self.relations = self.applied.relations
        self.shared = Shared(self.txn, self.clock, self.tuning)

    def table(self, table: Table, known: Planned) -> Change | None:
        """Return the change of a table by its plan, its hidden relations brought up to date before.

        None says that the plan gives other types than the table's text, so that it cannot be trusted.
        """
        *below, top = self.chosen(table, known.plan).blocks
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
            return self.built(top, build)
        return self.change(top, relation)

    def chosen(self, table: Table, plan: Plan) -> Plan:
        """Return the plan for which a table was built, or the one for which it is to be."""
        if plan.divided is None or not plan.divided.blocks:
            return plan
        relation = self.relations.get(table.name)
        layout = relation.layout if relation is not None and relation.fingerprint == table.fingerprint else ""
        if layout in (plan.blocks[-1].mark, plan.divided.blocks[-1].mark):
            return plan.fitting(layout)
        dense = all(self.dense(block) for block in plan.blocks if block.kind == "group" and block.merge is None)
        return plan.divided if dense else plan

    def dense(self, block: Block) -> bool:
        """Tell whether groups have many rows, by the first rows that there are."""
        if any(name not in self.relations for name in block.tables):
            return False
        query = groups.sampled(block, self.inputs(block, None), self.txn.version, _SAMPLE)
        rows, count = only(self.txn, query)
        return bool(rows >= self.tuning.dense * count)

    def hidden(self, block: Block) -> None:
        """Bring a hidden relation up to date, once in a transaction."""
        if block.name in self.fresh:
            return
        relation = self.relations.get(block.name)
        if relation is None:
            query = delta.whole(block, self.inputs(block, None), self.txn.version)
            change = self.built(block, Build(block.name, query, block.mark, (), block.hidden, block.mark))
        else:
            change = self.change(block, relation)
        applied = self.applied.apply(self.txn, change)
        self.txn.seen(applied, self.txn.version, tuple(astuple(self.costs)))
        self.fresh.add(block.name)

    def inputs(self, block: Block, relation: Relation | None) -> dict[str, Input]:
        """Return what a block reads, and what happened to it since the relation last looked."""
        since = relation.seen if relation else 0
        found = {}
        for name in block.tables:
            one = self.relations[name]
            # What was vacuumed since can be followed as little as what was built since.
            new = one.built > since or (one.changed > since and self.txn.kept_since(name) > since)
            found[name] = Input(one, since, one.changed > since, one.lost > since, new)
        return found

    def followed(self, one: Input) -> Input:
        """Return an input with what came and went, read once for all that look from the same version."""
        asked = (one.relation.name, one.since)
        if asked not in self.deltas:
            self.deltas[asked] = self.applied.since(*asked) or self.read(one)
        known = self.deltas[asked]
        came = known.plus.name if known.plus.rows else ""
        went = known.minus.name if known.minus is not None and known.minus.rows else ""
        return Input(one.relation, one.since, bool(came), bool(went), False, came, went)

    def read(self, one: Input) -> Delta:
        """Return what came and went of an input, read from its relation."""
        plus = self.staged(Compute(delta.came(one, self.txn.version), False))
        minus = self.staged(Compute(delta.went(one, self.txn.version), False)) if one.went else None
        return Delta(plus, minus)

    # -- changes -----------------------------------------------------------------------------------------------

    def change(self, block: Block, relation: Relation) -> Change:
        """Return the change of a block's relation by what happened to its inputs."""
        inputs = self.inputs(block, relation)
        self.costs = Costs(*relation.costs)  # type: ignore[arg-type]  # the last ones count rows and turns
        if self.asked:
            return self.full(block, relation, inputs)
        if not any(one.changed for one in inputs.values()):
            return Change(relation, 0, 0)
        if not can_follow(block, inputs):
            return self.full(block, relation, inputs)
        if not self.tuning.follow and not self.pays(block, inputs):
            return self.full(block, relation, inputs)
        began = self.clock.monotonic()
        self.shared.spent = self.shared.owed = 0.0
        inputs = {name: self.followed(one) if one.changed else one for name, one in inputs.items()}
        if not any(one.changed for one in inputs.values()):
            return Change(relation, 0, 0)
        changed = sum(self.deltas[name, one.since].rows for name, one in inputs.items() if one.changed)
        if not self.tuning.follow and not pays(self.costs, changed, _rows_in(block, self.relations)):
            return self.full(block, relation, inputs)
        change = self.following(block, relation, inputs)
        took = self.clock.monotonic() - began - self.shared.spent + self.shared.owed
        self.costs = following_took(self.costs, took, changed)
        return change

    def pays(self, block: Block, inputs: Mapping[str, Input]) -> bool:
        """Tell whether it may pay to read what changed: whether to follow so many rows may be cheaper than all anew.

        Where changes were not applied now their rows are counted, unless all anew takes far longer than counting.
        """
        rows = 0
        for name, one in inputs.items():
            if not one.changed:
                continue
            known = self.deltas.get((name, one.since))
            count = known.rows if known is not None else self.applied.count(name, one.since)
            if count is None and self.costs.full > _DEAR:
                return True
            rows += sum(only(self.txn, delta.counted(one, self.txn.version))) if count is None else count
        return pays(self.costs, rows, _rows_in(block, self.relations))

    def following(self, block: Block, relation: Relation, inputs: Mapping[str, Input]) -> Change:
        """Return the change of a block that what changed of its inputs leads to."""
        found: dict[tuple[int, int], str] = {}
        for at, numbers, query in delta.finders(block, inputs, self.txn.version):
            stage = self.staged(Compute(query, False))
            if stage.rows:
                found |= {(at, number): stage.name for number in numbers}
        if not found and not any(inputs[leaf.table].changed for arm in block.arms for leaf in arm.linear):
            return Change(relation, 0, 0)
        merges = block.merge is not None and not _inexact(block, relation, inputs, found)
        if block.kind != "rows" and not merges and not block.keys:
            return self.full(block, relation, inputs)
        turn = Turn(inputs, self.txn.version, found, {}, self.shared.of(block, inputs), {})
        kept = delta.kept(block, turn, self.tuning.shared)
        turn = replace(turn, kept={number: self.staged(Compute(query, False)).name for number, query in kept.items()})
        turn = replace(turn, looked=self.looked(block, turn))
        if block.kind == "rows":
            return self.rows(block, relation, turn)
        if merges:
            return self.merge(block, relation, turn)
        return self.keys(block, relation, turn)

    def looked(self, block: Block, turn: Turn) -> dict[tuple[str, int], str]:
        """Stage what a change looks up in dependent inputs: those rows now (under no mode) and before (`<`)."""
        looked: dict[tuple[str, int], str] = {}
        stages: dict[Query, Staged] = {}
        for (at, number), query in delta.values(block, turn).items():
            leaf = next(one for one in block.arms[at].dependent if one.number == number)
            one = turn.inputs[leaf.table]
            if one.relation.rows < self.tuning.looked_up:
                continue
            stage = stages[query] = stages.get(query) or self.staged(Compute(query, False))
            now = self.staged(Compute(delta.looked_up(leaf, one, stage.name, turn.version), False))
            looked["", number] = now.name
            if one.changed:
                before = delta.looked_up_before(leaf, one, stage.name, now.name)
                name = self.staged(Compute(before, False)).name
                looked["<", number] = looked["=", number] = name
        return looked

    def built(self, block: Block, step: Build) -> Change:
        """Build a relation, and note what that took."""
        began = self.clock.monotonic()
        change = self.change_by(step)
        self.costs = full_took(Costs(), self.clock.monotonic() - began, _rows_in(block, self.relations))
        return change

    def full(self, block: Block, relation: Relation, inputs: Mapping[str, Input]) -> Change:
        """Compute everything, and compare."""
        self.how.append("full")
        began = self.clock.monotonic()
        stage = self.staged(Compute(delta.whole(block, inputs, self.txn.version, relation.whole), False))
        change = self.change_by(Replace(relation, stage.name, None, *identity(block)))
        self.costs = full_took(self.costs, self.clock.monotonic() - began, _rows_in(block, self.relations))
        return change

    def rows(self, block: Block, relation: Relation, turn: Turn) -> Change:
        """Compute the rows that come of a change, beside those that depended on what it touched."""
        losses = delta.losses(block, turn.inputs)
        only = not losses and not turn.found
        stage = self.staged(Compute(delta.added(block, turn, relation.whole), False, numbered="all" if only else ""))
        if only:
            self.how.append("append")
            return self.change_by(Extend(relation, stage.name, stage.rows))
        self.how.append("keys")
        old = []
        for loss in losses:
            if isinstance(loss, Within):
                old.append(loss)
            else:
                columns, query = loss
                old.append(Within(columns, self.staged(Compute(query, False)).name, columns))
        for (at, number), name in turn.found.items():
            leaf = next(one for one in block.arms[at].leaves if one.number == number and one.finder)
            assert leaf.finder is not None  # noqa: S101
            columns = tuple(f"@h{n + 1}" for n in leaf.finder.ids)
            columns = ("@arm", *columns) if len(block.arms) > 1 else columns
            old.append(Within(columns, name, columns))
        old = list(dict.fromkeys(old))
        if not old:
            return self.change_by(Extend(relation, stage.name, stage.rows))
        return self.change_by(Replace(relation, stage.name, tuple(old), *identity(block)))

    def merge(self, block: Block, relation: Relation, turn: Turn) -> Change:
        """Add to each group that a change touches what came, and take from it what went."""
        like = relation.whole
        self.how.append("merge")
        sums = self.staged(Compute(groups.sums(block, turn, like), False))
        if not sums.rows:
            return Change(relation, 0, 0)
        names = tuple(f"@key{at}" for at in range(1, len(block.keys) + 1))
        old = self.staged(Take(relation, (Within(block.held, sums.name, names, once=True),) if block.keys else ()))
        differ = groups.differs(block, turn)
        query = groups.merged(block, sums.name, old.name, like, grown=groups.grows(turn))
        stage = self.staged(Compute(query, False, numbered="some" if differ else ""))
        if differ:
            return self.change_by(Swap(relation, stage.name, stage.rows, old.name, old.rows, *identity(block)[:2]))
        asked = groups.doubtful(block, sums.name, old.name)
        if asked is not None:
            again = self.staged(Compute(asked, False))
            if again.rows and not block.keys:
                return self.full(block, relation, turn.inputs)
            if again.rows:
                self.how.append("keys")
                query = delta.by_keys(block, turn.inputs, turn.version, again.name, like)
                stage = self.staged(Compute(groups.both(stage.name, query, like), False))
        return self.change_by(Replace(relation, stage.name, old.name, *identity(block)))

    def keys(self, block: Block, relation: Relation, turn: Turn) -> Change:
        """Compute again what stands under the keys that a change touches."""
        self.how.append("keys")
        touched = self.staged(Compute(delta.changed_keys(block, turn, relation.whole), False))
        if not touched.rows:
            return Change(relation, 0, 0)
        names = tuple(f"@key{at}" for at in range(1, len(block.keys) + 1))
        query = delta.by_keys(block, turn.inputs, turn.version, touched.name, relation.whole)
        stage = self.staged(Compute(query, False))
        old = (Within(block.held, touched.name, names),)
        return self.change_by(Replace(relation, stage.name, old, *identity(block)))

    def staged(self, step: Step) -> Staged:
        """Carry out a step that gives a stage."""
        return carry.staged(self.txn, step)

    def change_by(self, step: Step) -> Change:
        """Carry out a step that gives a change."""
        return carry.changed(self.txn, step)


def _rows_in(block: Block, relations: Mapping[str, Relation]) -> int:
    return sum(relations[name].rows for name in block.tables)


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
    """Tell whether something would be taken from a state, or floats from a sum, which is not what the rest gives."""
    if not found and not any(one.went for one in inputs.values()):
        return False
    kinds = relation.whole.types
    parts = block.merge.parts if block.merge else ()
    return any(part.state or (part.kind == "sum" and kinds[part.column] in ("double", "float")) for part in parts)


def identity(block: Block) -> tuple[tuple[str, ...], bool, bool]:
    """Return the columns by which a block's rows are told apart, whether no two agree in them, and whether sums of
    floats in it may differ by their order.
    """
    if block.kind == "rows":
        return block.hidden, block.single, False
    if block.kind in ("group", "distinct"):
        return block.held, True, block.kind == "group"
    return (), False, False
