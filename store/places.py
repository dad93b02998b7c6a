"""Where a store may live: whose folder, on which file system; it does not touch what lies inside."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from store.errors import BadInput, Unavailable

NETWORK_FILE_SYSTEMS = """
    nfs nfs4 cifs smb3 smbfs afs ceph lustre gpfs beegfs beegfs_nodev ocfs2 gfs2 orangefs pvfs2 coda panfs
    fuse.sshfs fuse.ceph fuse.glusterfs fuse.juicefs fuse.rclone fuse.s3fs fuse.gcsfuse fuse.goofys fuse.davfs
    fuse.moosefs fuse.mfs fuse.lizardfs fuse.beegfs fuse.seaweedfs
"""

# What a store's folder may hold when its catalog is missing, as after a lost disk or before a first opening.
OUR_ENTRIES = """
    models datasets templates mixtures adapters runs inbox serve .staging catalog.lock queue.lock queue.log
    trash drafts screens.json
"""


@dataclass(frozen=True)
class Mount:
    """One line of /proc/self/mountinfo: where, what kind, and the file system's own options."""

    point: Path
    kind: str
    options: str


def prepare_root(root: Path, *, create: bool) -> Path:
    """Return the store's folder, private and ours, making it when it is missing.

    Args:
        root: the folder named by the user.
        create: make the folder when it is missing.
    Raises:
        BadInput: the folder is something else: a file, or a folder with other things in it.
        Unavailable: it is missing, or belongs to another user.
    """
    root = root.expanduser().absolute()
    if root.is_symlink() or root.exists():
        _check_is_a_store(root)
    elif create:
        _make_private(root)
    else:
        raise Unavailable(
            f"there is no store at {root}", "name another with --store, or add something to it first"
        )
    root = root.resolve()
    if stat.S_IMODE(root.stat().st_mode) & 0o077 and os.access(root, os.W_OK):
        root.chmod(0o700)
    return root


def _check_is_a_store(root: Path) -> None:
    if not root.is_dir():
        raise BadInput(f"{root} is not a folder", "name a folder with --store")
    owner = root.stat().st_uid
    if owner != os.geteuid():
        raise Unavailable(
            f"{root} belongs to another user (uid {owner}, you are {os.geteuid()})",
            "name a folder of your own with --store, or run as its owner",
        )
    names = {entry.name for entry in root.iterdir()}
    strangers = sorted(names.difference(OUR_ENTRIES.split()))
    if "catalog.db" not in names and strangers:
        raise BadInput(
            f"{root} is not a store: it holds {strangers[0]!r} and no catalog.db",
            "name an empty or a new folder",
        )


def _make_private(root: Path) -> None:
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=0o700, exist_ok=True)
        root.chmod(0o700)  # an odd umask may have taken our own bits
    except OSError as error:
        raise Unavailable(
            f"{root} cannot be made: {error.strerror}", "name another folder with --store or WORKBENCH_STORE"
        ) from error


def check_folder_is_local(folder: Path, mounts: str | None = None) -> None:
    """Refuse a network file system: SQLite's log needs one machine's shared memory and true locks.

    Args:
        folder: where the catalog lies or shall lie.
        mounts: the text of /proc/self/mountinfo; read when left out.
    Raises:
        Unavailable: the folder is on a network file system.
    """
    mount = _mount_of(folder.resolve(), _read_mounts() if mounts is None else mounts)
    if mount is not None and _is_network(mount):
        raise Unavailable(
            f"{folder} is on a network file system ({mount.kind}), which SQLite cannot share safely",
            "put the store on a local disk: --store DIR or WORKBENCH_STORE",
        )


def _is_network(mount: Mount) -> bool:
    if (
        mount.kind == "9p"
    ):  # a sandbox's own root is 9p over a descriptor; Windows drives and TCP are not local
        return any(mark in mount.options for mark in ("aname=drvfs", "trans=tcp", "trans=rdma"))
    return mount.kind in NETWORK_FILE_SYSTEMS.split()


def _read_mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # no /proc, as on macOS
        return ""


def _mount_of(folder: Path, mounts: str) -> Mount | None:
    """Return the mount that holds a folder: the deepest point above it, the last line when several match."""
    best: Mount | None = None
    for line in mounts.split("\n"):
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(kinds) < 3:
            continue
        point = Path(_unescape(fields[4]))
        if folder.is_relative_to(point) and (best is None or len(point.parts) >= len(best.point.parts)):
            best = Mount(point, kinds[0], kinds[2])
    return best


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
