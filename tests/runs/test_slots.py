"""Whose turn it is, and where: a pure decision over runs and readings that are written down here."""

from __future__ import annotations

from typing import Any

from store.runs import Run
from workbench.runs import slots
from workbench.runs.slots import AUTO, HOST, Device, choose, devices_of, in_order, place
from workbench.telemetry import GpuReading, HostReading

GB = 1024**3


def run(number: int, status: str = "queued", **told: Any) -> Run:
    """A run; `memory` is what it was predicted to take, `over` its processes."""
    memory, over = told.pop("memory", None), told.pop("over", 1)
    fields: dict[str, Any] = {
        "id": f"r{number}",
        "name": "n",
        "status": status,
        "settings": {"nproc_per_node": over},
        "plan": {} if memory is None else {"predicted_bytes": memory},
        "created": float(number),
    }
    empty = dict.fromkeys(("model", "dataset", "template", "method"), "")
    nothing = dict.fromkeys(
        ("identity", "adapter", "error", "hint", "started", "ended", "heartbeat", "request")
    )
    return Run(**{"step": 0, "total_steps": 0, "lineage": {}, **empty, **nothing, **fields, **told})


def live(number: int, *devices: int, **told: Any) -> Run:
    """A run at work on these GPUs."""
    return run(number, "running", devices=devices, **told)


def gpus(*used: int, total: int = 80 * GB) -> list[Device]:
    """GPUs of which so much is used."""
    return [Device(index, total, each) for index, each in enumerate(used)]


def host(used: int = 2 * GB, total: int = 32 * GB) -> list[Device]:
    """A machine without a GPU."""
    return [Device(HOST, total, used)]


def started(decision: slots.Decision) -> list[tuple[str, tuple[int, ...]]]:
    """Ids and devices."""
    return [(each.id, devices) for each, devices in decision.starts]


def test_the_highest_priority_is_first_then_the_oldest() -> None:
    runs = [run(3), run(1, priority=-1), run(2), run(4, priority=5), live(5)]
    assert [each.id for each in in_order(runs)] == ["r4", "r2", "r3", "r1"]
    assert [place(each, runs) for each in runs] == [2, 3, 1, 0, None]


def test_a_run_of_the_same_moment_is_told_by_its_number() -> None:
    runs = [run(number, created=1.0) for number in (10, 9, 2)]
    assert [each.id for each in in_order(runs)] == ["r2", "r9", "r10"]


def test_several_gpus_are_used_side_by_side() -> None:
    """One each, the emptiest first; the third run waits, though it is small."""
    decision = choose([run(1), run(2), run(3)], [], gpus(5 * GB, 0), AUTO)
    assert started(decision) == [("r1", (1,)), ("r2", (0,))]
    assert decision.waits == {"r3": "runs before it"}


def test_a_gpu_in_use_is_left_to_its_run() -> None:
    assert started(choose([run(2)], [live(1, 0)], gpus(0, 0), AUTO)) == [("r2", (1,))]
    assert started(choose([run(3)], [live(1, 0), live(2, 1)], gpus(0, 0), AUTO)) == []


def test_two_share_a_gpu_only_if_both_are_known_and_fit() -> None:
    """With head-room, by what the first will take and not by what it has taken so far; and never three."""
    small, busy = run(2, memory=20 * GB), live(1, 0, memory=50 * GB)
    assert started(choose([small], [busy], gpus(0), AUTO)) == [("r2", (0,))]
    assert started(choose([run(2, memory=28 * GB)], [busy], gpus(0), AUTO)) == []  # 30.8 with head-room
    assert started(choose([run(2)], [busy], gpus(0), AUTO)) == []
    assert started(choose([small], [live(1, 0)], gpus(0), AUTO)) == []
    both = [busy, live(3, 0, memory=1 * GB)]
    assert started(choose([small], both, gpus(0), AUTO)) == []


def test_two_that_start_at_once_are_added_up() -> None:
    """The first has taken nothing yet when the second is looked at."""
    assert started(choose([run(1, memory=30 * GB), run(2, memory=30 * GB)], [], gpus(0), AUTO)) == [
        ("r1", (0,)),
        ("r2", (0,)),
    ]
    assert started(choose([run(1, memory=50 * GB), run(2, memory=50 * GB)], [], gpus(0), AUTO)) == [
        ("r1", (0,))
    ]


def test_a_free_gpu_comes_before_a_shared_one() -> None:
    decision = choose([run(2, memory=1 * GB)], [live(1, 0, memory=1 * GB)], gpus(0, 70 * GB), AUTO)
    assert started(decision) == [("r2", (1,))]


def test_what_others_hold_counts_once() -> None:
    """A run's own memory is not taken for somebody else's; somebody else's is never ours to give."""
    busy = live(1, 0, memory=30 * GB)
    own = [Device(0, 80 * GB, 28 * GB, {"r1": 28 * GB})]
    foreign = [Device(0, 80 * GB, 28 * GB, {"r9": 28 * GB})]
    waiting = run(2, memory=40 * GB)
    assert started(choose([waiting], [busy], own, AUTO)) == [("r2", (0,))]
    assert started(choose([waiting], [busy], foreign, AUTO)) == []


