"""The journal in one SQLite file: written as a run goes, shared by threads and processes, and bounded."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from penstock.base.clock import Clock, SystemClock
from penstock.base.errors import ConfigError, FatalError, Place, RetryableError
from penstock.base.secrets import redact
from penstock.model.check import Check, Verdict
from penstock.model.run import Note, Run, Step

if TYPE_CHECKING:
    from sqlite3 import Connection, Row

T = TypeVar("T")

LEASE = timedelta(seconds=30)
KEEP_RUNS = 1_000
KEEP_FOR = timedelta(days=90)

_LONGEST = 10_000
_BUSY_SECONDS = 5.0
_PAUSE_SECONDS = 0.02
_CORRUPT = frozenset({11, 26})
_FULL = 13
_BUSY = frozenset({5, 6})
_log = logging.getLogger("penstock")

# Every entry takes the file from the version that is its index to the next; none is ever edited.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """create table runs (
            id text primary key, started text not null, state text not null, ended text,
            pid integer not null, host text not null, command text not null, version integer,
            lease text not null, epoch integer not null
        )""",
        "create index runs_started on runs (started)",
        "create index runs_running on runs (state) where state = 'running'",
        """create table steps (
            run text not null references runs on delete cascade, "table" text not null, stage text not null,
            state text not null, strategy text not null, reason text not null, added integer not null,
            removed integer not null, rejected integer not null, rows_in integer not null,
            bytes_in integer not null, seconds real not null, error text, unique (run, "table", stage)
        )""",
        """create table verdicts (
            run text not null references runs on delete cascade, "table" text not null, text text not null,
            severity text not null, name text not null, file text not null, line integer not null,
            "column" integer not null, failed integer not null, samples text not null, seconds real not null,
            unique (run, "table", text, name)
        )""",
    ),
    ("alter table steps add column began real",),
    (
        """create table notes (
            run text not null references runs on delete cascade, at real not null, text text not null,
            "table" text not null, level text not null
        )""",
        "create index notes_run on notes (run)",
    ),
)

_STEP = tuple(field.name for field in fields(Step))


class SqliteJournal:
    """The journal of a project at `path`, usually `.penstock/journal.db`; opened when it is first needed.

    A run is held by the object that started it, for `lease` after each `beat`. Whoever else ends it takes
    it over: its epoch grows, and the former holder is refused with `FatalError` from then on. At each
    start, runs beyond the newest `keep_runs` or older than `keep_for` are forgotten. A file that is
    damaged is set aside with a warning and begun anew, since the warehouse's commits are the truth.
    Raises `RetryableError` when another process holds the file for long, `FatalError` when it cannot be
    written.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock | None = None,
        *,
        lease: timedelta = LEASE,
        keep_runs: int = KEEP_RUNS,
        keep_for: timedelta = KEEP_FOR,
    ) -> None:
        self.path = path
        self._clock: Clock = clock or SystemClock()
        self._lease = lease
        self._keep_runs = keep_runs
        self._keep_for = keep_for
        self._lock = threading.RLock()
        self._db: Connection | None = None
        self._inode = 0
        self._held: dict[str, tuple[Run, int]] = {}

    # ── the protocol ────────────────────────────────────────────────────────────────────────────────────

    def start(self, run: Run) -> None:
        run = replace(
            run, pid=run.pid or os.getpid(), host=run.host or os.uname().nodename, command=redact(run.command)
        )

        def work(db: Connection) -> None:
            self._insert(db, run, 1)
            for step in run.steps:
                self._put_step(db, run.id, step)
            self._compact(db)

        self._write(work)
        self._held[run.id] = (run, 1)

    def step(self, run: str, *steps: Step) -> None:
        def work(db: Connection) -> None:
            self._hold(db, run)
            for step in steps:
                self._put_step(db, run, step)

        self._write(work)

    def verdicts(self, run: str, verdicts: Sequence[Verdict]) -> None:
        rows = [_verdict_row(run, verdict) for verdict in verdicts]

        def work(db: Connection) -> None:
            self._hold(db, run)
            db.executemany(f"insert or replace into verdicts values ({', '.join('?' * 11)})", rows)

        self._write(work)

    def note(self, run: str, note: Note) -> None:
        def work(db: Connection) -> None:
            self._hold(db, run)
            db.execute("insert into notes values (?, ?, ?, ?, ?)", (run, *_note_row(note)))

        self._write(work)

    def notes(self, run: str) -> Sequence[Note]:
        def work(db: Connection) -> list[Note]:
            rows = db.execute('select at, text, "table", level from notes where run = ? order by rowid', (run,))
            return [Note(*row) for row in rows]

        return self._read(work, [])

    def beat(self, run: str) -> None:
        self._write(lambda db: self._hold(db, run))

    def end(self, run: str, state: str, version: int | None) -> None:
        def work(db: Connection) -> None:
            mine = run in self._held
            if mine:
                self._hold(db, run)
            changed = db.execute(
                "update runs set state = ?, ended = ?, version = ?, epoch = epoch + ? "
                "where id = ? and state = 'running'",
                (state, _text(self._clock.now()), version, 0 if mine else 1, run),
            ).rowcount
            if changed:
                db.execute("update steps set state = 'interrupted' where run = ? and state = 'running'", (run,))

        self._write(work)
        self._held.pop(run, None)

    def unfinished(self) -> Sequence[Run]:
        return self._select("state = 'running'")

    def runs(self, limit: int = 20) -> Sequence[Run]:
        return self._select("id in (select id from runs order by started desc, rowid desc limit ?)", limit)

    def find(self, run: str) -> Run | None:
        found = self._select("id = ?", run) or self._select("substr(id, 1, ?) = ?", len(run), run)
        if len(found) > 1:
            raise ConfigError(f"{len(found)} runs begin with '{run}'", hint=", ".join(one.id for one in found[:5]))
        return found[0] if found else None

    def checks(self, run: str) -> Sequence[Verdict]:
        def work(db: Connection) -> list[Verdict]:
            rows = db.execute("select * from verdicts where run = ? order by rowid", (run,))
            return [_verdict(row) for row in rows]

        return self._read(work, [])

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    # ── rows ────────────────────────────────────────────────────────────────────────────────────────────

    def _insert(self, db: Connection, run: Run, epoch: int) -> None:
        db.execute(
            "insert into runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.id, _text(run.started), run.state, _text(run.ended) if run.ended else None, run.pid,
                run.host, run.command, run.version, _text(self._clock.now() + self._lease), epoch,
            ),
        )  # fmt: skip

    def _hold(self, db: Connection, run: str) -> None:
        """Extend the lease of a run that this object started; refuse when it was taken over."""
        if run not in self._held:
            return
        epoch = self._held[run][1]
        changed = db.execute(
            "update runs set lease = ? where id = ? and epoch = ? and state = 'running'",
            (_text(self._clock.now() + self._lease), run, epoch),
        ).rowcount
        if not changed:
            raise FatalError(
                f"run {run} was taken over by another process",
                expected="a sign of life before the lease ended",
                hint="run again: what was committed stays, and the rest is done by whoever took over",
            )

    def _put_step(self, db: Connection, run: str, step: Step) -> None:
        values = {name: getattr(step, name) for name in _STEP}
        values["reason"] = _short(step.reason)
        values["error"] = None if step.error is None else _json(step.error)
        names = ", ".join(f'"{name}"' for name in values)
        update = ", ".join(f'"{name}" = excluded."{name}"' for name in values)
        db.execute(
            f"insert into steps (run, {names}) values (?, {', '.join('?' * len(values))}) "
            f'on conflict (run, "table", stage) do update set {update}',
            (run, *values.values()),
        )

    def _compact(self, db: Connection) -> None:
        oldest = _text(self._clock.now() - self._keep_for)
        gone = db.execute(
            "delete from runs where state <> 'running' and (started < ? or (started, rowid) <= "
            "(select started, rowid from runs order by started desc, rowid desc limit 1 offset ?))",
            (oldest, self._keep_runs),
        ).rowcount
        if gone:
            db.execute("pragma incremental_vacuum").fetchall()

    def _select(self, where: str, *values: Any) -> list[Run]:
        def work(db: Connection) -> list[Run]:
            runs = db.execute(f"select * from runs where {where} order by started desc, rowid desc", values)
            found = {row["id"]: row for row in runs}
            steps: dict[str, list[Step]] = {}
            chosen = f"select * from steps where run in (select id from runs where {where}) order by rowid"
            for row in db.execute(chosen, values):
                steps.setdefault(row["run"], []).append(_step(row))
            return [_run(row, steps.get(row["id"], [])) for row in found.values()]

        return self._read(work, [])

    # ── the file ────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, work: Callable[[Connection], T], begin: str = "begin immediate") -> T:
        """Run `work` in one transaction, once more on a new file when this one turns out to be damaged."""
        from sqlite3 import Error

        with self._lock:
            for attempt in (1, 2):
                try:
                    with _transaction(self._open(), begin) as db:
                        return work(db)
                except (Error, OSError) as error:
                    if attempt == 2 or not self._set_aside(error):  # noqa: PLR2004
                        raise self._named(error) from None
            raise AssertionError

    def _read(self, work: Callable[[Connection], T], nothing: T) -> T:
        if self._db is None and not self.path.exists():
            return nothing
        return self._write(work, "begin")

    def _open(self) -> Connection:
        if self._db is not None:
            return self._db
        import sqlite3

        fresh = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._inode = self.path.stat().st_ino
        try:
            db.row_factory = sqlite3.Row
            if fresh:
                db.execute("pragma auto_vacuum = incremental")
            self._settle(db)
            db.execute("pragma synchronous = normal")
            db.execute("pragma foreign_keys = on")
            self._migrate(db)
            self._restore(db)
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _settle(self, db: Connection) -> None:
        """Put the file into WAL mode; SQLite does not wait by itself while another process does the same."""
        from sqlite3 import OperationalError

        until = self._clock.monotonic() + _BUSY_SECONDS
        while True:
            try:
                db.execute("pragma journal_mode = wal").fetchone()
            except OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _BUSY or self._clock.monotonic() > until:
                    raise
                self._clock.sleep(_PAUSE_SECONDS)
            else:
                return

    def _migrate(self, db: Connection) -> None:
        if _format(db) == len(MIGRATIONS):
            return
        with _transaction(db):
            have = _format(db)
            if have > len(MIGRATIONS):
                raise ConfigError(
                    f"the journal {self.path} was written by a newer Penstock",
                    expected=f"format {len(MIGRATIONS)} or older",
                    got=f"format {have}",
                    hint="upgrade Penstock, or move the journal away: a new one is begun",
                )
            for statements in MIGRATIONS[have:]:
                for statement in statements:
                    db.execute(statement)
            db.execute(f"pragma user_version = {len(MIGRATIONS)}")

    def _restore(self, db: Connection) -> None:
        """Write the runs that are held here into a file that was begun anew under them."""
        for run, epoch in self._held.values():
            if db.execute("select 1 from runs where id = ?", (run.id,)).fetchone() is None:
                self._insert(db, run, epoch)

    def _set_aside(self, error: Exception) -> bool:
        """Move a damaged file away, unless another process already did; tells whether to try again."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _CORRUPT:
            return False
        self.close()
        if self.path.exists() and self.path.stat().st_ino == self._inode:
            aside = self.path.with_name(f"{self.path.name}.damaged-{self._clock.now():%Y%m%dT%H%M%S%f}")
            for ending in ("", "-wal", "-shm"):
                part = self.path.with_name(self.path.name + ending)
                if part.exists():
                    part.replace(aside.with_name(aside.name + ending))
            _log.warning("the journal was damaged (%s): moved to %s, a new one is begun", error, aside)
        return True

    def _named(self, error: Exception) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        subject = f"the journal {self.path} cannot be used: {error}"
        if code in _BUSY:
            return RetryableError(subject, hint="another process is writing to it; try again")
        hint = "free some space on the disk" if code == _FULL else "see whether the folder can be written"
        return FatalError(subject, hint=hint)


@contextmanager
def _transaction(db: Connection, begin: str = "begin immediate") -> Iterator[Connection]:
    db.execute(begin)
    try:
        yield db
    except BaseException:
        if db.in_transaction:
            db.execute("rollback")
        raise
    db.execute("commit")


def _format(db: Connection) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _short(text: str) -> str:
    shown = redact(text)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, dict):
        return {_short(str(name)): _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    return value if value is None or isinstance(value, bool | int | float) else _short(str(value))


def _json(value: Any) -> str:
    return json.dumps(_clean(value), ensure_ascii=False)


def _run(row: Row, steps: list[Step]) -> Run:
    return Run(
        id=row["id"],
        started=datetime.fromisoformat(row["started"]),
        state=row["state"],
        ended=datetime.fromisoformat(row["ended"]) if row["ended"] else None,
        pid=row["pid"],
        command=row["command"],
        version=row["version"],
        steps=tuple(steps),
        host=row["host"],
        lease=datetime.fromisoformat(row["lease"]),
    )


def _step(row: Row) -> Step:
    values = {name: row[name] for name in _STEP}
    values["error"] = json.loads(row["error"]) if row["error"] else None
    return Step(**values)


def _note_row(note: Note) -> tuple[Any, ...]:
    return note.at, _short(note.text), note.table, note.level


def _verdict_row(run: str, verdict: Verdict) -> tuple[Any, ...]:
    check = verdict.check
    place = check.where or Place("")
    return (
        run, verdict.table, _short(check.text), check.severity, _short(check.name), place.file, place.line,
        place.column, verdict.failed, _json(verdict.samples), verdict.seconds,
    )  # fmt: skip


def _verdict(row: Row) -> Verdict:
    place = Place(row["file"], row["line"], row["column"]) if row["file"] else None
    check = Check(row["text"], row["severity"], row["name"], place)
    return Verdict(row["table"], check, row["failed"], tuple(json.loads(row["samples"])), row["seconds"])
