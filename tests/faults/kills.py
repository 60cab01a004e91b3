"""A thousand random kills: `python -m tests.faults.kills --kills 1000 --seed 7`.

A process changes the data of a project and runs it, over and over, until `kill -9` ends it: at a random instant, or
at the nth passing of a fault point. The next one first compares everything that it finds: rows with positions, tables
with their SQL over the raw rows (by plain DuckDB), what is kept out of sight with what it should be, versions with
commits. Then it runs, compares again, sinks and the journal too, and goes on until it is killed, now and then with
another definition of a table. Ends with 1, and says the seed, where something did not agree.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb

from penstock.app import requests
from penstock.base import faults
from penstock.model.relation import Query, Read
from tests.property.engine.drive import forced

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.model.relation import Relation

Row: TypeAlias = tuple[Any, ...]

WORLD_KILLS = 20  # after so many a new project begins, so that first runs are killed too
POINTS = (
    "cascade.raw.absorbed", "cascade.table.computed", "cascade.commit.before", "engine.commit.before",
    "engine.commit.after", "cascade.commit.after", "run.intake.done", "run.cascade.done", "run.portion.committed",
)  # fmt: skip
_LATEST = 0.5  # seconds: two runs or three
_PATIENCE = 60.0
_TICKS = 3  # with one definition of a table that changes it
_AT_POINTS = 0.4  # of the kills, the part at fault points

SETTINGS = 'name = "kills"\n[connections]\nstore = "sqlite:data/store.db"\nmart = "sqlite:out/mart.db"\n'
SOURCES = """
[raw.events]
from = "files"
read = "data/events-*.csv"
columns = { n = "bigint", kind = "varchar", v = "bigint" }

[raw.people]
from = "store"
read = "people"
key = "id"
cursor = "updated"

