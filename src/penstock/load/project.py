"""Loads a project: a folder becomes one value, from the cache where no file changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from penstock.base.errors import ConfigError
from penstock.load import cache, files, fill
from penstock.load.mistakes import Mistakes
from penstock.model.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.load.files import File
    from penstock.load.loading import Loading
    from penstock.load.toml import Document
    from penstock.load.weave import Parts
    from penstock.model.option import Options


def load(root: Path, env: str | None, options_of: Callable[[str], Options], environ: Mapping[str, str]) -> Project:
    """Load the project in the folder `root` for an environment (None: the default one).

    `options_of` gives the options of a kind of connector, or raises `ConfigError` for an unknown one; it is
    asked only when a file changed. `environ` has the variables that stand before those in `.env`. Raises
    `ConfigError` for one mistake and `ConfigErrors` for several, each with file, line and column.
    """
    root = Path(root).absolute()
    found = files.gather(root)
    known = fill.surroundings(root, environ)
    name = env or "default"
    key = cache.key_of(found, name)
    stored = cache.find(root, name, key)
    if stored is not None:
        mistakes = Mistakes()
        fill.note_missing(stored.asks, {**stored.variables, **known}, mistakes)
        mistakes.raise_found()
        try:
            return fill.fill(stored, known)
        except fill.StaleError:
            pass  # read again below, with the options of the other kind
    stored = _read(root, found, name, options_of, known)
    cache.keep(root, name, key, stored)
    return fill.fill(stored, known)


def _read(
    root: Path,
    found: Sequence[File],
    env: str,
    options_of: Callable[[str], Options],
    known: Mapping[str, str],
) -> cache.Stored:
    """Read all files; raises what is wrong in them, all together."""
    from penstock.load import settings
    from penstock.load.loading import Loading
    from penstock.load.weave import Parts, weave

    loading = Loading(options_of, known)
    parts = Parts()
    frame = Project("", str(root), env)
    document = _document(found[0], loading)
    if document is None:
        loading.unread.add("connection")
    else:
        try:
            said = settings.read(document, env, loading)
            frame = Project(
                said.name, str(root), env, said.warehouse, loading.connections, history=said.history,
                timezone=said.timezone, page_limit=said.page_limit,
            )  # fmt: skip
        except ConfigError as error:
            loading.unread.add("connection")
            loading.mistakes.take(error)
    modules: dict[str, str] = {}
    for file in found[1:]:
        _read_one(root, file, loading, parts, modules)
    project = weave(frame, parts, loading)
    fill.note_missing(loading.asks, {**loading.variables, **known}, loading.mistakes)
    loading.mistakes.raise_found()
    return cache.Stored(project, tuple(loading.asks), loading.variables, loading.late, modules)


def _read_one(root: Path, file: File, loading: Loading, parts: Parts, modules: dict[str, str]) -> None:
    if file.suffix == ".toml":
        document = _document(file, loading)
        if document is None:
            loading.unread.add("metric" if file.folder == "metrics" else "table")
        else:
            _read_settings(file, document, loading, parts)
        return
    text = files.text(file, loading.mistakes)
    if text is None:
        loading.unread.add("table")
    elif file.suffix == ".sql":
        from penstock.load import sqlfile

        draft = sqlfile.read(file.path, text, loading)
        parts.drafts += [draft] if draft else []
    else:
        from penstock.load import pyfile

        for path in pyfile.read(file.path, text, root, loading, parts):
            modules[path] = cache.digest_of(root / path)


def _read_settings(file: File, document: Document, loading: Loading, parts: Parts) -> None:
    if file.folder == "sources":
        from penstock.load import raw

        parts.raw += raw.read(document, loading)
    elif file.folder == "sinks":
        from penstock.load import sinks

        parts.sinks += sinks.read(document, loading)
    elif file.folder == "metrics":
        from penstock.load import metrics

        parts.metrics.append(metrics.read(document, loading))
    else:
        from penstock.load import units

        parts.units += units.read(document, loading)


def _document(file: File, loading: Loading) -> Document | None:
    from penstock.load import toml

    text = files.text(file, loading.mistakes)
    if text is None:
        return None
    try:
        return toml.parse(text, file.path)
    except ConfigError as error:
        loading.mistakes.take(error)
        return None
