"""A static site of twenty pages of the demo, built by the command line, its start-up included."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Target
from benchmarks.measure import spend
from benchmarks.show import peer_evidence
from penstock.app.pages import sites
from penstock.cli.demo import main

PAGES = {"small": 4, "full": 20}
RUNS = {"small": 1, "full": 5}
# Where the web app was not built, files stand in for it: they are only copied.
_BUILD = (
    "import pathlib; from penstock.app.pages import sites; sites.ASSETS = pathlib.Path({assets!r}); "
    "from penstock.cli import main; main(['dashboard', 'build', {site!r}, '--project', {shop!r}, '--quiet'])"
)


def figures(size: str, *, peers: bool) -> Iterator[Figure]:
    """Give the seconds that a build takes, and beside a peer what its pages then take in a browser."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with (root / "said.txt").open("w") as said:
            assert main.run(root / "shop", out=said) == 0
        assets = sites.ASSETS
        if not (assets / "site.js").is_file():
            assets = root / "assets"
            assets.mkdir()
            (assets / "site.js").write_text("//")
            (assets / "site.css").write_text("")
        made = sorted((root / "shop" / "dashboards").rglob("*.md"))
        for at in range(len(made), PAGES[size]):
            shutil.copy(made[at % len(made)], root / "shop" / "dashboards" / f"copy{at}.md")
        peer = peer_evidence.Project.of(root / "shop", PAGES[size]) if peers else None
        took, theirs = [], []
        for at in range(RUNS[size]):
            code = _BUILD.format(assets=str(assets), site=str(root / f"site{at}"), shop=str(root / "shop"))
            took.append(spend([sys.executable, "-c", code], root))
            if peer and at < peer_evidence.TIMES:
                theirs.append(peer.build())
        name = f"site of {PAGES[size]} pages"
        needs, note = peer_evidence.told(took, theirs)
        walls = [cost.wall for cost in took]
        yield Figure(name, "s", median(walls), None, Target(most=3.0), min(walls), max(walls), needs, note)
        if needs and peer and assets == sites.ASSETS:
            yield from peer_evidence.figures(root / "site0", root / "shop", peer)
