"""A text that was being written survives the end of its session, and is offered in the next one."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import Store, Unavailable
from workbench.tui import drafts

GONE = {"boot_id": "another", "pid": 1, "start_ticks": 1, "nonce": ""}


def orphan(root: Path, name: str) -> Path:
    path = root / drafts.FOLDER / f"{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"writer": GONE}))
    return path


def test_a_draft_is_offered_once_its_writer_is_gone(store: Store) -> None:
    drafts.keep(store.root, "mine", "first")
    drafts.keep(store.root, "mine", "second")
    assert drafts.left(store.root) == []  # this process is at it
    path = orphan(store.root, "mine")
    assert [draft.text for draft in drafts.left(store.root)] == ["second"]
    assert path.stat().st_mode & 0o077 == 0
    drafts.forget(store.root, "mine")
    drafts.forget(store.root, "mine")
    assert drafts.left(store.root) == []


def test_a_draft_that_cannot_be_kept_is_told(store: Store) -> None:
    (store.root / drafts.FOLDER).write_text("a file in the place of the folder")
    with pytest.raises(Unavailable, match="no draft of mine can be kept"):
        drafts.keep(store.root, "mine", "text")


def test_damaged_drafts_are_none(store: Store) -> None:
    drafts.keep(store.root, "mine", "text")
    orphan(store.root, "mine")
    folder = store.root / drafts.FOLDER
    shutil.copy(folder / "mine.json", folder / "other.json")  # the name within is another
    for number, text in enumerate(("", "[]", "{}", '{"name": 3}', "[" * 100_000)):
        (folder / f"damaged-{number}.json").write_text(text)
    assert [draft.name for draft in drafts.left(store.root)] == ["mine"]


def test_what_is_typed_survives_a_kill(terminal: Callable[..., Any], store: Store, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    variant = '[[variants]]\nname = "v"\nprompt = "{{ a }}"\ncompletion = "{{ b }}"\n'
    file.write_text(f'name = "mine"\ntask = "t"\n{variant}')
    store.templates.add(file)
    opened = terminal(store.root)
    opened.wait_for("1 Runs")
    opened.press("4")
    opened.wait_for("mine")
    opened.press("e")
    opened.wait_for("task = ")
    opened.press("# typed just now")
    opened.wait_for("typed just now")
    opened.read_for(0.9)
    opened.process.send_signal(signal.SIGKILL)
    opened.ends_within(5)
    again = terminal(store.root)
    again.wait_for("unsaved draft of 'mine'")  # on the screen that was in sight
    again.press("r")
    again.wait_for("# typed just now")
