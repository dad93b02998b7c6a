"""Which process works on a run or serves a model: what is written down of it, to know it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """What tells one process from every other, even after its PID has been given away again.

    Args:
        boot_id: the kernel's id of this boot.
        pid: process id.
        start_ticks: the process's start, in clock ticks since boot.
        nonce: what the one who started it put into its arguments.
    """

    boot_id: str
    pid: int
    start_ticks: int
    nonce: str
