"""What a device has free for a run: the GPUs that a run may have by NVML, the host by its kernel."""

from __future__ import annotations

import os

from workbench import telemetry
from workbench.runs.devices import visible


def free_bytes(device: str) -> int:
    """Bytes that a run could take now.

    Args:
        device: `cuda` or `cpu`; of several GPUs the one with most to give.
    """
    if device == "cuda":
        return max((gpu.total_bytes - gpu.used_bytes for gpu in _gpus()), default=0)
    host = telemetry.read_host()
    return host.memory_total_bytes - host.memory_used_bytes


def total_bytes(device: str) -> int:
    """Bytes that the device has, as `free_bytes` with nothing else on it."""
    if device == "cuda":
        return max((gpu.total_bytes for gpu in _gpus()), default=0)
    return telemetry.read_host().memory_total_bytes


def _gpus() -> list[telemetry.GpuReading]:
    return visible(telemetry.read_gpus(), os.environ)
