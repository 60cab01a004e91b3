"""An app that answers what a test tells it to, so that its callers are tested apart from it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from penstock.app.answers import (
    Explained,
    Lineage,
    Planned,
    Replayed,
    RolledBack,
    TableStatus,
    UnitResult,
    Vacuumed,
    Verified,
)
from penstock.app.profile import ColumnProfile, Lengths, Profile
from penstock.base.errors import ConfigError, Place
from penstock.base.text import did_you_mean
from penstock.model.check import Check, Verdict
from penstock.model.project import Project
from penstock.model.run import Note, Run, Step
from penstock.model.schema import Schema
from penstock.plan.estimate import Estimate
from penstock.plan.explain import Effect, Follows, Piece
from penstock.plan.reasons import Reason
from penstock.run.events import Event

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
END = START + timedelta(milliseconds=812)


class FakeRows:
    """Rows that are there from the beginning."""

    def __init__(self, columns, rows):
        self.schema = Schema.of(columns)
        self.rows = rows
        self.closed = False

    def fetch(self, limit=None):
        return list(self.rows[:limit])

    def close(self):
        self.closed = True


class FakeApp:
    """What `requests.open_project` returns."""

    def __init__(self, root, env=None):
        self.root = Path(root)
        self.env = env
        self.closed = False
        names = ("raw.orders", "spend", "segments")
        self.project = Project(name="shop", root=str(root), order=names)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True


GOOD = Run(
    id="01KJ8F",
    started=START,
    ended=END,
    state="done",
    version=7,
    command="penstock run",
    steps=(
        Step(
            "raw.orders",
            "intake",
            "done",
            "append",
            rows_in=12_345,
            bytes_in=1_200_000,
            added=12_345,
            seconds=0.2,
        ),
        Step(
            "spend",
            "table",
            "done",
            "compare",
            added=310,
            removed=12,
            seconds=0.051,
            reason="raw.orders changed",
        ),
        Step("segments", "table", "unchanged", seconds=0.001),
        Step("report", "deliver", "done", "mirror", added=310, removed=12, seconds=0.01),
    ),
)
WARNS = Verdict(
    "spend",
    Check("spend >= 0", "warn", where=Place("tables/spend.sql", 4)),
    2,
    ({"id": 3, "spend": -1},),
    0.001,
)
PASSES = Verdict("spend", Check("id is not null"), 0, (), 0.002)
FAILS = Verdict(
    "raw.orders",
    Check("unique(id)", name="one row an order", where=Place("sources/store.toml", 9)),
    1,
    ({"id": 5, "note": "\x1b[2J\x1b]0;owned\x07"},),
    0.003,
)
ERROR = {
    "error": "PlanError",
    "subject": "no column 'amout'",
    "where": "tables/spend.sql:3:12",
    "file": "tables/spend.sql",
    "line": 3,
    "column": 12,
    "hint": "did you mean 'amount'?",
    "excerpt": "3 | select sum(amout)\n  |            ^^^^^",
}
BAD = Run(
    id="01KJ8G",
    started=START,
    ended=END,
    state="failed",
    version=8,
    command="penstock run",
    steps=(
        Step(
            "raw.orders",
            "intake",
            "done",
            "append",
            rows_in=1_003,
            bytes_in=64_000,
            added=1_000,
            rejected=3,
            seconds=0.1,
        ),
        Step("spend", "table", "failed", "compare", seconds=0.02, error=ERROR),
        Step("segments", "table", "skipped", reason="spend failed"),
    ),
)
IDLE = Run(
    "01KJ8H",
    START,
    "done",
    START + timedelta(milliseconds=40),
    version=8,
    steps=tuple(Step(f"t{n}", "table", "unchanged") for n in range(100)),
)
PLANNED = [
    Planned("raw.orders", "raw", "read", "2 files are new"),
    Planned("spend", "sql", "refresh", "raw.orders may change"),
    Planned("segments", "python", "nothing", "nothing upstream changes"),
]
STATUS = [
    TableStatus("raw.orders", "raw", "ok", 12_345, 7, START - timedelta(minutes=3), 300.0, 3),
    TableStatus("spend", "sql", "failed", 310, 7, START - timedelta(days=2), 86_400.0, 0, ERROR),
    TableStatus("segments", "python", "empty", 0, 0, None, None, 0, warnings=("it has no key",)),
]
UNITS = [
    UnitResult("sums by customer", "spend", True, seconds=0.012),
    UnitResult(
        "leaves out the cancelled",
        "spend",
        False,
        ({"id": 1, "spend": "3.50"},),
        ({"id": 1, "spend": "9.00"},),
    ),
    UnitResult("has no error", "spend", False, error=ERROR),
]
LINEAGE = Lineage(
    table="spend",
    upstream=("clean", "raw.customers", "raw.orders"),
    downstream=("segments", "sink:report"),
    edges=(
        ("raw.orders", "clean"),
        ("raw.orders", "spend"),
        ("clean", "spend"),
        ("raw.customers", "clean"),
        ("spend", "segments"),
        ("spend", "sink:report"),
    ),
    kinds={
        "raw.orders": "raw",
        "raw.customers": "raw",
        "clean": "sql",
        "spend": "sql",
        "segments": "python",
        "sink:report": "sink",
    },
)
ROWS = FakeRows(
    [("id", "bigint"), ("name", "varchar"), ("amount", "decimal(10,2)"), ("at", "timestamp")],
    [
        (1, "Ada", None, datetime(2026, 3, 1, 9, 30)),  # noqa: DTZ001
        (2**60, "Grüße\n\x1b[31mred", None, None),
        (3, "", None, None),
        (4, None, None, None),
    ],
)


EXPLAINED = Explained(
    table="spend",
    kind="sql",
    finding="it follows what changed, all but the blocks marked full",
    blocks=(
        Piece(
            "groups of raw.orders by customer_id",
            "@5f3a",
            "groups",
            ("raw.orders",),
            (
                Effect("raw.orders", "grows", "merge", "what came is added to what is kept of its groups"),
                Effect(
                    "raw.orders",
                    "loses",
                    "keys",
                    "the groups that the change touches are computed again, from all of their rows",
                ),
            ),
            kept=True,
            rows=310,
        ),
        Piece(
            "spend",
            "spend",
            "first rows",
            ("block 1",),
            (
                Effect("block 1", "grows", "full", "the first rows are chosen again"),
                Effect("block 1", "loses", "full", "the first rows are chosen again"),
            ),
        ),
    ),
    inputs=(Follows("raw.orders", "merge → full", "keys → full"),),
    reasons=(Reason("order by … limit", "number the rows of each partition"), Reason("floats in a sum")),
    loose=(Reason("list() without an order of its own", "list(x order by id)"),),
    notes=("its inputs have 12,345 rows: below 50,000 a table is computed in full",),
    rows_in=12_345,
    smallest=50_000,
    costs=(
        Estimate(1, "keys → full", 0.0004, "3 refreshes"),
        Estimate(1_000, "keys → full", 0.012, "3 refreshes"),
        Estimate(1_000_000, "full", None, "not known yet: it has not had so many rows"),
    ),
)
VERIFIED = [
    Verified("raw.orders", "raw", "same", version=7, rows=12_345, seconds=0.02),
    Verified(
        "spend",
        "sql",
        "differs",
        version=7,
        rows=310,
        missing=2,
        extra=1,
        missing_rows=({"id": 1, "spend": None},),
        extra_rows=({"id": 1, "spend": "\x1b[2J"},),
        seconds=0.1,
    ),
    Verified("latest", "sql", "skipped", "now() gives another answer each time", 7, 12),
    Verified("segments", "python", "failed", "it could not be recomputed: no column 'amout'", 7, 5),
]
PROFILE = Profile(
    "spend",
    7,
    310,
    (
        ColumnProfile(
            "customer", "bigint", 0, 310, True, True, 310, 0, 1, 310, 155.5, 89.6,
            ((0.05, 16), (0.25, 78), (0.5, 155), (0.75, 233), (0.95, 295)),
            tuple((at, at + 50, n) for at, n in zip(range(0, 350, 50), (49, 50, 50, 50, 50, 50, 11), strict=True)),
        ),
        ColumnProfile(
            "country", "varchar", 31, 3, True, True, 279, min="DE", max="US", top=(("DE", 200), ("FR", 70), ("US", 9)),
            patterns=(("aa", 279),), lengths=Lengths(2, 2.0, 2),
        ),
        ColumnProfile(
            "spent", "double", 0, 281, False, False, 100, 2, -3.5, 412.25, 40.125, 61.5,
            ((0.05, 2.5), (0.25, 9.75), (0.5, 20.5), (0.75, 40.0), (0.95, 190.0)),
            tuple((at, at + 50.0, n) for at, n in zip(range(-50, 450, 50), (1, 220, 51, 20, 9, 0, 4, 0, 2, 1),
            strict=True)),
        ),
        ColumnProfile("gone", "date", 310, 0, True, True, 0),
        ColumnProfile(
            "note\x1b[2J", "varchar", 0, 290, False, False, 100, min="", max="\u65e5\u672c",
            top=(("", 20), ("a very long note that is cut somewhere", 3)),
            patterns=(("", 20), ("aaaa 9", 12)), lengths=Lengths(0, 12.5, 10_000),
        ),
    ),
)  # fmt: skip


class Fake:
    """The functions of `penstock.app.requests`, answering from attributes; `calls` has what was asked."""

    def __init__(self):
        self.made, self.verdicts = GOOD, [WARNS, PASSES]
        self.noted = [Note(1.25, "the disk is away: tried again (1 of 3, in 512 ms)", "raw.orders", "warning")]
        self.rows = ROWS
        self.apps, self.calls = [], []
        self.error = None
        self.replayed = Replayed("raw.orders", 3, 2, 1)
        self.rolled_back = RolledBack("spend", 9, 6, 300, 310, ("segments",), "01KJ8J")
        self.vacuumed = Vacuumed(40, 12_345, 1, 900, 2, 52_000_000, 40_000_000)
        self.verified = VERIFIED
        self.units, self.checks = UNITS, [WARNS, PASSES, FAILS]
        self.statuses, self.found = STATUS, [BAD, GOOD]
        self.events = [Event("start", "spend", "table"), Event("end", "spend", "table", GOOD.steps[1])]

    def _answer(self, name, found, *asked, **how):
        self.calls.append((name, *asked, how))
        if self.error is not None:
            raise self.error
        return found

    def open_project(self, path, env=None, wait=5.0):
        app = FakeApp(path, env)
        self.apps.append(app)
        return self._answer("open_project", app, Path(path), env)

    def run(self, app, select=(), *, exclude=(), listener=None, full=False, command=""):
        for event in self.events if listener else ():
            listener(event)
        return self._answer("run", self.made, tuple(select), exclude=tuple(exclude), full=full, command=command)

    def plan(self, app, select=(), *, exclude=()):
        chosen = [p for p in PLANNED if not select or p.name in select]
        return self._answer("plan", chosen, tuple(select), exclude=tuple(exclude))

    def sql(self, app, text):
        return self._answer("sql", self.rows, text)

    def show(self, app, table, limit=20):
        if table not in app.project.order:
            raise ConfigError(f"no table '{table}'", hint=did_you_mean(table, app.project.order))
        return self._answer("show", self.rows, table, limit)

    def profile(self, app, table, columns=()):
        return self._answer("profile", PROFILE, table, columns)

    def check(self, app, select=()):
        return self._answer("check", self.checks, tuple(select))

    def test(self, app, select=()):
        return self._answer("test", self.units, tuple(select))

    def explain(self, app, table):
        return self._answer("explain", EXPLAINED, table)

    def verify(self, app, select=(), *, rows=5, listener=None):
        return self._answer("verify", self.verified, tuple(select), rows=rows)

    def lineage(self, app, table):
        return self._answer("lineage", LINEAGE, table)

    def status(self, app):
        return self._answer("status", self.statuses)

    def runs(self, app, limit=20):
        return self._answer("runs", self.found, limit)

    def run_detail(self, app, run_id):
        return self._answer("run_detail", (self.made, self.verdicts), run_id)

    def notes(self, app, run):
        return self._answer("notes", self.noted, run)

    def replay(self, app, table, *, command=""):
        return self._answer("replay", self.replayed, table)

    # the functions of `penstock.app.history`

    def rollback(self, app, table, *, command=""):
        return self._answer("rollback", self.rolled_back, table)

    def vacuum(self, app, keep=None):
        return self._answer("vacuum", self.vacuumed, keep)

    def at(self, app, table, point, limit=0):
        return self._answer("at", self.rows, table, point, limit)

    def changes(self, app, table, low, high=None, limit=0):
        return self._answer("changes", self.rows, table, low, limit)

    def history(self, app, table, limit=0):
        return self._answer("history", self.rows, table, limit)


PAST = ("rollback", "vacuum", "at", "changes", "history")
LOOKS = ("profile",)
NAMES = [name for name in vars(Fake) if not name.startswith("_") and name not in (*PAST, *LOOKS)]
