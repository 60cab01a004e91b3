"""Tuning: how it is chosen whether a table follows changes."""

from __future__ import annotations

from penstock.base.record import record


@record
class Tuning:
    """How refreshes are chosen.

    A table whose inputs have fewer than `smallest` rows in all is computed in full from the first: that takes no
    longer. `strict` lets a plan that fails fail the table, where else the table is computed in full. `follow` follows
    changes wherever that can be done, whatever it is expected to cost. An input of fewer than `looked_up` rows is read
    as a whole where rows are looked up in it; one of at least `shared` rows is read once for all that look up the same.
    Where groups have `dense` rows or more, the different values in them are kept, too, if they are to be counted.
    """

    smallest: int = 50_000
    strict: bool = False
    follow: bool = False
    looked_up: int = 20_000
    dense: int = 100
    shared: int = 100_000
