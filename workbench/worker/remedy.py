"""A run that ran out of memory: what to change about it, reckoned where it failed and ready to be typed."""

from __future__ import annotations

import gc
import sys
from typing import Any

import torch

from store import Store
from store.errors import StoreError
from store.runs import Run
from store.sizes import bytes_text
from workbench.runs import lifecycle
from workbench.runs.capacity import free_bytes
from workbench.runs.probing import Alternative
from workbench.worker.longest import Shape
from workbench.worker.probe import ways_out


def with_ways_out(store: Store, run_id: str, hint: str) -> str:
    """Put the changes that would make a run fit before a hint, where its largest batch is known.

    Args:
        store: An open store.
        run_id: The run, which has just run out of memory in this process.
        hint: What to do in general; it stands alone where no way is found.
    """
    run = store.runs.get(run_id)
    shapes = run.plan.get("shapes")
    if not shapes:
        return hint
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        found = _ways(store, run, shapes)
    except (StoreError, RuntimeError, MemoryError) as error:
        # The run's own end must be told whatever becomes of this.
        sys.stderr.write(f"no way out was reckoned: {error}\n")
        return hint
    return f"it would fit with {' or '.join(map(_text, found))}" if found else hint


def _ways(store: Store, run: Run, shapes: dict[str, Any]) -> list[Alternative]:
    training, evaluation = (shapes[each] and Shape(**shapes[each]) for each in ("training", "evaluation"))
    device = torch.device(run.plan["device"])
    return ways_out(
        store,
        store.models.get(run.model),
        lifecycle.options_of(run),
        (training, evaluation),
        device,
        free=free_bytes(device.type),
        ratio=1.0,
    )


def _text(way: Alternative) -> str:
    return f"{way.text} ({bytes_text(way.bytes)})"
