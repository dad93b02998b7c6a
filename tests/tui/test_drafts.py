"""What was being written survives its session, is offered in the next one, and is no other living one's."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sessions import another_session

from store import Store, Unavailable
from workbench.tui import drafts

GONE = {"boot_id": "another", "pid": 1, "start_ticks": 1, "nonce": ""}


def keep(root: Path, name: str, text: str, kind: str = drafts.TEMPLATE) -> Path:
    place = drafts.new_place(root, name, kind)
    drafts.keep(place, text)
    return place


def orphan(place: Path, **changed: Any) -> Path:
    """Let the writer of a draft be gone."""
    place.write_text(json.dumps(json.loads(place.read_text()) | {"writer": GONE} | changed))
    return place


def texts(found: list[drafts.Draft]) -> list[str]:
    return [draft.text for draft in found]


def test_a_draft_is_offered_once_its_writer_is_gone(store: Store) -> None:
    place = keep(store.root, "mine", "first")
    drafts.keep(place, "second")
    assert drafts.left(store.root) == []  # this process is at it
    orphan(place)
    assert texts(drafts.left(store.root)) == ["second"]
    assert place.stat().st_mode & 0o077 == 0
    assert place.parent.stat().st_mode & 0o077 == 0
    drafts.forget(place)
    drafts.forget(place)
    assert drafts.left(store.root) == []


def test_of_two_living_sessions_each_has_its_own_draft_and_neither_is_offered_the_other(store: Store) -> None:
    with another_session(store.root, "shared", "theirs") as theirs:
        mine = keep(store.root, "shared", "mine")
        assert drafts.left(store.root) == []
        assert texts(drafts.free(store.root, drafts.TEMPLATE)) == ["mine"]
        drafts.forget(mine)
        assert json.loads(theirs.read_text())["text"] == "theirs"
        assert drafts.left(store.root) == []
    assert texts(drafts.left(store.root)) == ["theirs"]  # its session was killed


def test_of_two_sessions_that_were_offered_one_draft_one_gets_it(store: Store) -> None:
    """It is as old as it was, and the other's to take once this session has ended."""
    orphan(keep(store.root, "mine", "text"), written=7.0)
    (offered,) = drafts.left(store.root)
    claimed = drafts.claim(offered)
    assert claimed is not None
    assert drafts.claim(offered) is None
    assert drafts.left(store.root) == []
    assert drafts.free(store.root, drafts.TEMPLATE) == [claimed]
    assert (claimed.text, claimed.written) == ("text", 7.0)
    assert drafts.claim(claimed) == claimed


def test_a_draft_that_cannot_be_kept_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "LIMIT_BYTES", 1000)
    with pytest.raises(Unavailable, match="no draft of mine can be kept"):
        keep(store.root, "mine", "x" * 1000)
    shutil.rmtree(store.root / drafts.FOLDER, ignore_errors=True)
    (store.root / drafts.FOLDER).write_text("a file in the place of the folder")
    with pytest.raises(Unavailable, match="no draft of mine can be kept"):
        keep(store.root, "mine", "text")
    assert drafts.left(store.root) == []


def test_of_those_that_nobody_writes_any_more_the_oldest_make_room(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "KEPT", 3)
    for number in range(5):
        orphan(keep(store.root, "mine", f"text {number}"), written=float(number))
    form = orphan(keep(store.root, "mine", "of another kind", drafts.FORM))
    assert texts(drafts.left(store.root)) == ["text 4", "text 3", "text 2"]
    written = [keep(store.root, "mine", f"being written {number}") for number in range(5)]
    assert form.exists()
    assert all(place.exists() for place in written)


def test_damaged_and_foreign_files_are_passed_over_and_logged(store: Store) -> None:
    place = orphan(keep(store.root, "mine", "text"))
    folder, sound = place.parent, json.loads(place.read_text())
    shutil.copy(place, folder / "other.json")  # the name within is another
    damaged = ["", "[]", "{}", '{"name": 3}', "[" * 100_000, '"\0"']
    damaged += [json.dumps(sound | {"written": at}) for at in (1e300, -1.0, 3)]
    damaged += [json.dumps(sound | {"writer": GONE | {"pid": "../1"}})]
    for number, text in enumerate(damaged):
        (folder / f"mine.{number}.json").write_text(text)
    os.mkfifo(folder / "mine.pipe.json")  # nobody writes into it
    (folder / "mine.folder.json").mkdir()
    (folder / "mine.gone.json").symlink_to(folder / "nowhere")
    for _ in range(2):
        assert texts(drafts.left(store.root)) == ["text"]
    logged = (store.root / "tui.log").read_text().splitlines()
    assert len(logged) == len(damaged) + 3
    assert any("drafts/'other.json' is passed over: it holds no draft" in line for line in logged)


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
