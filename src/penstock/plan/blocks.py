"""Blocks: a query cut into pieces, each of which can say what a change of its inputs changes in it."""

from __future__ import annotations

from penstock.base.record import record

BODY = '"@body"'


@record
class Finder:
    """Which rows of an arm a change of one of its dependent inputs can touch.

    `text` selects the ids that are touched, as columns `@h1` and so on, those at the positions `ids`; the input
    that changed is read in it under its name with a `~`.
    """

    text: str
    ids: tuple[int, ...]


@record
class Lookup:
    """Which rows of a dependent input the rows of an arm can meet: those whose `columns` are given values.

    `text` selects these values of the rows of the linear inputs, as columns `@v1` and so on, then the ids as `@h1` ….
    """

    text: str
    columns: tuple[str, ...]


@record
class Leaf:
    """An input of an arm, under the name `@number` in its text.

    What comes out is linear in a `linear` one: each of its rows gives its own rows, whose ids it is part of. Of
    another, a row can change what comes of rows of the linear ones: `finder` says of which, None that of all. `lookup`
    says which of its rows are needed for some of theirs, None that all may be. `used` are the columns that the arm
    uses of it beside its ids; none are named where that is not known.
    """

    number: int
    table: str
    linear: bool
    finder: Finder | None = None
    lookup: Lookup | None = None
    used: tuple[str, ...] = ()


@record
class Pair:
    """Columns of two linear leaves of an arm that are equal in each of its rows, so that none is null."""

    leaf: int
    column: str
    other: int
    others: str


@record
class Arm:
    """One select of a block: its text, columns named as in `columns`, then the ids of its linear leaves as `@h1` ….

    `sources` says of columns that stand for a leaf's own column which one: (column, leaf's number, its column).
    `side` tells the two operands of `intersect` and `except` apart. `pairs` are its linear leaves' columns that meet.
    """

    text: str
    columns: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    sources: tuple[tuple[str, int, str], ...] = ()
    side: int = 0
    pairs: tuple[Pair, ...] = ()

    @property
    def linear(self) -> tuple[Leaf, ...]:
        """The leaves whose ids its rows carry, in order."""
        return tuple(leaf for leaf in self.leaves if leaf.linear)

    @property
    def dependent(self) -> tuple[Leaf, ...]:
        """The other leaves."""
        return tuple(leaf for leaf in self.leaves if not leaf.linear)


@record
class State:
    """What an engine does with states of an aggregate: puts two, `{kept}` and `{came}`, together, and makes a value.

    `shown` is the value of the state `{}`.
    """

    joined: str
    shown: str


@record
class Part:
    """A part of a group that can be added to and taken from: its kind, what goes in, and the column that holds it.

    `kind` is `count`, `sum`, `least` or `greatest`; `of` is an expression over the body's columns, and `where` the
    condition of a `filter`. A part of the kind `state` can be added to, and not taken from: it is what an engine keeps
    of an aggregate, `of` takes it of rows, and `state` says what is done with it.
    """

    kind: str
    of: str
    column: str
    where: str = ""
    state: State | None = None

    @property
    def function(self) -> str:
        """The aggregate whose state it is."""
        return self.of.partition("(")[0].lower()


@record
class Merge:
    """How a group block takes a change in without reading the rest of the group.

    The first part counts the rows. `finish` selects the block's columns from the parts, over `@parts`, with the keys as
    `@k1` ….
    """

    parts: tuple[Part, ...]
    finish: str

    @property
    def number(self) -> str:
        """The column that counts a group's rows."""
        return self.parts[0].column

    @property
    def states(self) -> tuple[Part, ...]:
        """The parts that can only be added to."""
        return tuple(part for part in self.parts if part.state is not None)


@record
class Block:
    """A piece of a query whose rows are kept.

    `kind` is `rows`, `group`, `distinct`, `window`, `compound` (intersect, except), `limit` or `whole`. `outer`
    computes the block over `@body`, the rows of its arms (`@body0` and `@body1` for the sides of a compound); a rows
    block has none. `keys` are expressions over the body's columns: what comes out under one key depends on the body's
    rows of that key alone, and stands in the columns `held`. `words` say why something of it is computed in full, or of
    groups, again; `loose` what of it the query leaves open; `tied` that its order may leave rows equal, so that all of
    their columns decide; `single` that no two rows of a rows block carry the same ids; `mark` is equal for blocks that
    compute the same of the same tables.
    """

    name: str
    kind: str
    arms: tuple[Arm, ...]
    columns: tuple[str, ...]
    outer: str = ""
    keys: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    merge: Merge | None = None
    words: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    tied: bool = False
    mark: str = ""
    single: bool = False

    @property
    def hidden(self) -> tuple[str, ...]:
        """The columns of its storage that nobody sees."""
        if self.kind == "rows":
            most = max(len(arm.linear) for arm in self.arms)
            return (*(["@arm"] if len(self.arms) > 1 else []), *(f"@h{at}" for at in range(1, most + 1)))
        kept = [held for held in self.held if held not in self.columns]
        if self.merge:
            kept += [part.column for part in self.merge.parts if part.column not in self.columns]
        return tuple(kept)

    @property
    def tables(self) -> tuple[str, ...]:
        """The relations that it reads, each once."""
        return tuple(dict.fromkeys(leaf.table for arm in self.arms for leaf in arm.leaves))


@record
class Plan:
    """A table's blocks, each after those that it reads; the last is the table itself.

    Without blocks the table is computed in full, for the reasons in `words`. `divided` is another plan for the same,
    where there is one: in it aggregates of different values are made of groups by these values, and more states are
    kept, which pays where groups are large.
    """

    blocks: tuple[Block, ...] = ()
    words: tuple[str, ...] = ()
    divided: Plan | None = None

    def fitting(self, layout: str) -> Plan:
        """Return the one of the plans for whose layout a table was built; this one where neither is."""
        other = self.divided
        return other if other is not None and other.blocks and other.blocks[-1].mark == layout else self
