"""What a change of a block's inputs changes in it: the rules, as queries over the inputs at the right snapshots.

Rows that come of a change are those of each changed input's new rows beside the others: beside the kept rows of the
inputs before it, and all rows of those behind it, so that each is found once. Rows that go are those of its lost rows,
beside the others as they were. A row of an arm depends on the rows whose ids it carries, and on dependent inputs; what
those can touch their finders say, and it is computed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.model.relation import Query, Read, Relation, Within
from penstock.model.schema import cast
from penstock.plan.blocks import BODY, Arm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from penstock.model.schema import Schema
    from penstock.plan.blocks import Block, Leaf

_INPUT = re.compile(r'"@(\d+)(~?)"')
_MODES = {"": "live", "=": "kept", "<": "at"}
# What came, what went, both for a finder, and both with ids that tell them apart; `|` is what is and what went.
_STAGED = {"+", "-", "~", "*"}


@record
class Input:
    """A relation that a block reads, and what happened to it since the block last looked.

    `since` is the version that the block shows; `came` and `went` say whether rows did; `new` that nothing is known
    of the rows before: it was built anew. The stages `plus` and `minus` have the rows that came and went.
    """

    relation: Relation
    since: int = 0
    came: bool = False
    went: bool = False
    new: bool = False
    plus: str = ""
    minus: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything happened."""
        return self.came or self.went or self.new


@record
class Turn:
    """A block's turn: what happened to its inputs until a version, and what was found out about that.

    `found` are the stages of what finders found, by arm and input; `looked` of what was looked up in dependent inputs,
    by mode and input; `met` what there is to read of a large input beside the rows that changed of another: by that
    one, the large one and the mode; `kept` the rows of a large input that finders found.
    """

    inputs: Mapping[str, Input]
    version: int
    found: Mapping[tuple[int, int], str]
    looked: Mapping[tuple[str, int], str]
    met: Mapping[tuple[int, int, str], str]
    kept: Mapping[int, str]

    @property
    def text(self) -> Text:
        """A text that reads its inputs."""
        return Text(self.inputs, self.version, self.looked, self.met, self.kept)


@dataclass
class Text:
    """A text on its way to a query: its reads are noted as names are put in."""

    inputs: Mapping[str, Input]
    version: int
    looked: Mapping[tuple[str, int], str] = field(default_factory=dict)
    met: Mapping[tuple[int, int, str], str] = field(default_factory=dict)
    kept: Mapping[int, str] = field(default_factory=dict)
    reads: dict[str, Read] = field(default_factory=dict)

    def put(
        self, text: str, arm: Arm, modes: Mapping[int, str], within: Mapping[int, tuple[Within, ...]] | None = None
    ) -> str:
        """Return the text of an arm, or of a finder of it, with each input read in its mode."""
        leaves = {leaf.number: leaf for leaf in arm.leaves}
        changed = next((number for number, mode in modes.items() if mode in _STAGED), 0)

        def named(match: re.Match[str]) -> str:
            number = int(match[1])
            mode = match[2] or modes.get(number, "")
            limits = (within or {}).get(number, ())
            if limits and number in self.kept:
                return self.kept[number]
            leaf = leaves[number]
            one = self.inputs[leaf.table]
            if mode in _STAGED:
                return _staged(mode, one, leaf)
            lost, mode = one.minus if mode == "|" else "", _simpler(mode.strip("|"), one)
            known = self.met.get((changed, number, mode)) or self.looked.get((mode, number))
            if known is not None:
                return known
            high = _high(mode, one, self.version)
            read = Read(one.relation, _MODES[mode], one.since, high, True, limits, columns=leaf.used)
            name = f'"{self.named(f"@{number}{mode}", read)}"'
            return _with_lost(name, lost, one, leaf) if lost else name

        return _INPUT.sub(named, text)

    def named(self, name: str, read: Read) -> str:
        """Note a read under a name, or under another where something else is read under it."""
        while self.reads.get(name, read) != read:
            name += "'"
        self.reads[name] = read
        return name

    def query(self, text: str) -> Query:
        """Return the query."""
        return Query(text, tuple(self.reads.items()))


