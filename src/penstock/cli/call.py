"""What every verb is made of: the options that all share, examples in its help, and where its answer goes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

import click

from penstock.cli.style import Paint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from penstock.app.requests import App

VERSION = 1
_NAMES = ("project", "env", "as_json", "quiet", "debug")


def GLOBAL() -> list[click.Parameter]:  # noqa: N802
    """Return the options that every verb takes, and that may stand before the verb as well."""
    return [
        click.Option(
            ["--project"],
            metavar="DIR",
            help="The project's folder; by default the nearest, here or above, with a penstock.toml.",
        ),
        click.Option(["--env"], metavar="NAME", help="An environment of penstock.toml."),
        click.Option(["--json", "as_json"], is_flag=True, help="Answer with one JSON object."),
        click.Option(["--quiet", "-q"], is_flag=True, help="Say nothing but trouble and rows that were asked for."),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
    ]


class Unread(Exception):  # noqa: N818
    """Whoever read stdout went away."""


class Verb(click.Command):
    """A verb with examples at the end of its help: pairs of what to type and what it does."""

    examples: Sequence[tuple[str, str]] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        formatter.write_paragraph()
        formatter.write("Examples:\n")
        wide = max(len(typed) for typed, _ in self.examples)
        for typed, does in self.examples:
            formatter.write(f"  {typed:<{wide}}  {does}\n")


@dataclass
class Call:
    """One call of a verb: how to answer, and the project that is asked."""

    project: str | None = None
    env: str | None = None
    json: bool = False
    quiet: bool = False
    debug: bool = False
    words: Sequence[str] = ()
    stop: Any = None  # the `Stop` that listens for Ctrl-C

    @cached_property
    def paint(self) -> Paint:
        """How words on stdout are coloured."""
        return Paint.of(sys.stdout)

    @property
    def command(self) -> str:
        """What was typed, for the journal."""
        import shlex

        return shlex.join(["penstock", *self.words])

    def open(self) -> App:
        """Open the project that was named, or the nearest; raises `ConfigError`."""
        from penstock.app import requests
        from penstock.app.opened import locate

        return requests.open_project(locate(self.project), self.env)

    def answer(self, shape: Mapping[str, Any], lines: Callable[[], Iterable[str]]) -> None:
        """Give the answer: the JSON object, or the lines for people."""
        if self.json:
            emit(shape)
        elif not self.quiet:
            write(lines())


def write(lines: Iterable[str]) -> None:
    """Write lines to stdout; raises `Unread`."""
    _out(line + "\n" for line in lines)


def emit(shape: Mapping[str, Any]) -> None:
    """Write one JSON object to stdout, with the version of its shape; raises `Unread`."""
    from penstock.cli.exact import harmless

    said = json.dumps({"version": VERSION, **shape}, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    _out([harmless(said), "\n"])


def flush() -> None:
    """Hand over what stdout still holds back; raises `Unread`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise Unread from error


def _out(parts: Iterable[str]) -> None:
    try:
        sys.stdout.writelines(parts)
    except BrokenPipeError as error:
        raise Unread from error


def verb(*params: click.Parameter, examples: Sequence[tuple[str, str]]) -> Callable[[Callable[..., int]], Verb]:
    """Make a verb of a function of (call, its own parameters) that returns the exit code."""

    def made(function: Callable[..., int]) -> Verb:
        @wraps(function)
        def callback(**given: Any) -> int:
            before: dict[str, Any] = click.get_current_context().obj or {}
            project, env, as_json, quiet, debug = (given.pop(name) or before.get(name) for name in _NAMES)
            words = before.get("words", ())
            call = Call(project, env, bool(as_json), bool(quiet), bool(debug), words, before.get("stop"))
            return function(call, **given)

        name = function.__name__.rstrip("_").replace("_", "-")
        found = Verb(name, callback=callback, params=[*params, *GLOBAL()], help=function.__doc__)
        found.examples = examples
        found.context_settings = {"help_option_names": ["-h", "--help"]}
        return found

    return made


def argument(name: str, does: str, **more: Any) -> click.Argument:
    """Make an argument with its line of help."""
    return click.Argument([name], help=does, **more)


def selection() -> click.Argument:
    """Make the argument by which tables are chosen."""
    does = "Tables: names, patterns (sales.*), +name with what it reads, name+ with what reads it, tag:…"
    return argument("select", does, nargs=-1, metavar="[SELECT]...")
