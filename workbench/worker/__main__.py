"""The door of every worker process: which job, on which store, and how its end is told.

`python -m workbench.worker JOB --store ROOT --nonce N`, where JOB is one of
train RUN | serve MODEL | evaluate GROUP | probe | finished
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from store import Store, open_store
from store.adapters import Adapter
from store.errors import StoreError
from store.runs import Run
from workbench.runs import hints
from workbench.runs.launch import check_unchanged
from workbench.serving import TOKEN_VARIABLE
from workbench.worker import group
from workbench.worker.failures import explain, is_out_of_memory
from workbench.worker.pulse import Cancelled, Interrupted, Paused, Pulse, alive


def main(arguments: list[str] | None = None) -> int:
    """Run one job to its end.

    Returns:
        0 when the job ended as it should, 1 when it failed; the catalog and the log say why.
    """
    asked = _parser().parse_args(arguments)
    _quieten()
    if asked.job != "train":
        return _answer(asked)
    with open_store(asked.store, create=False) as store:
        return _train(store, asked.run, asked.nonce)


def _quieten() -> None:
    """Keep out of every log that bitsandbytes, once imported, finds no faster code on the Hub.

    Workers are offline, and the code that it brings along does the work.
    """
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--store", type=Path, required=True)
    common.add_argument("--nonce", default="", help="tells this process from a later one of the same number")
    parser = argparse.ArgumentParser(prog="python -m workbench.worker")
    jobs = parser.add_subparsers(dest="job", required=True)
    jobs.add_parser("train", parents=[common]).add_argument("run")
    jobs.add_parser("evaluate", parents=[common]).add_argument("group")
    jobs.add_parser("probe", parents=[common])
    jobs.add_parser("finished", parents=[common], help="merge, combine and compare trained adapters")
    serving = jobs.add_parser("serve", parents=[common])
    serving.add_argument("model")
    serving.add_argument("--idle-seconds", type=float, default=600.0, help="end after so long without work")
    serving.add_argument("--port", type=int, help="a TCP port of loopback for clients that show the token")
    return parser


def _answer(asked: argparse.Namespace) -> int:
    try:
        # Each imports what the other does not need.
        if asked.job == "serve":
            from workbench.worker import serve

            # The token is taken out of the environment: nothing that this process starts shall have it.
            token = os.environ.pop(TOKEN_VARIABLE, "")
            idle, port = asked.idle_seconds, asked.port
            return serve.main(asked.store, asked.model, idle_seconds=idle, port=port, token=token)
        if asked.job == "probe":
            from workbench.worker import probe

            with open_store(asked.store, create=False) as store:
                return probe.main(store)
        if asked.job == "finished":
            from workbench.worker import finished

            with open_store(asked.store, create=False) as store:
                return finished.main(store)
        from workbench.worker import evaluate

        return evaluate.main(asked.store, asked.group)
    except StoreError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _train(store: Store, run_id: str, nonce: str) -> int:
    run = store.runs.get(run_id)
    if int(os.environ.get("RANK", "0")) > 0:
        return _follow(store, run, nonce)
    sys.stdout.write(f"run {run.id} ({run.name}): {run.method} on {run.model}\n")
    with alive(store, run, nonce) as pulse:
        try:
            others = group.read_group(run)
            check_unchanged(store, run)
        except Exception as error:  # noqa: BLE001 (the process's door: every end is told)
            return _fail(store, run_id, error)
        with group.leading(store, run, others, pulse) as followers:
            return _lead(store, run, pulse, followers)


def _trainer() -> Callable[[Store, Run, Pulse], Adapter]:
    """What trains a run. Only now: these imports take seconds, and a refused run needs none of them."""
    from workbench.worker.train import train

    # What the libraries hold stays; to look it over takes a third of a second each time that memory is freed.
    gc.freeze()
    return train


def _lead(store: Store, run: Run, pulse: Pulse, followers: group.Followers) -> int:
    try:
        adapter = _trainer()(store, run, pulse)
    except (Cancelled, Paused, Interrupted) as order:
        lost = followers.lost()
        return _obey(store, run.id, order) if lost is None else _interrupt(store, followers, lost)
    except Exception as error:  # noqa: BLE001 (the process's door: every end is told)
        lost = followers.lost(error)
        return _fail(store, run.id, error) if lost is None else _interrupt(store, followers, lost)
    store.runs.complete(run.id, adapter.name)
    return 0


def _follow(store: Store, run: Run, nonce: str) -> int:
    """Train as one of several processes; whatever happens here is told by the leader."""
    place = group.read_group(run)
    with group.following(store, run, nonce, place) as pulse:
        try:
            _trainer()(store, run, pulse)
        except (group.Released, Cancelled, Paused, Interrupted):
            return 0
        except Exception as error:  # noqa: BLE001 (the process's door: every end is told)
            if group.is_over(store.runs.get(run.id), nonce):
                return 0
            traceback.print_exception(error)
            sys.stderr.write(f"error: {explain(error, run.id)[0]}\n")
        return 1


def _interrupt(store: Store, followers: group.Followers, lost: str) -> int:
    sys.stderr.write(f"error: {lost}\n")
    followers.interrupt(store, lost)
    return 1


def _obey(store: Store, run_id: str, order: Cancelled | Paused | Interrupted) -> int:
    """Record that a run was set aside, or ended, as it was told."""
    run = store.runs.get(run_id)
    if isinstance(order, Paused):
        store.runs.paused(run_id)
    elif isinstance(order, Cancelled) or run.request == "cancel":
        store.runs.cancelled(run_id)
    else:
        # By a person who wants it, or because the machine goes down.
        what = f"the trainer was told to end (SIGTERM), after step {run.step} of {run.total_steps}"
        store.runs.interrupt(run_id, what, hints.to_resume(run_id))
    return 0


def _fail(store: Store, run_id: str, error: Exception) -> int:
    if not isinstance(error, StoreError):
        traceback.print_exception(error)
    what, hint = explain(error, run_id)
    if is_out_of_memory(error):
        from workbench.worker.remedy import with_ways_out

        hint = with_ways_out(store, run_id, hint)
    try:
        store.runs.fail(run_id, what, hint)
    except StoreError as refused:
        # The dispatcher records the end from this process's exit instead.
        sys.stderr.write(f"could not record the failure: {refused}\n")
    sys.stderr.write(f"error: {what}; {hint}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