def _staged(mode: str, one: Input, leaf: Leaf) -> str:
    """Return what has the rows that came, or went, or did either; of a `*` the ids of what went are below zero."""
    names = _names(one, leaf)
    if mode == "*" and one.minus:
        went = f"select {names}, -1 - _rid as _rid from {one.minus}"
        return f"(select {names}, _rid from {one.plus} union all {went})" if one.plus else f"({went})"
    if mode == "*":
        return one.plus
    stages = [name for sign, name in (("+", one.plus), ("-", one.minus)) if mode in (sign, "~") and name]
    either = " union all ".join(f"select {names}, _rid from {name}" for name in stages)
    return stages[0] if len(stages) == 1 else f"({either})"


def _with_lost(name: str, lost: str, one: Input, leaf: Leaf) -> str:
    """Return what has the rows that are and those that went."""
    names = _names(one, leaf)
    return f"(select {names}, _rid from {name} union all select {names}, _rid from {lost})"


def _names(one: Input, leaf: Leaf) -> str:
    """Return the columns of an input that an arm uses, as far as that is known."""
    return ", ".join(ident(name) for name in leaf.used or one.relation.schema.names)


def _simpler(mode: str, one: Input) -> str:
    """Return the mode that reads the same with less: where no rows went, those as they were are the ones kept."""
    if mode == "<" and not one.went:
        mode = "="
    return "" if mode == "=" and not one.came else mode


def _high(mode: str, one: Input, version: int) -> int:
    return one.since if mode == "<" else version


# ── rows of arms ────────────────────────────────────────────────────────────────────────────────────────


def _values(block: Block, at: int, leaf: Leaf, made: Text, found: Mapping[tuple[int, int], str]) -> str:
    """Return the select of what the rows that come, or went, look up in a dependent input; empty for nothing."""
    arm = block.arms[at]
    if leaf.lookup is None:
        return ""
    as_if = Arm(leaf.lookup.text, arm.columns, arm.leaves)
    terms = []
    for sign in "+-":
        others = "<" if sign == "-" else ""
        changed = [one for one in arm.linear if made.inputs[one.table].changed]
        for turn, one in enumerate(changed):
            known = made.inputs[one.table]
            if known.came if sign == "+" else known.went:
                modes = {later.number: others for later in changed[turn + 1 :]}
                modes |= {earlier.number: "=" for earlier in changed[:turn]} | {one.number: sign}
                terms.append(made.put(leaf.lookup.text, as_if, modes))
    stages = _stages(arm, at, found)
    if stages:
        terms.append(_touched(made, as_if, _before(arm, made.inputs), stages))
    items = ", ".join(f'"@v{n}"' for n in range(1, len(leaf.lookup.columns) + 1))
    known_values = " and ".join(f'"@v{n}" is not null' for n in range(1, len(leaf.lookup.columns) + 1))
    union = " union all ".join(f'select {items} from ({term}) as "@t"' for term in terms)
    return f'select distinct {items} from ({union}) as "@all" where {known_values}' if terms else ""


def terms_of(block: Block, made: Text, sign: str, found: Mapping[tuple[int, int], str]) -> list[tuple[int, str]]:
    """Return the selects of the rows of a block's arms that come (`+`) or went (`-`), each with its arm."""
    terms: list[tuple[int, str]] = []
    for at, arm in enumerate(block.arms):
        changed = [leaf for leaf in arm.linear if made.inputs[leaf.table].changed]
        others = "<" if sign == "-" else ""
        aside = {leaf.number: others for leaf in arm.dependent if made.inputs[leaf.table].changed}
        for turn, leaf in enumerate(changed):
            one = made.inputs[leaf.table]
            if not (one.came if sign == "+" else one.went):
                continue
            modes = {**aside, **{later.number: others for later in changed[turn + 1 :]}}
            modes |= {earlier.number: "=" for earlier in changed[:turn]}
            modes[leaf.number] = sign
            terms.append((at, made.put(arm.text, arm, modes)))
        stages = _stages(arm, at, found)
        if stages:
            terms.append((at, _touched(made, arm, {**aside, **_before(arm, made.inputs)}, stages)))
    return terms


