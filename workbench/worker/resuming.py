"""Where a run goes on: at its newest whole checkpoint; where that is not its newest, log and alert say so."""

from __future__ import annotations

import sys
from typing import Any

from store import Store
from store.checkpoints import Checkpoint
from store.errors import Conflict
from store.runs import Run
from workbench.runs.lifecycle import POSITION
from workbench.runs.options import RunOptions
from workbench.worker import checkpoint, ranks, together
from workbench.worker.data import Data


def basis(options: RunOptions, rows: Data) -> dict[str, Any]:
    """What weights, order and position depend on: it must be the same when the run goes on."""
    settings = {name: getattr(options.settings, name) for name in POSITION}
    return {"method": options.method, "rows": rows.rows, **settings}


def find(store: Store, run: Run, now: dict[str, Any], *, repeats: bool) -> Checkpoint | None:
    """Find the checkpoint that a run goes on from; of several processes the first looks, for all.

    Args:
        store: An open store.
        run: The run; only its own workers may ask.
        now: Its `basis`.
        repeats: Whether this device repeats its results to the bit.

    Returns:
        None where it begins at the beginning.

    Raises:
        Conflict: The checkpoint was made of other data or with other settings.
    """
    found = _looked_for(store, run, now, repeats=repeats) if together.leads() else None
    step = ranks.gathered(found.step if found else None)[0]
    return None if step is None else store.checkpoints.get(run.id, step)


def _looked_for(store: Store, run: Run, now: dict[str, Any], *, repeats: bool) -> Checkpoint | None:
    """Find it among what earlier attempts have left, and tell what is to be known about it."""
    found, damages = store.checkpoints.newest_whole(run.id)
    for damage in damages:
        onward = f"it goes on from step {found.step}" if found else "it begins anew, from step 0"
        message = f"{damage}; {onward}"
        sys.stdout.write(f"{message}\n")
        store.alerts.append(run.id, found.step if found else 0, "checkpoint", message)
    if found is None:
        if run.step and not damages:
            sys.stdout.write(f"there is no checkpoint yet of the {run.step} steps before: begins anew\n")
        return None
    was = checkpoint.read_progress(found.path)["basis"]
    changed = [
        f"{key} was {was.get(key)} and is {value}" for key, value in now.items() if was.get(key) != value
    ]
    if changed:
        raise Conflict(
            f"run {run.id} cannot go on from step {found.step}: {', '.join(changed)}",
            f"start it anew: workbench run retry {run.id}",
        )
    sys.stdout.write(f"goes on from the checkpoint of step {found.step}\n")
    if not repeats:
        sys.stdout.write(
            "on a GPU without deterministic = true, later losses differ in their last digits from those of a "
            "run that was never stopped\n"
        )
    return found
