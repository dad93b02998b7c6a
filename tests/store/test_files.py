"""Files under the root: whole or not there, never outside, swept when their owner died."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from store import BadInput, Conflict
from store.files import (
    building,
    check_name,
    copy_hashed,
    fingerprint_file,
    fingerprint_folder,
    inside,
    name_from,
    publish,
    staging,
    write_atomic,
)

STAGER = """
import sys, time
from pathlib import Path
from store.files import staging
with staging(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("written")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("name", ["a", "A1", "flan-t5_small.v2", "x" * 128, "0"])
def test_a_good_name_is_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "a\\b/", "-a", ".a", "a b", "a\n", "a\0", "é", "x" * 129, "a\u202e"]
)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="cannot be a name"):
        check_name(name)


def test_a_name_is_made_of_what_there_is() -> None:
    assert name_from("My data (v2)!") == "My-data-v2"
    with pytest.raises(BadInput):
        name_from("…")


@pytest.mark.parametrize("parts", [("..",), ("a", "../.."), ("/etc/passwd",), ("a\0b",), ("link", "x")])
def test_no_path_leads_out_of_the_root(tmp_path: Path, parts: tuple[str, ...]) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to("/etc")
    with pytest.raises(BadInput, match="leads outside"):
        inside(tmp_path / "root", *parts)


def test_a_published_folder_is_whole_and_private(tmp_path: Path) -> None:
    with staging(tmp_path) as staged:
        (staged / "sub").mkdir(mode=0o777)
        (staged / "sub" / "file").write_text("x")
        (staged / "sub" / "file").chmod(0o666)
        target = publish(staged, tmp_path / "models" / "m")
    assert (target / "sub" / "file").read_text() == "x"
    modes = [path.stat().st_mode & 0o777 for path in (target, target / "sub", target / "sub" / "file")]
    assert modes == [0o700, 0o700, 0o600]
    assert not list((tmp_path / ".staging").iterdir())
    with staging(tmp_path) as staged, pytest.raises(Conflict, match="models/m is on the disk already"):
        publish(staged, target)


@pytest.mark.parametrize("kind", ["link", "folder link", "fifo"])
def test_a_folder_with_links_is_not_published(tmp_path: Path, kind: str) -> None:
    with staging(tmp_path) as staged:
        if kind == "fifo":
            os.mkfifo(staged / "x")
        else:
            (staged / "x").symlink_to("/etc" if kind == "folder link" else "/etc/passwd")
        with pytest.raises(BadInput, match="is not a plain file"):
            publish(staged, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_what_a_dead_process_staged_is_swept_and_what_a_living_one_stages_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STAGER, str(tmp_path)]
    stager = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert stager.stdout is not None
    folder = Path(stager.stdout.readline().strip())
    with staging(tmp_path):
        assert (folder / "half").exists()
    stager.kill()
    stager.communicate()
    assert (folder / "half").exists()
    with staging(tmp_path):
        assert not folder.exists()


def test_a_folder_that_is_built_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """Wherever it is; what a killed process had begun is swept by the next one, and nothing else is."""
    target, other = tmp_path / "out" / "m", tmp_path / "out" / ".m.not-ours"
    with pytest.raises(KeyError), building(target) as folder:
        (folder / "half").write_text("x")
        raise KeyError
    assert not list((tmp_path / "out").iterdir())
    other.mkdir()
    left_behind = tmp_path / "out" / ".m.0123abcd"
    left_behind.mkdir()
    with building(target) as folder:
        assert not left_behind.exists()
        with building(tmp_path / "out" / "n"):
            assert folder.exists()
        (folder / "whole").write_text("x")
    assert sorted(each.name for each in target.parent.iterdir()) == [".m.not-ours", "m", "n"]
    assert (target / "whole").exists()
    with pytest.raises(Conflict, match="is there already"), building(target):
        pass


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    for text in ("one", "two, longer", "Ä"):
        write_atomic(path, text)
        assert path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "\ud800")
    assert path.read_text(encoding="utf-8") == "Ä" and list(tmp_path.iterdir()) == [path]


def test_a_copy_has_the_fingerprint_of_its_original(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(3_000_000))
    assert copy_hashed(tmp_path / "a", tmp_path / "b") == fingerprint_file(tmp_path / "a")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


def test_a_folders_fingerprint_follows_names_and_contents(tmp_path: Path) -> None:
    def make(name: str, files: dict[str, str]) -> Path:
        for file, text in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / name

    one = fingerprint_folder(make("one", {"a": "1", "sub/b": "2"}))
    assert fingerprint_folder(make("two", {"sub/b": "2", "a": "1", "card": "3"}), skip=["card"]) == one
    assert fingerprint_folder(make("three", {"a": "1", "b": "2"})) != one
    assert fingerprint_folder(make("four", {"a": "12", "sub/b": ""})) != one
