"""Breaks rules of the engine on purpose, one at a time, and fails where the engine's own tests do not notice.

`mutants.py [WORD …]` tries those of tools/mutants.toml whose rule or file has one of the words, by default all.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIDE_BY_SIDE = 2
LONGEST = 600.0  # seconds of one mutant's tests; one that never ends is caught as well
_PASSED, _FAILED = 0, 1  # how pytest ends; anything else says that no test judged
_FIRST = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


class ListError(Exception):
    """A mutant that cannot be tried, because the list does not fit the code."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule, and how it is broken: in `file` the text `find` becomes `put`, and one of `tests` must fail."""

    rule: str
    file: str
    find: str
    put: str
    tests: tuple[str, ...]

    def broken(self, text: str) -> str:
        """Return the file's text with the rule broken; raises `ListError` where that is not one clear change."""
        found = text.count(self.find)
        if found != 1:
            raise ListError(f"{self.rule}: the text to find stands {found} times in {self.file}, not once: {self.find}")
        if self.find == self.put:
            raise ListError(f"{self.rule}: nothing changes")
        changed = text.replace(self.find, self.put)
        try:
            compile(changed, self.file, "exec")
        except SyntaxError as error:
            raise ListError(f"{self.rule}: the mutant is no Python: {error}") from error
        return changed


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the tests ended: `caught`, `survived`, or `broken` where no test could judge; what they said; the seconds."""

    state: str
    said: str
    seconds: float


def read(path: Path) -> list[Mutant]:
    """Return the mutants of a list; raises `ListError` for one that is written wrongly, or twice."""
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    usual = found.get("tests", [])
    mutants = []
    for said in found.get("mutant", []):
        parts = {"tests": usual, **said}
        if set(parts) != {"rule", "file", "find", "put", "tests"}:
            raise ListError(f"a mutant has rule, file, find, put and perhaps tests, and this one {sorted(said)}")
        mutants.append(Mutant(said["rule"], said["file"], said["find"], said["put"], tuple(parts["tests"])))
    rules = [mutant.rule for mutant in mutants]
    twice = sorted({rule for rule in rules if rules.count(rule) > 1})
    if twice:
        raise ListError(f"two mutants of one name: {', '.join(twice)}")
    return mutants


def chosen(mutants: Sequence[Mutant], words: Sequence[str]) -> list[Mutant]:
    """Return those whose rule or file has one of the words, by default all; raises `ListError` for none."""
    found = [m for m in mutants if not words or any(word in f"{m.rule} {m.file}" for word in words)]
    if not found:
        raise ListError(f"no mutant has any of: {', '.join(words)}")
    return found


def judge(root: Path, tests: Sequence[str], mutant: Mutant | None = None) -> Verdict:
    """Run tests on a copy of the project's source, with a mutant in it or, for comparison, without."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="penstock-mutant-") as folder:
        source = Path(folder, "src")
        shutil.copytree(root / "src", source)  # with what is compiled: a file that is written anew is compiled anew
        if mutant is not None:
            place = Path(folder, mutant.file)
            place.write_text(mutant.broken(place.read_text(encoding="utf-8")), encoding="utf-8")
        # The same examples each time, and none of them remembered: a mutant is caught by a rule's tests, not by luck.
        command = [
            sys.executable, "-B", "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider",
            "-p", "no:randomly", "-p", "no:xdist", "--hypothesis-seed=0", *tests,
        ]  # fmt: skip
        env = {**os.environ, "PYTHONPATH": str(source), "HYPOTHESIS_STORAGE_DIRECTORY": folder}
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            return Verdict("caught", "it never ended", time.monotonic() - began)
    first = _FIRST.search(done.stdout)
    state = {_PASSED: "survived", _FAILED: "caught"}.get(done.returncode, "broken")
    said = first[1] if first else ""
    if state == "broken":
        said = (done.stdout + done.stderr)[-2000:]
    return Verdict(state, said, time.monotonic() - began)


def fit(root: Path, mutants: Sequence[Mutant]) -> None:
    """Raise `ListError` for the first mutant that does not fit the code."""
    for mutant in mutants:
        place = root / mutant.file
        if not place.is_file():
            raise ListError(f"{mutant.rule}: there is no file {mutant.file}")
        mutant.broken(place.read_text(encoding="utf-8"))


def sound(root: Path, mutants: Sequence[Mutant]) -> None:
    """Raise `ListError` where tests fail with no rule broken: they would catch everything."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    found = judge(root, tests)
    if found.state != "survived":
        raise ListError(f"the tests do not pass without a mutant, so they say nothing: {found.said}")


def main(words: Sequence[str], root: Path = HERE.parent, listed: Path = HERE / "mutants.toml") -> int:
    """Try the mutants and print a line each; 1 for any that was not caught, 2 for a list that does not fit."""
    try:
        mutants = chosen(read(listed), words)
        fit(root, mutants)
        sound(root, mutants)
    except ListError as error:
        print(error, file=sys.stderr)
        return 2
    missed = 0
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for mutant, found in zip(mutants, pool.map(lambda m: judge(root, m.tests, m), mutants), strict=True):
            missed += found.state != "caught"
            print(f"{found.state:9} {mutant.rule}  ({found.seconds:.1f} s, {found.said or mutant.file})", flush=True)
    print(f"{len(mutants)} rules broken, {missed} of them unnoticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
