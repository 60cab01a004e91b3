"""The house itself: what is installed, what is imported when, and what the build files promise each other."""

import ast
import importlib.metadata
import os
import re
import resource
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import penstock
from tools.size import over_budget

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
HEAVY = ("arro3", "duckdb", "httpx2", "msgspec", "pandas", "polars", "pyarrow", "rich", "sqlglot", "stamina")
NOT_IN_THE_CORE = {"numpy", "pandas", "polars", "pyarrow"}


def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contracts(kind):
    return [one for one in pyproject()["tool"]["importlinter"]["contracts"] if one["type"] == kind]


def rooms():
    package = ROOT / "src" / "penstock"
    found = {path.stem for path in package.iterdir() if path.suffix == ".py"}
    found |= {path.parent.name for path in package.glob("*/__init__.py")}
    return found - {"__init__", "__main__", "_version"}


def loaded_by(code):
    """The heavy packages that a fresh interpreter has loaded after running `code`."""
    report = f"import sys\n{code}\nprint('loaded:', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()[1:]


# ── what is installed ───────────────────────────────────────────────────────────────────────────────────


def test_the_core_that_is_declared_is_the_core_that_is_locked():
    text = (ROOT / "requirements" / "core.in").read_text(encoding="utf-8")
    asked = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert asked == pyproject()["project"]["dependencies"]


def test_the_core_install_brings_no_dataframe_library():
    text = (ROOT / "requirements" / "core.lock").read_text(encoding="utf-8")
    assert NOT_IN_THE_CORE.isdisjoint(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def test_the_extra_all_has_every_other_extra():
    extras = pyproject()["project"]["optional-dependencies"]
    named = re.fullmatch(r"penstock\[(.*)\]", *extras.pop("all")).group(1)
    assert set(named.split(",")) == set(extras)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_pins_by_hash_and_names_no_place_to_get_it_from(lock):
    text = lock.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    pins = [line for line in lines if not line.startswith(" ")]
    assert pins
    assert [line for line in pins if not re.match(r"[a-z0-9-]+==\S+( ; .+)? \\$", line)] == []
    assert [line for line in lines if line.startswith(" ") and "--hash=sha256:" not in line] == []
    assert not re.search(r"https?:|file:|find-links|index-url", text)


def test_every_input_has_its_lock():
    assert {path.stem for path in (ROOT / "requirements").glob("*.in")} == {lock.stem for lock in LOCKS}


def test_the_version_is_said_once():
    assert penstock.__version__ == importlib.metadata.version("penstock")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{penstock.__version__}]" in changelog


# ── what is imported, and when ──────────────────────────────────────────────────────────────────────────


def test_importing_penstock_loads_nothing_heavy():
    assert loaded_by("import penstock") == []


def test_asking_for_the_version_loads_nothing_heavy():
    code = "import sys\nfrom penstock.cli import main\nsys.argv = ['penstock', '--version']\n"
    assert loaded_by(code + "try:\n    main()\nexcept SystemExit:\n    pass") == []


@pytest.mark.slow
def test_the_version_answers_within_a_tenth_of_a_second():
    command = Path(sys.executable).with_name("penstock")
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([command, "--version"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.1  # of processor time: the machine may be busy with something else


@pytest.mark.parametrize("name", sorted(penstock.__all__))
def test_a_public_name_is_where_the_door_says(name):
    assert getattr(penstock, name) is not None
    assert name in dir(penstock)


def test_an_unknown_name_says_so():
    with pytest.raises(AttributeError, match="module 'penstock' has no attribute 'tabel'"):
        _ = penstock.tabel


# ── the map of the house ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("contract", contracts("forbidden"), ids=lambda contract: contract["name"])
def test_a_library_of_one_room_is_forbidden_in_every_other(contract):
    owner = {"duckdb": "engines", "sqlglot": "plan"}[contract["forbidden_modules"][0]]
    assert set(contract["source_modules"]) == {f"penstock.{room}" for room in rooms() - {owner}}


def test_no_contract_has_an_exception():
    config = pyproject()["tool"]["importlinter"]
    assert config["exclude_type_checking_imports"] is False
    assert [one["name"] for one in config["contracts"] if "ignore_imports" in one] == []
    assert contracts("layers")[0]["exhaustive"] is True


def swallows(handler):
    """Tell whether a handler takes any error and may end without raising it again."""
    names = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"Exception"}
    )
    last = handler.body[-1]
    again = isinstance(last, ast.Raise) and last.exc is None
    return bool({"Exception", "BaseException"} & names) and not again


def test_an_error_of_any_kind_is_caught_in_one_place_only():
    package = ROOT / "src" / "penstock"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and swallows(node)
    }
    assert found == {"base/theirs.py"}


def test_a_long_function_and_a_long_file_are_named(tmp_path):
    short = tmp_path / "short.py"
    short.write_text("def f():\n" + "    x = 1\n" * 49)
    assert list(over_budget(short)) == []
    long = tmp_path / "long.py"
    long.write_text("x = 1\n" * 450 + "def f():\n" + "    x = 1\n" * 50)
    file, function = over_budget(long)
    assert file.endswith("long.py:1: 501 lines in a file, 500 at most")
    assert function.endswith("long.py:451: 51 lines in f, 50 at most")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_that_a_document_names_exists(document):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    assert set(named) <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


# ── the rules that tests live by ────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.parametrize(("required", "outcome"), [("", "1 skipped"), ("1", "1 error")])
def test_a_missing_server_skips_or_fails_its_tests_as_asked(tmp_path, required, outcome):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = service\n")
    (tmp_path / "test_server.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def server():\n"
        "    pytest.skip('no postgres here')\n"
        "@pytest.mark.service\n"
        "def test_it(server):\n"
        "    pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "REQUIRE_SERVICES": required},
    )
    assert outcome in done.stdout
    assert "no postgres here" in done.stdout
    assert (done.returncode == 0) is (required == "")
