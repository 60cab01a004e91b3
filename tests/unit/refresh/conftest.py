"""A warehouse in memory, and small ways to put tables into it."""

from datetime import UTC, datetime

import pytest

from penstock.engines.duck import open_engine
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.step import Build, Compare, Compute

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Warehouse:
    """An engine, with a table made or changed in one call; each call is a version."""

    def __init__(self):
        self.engine = open_engine(":memory:")

    def build(self, name, sql, key=(), fingerprint="1:a"):
        """Make a table, or build it anew."""
        txn = self.engine.begin()
        txn.apply(txn.run(Build(name, Query(sql), fingerprint, key)))
        return self.commit(txn, name)

    def change(self, name, sql):
        """Bring a table to what a query gives, by its differences."""
        txn = self.engine.begin()
        txn.apply(self.compared(txn, name, sql))
        return self.commit(txn, name)

    def compared(self, txn, name, sql):
        relation = self.engine.relations()[name]
        staged = txn.run(Compute(Query(sql)))
        return txn.run(Compare(relation, staged.name, relation.key))

    def commit(self, txn, name=None):
        txn.commit(Commit(txn.version, NOON, "test"))
        return self.engine.relations().get(name)

    def rows(self, text):
        found = self.engine.read(Query(text))
        rows = found.fetch()
        found.close()
        return rows


@pytest.fixture
def warehouse():
    made = Warehouse()
    yield made
    made.engine.close()


@pytest.fixture(scope="module")
def shared_warehouse():
    """A warehouse for tests that only look."""
    made = Warehouse()
    yield made
    made.engine.close()
