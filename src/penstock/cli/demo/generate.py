"""The shop's data, made from a seed and a tick's number alone: a store, an API's answers, logs and costs."""

from __future__ import annotations

import gc
import shutil
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from penstock.base.record import record
from penstock.cli.demo import costs, newday, setting, store, weblog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COUNTER = "create table api.generator (seed integer, tick integer, log_size integer, cost_size integer)"


@record
class Counter:
    """How far the generator is: the seed, the last tick, and the sizes in bytes of the files that grow."""

    seed: int
    tick: int
    log_size: int
    cost_size: int


def make(folder: Path, seed: int = setting.SEED) -> None:
    """Write the first ninety days into `folder`, which appears when complete; one that is there stays."""
    if folder.exists():
        return
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    with _uncollected():
        log_size = weblog.make(beside / "logs", seed)
        cost_size = costs.make(beside / "marketing", seed)
        with closing(_open(beside)) as con:
            con.execute("pragma synchronous = off")
            con.execute("pragma api.synchronous = off")
            con.executescript("begin;" + store.TABLES + _COUNTER)
            store.fill(con, seed)
            con.execute("insert into api.generator values (?, 0, ?, ?)", (seed, log_size, cost_size))
            con.commit()
    beside.rename(folder)


def tick(folder: Path) -> int:
    """Add a day of changes; returns the tick's number.

    The files come first, each written so that doing it again changes nothing; the databases follow in one
    transaction with the counter. A generator that was killed on the way does the same tick again.
    """
    with closing(_open(folder)) as con:
        counter = _counter(con)
        number = counter.tick + 1
        log_size = weblog.tick(folder / "logs", counter.seed, number, counter.log_size)
        cost_size = costs.tick(folder / "marketing", counter.seed, number, counter.cost_size)
        con.execute("begin immediate")
        newday.write(con, counter.seed, number)
        con.execute("update api.generator set tick = ?, log_size = ?, cost_size = ?", (number, log_size, cost_size))
        con.commit()
    return number


def is_there(folder: Path) -> bool:
    """Tell whether a folder holds data of this generator."""
    if not ((folder / "store.db").is_file() and (folder / "api.db").is_file()):
        return False
    with closing(_open(folder)) as con:
        return bool(con.execute("select 1 from api.sqlite_master where name = 'generator'").fetchone())


def ticked(folder: Path) -> int:
    """Return the number of the last tick; 0 when there was none."""
    with closing(_open(folder)) as con:
        return _counter(con).tick


def _counter(con: sqlite3.Connection) -> Counter:
    return Counter(*con.execute("select seed, tick, log_size, cost_size from api.generator").fetchone())


def _open(folder: Path) -> sqlite3.Connection:
    con = sqlite3.connect(folder / "store.db", isolation_level=None)
    con.execute("attach ? as api", (str(folder / "api.db"),))
    return con


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking a hundred thousand tuples again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
