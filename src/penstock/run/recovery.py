"""After a crash: runs that nobody carries on are found, and recorded as interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace

from penstock.base.clock import Clock
from penstock.model.run import Run
from penstock.protocols.journal import Journal


def recover(
    journal: Journal,
    commits: Callable[[str], int | None],
    clock: Clock,
    alive: Callable[[int], bool],
    *,
    host: str | None = None,
    mine: Collection[str] | None = None,
) -> list[Run]:
    """Mark the runs whose process is gone or whose lease is over as `interrupted`, and return them so.

    `commits` gives the last version that a run committed, or None: the warehouse's commits are the truth.
    `alive` tells whether a process of this machine still runs; a run on another `host` than this one is
    judged by its lease alone. `mine` are the runs that this very process carries on: with it, another run
    with this process's id is known to be of an earlier process that had the same id, as is usual in
    containers. Steps in flight become `interrupted` with their runs.
    """
    here = os.uname().nodename if host is None else host

    def gone(run: Run) -> bool:
        if mine is not None and run.id in mine:
            return False
        if run.lease is not None and run.lease < clock.now():
            return True
        if run.host and run.host != here:
            return False
        return not alive(run.pid) or (mine is not None and run.pid == os.getpid())

    return [_interrupt(journal, run, commits(run.id)) for run in journal.unfinished() if gone(run)]


def _interrupt(journal: Journal, run: Run, version: int | None) -> Run:
    steps = tuple(replace(step, state="interrupted") if step.state == "running" else step for step in run.steps)
    for before, after in zip(run.steps, steps, strict=True):
        if before != after:
            journal.step(run.id, after)
    journal.end(run.id, "interrupted", version)
    return journal.find(run.id) or replace(run, state="interrupted", version=version, steps=steps)


def is_alive(pid: int) -> bool:
    """Tell whether a process of this machine runs, whoever owns it.

    >>> is_alive(os.getpid())
    True
    """
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
