"""The verbs by name, and what every call has in common: its options, its errors, its exit code."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from penstock._version import __version__
from penstock.base import text
from penstock.base.errors import PenstockError
from penstock.cli import report
from penstock.cli.call import GLOBAL, Unread, Verb, flush
from penstock.cli.stop import Stop

# verb: (module, what it does). Help lists them from here, so that no verb is loaded for it.
VERBS = {
    "init": ("start", "write a project that runs as it is"),
    "demo": ("start", "make the demo project, run it and serve it"),
    "run": ("run", "bring tables up to date once"),
    "plan": ("run", "say what a run would do, and why"),
    "sql": ("ask", "ask the warehouse one select"),
    "show": ("ask", "look at the first rows of a table, as it is or as it was"),
    "metric": ("metric", "measure metrics, or list them"),
    "profile": ("profile", "say what the columns of a table hold"),
    "dashboard": ("dashboard", "list dashboards, write a first one for a table, or build a static site"),
    "check": ("prove", "check the project's files and pages, then the rows of its tables"),
    "test": ("prove", "run the unit tests of tables"),
    "verify": ("verify", "recompute tables in full, and compare with what is stored"),
    "explain": ("explain", "say how a table is kept fresh, and why"),
    "lineage": ("look", "show what a table or a column is made of, and what is made of it"),
    "serve": ("serve", "serve the project's web app and API until Ctrl-C"),
    "status": ("look", "say what is late or broken, and why"),
    "runs": ("look", "list the newest runs, or tell all about one"),
    "replay": ("run", "try a table's rejected rows again"),
    "rollback": ("history", "go back to what a table was before its definition changed, at once"),
    "vacuum": ("history", "remove rows and relations that went long ago"),
}
# A word that people bring from elsewhere, and ours for it.
_ELSEWHERE = {
    "build": "run",
    "compile": "plan",
    "query": "sql",
    "measure": "metric",
    "metrics": "metric",
    "describe": "profile",
    "summarize": "profile",
    "ls": "status",
    "new": "init",
    "retry": "replay",
    "restore": "rollback",
    "undo": "rollback",
    "ui": "serve",
    "start": "serve",
    "web": "serve",
    "gc": "vacuum",
}


class Root(click.Group):
    """All verbs; the module of one is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"penstock.cli.{VERBS[cmd_name][0]}")
        found = getattr(module, cmd_name)
        assert isinstance(found, Verb)  # noqa: S101
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in VERBS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        hint = f"did you mean '{_ELSEWHERE[args[0]]}'?" if args[0] in _ELSEWHERE else ""
        raise report.UsageError(f"no verb '{args[0]}'", hint=hint or text.did_you_mean(args[0], VERBS))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl([(name, does) for name, (_, does) in VERBS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Begin with"):
            formatter.write_dl(
                [
                    ("penstock demo", "see it work on a shop that it makes up"),
                    ("penstock init shop", "write a project of your own"),
                    ("penstock VERB --help", "options and examples of a verb"),
                ]
            )


@click.command(
    cls=Root,
    subcommand_metavar="VERB …",
    context_settings={"help_option_names": ["-h", "--help"]},
    params=GLOBAL(),
)
@click.version_option(__version__, "--version", "-V", message="penstock %(version)s", help="Show the version.")
@click.pass_context
def root(ctx: click.Context, /, **common: Any) -> None:
    """Tables in SQL and Python that stay fresh: one data pipeline from source to reader."""
    ctx.obj = {**(ctx.obj or {}), **common}


def obey(words: list[str]) -> int:
    """Carry out a call and return its exit code; what goes wrong is said here, on stderr or as JSON."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    own = words[: words.index("--")] if "--" in words else words
    how = report.How(json="--json" in own, debug="--debug" in own)
    sys.excepthook = report.hook(how)
    with Stop(how) as stop:
        code = _carry_out(words, how, stop)
    return report.STOPPED if stop.seen and not stop.expected else code


def _carry_out(words: list[str], how: report.How, stop: Stop) -> int:
    try:
        code = root.main(args=words, prog_name="penstock", standalone_mode=False, obj={"words": words, "stop": stop})
        flush()
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return report.WRONG
    except click.UsageError as error:
        return report.error(_mistake(error), how)
    except PenstockError as error:
        return report.interrupted(how) if stop.seen else report.error(error, how)
    except (KeyboardInterrupt, click.Abort):
        return report.interrupted(how)
    except RuntimeError as error:  # what DuckDB makes of Ctrl-C, now and then before Python hears of it
        if not (stop.seen or "interrupted" in str(error).lower()):
            raise
        return report.interrupted(how)
    except Unread:
        return report.unread()
    return code if isinstance(code, int) else 0


def _mistake(error: click.UsageError) -> report.UsageError:
    """Say in our form what click found wrong with a call."""
    where = error.ctx.command_path if error.ctx else "penstock"
    hint = f"{where} --help shows what it takes"
    if isinstance(error, click.NoSuchOption):
        known = [o for p in error.ctx.command.params for o in p.opts] if error.ctx else []
        near = text.nearest(error.option_name, known)
        hint = f"did you mean '{near}'?" if near else hint
        return report.UsageError(f"no option '{error.option_name}' of {where}", hint=hint)
    said = error.format_message().rstrip(".").replace("is not a valid integer range", "is no whole number")
    return report.UsageError(f"{where}: {said[:1].lower()}{said[1:]}", hint=hint)
