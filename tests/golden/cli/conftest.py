"""The same calls as the unit tests make, and texts that change only on purpose."""

import os
from pathlib import Path

import pytest

from tests.unit.cli.conftest import fake, penstock

__all__ = ["fake", "golden", "penstock"]
HERE = Path(__file__).parent


@pytest.fixture
def golden():
    """Compare a text with the file of that name; `UPDATE_GOLDEN=1` writes the file instead."""

    def compare(name, text):
        path = HERE / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"if it is meant: UPDATE_GOLDEN=1 pytest {HERE.name}"

    return compare
