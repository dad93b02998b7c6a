"""Sockets to listen on: one at a path for its owner alone, one on a port of this machine's loopback.

Who may speak on them, and what, is the business of those who accept.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from store.errors import Unavailable
from workbench.worker.reception import CONNECTIONS

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def socket_listener(path: Path) -> Iterator[socket.socket]:
    """A Unix socket at a path, 0600; it appears listening, in place of whatever lay there.

    A socket's path may have 107 bytes at most; a descriptor of its folder and a short name always fit.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    beside = f".{secrets.token_hex(8)}"
    before = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{beside}")
    finally:
        os.umask(before)
    try:
        listener.listen(CONNECTIONS)
        os.rename(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(beside, dir_fd=folder)
        raise
    finally:
        os.close(folder)
    try:
        yield listener
    finally:
        path.unlink(missing_ok=True)
        listener.close()


@contextlib.contextmanager
def port_listener(port: int) -> Iterator[socket.socket]:
    """A TCP socket on loopback.

    Args:
        port: 0 takes a free one.

    Raises:
        Unavailable: The port is taken, or not this user's to take.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A port whose last connection is still closing can be had again.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(CONNECTIONS)
    except OSError as error:
        listener.close()
        raise Unavailable(f"port {port} cannot be had ({error.strerror})", "choose another --port") from error
    with listener:
        yield listener
