"""Processes: known for certain, signalled for certain, locked by the kernel, and without our secrets."""

from __future__ import annotations

import dataclasses
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import processes

SLEEPER = "import time; time.sleep(60)"


def sleeper(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A process that does nothing for a minute."""
    argv = [sys.executable, "-S", "-c", SLEEPER, *arguments]
    return processes.spawn(argv, log=tmp_path / "log.txt", cwd=tmp_path)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process of this test."""
    process.kill()
    process.wait()


def test_a_process_is_known_by_more_than_its_number(tmp_path: Path) -> None:
    """Another boot, another start or another nonce is another process."""
    process = sleeper(tmp_path, "nonce-1")
    try:
        identity = processes.find("nonce-1")
        assert identity is not None and identity.pid == process.pid
        assert processes.alive(identity)
        for other in (
            dataclasses.replace(identity, boot_id="another"),
            dataclasses.replace(identity, start_ticks=identity.start_ticks - 1),
            dataclasses.replace(identity, nonce="nonce-2"),
            dataclasses.replace(identity, pid=os.getpid()),
        ):
            assert not processes.alive(other)
            assert not processes.terminate(other, signal.SIGKILL)
        assert process.poll() is None
    finally:
        end(process)


def test_a_signal_reaches_the_process_and_the_dead_take_none(tmp_path: Path) -> None:
    """A zombie counts as dead."""
    process = sleeper(tmp_path, "nonce-3")
    identity = processes.find("nonce-3")
    assert identity is not None
    assert processes.terminate(identity, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie now: ended, not waited for
    assert not processes.alive(identity)
    process.wait()
    assert not processes.terminate(identity)


def test_this_process_knows_itself() -> None:
    """An empty nonce is not compared."""
    assert processes.alive(processes.me(""))
    assert not processes.alive(processes.me("not among the arguments"))


def test_a_worker_has_no_terminal_no_secret_and_a_private_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own session, standard input empty, log 0600, files private, tokens gone, offline."""
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    code = (
        "import os, sys; open('made', 'w').close();"
        "print(os.getsid(0) == os.getpid(), sys.stdin.read() == '', os.environ['HF_HUB_OFFLINE'], os.environ)"
    )
    log = tmp_path / "log.txt"
    process = processes.spawn([sys.executable, "-c", code], log=log, cwd=tmp_path)
    assert process.wait() == 0
    text = log.read_text()
    assert text.startswith("True True 1 ")
    assert "canary" not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600


def test_a_file_in_the_working_folder_is_never_imported(tmp_path: Path) -> None:
    """A module of ours starts with the folder off the import path."""
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the run folder')")
    argv = processes.module_argv("json.tool", "--help")
    process = processes.spawn(argv, log=tmp_path / "log.txt", cwd=tmp_path)
    assert process.wait() == 0
    assert "imported from" not in (tmp_path / "log.txt").read_text()


def test_a_started_process_leaves_no_zombie(tmp_path: Path) -> None:
    """A screen that is open for days does not collect the dead."""
    pid = processes.start([sys.executable, "-S", "-c", ""], log=tmp_path / "log.txt", cwd=tmp_path)
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


def test_a_lock_ends_with_its_holder(tmp_path: Path) -> None:
    """kill -9 of the holder, and the next taker has it within a tenth of a second."""
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from workbench.processes import HeldLock;"
        "lock = HeldLock.take(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    assert processes.held(path)
    assert processes.HeldLock.take(path, wait_seconds=0.05) is None
    end(holder)
    began = time.monotonic()
    lock = processes.HeldLock.take(path)
    assert lock is not None and time.monotonic() - began < 0.1
    with lock:
        assert processes.held(path)
    assert not processes.held(path)


def test_a_missing_lock_file_is_not_held(tmp_path: Path) -> None:
    """Looking makes no file."""
    assert not processes.held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []
