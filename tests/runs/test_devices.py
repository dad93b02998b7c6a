"""Which GPUs a queue may use, and what a trainer is told of those it was given."""

from __future__ import annotations

import pytest

from store.errors import BadInput
from workbench.runs.devices import check_group, environment, visible
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


@pytest.mark.parametrize(
    ("method", "settings", "says"),
    [
        ("lora", {"nproc_per_node": 64}, "nproc_per_node = 64, and this machine has"),
        ("lora", {"nproc_per_node": 1, "distributed": "fsdp"}, "one process has nothing to share"),
        ("qlora", {"nproc_per_node": 2, "distributed": "fsdp"}, "does not shard a base in 4 bits"),
        ("lora", {"nproc_per_node": 2, "distributed": "fsdp", "optim": "adamw_bnb_8bit"}, "adamw_bnb_8bit"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(
    method: str, settings: dict[str, object], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        check_group(method, settings)


def test_what_works_is_not() -> None:
    check_group("lora", {"nproc_per_node": 1, "distributed": "ddp"})
    check_group("qlora", {"nproc_per_node": 2, "distributed": "ddp"})
    check_group("prompt-tuning", {"nproc_per_node": 2, "distributed": "fsdp"})
