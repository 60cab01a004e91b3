"""States of aggregates in the words of each dialect: what is kept of a group so that rows that come can be added.

Only what gives the same in any order and any division of the rows stands here. Others have states, too, but wrong ones
(of `count(distinct …)` it forgets the distinct), ones that depend on the order of the rows (`first`, `list`,
`approx_quantile`), or ones that hold all of the group's values (`median`): those groups are computed again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from penstock.base.record import record
from penstock.plan.blocks import State
from penstock.plan.sql.text import sqlglot
from penstock.plan.sql.tree import shallow

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALL = re.compile(r"(\w+)\(")


@record
class _Words:
    """How a dialect takes the state of an aggregate, puts two together, and makes the value of one.

    `functions` are those whose states may be kept, with how many arguments they have; `large` are those of them whose
    states take so much room that in groups of a few rows they cost more than the rows.
    """

    taken: str
    words: State
    functions: Mapping[str, int]
    large: tuple[str, ...]


_ONE = (
    "var_pop var_samp variance stddev stddev_pop stddev_samp sem skewness kurtosis kurtosis_pop bit_and bit_or bit_xor "
    "approx_count_distinct product fsum sumkahan kahan_sum favg"
)
_TWO = (
    "corr covar_pop covar_samp regr_slope regr_intercept regr_r2 regr_avgx regr_avgy regr_count regr_sxx regr_sxy "
    "regr_syy arg_min arg_max argmin argmax min_by max_by arg_min_null arg_max_null"
)
_DIALECTS = {
    "duckdb": _Words(
        "{} export_state",
        State("combine({came}, {kept})", "finalize({})"),  # of equal extremes the one that is kept stays
        {name: many for many, names in ((1, _ONE), (2, _TWO)) for name in names.split()},
        ("approx_count_distinct",),
    )
}


def functions_of(dialect: str, *, large: bool) -> Mapping[str, int]:
    """Return the aggregates whose states are worth keeping, where groups are `large` or not."""
    words = _DIALECTS.get(dialect)
    if words is None:
        return {}
    return {name: many for name, many in words.functions.items() if large or name not in words.large}


def state_of(node: Any, where: str, dialect: str, functions: Mapping[str, int]) -> tuple[str, State] | None:
    """Return the text that takes the state of an aggregate over rows, and what is done with it; None where none is.

    `functions` are those whose states are to be kept, with how many arguments they have.
    """
    exp = sqlglot()
    words = _DIALECTS.get(dialect)
    if words is None or any(isinstance(one, (exp.Distinct, exp.Order)) for one in shallow(node)):
        return None
    text = node.sql(dialect)
    call = _CALL.match(text)
    arguments = [value for value in node.args.values() if isinstance(value, (exp.Expression, list))]
    count = sum(len(value) if isinstance(value, list) else 1 for value in arguments)
    if call is None or functions.get(call[1].lower()) != count:
        return None
    return words.taken.format(f"{text} filter (where {where})" if where else text), words.words
