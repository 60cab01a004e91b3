"""The wheel in an empty environment, as a user installs it: small, complete, and the demo runs from it."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000


def run(*command, **options):
    """The command's output; where it fails, the test shows all that it said."""
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{command} exited {done.returncode}:\n{done.stdout}"
    return done.stdout


def uv():
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    assert found, "uv is not installed: make setup"
    return found


def size(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def home(wheel, tmp_path_factory):
    """An environment that has had nothing but the wheel and what the core's lock names put into it."""
    venv = tmp_path_factory.mktemp("wheel") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    into = ["pip", "install", "--python", venv / "bin" / "python"]
    before = size(venv)
    run(uv(), *into, "--require-hashes", "--requirement", ROOT / "requirements" / "core.lock")
    run(uv(), *into, "--no-deps", wheel)
    (venv / "added").write_text(str(size(venv) - before))
    return venv


@pytest.fixture
def elsewhere(tmp_path):
    """Options to run a command far from the checkout, with an empty home and no settings of this run's."""
    ours = re.compile("PYTHON|PYTEST|PENSTOCK|VIRTUAL")
    keep = {name: value for name, value in os.environ.items() if not ours.match(name)}
    return {"cwd": tmp_path, "env": {**keep, "HOME": str(tmp_path / "home")}}


def test_the_wheel_carries_the_package_and_its_types_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "penstock/py.typed" in names
    version = wheel.name.split("-")[1]
    assert {name.split("/")[0] for name in names} == {"penstock", f"penstock-{version}.dist-info"}


def test_the_lock_satisfies_what_the_wheel_asks_for(home):
    run(uv(), "pip", "check", "--python", home / "bin" / "python")


def test_the_install_is_small(home):
    added = int((home / "added").read_text())
    assert added < 160 * MEGABYTE, f"{added / MEGABYTE:.1f} MB"


def test_the_install_is_few_packages_and_no_dataframe_library(home):
    packages = {path.name.split("-")[0].lower() for path in home.rglob("*.dist-info")}
    assert "penstock" in packages
    assert len(packages) < 25, sorted(packages)
    assert packages.isdisjoint({"numpy", "pandas", "polars", "pyarrow"})


def test_the_installed_command_knows_its_version(home, wheel, elsewhere):
    assert wheel.name.split("-")[1] in run(home / "bin" / "penstock", "--version", **elsewhere)


def test_the_demo_runs_from_the_wheel_and_its_numbers_are_right(home, elsewhere):
    run(home / "bin" / "penstock", "demo", "--check", **elsewhere)
