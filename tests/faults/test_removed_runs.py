"""kill -9 while runs are removed and taken back: each is either there, whole, or in the trash, whole."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

from store import Store, open_store

KILLS = 6
GO_AND_COME = """
import sys
from store import open_store

with open_store(sys.argv[1]) as store:
    print("ready", flush=True)
    while True:
        store.runs.remove("r1")
        store.trash.restore()
"""


def stands_whole(store: Store) -> bool:
    """Whether the run is there; where it is, its folder has all that it had."""
    there = [run.id for run in store.runs.list()] == ["r1"]
    entries = store.trash.list()
    assert there != bool(entries)
    if there:
        assert (store.root / "runs" / "r1" / "log.txt").read_text() == "a line\n"
    return there


def test_a_run_whose_removal_is_killed_is_wholly_there_or_wholly_in_the_trash(store: Store) -> None:
    run = store.runs.create(
        name="one", model="m", dataset="d", template="t", method="lora", settings={}, lineage={}
    )
    store.metrics.append(run.id, [(1, "loss", 1.0)])
    store.runs.log_path(run).write_text("a line\n")
    store.runs.request(run.id, "cancel")
    source = random.Random(0)
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", GO_AND_COME, str(store.root)], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None and child.stdout.readline() == b"ready\n"
            time.sleep(source.uniform(0.0, 0.1))
            child.send_signal(signal.SIGKILL)
        with open_store(store.root) as again:
            if not stands_whole(again):
                again.trash.restore()
            assert stands_whole(again)
            assert len(again.metrics.after(0, run="r1")[0]) == 1
