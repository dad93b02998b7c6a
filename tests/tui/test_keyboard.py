"""What the keyboard remembers: private, bounded, whole or not there, and nothing of a damaged file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from workbench.tui import keyboard
from workbench.tui.keyboard import FILE, KEPT, Kept, Place


def test_lines_are_kept_once_the_latest_last(tmp_path: Path) -> None:
    for line in ("runs", "models", "runs"):
        keyboard.keep_command(tmp_path, line)
    assert keyboard.read(tmp_path).commands == ("models", "runs")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_no_more_lines_are_kept_than_one_looks_through(tmp_path: Path) -> None:
    many = tuple(f"line {number}" for number in range(KEPT))
    keyboard._write(tmp_path, Kept(many))
    keyboard.keep_command(tmp_path, "one more")
    assert keyboard.read(tmp_path).commands == (*many[1:], "one more")


def test_a_letter_marks_one_place(tmp_path: Path) -> None:
    keyboard.keep_mark(tmp_path, "a", Place("runs", "r1"))
    keyboard.keep_mark(tmp_path, "b", Place("datasets", "news", 12))
    keyboard.keep_mark(tmp_path, "a", Place("models", "tiny"))
    keyboard.keep_command(tmp_path, "runs")
    assert keyboard.read(tmp_path).marks == {
        "a": Place("models", "tiny"),
        "b": Place("datasets", "news", 12),
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"version": 2, "commands": [], "marks": {}}',
        '{"version": 1, "commands": 3, "marks": {}}',
        '{"version": 1, "commands": [], "marks": {"a": {"mode": "runs", "key": 3, "row": null}}}',
        '{"version": 1, "commands": [], "marks": {"a": {"mode": "nowhere", "key": "", "row": null}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_counts_as_empty_and_is_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert keyboard.read(tmp_path) == Kept()
    keyboard.keep_command(tmp_path, "runs")
    assert keyboard.read(tmp_path).commands == ("runs",)
