"""The verb `demo`: makes the shop, serves its API, runs it; adds a day and proves the numbers when asked."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from penstock.base.clock import SystemClock
from penstock.cli.demo import generate, make, server, tell
from penstock.cli.demo.stages import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.app.requests import App
    from penstock.cli.demo.proof import Proof
    from penstock.model.run import Run

FOLDER = Path("shop")
_COMMAND = "penstock demo"


def run(
    directory: Path | None = None,
    tick: bool = False,
    check: bool = False,
    as_json: bool = False,
    out: TextIO | None = None,
    then: Callable[[App], None] | None = None,
) -> int:
    """Make the shop in a folder (`shop`, or a temporary one for `check`) and run it; returns the exit code.

    A shop that is there already is gone on with. `tick` adds a day of changes first; `check` runs, adds a day, runs
    again, compares everything with numbers computed apart from Penstock, and asks for every page. `then` is called at
    the end with the project still open. Raises
    `ConfigError` where the folder holds something else, and what keeps the project from running at all.
    """
    from penstock.app import requests

    out = out or sys.stdout
    if check:
        return _check(directory, as_json, out)
    folder = directory or FOLDER
    clock = SystemClock()
    watch = Stopwatch(clock)
    began = clock.monotonic()
    made = make.make(folder)
    number = generate.tick(folder / make.DATA) if tick else 0
    generated = clock.monotonic() - began
    with _opened(folder) as app:
        done, verdicts = requests.run_detail(app, _run(app, f"{_COMMAND} --tick" if tick else _COMMAND, watch).id)
        stages = {"generate": generated, **watch.stages(verdicts)}
        story = tell.Story(folder, made, number, done, verdicts, stages, clock.monotonic() - began)
        out.write(tell.as_json(story) if as_json else tell.as_text(story, tell.highlights(app)))
        out.flush()
        if then is not None:
            then(app)
    return 0 if done.state == "done" else 1


def keep(directory: Path | None, then: Callable[[App], None]) -> None:
    """Hand the shop in a folder to `then`, without a run; a shop that is not there is made."""
    folder = directory or FOLDER
    make.make(folder)
    with _opened(folder) as app:
        then(app)


def write_project(directory: Path) -> None:
    """Write the shop, with its data, into a free folder: what `penstock init --template shop` does."""
    make.write_project(directory)


@contextmanager
def _opened(folder: Path) -> Iterator[App]:
    """Open the project while its API is served, at the address that the environment tells it."""
    from penstock.app import requests

    with server.serving(folder / make.DATA) as address:
        before = os.environ.get(server.VARIABLE)
        os.environ[server.VARIABLE] = address
        try:
            with requests.open_project(folder) as app:
                yield app
        finally:
            if before is None:
                del os.environ[server.VARIABLE]
            else:
                os.environ[server.VARIABLE] = before


def _run(app: App, command: str, watch: Stopwatch | None = None) -> Run:
    from penstock.app import requests

    return requests.run(app, (), listener=watch, command=command)


def _check(directory: Path | None, as_json: bool, out: TextIO) -> int:
    """Prove the shop in a folder, or in one that is gone afterwards."""
    if directory is not None:
        proofs = _proved(directory)
    else:
        with tempfile.TemporaryDirectory(prefix="penstock-demo-") as folder:
            proofs = _proved(Path(folder) / FOLDER)
    out.write(tell.proofs_as_json(proofs) if as_json else tell.proofs_as_text(proofs))
    return 0 if all(proof.ok for proof in proofs) else 1


def _proved(folder: Path) -> list[Proof]:
    from penstock.cli.demo.proof import Proof, prove, prove_quiet
    from penstock.cli.demo.visit import visit

    command = f"{_COMMAND} --check"
    make.make(folder)
    with _opened(folder) as app:
        first = prove(app, "the first run", _run(app, command))
        number = generate.tick(folder / make.DATA)
        second = prove(app, f"a day later (day {number})", _run(app, command))
        again = Proof("once more", (prove_quiet(_run(app, command)),))
        pages = visit(app)
    return [first, second, again, pages]
