"""The devices that runs may have: those of this machine that the person who started the queue may see."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from store.errors import BadInput
from store.runs import Run
from workbench import telemetry
from workbench.runs.slots import Device, devices_of
from workbench.telemetry import GpuReading

VISIBLE = "CUDA_VISIBLE_DEVICES"
WITHOUT_SHARDS = ("adamw_bnb_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "adafactor")
"""Optimizers whose state is no plain tensor per weight."""


def read_devices(live: Iterable[Run]) -> list[Device]:
    """Read what this machine can train on now.

    Args:
        live: The runs at work, whose memory is told apart from everybody else's.
    """
    gpus = visible(telemetry.read_gpus(), os.environ)
    memory = {} if gpus else {run.pid: telemetry.process_memory(run.pid) for run in live if run.pid}
    return devices_of(gpus, telemetry.read_host(), memory)


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


def check_group(method: str, settings: Mapping[str, object]) -> None:
    """Refuse a run over several devices that cannot work.

    Args:
        method: How it fine-tunes.
        settings: Its settings.

    Raises:
        BadInput: They ask for more GPUs, or for more processes than there are processors, than this machine
            has; or for a way to share that does not fit the method or the optimizer.
    """
    wanted = int(str(settings.get("nproc_per_node") or 1))
    if settings.get("distributed") == "fsdp":
        _check_sharding(method, wanted, str(settings.get("optim")))
    gpus = visible(telemetry.read_gpus(), os.environ) if wanted > 1 else []
    cores = len(os.sched_getaffinity(0))
    most = len(gpus) or max(2, cores)
    if wanted > most:
        has = f"{len(gpus)} GPUs" if gpus else f"{cores} processors and no GPU"
        raise BadInput(f"nproc_per_node = {wanted}, and this machine has {has}", f"give at most {most}")


def _check_sharding(method: str, wanted: int, optim: str) -> None:
    if wanted == 1:
        raise BadInput(
            "distributed = fsdp shards over several devices, and one process has nothing to share",
            "raise nproc_per_node, or leave distributed at ddp",
        )
    if method == "qlora":
        raise BadInput(
            "distributed = fsdp does not shard a base in 4 bits: its weights are packed as bytes",
            "choose distributed = ddp, or the method lora",
        )
    if optim in WITHOUT_SHARDS:
        raise BadInput(
            f"optim = {optim} cannot work on shards (distributed = fsdp)",
            "choose adamw_torch or adamw_torch_fused, or distributed = ddp",
        )


def _is_called(gpu: GpuReading, entry: str) -> bool:
    if entry.isdigit():
        return gpu.index == int(entry)
    return bool(entry) and gpu.uuid.startswith(entry)
