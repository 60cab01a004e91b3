"""A relation: what the warehouse holds of a table, and what of it a reader asks for."""

from __future__ import annotations

from penstock.base.record import record
from penstock.model.schema import Schema

NONE = Schema()


@record
class Relation:
    """A table as it stands in the warehouse.

    `physical` is the opaque name of its storage, `built` the version that made it, `changed` the last version
    that changed its rows, `lost` the last in which rows went, `seen` the version of its inputs that it shows.
    `hidden` are columns that keeping it fresh needs and nobody sees, `layout` the mark of the plan that asks for them,
    `parts` the hidden relations of that plan; `costs` is what was learned of its refreshes, `passed` the marks of
    the checks of severity `error` that all of its rows passed.
    """

    name: str
    schema: Schema
    fingerprint: str
    physical: str
    key: tuple[str, ...] = ()
    partitioned: bool = False
    built: int = 0
    changed: int = 0
    seen: int = 0
    rows: int = 0
    lost: int = 0
    hidden: Schema = NONE
    layout: str = ""
    parts: tuple[str, ...] = ()
    costs: tuple[float, ...] = ()
    passed: tuple[str, ...] = ()

    @property
    def whole(self) -> Schema:
        """All columns of its storage that are data: those that users see, then the hidden ones."""
        return Schema((*self.schema.columns, *self.hidden.columns)) if self.hidden.columns else self.schema


@record
class Span:
    """A relation and the versions in which a table's name showed it: from `since` on, before `until` (None: still)."""

    relation: Relation
    since: int
    until: int | None = None


@record
class Within:
    """Only rows whose `columns` are those of a row of a stage, there called `keys`; nulls are equal.

    `once` says that no two rows of the stage agree in these.
    """

    columns: tuple[str, ...]
    stage: str
    keys: tuple[str, ...]
    once: bool = False


@record
class Read:
    """How a query reads a relation: its live rows, a version, or the rows that came or went between two versions.

    `mode` is `live`, `at`, `plus` or `minus`; `low` and `high` are versions, the lower one excluded. Of the version
    that is being made, `kept` reads the live rows that are older than `low`. `ids` asks for the row ids,
    too; of several `within` one must hold. Two modes read all that a name showed one after another, the `spans`,
    the oldest first: `changes` has a row for each row that came or went between two versions, `history` each row with
    the times between which it was valid. Where `columns` names some, an engine may leave out the others of the table.
    """

    relation: Relation
    mode: str = "live"
    low: int = 0
    high: int = 0
    ids: bool = False
    within: tuple[Within, ...] = ()
    spans: tuple[Span, ...] = ()
    columns: tuple[str, ...] = ()


@record
class Query:
    """A computation in neutral form: its text, what each name in it reads, and where the text comes from.

    `file` and `line` say where the first line of `text` stands, so that an error can point at the user's own line.
    `shown` is the user's own text where `text` was made of it, each word in its place. `made` are names in it that
    stand for selects, as a metric does.
    """

    text: str
    reads: tuple[tuple[str, Read], ...] = ()
    schema: Schema | None = None
    file: str = ""
    line: int = 1
    shown: str = ""
    made: tuple[tuple[str, str], ...] = ()
