"""What a device has free for a run: a GPU by NVML, the host by its kernel and the container's limit."""

from __future__ import annotations

import os
from pathlib import Path

from workbench import telemetry

_CGROUP = Path("/sys/fs/cgroup")


def free_bytes(device: str) -> int:
    """Bytes that a run could take now.

    Args:
        device: `cuda` or `cpu`; of several GPUs the one with most to give.
    """
    if device == "cuda":
        return max((gpu.total_bytes - gpu.used_bytes for gpu in _visible()), default=0)
    host = telemetry.read_host()
    available = host.memory_total_bytes - host.memory_used_bytes
    limit = _limit()
    return available if limit is None else min(available, limit[0] - limit[1])


def total_bytes(device: str) -> int:
    """Bytes that the device has, as `free_bytes` with nothing else on it."""
    if device == "cuda":
        return max((gpu.total_bytes for gpu in _visible()), default=0)
    total, limit = telemetry.read_host().memory_total_bytes, _limit()
    return total if limit is None else min(total, limit[0])


def _visible() -> list[telemetry.GpuReading]:
    """The GPUs that this user's processes may see."""
    gpus = telemetry.read_gpus()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return gpus
    indexes = {int(each) for each in named.split(",") if each.strip().isdigit()}
    return [gpu for gpu in gpus if gpu.index in indexes]


def _limit() -> tuple[int, int] | None:
    """(limit, used) bytes of the container that this process is in (cgroup v2), None where there is none."""
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        counted = (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    if limit == "max":
        return None
    # What files keep in memory is given back when it is needed.
    cached = sum(int(line.split()[1]) for line in counted if line.startswith("inactive_file "))
    return int(limit), used - cached
