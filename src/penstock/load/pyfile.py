"""Reads Python files: tables, sources and sinks that decorators declare."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penstock.base.errors import ConfigError, Place
from penstock.base.text import did_you_mean
from penstock.load import declared, python, raw, sinks, sqlfile, syntax
from penstock.load import parts as in_parts
from penstock.load.declared import Decl, SinkDecl, SourceDecl, TableDecl, collecting
from penstock.load.section import Section, always
from penstock.model.source import Connection
from penstock.model.table import Function, Input

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from penstock.load.loading import Loading
    from penstock.load.weave import Parts

_BELONGS = {"tables": TableDecl, "sources": SourceDecl, "sinks": SinkDecl}
_DECORATORS: dict[str, Any] = {"table": declared.table, "source": declared.source, "sink": declared.sink}
_WORDS = {TableDecl: "table", SourceDecl: "source", SinkDecl: "sink"}
PYTHON = Connection("python", "python")


@dataclass(slots=True)
class PythonFile:
    """One file on its way in: what it says, and what of the project's own code it imports."""

    path: str
    module: syntax.Module
    imported: dict[str, syntax.Module]

    def code(self, name: str) -> str:
        """Return the canonical form of a function, its file, and what that imports of the project."""
        return "\n".join([self.module.code(name), *(other.code("") for other in self.imported.values())])


def read(path: str, text: str, root: Path, loading: Loading, parts: Parts) -> tuple[str, ...]:
    """Run a file and put what it declares into `parts`; returns the modules of the project that it imports.

    What is wrong is noted. A file whose name begins with `_` is for others to import and declares nothing.
    """
    folder = path.partition("/")[0]
    if path.rpartition("/")[2].startswith("_"):
        return ()
    try:
        module = syntax.parse(path, text)
        if not _known_arguments(module, loading):
            return ()
        file = PythonFile(path, module, syntax.imported(module, root))
        with collecting() as found:
            name = python.load_module(root, path, again=True).__name__
    except ConfigError as error:
        loading.unread.add("table")
        loading.mistakes.take(error)
        return ()
    except RecursionError:
        loading.mistakes.add("this Python is nested too deeply", Place(path))
        return ()
    own = [decl for decl in found if decl.function.__module__ == name]
    wanted = _BELONGS[folder]
    if not own:
        hint = "begin the name of a file that others import with _"
        loading.mistakes.add(
            f"the file declares no {_WORDS[wanted]}", Place(path), expected=f"@{_WORDS[wanted]}", hint=hint
        )
    for decl in own:
        _one(decl, file, wanted, loading, parts)
    return tuple(file.imported)


def _known_arguments(module: syntax.Module, loading: Loading) -> bool:
    """Tell whether the decorators of a file know all their arguments; those that they do not are noted."""
    takes = {name: [*inspect.signature(one).parameters] for name, one in _DECORATORS.items()}
    unknown = [(word, name, place) for word, name, place in module.arguments() if name not in takes[word]]
    for word, name, place in unknown:
        known = [one for one in takes[word] if one != "function"]
        loading.mistakes.add(f"unknown argument '{name}' of @{word}", place, hint=did_you_mean(name, known))
    if unknown:
        loading.unread.add("table")
    return not unknown


def _one(decl: Decl, file: PythonFile, wanted: type, loading: Loading, parts: Parts) -> None:
    word, name = _WORDS[type(decl)], decl.function.__name__
    node = file.module.functions().get(name)
    where = file.module.place(node) if node else Place(file.path)
    if not isinstance(decl, wanted):
        loading.mistakes.add(f"a {word} cannot be declared here", where, expected=f"a file in {word}s/", got=file.path)
        return
    if node is None:
        loading.mistakes.add(
            f"{word} '{name}' is not a function at the top of its file", where, expected=f"def {name}(…)"
        )
        return
    section = Section(f"{word} '{decl.name or name}'", decl.settings, always(where), loading.mistakes)
    if isinstance(decl, TableDecl):
        draft = _table(decl, node, file, section, loading)
        parts.drafts += [draft] if draft else []
    elif isinstance(decl, SourceDecl):
        bare = decl.name or name
        table = raw.common(bare if "." in bare else f"raw.{bare}", section, loading, PYTHON)
        if loading.check_name(table.name, where):
            options: dict[str, Any] = {"file": file.path, "function": name}
            parts.raw.append(raw.stamped(replace(table, options=options), file.code(name)))
    else:
        sink = sinks.common(decl.name or name, section, PYTHON)
        loading.places["sink", sink.name] = where
        parts.sinks.append(replace(sink, options={"file": file.path, "function": name}))
    section.refuse_rest()


def _table(
    decl: TableDecl, node: syntax.AnyFunction, file: PythonFile, section: Section, loading: Loading
) -> sqlfile.Draft | None:
    where = file.module.place(node)
    path = sqlfile.table_name(file.path, loading)
    if path is None:
        return None
    schema = path.rpartition(".")[0]
    bare = decl.name or decl.function.__name__
    name = bare if "." in bare or not schema else f"{schema}.{bare}"
    name = name.removeprefix("main.")
    if not loading.check_name(name, where):
        return None
    inputs, reads = [], []
    for one, place in _inputs(decl, node, file, section, loading):
        inputs.append(one)
        reads.append((one.table, place))
    table = sqlfile.common(name, section, loading, where)
    target = in_parts.declared(Function(file.path, decl.function.__name__, tuple(inputs)), section, loading)
    draft = replace(table, function=target, line=node.lineno)
    return sqlfile.Draft(draft, f"python {target.signature}\n{file.code(target.name)}", tuple(dict.fromkeys(reads)))


def _inputs(
    decl: TableDecl, node: syntax.AnyFunction, file: PythonFile, section: Section, loading: Loading
) -> Iterator[tuple[Input, Place]]:
    parameters = {parameter.name: parameter for parameter in file.module.parameters(node)}
    for name in decl.inputs:
        if name not in parameters:
            loading.mistakes.add(
                f"{section.subject} has no parameter '{name}', which 'inputs' names", section.where(),
                hint=did_you_mean(name, parameters),
            )  # fmt: skip
    for name, parameter in parameters.items():
        if not parameter.required and name not in decl.inputs:
            continue
        if parameter.form is None:
            loading.mistakes.add(
                f"'{parameter.annotation}' is not a form in which rows can come", parameter.place,
                expected="polars.DataFrame, pandas.DataFrame, duckdb.DuckDBPyRelation, Iterator, or nothing",
            )  # fmt: skip
        table = decl.inputs.get(name, name.replace("__", ".", 1)).lower().removeprefix("main.")
        yield Input(name, table, parameter.form or "arrow"), parameter.place
