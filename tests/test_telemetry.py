"""Readings agree with the kernel's own figures, and a machine without GPUs has none."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import telemetry


def test_the_hosts_memory_and_processor_are_within_bounds() -> None:
    """A rate needs two readings; the first covers the time since boot."""
    first = telemetry.read_host()
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        sum(range(1000))
    second = telemetry.read_host(first)
    assert 0 < second.memory_used_bytes < second.memory_total_bytes
    assert 0 < second.cpu_percent <= 100
    assert second.total_ticks > first.total_ticks


def test_a_containers_limit_is_all_the_memory_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What files keep of it is free; a container without a limit has the machine's."""
    whole = telemetry.read_host()
    monkeypatch.setattr(telemetry, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("100000000\n")
    (tmp_path / "memory.current").write_text("60000000\n")
    (tmp_path / "memory.stat").write_text("anon 30000000\ninactive_file 20000000\nactive_file 5000000\n")
    limited = telemetry.read_host()
    assert (limited.memory_used_bytes, limited.memory_total_bytes) == (35_000_000, 100_000_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert telemetry.read_host().memory_total_bytes >= whole.memory_total_bytes


def test_a_process_that_takes_memory_is_seen_taking_it() -> None:
    """100 MB more is 100 MB more; a process that is gone has none."""
    before = telemetry.process_memory(os.getpid())
    block = bytearray(os.urandom(1)) * 100_000_000
    after = telemetry.process_memory(os.getpid())
    assert 95e6 < after - before < 110e6
    assert after <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 * 1.01
    del block
    gone = subprocess.Popen([sys.executable, "-S", "-c", ""])
    gone.wait()
    assert telemetry.process_memory(gone.pid) == 0


def test_gpus_are_read_or_absent() -> None:
    """As many as the driver counts; none without a driver, and no error."""
    for index, gpu in enumerate(telemetry.read_gpus()):
        assert gpu.index == index and gpu.name
        assert 0 <= gpu.used_bytes <= gpu.total_bytes


def test_the_drivers_library_is_loaded_only_when_asked_for() -> None:
    """Importing the module opens nothing."""
    code = "import sys, workbench.telemetry; raise SystemExit('pynvml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
