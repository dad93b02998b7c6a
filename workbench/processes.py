"""Processes of ours: starting one that outlives its starter, and knowing for certain which one it is.

It knows nothing of runs or models; the queue, the client and the command line start their workers through it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from store.identity import Identity

# A worker sees these variables of its starter and no others: tokens and keys stay behind.
_ALLOWED_NAMES = frozenset(
    {"HOME", "USER", "LOGNAME", "PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SHELL", "VIRTUAL_ENV"}
    | {"LD_LIBRARY_PATH", "CPATH", "CC", "CXX", "MKL_NUM_THREADS", "HF_HOME", "HF_HUB_CACHE"}
)
_ALLOWED_PREFIXES = (
    "LC_",
    "PYTHON",
    "OMP_",
    "CUDA",
    "NVIDIA_",
    "NCCL_",
    "TORCH",
    "PYTORCH",
    "TRITON_",
    "XDG_",
)
_WORKER_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # glibc keeps freed blocks otherwise, and a CPU trainer's memory grows to about twice its tensors.
    "MALLOC_MMAP_THRESHOLD_": "4194304",
    # OpenMP's threads wait for one another by spinning, by default so long that a trainer which shares its
    # cores with a screen runs at half its speed; a short spin costs an idle machine next to nothing.
    "GOMP_SPINCOUNT": "3000",
    "PYTHONUNBUFFERED": "1",
    "PYTHONFAULTHANDLER": "1",
}
_LOCK_RETRY_SECONDS = 0.02


def worker_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a worker: an allow-list of ours plus what keeps it offline.

    Args:
        extra: Variables to add or to replace.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _ALLOWED_NAMES or name.startswith(_ALLOWED_PREFIXES)
    }
    return kept | _WORKER_ENVIRONMENT | dict(extra or {})


def module_argv(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules in a fresh interpreter.

    `-P` keeps the working folder off the import path: a file in a run folder is never code.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def start(argv: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str] | None = None) -> int:
    """Start a process that nothing of the starter's end can reach, and reap it when it ends.

    Args:
        argv: The program and its arguments.
        log: File that takes stdout and stderr; made 0600, appended to.
        cwd: Working folder of the process.
        env: Variables to add to the worker's environment.

    Returns:
        The process id.
    """
    process = spawn(argv, log=log, cwd=cwd, env=env)
    threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()
    return process.pid


def spawn(
    argv: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with no terminal; the caller waits for it.

    Args and files as in `start`.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=cwd,
            env=worker_environment(env),
            start_new_session=True,
            umask=0o077,
        )
    finally:
        os.close(descriptor)
    # The kernel sets a program's arguments a moment after it has replaced the old one: `find` needs them.
    while not _arguments(process.pid) and process.poll() is None:
        time.sleep(0.001)
    return process


def me(nonce: str) -> Identity:
    """The identity of this process; `nonce` must stand among its arguments, or be empty."""
    return Identity(_boot_id(), os.getpid(), _start_ticks(os.getpid()) or 0, nonce)


def alive(identity: Identity) -> bool:
    """Whether exactly this process runs: no other with its number, no zombie, none of an earlier boot."""
    return (
        identity.boot_id == _boot_id()
        and identity.start_ticks == _start_ticks(identity.pid)
        and (not identity.nonce or identity.nonce in _arguments(identity.pid))
    )


def lives(process: Identity | None) -> bool:
    """Whether a process that may never have been found runs."""
    return process is not None and alive(process)


def find(nonce: str, *others: str) -> Identity | None:
    """The living process that was started with all of these among its arguments, if there is one."""
    return next(find_all(nonce, *others), None)


def find_all(nonce: str, *others: str) -> Iterator[Identity]:
    """Every living process that was started with all of these among its arguments."""
    wanted = {nonce, *others}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and wanted <= set(_arguments(int(entry.name))):
            ticks = _start_ticks(int(entry.name))
            if ticks is not None:
                yield Identity(_boot_id(), int(entry.name), ticks, nonce)


def terminate(identity: Identity, sig: int = signal.SIGTERM) -> bool:
    """Send a signal to exactly this process; a process that took over its number is never hit.

    Returns:
        Whether the process was there to take it.
    """
    try:
        descriptor = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return False
    try:
        # The descriptor pins the process: whatever is alive now is what the signal reaches.
        if not alive(identity):
            return False
        signal.pidfd_send_signal(descriptor, sig)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


class HeldLock:
    """A kernel lock on a file, held until `release` or the holder's death, whichever comes first."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path, *, wait_seconds: float = 1.0) -> HeldLock | None:
        """Take the lock, or give up.

        Args:
            path: The lock file; made 0600 where it is missing.
            wait_seconds: How long to try. Above zero even where nobody should hold it: `held` looks by taking
                the lock for an instant.

        Returns:
            The lock, or None when someone else keeps it.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return cls(descriptor)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return None
            time.sleep(_LOCK_RETRY_SECONDS)

    def release(self) -> None:
        """Give the lock back; doing so twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> HeldLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def held(path: Path) -> bool:
    """Whether some process holds the lock on this file now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def last_line(log: Path) -> str:
    """The last line of a process's log that says something, for an error of one line."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return "it wrote no log"
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "its log is empty")


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _start_ticks(pid: int) -> int | None:
    """Clock ticks from boot to the process's start, None when it is gone or a zombie (proc(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and may itself hold blanks and brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _arguments(pid: int) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return raw.decode("utf-8", "replace").split("\0") if raw else []
