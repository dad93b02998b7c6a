"""`workbench trash`: what was removed is listed, comes back, or goes for good."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def add(workbench, tmp_path: Path) -> None:
    """A dataset."""
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": "1"}\n')
    assert workbench("dataset", "add", file, "--name", "rows").code == 0


def test_what_was_removed_is_listed_and_comes_back(workbench, tmp_path: Path) -> None:
    """By its id, or the last one."""
    add(workbench, tmp_path)
    removed = workbench("dataset", "remove", "rows")
    assert "removed dataset rows; within 7 days `workbench trash restore` takes it back" in removed.out
    listed = workbench("trash", "list")
    assert all(word in listed.out for word in ("t1", "dataset", "rows", "7 days"))
    assert workbench("trash", "list", "--json").document[0]["name"] == "rows"
    assert workbench("trash", "restore", "t1").out.strip() == "dataset rows is back"
    assert workbench("dataset", "show", "rows").code == 0
    assert "the trash is empty" in workbench("trash", "list").out
    assert "the trash is empty, there is nothing to take back" in workbench("trash", "restore").error.replace(
        ";", ","
    )


def test_it_is_emptied_when_asked(workbench, tmp_path: Path) -> None:
    """And its bytes are told."""
    add(workbench, tmp_path)
    workbench("dataset", "remove", "rows")
    emptied = workbench("trash", "empty", "--json").document
    assert [each["name"] for each in emptied["deleted"]] == ["rows"]
    assert emptied["bytes"] > 0
    assert workbench("trash", "list", "--json").document == []


def test_the_trash_of_a_store_that_cannot_be_written_is_listed_and_not_emptied(
    workbench, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even of what is over its time; told as such only to who asks for it."""
    add(workbench, tmp_path)
    workbench("dataset", "remove", "rows")
    Path(".workbench.toml").write_text("[store]\ntrash_days = 0\n")
    writable = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != root and writable(path, mode))
    assert [each["name"] for each in workbench("trash", "list", "--json").document] == ["rows"]
    assert "rows" in workbench("trash", "list").out
    assert "read-only" in workbench("trash", "empty").error


def test_with_no_days_what_is_removed_is_gone_at_once(workbench, tmp_path: Path) -> None:
    """As the settings say."""
    Path(".workbench.toml").write_text("[store]\ntrash_days = 0\n")
    add(workbench, tmp_path)
    assert workbench("dataset", "remove", "rows").out.strip() == "removed dataset rows"
    assert workbench("trash", "list", "--json").document == []
