"""What the demo says: the finding, trouble, what each stage took, what was touched, what to try next."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.base.text import plural, seconds
from penstock.cli import exact
from penstock.cli.demo.proof import ask
from penstock.cli.grid import grid, room
from penstock.cli.style import Paint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.app.requests import App
    from penstock.cli.demo.proof import Proof
    from penstock.model.check import Verdict
    from penstock.model.run import Run

_VERSION = 1


@record
class Story:
    """A demo that ran: where, whether it was just made, the day that was added (or 0), and how it went."""

    folder: Path
    made: bool
    tick: int
    run: Run
    verdicts: list[Verdict]
    stages: dict[str, float]
    took: float


def as_text(story: Story, highlights: list[str]) -> str:
    """Return the story for people."""
    from penstock.app.finding import finding
    from penstock.cli import story as runs

    paint = Paint.of(sys.stdout)
    lines = [paint(finding(story.run, story.verdicts), "bold"), paint(_since(story), "dim")]
    lines += runs.run_trouble(story.run, story.verdicts, paint)
    lines += ["", *_stages(story, paint)]
    if story.tick:
        lines += ["", *_touched(story, paint)]
    if highlights:
        lines += ["", "what the tables say", *(f"  {line}" for line in highlights)]
    lines += ["", "try next", *_next(story)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _since(story: Story) -> str:
    where = "this folder" if _is_here(story.folder) else story.folder
    what = "made" if story.made else "gone on with"
    said = f"day {story.tick} was added to the shop in {where}" if story.tick else f"the shop in {where} was {what}"
    return f"{said}, {seconds(story.took)} in all"


def _is_here(folder: Path) -> bool:
    return folder.resolve() == Path.cwd()


def _stages(story: Story, paint: Paint) -> Iterator[str]:
    steps = {stage: [s for s in story.run.steps if s.stage == stage] for stage in ("intake", "table", "deliver")}
    came, made = (sum(step.added for step in steps[stage]) for stage in ("intake", "table"))
    said = {
        "generate": f"{'a day of changes' if story.tick else 'a store, an API, logs, marketing costs'}",
        "intake": f"{plural(came, 'row')} from {plural(len(steps['intake']), 'source')}",
        "tables": f"{plural(len(steps['table']), 'table')}, {plural(made, 'row')}",
        "checks": plural(len(story.verdicts), "check"),
        "sinks": plural(len(steps["deliver"]), "delivery", "deliveries"),
    }
    body = [[name, seconds(took), said[name]] for name, took in story.stages.items()]
    yield from grid([["stage", "time", "what"]], body, [False, True, False], width=room(), indent="  ", paint=paint)


def _touched(story: Story, paint: Paint) -> Iterator[str]:
    """List what the day changed: rows that came and went, per table; what was not touched is counted."""
    steps = [step for step in story.run.steps if step.stage in ("intake", "table")]
    busy = [step for step in steps if step.added or step.removed]
    body = [[step.table, f"{step.added:,}", f"{step.removed:,}"] for step in busy]
    yield from grid([["touched", "+", "−"]], body, [False, True, True], width=room(), indent="  ", paint=paint)
    quiet = len({step.table for step in steps}) - len({step.table for step in busy})
    if quiet:
        yield paint(f"  {plural(quiet, 'table')} not touched", "dim")


def _next(story: Story) -> Iterator[str]:
    if not _is_here(story.folder):
        yield f"  cd {story.folder}"
    for command, does in (
        ('penstock sql "select * from sales.daily order by day desc limit 7"', "the last week"),
        ("penstock show customers.segments", "who buys, who slips away"),
        ("penstock lineage marketing.roi", "where a number comes from"),
        ('penstock sql "select * from penstock.rejected"', "the rows that could not be loaded"),
        ("penstock test", "the tables' unit tests"),
        ("penstock demo . --tick", "a day later: see what is touched"),
    ):
        yield f"  {command:<68} {does}"


def highlights(app: App) -> list[str]:
    """Return a few sentences that the shop's tables say; none where a table is not there."""
    from penstock.base.errors import PenstockError

    try:
        (day, revenue, week), *_ = ask(
            app, "select day, revenue_eur, week_average_eur from sales.daily order by day desc limit 1"
        )
        (order,) = ask(app, "select count(*) from products.stock_risk where state = 'order'")[0]
        channel, back = ask(
            app,
            "select channel, margin_per_euro from marketing.roi where cost_eur > 0 order by 2 desc limit 1",
        )[0]
        (slipping,) = ask(app, "select count(*) from customers.segments where segment = 'slipping'")[0]
    except (PenstockError, ValueError, IndexError):
        return []
    return [
        f"{day}: €{revenue:,.0f} of revenue; the week's average is €{week:,.0f} a day",
        f"{plural(order, 'product')} will be sold out within ten days",
        f"{channel} pays best: €{back:,.1f} of margin for each euro spent",
        f"{plural(slipping, 'customer')} who used to buy often: slipping away",
    ]


def as_json(story: Story) -> str:
    """Return the story for programs."""
    shape = {
        "demo": {
            "directory": str(story.folder),
            "made": story.made,
            "tick": story.tick,
            "stages": {name: round(took, 4) for name, took in story.stages.items()},
            "seconds": round(story.took, 4),
        },
        "ok": story.run.state == "done",
        "run": exact.shape(story.run),
        "checks": _verdicts(story.verdicts),
    }
    return _dumped(shape)


def _verdicts(verdicts: list[Verdict]) -> list[dict[str, Any]]:
    from penstock.cli.story import verdict_shape

    return [verdict_shape(verdict) for verdict in verdicts]


def _dumped(shape: dict[str, Any]) -> str:
    return exact.harmless(json.dumps({"version": _VERSION, **shape}, ensure_ascii=False)) + "\n"


# ── --check ──────────────────────────────────────────────────────────────────────────────────────────────


def proofs_as_text(proofs: list[Proof]) -> str:
    """Return what was proved: a line a table, and where it differs."""
    paint = Paint.of(sys.stdout)
    wrong = sum(not finding.ok for proof in proofs for finding in proof.findings)
    count = sum(len(proof.findings) for proof in proofs)
    said = (
        "all is as computed apart from Penstock"
        if not wrong
        else f"{plural(wrong, 'number')} differ{'s' if wrong == 1 else ''}"
    )
    lines = [paint(f"{said}: {count:,} compared in {plural(len(proofs), 'run')}", "bold")]
    for proof in proofs:
        body = [
            [finding.table, f"{finding.rows:,}", "ok" if finding.ok else f"differs: {finding.difference}"]
            for finding in proof.findings
        ]
        lines += [
            "",
            *grid([[proof.title, "found", ""]], body, [False, True, False], indent="  ", paint=paint),
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def proofs_as_json(proofs: list[Proof]) -> str:
    """Return what was proved, for programs."""
    shape = {
        "ok": all(proof.ok for proof in proofs),
        "proofs": [
            {
                "title": proof.title,
                "findings": [
                    {
                        "name": f.table,
                        "found": f.rows,
                        "expected": f.expected,
                        "ok": f.ok,
                        "difference": f.difference,
                    }
                    for f in proof.findings
                ],
            }
            for proof in proofs
        ],
    }
    return _dumped(shape)
