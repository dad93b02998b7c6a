"""The devices that runs may have: those of this machine that the person who started the queue may see."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from store.errors import BadInput
from store.runs import Run
from workbench import processes, telemetry
from workbench.runs.slots import Device, devices_of, processes_of
from workbench.runs.training import TrainingSettings
from workbench.telemetry import GpuReading

VISIBLE = "CUDA_VISIBLE_DEVICES"


def read_devices(live: Iterable[Run]) -> list[Device]:
    """Read what this machine can train on now.

    Args:
        live: The runs at work, whose memory is told apart from everybody else's.
    """
    gpus = visible(telemetry.read_gpus(), os.environ)
    used = {run.id: {pid: telemetry.process_memory(pid) for pid in _pids(run)} for run in live}
    return devices_of(gpus, telemetry.read_host(), used)


def _pids(run: Run) -> list[int]:
    """The processes that train a run; each of several has the nonce among its arguments."""
    if run.identity is None:
        return []
    if processes_of(run) == 1:
        return [run.identity.pid]
    return [identity.pid for identity in processes.find_all(run.identity.nonce)]


def visible(gpus: Sequence[GpuReading], environment: Mapping[str, str]) -> list[GpuReading]:
    """The GPUs that an environment lets be used, in its order.

    CUDA reads the variable's list up to the first entry that names no device, and so does this.
    """
    if VISIBLE not in environment:
        return list(gpus)
    found: list[GpuReading] = []
    for entry in (each.strip() for each in environment[VISIBLE].split(",")):
        named = [gpu for gpu in gpus if _is_called(gpu, entry)]
        if len(named) != 1 or named[0] in found:
            break
        found += named
    return found


def environment(devices: Sequence[int]) -> dict[str, str]:
    """The variables that let a trainer see the GPUs of these indexes and no others."""
    if not devices:
        return {VISIBLE: os.environ.get(VISIBLE, "0").split(",")[0]}
    # NVML counts in the order of the bus; CUDA by itself puts the fastest first.
    return {VISIBLE: ",".join(map(str, devices)), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def check_group(settings: TrainingSettings) -> None:
    """Refuse a run over more devices than there are.

    Raises:
        BadInput: It asks for more than this machine has GPUs or, where it has none, processors.
    """
    wanted = settings.nproc_per_node
    gpus = visible(telemetry.read_gpus(), os.environ) if wanted > 1 else []
    cores = len(os.sched_getaffinity(0))
    most = len(gpus) or max(2, cores)
    if wanted > most:
        has = f"{len(gpus)} GPUs" if gpus else f"{cores} processors and no GPU"
        raise BadInput(f"nproc_per_node = {wanted}, and this machine has {has}", f"give at most {most}")


def _is_called(gpu: GpuReading, entry: str) -> bool:
    if entry.isdigit():
        return gpu.index == int(entry)
    return bool(entry) and gpu.uuid.startswith(entry)
