"""What it costs to show: metrics, profiles and filters over ten million rows; each page in a browser; many who look."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.show import browser, looking, metrics, pages, site, viewers, wheel

PARTS = {
    "metrics": metrics, "looking": looking, "pages": pages, "site": site, "browser": browser, "viewers": viewers,
    "wheel": wheel,
}  # fmt: skip


def figures(size: str, *, peers: bool, part: str = "") -> Iterator[Figure]:
    """Give each figure as it is done."""
    for name, one in PARTS.items():
        if part in ("", name):
            yield from site.figures(size, peers=peers) if one is site else one.figures(size)
