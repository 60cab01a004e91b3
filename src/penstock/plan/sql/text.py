"""What a text in SQL is and reads, found by parsing it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from penstock.base.errors import Place, PlanError
from penstock.base.record import record
from penstock.base.text import underline
from penstock.model import names
from penstock.plan import asof
from penstock.plan.canonical import Token, tokens
from penstock.plan.plain import plain
from penstock.plan.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator

GENERATORS = frozenset({"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"})
_SELECTS = frozenset({"select", "with", "from", "values", "table", "pivot", "unpivot", "pivot_wider", "pivot_longer"})
_WRITES = frozenset({"insert", "update", "delete", "merge", "copy", "create", "drop", "truncate"})
_READS_FILES = re.compile(r"read_|glob\Z|sniff_csv\Z|parquet_|.*_(scan|query|attach)\Z|iceberg_|delta_|st_read")
_LIKE_A_FILE = re.compile(r"[/\\*?:]|\.(csv|tsv|txt|json|jsonl|ndjson|parquet|xlsx?|db|duckdb|gz|zst)\b", re.IGNORECASE)
_MOST_PARTS = 2


@record
class Reference:
    """A table that SQL reads: its name, lower case and without the schema `main`, and its first place."""

    name: str
    line: int
    column: int


@record
class Origin:
    """Where a text comes from: its file and the line in which it begins."""

    text: str
    file: str
    line: int

    def place(self, start: int) -> Place:
        """Return where the character `start` of the text stands."""
        before = self.text[:start]
        return Place(self.file, self.line + before.count("\n"), start - before.rfind("\n"))

    def error(self, subject: str, start: int, length: int = 1, **fields: str) -> PlanError:
        """Make an error that underlines a part of the text."""
        place = self.place(start)
        shown = underline("\n" * (self.line - 1) + self.text, place.line, place.column, length)
        return PlanError(subject, where=place, excerpt=shown, **fields)


def check_select(text: str, file: str = "", line: int = 1) -> tuple[str, int]:
    """Return the one select of a text, without what stands round it, and the line in which it begins.

    The columns of its first line stay where they are. Raises `PlanError` for no statement, two, one that is
    no select, a quote or comment that never closes, and a column named as Penstock's own hidden ones.
    """
    origin = Origin(text, file, line)
    words = [token for token in tokens(text) if token.kind != "comment"]
    for token in words:
        if token.kind == "open":
            what = {"/": "comment", '"': "quoted name"}.get(token.text[0], "string")
            raise origin.error(f"a {what} that never closes", token.start)
        if token.kind in ("word", "quoted") and token.name in names.HIDDEN:
            hint = "Penstock keeps its own columns under this name: choose another"
            raise origin.error(f"the name '{token.name}' is taken", token.start, len(token.text), hint=hint)
    statement = _only_statement(words, origin)
    first, last = statement[0], statement[-1]
    _check_first_word(statement, origin)
    line_start = text.rfind("\n", 0, first.start) + 1
    indent = re.sub(r"[^\t]", " ", text[line_start : first.start])
    return indent + text[first.start : last.start + len(last.text)], origin.place(first.start).line


def _only_statement(words: list[Token], origin: Origin) -> list[Token]:
    found: list[list[Token]] = [[]]
    for token in words:
        if token.text == ";":
            found.append([])
        else:
            found[-1].append(token)
    statements = [statement for statement in found if statement]
    if not statements:
        raise PlanError(
            "there is no select", expected="one select", got="nothing", where=Place(origin.file, origin.line)
        )
    if len(statements) > 1:
        second = statements[1][0]
        raise origin.error(
            "there is more than one statement", second.start, len(second.text),
            expected="one select", got=f"{len(statements)} statements",
        )  # fmt: skip
    return statements[0]


def _check_first_word(statement: list[Token], origin: Origin) -> None:
    first = next((token for token in statement if token.text != "("), statement[0])
    word = first.name if first.kind == "word" else ""
    culprit = first if word not in _SELECTS else _write_in(statement) if word == "with" else None
    if culprit is not None:
        raise origin.error(
            "this is not a select",
            culprit.start,
            len(culprit.text),
            expected="one select",
            got=f"'{culprit.text}'",
        )


def _write_in(statement: list[Token]) -> Token | None:
    """Find the word that makes a statement beginning with `with` a write."""
    depth, before = 0, statement[0]
    for token in statement:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if not depth and token.kind == "word" and token.name in _WRITES and before.text == ")":
            return token
        before = token
    return None


def references(text: str, file: str = "", line: int = 1) -> tuple[Reference, ...]:
    """Return the tables that one select reads, in the order in which they are named, each once.

    The names of common table expressions hide tables, and functions that generate rows are no tables. What is
    not plain is parsed, and what sqlglot cannot parse is scanned for the names after `from` and `join`. Raises
    `PlanError` for what reads a file.
    """
    asof.refuse(text, file, line)
    if "metric" in text.lower():
        from penstock.plan.metrics import call

        call.refuse(text, file, line)
    origin = Origin(text, file, line)
    unique: dict[str, Reference] = {}
    for start, parts in sorted(_named(origin)):
        place = origin.place(start)
        name = _name(parts, start, origin)
        unique.setdefault(name, Reference(name, place.line, place.column))
    return tuple(unique.values())


def _named(origin: Origin) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Find the tables that are named by the cheapest means that is certain, where there is one."""
    found = plain(origin.text)
    if found is None:
        tree = parsed(origin.text)
        yield from _from_tokens(origin) if tree is None else _from_tree(tree, origin)
        return
    for start, parts in found:
        _check_no_file(parts, start, origin)
        yield start, parts


