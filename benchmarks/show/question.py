"""What it costs to show, over ten million rows: metrics, profile, a filter changed, a long line; drawing; a site."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.show import looking, metrics, pages, site

PARTS = {"metrics": metrics, "looking": looking, "pages": pages, "site": site}


def figures(size: str, *, peers: bool, part: str = "") -> Iterator[Figure]:
    """Give each figure as it is done."""
    del peers
    for name, one in PARTS.items():
        if part in ("", name):
            yield from one.figures(size)
