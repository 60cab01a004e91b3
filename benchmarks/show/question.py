"""What it costs to show: metrics on ten million rows."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.show import metrics


def figures(size: str, *, peers: bool) -> Iterator[Figure]:
    """Give each figure as it is done."""
    del peers
    yield from metrics.figures(size)
