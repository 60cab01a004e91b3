"""Expressions of metrics by their tokens: the metrics they name, their aggregates, filters and divisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from penstock.plan.canonical import Token, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

AGGREGATES = frozenset(
    {
        "any_value", "approx_count_distinct", "approx_quantile", "approx_top_k", "arbitrary", "arg_max", "arg_max_null",
        "arg_max_nulls_last", "arg_min", "arg_min_null", "arg_min_nulls_last", "argmax", "argmin", "array_agg", "avg",
        "bit_and", "bit_or", "bit_xor", "bitstring_agg", "bool_and", "bool_or", "corr", "count", "count_if",
        "count_star", "countif", "covar_pop", "covar_samp", "entropy", "favg", "first", "fsum", "geomean",
        "geometric_mean", "group_concat", "histogram", "histogram_exact", "kahan_sum", "kurtosis", "kurtosis_pop",
        "last", "list", "listagg", "mad", "max", "max_by", "mean", "median", "min", "min_by", "mode", "percentile_cont",
        "percentile_disc", "product", "quantile", "quantile_cont", "quantile_disc", "regr_avgx", "regr_avgy",
        "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
        "reservoir_quantile", "sem", "skewness", "stddev", "stddev_pop", "stddev_samp", "string_agg", "sum",
        "sum_no_overflow", "sumkahan", "var_pop", "var_samp", "variance",
    }
)  # fmt: skip
_OPENS = {"(": ")", "[": "]", "{": "}"}
_DIVISIONS = ("/", "//", "%")
_NAMES = ("word", "quoted")


class Call(NamedTuple):
    """An aggregate that is called: its name, where it begins, its closing bracket, and the condition of its filter."""

    name: str
    start: int
    inside: int
    stop: int
    condition: tuple[int, int] | None


def words_of(text: str) -> list[Token]:
    """Return the tokens of an expression, comments left out."""
    return [token for token in tokens(text) if token.kind != "comment"]


def broken(text: str) -> str:
    """Return what keeps a text from being one expression, in words; nothing where nothing does."""
    waiting: list[str] = []
    words = words_of(text)
    if not words:
        return "it is empty"
    for token in words:
        if token.kind == "open":
            return f"what opens with {token.text[:2].strip()} never closes"
        if token.kind != "operator":
            continue
        if ";" in token.text:
            return "it has a semicolon; a metric is one expression"
        if token.text in _OPENS:
            waiting.append(_OPENS[token.text])
        elif token.text in _OPENS.values() and (not waiting or waiting.pop() != token.text):
            return f"the {token.text} at character {token.start + 1} closes nothing"
        elif token.text == "," and not waiting:
            return f"the comma at character {token.start + 1} begins a second expression"
    return f"a {waiting[-1]} is missing" if waiting else ""


def named(text: str) -> list[tuple[str, int, int]]:
    """Return the metrics that an expression names in braces, each with where it begins and ends.

    >>> named("{revenue} / {orders}")
    [('revenue', 0, 9), ('orders', 12, 20)]
    """
    words = words_of(text)
    return [
        (words[at + 1].name, words[at].start, words[at + 2].start + 1)
        for at in range(len(words) - 2)
        if words[at].text == "{" and words[at + 1].kind == "word" and words[at + 2].text == "}"
    ]


def with_named(text: str, value_of: Callable[[str], str]) -> str:
    """Return an expression with a value in the place of each metric that it names."""
    for name, start, end in reversed(named(text)):
        text = text[:start] + value_of(name) + text[end:]
    return text


def aggregates(text: str) -> list[Call]:
    """Return the aggregates that an expression calls, the outermost of each."""
    words, found, at = words_of(text), list[Call](), 0
    while at < len(words) - 1:
        called = words[at].kind in _NAMES and words[at].name in AGGREGATES and words[at + 1].text == "("
        if not called:
            at += 1
            continue
        stop = closing(words, at + 1)
        behind, condition = _filter(words, stop + 1)
        found.append(Call(words[at].name, words[at].start, words[at + 1].start + 1, words[stop].start + 1, condition))
        at = behind
    return found


def _filter(words: Sequence[Token], at: int) -> tuple[int, tuple[int, int] | None]:
    """Read `filter ([where] condition)`: the number of the token behind it, and where the condition stands."""
    at = _order_within(words, at)
    if at + 1 >= len(words) or words[at].name != "filter" or words[at + 1].text != "(":
        return at, None
    stop = closing(words, at + 1)
    first = at + 2 + (words[at + 2].name == "where")
    return stop + 1, (words[first].start, words[stop].start)


def _order_within(words: Sequence[Token], at: int) -> int:
    if at + 2 < len(words) and words[at].name == "within" and words[at + 1].name == "group":
        return closing(words, at + 2) + 1
    return at


def closing(words: Sequence[Token], opening: int) -> int:
    """Return the number of the bracket that closes the one at `opening`; the last token where none does."""
    depth = 0
    for at in range(opening, len(words)):
        depth += (words[at].text in _OPENS) - (words[at].text in _OPENS.values())
        if not depth:
            return at
    return len(words) - 1


def filtered(text: str, condition: str) -> str:
    """Return an expression whose aggregates see only rows that meet a condition.

    >>> filtered("sum(a) / count(*) filter (where b)", "c > 1")
    'sum(a) filter (where c > 1) / count(*) filter (where (b) and (c > 1))'
    """
    for call in reversed(aggregates(text)):
        if call.condition is None:
            words = words_of(text)
            at = next((n for n, token in enumerate(words) if token.start >= call.stop), len(words))
            behind = _order_within(words, at)
            end = words[behind - 1].start + len(words[behind - 1].text) if behind > at else call.stop
            text = f"{text[:end]} filter (where {condition}){text[end:]}"
        else:
            start, end = call.condition
            text = f"{text[:start]}({text[start:end].strip()}) and ({condition}){text[end:]}"
    return text


def guarded(text: str) -> str:
    """Return an expression in which a division by zero gives null.

    >>> guarded("{a} / {b} + sum(x) / (sum(y) - 1) / 100")
    '{a} / nullif({b}, 0) + sum(x) / nullif((sum(y) - 1), 0) / 100'
    """
    words = words_of(text)
    puts: list[tuple[int, int, str]] = []
    for at, token in enumerate(words):
        if token.kind == "operator" and token.text in _DIVISIONS and at + 1 < len(words):
            last = _operand(words, at + 1)
            number = last == at + 1 and words[last].kind == "number" and float(words[last].text.replace("_", "")) != 0
            called = words[at + 1].name == "nullif"
            if not number and not called:
                # Of two that begin or end at one place, the outer one is the one that reaches further.
                end = words[last].start + len(words[last].text)
                puts += [(words[at + 1].start, -end, "nullif("), (end, words[at + 1].start, ", 0)")]
    for start, _, put in sorted(puts, key=lambda one: (one[0], one[1]), reverse=True):
        text = text[:start] + put + text[start:]
    return text


def _operand(words: Sequence[Token], at: int) -> int:
    """Return the number of the last token of the operand that begins here."""
    while at + 1 < len(words) and words[at].text in ("-", "+", "~"):
        at += 1
    if words[at].name == "case":
        at = _case_end(words, at)
    elif words[at].text in _OPENS:
        at = closing(words, at)
    while at + 1 < len(words):
        behind = words[at + 1]
        if behind.text in ("(", "["):
            at = closing(words, at + 1)
        elif behind.text in (".", "::") and at + 2 < len(words):
            at += 2
        elif behind.name in ("filter", "over") and at + 2 < len(words):
            at = closing(words, at + 2) if words[at + 2].text == "(" else at + 2
        elif behind.text in ("^", "**") and at + 2 < len(words):
            at = _operand(words, at + 2)
        else:
            return at
    return at


def _case_end(words: Sequence[Token], at: int) -> int:
    depth = 0
    for number in range(at, len(words)):
        depth += (words[number].name == "case") - (words[number].name == "end")
        if not depth:
            return number
    return len(words) - 1


def is_one_call(text: str) -> Call | None:
    """Return the aggregate that an expression is, with or without a filter, where it is nothing else."""
    calls, words = aggregates(text), words_of(text)
    if len(calls) != 1 or not words or calls[0].start != words[0].start:
        return None
    stop = closing(words, 1)
    behind, _ = _filter(words, stop + 1)
    return calls[0] if behind == len(words) else None


def aliases(text: str, known: Collection[str]) -> set[str]:
    """Return which of some tables an expression names before a dot."""
    words = words_of(text)
    return {
        words[at].name
        for at in range(len(words) - 1)
        if words[at].kind in _NAMES and words[at].name in known and words[at + 1].text == "."
        and (not at or words[at - 1].text != ".")
    }  # fmt: skip


def qualified(text: str, alias: str, ambiguous: Collection[str]) -> str:
    """Return an expression in which columns that other tables have, too, are those of `alias`."""
    if not ambiguous:
        return text
    for token in reversed(list(_columns(text))):
        if token.name in ambiguous:
            text = f"{text[: token.start]}{alias}.{text[token.start :]}"
    return text


def renamed(text: str, names: dict[str, str]) -> str:
    """Return an expression with other names of tables before its dots."""
    words = words_of(text)
    for at in range(len(words) - 2, -1, -1):
        token = words[at]
        new = names.get(token.name)
        if new and token.kind in _NAMES and words[at + 1].text == "." and (not at or words[at - 1].text != "."):
            text = text[: token.start] + new + text[token.start + len(token.text) :]
    return text


def _columns(text: str) -> Iterator[Token]:
    words = words_of(text)
    for at, token in enumerate(words):
        before = words[at - 1].text if at else ""
        behind = words[at + 1].text if at + 1 < len(words) else ""
        if token.kind in _NAMES and before != "." and behind not in (".", "("):
            yield token
