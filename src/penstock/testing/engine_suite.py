"""The suite that an engine must pass, wherever it keeps its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import FatalError, PenstockError, PlanError, UnsupportedError
from penstock.model.commit import Commit, Counts
from penstock.model.relation import Query, Read
from penstock.model.schema import Column, Schema
from penstock.model.shape import Shape
from penstock.model.step import Build, Compute, Dedupe, Found, Receive, Remove, Upsert
from penstock.protocols.engine import Target
from penstock.protocols.source import Batch, Json, Text
from penstock.testing.checks import Broken, demand, only_our_errors
from penstock.testing.engine_checks import AT, ONE, SCHEMA, THREE, TWICE, TWO, TWO_CHANGED, EngineCase
from penstock.testing.engine_steps import StepChecks

if TYPE_CHECKING:
    from penstock.model.position import Position
    from penstock.protocols.engine import Engine


class EngineSuite(StepChecks):
    """Checks of an engine; a subclass gives the fixture `engine_case`."""

    # Versions --------------------------------------------------------------------------------------------

    def test_a_new_warehouse_has_no_version(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        demand("version", engine.version == 0, f"a new warehouse is at version {engine.version}, not 0")
        demand("version", not engine.relations(), "a new warehouse has tables")

    def test_a_commit_is_the_next_version(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        for number in (1, 2, 3):
            with self._writing(engine) as txn:
                demand("numbers", txn.version == number, f"transaction {number} has version {txn.version}")
                self._built(txn, "t", [ONE])
            demand("version", engine.version == number, f"after version {number} the engine tells {engine.version}")

    def test_a_commit_with_another_number_is_refused(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        with self._looking(engine) as txn:
            self._built(txn, "t", [ONE])
            try:
                txn.commit(Commit(txn.version + 1, AT, "run"))
            except PlanError:
                pass
            else:
                raise Broken("numbers", "a commit is taken whose number is not the transaction's")

    def test_a_second_transaction_is_refused(self, engine_case: EngineCase) -> None:
        with self._looking(engine_case.engine):
            try:
                engine_case.engine.begin()
            except FatalError:
                return
            raise Broken("one writer", "a second transaction begins while one is open")

    def test_commits_tell_what_they_did(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWO], run="first")
        self._replace(engine, [ONE, THREE], run="second")
        told = engine.commits()
        demand("commits", [c.run for c in told] == ["second", "first"], f"the commits are of {[c.run for c in told]}")
        demand("commits", told[0].at == AT, f"a commit at {AT} is told to be at {told[0].at}")
        want = {"t": Counts(1, 1)}
        demand("commits", told[0].tables == want, f"one row came and one went; told is {told[0].tables}")
        demand("commits", [c.run for c in engine.commits(1)] == ["second"], "the newest commit is not given alone")
        demand("commits", [c.run for c in engine.commits(run="first")] == ["first"], "those of a run are not found")

    # Tables ----------------------------------------------------------------------------------------------

    def test_a_table_is_built_of_a_query(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWO, TWICE])
        with self._writing(engine) as txn:
            change = self._changed(txn, Build("u", Query("select k, x from t where k = 1"), "1:u"))
            demand("build", change.built and change.added == 2, f"two rows are built; told is {change}")  # noqa: PLR2004
            txn.apply(change)
        self._shows(engine, "build", [(1, 0.5), (1, 0.5)], "select k, x from u")
        relation = engine.relations()["u"]
        demand("build", relation.fingerprint == "1:u", f"its fingerprint is {relation.fingerprint}")
        demand("build", relation.rows == 2, f"it has two rows, told are {relation.rows}")  # noqa: PLR2004
        demand("build", relation.schema.types == {"k": "bigint", "x": "double"}, f"its columns: {relation.schema}")
        demand("build", (relation.built, relation.changed, relation.seen) == (2, 2, 2), f"versions: {relation}")

    def test_a_table_is_built_anew_beside_the_old_one(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWO])
        old = engine.relations()["t"]
        with self._writing(engine) as txn:
            txn.apply(self._changed(txn, Build("t", Query("select v from t where k = 2"), "1:new")))
        self._shows(engine, "build", [("it's two",)], "select v from t")
        before, after = engine.relation_at("t", 1), engine.relation_at("t", 2)
        demand("relation at", before is not None and before.physical == old.physical, f"at version 1: {before}")
        demand("relation at", after is not None and after.fingerprint == "1:new", f"at version 2: {after}")
        demand("relation at", engine.relation_at("t", 0) is None, "a table is there before it was built")

    def test_a_change_has_only_real_differences(self, engine_case: EngineCase) -> None:
        for key in ((), ("k",)):
            self._compares(engine_case.engine, f"t{len(key)}", key)

    def test_rows_are_compared_as_often_as_they_are_there(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWICE, TWO])
        change = self._replace(engine, [ONE, TWO, TWO])
        demand("compare", (change.added, change.removed) == (1, 1), f"one row more and one less; told is {change}")
        self._shows(engine, "compare", [ONE, TWO, TWO])

    def test_equal_rows_are_left_untouched(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWO, THREE])
        change = self._replace(engine, [THREE, TWO, ONE])
        demand("untouched", change.empty, f"the same rows in another order are a change: {change}")
        relation = engine.relations()["t"]
        demand("untouched", relation.changed == 1, f"nothing changed, and it is told to at version {relation.changed}")

    def test_a_change_tells_how_the_table_would_be(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWO])
        with self._looking(engine) as txn:
            change = self._difference(engine, txn, "t", [ONE, THREE])
            rows = txn.read(Query(change.after))
            self._same("after", rows.fetch(), [ONE, THREE])
            rows.close()
            if change.plus:
                came = txn.read(Query(f"select k, v, x from {change.plus}"))
                self._same("after", came.fetch(), [THREE])
                came.close()

    def test_a_change_that_is_dropped_leaves_the_table(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE])
        with self._writing(engine) as txn:
            txn.drop(self._difference(engine, txn, "t", [TWO]))
            txn.drop(self._changed(txn, Build("u", Query("select k from t"), "1:u")))
            self._built(txn, "w", [THREE])
        self._shows(engine, "drop", [ONE])
        demand("drop", sorted(engine.relations()) == ["t", "w"], f"there are {sorted(engine.relations())}")

    def test_a_key_is_unique_and_never_null(self, engine_case: EngineCase) -> None:
        for rows, what in (([ONE, TWICE], "comes twice"), ([(None, "x", None)], "is null")):
            with self._looking(engine_case.engine) as txn:
                staged = self._received(txn, rows)
                try:
                    txn.run(Found("t", staged.name, staged.schema, "1:t", ("k",)))
                except PenstockError:
                    continue
                raise Broken("key", f"a key that {what} is taken")

    def test_what_a_table_has_seen_is_noted(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE])
        with self._writing(engine) as txn:
            txn.seen(engine.relations()["t"], txn.version)
        relation = engine.relations()["t"]
        demand("seen", relation.seen == 2, f"it has seen version 2, told is {relation.seen}")  # noqa: PLR2004
        demand("seen", relation.changed == 1, f"having seen is no change, told is version {relation.changed}")

    def test_values_come_back_as_they_were(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        rows = [(2**62, "ü \n'\"", 1e300), (-1, "", -0.1), (None, None, None)]
        self._make(engine, rows)
        self._shows(engine, "values", rows)
        found = engine.read(Query("select k, v, x from t"))
        demand("values", found.schema.types == SCHEMA.types, f"the columns are {found.schema.types}")
        with self._writing(engine) as txn:
            staged = self._staged(txn, Receive(found))
            txn.apply(self._changed(txn, Found("copy", staged.name, staged.schema, "1:copy")))
        found.close()
        self._shows(engine, "values", rows, "select k, v, x from copy")

    # History ---------------------------------------------------------------------------------------------

    def test_every_version_can_be_read(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWO])
        self._replace(engine, [ONE, TWO_CHANGED])
        self._replace(engine, [THREE])
        relation = engine.relations()["t"]
        for version, rows in ((1, [ONE, TWO]), (2, [ONE, TWO_CHANGED]), (3, [THREE])):
            self._shows(engine, "history", rows, reads=(("t", Read(relation, "at", 0, version)),))
        self._shows(engine, "history", [TWO_CHANGED], reads=(("t", Read(relation, "plus", 1, 2)),))
        self._shows(engine, "history", [TWO], reads=(("t", Read(relation, "minus", 1, 2)),))
        self._shows(engine, "history", [ONE, TWO], reads=(("t", Read(relation, "minus", 1, 3)),))
        self._shows(engine, "history", [THREE], reads=(("t", Read(relation, "plus", 1, 3)),))

    # All or nothing --------------------------------------------------------------------------------------

    def test_rows_and_positions_are_committed_together(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        at: Position = {"page": 3, "of": ["a", None]}
        with self._writing(engine, positions={("raw.t", ""): at, ("raw.t", "p"): 7}) as txn:
            self._built(txn, "raw.t", [ONE])
            demand("commit", not engine.positions("raw.t"), "a position is there before the commit")
        self._shows(engine, "commit", [ONE], "select k, v, x from raw.t")
        have = dict(engine.positions("raw.t"))
        demand("commit", have == {"": at, "p": 7}, f"two positions were committed, there are {have}")

    def test_what_is_rolled_back_leaves_nothing(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE, TWO])
        before = (engine.version, dict(engine.relations()), list(engine.commits()))
        txn = engine.begin()
        self._built(txn, "u", [THREE])
        txn.apply(self._difference(engine, txn, "t", [THREE]))
        txn.rollback()
        after = (engine.version, dict(engine.relations()), list(engine.commits()))
        demand("rollback", after == before, f"before: {before}, after: {after}")
        self._shows(engine, "rollback", [ONE, TWO])
        self._replace(engine, [ONE])
        self._shows(engine, "rollback", [ONE])

    def test_readers_see_a_version_when_it_is_committed(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE])
        with self._writing(engine) as txn:
            txn.apply(self._difference(engine, txn, "t", [TWO]))
            self._shows(engine, "isolation", [ONE])
            inside = txn.read(Query("select k, v, x from t"))
            self._same("isolation", inside.fetch(), [TWO])
            inside.close()
        self._shows(engine, "isolation", [TWO])

    def test_a_transaction_after_an_error_can_be_rolled_back(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE])
        txn = engine.begin()
        with self._refused("errors", "a query of a table that is not there", PenstockError):
            txn.run(Compute(Query("select * from nothing")))
        txn.rollback()
        self._replace(engine, [TWO])
        self._shows(engine, "errors", [TWO])

    def test_it_is_all_there_when_opened_again(self, engine_case: EngineCase) -> None:
        if engine_case.again is None:
            return
        engine = engine_case.engine
        self._make(engine, [ONE, TWO], positions={("t", ""): 5})
        self._replace(engine, [TWO])
        engine.deliver("out", 2)
        before = self._all(engine)
        engine.close()
        engine = engine_case.again()
        try:
            demand("again", self._all(engine) == before, f"before: {before}, again: {self._all(engine)}")
            self._shows(engine, "again", [TWO])
            self._replace(engine, [THREE])
            demand("again", engine.version == 3, f"the third version is told as {engine.version}")  # noqa: PLR2004
        finally:
            engine.close()

    # Reading ---------------------------------------------------------------------------------------------

    def test_only_one_select_is_read(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        self._make(engine, [ONE])
        for text in ("delete from t", "select 1; select 2", "drop table t", "begin"):
            with self._refused("one select", f"'{text}'", PlanError):
                engine.read(Query(text)).fetch()
        self._shows(engine, "one select", [ONE])

    def test_a_mistake_in_a_query_is_one_of_ours(self, engine_case: EngineCase) -> None:
        for text in ("select nothing from nowhere", "select select"):
            with self._refused("errors", f"'{text}'", PenstockError):
                engine_case.engine.read(Query(text)).fetch()

    def test_a_query_is_described_without_its_rows(self, engine_case: EngineCase) -> None:
        with only_our_errors("describe"):
            found = engine_case.engine.describe(Query("select v, k from t where x > 1"), {"t": SCHEMA})
        want = Schema((Column("v", "varchar"), Column("k", "bigint")))
        demand("describe", found == want, f"expected {want}, got {found}")
        demand("describe", not engine_case.engine.relations(), "describing makes tables")
        with self._refused("describe", "a column that is not there", PenstockError):
            engine_case.engine.describe(Query("select nothing from t"), {"t": SCHEMA})

    def test_no_more_rows_than_asked_for(self, engine_case: EngineCase) -> None:
        self._make(engine_case.engine, [ONE, TWO, THREE])
        found = engine_case.engine.read(Query("select k from t order by k"))
        demand("limit", found.fetch(2) == [(1,), (2,)], "the first two rows of three are not given")
        found.close()

    def test_deliveries_are_noted(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        demand("deliveries", engine.delivered("out") is None, "a sink never delivered to has a version")
        for version in (3, 5):
            engine.deliver("out", version)
            found = engine.delivered("out")
            demand("deliveries", found == version, f"version {version} was noted, told is {found}")

    # What is declared ------------------------------------------------------------------------------------

    def test_a_whole_table_can_be_computed(self, engine_case: EngineCase) -> None:
        can = engine_case.engine.can
        demand("declared", "full" in can.strategies, f"every engine knows `full`, this one {sorted(can.strategies)}")

    def test_what_it_does_not_declare_it_refuses(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        can = engine.can
        self._make(engine, [ONE])
        if "json" not in can.scans:
            batch = Batch(Text([b'{"k": 1}\n'], Json(lines=True)), 1)
            with self._refused("unsupported", "a batch in a format that it does not declare", UnsupportedError):
                engine.prepare(batch, Shape("raw.t"), "")
        if not can.writes:
            with self._refused("unsupported", "writing a file", UnsupportedError):
                engine.exporter()
        if "append" not in can.strategies:
            self._refuses_intake(engine)
        self._refuses_steps(engine)

    def _refuses_intake(self, engine: Engine) -> None:
        relation = engine.relations()["t"]
        batch = Batch(Text([b'{"k": 1}\n'], Json(lines=True)), 1)
        with self._looking(engine) as txn:
            staged = self._received(txn, [TWO])
            name, key = staged.name, ("k",)
            for step in (Dedupe(name, key), Upsert(relation, name, key), Remove(relation, name, key)):
                with self._refused("unsupported", f"the step {type(step).__name__}", UnsupportedError):
                    txn.run(step)
            with self._refused("unsupported", "loading a batch", UnsupportedError):
                txn.load(batch, Shape("raw.t"), "", Target("raw.t", None, "1:t"))

    def test_rows_replace_those_of_their_key_and_go_by_it(self, engine_case: EngineCase) -> None:
        engine = engine_case.engine
        if "append" not in engine.can.strategies:
            return
        self._make(engine, [ONE, TWO], key=("k",))
        relation = engine.relations()["t"]
        with self._writing(engine) as txn:
            staged = self._received(txn, [(3, "early", None), THREE, TWO_CHANGED, ONE])
            last = self._staged(txn, Dedupe(staged.name, ("k",)))
            change = self._changed(txn, Upsert(relation, last.name, ("k",)))
            demand("upsert", (change.added, change.removed) == (2, 1), f"told is {change}")
            txn.apply(change)
        self._shows(engine, "upsert", [ONE, TWO_CHANGED, THREE])
        with self._writing(engine) as txn:
            staged = self._received(txn, [ONE, (9, None, None)])
            change = self._changed(txn, Remove(engine.relations()["t"], staged.name, ("k",)))
            demand("remove", (change.added, change.removed) == (0, 1), f"told is {change}")
            txn.apply(change)
        self._shows(engine, "remove", [TWO_CHANGED, THREE])