[raw.stock]
from = "store"
read = "stock"
key = "id"
"""
GROWN = '''
"""A source that comes in two batches a run, the first of which is committed ahead."""
import json
from pathlib import Path

from arro3.core import Array, DataType, Table
from penstock import source
from penstock.dev import Rows


@source
def grown(after=None):
    until = json.loads((Path(__file__).parent.parent / "data" / "n.json").read_text())
    for n in range(after or 0, until):
        values = [Array([v], type=DataType.int64()) for v in (n, n % 3)]
        yield Rows(Table.from_arrays(values, names=["n", "g"]), position=n + 1, kind="append")
'''
TABLES = {
    "by_kind": "select kind, count(*) as n, sum(v)::bigint as v, max(n) as last from raw.events group by kind",
    "teams": "select team, count(*) as n, min(v) as low, count(distinct v) as vs from raw.people group by team",
    "joined": "select e.n, e.kind, p.team, p.v from raw.events e left join raw.people p on p.id = e.v",
    "kinds": "select distinct kind from raw.events",
    "newest": "select * from raw.events qualify row_number() over (partition by kind order by n desc, v desc) <= 2",
    "absent": "select id, team from raw.people where id not in (select id from raw.stock)",
    "united": "select id, v from raw.stock union all select id, v from raw.people",
    "bits": "select kind, bit_xor(v) as x, bit_or(n) as o, max(v) as most from raw.events group by kind",
    "above": "select b.kind, b.n, t.n as people from by_kind b left join teams t on t.team = b.kind",
    "total": "select count(*) as n, (select count(*) from raw.grown) as grown from above",
    "grown_by": "select g, count(*) as n, sum(n)::bigint as s from raw.grown group by g",
}
# A table whose definition changes: its number says which of them made its rows, and what reads it follows.
CHANGES = "select kind, {made} as made, count(*) as n from raw.events group by kind"
READS_IT = "select made, sum(n)::bigint as n from changing group by made"
SINKS = '[mart]\ntable = "by_kind"\nto = "mart"\nwrite = "by_kind"\nkey = "kind"\n'


# -- the data ------------------------------------------------------------------------------------------------------


@dataclass
class Data:
    """What the sources hold after so many ticks, as Python values."""

    events: list[Row] = field(default_factory=list)
    people: dict[int, Row] = field(default_factory=dict)
    stock: dict[int, Row] = field(default_factory=dict)
    of_tick: list[Row] = field(default_factory=list)


def data_at(seed: str, last: int) -> Data:
    """Return what the sources hold after a tick: each adds rows, changes some and takes some away."""
    data = Data()
    for n in range(1, last + 1):
        chance = random.Random(f"{seed}/{n}")
        data.of_tick = [(n, chance.choice("abc"), chance.randint(0, 12)) for _ in range(chance.randint(1, 12))]
        data.events += data.of_tick
        for _ in range(chance.randint(0, 6)):
            at = chance.randint(1, 12)
            data.people[at] = (at, chance.choice("abd"), chance.randint(0, 5), n)
            if chance.random() < 0.5:
                data.stock.pop(chance.randint(1, 12), None)
            else:
                data.stock[at] = (at, chance.randint(0, 5))
        data.people[0], data.stock[0] = (0, "z", 0, n), (0, n)  # so that every tick can be seen in every table
    return data


class World:
    """A project in a folder, with data that goes from tick to tick."""

    def __init__(self, root: Path, seed: str) -> None:
        self.root, self.seed = root, seed

    def make(self) -> None:
        """Write the project and its first data."""
        for folder in ("sources", "tables", "sinks", "data", "out"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "penstock.toml").write_text(SETTINGS)
        (self.root / "sources" / "all.toml").write_text(SOURCES)
        (self.root / "sources" / "grown.py").write_text(GROWN)
        (self.root / "sinks" / "all.toml").write_text(SINKS)
        for name, text in {**TABLES, "above_changing": READS_IT}.items():
            (self.root / "tables" / f"{name}.sql").write_text(text)
        self.redefine(1)
        with closing(self._store()) as store, store:
            store.execute("create table people (id integer primary key, team text, v integer, updated integer)")
            store.execute("create table stock (id integer primary key, v integer)")
        self.tick(1)

    def _store(self) -> sqlite3.Connection:
        return sqlite3.connect(self.root / "data" / "store.db")

    def redefine(self, made: int) -> None:
        """Give a table another definition."""
        part = self.root / "tables" / "changing.part"
        part.write_text(CHANGES.format(made=made))
        part.rename(part.with_suffix(".sql"))

    def last(self) -> int:
        """Return the newest tick that is whole."""
        with closing(self._store()) as store:
            return int(store.execute("select max(v) from stock where id = 0").fetchone()[0] or 0)

    def tick(self, n: int) -> None:
        """Go to a tick; what a killed process left of it is done again to the same."""
        data = data_at(self.seed, n)
        file = self.root / "data" / f"events-{n}.csv"
        if not file.exists():
            part = file.with_suffix(".part")
            with part.open("w", newline="") as out:
                csv.writer(out).writerows([("n", "kind", "v"), *data.of_tick])
            part.rename(file)
        count = self.root / "data" / "n.json.part"
        count.write_text(str(2 * n))
        count.rename(count.with_suffix(""))
        with closing(self._store()) as store, store:
            store.execute("delete from people")
            store.execute("delete from stock")
            store.executemany("insert into people values (?, ?, ?, ?)", data.people.values())
            store.executemany("insert into stock values (?, ?)", data.stock.values())

    def finish(self) -> None:
        """Do the rest of a tick that was cut off."""
        if (self.root / "data" / f"events-{self.last() + 1}.csv").exists():
            self.tick(self.last() + 1)


# -- comparing -----------------------------------------------------------------------------------------------------


def agree(what: str, have: Any, want: Any) -> None:
    """Raise unless the two are the same."""
    if have != want:
        raise AssertionError(f"{what}\n  have: {str(have)[:1500]}\n  want: {str(want)[:1500]}")


def rows(app: requests.App, relation: Relation, version: int) -> list[Row]:
    """Return the rows of a relation at a version, sorted."""
    found = app.engine.read(Query("select * from d", (("d", Read(relation, "at", 0, version)),)))
    try:
        return sorted(found.fetch(), key=repr)
    finally:
        found.close()


def compare(world: World, app: requests.App) -> None:
    """Compare positions, rows, tables, versions and commits with each other: true after any kill."""
    engine = app.engine
    relations = engine.relations()
    versions = [commit.version for commit in engine.commits()]
    agree("versions", versions, list(range(engine.version, 0, -1)))
    tick = (dict(engine.positions("raw.people")).get("") or {}).get("at") or 0
    data = data_at(world.seed, tick)
    files = {f"data/events-{n}.csv" for n in range(1, tick + 1)}
    agree("files that are in", set(engine.positions("raw.events")), files)
    count = (dict(engine.positions("raw.grown")).get("") or {}).get("position", 0)
    wanted = {
        "raw.events": data.events,
        "raw.people": list(data.people.values()),
        "raw.stock": list(data.stock.values()),
        "raw.grown": [(n, n % 3) for n in range(count)],
    }
    for name, want in wanted.items():
        have = rows(app, relations[name], engine.version) if name in relations else []
        agree(f"{name}, whose position is of tick {tick}", have, sorted(want, key=repr))
    with duckdb.connect() as con:
        for name, relation in relations.items():
            have = rows(app, relation, engine.version)
            agree(f"the count of {name}", relation.rows, len(have))
            if text := _text(name, have):
                agree(f"{name} as of {relation.seen}", have, computed(con, app, name, relation, text))
            _stored(app, relation)


def _text(name: str, rows: list[Row]) -> str:
    """Return the definition that made the rows of a table; nothing for what is none of ours."""
    if name == "changing":
        return CHANGES.format(made=rows[0][1] if rows else 0)
    return READS_IT if name == "above_changing" else TABLES.get(name, "")


def computed(con: duckdb.DuckDBPyConnection, app: requests.App, name: str, relation: Relation, text: str) -> list[Row]:
    """Return what a table's SQL gives over the rows that it has seen, by DuckDB alone."""
    con.execute("create schema if not exists raw")
    for parent in app.project.tables[name].parents:
        known = app.engine.relation_at(parent, relation.seen)
        assert known is not None, f"{name} has seen {parent} at {relation.seen}, where it is not"
        columns = ", ".join(f'"{c.name}" {c.type}' for c in known.schema)
        con.execute(f"create or replace table {parent} ({columns})")
        found = [f"({', '.join(map(_literal, row))})" for row in rows(app, known, relation.seen)]
        if found:
            con.execute(f"insert into {parent} values {', '.join(found)}")
    return sorted(con.execute(text).fetchall(), key=repr)


