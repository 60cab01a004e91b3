"""The verbs about the past: what they ask for, and what they say."""

from dataclasses import replace
from datetime import timedelta

import pytest

from penstock.app.answers import Planned, TableStatus, Vacuumed
from penstock.model.run import Step
from penstock.refresh.rollback import HOW_ON, ROLLED_BACK
from tests.unit.cli import fake as made


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("--at", "12"), ("at", "spend", 12, 21)),
        (("--at", "2026-11-25 10:00"), ("at", "spend", "2026-11-25 10:00", 21)),
        (("--changes", "0"), ("changes", "spend", 0, 21)),
        (("--history", "--limit", "5"), ("history", "spend", 6)),
    ],
)
def test_show_asks_for_the_past(words, asked, fake, penstock):
    said = penstock("show", "spend", *words)
    assert said.code == 0
    assert fake.calls[-1][:-1] == asked
    assert "Ada" in said.out


def test_show_takes_one_way_of_looking_at_a_time(fake, penstock):
    said = penstock("show", "spend", "--at", "1", "--history")
    assert said.code == 2
    assert "exclude each other" in said.err


def test_rollback_says_what_is_shown_and_what_follows(fake, penstock):
    said = penstock("rollback", "spend")
    assert said.code == 0
    assert said.out.startswith("spend is as it was at version 6 again: 300 rows instead of 310")
    assert "segments" in said.out
    assert penstock("rollback", "spend", "--json").json()["rollback"]["shown"] == 6


def test_vacuum_takes_a_span(fake, penstock):
    assert penstock("vacuum", "--keep", "12 hours").code == 0
    assert fake.calls[-1][1] == timedelta(hours=12)
    said = penstock("vacuum", "--keep", "long")
    assert said.code == 2
    assert "is not a span of time" in said.err


def test_a_vacuum_that_found_nothing_says_so(fake, penstock):
    fake.vacuumed = Vacuumed(0, 0, 0, 0, 0, 12_000, 12_000)
    assert penstock("vacuum").out.startswith("there was nothing to remove")


def test_a_table_that_is_rolled_back_is_told_of_wherever_one_looks(fake, penstock, monkeypatch):
    fake.statuses = [TableStatus("spend", "sql", "rolled back", 300, 9, made.START, None, 0)]
    assert f"spend: {HOW_ON}" in penstock("status").out
    monkeypatch.setattr(made, "PLANNED", [Planned("spend", "sql", "nothing", HOW_ON)])
    assert f"spend: {HOW_ON}" in penstock("plan").out
    fake.made = replace(made.IDLE, steps=(Step("spend", "table", "unchanged", ROLLED_BACK, HOW_ON),))
    assert HOW_ON in penstock("run").out
