"""Thousands of batches one after the other: whether a refresh grows slower, and the file larger than it has to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import duckdb
import pyarrow as pa
import pyarrow.parquet

from benchmarks.fed import Fed
from benchmarks.figures import Figure, Target
from benchmarks.race import MEGABYTE, scratch
from benchmarks.refresh.setting import KEYS, RAW, Orders, agree, figure

_NAME = "by_customer"
_QUERY = "select customer_id, count(*) as orders, sum(amount) as spend from raw.orders group by customer_id"
# Where a refresh takes longer than this, in seconds, a tenth of the batches says the same.
_LONG = 0.2


def figures(size: str) -> Iterator[Figure]:
    """Give the latency of the last hundred beside the first hundred, and the size of the file beside a fresh one."""
    rows, customers, batches, some = (100_000, 2_000, 60, 20) if size == "small" else (10_000_000, 200_000, 3_000, 100)
    orders = Orders(rows, customers)
    with scratch() as folder:
        with Fed(folder / "ours", KEYS, {_NAME: _QUERY}) as fed:
            fed.load({RAW: orders.file()})
            times: list[float] = []
            came = []
            while len(times) < batches:
                feed = orders.new(1_000)
                came.append(feed.rows)
                times.append(fed.refresh(feed).seconds)
                if len(times) == some and median(times) > _LONG:
                    batches = max(batches // 10, 2 * some)
            agree(fed, _NAME, _QUERY)
            note = _vacuumed(fed)
        name = f"refresh of 1,000 rows, the last {some} of {batches:,}, beside the first {some}"
        yield figure(name, [median(times[-some:])], [median(times[:some])], Target(times=1.3))
        pyarrow.parquet.write_table(pa.concat_tables(came), folder / "came.parquet")
        fresh = _fresh(folder, orders.file())
        ours = _size(folder / "ours")
        name = f"the file after {batches:,} batches, beside a fresh one"
        yield Figure(name, "MB", ours, fresh, Target(times=2), ours, ours, note=note)


def _vacuumed(fed: Fed) -> str:
    """Vacuum, where there is such a thing; returns what to say of it."""
    vacuum = getattr(fed.project, "vacuum", None)
    if vacuum is None:
        return "there is no vacuum yet: the file has every row that was ever replaced"
    vacuum()
    return "after vacuum"


def _fresh(folder: Path, file: Path) -> float:
    """Return the size of a warehouse into which the same rows are loaded at once."""
    both = folder / "both.parquet"
    with duckdb.connect() as con:
        con.execute(f"copy (from read_parquet(['{file}', '{folder}/came.parquet'])) to '{both}'")
    with Fed(folder / "fresh", KEYS, {_NAME: _QUERY}) as fed:
        fed.load({RAW: both})
    return _size(folder / "fresh")


def _size(folder: Path) -> float:
    """Return what a closed warehouse takes on disk."""
    files = (folder / ".penstock").glob("warehouse.duckdb*")
    return sum(path.stat().st_size for path in files if path.is_file()) / MEGABYTE
