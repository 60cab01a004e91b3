"""Routes about questions in SQL: ask, cancel, the plan, words to complete."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import msgspec
from starlette.responses import Response

from penstock.app.limits import Question
from penstock.app.serving import asking, buffers, saving, words
from penstock.app.serving.asking import Asked, QueryPlan
from penstock.app.serving.missing import NoSuchError
from penstock.app.serving.shapes import Words
from penstock.base.record import record
from penstock.web.carry import written
from penstock.web.route import AskError, Book, Call

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOK = Book()
_LONGEST_ID = 100
COLUMNS = buffers.MEDIA
ARROW = "application/vnd.apache.arrow.stream"


@record
class SqlAsk:
    """One select: at most so many rows of it, within so many seconds; the id is for cancelling it."""

    sql: str
    limit: int = asking.ROWS
    seconds: float = asking.SECONDS
    id: str = ""


@record
class PlanAsk:
    """One select whose plan is asked for; with `measure` it is computed, within so many seconds."""

    sql: str
    measure: bool = False
    seconds: float = asking.SECONDS
    id: str = ""


@record
class Cancelled:
    """The id of a query that was told to stop."""

    cancelled: str


@BOOK.post("/sql", Asked, SqlAsk, errors=(409, 429))
def post_sql(call: Call) -> Asked | Response:
    """Asks the warehouse one select."""
    ask: SqlAsk = call.body
    if not 0 <= ask.limit <= asking.MOST_ROWS:
        raise AskError(f"'limit' cannot be {ask.limit}", expected=f"0 to {asking.MOST_ROWS:,} rows")
    with _asked(call, ask) as (question, name):
        if call.accept == ARROW:
            return Response(asking.arrow(call.site.app, ask.sql, question, ask.limit), media_type=ARROW)
        if COLUMNS in call.accept:
            found = asking.columns(call.site.app, ask.sql, question, written, ask.limit, name)
            if found is not None:
                return Response(found, media_type=COLUMNS)
        return asking.ask(call.site.app, ask.sql, question, ask.limit, name)


@contextmanager
def _asked(call: Call, ask: SqlAsk | PlanAsk) -> Iterator[tuple[Question, str]]:
    """Let a question be stopped when its time is over, or by its name."""
    if not 0 < ask.seconds <= asking.MOST_SECONDS:
        raise AskError(f"'seconds' cannot be {ask.seconds}", expected=f"more than 0, at most {asking.MOST_SECONDS:.0f}")
    if len(ask.id) > _LONGEST_ID:
        raise AskError("'id' is too long", expected=f"{_LONGEST_ID} characters at most")
    name = ask.id or uuid.uuid4().hex
    question = Question(ask.seconds)
    call.site.took(name, question)
    try:
        with question:
            yield question, name
    finally:
        call.site.gave(name)


@BOOK.delete("/sql/{id}", Cancelled)
def delete_sql(call: Call) -> Cancelled:
    """Stops a query on its way."""
    if not call.site.stop(call.path["id"]):
        raise NoSuchError(f"no query '{call.path['id'][:_LONGEST_ID]}' is on its way")
    return Cancelled(call.path["id"])


@BOOK.post("/sql/plan", QueryPlan, PlanAsk, errors=(409, 429))
def post_sql_plan(call: Call) -> QueryPlan:
    """How the warehouse would compute a select, or what each step of it took."""
    ask: PlanAsk = call.body
    with _asked(call, ask) as (question, _):
        return asking.plan(call.site.app, ask.sql, question, measure=ask.measure)


class SaveAsk(msgspec.Struct, frozen=True, rename={"as_": "as"}):
    """A question to keep: `as` a dashboard's tile, a check of `table`, or a metric of it, under a name."""

    sql: str
    as_: Literal["dashboard", "check", "metric"]
    name: str = ""
    table: str = ""


@record
class Saved:
    """The file of the project that was written."""

    file: str


@BOOK.post("/sql/save", Saved, SaveAsk)
def post_sql_save(call: Call) -> Saved:
    """Keeps a question in the project's files: as a tile of a dashboard, a check or a metric."""
    ask: SaveAsk = call.body
    app = call.site.app
    if "\0" in ask.sql + ask.name + ask.table:
        raise AskError("there is a zero byte in what is to be saved")
    if ask.as_ == "dashboard":
        return Saved(saving.as_dashboard(app, ask.sql, ask.name))
    if ask.as_ == "metric":
        return Saved(saving.as_metric(app, ask.sql, ask.name, ask.table))
    return Saved(saving.as_check(app, ask.sql, ask.name, ask.table))


@BOOK.get("/sql/words", Words)
def get_sql_words(call: Call) -> Words:
    """What an editor of SQL can complete."""
    return words.words(call.site.app)
