"""A small project with one of every trouble, and what data can be like at its worst; served as a user's is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from penstock.app import requests
from penstock.web.listen import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.app.opened import App

HOSTILE = (
    "<script>document.title='broken into'</script>",
    "<img src=x onerror=\"document.title='broken into'\">",
    "{{constructor.constructor('document.title=1')()}}",
    "javascript:document.title='broken into'",
    "'; drop table raw.ships; --",
    "\u202eright to left\u202c",
    "שלום עולם",
    "👩‍👩‍👧‍👦 family",
    "a" * 10_000,
)
_QUOTED = [text.replace('"', '""') for text in HOSTILE]

FILES = {
    "penstock.toml": 'name = "harbour"\n\n[connections]\nfiles = "files:data"\n',
    "sources/files.toml": (
        '[raw.ships]\nfrom = "files"\nread = "ships.csv"\nkey = "id"\nfresh = "1 hour"\nowner = "ada@example.com"\n'
        'description = "Ships as they <b>arrive</b>."\ncolumns = { id = "bigint", day = "date", tons = "double", '
        'berth = "varchar" }\nchecks = [{ check = "tons > 0", severity = "warn" }]\n\n'
        '[raw.notes]\nfrom = "files"\nread = "notes.csv"\nkey = "id"\n'
    ),
    "tables/daily.sql": (
        '/* ---\nfresh = "1 day"\nkey = "day"\nowner = "ada@example.com"\ntags = ["nightly"]\n'
        'checks = ["ships > 0"]\n--- */\nselect day, count(*) as ships, sum(tons) as tons\n'
        "from raw.ships group by day\n"
    ),
    "tables/heaviest.sql": (
        '/* ---\nchecks = ["tons < 40"]\n--- */\nselect id, day, tons from raw.ships where tons is not null\n'
    ),
    "tables/lengths.sql": "select id, cast(berth as integer) as berth\nfrom raw.ships\n",
    "metrics/ships.toml": (
        'table = "raw.ships"\ntime = "day"\n\n[dimensions]\nberth = {}\n\n[metrics]\n'
        'tons = { sql = "sum(tons)", description = "What came in." }\nships = "count(*)"\n'
    ),
    "data/ships.csv": (
        "id,day,tons,berth\n1,2026-01-01,12.5,7\n2,2026-01-01,-3.0,8\n3,2026-01-02,44.25,9\n"
        "4,2026-01-03,heavy,9\n5,2026-01-03,20.125,north\n"
    ),
    "data/notes.csv": "id,note\n" + "".join(f'{at},"{text}"\n' for at, text in enumerate(_QUOTED)),
}


def write(folder: Path) -> Path:
    """Write the project's files."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, App]]:
    """Run the project once and serve it while the body runs; gives its address."""
    with requests.open_project(write(folder)) as app:
        requests.run(app, command="penstock run")
        with serving(app, 0) as made:
            yield made.address, app
