"""Loading a CSV, nested JSON lines, a SQLite table and the pages of an API: CPU and memory beside the limit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figure, Target
from benchmarks.peers import python_of
from benchmarks.projects import RUN, ask, ask_file, write
from benchmarks.race import Contender, made, race

HERE = Path(__file__).parent
TWICE = Target(times=2)
NEAR = Target(above=150)
_PAGE = 1000


@dataclass(frozen=True)
class Load:
    """One form of input: what it is called, its rows, the project that loads it, and the question that proves it.

    `files` has `{data}` where the folder of the data, or the API's address, belongs; `asks` has `{}` before each
    table's name, with `{items}` and `{tags}` for the children.
    """

    form: str
    full: int
    small: int
    files: dict[str, str]
    asks: str


_PROOF = "select count(*)::bigint, sum(order_id::bigint)::bigint, round(sum(amount::double))::bigint from {orders}"
_NESTED_PROOF = (
    "select (select count(*) from {orders})::bigint, (select sum(quantity) from {items})::bigint, "
    "(select round(sum(price)) from {items})::bigint, (select count(*) from {tags})::bigint"
)
LOADS = (
    Load(
        "csv", 1_000_000, 20_000,
        {"sources/orders.toml": '[raw.orders]\nfrom = "files"\nread = "{data}/orders.csv"\n'},
        _PROOF,
    ),
    Load(
        "jsonl", 500_000, 10_000,
        {
            "sources/orders.toml": '[raw.orders]\nfrom = "files"\nread = "{data}/orders.jsonl"\n',
            "tables/items.sql": "select order_id, unnest(items, recursive := true) from raw.orders\n",
            "tables/tags.sql": "select order_id, unnest(tags) as tag from raw.orders\n",
        },
        _NESTED_PROOF,
    ),
    Load(
        "sqlite", 1_000_000, 20_000,
        {
            "penstock.toml": 'name = "bench"\n\n[connections]\nstore = "sqlite:{data}/orders.db"\n',
            "sources/orders.toml": '[raw.orders]\nfrom = "store"\nread = "orders"\n',
        },
        _PROOF,
    ),
    Load(
        "rest", 100 * _PAGE, 10 * _PAGE,
        {
            "penstock.toml": 'name = "bench"\n\n[connections]\napi = "{data}"\n',
            "sources/orders.toml": '[raw.orders]\nfrom = "api"\nread = "orders"\nrecords = "data"\n'
            'paginate = { by = "page", until = "pages" }\n',
        },
        _PROOF,
    ),
)  # fmt: skip


def figures(size: str, *, peers: bool) -> Iterator[Figure]:
    """Give the figures of each form as it is done."""
    for load in LOADS:
        rows = load.full if size == "full" else load.small
        data = made(f"{load.form}-{rows}", _maker(load.form, rows))
        with _served(data, load.form) as address:
            pairs = race(
                _ours(load, address), _limit(load, address, rows), times=5 if size == "full" else 1,
                peers=_dlt(load, address) if peers else (),
            )  # fmt: skip
        yield pairs.figure(f"{load.form} CPU", "cpu", TWICE)
        yield pairs.figure(f"{load.form} memory", "memory", NEAR, unit="MB")


def _maker(form: str, rows: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        subprocess.run([sys.executable, HERE / "data.py", form, folder, str(rows)], check=True)

    return make


def _ours(load: Load, data: str) -> Contender:
    def command(folder: Path) -> Sequence[str]:
        write(folder, {path: text.replace("{data}", data) for path, text in load.files.items()})
        return RUN

    asked = load.asks.format(orders="raw.orders", items="items", tags="tags")
    return Contender("penstock", command, lambda folder: ask(folder, asked))


def _limit(load: Load, data: str, rows: int) -> Contender:
    command = (sys.executable, HERE / "limit.py", load.form, data, "limit.duckdb", str(-(-rows // _PAGE)))
    asked = load.asks.format(orders="orders", items="items", tags="tags")
    return Contender("limit", lambda _: command, lambda folder: ask_file(folder / "limit.duckdb", asked))


def _dlt(load: Load, data: str) -> tuple[Contender, ...]:
    asked = load.asks.format(orders="bench.orders", items="bench.orders__items", tags="bench.orders__tags")
    python = python_of("dlt")

    def contender(how: str) -> Contender:
        command = (python, HERE / "peer_dlt.py", how, load.form, data)
        return Contender(
            f"dlt 1.31 {how}", lambda _: command, lambda folder: ask_file(folder / "load.duckdb", asked),
            {"RUNTIME__DLTHUB_TELEMETRY": "false"},
        )  # fmt: skip

    return contender("arrow"), contender("rows")


@contextmanager
def _served(data: Path, form: str) -> Iterator[str]:
    """Give what contenders read: the folder, or the address of the API that serves it."""
    if form != "rest":
        yield str(data)
        return
    command = [sys.executable, HERE / "serve.py", data / "pages"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()