def weighed_terms(block: Block, made: Text) -> list[tuple[int, str]] | None:
    """Return the selects of the rows of a block's arms that come or go, with a weight `@w` of 1 or -1.

    A changed input's rows stand beside the inputs before it as they are and those behind it as they were. A row that
    never was may come and go: sums are right all the same, and an extreme is doubted that was lost. None where an arm
    depends on what changed.
    """
    terms: list[tuple[int, str]] = []
    for at, arm in enumerate(block.arms):
        if any(made.inputs[leaf.table].changed for leaf in arm.dependent):
            return None
        changed = [number for number, leaf in enumerate(arm.linear, 1) if made.inputs[leaf.table].changed]
        for turn_of, number in enumerate(changed):
            modes = {arm.linear[later - 1].number: "<" for later in changed[turn_of + 1 :]}
            text = made.put(arm.text, arm, modes | {arm.linear[number - 1].number: "*"})
            terms.append((at, f'select *, case when "@h{number}" < 0 then -1 else 1 end as "@w" from ({text}) as "@s"'))
    return terms


def _touched(made: Text, arm: Arm, modes: Mapping[int, str], stages: Mapping[Leaf, str]) -> str:
    """Return the rows of an arm that finders found."""
    limits = _limits(arm, stages)
    conditions = []
    for leaf, stage in stages.items():
        ids = ", ".join(f'"@h{at + 1}"' for at in leaf.finder.ids) if leaf.finder else ""
        several = leaf.finder is not None and len(leaf.finder.ids) > 1
        conditions.append(f"({ids}) in (select {'(' * several}{ids}{')' * several} from {stage})")
    text = made.put(arm.text, arm, modes, limits)
    return f'select * from ({text}) as "@x" where {" or ".join(dict.fromkeys(conditions))}'


def _stages(arm: Arm, at: int, found: Mapping[tuple[int, int], str]) -> dict[Leaf, str]:
    """Return, by dependent input, the stage of the rows of an arm that its finder found."""
    return {leaf: found[at, leaf.number] for leaf in arm.dependent if (at, leaf.number) in found}


def _before(arm: Arm, inputs: Mapping[str, Input]) -> dict[int, str]:
    """Return how linear inputs are read for rows that finders found: without those that came, which stand elsewhere."""
    return {leaf.number: "=" for leaf in arm.linear if inputs[leaf.table].changed}


def _limits(arm: Arm, stages: Mapping[Leaf, str]) -> dict[int, tuple[Within, ...]]:
    """Return which rows of its linear inputs the rows of an arm that finders found can be of, where all tell that."""
    limits = {}
    for at, leaf in enumerate(arm.linear):
        if all(one.finder and at in one.finder.ids for one in stages):
            name = f"@h{at + 1}"
            limits[leaf.number] = tuple(Within(("_rid",), stage, (name,)) for stage in dict.fromkeys(stages.values()))
    return limits


def united(block: Block, terms: Iterable[tuple[int, str]], ids: bool, further: str = "") -> str:
    """Return the union of terms with the block's body columns, and the hidden ids where they are wanted."""
    terms = list(terms)
    if len(terms) == len(block.arms) == 1 and ids and not further:
        return terms[0][1]  # an arm's text gives just these
    most = max(len(arm.linear) for arm in block.arms)
    parts = []
    for at, text in terms:
        items = [ident(one) for one in block.arms[0].columns]
        if ids:
            have = len(block.arms[at].linear)
            items += [f'{at} as "@arm"'] if len(block.arms) > 1 else []
            items += [f'"@h{n}"' if n <= have else f'null::bigint as "@h{n}"' for n in range(1, most + 1)]
        items += [further] if further else []
        parts.append(f'select {", ".join(items)} from ({text}) as "@t"')
    return "\nunion all\n".join(parts)


def typed(text: str, schema: Schema, further: str = "") -> str:
    """Return a select of the columns of a schema from a text, cast to their types."""
    items = ", ".join(f"{cast(ident(c.name), c.type)} as {ident(c.name)}" for c in schema)
    items += f", {further}" if further else ""
    return f'select {items} from ({text}) as "@all"'


def keyed(block: Block, like: Schema) -> list[str]:
    """Return the items that give a block's keys over its body, as `@key1` and so on, with the types `like`."""
    types = like.types
    return [
        f'{cast(key, types[held])} as "@key{at}"'
        for at, (key, held) in enumerate(zip(block.keys, block.held, strict=True), 1)
    ]


# ── the queries ─────────────────────────────────────────────────────────────────────────────────────────