def test_a_run_waits_for_somebody_elses_memory_and_holds_up_nobody() -> None:
    decision = choose([run(1, memory=60 * GB), run(2, memory=10 * GB)], [], gpus(40 * GB), AUTO)
    assert started(decision) == [("r2", (0,))]
    assert decision.waits == {"r1": "memory: it needs 60 GB, GPU 0 has 40 GB free"}


def test_a_run_larger_than_the_device_is_not_kept_waiting_for_ever() -> None:
    """Its plan said so; the first minute will show who is right."""
    assert started(choose([run(1, memory=200 * GB)], [], gpus(0), AUTO)) == [("r1", (0,))]


def test_a_big_run_at_the_head_is_not_overtaken_for_ever() -> None:
    """It needs both GPUs: the free one is kept until the other is free too."""
    head, small = run(2, over=2), run(3, memory=1 * GB)
    decision = choose([head, small], [live(1, 0, memory=1 * GB)], gpus(0, 0), AUTO)
    assert started(decision) == []
    assert decision.waits == {"r2": "2 GPUs at a time", "r3": "runs before it"}
    assert started(choose([head, small], [], gpus(0, 0), AUTO))[0] == ("r2", (0, 1))


def test_a_waiting_head_keeps_no_more_than_it_needs() -> None:
    """Four GPUs, one of them busy with a run that a big one has to wait for: the rest is not its own."""
    busy = [live(number, number - 1) for number in (1, 2, 3)]
    decision = choose([run(4, over=2), run(5)], busy, gpus(0, 0, 0, 0), AUTO)
    assert started(decision) == []
    decision = choose([run(4, over=2), run(5)], busy[:1], gpus(0, 0, 0, 0), AUTO)
    assert started(decision) == [("r4", (1, 2)), ("r5", (3,))]


def test_more_gpus_than_there_are_hold_up_nobody() -> None:
    decision = choose([run(1, over=4), run(2)], [], gpus(0, 0), AUTO)
    assert started(decision) == [("r2", (0,))]
    assert decision.waits == {"r1": "GPUs: it needs 4, and this machine has 2"}


def test_priority_decides_who_keeps_and_who_waits() -> None:
    head, urgent = run(1), run(2, priority=1)
    assert started(choose([head, urgent], [], gpus(0), AUTO)) == [("r2", (0,))]


def test_one_at_a_time_without_a_gpu() -> None:
    """Whatever was predicted, unless the settings say more."""
    tiny = [run(number, memory=GB) for number in (1, 2, 3)]
    assert started(choose(tiny, [], host(), AUTO)) == [("r1", ())]
    assert started(choose(tiny[1:], [live(1)], host(), AUTO)) == []
    assert started(choose(tiny, [], host(), 2)) == [("r1", ()), ("r2", ())]


def test_a_number_lets_unknown_runs_share_but_no_known_one_that_does_not_fit() -> None:
    assert started(choose([run(2)], [live(1)], host(), 2)) == [("r2", ())]
    assert started(choose([run(2, memory=40 * GB)], [live(1, memory=GB)], host(), 2)) == []
    assert started(choose([run(2)], [live(1, 0)], gpus(0), 2)) == [("r2", (0,))]
    assert started(choose([run(3)], [live(1, 0), live(2, 0)], gpus(0), 2)) == []


def test_processes_of_one_run_on_the_machine_are_one_slot_and_add_their_memory() -> None:
    """Two processes of 12 GB each beside 2 GB in use."""
    pair = run(1, over=2, memory=12 * GB)
    assert started(choose([pair], [], host(), AUTO)) == [("r1", ())]
    assert started(choose([pair], [], host(used=12 * GB), AUTO)) == []


def test_the_machine_is_the_device_where_there_is_no_gpu() -> None:
    reading = HostReading(2 * GB, 32 * GB, 0.0, 0, 0)
    assert devices_of([], reading, {"r1": {7: GB, 8: GB}}) == [Device(HOST, 32 * GB, 2 * GB, {"r1": 2 * GB})]


def test_a_run_over_several_gpus_has_a_process_of_its_own_on_each() -> None:
    """What any of them holds is the run's, not somebody else's, so that there is room beside it."""
    reading = HostReading(2 * GB, 32 * GB, 0.0, 0, 0)
    both = [
        GpuReading(index, "H", 28 * GB, 80 * GB, None, None, None, ((pid, 28 * GB),))
        for index, pid in enumerate((7, 8))
    ]
    read = devices_of(both, reading, {"r1": {7: GB, 8: GB}})
    assert [device.held for device in read] == [{"r1": 28 * GB}] * 2
    pair, waiting = live(1, 0, 1, over=2, memory=30 * GB), [run(2, memory=40 * GB), run(3, memory=40 * GB)]
    assert started(choose(waiting, [pair], read, AUTO)) == [("r2", (0,)), ("r3", (1,))]
