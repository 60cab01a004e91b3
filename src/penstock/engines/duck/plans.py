"""DuckDB's plans in JSON as steps: tables by the names that users know, columns instead of their numbers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from penstock.base.errors import UnsupportedError
from penstock.model.queryplan import PlanStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

Node: TypeAlias = "dict[str, Any]"

_STORED = re.compile(r'\A.*_penstock\."([^"@]+)@[^"]*"\Z')
_NUMBER = re.compile(r"#(\d+)")
# What DuckDB puts around columns to make them smaller on their way: it says nothing about the query.
_CARRYING = re.compile(r"#\d+|CAST\(#\d+ AS [A-Z]+\)|__internal_\w+\(#\d+(?:, [^()]*)?\)")
_WRAPS = frozenset({"RESULT_COLLECTOR", "EXPLAIN_ANALYZE", "QUERY"})
_SCANS = frozenset({"SEQ_SCAN", "TABLE_SCAN"})
_UNSAID = frozenset(
    {"Estimated Cardinality", "Type", "Table Index", "CTE Index", "Row Groups Scanned", "Dynamic Filters"}
)


def plan(relation: duckdb.DuckDBPyRelation, *, measure: bool = False) -> PlanStep:
    """Return the plan of a relation, with what was measured where it is run.

    DuckDB 2.0 cannot tell in JSON what it measured of `select count(*) from t` or of `values`: then nothing is
    said to be measured. Raises `UnsupportedError` for one of more steps upon each other than can be told.
    """
    try:
        found = json.loads(relation.explain(format="json", analyze=measure))
        if measure and "operator" not in found:
            found = json.loads(relation.explain(format="json"))
        return read(found)
    except RecursionError:
        raise UnsupportedError("the plan of this query is too deep to be shown") from None


def read(found: Any) -> PlanStep:
    """Return the plan that `explain (format json)` or `explain (analyze, format json)` tells."""
    top = found if isinstance(found, list) else found["operator"]
    while len(top) == 1 and _kind(top[0]) in _WRAPS:
        top = _under(top[0])
    return _step(top[0])[0]


def _kind(node: Node) -> str:
    return str(node.get("name") or node.get("type"))


def _under(node: Node) -> list[Node]:
    return node.get("children") or []


def _step(node: Node) -> tuple[PlanStep, list[str] | None]:
    """Return a step, and what its columns are where it says so."""
    below = [_step(child) for child in _under(node)]
    inputs = below[0][1] if len(below) == 1 else None
    kind, said = _kind(node), node.get("extra_info", {})
    if kind == "PROJECTION" and len(below) == 1:
        columns = _list(said.get("Projections", []))
        if all(_CARRYING.fullmatch(one) for one in columns):
            return below[0][0], _carried(columns, inputs)
    guess = said.get("Estimated Cardinality")
    step = PlanStep(
        "Scan" if kind in _SCANS else kind.replace("_", " ").capitalize(),
        tuple((word, _said(word, value, inputs)) for word, value in said.items() if word not in _UNSAID),
        None if guess is None else int(guess), node.get("intermediate_rows"), node.get("timing"),
        tuple(one for one, _ in below),
    )  # fmt: skip
    return step, _columns(kind, said, inputs)


def _carried(columns: Sequence[str], inputs: Sequence[str] | None) -> list[str] | None:
    """Return what a step hands on of the columns that it gets."""
    numbers = [int(found[1]) for one in columns if (found := _NUMBER.search(one))]
    if inputs is None or any(number >= len(inputs) for number in numbers):
        return None
    return [inputs[number] for number in numbers]


def _columns(kind: str, said: dict[str, Any], inputs: Sequence[str] | None) -> list[str] | None:
    if kind == "PROJECTION" or kind in _SCANS:
        words: tuple[str, ...] = ("Projections",)
    elif kind.endswith("GROUP_BY"):
        words = ("Groups", "Aggregates")
    else:
        return None
    return [_named(one, inputs) for word in words for one in _list(said.get(word, []))]


def _list(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _said(word: str, value: Any, inputs: Sequence[str] | None) -> str:
    if word == "Table":
        return _STORED.sub(r"\1", value)
    return ", ".join(_named(one, inputs) for one in _list(value))


def _named(text: str, inputs: Sequence[str] | None) -> str:
    """Return a text with names for the numbers of columns."""
    if inputs is None:
        return text
    return _NUMBER.sub(lambda found: inputs[int(found[1])] if int(found[1]) < len(inputs) else found[0], text)