def finders(block: Block, inputs: Mapping[str, Input], version: int) -> Iterator[tuple[int, list[int], Query]]:
    """Give the query of the rows of each arm that dependent inputs which changed can touch, with their numbers.

    Inputs whose finders give the same ids have one query. A row that went may have met others that went with it: of
    the other dependent inputs those are read, too.
    """
    for at, arm in enumerate(block.arms):
        alike: dict[tuple[int, ...], list[Leaf]] = {}
        for leaf in arm.dependent:
            if inputs[leaf.table].changed and leaf.finder is not None:
                alike.setdefault(leaf.finder.ids, []).append(leaf)
        for leaves in alike.values():
            made = Text(inputs, version)
            modes = {one.number: "|" for one in arm.dependent if inputs[one.table].minus}
            texts = [made.put(leaf.finder.text, arm, modes) for leaf in leaves if leaf.finder]
            if len(block.arms) > 1:
                texts = [f'select {at} as "@arm", * from ({text}) as "@f"' for text in texts]
            yield at, [leaf.number for leaf in leaves], made.query("\nunion\n".join(texts))


def kept(block: Block, turn: Turn, large: int) -> dict[int, Query]:
    """Return, by number, the query of the rows of each linear input of `large` rows or more that finders found.

    Only where several terms ask for them, each of which would look through the whole input.
    """
    queries = {}
    for at, arm in enumerate(block.arms):
        stages = _stages(arm, at, turn.found)
        several = block.kind != "rows" or any(leaf.lookup is not None for leaf in arm.dependent)
        limits = _limits(arm, stages) if stages and several else {}
        modes = _before(arm, turn.inputs)
        for leaf in arm.linear:
            one = turn.inputs[leaf.table]
            if leaf.number in limits and one.relation.rows >= large:
                mode, within = _MODES[_simpler(modes.get(leaf.number, ""), one)], limits[leaf.number]
                read = Read(one.relation, mode, one.since, turn.version, True, within, columns=leaf.used)
                queries[leaf.number] = Query(f'select {_used(leaf)} from "@rows"', (("@rows", read),))
    return queries


def values(block: Block, turn: Turn) -> dict[tuple[int, int], Query]:
    """Return, by arm and input, the query of what a change looks up in each dependent input that is not small."""
    queries = {}
    for at, arm in enumerate(block.arms):
        for leaf in arm.dependent:
            made = turn.text
            text = _values(block, at, leaf, made, turn.found)
            if text:
                queries[at, leaf.number] = made.query(text)
    return queries


def looked_up(leaf: Leaf, one: Input, stage: str, version: int) -> Query:
    """Return the query of the rows of a dependent input that have one of the staged values."""
    if leaf.lookup is None:
        raise ValueError("nothing is looked up in this input")
    names = tuple(f"@v{n}" for n in range(1, len(leaf.lookup.columns) + 1))
    read = Read(one.relation, "live", 0, version, True, (Within(leaf.lookup.columns, stage, names),))
    return Query(f'select {_used(leaf)} from "@rows"', (("@rows", read),))


def looked_up_before(leaf: Leaf, one: Input, stage: str, now: str) -> Query:
    """Return the query of the rows that had one of the staged values before the change; `now` are those that have."""
    if leaf.lookup is None:
        raise ValueError("nothing is looked up in this input")
    kept = f"select {_used(leaf)} from {now}"
    if one.plus:
        kept += f" where _rid not in (select _rid from {one.plus})"
    if not one.minus:
        return Query(kept)
    pairs = enumerate(leaf.lookup.columns, 1)
    equal = " and ".join(f'l.{ident(name)} = m."@v{n}"' for n, name in pairs)
    return Query(f"{kept} union all select {_used(leaf, 'l.')} from {one.minus} l semi join {stage} m on {equal}")


def _used(leaf: Leaf, prefix: str = "") -> str:
    return ", ".join(f"{prefix}{ident(name)}" for name in dict.fromkeys((*leaf.used, "_rid")))


def added(block: Block, turn: Turn, like: Schema) -> Query:
    """Return the query of the rows of a rows block that come, hidden ids included, with the types `like`.

    They have no id of their own yet.
    """
    made = turn.text
    terms = terms_of(block, made, "+", turn.found)
    body = united(block, terms, ids=True) if terms else _nothing(like)
    return made.query(body if len(block.arms) == 1 else typed(body, like))  # one arm has the types it was built with