def _literal(value: Any) -> str:
    return "null" if value is None else f"'{value}'"


def _stored(app: requests.App, relation: Relation) -> None:
    """Row ids are unique, and nothing is of a version that is not committed."""
    text = f'select count(*), count(distinct _rid), coalesce(max(_seq), 0) from _penstock."{relation.physical}"'
    ((count, ids, newest),) = requests.sql(app, text).fetch()
    agree(f"row ids of {relation.name}", ids, count)
    assert newest <= app.engine.version, f"{relation.name} has rows of version {newest}"


def compare_settled(world: World, app: requests.App) -> None:
    """Compare what a run that was left alone has made with what there should be, sink and journal too."""
    compare(world, app)
    agree("the tick", app.engine.positions("raw.people")[""]["at"], world.last())  # type: ignore[index, call-overload]
    agree("the position of raw.grown", app.engine.positions("raw.grown")[""], {"position": 2 * world.last()})
    relations = app.engine.relations()
    agree("tables", sorted(n for n in relations if not n.startswith("@")), sorted(app.project.order))
    with closing(sqlite3.connect(world.root / "out" / "mart.db")) as mart:
        have = sorted(mart.execute("select kind, n, v, last from by_kind").fetchall(), key=repr)
    agree("the mart", have, rows(app, relations["by_kind"], app.engine.version))
    committed = {commit.run: commit.version for commit in reversed(app.engine.commits())}
    for past in requests.runs(app):
        assert past.state != "running", f"the run {past.id} is said to go on"
        agree(f"the version of the run {past.id}", past.version, committed.get(past.id))


# -- the process that is killed ------------------------------------------------------------------------------------


