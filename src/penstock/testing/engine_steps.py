"""Checks of the steps by which tables follow changes: rows that come beside others, in their place, or for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from penstock.base.errors import FatalError, UnsupportedError
from penstock.model.relation import Query, Read, Within
from penstock.model.step import Compute, Extend, Replace, Swap, Take
from penstock.testing.checks import Broken, demand
from penstock.testing.engine_checks import ONE, THREE, TWICE, TWO, TWO_CHANGED, EngineChecks

if TYPE_CHECKING:
    from penstock.model.change import Change
    from penstock.protocols.engine import Engine, Step, Txn
    from penstock.testing.engine_checks import EngineCase

_BOTH = [(2, None, None), (3, None, None)]  # rows of which only the keys count
_FOUR, _NO_ID = (4, "four", 4.0), ", cast(null as bigint) as _rid"
_NEW = [(2, "new", None), (3, "new", -1.25)]


class StepChecks(EngineChecks):
    """Checks of `Extend` (an engine that declares `append`), `Replace` (`keys`), `Take` and `Swap` (`merge`)."""

    def test_rows_come_beside_those_that_are_there(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        if "append" not in engine.can.strategies:
            return
        self._make(engine, [ONE], key=("k",))
        with self._writing(engine) as txn:
            staged = self._received(txn, [TWO, THREE])
            change = self._changed(txn, Extend(engine.relations()["t"], staged.name, staged.rows))
            demand("extend", (change.added, change.removed) == (2, 0), f"two rows came; told is {change}")
            applied = txn.apply(change)
            demand("extend", applied.rows == 3, f"it has three rows, told are {applied.rows}")  # noqa: PLR2004
        self._shows(engine, "extend", [ONE, TWO, THREE])
        with self._looking(engine) as txn:
            staged = self._received(txn, [TWO_CHANGED])
            try:
                txn.run(Extend(engine.relations()["t"], staged.name, staged.rows))
            except FatalError:
                return
            raise Broken("extend", "a row comes whose key is there already")

    def test_rows_take_the_place_of_those_of_some_keys(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        if "keys" not in engine.can.strategies:
            return
        self._make(engine, [ONE, TWO, THREE])
        before = self._ids(engine)
        with self._writing(engine) as txn:
            keys = self._received(txn, _BOTH)
            staged = self._received(txn, [TWO_CHANGED, THREE])
            old = (Within(("k",), keys.name, ("k",)),)
            change = self._changed(txn, Replace(engine.relations()["t"], staged.name, old, ("k",), True))
            told = (change.added, change.removed)
            demand("replace", told == (1, 1), f"one of two rows is another; told are {told} that came and went")
            ids = self._told_ids(txn, change)
            txn.apply(change)
        self._has_ids(engine, ids)
        self._shows(engine, "replace", [ONE, TWO_CHANGED, THREE])
        demand("replace", self._ids(engine) == before, "a row that changed has not the id that it had")

    def test_rows_take_the_place_of_all(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        if "keys" not in engine.can.strategies:
            return
        self._make(engine, [ONE, TWICE, TWO])
        with self._writing(engine) as txn:
            staged = self._received(txn, [ONE, THREE])
            change = self._changed(txn, Replace(engine.relations()["t"], staged.name, None, ()))
            told = (change.added, change.removed)
            demand("replace", told == (1, 2), f"one row came, and two went; told are {told}")
            txn.apply(change)
        self._shows(engine, "replace", [ONE, THREE])

    def test_rows_are_taken_and_others_come_for_them(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        if "merge" not in engine.can.strategies:
            return
        self._make(engine, [ONE, TWO, THREE], key=("k",))
        before, relation = self._ids(engine), engine.relations()["t"]
        with self._writing(engine) as txn:
            keys = self._received(txn, _BOTH)
            went = self._staged(txn, Take(relation, (Within(("k",), keys.name, ("k",), once=True),)))
            demand("take", went.rows == 2, f"of three rows two have the keys, {went.rows} are taken")  # noqa: PLR2004
            came = self._staged(txn, Compute(Query(f"select k, 'new' as v, x, _rid from {went.name}")))
            change = self._changed(txn, Swap(relation, came.name, came.rows, went.name, went.rows, ("k",), True))
            told = (change.added, change.removed)
            demand("swap", told == (2, 2), f"two rows came for two; told are {told}")
            ids = self._told_ids(txn, change)
            txn.apply(change)
        self._has_ids(engine, ids)
        self._shows(engine, "swap", [ONE, *_NEW])
        demand("swap", self._ids(engine) == before, "a row that changed has not the id that it had")
        now = engine.relations()["t"]
        self._shows(engine, "swap", [ONE, TWO, THREE], "select k, v, x from r", (("r", Read(now, "at", high=1)),))

    def test_rows_are_told_with_the_ids_that_they_get(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        if "append" not in engine.can.strategies:
            return
        self._make(engine, [ONE])
        kinds: tuple[tuple[Any, Literal["", "some", "all"]], ...] = ((TWO, ""), (THREE, "all"), (_FOUR, "some"))
        for row, numbered in kinds:
            with self._writing(engine) as txn:
                text = f"select k, v, x{'' if numbered == 'all' else _NO_ID} from {self._received(txn, [row]).name}"
                staged = self._staged(txn, Compute(Query(text), numbered=numbered))
                change = self._changed(txn, Extend(engine.relations()["t"], staged.name, staged.rows))
                told = self._told_ids(txn, change)
                txn.apply(change)
            self._has_ids(engine, told)

    def _told_ids(self, txn: Txn, change: Change) -> dict[object, object]:
        """Return the ids by key that a change tells of the rows that come; none where it says that it tells none."""
        if not change.ids:
            return {}
        rows = txn.read(Query(f"select k, _rid from {change.plus}"))
        found = dict(rows.fetch())
        rows.close()
        return found

    def _has_ids(self, engine: Engine, told: dict[object, object]) -> None:
        right = None not in told.values() and told.items() <= self._ids(engine).items()
        demand("ids", right, f"rows have not the ids that were told: {told}")

    def _ids(self, engine: Engine) -> dict[object, object]:
        found = engine.read(Query("select k, _rid from r", (("r", Read(engine.relations()["t"], ids=True)),)))
        rows = found.fetch()
        found.close()
        return dict(rows)

    def _refuses_steps(self, engine: Engine) -> None:
        """Demand that steps of strategies that are not declared are refused."""
        relation = engine.relations()["t"]
        with self._looking(engine) as txn:
            staged = self._received(txn, [TWO])
            steps: dict[str, list[Step]] = {
                "append": [Extend(relation, staged.name, 1)],
                "keys": [Replace(relation, staged.name, None, ())],
                "merge": [Take(relation), Swap(relation, staged.name, 1, staged.name, 1)],
            }
            for strategy, refused in steps.items():
                for step in refused if strategy not in engine.can.strategies else ():
                    with self._refused("unsupported", f"the step {type(step).__name__}", UnsupportedError):
                        txn.run(step)
