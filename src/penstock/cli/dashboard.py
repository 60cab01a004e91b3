"""The verb for dashboards: they are listed, a first one is written, a static site is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from penstock.base import text
from penstock.cli import report
from penstock.cli.call import Call, argument, verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from penstock.app.pages.sites import Built
    from penstock.cli.style import Paint
    from penstock.model.page import PageInfo

_SITE = "site"
_DOES = ("new", "build")


@verb(
    argument(
        "words", "Nothing to list them; new TABLE; build [DIR] [NAME...].", nargs=-1, metavar="[new|build] [ARG]..."
    ),
    examples=[
        ("penstock dashboard", "which dashboards there are, and how they stand"),
        ("penstock dashboard new orders", "write a first page for a table"),
        ("penstock dashboard build", "a static site of all of them in the folder site"),
        ("penstock dashboard build out sales", "of one of them, in another folder"),
    ],
)
def dashboard(call: Call, words: tuple[str, ...]) -> int:
    """List dashboards, write a first one for a table, or build a static site.

    They are the files dashboards/*.md. The site opens from disk, with the data of the build; its pages ask nobody for
    anything.
    """
    if not words:
        return _list(call)
    does, *rest = words
    if does == "new":
        return _new(call, rest)
    if does == "build":
        return _build(call, rest)
    raise report.UsageError(f"penstock dashboard cannot '{does}'", hint=text.did_you_mean(does, _DOES))


def _list(call: Call) -> int:
    from penstock.app.pages import dashboards

    with call.open() as app:
        found = dashboards.dashboards(app) if dashboards.names(app) else []
    call.answer({"dashboards": dashboards.json_of(found)}, lambda: _listed(found, call.paint))
    return 0


def _listed(found: Sequence[PageInfo], paint: Paint) -> Iterator[str]:
    from penstock.base.cells import clean
    from penstock.cli.grid import grid, room

    if not found:
        yield paint("no dashboards yet", "bold")
        yield "  write the first: penstock dashboard new TABLE"
        return
    wrong = sum(one.mistakes for one in found)
    said = text.plural(len(found), "dashboard")
    yield paint(f"{said}, {text.plural(wrong, 'mistake')}" if wrong else said, "bold")
    if wrong:
        yield paint("penstock check shows each with its line", "dim")
    yield ""
    body = [
        [one.name, clean(one.title), one.state, str(one.tiles), _age(one.age_seconds), clean(one.owner), one.file]
        for one in found
    ]
    heads = [["dashboard", "title", "state", "tiles", "data", "owner", "file"]]
    yield from grid(
        heads, body, [False, False, False, True, True, False, False], width=room(), indent="  ", paint=paint
    )


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} old"
    return f"{int(seconds)} s old"


def _new(call: Call, words: Sequence[str]) -> int:
    from penstock.app.pages import dashboards, first

    if len(words) != 1:
        raise report.UsageError("penstock dashboard new takes one table", hint="penstock dashboard new orders")
    with call.open() as app:
        made = first.new(app, words[0])

    def lines() -> Iterator[str]:
        yield call.paint(f"wrote {made.file}, a page about {made.table}", "bold")
        about = [*([made.time] if made.time else []), *made.measures, *made.dimensions]
        if about:
            yield f"  with its {', '.join(about)}"
        yield ""
        yield "next: edit it, and look at it with: penstock serve --open"

    call.answer({"page": dashboards.json_of(made)}, lines)
    return 0


def _build(call: Call, words: Sequence[str]) -> int:
    from penstock.app.pages import dashboards, sites

    folder = Path(words[0] if words else _SITE)
    with call.open() as app:
        made = sites.build(app, folder, words[1:])
    call.answer({"site": dashboards.json_of(made)}, lambda: _told(made, call.paint))
    return report.FAILED if made.mistakes else 0


def _told(made: Built, paint: Paint) -> Iterator[str]:
    pages = text.plural(len(made.pages), "page")
    yield paint(f"built {pages} in {made.folder}: {text.plural(made.files, 'file')}, {text.size(made.bytes)}", "bold")
    wrong = [one for one in made.pages if one.mistakes]
    for one in wrong:
        yield f"  {one.file}: {text.plural(one.mistakes, 'mistake')}, shown in the page"
    if wrong:
        yield "  penstock check shows each with its line"
    yield ""
    yield f"open it: {Path(made.folder) / 'index.html'}"
