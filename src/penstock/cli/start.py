"""Verbs to begin with: init, demo."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from penstock.base import text
from penstock.base.errors import ConfigError
from penstock.cli import report
from penstock.cli.call import Call, argument, verb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from penstock.app.opened import App

_TOML = """\
# A Penstock project: what is in this folder, and where its tables are kept.
name = "{name}"

# Systems outside, by name; ${{VARIABLE}} is filled from the environment or from a file .env beside this one.
[connections]
# store = "sqlite:data/store.db"
# files = "files:data"
# api   = "https://api.example.com"

# What differs in another environment, chosen with --env prod.
# [env.prod]
# warehouse = "duckdb:/var/lib/{name}/warehouse.duckdb"
"""
_IGNORED = """\
# What Penstock keeps for itself, and secrets.
.penstock/
.env
"""
_IGNORE = ".gitignore"
_FOLDERS = ("sources", "tables", "sinks", "tests")


@verb(
    argument("directory", "The folder; by default this one.", required=False, default=".", metavar="[DIR]"),
    click.Option(
        ["--template"],
        type=click.Choice(["blank", "shop"]),
        default="blank",
        help="blank: an empty project; shop: one with sources, tables, checks and sinks to look at.",
    ),
    examples=[
        ("penstock init shop", "an empty project in the folder shop"),
        ("penstock init shop --template shop", "one that has something to run"),
        ("cd shop && penstock run", "run it"),
    ],
)
def init(call: Call, directory: str, template: str) -> int:
    """Write a project that runs as it is.

    Nothing is overwritten: where a file is in the way, nothing is written at all.
    """
    folder = Path(directory)
    made = _written(folder, _shop if template == "shop" else _blank)
    kept = folder / _IGNORE if _IGNORE not in made else None

    def lines() -> Iterator[str]:
        yield call.paint(f"made a project in {folder}: {text.plural(len(made), 'file')}", "bold")
        yield from (f"  {name}" for name in made)
        if kept:
            yield f"  your {kept} stays as it is; let it name .penstock/ and .env"
        yield ""
        step = "" if directory == "." else f"cd {directory} && "
        if template == "shop":
            yield f"next: {step}penstock demo .   serves the shop's API while it runs; `penstock run` alone finds none"
        else:
            yield f"next: declare a table in sources/*.toml or tables/*.sql, then: {step}penstock run"

    call.answer({"project": {"directory": str(folder), "template": template, "files": made}}, lines)
    return 0


def _written(folder: Path, write: Callable[[Path, str], None]) -> list[str]:
    """Write a project elsewhere first, then copy it if nothing is in the way; returns the files."""
    import shutil
    import tempfile

    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"'{folder}' is a file", expected="a folder, or a name that is free")
    name = re.sub(r"[^a-z0-9_]+", "_", folder.resolve().name.lower()).strip("_") or "project"
    with tempfile.TemporaryDirectory(prefix="penstock-init-") as temporary:
        draft = Path(temporary)
        write(draft, name)
        if (folder / _IGNORE).exists():
            (draft / _IGNORE).unlink(missing_ok=True)
        made = sorted(str(p.relative_to(draft)) for p in draft.rglob("*") if p.is_file())
        taken = [one for one in made if (folder / one).exists()]
        if taken:
            files = text.plural(len(taken), "file")
            raise ConfigError(
                f"'{folder}' has {files} that would be overwritten, so nothing was written",
                got=", ".join(taken[:5]),
                hint="choose another folder: penstock init DIR",
            )
        shutil.copytree(draft, folder, dirs_exist_ok=True)
    return made


def _blank(folder: Path, name: str) -> None:
    (folder / "penstock.toml").write_text(_TOML.format(name=name), encoding="utf-8")
    (folder / _IGNORE).write_text(_IGNORED, encoding="utf-8")
    for one in _FOLDERS:
        (folder / one).mkdir()
        (folder / one / ".gitkeep").touch()


def _shop(folder: Path, name: str) -> None:  # noqa: ARG001
    from penstock.cli.demo.main import write_project

    write_project(folder)


@verb(
    argument("directory", "Where to make it; by default a folder named shop.", required=False, metavar="[DIR]"),
    click.Option(["--tick"], is_flag=True, help="Add a day of changes to it and run again."),
    click.Option(["--check"], is_flag=True, help="Run, add a day, run again, prove every number, ask for every page."),
    click.Option(["--no-serve"], is_flag=True, help="End after the run, as with --json and --quiet."),
    click.Option(["--no-run"], is_flag=True, help="Only serve it, as it is."),
    examples=[
        ("penstock demo", "make a shop with data of its own, run it, and serve it until Ctrl-C"),
        ("penstock demo --tick", "a day later: see what is touched"),
        ("penstock demo --check", "compare every table with numbers computed apart from Penstock"),
        ("penstock demo --no-run", "the shop again, with the API that it reads"),
    ],
)
def demo(call: Call, directory: str | None, tick: bool, check: bool, no_serve: bool, no_run: bool) -> int:
    """Make the demo project, run it and serve it.

    A small shop: a store in SQLite, an API that the demo serves itself, web-server logs, a messy CSV. Nothing
    is downloaded. It ends with Ctrl-C; where another process serves the shop already, it ends by itself.
    """
    from penstock.cli.demo.main import keep, run

    folder = Path(directory) if directory else None
    if no_run:
        if tick or check or no_serve:
            raise report.UsageError("--no-run only serves", hint="leave out --tick, --check and --no-serve")
        keep(folder, _served(call))
        return 0
    told = io.StringIO()
    stays = None if no_serve or check or call.json or call.quiet else _served(call)
    code = run(folder, tick, check, call.json, told if call.quiet else None, stays)
    if call.quiet and (code or call.json):
        print(told.getvalue(), end="")
    return code


def _served(call: Call) -> Callable[[App], None]:
    """Return what serves the shop after its run."""

    def stays(app: App) -> None:
        from penstock.app.holder import is_lent
        from penstock.cli.serve import stay

        if not is_lent(app):
            stay(call, app)

    return stays
