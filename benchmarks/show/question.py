"""What it costs to show, over ten million rows: metrics, a filter changed, a long line; and a site of twenty pages."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.show import metrics, pages, site

PARTS = {"metrics": metrics, "pages": pages, "site": site}


def figures(size: str, *, peers: bool, part: str = "") -> Iterator[Figure]:
    """Give each figure as it is done."""
    del peers
    for name, one in PARTS.items():
        if part in ("", name):
            yield from one.figures(size)
