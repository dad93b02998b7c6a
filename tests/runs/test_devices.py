"""Which GPUs a queue may use, and what a trainer is told of those it was given."""

from __future__ import annotations

import subprocess
import sys

import pytest

from store import Store
from store.errors import BadInput
from workbench import processes, telemetry
from workbench.runs.devices import check_group, environment, read_devices, visible
from workbench.runs.training import TrainingSettings
from workbench.telemetry import GpuReading

GPUS = [
    GpuReading(index, "H", 0, 80, None, None, None, (), f"GPU-{letter}{letter}-1")
    for index, letter in enumerate("abcd")
]


@pytest.mark.parametrize(
    ("said", "indexes"),
    [
        (None, [0, 1, 2, 3]),
        ("", []),
        ("-1", []),
        ("2", [2]),
        ("3, 1", [3, 1]),
        ("1,9,0", [1]),
        ("GPU-cc,GPU-aa-1", [2, 0]),
        ("GPU-", []),
        ("1,1", [1]),
    ],
)
def test_the_variable_is_read_as_cuda_reads_it(said: str | None, indexes: list[int]) -> None:
    """Up to the first entry that names no GPU, or names one again."""
    environment = {} if said is None else {"CUDA_VISIBLE_DEVICES": said}
    assert [gpu.index for gpu in visible(GPUS, environment)] == indexes


def test_a_trainer_sees_its_gpus_by_the_numbers_that_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA's own order is another one than the driver's."""
    assert environment((2, 0)) == {"CUDA_VISIBLE_DEVICES": "2,0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6")
    assert environment(()) == {"CUDA_VISIBLE_DEVICES": "5"}


def test_all_processes_of_a_run_hold_its_memory(store: Store) -> None:
    """Each of several has the run's nonce among its arguments; those of other runs have another."""
    if telemetry.read_gpus():
        pytest.skip("this machine's devices are its GPUs")
    code = "held = bytearray(b'x') * 30_000_000; print('ready', flush=True); import time; time.sleep(60)"
    started = [
        subprocess.Popen([sys.executable, "-S", "-c", code, nonce], stdout=subprocess.PIPE)
        for nonce in ("pair", "pair", "other")
    ]
    try:
        for child in started:
            assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        identity = processes.find("pair")
        assert identity is not None
        made = {"model": "m", "dataset": "d", "template": "t", "method": "lora", "lineage": {}}
        run = store.runs.create(name="n", settings={"nproc_per_node": 2}, **made)
        store.runs.claim(run.id, "pair")
        store.runs.identify(run.id, identity)
        (machine,) = read_devices([store.runs.get(run.id)])
        assert 60e6 < machine.held[run.id] < 90e6
    finally:
        for child in started:
            child.kill()
            child.communicate()


def test_more_devices_than_there_are_are_refused() -> None:
    """With how many there are; two processes may share a single processor."""
    with pytest.raises(BadInput, match=r"nproc_per_node = 64, and this machine has .*; give at most"):
        check_group(TrainingSettings(nproc_per_node=64))
    check_group(TrainingSettings())
    if not telemetry.read_gpus():
        check_group(TrainingSettings(nproc_per_node=2))