def _name(parts: tuple[str, ...], start: int, origin: Origin) -> str:
    if len(parts) > _MOST_PARTS:
        raise origin.error(
            f"'{'.'.join(parts)}' is not a name of a table", start, len(".".join(parts)),
            expected="schema.name", got=f"{len(parts)} parts",
        )  # fmt: skip
    return names.full(parts[0], parts[1]) if len(parts) == _MOST_PARTS else parts[0]


def sqlglot() -> Any:
    """Return the module of sqlglot's expressions, imported when it is first needed."""
    return _sqlglot()[0]


def named(node: Any, name: str) -> Any:
    """Return an expression under a quoted name."""
    exp = sqlglot()
    return exp.Alias(this=node, alias=exp.to_identifier(name, quoted=True))


@cache
def _sqlglot() -> tuple[Any, Any, tuple[type[BaseException], ...]]:
    import logging

    from sqlglot import errors, exp
    from sqlglot.dialects.duckdb import DuckDB

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    # Beside its own errors: what its parser trips over when a text is odd. The scan of tokens then stands in.
    trips = (errors.SqlglotError, RecursionError, ValueError, TypeError, AttributeError, LookupError)
    return exp, DuckDB(), trips


def parsed(text: str) -> Any | None:
    """Parse one select; None where sqlglot cannot."""
    exp, dialect, trips = _sqlglot()
    try:
        trees = dialect.parse(text)
    except trips:
        return None
    known = (exp.Query, exp.Values, exp.Pivot, exp.Table)
    return trees[0] if len(trees) == 1 and isinstance(trees[0], known) else None


def _from_tree(tree: Any, origin: Origin) -> Iterator[tuple[int, tuple[str, ...]]]:
    exp, _, _ = _sqlglot()
    waiting: list[tuple[Any, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        node, hidden = waiting.pop()
        ctes = node.args.get("with_")
        for cte in ctes.expressions if ctes else ():
            name = cte.alias.lower()
            waiting.append((cte.this, hidden | {name} if ctes.args.get("recursive") else hidden))
            hidden |= {name}
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Func):
            _check_function(_function_name(node.this, exp), _start_of_function(node.this, origin), origin)
        if isinstance(node, exp.Table):
            read = _from_table(node, hidden, origin, exp)
            if read is not None:
                yield read
        for key, value in node.args.items():
            if key == "with_":
                continue
            children = value if isinstance(value, list) else (value,)
            waiting += [(child, hidden) for child in children if isinstance(child, exp.Expression)]


def _from_table(node: Any, hidden: frozenset[str], origin: Origin, exp: Any) -> tuple[int, tuple[str, ...]] | None:
    parts = [part for part in (node.args.get("catalog"), node.args.get("db"), node.this) if part]
    if not isinstance(node.this, exp.Identifier):
        if isinstance(node.this, exp.Func):
            _check_function(_function_name(node.this, exp), _start_of_function(node.this, origin), origin)
        return None
    start = parts[0].meta.get("start", 0)
    texts = tuple(part.name.lower() for part in parts)
    if len(texts) == 1 and texts[0] in hidden:
        return None
    _check_no_file(texts, start, origin)
    return start, texts


def _function_name(node: Any, exp: Any) -> str:
    return str(node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()


def _start_of_function(node: Any, origin: Origin) -> int:
    """Find where a table function is named: sqlglot keeps no places for functions, so the text is asked."""
    spelled = {
        node.name.lower(),
        node.sql_name().lower(),
        "read_csv",
        "read_csv_auto",
        "read_parquet",
        "read_json",
    }
    previous = Token("operator", "", 0)
    for token in tokens(origin.text):
        if token.text == "(" and previous.name in spelled:
            return previous.start
        if token.kind != "comment":
            previous = token
    return 0


def _from_tokens(origin: Origin) -> Iterator[tuple[int, tuple[str, ...]]]:
    for source in scan(origin.text):
        if source.called:
            _check_function(source.parts[-1], source.start, origin)
        else:
            _check_no_file(source.parts, source.start, origin)
            yield source.start, source.parts


def _check_function(name: str, start: int, origin: Origin) -> None:
    if name in GENERATORS or name in ("generateseries", "explode"):
        return
    if _READS_FILES.match(name):
        raise origin.error(
            f"a table's SQL cannot read files or other systems, as '{name}' does",
            start,
            len(name),
            hint=_DECLARE,
        )
    raise origin.error(
        f"'{name}' gives rows that no table of the project has", start, len(name),
        expected=f"a table, or one of {', '.join(sorted(GENERATORS))}",
    )  # fmt: skip


_DECLARE = "declare it as a source in sources/*.toml, and read the raw table here"


def _check_no_file(parts: tuple[str, ...], start: int, origin: Origin) -> None:
    quote = origin.text[start : start + 1]
    name = parts[-1]
    if quote == "'" or (quote == '"' and _LIKE_A_FILE.search(name)):
        raise origin.error(f"a table's SQL cannot read the file '{name}'", start, len(name) + 2, hint=_DECLARE)
