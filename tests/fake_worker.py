"""A worker without a model: a process that writes a scripted run into a store at a given pace.

It speaks to the store as a trainer does (claim, identify, begin, metrics, progress, requests, end), so that
screens and queues are tested without torch.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path

from store import Store, open_store
from store.identity import Identity
from store.runs import Run

NONCE = sys.argv[0]
"""A trainer's nonce is one of its arguments, by which a dispatcher knows it; ours has this one anyway."""


def main() -> None:
    """Work on a queued run, or on one made for the purpose, to the scripted end."""
    options = _parser().parse_args()
    with open_store(options.root) as store:
        run = store.runs.get(options.run) if options.run else _enter(store, options)
        if store.runs.claim(run.id, NONCE) is None:
            raise SystemExit(3)
        store.runs.identify(run.id, identity())
        log = store.runs.log_path(run)
        with log.open("a", encoding="utf-8") as lines:
            print(run.id, flush=True)  # the test reads which run it is
            _work(store, run, options, lines)


def identity() -> Identity:
    """Return who this process is."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return Identity(boot, os.getpid(), int(fields[19]), NONCE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--run")
    parser.add_argument("--name", default="fake")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--pace", type=float, default=0.01, help="seconds per step")
    parser.add_argument("--outcome", choices=("completed", "failed", "hang"), default="completed")
    parser.add_argument("--nan-at", type=int, default=-1)
    return parser


def _enter(store: Store, options: argparse.Namespace) -> Run:
    return store.runs.create(
        name=options.name,
        model="tiny",
        dataset="dialogues",
        template="summarise",
        method="lora",
        settings={"max_steps": options.steps, "learning_rate": 1e-3},
        lineage={},
    )


def _work(store: Store, run: Run, options: argparse.Namespace, log: object) -> None:
    store.runs.begin(run.id, options.steps)
    for step in range(1, options.steps + 1):
        time.sleep(options.pace)
        if store.runs.requested(run.id) == "cancel":
            store.runs.cancelled(run.id)
            return
        loss = math.nan if step == options.nan_at else 4 * math.exp(-3 * step / options.steps)
        points = [("loss", loss), ("learning_rate", 1e-3 * (1 - step / options.steps))]
        points += [("grad_norm", 1.0 + loss / 4), ("tokens_per_second", 1000.0 + step)]
        points += [("memory_bytes", 5e8 + 1e6 * step)]
        if step % 5 == 0:
            points.append(("eval_loss", loss + 0.1))
        store.metrics.append(run.id, [(step, name, value) for name, value in points])
        store.runs.progress(run.id, step)
        print(f"step {step}/{options.steps} loss {loss:.3f}", file=log, flush=True)  # type: ignore[call-overload]
    _end(store, run, options)


def _end(store: Store, run: Run, options: argparse.Namespace) -> None:
    if options.outcome == "completed":
        store.runs.complete(run.id, run.name)
    elif options.outcome == "failed":
        store.runs.fail(run.id, "the loss is not a number", "lower the learning rate")
    while options.outcome == "hang":
        time.sleep(1)


if __name__ == "__main__":
    main()
