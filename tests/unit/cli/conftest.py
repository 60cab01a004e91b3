"""A command line that is called in this process, on an app that answers what the test says."""

import json
import sys
from types import SimpleNamespace

import pytest

from penstock.app import history, profile, requests
from penstock.cli import main
from tests.unit.cli.fake import NAMES, PAST, Fake


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """The app's functions replaced, in the folder of a project."""
    made = Fake()
    for name in NAMES:
        monkeypatch.setattr(requests, name, getattr(made, name))
    for name in PAST:
        monkeypatch.setattr(history, name, getattr(made, name))
    monkeypatch.setattr(profile, "profile", made.profile)
    (tmp_path / "penstock.toml").write_text('name = "shop"\n')
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def penstock(capsys, monkeypatch):
    """Call the command line; gives its exit code, what it printed, and the JSON of it."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setenv("TZ", "UTC")

    def call(*words, terminal=False):
        with monkeypatch.context() as patch:
            if terminal:
                patch.setenv("TERM", "xterm")
                patch.setenv("COLUMNS", "80")
                patch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
            with pytest.raises(SystemExit) as exited:
                main(words)
        out, err = capsys.readouterr()
        return SimpleNamespace(code=exited.value.code, out=out, err=err, json=lambda: json.loads(out))

    return call
