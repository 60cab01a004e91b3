"""What it costs to keep tables up to date: growth, losses, the choice of strategy, TPC-H, many batches, memory."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.refresh import batches, chain, grid, growth, losses, memory, tpch

SIZES = ("small", "full", "large")
PARTS = {
    "growth": growth, "losses": losses, "grid": grid, "tpch": tpch, "batches": batches, "chain": chain,
    "memory": memory,
}  # fmt: skip


def figures(size: str, *, peers: bool, part: str = "") -> Iterator[Figure]:
    """Give each figure as it is done; nobody else keeps such tables up to date, so there are no peers."""
    del peers
    for name, one in PARTS.items():
        if part in ("", name):
            yield from one.figures(size)
