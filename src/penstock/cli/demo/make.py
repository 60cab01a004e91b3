"""Makes the shop's folder: the project's files as they ship with Penstock, and data that is generated."""

from __future__ import annotations

from pathlib import Path

from penstock.base.errors import ConfigError
from penstock.cli.demo import generate, setting

TEMPLATE = Path(__file__).parent / "templates" / "shop"
SETTINGS = "penstock.toml"
DATA = "data"


def make(folder: Path, seed: int = setting.SEED) -> bool:
    """Make the shop in `folder`, or finish it after a kill; tells whether there was anything to do.

    What stands in the folder is never written over. Raises `ConfigError` where it is something else.
    """
    if is_shop(folder):
        return False
    if folder.exists() and not _is_begun(folder):
        raise _in_the_way(folder)
    write_project(folder, seed)
    return True


def write_project(folder: Path, seed: int = setting.SEED) -> None:
    """Write the project and its data into a folder that is free."""
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(path.relative_to(TEMPLATE) for path in TEMPLATE.rglob("*") if _ships(path))
    # The settings come first: by them a folder that was left half made is known again.
    for name in sorted(names, key=lambda name: name.name != SETTINGS):
        target = folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(target.name + ".new")
            beside.write_bytes((TEMPLATE / name).read_bytes())
            beside.replace(target)
    generate.make(folder / DATA, seed)


def is_shop(folder: Path) -> bool:
    """Tell whether a folder is a shop of the demo, complete with its data."""
    return (folder / SETTINGS).is_file() and generate.is_there(folder / DATA)


def _ships(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc"


def _is_begun(folder: Path) -> bool:
    """Tell whether a folder is empty, or has nothing but what a killed demo left."""
    if not folder.is_dir():
        return False
    settings = folder / SETTINGS
    if settings.is_file():
        return settings.read_bytes() == (TEMPLATE / SETTINGS).read_bytes() and not (folder / DATA).exists()
    return all(path.name == SETTINGS + ".new" for path in folder.iterdir())


def _in_the_way(folder: Path) -> ConfigError:
    if not folder.is_dir():
        got = "a file"
    elif (folder / SETTINGS).is_file():
        got = "another project"
    else:
        got = "a folder with something else in it"
    return ConfigError(
        f"'{folder}' is not a shop of the demo",
        expected="a folder that is free, or one that the demo made",
        got=got,
        hint="name another folder: penstock demo DIR",
    )
