"""What the text of a check means: a condition on each row, on the number of rows, or one of the named forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from penstock.base.errors import PlanError
from penstock.base.record import record
from penstock.plan.canonical import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.model.check import Check

_OPENING = {"(": ")", "[": "]", "{": "}"}
FORMS = {
    "unique": "unique(a) or unique(a, b)",
    "references": "references(customers.id, customer_id), or references(customers.id) for the column id of this table",
    "accepted": "accepted(status, 'new', 'paid')",
    "not_null": "not_null(a) or not_null(a, b)",
    "between": "between(amount, 0, 100)",
}


@record
class EachRow:
    """Every row meets a SQL condition; null passes, as in SQL's own `check`."""

    sql: str


@record
class Count:
    """The number of rows, called `rows`, meets a SQL condition."""

    sql: str


@record
class Unique:
    """No two rows have the same values in these expressions; as in SQL, nulls are not the same."""

    of: tuple[str, ...]


@record
class References:
    """Every value of the column `own` that is not null stands in `column` of `table`."""

    table: str
    column: str
    own: str


@record
class Measured:
    """The values of metrics over all rows meet a SQL condition, in which each is a column of its name."""

    sql: str
    metrics: tuple[str, ...]


Condition: TypeAlias = EachRow | Count | Unique | References | Measured


def read(check: Check) -> Condition:
    """Return what a check means; raises `PlanError` with the check's place for what is no condition.

    >>> from penstock.model.check import Check
    >>> read(Check("accepted(status, 'new', 'paid')"))
    EachRow(sql="(status) in ('new', 'paid')")
    >>> read(Check("references(raw.customers.customer_id)"))
    References(table='raw.customers', column='customer_id', own='customer_id')
    """
    text = check.text.strip()
    words = [token for token in tokens(text) if token.kind != "comment"]
    _refuse(check, text, words)
    name = words[0].text.lower()
    after = words[1].text if len(words) > 1 else ""
    if words[0].kind == "word" and name in FORMS and after == "(" and _closes(words) == len(words) - 1:
        return _form(check, name, _arguments(text, words))
    if "metric" in text.lower():
        measured = _measured(check, text, words)
        if measured is not None:
            return measured
    if words[0].kind == "word" and name == "rows" and after not in ("(", ".", ""):
        return Count(text)
    return EachRow(text)


def _measured(check: Check, text: str, words: Sequence[Token]) -> Measured | None:
    """Read a condition over metrics: `metric('cancelled_share') < 0.2`."""
    found: list[tuple[int, int, str]] = []
    for at in range(len(words) - 1):
        if words[at].kind != "word" or words[at].name != "metric" or words[at + 1].text != "(":
            continue
        inside = words[at + 2 : at + 4]
        if len(inside) < 2 or inside[0].kind != "string" or inside[1].text != ")":  # noqa: PLR2004
            raise _wrong(check, "in a check a metric stands by its name alone", expected="metric('revenue') > 0")
        found.append((words[at].start, inside[1].start + 1, inside[0].text.strip("'")))
    for start, end, name in reversed(found):
        text = f'{text[:start]}"{name}"{text[end:]}'
    return Measured(text, tuple(dict.fromkeys(name for _, _, name in found))) if found else None


def referenced(check: Check) -> str:
    """Return the table that a check refers to beside its own, or nothing; raises `PlanError` as `read` does."""
    found = read(check)
    return found.table if isinstance(found, References) else ""


def _refuse(check: Check, text: str, words: Sequence[Token]) -> None:
    """Refuse what could be read as more than one expression."""
    if not words:
        raise _wrong(check, "it is empty")
    broken = next((token for token in words if token.kind == "open"), None)
    if broken is not None:
        raise _wrong(check, f"what opens with {broken.text[:2].strip()} never closes")
    if any(token.kind == "operator" and ";" in token.text for token in words):
        raise _wrong(check, "it has a semicolon; a check is one condition")
    waiting: list[str] = []
    for token in words:
        if token.kind == "operator" and token.text in _OPENING:
            waiting.append(_OPENING[token.text])
        elif (
            token.kind == "operator"
            and token.text in _OPENING.values()
            and (not waiting or waiting.pop() != token.text)
        ):
            raise _wrong(check, f"the {token.text} at character {token.start + 1} closes nothing")
    if waiting:
        raise _wrong(check, f"a {waiting[-1]} is missing")
    if "\0" in text:
        raise _wrong(check, "it has a zero byte")


def _wrong(check: Check, why: str, expected: str = "") -> PlanError:
    return PlanError(f"the check '{check.label}' cannot be read: {why}", where=check.where, expected=expected)


def _closes(words: Sequence[Token]) -> int:
    """Return the index of the bracket that closes the first one."""
    depth = 0
    for at, token in enumerate(words):
        if token.kind == "operator":
            depth += (token.text in _OPENING) - (token.text in _OPENING.values())
            if at and not depth:
                return at
    return -1


def _arguments(text: str, words: Sequence[Token]) -> list[str]:
    """Return the arguments of a call, as they are written."""
    depth, start, found = 0, words[1].start + 1, []
    for token in words[1:]:
        if token.kind != "operator":
            continue
        depth += (token.text in _OPENING) - (token.text in _OPENING.values())
        if (token.text == "," and depth == 1) or not depth:
            found.append(text[start : token.start].strip())
            start = token.start + 1
    return found


def _form(check: Check, name: str, arguments: list[str]) -> Condition:
    counts = {"references": range(1, 3), "accepted": range(2, 10_000), "between": range(3, 4)}
    if not all(arguments) or len(arguments) not in counts.get(name, range(1, 10_000)):
        raise _wrong(check, f"{name} does not take {len(arguments)} arguments", expected=FORMS[name])
    first = arguments[0]
    if name == "unique":
        return Unique(tuple(arguments))
    if name == "references":
        return _references(check, arguments)
    if name == "not_null":
        return EachRow(" and ".join(f"({one}) is not null" for one in arguments))
    if name == "between":
        return EachRow(f"({first}) between ({arguments[1]}) and ({arguments[2]})")
    # A null among the values would make every comparison null, which passes.
    values = [one for one in arguments[1:] if one.lower() != "null"]
    return EachRow(f"({first}) in ({', '.join(values)})" if values else f"({first}) is null")


def _references(check: Check, arguments: list[str]) -> References:
    paths = [[token for token in tokens(one) if token.kind != "comment"] for one in arguments]
    names = [[token.name for token in path[::2]] for path in paths]
    good = all(
        len(path) % 2 and {token.text for token in path[1::2]} <= {"."} and _are_names(path[::2]) for path in paths
    )
    if not good or len(names[0]) not in (2, 3) or len(names[-1]) not in (1, len(names[0])):
        raise _wrong(check, "it does not name a table's column", expected=FORMS["references"])
    if len(names) > 1 and len(names[1]) != 1:
        raise _wrong(check, "its second part is not a column of this table", expected=FORMS["references"])
    *table, column = names[0]
    return References(".".join(table).removeprefix("main."), column, names[-1][-1])


def _are_names(words: Sequence[Token]) -> bool:
    return all(token.kind in ("word", "quoted") for token in words)
