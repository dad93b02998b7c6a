"""A full disk: the dispatcher waits for room and then records what happened meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Runs in a mount namespace of its own, where the store's disk has 8 MB.
SCENE = """
import signal, subprocess, sys, time
from pathlib import Path
from store import open_store
from workbench import processes
from workbench.runs import launch

disk = Path(sys.argv[1])
with open_store(disk / "store") as store:
    trainer = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)", "nonce"])
    identity = None
    while identity is None:
        identity = processes.find("nonce", "-S")
    lineage = {"dataset": {"split": "train"}}
    names = dict(name="run", model="m", dataset="d", template="t", method="lora")
    run = store.runs.create(**names, settings={}, lineage=lineage)
    store.runs.claim(run.id, "nonce")
    store.runs.identify(run.id, identity)
    store.runs.begin(run.id, 10)
    launch.attend(store)
    with open(disk / "fill", "wb", buffering=0) as fill:
        try:
            while True:
                fill.write(bytes(4096))
        except OSError:
            pass
    trainer.kill()
    trainer.wait()
    deadline = time.monotonic() + 8  # longer than an idle dispatcher lives
    while time.monotonic() < deadline:
        assert store.runs.get(run.id).status == "running"
        time.sleep(0.5)
    (disk / "fill").unlink()
    freed = time.monotonic()
    while store.runs.get(run.id).live:
        assert time.monotonic() - freed < 5, (disk / "store" / "queue.log").read_text()
        time.sleep(0.05)
    print(store.runs.get(run.id).status)
"""


def test_a_full_disk_delays_the_record_of_an_end_and_loses_none(tmp_path: Path) -> None:
    """The dispatcher outlasts it, and the state is right within five seconds of there being room."""
    unshare = shutil.which("unshare")
    mount = f'mount -t tmpfs -o size=8m tmpfs "{tmp_path}"'
    own = [unshare or "", "--map-root-user", "--mount", "sh", "-c"]
    if unshare is None or subprocess.run([*own, mount], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces for this user")
    done = subprocess.run(
        [*own, f'{mount} && exec "$0" -c "$1" "$2"', sys.executable, SCENE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["interrupted"]
