"""What other programs write is told soon, by name, however they write it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.tui.watching import FolderWatch


class Told:
    """Collects what is told."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, names: frozenset[str]) -> None:
        self.names += sorted(names)

    def wait(self, name: str, seconds: float = 5.0) -> float:
        """The seconds until a name has been told."""
        begun = time.monotonic()
        while name not in self.names:
            assert time.monotonic() - begun < seconds, f"{name} was not told, only {self.names}"
            time.sleep(0.002)
        return time.monotonic() - begun


@pytest.fixture
def watch() -> Iterator[Callable[[Path], Told]]:
    """Watches a folder until the test is over."""
    started: list[FolderWatch] = []

    def start(folder: Path) -> Told:
        told = Told()
        started.append(FolderWatch(folder, ".toml", told))
        started[-1].start()
        time.sleep(0.3)  # the system's watch begins on the thread
        return told

    yield start
    for each in started:
        each.stop()


def test_a_file_written_in_place_renamed_into_place_or_removed_is_told(
    tmp_path: Path, watch: Callable[[Path], Told]
) -> None:
    told = watch(tmp_path)
    (tmp_path / "one.toml").write_text("a")
    told.wait("one")
    (tmp_path / ".two.part").write_text("b")
    (tmp_path / ".two.part").rename(tmp_path / "two.toml")
    told.wait("two")
    told.names.clear()
    (tmp_path / "one.toml").unlink()
    told.wait("one")


def test_other_files_are_passed_over(tmp_path: Path, watch: Callable[[Path], Told]) -> None:
    told = watch(tmp_path)
    for name in ("notes.txt", ".hidden.toml", "one.toml~", "4913"):
        (tmp_path / name).write_text("x")
    (tmp_path / "last.toml").write_text("x")
    told.wait("last")
    assert set(told.names) == {"last"}


def test_a_folder_that_comes_later_is_watched_then(tmp_path: Path, watch: Callable[[Path], Told]) -> None:
    folder = tmp_path / "later"
    told = watch(folder)
    folder.mkdir()
    time.sleep(2.5)
    (folder / "one.toml").write_text("x")
    told.wait("one")
