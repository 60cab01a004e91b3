"""Steps carried out in a transaction, whose kind of answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.base.errors import FatalError
from penstock.model.change import Change, Staged

if TYPE_CHECKING:
    from penstock.protocols.engine import Step, Txn


def staged(txn: Txn, step: Step) -> Staged:
    """Carry out a step that gives a stage."""
    found = txn.run(step)
    if not isinstance(found, Staged):
        raise FatalError(f"a step {type(step).__name__} gave no stage")
    return found


def changed(txn: Txn, step: Step) -> Change:
    """Carry out a step that gives a change."""
    found = txn.run(step)
    if not isinstance(found, Change):
        raise FatalError(f"a step {type(step).__name__} gave no change")
    return found
