"""What a page chooses, put into its queries: parameters as literals, and tables read only where a condition holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.model import names
from penstock.plan.asof import behind_alias, whole
from penstock.plan.canonical import tokens
from penstock.plan.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from penstock.plan.canonical import Token


def quoted(name: str) -> str:
    """Return a name in quotes, each part by itself for a table's.

    >>> quoted("a b")
    '"a b"'
    """
    return '"' + name.replace('"', '""') + '"'


def table(name: str) -> str:
    """Return a table's name in quotes.

    >>> table("sales.daily")
    '"sales"."daily"'
    """
    return ".".join(quoted(part) for part in name.split("."))


def literal(value: str) -> str:
    """Return a text as SQL writes it.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("\0", "").replace("'", "''") + "'"


def parameters(text: str) -> dict[str, int]:
    """Return the parameters that SQL names, `$region`, each with the offset of its first place.

    >>> parameters("select * from t where a = $a and b = '$b'")
    {'a': 26}
    """
    found: dict[str, int] = {}
    for token in tokens(text):
        if token.kind == "word" and token.text.startswith("$"):
            found.setdefault(token.text[1:], token.start)
    return found


def bound(text: str, values: Mapping[str, str]) -> str:
    """Return SQL with a literal in the place of each parameter; `values` has the literals, ready to stand in SQL."""
    for token in sorted(tokens(text), key=lambda one: -one.start):
        if token.kind == "word" and token.text.startswith("$") and token.text[1:] in values:
            end = token.start + len(token.text)
            text = text[: token.start] + values[token.text[1:]] + text[end:]
    return text


def restricted(text: str, conditions: Mapping[str, str]) -> tuple[str, list[str]]:
    r"""Return SQL that reads some tables only where a condition holds, and the named subqueries that do so.

    `conditions` maps a table's name to SQL over its columns. Words keep their lines.

    >>> restricted("select sum(a) from sales.daily", {"sales.daily": "day > 3"})[1]
    ['"@sales.daily" as (select * from "sales"."daily" where day > 3)']
    """
    words = [token for token in tokens(text) if token.kind != "comment"]
    used: dict[str, str] = {}
    for start, end, name, alias in sorted(_named(text, words), reverse=True):
        if name not in conditions:
            continue
        used[name] = f"{quoted('@' + name)} as (select * from {table(name)} where {conditions[name]})"
        put = quoted("@" + name) + (f" as {quoted(alias)}" if alias else "")
        text = text[:start] + put + "\n" * text.count("\n", start, end) + text[end:]
    return text, [used[name] for name in sorted(used)]


def _named(text: str, words: Sequence[Token]) -> Iterator[tuple[int, int, str, str]]:
    """Find the tables that SQL names: where each begins and ends, its name, and the alias that it has to be given."""
    numbers = {token.start: number for number, token in enumerate(words)}
    for source in scan(text):
        if source.called or len(source.parts) > 2:  # noqa: PLR2004  # a schema and a name
            continue
        number = numbers[source.start]
        behind = whole(words, number)
        last = words[behind - 1]
        name = names.full(source.parts[0], source.parts[1]) if len(source.parts) > 1 else source.parts[0]
        is_asof = behind < len(words) and words[behind].name == "at"
        if not is_asof:
            alias = "" if behind_alias(words, behind) > behind else source.parts[-1]
            yield source.start, last.start + len(last.text), name, alias
