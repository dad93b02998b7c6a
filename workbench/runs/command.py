"""How a trainer is started: its command line and environment, for one process or for several by torchrun."""

from __future__ import annotations

import os
from pathlib import Path

from store import Store
from store.runs import Run
from workbench import processes
from workbench.runs import devices, repeating
from workbench.runs.slots import processes_of

MEETING_POINT = "meeting"
"""Files of this prefix in a run's folder are where its processes find each other."""


def trainer_argv(store: Store, run: Run, nonce: str, worker: str) -> list[str]:
    """The command that trains a claimed run.

    Args:
        store: An open store.
        run: The run; its settings say over how many processes it goes.
        nonce: Stands among the arguments of each of them.
        worker: The module that trains.
    """
    arguments = ["train", run.id, "--store", str(store.root), "--nonce", nonce]
    count = processes_of(run)
    if count == 1:
        return processes.module_argv(worker, *arguments)
    folder = store.runs.folder(run)
    # What `--standalone` does over a port open to the whole network, and with pickles, a file does here.
    return processes.module_argv(
        "torch.distributed.run",
        "--nnodes=1",
        f"--nproc-per-node={count}",
        "--max-restarts=0",
        "--rdzv-backend=c10d",
        "--rdzv-conf=store_type=file",
        f"--rdzv-endpoint={meeting_point(folder, nonce)}-agents",
        f"--rdzv-id={nonce}",
        "--local-addr=127.0.0.1",
        "-m",
        worker,
        *arguments,
    )


def trainer_environment(run: Run) -> dict[str, str]:
    """The variables of a run's trainer, beyond those of every worker."""
    alone = devices.environment(run.devices) | repeating.environment(run.settings)
    count = processes_of(run)
    if count == 1:
        return alone
    cores = len(os.sched_getaffinity(0))
    return alone | {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores // count))),
        # torchrun starts its interpreters without `-P`.
        "PYTHONSAFEPATH": "1",
        # Nothing listens beyond this machine.
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
    }


def meeting_point(folder: Path, nonce: str) -> Path:
    """The file by which the processes of one attempt at a run find each other."""
    return folder / f"{MEETING_POINT}-{nonce}"


def forget_meetings(folder: Path) -> None:
    """Remove the files of earlier attempts, when none of their processes lives."""
    for path in folder.glob(f"{MEETING_POINT}-*"):
        path.unlink(missing_ok=True)
