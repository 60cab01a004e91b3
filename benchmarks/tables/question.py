"""A hundred small SQL tables over 10,000 rows: the first run beside plain DuckDB, and a run with nothing to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, Target
from benchmarks.projects import RUN, ask, ask_file, write
from benchmarks.race import Contender, made, race

HERE = Path(__file__).parent
# A hundred tables of ten kinds; {n} tells them apart.
_KINDS = (
    """
select customer_id % {m} as part, count(*) as orders, sum(amount) as spend from {orders} group by part
;
select date_trunc('day', ordered_at) as day, count(*) as orders, max(amount) as most from {orders}
where status <> 'returned' and order_id % {m} = 0 group by day
;
select status, currency, avg(amount) as mean, min(amount + {m}) as least from {orders} group by status, currency
;
select customer_id, sum(amount) as spend, max(ordered_at) as last from {orders} group by customer_id
having count(*) > {m} % 3
;
select email, count(distinct currency) as currencies, sum(amount) + {m} as spend from {orders}
where email is not null group by email
;
select order_id, amount * {m} as amount, upper(status) as status from {orders} where order_id % {m} = 1
;
select date_trunc('month', ordered_at) as month, currency, sum(amount) filter (where gift) + {m} as gifts
from {orders} group by all
;
select currency, quantile_disc(amount, 0.5) as middle, {m} as mark from {orders} group by currency
;
select hour(ordered_at) as hour, count(*) as orders, sum(discount * {m}) as discount from {orders} group by hour
;
select a.status, count(*) as pairs, {m} as mark from {orders} a join {orders} b on b.order_id = a.order_id + {m}
group by a.status
""".strip()
    .replace("\n", " ")
    .split(" ; ")
)
_PROOF = "select count(*)::bigint, sum(spend)::bigint from part_{n}"


def figures(size: str, *, peers: bool) -> Iterator[Figure]:
    """Give each figure as it is done; there are no peers here yet."""
    del peers
    count, times = (100, 7) if size == "full" else (20, 1)
    rows = 10_000
    data = made(f"csv-{rows}", _make)
    first = race(_ours(data, count, again=False), _plain(data, count), times=times)
    yield first.figure(f"{count} tables, first run, CPU", "cpu", Target(times=1.5))
    yield first.figure(f"{count} tables, first run, memory", "memory", Target(above=150), unit="MB")
    again = race(_ours(data, count, again=True), _opened(data, count), times=times)
    yield again.figure(f"{count} tables, nothing to do, CPU", "cpu", Target(most=0.25))
    yield again.figure(f"{count} tables, nothing to do, wall", "wall", Target(most=0.5))


def _make(folder: Path) -> None:
    subprocess.run([sys.executable, HERE.parent / "ingest" / "data.py", "csv", folder, "10000"], check=True)


def queries(count: int, orders: str) -> dict[str, str]:
    """Return the selects by the names of their tables."""
    kinds = {f"part_{n}": _KINDS[n % len(_KINDS)] for n in range(count)}
    return {name: kind.format(m=2 + n // len(_KINDS), orders=orders) for n, (name, kind) in enumerate(kinds.items())}


def _proof(count: int) -> str:
    last = (count - 1) // len(_KINDS) * len(_KINDS)
    return f"{_PROOF.format(n=last)} union all {_PROOF.format(n=last + 3)}"


def _ours(data: Path, count: int, *, again: bool) -> Contender:
    def command(folder: Path) -> Sequence[str]:
        tables = {f"tables/{name}.sql": text for name, text in queries(count, "raw.orders").items()}
        write(folder, {"sources/orders.toml": f'[raw.orders]\nfrom = "files"\nread = "{data}/orders.csv"\n', **tables})
        if again:
            subprocess.run(RUN, cwd=folder, check=True, capture_output=True)
        return RUN

    return Contender("penstock", command, lambda folder: ask(folder, _proof(count)))


def _plain(data: Path, count: int) -> Contender:
    """The same statements in plain DuckDB, one after the other, in one transaction or not, whichever is cheaper."""

    def command(folder: Path) -> Sequence[str | Path]:
        texts = [f"create table {name} as {text};" for name, text in queries(count, "orders").items()]
        write(folder, {"all.sql": "\n".join([f"create table orders as from read_csv('{data}/orders.csv');", *texts])})
        return (sys.executable, HERE / "plain.py", "all.sql")

    return Contender("limit", command, lambda folder: ask_file(folder / "limit.duckdb", _proof(count)))


def _opened(data: Path, count: int) -> Contender:
    """What it takes to open that file with DuckDB and look at what it holds."""

    def command(folder: Path) -> Sequence[str | Path]:
        subprocess.run(_plain(data, count).command(folder), cwd=folder, check=True)
        write(folder, {"look.sql": "select count(*) from duckdb_tables();"})
        return (sys.executable, HERE / "plain.py", "look.sql")

    return Contender("limit", command, lambda folder: ask_file(folder / "limit.duckdb", _proof(count)))
