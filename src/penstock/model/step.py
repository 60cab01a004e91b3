"""Steps: what a transaction of an engine can be asked to do, as values."""

from __future__ import annotations

from typing import Any, Literal

from penstock.base.record import record
from penstock.model.relation import Query, Relation, Within
from penstock.model.schema import Schema


@record
class Build:
    """Compute a query into new storage beside the present one; gives a Change with `built`.

    The columns in `hidden`, the last ones of the query, are kept and not shown.
    """

    name: str
    query: Query
    fingerprint: str
    key: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    layout: str = ""
    parts: tuple[str, ...] = ()


@record
class Compute:
    """Compute a query into a stage; gives a Staged, without its columns where nobody asks for them.

    Rows that are to come to a table may be `numbered`: an engine may put the id that each will have into the column
    `_rid`. Of `some` the query gives that column, not null where a row has its id; of `all` it does not.
    """

    query: Query
    described: bool = True
    numbered: Literal["", "some", "all"] = ""


@record
class Receive:
    """Take rows (anything with `__arrow_c_stream__`) into a stage; gives a Staged."""

    rows: Any
    schema: Schema | None = None


@record
class Dedupe:
    """Of the staged rows of one key only the last by `order`, then by arrival, stays; gives a Staged."""

    stage: str
    key: tuple[str, ...]
    order: str = ""


@record
class Conform:
    """Give staged rows the columns and types of a relation, null where a column is missing; gives a Staged."""

    relation: Relation
    stage: str


@record
class Found:
    """New storage beside the present one, filled from a stage; gives a Change with `built`."""

    name: str
    stage: str
    schema: Schema
    fingerprint: str
    key: tuple[str, ...] = ()
    partitioned: bool = False
    partition: str = ""


@record
class Upsert:
    """Rows replace those of the same key, which is unique in the stage; gives a Change."""

    relation: Relation
    stage: str
    key: tuple[str, ...]
    partition: str = ""


@record
class Remove:
    """Rows whose key is staged are lost; gives a Change."""

    relation: Relation
    stage: str
    key: tuple[str, ...]


@record
class Compare:
    """The stage is all that the relation (or a partition of it) should hold; gives a Change with only real differences.

    Rows are compared by `key`, or as whole rows (a multiset) where there is none.
    """

    relation: Relation
    stage: str
    key: tuple[str, ...] = ()
    partition: str | None = None


@record
class Replace:
    """The stage holds what the rows of a relation within `old` should be; gives a Change with only real differences.

    `old` may be the name of the stage that `Take` made of these rows.

    The stage has the relation's columns, the hidden ones too. A row that differs from one that goes only outside of the
    columns `by` keeps its id; `unique` says that no two rows agree in these, `loose` that sums of floats may differ by
    the order in which they were added. With `old` of None all rows are replaced. Raises `FatalError` where the
    relation's key would not be unique, or null.
    """

    relation: Relation
    stage: str
    old: tuple[Within, ...] | str | None
    by: tuple[str, ...]
    unique: bool = False
    loose: bool = False


@record
class Extend:
    """The `rows` rows of a stage come to those of a relation; gives a Change.

    Raises `FatalError` where the relation's key would not be unique, or null.
    """

    relation: Relation
    stage: str
    rows: int


@record
class Take:
    """Stage the rows of a relation that are within stages (all, where there are none), with their ids; gives a
    Staged.
    """

    relation: Relation
    within: tuple[Within, ...] = ()


@record
class Swap:
    """The rows that `Take` staged go, and those of a stage come, with a column `_rid` for the id they keep; gives a
    Change.

    `unique` says that no two rows agree in the columns `by`. Raises `FatalError` where the relation's key would not be
    unique, or null.
    """

    relation: Relation
    came: str
    added: int
    went: str
    removed: int
    by: tuple[str, ...] = ()
    unique: bool = False
