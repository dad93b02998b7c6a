"""A trainer without a model, which a dispatcher starts in the worker's place: `--worker fake_trainer`.

Each start of a run is noted in its folder, so that a test can count them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from store import open_store
from workbench import processes
from workbench.runs.queue import trainer_lock

STEPS = 5


def main() -> None:
    """Work on the run that a dispatcher has claimed, as a trainer does, to its end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=("train",))
    parser.add_argument("run")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--nonce", required=True)
    asked = parser.parse_args()
    with open_store(asked.store) as store:
        run = store.runs.get(asked.run)
        lock = processes.HeldLock.take(trainer_lock(store, run))
        assert lock is not None
        with lock:
            with (store.runs.folder(run) / "starts").open("a") as starts:
                starts.write("started\n")
            store.runs.identify(run.id, processes.me(asked.nonce))
            store.runs.begin(run.id, STEPS)
            for step in range(1, STEPS + 1):
                time.sleep(float(run.settings.get("pace", 0.1)))
                store.metrics.append(run.id, [(step, "loss", 1.0 / step)])
                store.runs.progress(run.id, step)
            store.runs.complete(run.id, run.name)


if __name__ == "__main__":
    main()
