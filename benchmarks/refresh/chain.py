"""A change of a thousand rows through a hundred tables, beside the least SQL for exactly these in plain DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean

from benchmarks.fed import Fed, Refreshed
from benchmarks.figures import Figure, Target
from benchmarks.race import scratch
from benchmarks.refresh.bare import Bare, Link
from benchmarks.refresh.setting import KEYS, Orders, Plain, agree, figure

_DEEP = 10


def figures(size: str) -> Iterator[Figure]:
    """Give what a table costs, in the mean, where rows only come, and where others go."""
    rows, wide, times = (20_000, 2, 2) if size == "small" else (200_000, 10, 7)
    links = chains(wide)
    orders = Orders(rows, rows // 50)
    tables = {link.name: link.query for link in links}
    with scratch() as folder, Fed(folder / "ours", KEYS, tables) as fed, Plain(folder, orders.file()) as plain:
        fed.load({"raw.orders": orders.file()})
        bare = Bare(plain.con, links)
        for what, make, most in (("growth", orders.new, 3), ("losses", orders.changed, 6)):
            ours, limit, done = [], [], []
            for _ in range(times + 1):
                feed = make(1_000)
                done.append(fed.refresh(feed))
                ours.append(done[-1].seconds / len(links))
                limit.append(bare.bring(feed) / len(links))
            target = Target(most=most) if size != "small" else Target()
            name = f"{len(links)} tables, 1,000 rows, {what}: a table"
            yield figure(name, ours[1:], limit[1:], target, _told(done[1:], links))
        for link in links:
            agree(fed, link.name, link.query)
            query = link.query.replace("raw.orders", "orders")
            same = bare.con.execute(
                f"select count(*) from ((from {link.name} except all ({query})) union all "
                f"(({query}) except all from {link.name}))"
            ).fetchone()
            assert same == (0,), f"the bare SQL of {link.name} is wrong"


def _told(done: Sequence[Refreshed], links: Sequence[Link]) -> str:
    """Say where the time goes, in the mean of a table of each kind, and what was chosen; the limit is the bare SQL."""
    kinds = {"a table of rows": lambda link: not link.by, "a table of sums": lambda link: bool(link.by)}
    said = []
    for kind, belongs in kinds.items():
        names = [link.name for link in links if belongs(link)]
        chosen = sorted({one.strategy(name) for one in done for name in names})
        took = mean(one.took(name) for one in done for name in names)
        said.append(f"{kind} {1000 * took:.1f} ms ({', '.join(chosen)})")
    rest = mean(one.seconds - sum(one.took(link.name) for link in links) for one in done)
    return ", ".join([*said, f"the rows taken in, the commit and the rest {1000 * rest:.1f} ms in all"])


def chains(wide: int) -> list[Link]:
    """Return so many chains of ten tables: eight of rows, then sums by customer, then of those by the last digit."""
    found = []
    for chain in range(wide):
        above = "raw.orders"
        for at in range(_DEEP):
            name = f"chain_{chain}_{at}"
            if at < _DEEP - 2:
                amount = f"amount + {chain + at}" if at % 2 else "amount * 2"
                columns = f"order_id, customer_id, product_id, ({amount})::decimal(12, 2) as amount"
                link = Link(name, above, columns, f"product_id % {20 + chain} <> {at}")
            elif at == _DEEP - 2:
                link = Link(name, above, by="customer", key="customer_id")
            else:
                link = Link(name, above, by="digit", key="customer % 10", counts="sum(n)")
            found.append(link)
            above = name
    return found
