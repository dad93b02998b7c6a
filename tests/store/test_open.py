"""The door: what becomes a store, where it may lie, and which versions of it are understood."""

from __future__ import annotations

from pathlib import Path

import pytest

import store as room
from store import BadInput, StoreError, Unavailable, default_path, open_store
from store.places import check_folder_is_local

MOUNTS = """
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/me/scratch\\040disk rw - xfs /dev/sdb rw
40 22 0:50 / /mnt/c rw - 9p C:\\134 rw,aname=drvfs;path=C:\\,trans=fd,rfd=8,wfd=8
41 22 0:51 / /sandbox rw - 9p none rw,trans=fd,rfdno=4,wfdno=4
42 22 0:52 / /sshfs rw - fuse.sshfs me@host: rw
"""


@pytest.mark.parametrize("folder", ["/home/me/store", "/mnt/c/store", "/sshfs/store"])
def test_the_catalog_is_refused_on_a_network_file_system(folder: str) -> None:
    with pytest.raises(Unavailable, match="network file system"):
        check_folder_is_local(Path(folder), MOUNTS)


@pytest.mark.parametrize("folder", ["/var/store", "/home/me/scratch disk/store", "/sandbox/store"])
def test_the_catalog_is_taken_on_a_local_file_system(folder: str) -> None:
    check_folder_is_local(Path(folder), MOUNTS)


def test_this_folder_is_local(tmp_path: Path) -> None:
    check_folder_is_local(tmp_path)


def test_a_missing_store_is_made_only_when_asked(store_root: Path) -> None:
    with pytest.raises(Unavailable, match="there is no store"):
        open_store(store_root, create=False)
    assert not store_root.exists()
    open_store(store_root).close()
    open_store(store_root, create=False).close()


def test_a_folder_of_other_things_does_not_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    mode = tmp_path.stat().st_mode
    with pytest.raises(BadInput, match=r"thesis\.tex"):
        open_store(tmp_path)
    assert tmp_path.stat().st_mode == mode


def test_a_file_does_not_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="not a folder"):
        open_store(tmp_path / "file")


def test_a_store_that_lost_its_catalog_opens_again(store_root: Path) -> None:
    with open_store(store_root) as store:
        store.close()
    (store_root / "catalog.db").unlink()
    with open_store(store_root) as store:
        assert store.models.list() == []


def test_a_store_of_a_newer_version_is_refused(store_root: Path) -> None:
    with open_store(store_root) as store:
        store.db.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values ('store', 'm999_x', '')"
        )
    with pytest.raises(Unavailable, match="newer version"):
        open_store(store_root)


def test_the_place_of_the_store_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_STORE", "/a/b")
    assert default_path() == Path("/a/b")
    monkeypatch.delenv("WORKBENCH_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_path() == Path("/data/workbench")


def test_the_rooms_public_names_are_these() -> None:
    assert set(room.__all__) == {
        "BadInput", "Conflict", "NotFound", "Store", "StoreError", "Unavailable",
        "default_path", "open_store",
    }  # fmt: skip


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    error = StoreError("a value\nwith lines", "do\n  this")
    assert str(error) == "a value with lines; do this"
