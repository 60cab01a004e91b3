"""What the checks of engines are made of: a table of three columns, and how it is written and looked at."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from penstock.base.errors import PenstockError
from penstock.model.change import Change, Staged
from penstock.model.commit import Commit
from penstock.model.relation import Query
from penstock.model.schema import Schema
from penstock.model.step import Compare, Conform, Found, Receive
from penstock.testing.checks import Broken, demand, difference, only_our_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from penstock.model.position import Position
    from penstock.model.relation import Read, Relation
    from penstock.protocols.engine import Engine, Txn

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SCHEMA = Schema.of([("k", "bigint"), ("v", "varchar"), ("x", "double")])
ONE, TWO, THREE, TWICE = (1, "one", 0.5), (2, "it's two", None), (3, None, -1.25), (1, "one", 0.5)
TWO_CHANGED = (2, "deux", None)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class EngineCase:
    """An engine over an empty warehouse; `again` opens the same warehouse once more, where it outlives its closing."""

    engine: Engine
    again: Callable[[], Engine] | None = None


class EngineChecks:
    """The moves that checks share."""

    @contextmanager
    def _writing(
        self, engine: Engine, run: str = "run", positions: dict[tuple[str, str], Position] | None = None
    ) -> Iterator[Txn]:
        """A transaction that is committed at the end."""
        txn = engine.begin()
        with only_our_errors():
            try:
                yield txn
                txn.commit(Commit(txn.version, AT, run, positions=positions or {}))
            except BaseException:
                txn.rollback()
                raise

    @contextmanager
    def _looking(self, engine: Engine) -> Iterator[Txn]:
        """A transaction that is rolled back at the end."""
        txn = engine.begin()
        with only_our_errors():
            try:
                yield txn
            finally:
                txn.rollback()

    @contextmanager
    def _refused(self, check: str, what: str, kind: type[PenstockError]) -> Iterator[None]:
        try:
            with only_our_errors(check):
                yield
        except kind:
            return
        except PenstockError as error:
            raise Broken(check, f"{what} raises {type(error).__name__}, not {kind.__name__}") from error
        raise Broken(check, f"{what} is not refused")

    def _staged(self, txn: Txn, step: Any) -> Staged:
        found = txn.run(step)
        if not isinstance(found, Staged):
            raise Broken("steps", f"{type(step).__name__} gives {type(found).__name__}, not Staged")
        return found

    def _changed(self, txn: Txn, step: Any) -> Change:
        found = txn.run(step)
        if not isinstance(found, Change):
            raise Broken("steps", f"{type(step).__name__} gives {type(found).__name__}, not Change")
        return found

    def _received(self, txn: Txn, rows: Sequence[Row]) -> Staged:
        """Stage rows as a Python table's come in."""
        staged = self._staged(txn, Receive(_arrow(rows), SCHEMA))
        demand("steps", staged.rows == len(rows), f"of {len(rows)} rows {staged.rows} are staged")
        return staged

    def _built(self, txn: Txn, name: str, rows: Sequence[Row], key: tuple[str, ...] = ()) -> Relation:
        staged = self._received(txn, rows)
        return txn.apply(self._changed(txn, Found(name, staged.name, staged.schema, f"1:{name}", key)))

    def _difference(
        self, engine: Engine, txn: Txn, name: str, rows: Sequence[Row], key: tuple[str, ...] = ()
    ) -> Change:
        """Compute the change that makes a table hold these rows."""
        relation = engine.relations()[name]
        staged = self._staged(txn, Conform(relation, self._received(txn, rows).name))
        return self._changed(txn, Compare(relation, staged.name, key))

    def _make(
        self,
        engine: Engine,
        rows: Sequence[Row],
        *,
        run: str = "run",
        key: tuple[str, ...] = (),
        positions: dict[tuple[str, str], Position] | None = None,
    ) -> None:
        """Make the table `t`."""
        with self._writing(engine, run, positions) as txn:
            self._built(txn, "t", rows, key)

    def _replace(self, engine: Engine, rows: Sequence[Row], *, run: str = "run") -> Change:
        """Let the table `t` hold other rows."""
        with self._writing(engine, run) as txn:
            change = self._difference(engine, txn, "t", rows)
            txn.apply(change)
        return change

    def _compares(self, engine: Engine, name: str, key: tuple[str, ...]) -> None:
        with self._writing(engine) as txn:
            self._built(txn, name, [ONE, TWO], key)
        with self._writing(engine) as txn:
            change = self._difference(engine, txn, name, [ONE, TWO_CHANGED, THREE], key)
            demand("compare", (change.added, change.removed) == (2, 1), f"two came, one went; told is {change}")
            applied = txn.apply(change)
            demand("compare", applied.rows == 3, f"it has three rows, told are {applied.rows}")  # noqa: PLR2004
        self._shows(engine, "compare", [ONE, TWO_CHANGED, THREE], f"select k, v, x from {name}")

    def _shows(
        self,
        engine: Engine,
        check: str,
        want: Sequence[Row],
        text: str = "select k, v, x from t",
        reads: tuple[tuple[str, Read], ...] = (),
    ) -> None:
        with only_our_errors(check):
            found = engine.read(Query(text, reads))
            have = found.fetch()
            found.close()
        self._same(check, have, want)

    def _same(self, check: str, have: Sequence[Row], want: Sequence[Row]) -> None:
        one, two = sorted(map(repr, have)), sorted(map(repr, want))
        demand(check, one == two, difference(one, two))

    def _all(self, engine: Engine) -> dict[str, Any]:
        return {
            "version": engine.version,
            "relations": dict(engine.relations()),
            "commits": list(engine.commits()),
            "positions": dict(engine.positions("t")),
            "delivered": engine.delivered("out"),
        }


def _arrow(rows: Sequence[Row]) -> Any:
    """Return rows of `SCHEMA` as an Arrow table."""
    from arro3.core import Array, DataType, Table

    kinds = [DataType.int64(), DataType.utf8(), DataType.float64()]
    arrays = [Array([row[at] for row in rows], type=kind) for at, kind in enumerate(kinds)]
    return Table.from_arrays(arrays, names=list(SCHEMA.names))
