"""What the server serves: one open project, what is going on in it, and who is told of that."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.app import requests
from penstock.app.serving.runs import run_row, step_row
from penstock.app.serving.sheets import Sheets
from penstock.base.errors import ConfigError, PenstockError
from penstock.base.record import record
from penstock.web.carry import written
from penstock.web.live import Hub
from penstock.web.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.app.limits import Question
    from penstock.app.opened import App
    from penstock.run.events import Event

STATIC = Path(__file__).parent / "static"
MOST_QUESTIONS = 8


class BusyError(PenstockError):
    """What was asked for has to wait: too much is going on."""


class TakenError(PenstockError):
    """What was asked for is in the way of what is going on."""


@record
class Settings:
    """How the server listens: the address, whether a token is asked for, and the one that state-changing calls name."""

    host: str
    port: int
    token: str
    csrf: str

    @property
    def is_open(self) -> bool:
        """Whether it can be reached from this machine only, so that no token is asked for."""
        return not self.token


class Site:
    """One open project; its functions may be called from any thread."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.hub = Hub()
        self.sheets = Sheets(app, written)
        self.mistakes: ConfigError | None = None
        self.watch = Watch(app, self.hub, self.reload, self.sheets.prepare)
        self.hub.came = self.sheets.prepare
        self._questions: dict[str, Question] = {}
        self._lock = threading.Lock()
        self._run: threading.Thread | None = None
        self._known_runs: set[str] = set()
        app.hear = self.heard

    # ── the project ─────────────────────────────────────────────────────────────────────────────────────

    def reload(self) -> None:
        """Load the project's files anew; with mistakes in them what was loaded before stays in force."""
        try:
            self.app.reload()
        except ConfigError as error:
            self.mistakes = error
        else:
            self.mistakes = None

    # ── runs ────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, select: Sequence[str], exclude: Sequence[str], *, full: bool, command: str) -> str:
        """Begin a run in the background and return its id; raises `TakenError` while another one is on its way."""
        requests.chosen(self.app, select, exclude)
        with self._lock:
            if self._run is not None and self._run.is_alive():
                raise TakenError("a run is on its way", hint="wait until it has ended")
            name = requests.run_id(self.app)
            self._run = threading.Thread(
                target=self._go, args=(tuple(select), tuple(exclude), full, command, name), name="run", daemon=True
            )
            self._run.start()
        return name

    def _go(self, select: tuple[str, ...], exclude: tuple[str, ...], full: bool, command: str, name: str) -> None:
        try:
            requests.run(self.app, select, exclude=exclude, full=full, command=command, named=name)
        except PenstockError as error:  # the journal has it, where there is a journal to write to
            self.hub.tell("trouble", {"run": name, "subject": error.subject})

    def wait(self, seconds: float) -> bool:
        """Wait for the run that was started here; tells whether it has ended."""
        with self._lock:
            run = self._run
        if run is not None:
            run.join(seconds)
        return run is None or not run.is_alive()

    def heard(self, run: str, event: Event | None) -> None:
        """Hear of a run, from the thread that carries it out."""
        if event is None or run not in self._known_runs:
            self._known_runs.add(run)
            self._tell_run(run)
        if event is None:
            self._known_runs.discard(run)
        elif event.kind == "end" and event.step is not None:
            self.hub.tell("step", {"run": run, "step": step_row(event.step)})
        elif event.kind == "note":
            self.hub.tell("note", {"run": run, "table": event.table, "text": event.text})
        elif event.kind == "start":
            step = {"table": event.table, "stage": event.stage, "state": "running"}
            self.hub.tell("step", {"run": run, "step": step})

    def _tell_run(self, run: str) -> None:
        found = self.app.journal.find(run)
        if found is not None:
            self.hub.tell("run", run_row(found))

    # ── questions ───────────────────────────────────────────────────────────────────────────────────────

    def took(self, name: str, question: Question) -> None:
        """Note a question that is about to be asked; raises where there are too many, or one of that name."""
        with self._lock:
            if name in self._questions:
                raise TakenError(f"a query with the id '{name}' is on its way")
            if len(self._questions) >= MOST_QUESTIONS:
                raise BusyError(
                    f"{len(self._questions)} queries are on their way", hint="wait for one to end, or cancel one"
                )
            self._questions[name] = question

    def gave(self, name: str) -> None:
        """Forget a question that has ended."""
        with self._lock:
            self._questions.pop(name, None)

    def stop(self, name: str) -> bool:
        """Stop a question; tells whether there was one of that name."""
        with self._lock:
            question = self._questions.get(name)
        if question is not None:
            question.stop()
        return question is not None

    def close(self) -> None:
        """Stop every question and let go of everyone who listens."""
        with self._lock:
            questions = list(self._questions.values())
        for question in questions:
            question.stop()
        self.sheets.close()
        self.hub.close()