def losses(block: Block, inputs: Mapping[str, Input]) -> list[Within | tuple[tuple[str, ...], Query]]:
    """Return, for each linear input that lost rows, where the rows are that came of these.

    Of a block of several arms the ids alone do not tell that: then it is the hidden columns and the query of their
    values.
    """
    wanted: list[Within | tuple[tuple[str, ...], Query]] = []
    for at, arm in enumerate(block.arms):
        for turn, leaf in enumerate(arm.linear, 1):
            one = inputs[leaf.table]
            if not one.went:
                continue
            if len(block.arms) == 1:
                wanted.append(Within((f"@h{turn}",), one.minus, ("_rid",)))
                continue
            text = f'select distinct {at} as "@arm", _rid as "@h{turn}" from {one.minus}'
            wanted.append((("@arm", f"@h{turn}"), Query(text)))
    return wanted


def changed_keys(block: Block, turn: Turn, like: Schema) -> Query:
    """Return the query of the keys of a block that a change touches, as `@key1` and so on."""
    made = turn.text
    terms = [*terms_of(block, made, "-", turn.found), *terms_of(block, made, "+", turn.found)]
    body = united(block, terms, ids=False)
    return made.query(f"select distinct {', '.join(keyed(block, like))} from ({body}) as {BODY}")


def by_keys(block: Block, inputs: Mapping[str, Input], version: int, stage: str, like: Schema) -> Query:
    """Return the query of all that a block gives for the keys in a stage, of which some may be null."""
    made = Text(inputs, version)
    sides: dict[int, list[tuple[int, str]]] = {}
    for at, arm in enumerate(block.arms):
        plain = {column: (number, name) for column, number, name in arm.sources}
        limits: dict[int, tuple[Within, ...]] = {}
        for turn, key in enumerate(block.keys, 1):
            source = plain.get(key[1:-1]) if key.startswith('"') and key.endswith('"') else None
            if source is not None and source[0] not in limits:
                limits[source[0]] = (Within((source[1],), stage, (f"@key{turn}",)),)
        sides.setdefault(arm.side, []).append((at, made.put(arm.text, arm, {}, limits)))
    same = " and ".join(f'({key}) is not distinct from "@m"."@key{at}"' for at, key in enumerate(block.keys, 1))
    bodies = {
        side: f'select "@b".* from ({united(block, terms, ids=False)}) as "@b" semi join {stage} as "@m" on {same}'
        for side, terms in sides.items()
    }
    return made.query(typed(_over(block, bodies), like))


def whole(block: Block, inputs: Mapping[str, Input], version: int, like: Schema | None = None) -> Query:
    """Return the query of everything that a block gives, hidden columns included."""
    made = Text(inputs, version)
    sides: dict[int, list[tuple[int, str]]] = {}
    for at, arm in enumerate(block.arms):
        sides.setdefault(arm.side, []).append((at, made.put(arm.text, arm, {})))
    bodies = {side: united(block, terms, ids=block.kind == "rows") for side, terms in sides.items()}
    text = _over(block, bodies) if block.outer else bodies[0]
    return made.query(typed(text, like) if like is not None else text)


def came(one: Input, version: int) -> Query:
    """Return the query of the rows of an input that came since the block last looked, with their ids."""
    return Query('from "@plus"', (("@plus", Read(one.relation, "plus", one.since, version, ids=True)),))


def went(one: Input, version: int) -> Query:
    """Return the query of the rows of an input that went since the block last looked, with their ids."""
    return Query('from "@minus"', (("@minus", Read(one.relation, "minus", one.since, version, ids=True)),))


def counted(one: Input, version: int) -> Query:
    """Return the query of how many rows of an input came and how many went since the block last looked."""
    plus, minus = (Read(one.relation, mode, one.since, version, ids=True) for mode in ("plus", "minus"))
    if not one.went:
        return Query('select count(*) from "@plus"', (("@plus", plus),))
    text = 'select (select count(*) from "@plus"), (select count(*) from "@minus")'
    return Query(text, (("@plus", plus), ("@minus", minus)))


def _over(block: Block, bodies: Mapping[int, str]) -> str:
    """Return a block's outer text over its bodies."""
    text = block.outer
    if block.kind == "compound":
        for side, body in bodies.items():
            text = text.replace(f'"@body{side}"', f'({body}) as "@body{side}"')
        return text
    return text.replace(BODY, f'({bodies[0]}) as "@b0"')


def _nothing(like: Schema) -> str:
    items = ", ".join(f"{cast('null', c.type)} as {ident(c.name)}" for c in like)
    return f"select {items} where false"


def ident(name: str) -> str:
    """Return a quoted name."""
    return '"' + name.replace('"', '""') + '"'
