"""Selection of tables in the words of dbt: `+orders+`, `tag:nightly`, `path:tables/sales`, `raw.*`, `a,b`."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from penstock.base import graph
from penstock.base.errors import ConfigError
from penstock.base.text import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from penstock.model.project import Project

_WORD = re.compile(r"(?P<above>(?P<up>\d*)\+)?(?P<at>@)?(?P<name>[^+@]*)(?P<below>\+(?P<down>\d*))?\Z")
_METHODS = ("tag", "path", "source")
_GLOB = re.compile(r"[*?\[]")


def select(project: Project, words: Sequence[str], exclude: Sequence[str] = ()) -> frozenset[str]:
    """Return the names of the tables that words choose; no words choose all.

    A word is a name, a glob, `tag:T`, `path:P` (a file or folder below the root) or `source:C` (a
    connection). `+x` adds what x is made from and `x+` what is made from x, `2+x` and `x+2` so many steps
    far, `@x` what is made from x and all that these are made from. A space means either, a comma both. Raises
    `ConfigError` for a word that chooses nothing, with the nearest name.
    """
    chosen = _union(project, words) if _pieces(words) else frozenset(project.order)
    return chosen - _union(project, exclude)


def _pieces(words: Iterable[str]) -> list[str]:
    return [piece for word in words for piece in word.split()]


def _union(project: Project, words: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for piece in _pieces(words):
        parts = [_one(project, part) for part in piece.split(",")]
        found |= frozenset.intersection(*parts)
    return frozenset(found)


def _one(project: Project, word: str) -> frozenset[str]:
    match = _WORD.match(word)
    if match is None or not match["name"] or (match["at"] and (match["above"] or match["below"])):
        raise ConfigError(
            f"'{word}' selects nothing",
            expected="a word such as orders, +orders, orders+, @orders, tag:nightly",
        )
    named = _named(project, match["name"])
    above = project.parents()
    below: Mapping[str, Iterable[str]] = graph.turned(above)
    if match["at"]:
        reached = named | graph.reach(named, below)
        return reached | graph.reach(reached, above)
    found = set(named)
    if match["above"]:
        found |= _steps(named, above, match["up"])
    if match["below"]:
        found |= _steps(named, below, match["down"])
    return frozenset(found)


def _steps(start: frozenset[str], edges: Mapping[str, Iterable[str]], limit: str) -> frozenset[str]:
    if not limit:
        return graph.reach(start, edges)
    found: set[str] = set()
    front = set(start)
    for _ in range(min(int(limit), len(edges))):
        front = {node for one in front for node in edges.get(one, ())} - found
        found |= front
    return frozenset(found)


def _named(project: Project, name: str) -> frozenset[str]:
    method, colon, value = name.partition(":")
    if not colon:
        return _by_name(project, name)
    if method not in _METHODS:
        hint = did_you_mean(method, _METHODS)
        raise ConfigError(f"'{method}:' is no way to select", expected="tag:, path: or source:", hint=hint)
    if method == "tag":
        tagged = {table: set(project.find(table).tags) for table in project.order}
        return _matching(tagged, value, "tag")
    if method == "source":
        return _matching({t.name: {t.connection.name} for t in project.raw.values()}, value, "source")
    return _by_path(project, value)


def _by_name(project: Project, name: str) -> frozenset[str]:
    name = name.lower().removeprefix("main.")
    if name in project.order:
        return frozenset({name})
    if _GLOB.search(name):
        found = frozenset(one for one in project.order if fnmatchcase(one, name))
        if found:
            return found
    known = [*project.order]
    same = [one for one in known if one.rpartition(".")[2] == name]
    near = same[0] if len(same) == 1 else nearest(name, known)
    hint = f"did you mean '{near}'?" if near else "penstock status names the tables that there are"
    raise ConfigError(f"there is no table '{name}'", hint=hint)


def _matching(values: Mapping[str, set[str]], wanted: str, noun: str) -> frozenset[str]:
    """Return the tables one of whose values is, or matches, what is wanted."""
    found = frozenset(t for t, has in values.items() if any(v == wanted or fnmatchcase(v, wanted) for v in has))
    if not found:
        known = {value for has in values.values() for value in has}
        raise ConfigError(f"no table has the {noun} '{wanted}'", hint=did_you_mean(wanted, known))
    return found


def _by_path(project: Project, wanted: str) -> frozenset[str]:
    wanted = wanted.removeprefix("./").rstrip("/")
    files = {table.name: table.where.file for table in project if table.where}
    found = frozenset(
        name for name, file in files.items()
        if file == wanted or file.startswith(f"{wanted}/") or fnmatchcase(file, wanted)
    )  # fmt: skip
    if not found:
        known = {*files.values(), *(file.rpartition("/")[0] for file in files.values())}
        raise ConfigError(f"no table lies in '{wanted}'", hint=did_you_mean(wanted, known))
    return found
