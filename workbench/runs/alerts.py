"""When a run is in trouble: what its losses, its memory and its disk must look like for an alert.

Each trouble is told once, and again only after it was over for a while. It reads no store and no device.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from store.sizes import bytes_text

KINDS = ("nan", "divergence", "plateau", "memory", "disk")
OF_CHECKPOINTS = ("checkpoint", "pause")
"""What is told where checkpoints are written and read."""

WINDOW = 20
"""Logged losses behind one median: what half of them do is no accident."""
FEWEST = 10
"""Losses before there is a median to compare with."""
RISE = 0.5
"""Nats, and share of the best median: a loss higher by less has not diverged."""
NOISES = 4.0
"""A noisy loss must rise by so many times its own noise at least."""
FORGETTING = 0.01
"""The weight of the newest difference in the noise."""
FINITE_AGAIN = 20
"""Finite losses in a row after which a NaN is another trouble."""
PLATEAU_WINDOW = 50
PLATEAU_GAIN = 0.01
"""A median lower by less than this share of itself is no better."""
PLATEAU_SHARE = 1 / 3
"""Of all steps, without a better median: a plateau."""
PLATEAU_FEWEST = 200
"""Logged losses that a plateau lasts at least."""
MEMORY_FULL, MEMORY_FREE = 0.95, 0.90
"""Shares of a device's memory: above the one it is told, below the other it is over."""
DISK_LEAST = 1024**3
DISK_FREE_AGAIN = 1.25
"""Free space must be so many times what is needed before a shortage is over."""


@dataclass(frozen=True)
class Trouble:
    """What is to be told: one of `KINDS`, and a line of our own words and figures."""

    kind: str
    message: str


@dataclass(frozen=True)
class Machine:
    """What a run's machine has left, in bytes.

    Args:
        devices: Of each kind of memory its name, what is in use and what there is.
        disk_free: Where checkpoints are written.
        disk_needed: What the next checkpoint takes.
    """

    devices: tuple[tuple[str, int, int], ...]
    disk_free: int
    disk_needed: int


class Watch:
    """What one run's figures have been so far; feed it in order, tell what it yields.

    Args:
        total_steps: How many steps the run will take.
    """

    def __init__(self, total_steps: int) -> None:
        self._nan = _Finiteness()
        self._divergence = _Divergence()
        self._plateau = _Plateau(total_steps)
        self._raised: set[str] = set()

    def loss(self, step: int, value: float) -> Iterator[Trouble]:
        """Take a logged training loss; a NaN or an infinity too."""
        yield from self._nan.take(step, value)
        if math.isfinite(value):
            yield from self._divergence.take(value)
            yield from self._plateau.take(step, value)

    def machine(self, now: Machine) -> Iterator[Trouble]:
        """Take a reading of memory and disk."""
        for name, used, total in now.devices:
            share = used / total if total else 0.0
            if self._rises(f"memory {name}", share > MEMORY_FULL, share < MEMORY_FREE):
                yield Trouble(
                    "memory",
                    f"{share:.0%} of the {name} memory is in use "
                    f"({bytes_text(used)} of {bytes_text(total)}): "
                    "lower batch_size or max_length, or switch gradient_checkpointing on",
                )
        needed = max(now.disk_needed, DISK_LEAST)
        enough = now.disk_free > DISK_FREE_AGAIN * needed
        if self._rises("disk", now.disk_free < needed, enough):
            what = "the next checkpoint needs" if now.disk_needed >= DISK_LEAST else "a run should have"
            yield Trouble(
                "disk",
                f"{bytes_text(now.disk_free)} are free where the run is kept, {what} {bytes_text(needed)}: "
                "free some space, or remove checkpoints of other runs",
            )

    def _rises(self, name: str, bad: bool, good: bool) -> bool:
        """Whether a trouble begins now; between bad and good it stays what it was."""
        if good:
            self._raised.discard(name)
        begins = bad and name not in self._raised
        if begins:
            self._raised.add(name)
        return begins


class _Finiteness:
    """The first loss that is no number, and again after enough that were."""

    def __init__(self) -> None:
        self._finite_in_a_row = FINITE_AGAIN

    def take(self, step: int, value: float) -> Iterator[Trouble]:
        if math.isfinite(value):
            self._finite_in_a_row += 1
            return
        begins = self._finite_in_a_row >= FINITE_AGAIN
        self._finite_in_a_row = 0
        if begins:
            yield Trouble(
                "nan",
                f"the loss of step {step} is {value}: lower learning_rate, or look for broken rows",
            )


class _Divergence:
    """The median of the last losses far above the best median there was.

    Far is by more than half a nat, half the best median, and four times the losses' noise: a median does not
    mind single spikes, and noise, told by how much one loss differs from the next, does not mind a slope.
    """

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=WINDOW)
        self._best = math.inf
        self._noise = 0.0
        self._differences = 0
        self._told = False

    def take(self, value: float) -> Iterator[Trouble]:
        if self._last and not self._told:
            self._learn(abs(value - self._last[-1]) / math.sqrt(2))
        self._last.append(value)
        if len(self._last) < FEWEST:
            return
        middle = median(self._last)
        self._best = min(self._best, middle)
        # A few losses may be alike by chance.
        sure = 1 if self._differences > 2 * WINDOW else 2
        margin = max(RISE, RISE * abs(self._best), sure * NOISES * self._noise)
        if self._told:
            self._told = middle > self._best + margin / 2
        elif middle > self._best + margin:
            self._told = True
            yield Trouble(
                "divergence",
                f"the loss is {middle:.3g}, it was {self._best:.3g} at its best: lower learning_rate, "
                "or raise warmup_steps",
            )

    def _learn(self, difference: float) -> None:
        self._differences += 1
        self._noise += max(FORGETTING, 1 / self._differences) * (difference - self._noise)


class _Plateau:
    """No better median for a third of the run; told once for good."""

    def __init__(self, total_steps: int) -> None:
        self._steps = total_steps * PLATEAU_SHARE
        self._last: deque[float] = deque(maxlen=PLATEAU_WINDOW)
        self._best = math.inf
        self._since = 0  # the step of the best median
        self._losses = 0  # logged since then
        self._told = False

    def take(self, step: int, value: float) -> Iterator[Trouble]:
        self._last.append(value)
        if self._told or len(self._last) < PLATEAU_WINDOW:
            return
        middle = median(self._last)
        if middle < self._best - PLATEAU_GAIN * abs(self._best if math.isfinite(self._best) else 0.0):
            self._best, self._since, self._losses = middle, step, 0
            return
        self._losses += 1
        if self._losses >= PLATEAU_FEWEST and step - self._since >= self._steps:
            self._told = True
            yield Trouble(
                "plateau",
                f"the loss has not fallen below {self._best:.3g} since step {self._since}: "
                "stop the run, or try another learning_rate",
            )