def live(world: World, ready: Callable[[], None]) -> None:
    """Compare, run, compare, say so, and go on until killed."""
    world.finish()
    with requests.open_project(world.root, **forced()) as app:
        compare(world, app)
        agree("what verify finds", [one for one in requests.verify(app) if one.state not in ("same", "skipped")], [])
        made = requests.run(app)
        assert made.state == "done", [step.error for step in made.failed]
        compare_settled(world, app)
    ready()
    while True:
        world.redefine(world.last() + 1)
        with requests.open_project(world.root, **forced()) as app:
            for _ in range(_TICKS):
                world.tick(world.last() + 1)
                made = requests.run(app)
                assert made.state == "done", [step.error for step in made.failed]


def begin(world: World, ready: Callable[[], None]) -> None:
    """The very first run, to be killed in its midst; where it comes to its end it waits for that."""
    ready()
    with requests.open_project(world.root, **forced()) as app:
        made = requests.run(app)
        assert made.state == "done", [step.error for step in made.failed]
        time.sleep(_PATIENCE)


def fork(world: World, work: Callable[[World, Callable[[], None]], None], point: str = "", nth: int = 1) -> Going:
    """Start a process that works; once it has said that it is ready, it is killed at the nth passing of a point."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return Going(pid, reader)

    def ready() -> None:
        faults._wanted, faults._nth, faults._passed = point, str(nth), 0
        os.write(writer, b"ready")

    try:  # this is the other process
        os.close(reader)
        work(world, ready)
    except BaseException:  # noqa: BLE001  # whatever it was, the parent tells it
        os.write(writer, traceback.format_exc()[-6000:].encode())
    finally:
        os._exit(1)


@dataclass(frozen=True)
class Going:
    """A process on its way, and the end of the pipe on which it says that it is ready, or why not."""

    pid: int
    reader: int

    def said(self, seconds: float = _PATIENCE) -> str:
        """Return what it says next, or nothing."""
        found, _, _ = select.select([self.reader], [], [], seconds)
        return os.read(self.reader, 10_000).decode() if found else ""

    def kill(self) -> int:
        """End it; returns the signal that ended it, which may have been another before."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.reader)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def strike(world: World, chance: random.Random, *, begins: bool) -> tuple[str, str]:
    """Let a process live and kill it; returns where, and what was wrong, or nothing."""
    point = chance.choice(POINTS) if chance.random() < _AT_POINTS else ""
    going = fork(world, begin if begins else live, point, chance.randint(1, 12))
    said = going.said()
    wrong = "" if said == "ready" else said or "it did not say that it was ready"
    if not wrong:  # what it says after that is what went wrong; at a fault point it says nothing and is gone
        wrong = going.said(chance.uniform(0, _LATEST) if not point else 3 * _LATEST)
    going.kill()
    return point or "any instant", wrong


# -- all of it -----------------------------------------------------------------------------------------------------


def campaign(seed: int, kills: int) -> int:
    """Kill so many times, in one project after the other; returns how many found something wrong."""
    if not kills:
        return 0
    killed: Counter[str] = Counter()
    wrong, started = 0, time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="penstock-kills-"))
    for at in range(kills):
        if at % WORLD_KILLS == 0:
            world = World(home / f"world-{at}", f"{seed}/{at}")
            world.make()
        where, found = strike(world, random.Random(f"{seed}/{at}/kill"), begins=at % WORLD_KILLS == 0)
        killed[where] += 1
        if found:
            break
        if at % 100 == 99:
            print(f"{at + 1:>7,} kills, {(at + 1) / (time.monotonic() - started):.1f} a second", flush=True)
    else:
        going = fork(world, live)  # what the last kill left is looked at too
        found = going.said().removeprefix("ready")
        going.kill()
    if found:
        wrong = 1
        print(f"after {sum(killed.values())} kills of seed {seed}, in {world.root}:\n{found}", flush=True)
    if not wrong:
        shutil.rmtree(home)
    told = ", ".join(f"{name} {count}" for name, count in sorted(killed.items()))
    print(f"{sum(killed.values()):,} kills, seed {seed}, {wrong} left something wrong; at {told}", flush=True)
    return wrong


def main() -> int:
    """Kill, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    return int(campaign(args.seed, args.kills) > 0)


if __name__ == "__main__":
    sys.exit(main())
