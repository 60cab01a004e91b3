"""Files written so that a crash or a power cut leaves either the old one or the new one, whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Wait until a folder's names are on the disk."""
    _sync(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and what leads to it, on the disk before it returns."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)


def move(source: Path, target: Path) -> None:
    """Give a file whose bytes are on the disk its final name, in one step, replacing what stood there."""
    source.replace(target)
    sync_folder(target.parent)


def write_text(path: Path, text: str) -> None:
    """Write a small text file in one step: readers see the old text or the new."""
    beside = path.with_name(f".{path.name.lstrip('.')}.{os.getpid()}.tmp")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    move(beside, path)
