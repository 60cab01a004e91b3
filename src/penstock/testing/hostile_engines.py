"""Broken engines: each breaks one promise, so that a suite that lets one pass is itself broken.

All of them are the tiny engine, but for the one thing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import FatalError, PlanError
from penstock.model.change import Change, Staged
from penstock.model.commit import Commit, Counts
from penstock.protocols.engine import EngineCan
from penstock.testing.tiny import TinyEngine, TinyTxn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.model.position import Position
    from penstock.model.relation import Query, Relation
    from penstock.model.schema import Schema
    from penstock.model.shape import Shape
    from penstock.model.step import Build, Compare, Found
    from penstock.protocols.engine import Step
    from penstock.protocols.source import Batch
    from penstock.testing.tiny_sql import TinyRows


class Hostile(TinyEngine):
    """A tiny engine whose transactions are of another kind."""

    txn: type[TinyTxn] = TinyTxn

    def begin(self) -> TinyTxn:
        if self.open is not None:
            raise FatalError("a transaction of this warehouse is open already")
        self.open = self.txn(self)
        return self.open


class LosesARow(Hostile):
    """Of the rows that come with a comparison it leaves out the last, where there are several."""

    class txn(TinyTxn):  # noqa: N801
        def compared(self, step: Compare) -> Change:
            found = super().compared(step)
            if found.added > 1 and found.plus:
                schema, rows = self.stages[found.plus]
                self.stages[found.plus] = schema, rows[:-1]
            return found


class ComparesAsSets(Hostile):
    """It takes rows that are equal for one."""

    class txn(TinyTxn):  # noqa: N801
        def compared(self, step: Compare) -> Change:
            schema, rows = self.stages[step.stage]
            self.stages[step.stage] = schema, list(dict.fromkeys(rows))
            return super().compared(step)


class ForgetsToBury(Hostile):
    """What a table loses is gone for good."""

    class txn(TinyTxn):  # noqa: N801
        def apply(self, change: Change) -> Relation:
            applied = super().apply(change)
            kept = tuple(k for k in self.now.rows[applied.physical] if not k.gone)
            self.now = replace(self.now, rows={**self.now.rows, applied.physical: kept})
            return applied


class BuriesTooLate(Hostile):
    """Lost rows bear the version after the one that lost them."""

    class txn(TinyTxn):  # noqa: N801
        def apply(self, change: Change) -> Relation:
            applied = super().apply(change)
            late = tuple(
                replace(k, gone=k.gone + 1) if k.gone == self.version else k for k in self.now.rows[applied.physical]
            )
            self.now = replace(self.now, rows={**self.now.rows, applied.physical: late})
            return applied


class TouchesEqualRows(Hostile):
    """It takes out all rows and puts in all rows."""

    class txn(TinyTxn):  # noqa: N801
        def compared(self, step: Compare) -> Change:
            found = super().compared(step)
            if not found.empty:
                return found
            _, rows = self.stages[step.stage]
            return self.change(step.relation, rows, {kept.rid for kept in self.now.live(step.relation)})


class CommitsHalf(Hostile):
    """It commits the rows and not the positions."""

    class txn(TinyTxn):  # noqa: N801
        def commit(self, commit: Commit) -> None:
            super().commit(replace(commit, positions={}))


class PositionsRunAhead(Hostile):
    """It tells of a position as soon as its table is there, committed or not."""

    def positions(self, source: str) -> Mapping[str, Position]:
        if self.open is not None and source in self.open.now.relations:
            return {"": 0}
        return super().positions(source)


class LiesAboutVersion(Hostile):
    """It tells of one version more than there is, from the second on."""

    @property
    def version(self) -> int:
        return self.kept.version + (self.kept.version == 3)  # noqa: PLR2004


class SkipsANumber(Hostile):
    """It takes whatever number a commit has."""

    class txn(TinyTxn):  # noqa: N801
        def commit(self, commit: Commit) -> None:
            super().commit(replace(commit, version=self.version))


class KeepsWhatIsRolledBack(Hostile):
    """After a roll-back the rows stay."""

    class txn(TinyTxn):  # noqa: N801
        def rollback(self) -> None:
            if len(self.now.relations) > len(self.engine.kept.relations) > 0:
                self.engine.kept = replace(self.now, version=self.engine.kept.version)
            super().rollback()


class ShowsTooEarly(Hostile):
    """Readers see what is not committed."""

    def read(self, query: Query, version: int | None = None) -> TinyRows:
        changed = self.open is not None and self.open.counts
        return self.open.read(query) if self.open and changed and not query.reads else super().read(query, version)


class TwoWriters(Hostile):
    """A second transaction begins while one is open."""

    def begin(self) -> TinyTxn:
        self.open = None
        return super().begin()


class TakesAnything(Hostile):
    """A statement that is no select is taken, and does nothing."""

    def read(self, query: Query, version: int | None = None) -> TinyRows:
        if not query.text.startswith("select") and " " in query.text:
            return super().read(replace(query, text="select 1 as one"), version)
        return super().read(query, version)


class ErrorsOfItsOwn(Hostile):
    """A mistake in a query is raised as whatever it was."""

    def read(self, query: Query, version: int | None = None) -> TinyRows:
        try:
            return super().read(query, version)
        except PlanError as error:
            if "syntax" in str(error):
                raise ValueError(str(error)) from error
            raise


class TakesDoubleKeys(Hostile):
    """A key that comes twice is taken."""

    class txn(TinyTxn):  # noqa: N801
        def _built(self, step: Build | Found, schema: Schema, rows: list[Any]) -> Change:
            found = super()._built(replace(step, key=()), schema, rows)
            return replace(found, relation=replace(found.relation, key=step.key))


class CountsWrongly(Hostile):
    """Commits tell of a row more than came."""

    class txn(TinyTxn):  # noqa: N801
        def commit(self, commit: Commit) -> None:
            self.counts = {name: Counts(c.added + 1, c.removed) for name, c in self.counts.items()}
            super().commit(commit)


class ForgetsWhatItSaw(Hostile):
    """It does not note which version of its inputs a table shows."""

    class txn(TinyTxn):  # noqa: N801
        def seen(self, relation: Relation, version: int, costs: tuple[float, ...] | None = None) -> None:
            pass


class DropsNothing(Hostile):
    """A change that is dropped is applied all the same."""

    class txn(TinyTxn):  # noqa: N801
        def drop(self, change: Change) -> None:
            self.apply(change)


class ForgetsOldTables(Hostile):
    """Of a table that was built anew it knows the new one only, at every version."""

    def relation_at(self, name: str, version: int) -> Relation | None:
        return self.kept.relations.get(name) if version else None


class TellsTheTableBefore(Hostile):
    """A change says how the table was, and not how it would be."""

    class txn(TinyTxn):  # noqa: N801
        def change(self, relation: Relation, coming: list[Any], going: set[int]) -> Change:
            return replace(super().change(relation, coming, going), after=f"select * from {relation.name}")


class DescribesByRunning(Hostile):
    """The types of a description are guessed."""

    def describe(self, query: Query, schemas: Mapping[str, Schema]) -> Schema:
        found = super().describe(query, schemas)
        return replace(found, columns=tuple(replace(c, type="varchar") for c in found))


class RoundsNumbers(Hostile):
    """Large whole numbers lose their last digits."""

    def read(self, query: Query, version: int | None = None) -> TinyRows:
        from penstock.testing.tiny_sql import TinyRows

        found = super().read(query, version)
        rows = [
            tuple(int(float(v)) - 1 if isinstance(v, int) and v > 2**53 else v for v in row) for row in found.fetch()
        ]
        return TinyRows(found.schema, rows)


class ForgetsDeliveries(Hostile):
    """It keeps the first version that was delivered to a sink."""

    def deliver(self, sink: str, version: int, since: int = 0) -> None:
        del since
        self.epochs.setdefault(sink, version)


class GivesAllRows(Hostile):
    """It gives more rows than it was asked for."""

    def read(self, query: Query, version: int | None = None) -> TinyRows:
        from penstock.testing.tiny_sql import TinyRows

        class Unlimited(TinyRows):
            def fetch(self, limit: int | None = None) -> list[Any]:
                return super().fetch(None if limit is None else limit + 1)

        found = super().read(query, version)
        return Unlimited(found.schema, found.fetch())


class DoesHalfOfWhatItShould(Hostile):
    """What it does not declare it does not refuse."""

    def prepare(self, batch: Batch, shape: Shape, partition: str) -> Any:
        return batch


class PretendsToUpsert(Hostile):
    """A step that it does not declare does nothing."""

    class txn(TinyTxn):  # noqa: N801
        def run(self, step: Step) -> Staged | Change:
            if type(step).__name__ == "Dedupe":
                return Staged(step.stage, self.stages[step.stage][0], 0)  # type: ignore[union-attr]
            return super().run(step)


class KnowsNothing(Hostile):
    """It does not even declare that it can compute a whole table."""

    @property
    def can(self) -> EngineCan:
        return replace(super().can, strategies=frozenset())


class BuildsWithoutTheLast(Hostile):
    """A query is built without its last row, where it has several."""

    class txn(TinyTxn):  # noqa: N801
        def _built(self, step: Build | Found, schema: Schema, rows: list[Any]) -> Change:
            return super()._built(step, schema, rows[:-1] if hasattr(step, "query") and len(rows) > 1 else rows)


ENGINES: Sequence[tuple[type[Hostile], str]] = (
    (LosesARow, "compare"),
    (ComparesAsSets, "compare"),
    (ForgetsToBury, "history"),
    (BuriesTooLate, "history"),
    (TouchesEqualRows, "untouched"),
    (CommitsHalf, "commit"),
    (PositionsRunAhead, "commit"),
    (LiesAboutVersion, "version"),
    (SkipsANumber, "numbers"),
    (KeepsWhatIsRolledBack, "rollback"),
    (ShowsTooEarly, "isolation"),
    (TwoWriters, "one writer"),
    (TakesAnything, "one select"),
    (ErrorsOfItsOwn, "errors"),
    (TakesDoubleKeys, "key"),
    (CountsWrongly, "commits"),
    (ForgetsWhatItSaw, "seen"),
    (DropsNothing, "drop"),
    (ForgetsOldTables, "relation at"),
    (TellsTheTableBefore, "after"),
    (DescribesByRunning, "describe"),
    (RoundsNumbers, "values"),
    (ForgetsDeliveries, "deliveries"),
    (GivesAllRows, "limit"),
    (DoesHalfOfWhatItShould, "unsupported"),
    (PretendsToUpsert, "unsupported"),
    (KnowsNothing, "declared"),
    (BuildsWithoutTheLast, "build"),
)
