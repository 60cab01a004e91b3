"""JSON that loses nothing."""

import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from penstock.base.exact import dumps, harmless, value


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (True, True),
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**127), str(-(2**127))),
        (0.1, 0.1),
        (-math.inf, "-Infinity"),
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(1, 2, 3), "01:02:03"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (timedelta(days=-1, seconds=1.5), "P-1DT1.5S"),
        (timedelta(), "P0DT0S"),
        (b"\x00\xff", "AP8="),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ({1: (2**60,)}, {"1": ["1152921504606846976"]}),
    ],
)
def test_a_value_in_json(given, made):
    assert value(given) == made


leaf = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text()
    | some.decimals(allow_nan=False, allow_infinity=False)
)


@pytest.mark.slow
@given(some.recursive(leaf, lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner)))
def test_every_value_becomes_json_that_any_reader_takes(found):
    made = value(found)
    assert json.loads(dumps(made), parse_constant=pytest.fail) == made


@given(some.text())
def test_escaping_what_drives_a_terminal_keeps_the_meaning(text):
    said = dumps(text)
    assert json.loads(said) == text
    assert harmless(said) == said
    assert not any(0x7F <= ord(c) <= 0x9F or ord(c) < 0x20 for c in said)
