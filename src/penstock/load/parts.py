"""What a Python table says of the parts in which its inputs come: `rows` and `by`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from penstock.base.text import did_you_mean

if TYPE_CHECKING:
    from penstock.load.loading import Loading
    from penstock.load.section import Section
    from penstock.model.table import Function


def declared(function: Function, section: Section, loading: Loading) -> Function:
    """Return a function with the `rows` and `by` of its section; what is wrong with them is noted."""
    rows, by = section.text("rows"), section.words("by")
    loading.check_columns(section, "by", by)
    if rows and by:
        section.wrong(
            "rows", subject=f"{section.subject} has both 'rows' and 'by'",
            expected="'rows' where it says something of each row by itself, 'by' where of groups of rows",
        )  # fmt: skip
    if by and not function.inputs:
        section.wrong("by", subject=f"{section.subject} has 'by', and reads no table")
    return replace(function, rows=_parameter(function, rows, section) if rows else "", by=by)


def _parameter(function: Function, rows: str, section: Section) -> str:
    """Return the parameter that `rows` names, itself or by its table."""
    parameters = [one.parameter for one in function.inputs]
    if rows in parameters:
        return rows
    meant = [one.parameter for one in function.inputs if one.table == rows.lower().removeprefix("main.")]
    if len(meant) == 1:
        return meant[0]
    section.wrong(
        "rows", subject=f"{section.subject} has no parameter '{rows}', which 'rows' names",
        expected=", ".join(parameters) or "a table that the function reads", hint=did_you_mean(rows, parameters),
    )  # fmt: skip
    return ""
