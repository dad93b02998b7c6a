"""Who starts next and where: a queue's order, and which devices have room for which run.

Pure reckoning over readings that are handed in; it starts nothing and reads no device.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from store.runs import Run
from store.sizes import bytes_text
from workbench.telemetry import GpuReading, HostReading

AUTO = "auto"
HOST = -1
"""The index of the machine itself, where there is no GPU."""
AUTO_ON_A_GPU = 2
AUTO_ON_THE_HOST = 1
BEFORE = "runs before it"
HEAD_ROOM = 1.1
"""A run that shares a device is taken to need so many times what was predicted."""


@dataclass(frozen=True)
class Device:
    """A place to train at one moment: a GPU, or the machine's own processor and memory."""

    index: int
    total_bytes: int
    used_bytes: int
    held: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """The bytes that the processes of each run of ours have of it, by run id."""

    @property
    def name(self) -> str:
        """The device as a person calls it."""
        return "the machine" if self.index == HOST else f"GPU {self.index}"


@dataclass(frozen=True)
class Decision:
    """Which runs start now on which devices, and what the others wait for."""

    starts: tuple[tuple[Run, tuple[int, ...]], ...]
    """Each run with the indexes of its GPUs, none where it trains on the machine itself."""
    waits: Mapping[str, str]
    """By run id, in words."""


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Queued runs in the order in which they start: the highest priority first, then the oldest."""
    queued = [run for run in runs if run.status == "queued"]
    return sorted(queued, key=lambda run: (-run.priority, run.created, int(run.id[1:])))


def places(runs: Iterable[Run]) -> dict[str, int]:
    """How many queued runs start before each of them, by run id."""
    return {run.id: place for place, run in enumerate(in_order(runs))}


def place(run: Run, runs: Iterable[Run]) -> int | None:
    """How many queued runs start before this one; None where it does not wait in the queue."""
    return places(runs).get(run.id)


def processes_of(run: Run) -> int:
    """How many processes train a run, each on a device of its own where there are GPUs."""
    return int(run.settings.get("nproc_per_node") or 1)


def devices_of(
    gpus: Sequence[GpuReading], host: HostReading, processes: Mapping[str, Mapping[int, int]]
) -> list[Device]:
    """The devices of this machine: its GPUs, or itself where it has none.

    Args:
        gpus: The GPUs that may be used.
        host: The machine's memory.
        processes: Of each run at work its processes: resident bytes by process id.
    """
    if not gpus:
        held = {run_id: sum(resident.values()) for run_id, resident in processes.items()}
        return [Device(HOST, host.memory_total_bytes, host.memory_used_bytes, held)]
    return [Device(gpu.index, gpu.total_bytes, gpu.used_bytes, _held(gpu, processes)) for gpu in gpus]


def _held(gpu: GpuReading, processes: Mapping[str, Mapping[int, int]]) -> dict[str, int]:
    """What each run has of a GPU: every one of its processes may be on another."""
    return {
        run_id: sum(size for pid, size in gpu.processes if pid in of_run)
        for run_id, of_run in processes.items()
    }


def choose(
    queued: Iterable[Run], live: Sequence[Run], devices: Sequence[Device], slots: str | int
) -> Decision:
    """Decide who starts now.

    A run takes devices that no other uses, and shares one only where there is room for both. One that has to
    wait for others of ours keeps the devices that will be its own: smaller ones do not overtake it for ever.
    One that waits for somebody else's memory, or for devices that this machine has not, holds up nobody.

    Args:
        queued: The runs that wait.
        live: The runs at work.
        devices: The devices as they are now.
        slots: `auto`, or the most runs at a time on one device.
    """
    table = _Table(live, devices, slots)
    starts: list[tuple[Run, tuple[int, ...]]] = []
    waits: dict[str, str] = {}
    for run in in_order(queued):
        chosen = table.take(run)
        if isinstance(chosen, str):
            waits[run.id] = chosen
        else:
            starts.append((run, tuple(index for index in chosen if index != HOST)))
    return Decision(tuple(starts), waits)


class _Table:
    """Which run uses which device, while a decision is made."""

    def __init__(self, live: Sequence[Run], devices: Sequence[Device], slots: str | int) -> None:
        self._devices = list(devices)
        self._slots = slots
        self._kept: set[int] = set()
        self._users: dict[int, list[Run]] = {device.index: [] for device in devices}
        for run in live:
            for index in run.devices or (HOST,):
                self._users.get(index, []).append(run)

    def take(self, run: Run) -> tuple[int, ...] | str:
        """Give a run its devices, or say what it waits for."""
        wanted = 1 if self._is_host else processes_of(run)
        if wanted > len(self._devices):
            return f"GPUs: it needs {wanted}, and this machine has {len(self._devices)}"
        open_devices = [device for device in self._devices if device.index not in self._kept]
        found = sorted((each for each in open_devices if self._has_room(run, each)), key=self._fullness)
        if len(found) >= wanted:
            for device in found[:wanted]:
                self._users[device.index].append(run)
            return tuple(device.index for device in found[:wanted])
        return self._keep(run, wanted, found)

    @property
    def _is_host(self) -> bool:
        return self._devices[0].index == HOST

    def _keep(self, run: Run, wanted: int, found: list[Device]) -> str:
        """Keep for a run what it will have once others have ended; say what it waits for."""
        busy = [device for device in self._devices if device not in found and self._users[device.index]]
        if len(found) + len(busy) < wanted:
            return BEFORE if self._kept else self._short_of(run)
        busy.sort(key=lambda device: (device.index in self._kept, self._fullness(device)))
        for device in [*found, *busy][:wanted]:
            self._kept.add(device.index)
        return BEFORE if wanted == 1 else f"{wanted} GPUs at a time"

    def _short_of(self, run: Run) -> str:
        """What a run is told that waits for memory which none of our runs holds."""
        roomy = max(self._devices, key=self._available)
        need, free = self._need(run) or 0, max(0, self._available(roomy))
        return f"memory: it needs {bytes_text(need)}, {roomy.name} has {bytes_text(free)} free"

    def _has_room(self, run: Run, device: Device) -> bool:
        users = self._users[device.index]
        need = self._need(run)
        if not users:
            # What is more than the whole device was warned of when it was planned: waiting would not help it.
            return need is None or need <= self._available(device) or need > device.total_bytes
        if len(users) >= self._most:
            return False
        known = need is not None and all(self._need(user) is not None for user in users)
        if need is None or not known:
            return self._slots != AUTO
        return need * HEAD_ROOM <= self._available(device)

    @property
    def _most(self) -> int:
        if self._slots == AUTO:
            return AUTO_ON_THE_HOST if self._is_host else AUTO_ON_A_GPU
        return int(self._slots)

    def _fullness(self, device: Device) -> tuple[int, int]:
        return len(self._users[device.index]), -self._available(device)

    def _need(self, run: Run) -> int | None:
        """The bytes that a run was predicted to take of one device."""
        predicted = run.plan.get("predicted_bytes")
        if not isinstance(predicted, (int, float)) or predicted <= 0:
            return None
        return int(predicted) * (processes_of(run) if self._is_host else 1)

    def _available(self, device: Device) -> int:
        """The bytes that nobody has and none of our runs will take: a new one has not taken them yet."""
        users = self._users[device.index]
        held = {user.id: device.held.get(user.id, 0) for user in users}
        foreign = max(0, device.used_bytes - sum(held.values()))
        ours = sum(max(held[user.id], self._need(user) or 0) for user in users)
        return device.total_bytes - foreign - ours
