"""A project's folder to write files into and to load."""

import pytest

from penstock.base import secrets
from penstock.base.errors import ConfigError
from penstock.load.project import load
from penstock.model.option import Option, Options

FORMAT = Option("format", "how the text is written", choices=("csv", "json"))
KINDS = {
    "files": Options((), (FORMAT, Option("skip", "lines to pass over", "number")), (FORMAT,)),
    "sqlite": Options((), (), (Option("batch", "rows at a time", "number"),)),
    "http": Options(
        (Option("token", "bearer token"), Option("timeout", "seconds", "number")),
        (Option("records", "where the rows stand", required=True), Option("headers", "more headers", "table")),
    ),
    "logs": Options((), (Option("paths", "one or several", "text|list"), Option("tail", "go on", "boolean"))),
    "python": Options((), ()),
    "memory": Options((), (), ()),
}


@pytest.fixture(autouse=True)
def _no_secret_outlives_its_test(monkeypatch):
    monkeypatch.setattr(secrets, "_known", set())


class Folder:
    """A project's folder; `asked` has the kinds whose options were asked for."""

    def __init__(self, root):
        self.root = root
        self.asked = []
        self.write("penstock.toml", 'name = "shop"\n')

    def write(self, path, content):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self

    def options_of(self, kind):
        self.asked.append(kind)
        if kind not in KINDS:
            raise ConfigError(f"unknown kind '{kind}'")
        return KINDS[kind]

    def load(self, env=None, **environ):
        return load(self.root, env, self.options_of, environ)

    def mistakes(self, env=None, **environ):
        """What is wrong, as (place, subject) pairs; the test fails where nothing is."""
        with pytest.raises(ConfigError) as caught:
            self.load(env, **environ)
        error = caught.value
        return [(str(one.where), one.subject) for one in getattr(error, "errors", [error])]

    def mistake(self, env=None, **environ):
        """The one thing that is wrong."""
        with pytest.raises(ConfigError) as caught:
            self.load(env, **environ)
        assert not hasattr(caught.value, "errors"), str(caught.value)
        return caught.value


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)
