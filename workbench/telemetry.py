"""What the machine is doing now: GPUs through NVML, host and processes through /proc.

It takes readings and keeps none; whoever wants a history or a rate over time keeps the earlier reading.
"""

from __future__ import annotations

import functools
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class GpuReading:
    """One GPU at one moment; what a device does not report is None."""

    index: int
    name: str
    used_bytes: int
    total_bytes: int
    utilization: int | None
    """Per cent of the last sampling period in which a kernel ran."""
    temperature_c: int | None
    power_w: float | None
    processes: tuple[tuple[int, int], ...]
    """(pid, bytes) of every process that computes on it."""
    uuid: str = ""
    """Its name for ever, as CUDA_VISIBLE_DEVICES takes it too."""


@dataclass(frozen=True)
class HostReading:
    """Memory and processor of the machine, or of the container that this process is in, at one moment."""

    memory_used_bytes: int
    memory_total_bytes: int
    cpu_percent: float
    busy_ticks: int
    """Processor time spent since boot, for the next reading's `cpu_percent`."""
    total_ticks: int


@dataclass(frozen=True)
class ProcessOwner:
    """Whose a process is."""

    user: str
    command: str
    session: int
    """The id of its session's first process: a trainer's, for all that a run has started."""


def read_gpus() -> list[GpuReading]:
    """Read every NVIDIA GPU; the list is empty where there is no driver, or none any more."""
    nvml = _nvml()
    if nvml is None:
        return []
    try:
        return [_read_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError:
        return []  # the driver was unloaded or replaced, or a device fell off the bus


def read_host(since: HostReading | None = None) -> HostReading:
    """Read the host's memory and processor; a container's limit counts as all the memory there is.

    Args:
        since: An earlier reading; `cpu_percent` covers the time between, or the time since boot without one.
    """
    total, available = _memory()
    limit = _container_memory()
    if limit is not None:
        total, available = min(total, limit[0]), min(available, max(0, limit[0] - limit[1]))
    busy, ticks = _processor_ticks()
    busy_before, ticks_before = (since.busy_ticks, since.total_ticks) if since else (0, 0)
    span = ticks - ticks_before
    percent = 100.0 * (busy - busy_before) / span if span > 0 else 0.0
    return HostReading(total - available, total, percent, busy, ticks)


def process_memory(pid: int) -> int:
    """Resident bytes of a process, 0 when it is gone (proc(5), statm)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


def process_owner(pid: int) -> ProcessOwner | None:
    """Tell whose a process is, anybody's on this machine; None when it is gone or in another container."""
    try:
        user = Path(f"/proc/{pid}").stat().st_uid
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    name, _, rest = stat.rpartition(")")
    try:
        known = pwd.getpwuid(user).pw_name
    except KeyError:
        known = str(user)
    return ProcessOwner(known, name.partition("(")[2], int(rest.split()[3]))


@functools.cache
def _nvml() -> Any | None:
    # Imported here: the driver's library is opened by this alone, and most machines have none.
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _read_gpu(nvml: Any, index: int) -> GpuReading:
    device = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(device)
    utilization = _or_none(nvml, nvml.nvmlDeviceGetUtilizationRates, device)
    milliwatts = _or_none(nvml, nvml.nvmlDeviceGetPowerUsage, device)
    processes = _or_none(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, device) or []
    return GpuReading(
        index=index,
        name=nvml.nvmlDeviceGetName(device),
        used_bytes=memory.used,
        total_bytes=memory.total,
        utilization=utilization.gpu if utilization else None,
        temperature_c=_or_none(nvml, nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU),
        power_w=milliwatts / 1000 if milliwatts is not None else None,
        # Inside some containers the driver knows the process but not its share.
        processes=tuple((process.pid, process.usedGpuMemory or 0) for process in processes),
        uuid=_or_none(nvml, nvml.nvmlDeviceGetUUID, device) or "",
    )


def _or_none(nvml: Any, read: Any, *arguments: Any) -> Any | None:
    """A reading, or None where this kind of device has no such sensor."""
    try:
        return read(*arguments)
    except nvml.NVMLError:
        return None


def _memory() -> tuple[int, int]:
    """(total, available) bytes (proc(5), meminfo; values are in KiB)."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    values = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return values["MemTotal"], values["MemAvailable"]


def _container_memory() -> tuple[int, int] | None:
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
    cached = sum(
        int(line.split()[1]) for line in counted if line.startswith(("inactive_file ", "active_file "))
    )
    return int(limit), used - cached


def _processor_ticks() -> tuple[int, int]:
    """(busy, total) clock ticks of all processors since boot (proc(5), stat)."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    user, nice, system, idle, wait, irq, soft_irq, stolen = map(int, line.split()[1:9])
    total = user + nice + system + idle + wait + irq + soft_irq + stolen
    return total - idle - wait, total
