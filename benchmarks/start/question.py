"""What it costs to begin: the version, a project of ten rows, 500 table files read for the first time and again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.figures import Figure, Target
from benchmarks.measure import Cost
from benchmarks.projects import RUN, ask, ask_file, write
from benchmarks.race import Contender, Pairs, made, race

HERE = Path(__file__).parent
PYTHON = sys.executable
_TEN = "day,amount\n" + "".join(f"2026-01-{1 + n % 3:02},{n}.5\n" for n in range(10))
_SQL = "select day, count(*) as orders, sum(amount) as amount from {orders} group by day"
_TOTALS = "select sum(orders)::bigint, sum(amount)::bigint from daily"
_OPENED = """
import sys, time
began = time.process_time()
from penstock.app import requests
imported = time.process_time()
with requests.open_project(".") as app:
    assert len(app.project.tables) == int(sys.argv[1])
print(time.process_time() - imported)
"""


def figures(size: str, *, peers: bool) -> Iterator[Figure]:
    """Give each figure as it is done; there are no peers here."""
    del peers
    times = 11 if size == "full" else 3
    yield race(_version(), _python(), times=times).figure("penstock --version", "wall", Target(most=100), unit="ms")
    pairs = race(_ten_rows(), _bare_ten_rows(), times=times)
    yield pairs.figure("10-row project, CPU", "cpu", Target(most=0.6))
    files = 500 if size == "full" else 50
    for how, target in (("cold", Target(most=1.0)), ("cached", Target(most=0.1))):
        pairs = race(_load(files, how), _bare_load(files, how), times=times)
        yield pairs.figure(f"{files} table files {how}, whole process, CPU", "cpu", target)
        yield _inside(pairs).figure(f"{files} table files {how}, loading alone, CPU", "cpu", target)


def _version() -> Contender:
    return Contender("penstock", lambda _: (Path(PYTHON).with_name("penstock"), "--version"))


def _python() -> Contender:
    return Contender("python", lambda _: (PYTHON, "-c", "pass"))


def _ten_rows() -> Contender:
    def command(folder: Path) -> Sequence[str]:
        write(
            folder,
            {
                "sources/orders.toml": '[raw.orders]\nfrom = "files"\nread = "orders.csv"\n',
                "tables/daily.sql": _SQL.format(orders="raw.orders"),
                "orders.csv": _TEN,
            },
        )
        return RUN

    return Contender("penstock", command, lambda folder: ask(folder, _TOTALS))


def _bare_ten_rows() -> Contender:
    """What any Python program with DuckDB and sqlglot pays for the same rows."""

    def command(folder: Path) -> Sequence[str]:
        write(folder, {"orders.csv": _TEN})
        code = (
            f"import duckdb, sqlglot; sqlglot.parse_one({_SQL.format(orders='orders')!r}, dialect='duckdb'); "
            "db = duckdb.connect('limit.duckdb'); db.execute(\"create table orders as from read_csv('orders.csv')\"); "
            f"db.execute({'create table daily as ' + _SQL.format(orders='orders')!r}); db.close()"
        )
        return (PYTHON, "-c", code)

    return Contender("limit", command, lambda folder: ask_file(folder / "limit.duckdb", _TOTALS))


def _project(files: int) -> Path:
    """Return a project of so many tables that nobody opened yet, in chains of ten."""

    def make(folder: Path) -> None:
        source = '[raw.orders]\nfrom = "files"\nread = "orders.csv"\n'
        write(folder, {"sources/orders.toml": source})
        for number in range(files):
            above = f"part_{number % 50}.table_{number - 50}" if number >= 50 else "raw.orders"
            header = f'/* ---\nkey = "customer_id"\nchecks = ["customer_id is not null", "spend >= {number}"]\n--- */\n'
            text = (
                f"{header}with recent as (\n  select * from {above} where spend > {number}\n)\n"
                "select\n  customer_id,\n  count(*) as orders,\n  sum(spend) as spend,\n"
                "  max(ordered_at) as ordered_at\n"
                "from recent\nwhere status <> 'cancelled'\ngroup by customer_id\n"
            )
            write(folder, {f"tables/part_{number % 50}/table_{number}.sql": text})

    return made(f"tables-{files}", make)


def _load(files: int, how: str) -> Contender:
    def command(folder: Path) -> Sequence[str]:
        shutil.copytree(_project(files), folder, dirs_exist_ok=True)
        words = (PYTHON, "-c", _OPENED, str(files))
        if how == "cached":
            subprocess.run(words, cwd=folder, check=True, capture_output=True)
        return words

    return Contender("penstock", command)


def _bare_load(files: int, how: str) -> Contender:
    """Cold: every file read and parsed once, cached: every file read and its digest taken; nothing more."""

    def command(folder: Path) -> Sequence[str | Path]:
        shutil.copytree(_project(files), folder, dirs_exist_ok=True)
        return (PYTHON, HERE / "bare_load.py", how)

    return Contender("limit", command)


def _inside(pairs: Pairs) -> Pairs:
    """Return the costs that the programs measured within themselves, after their imports, and printed."""

    def printed(costs: Sequence[Cost]) -> list[Cost]:
        return [Cost(cost.wall, float(cost.output), cost.memory) for cost in costs]

    return replace(pairs, ours=printed(pairs.ours), limit=printed(pairs.limit))
