"""The dispatcher's judgement: who is dead, who is another, who must be ended, and whose turn it is."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from store import Store
from store.identity import Identity
from store.runs import Run
from workbench import processes
from workbench.runs import command
from workbench.runs.queue import IDENTIFY_SECONDS, Dispatcher, trainer_lock
from workbench.runs.slots import Device


def make_run(store: Store, nonce: str | None = "n", **settings: Any) -> Run:
    """A run, claimed if a nonce is given."""
    run = store.runs.create(
        name="test",
        model="tiny",
        dataset="d",
        template="t",
        method="lora",
        settings=settings,
        lineage={"dataset": {"split": "train"}},
    )
    if nonce is not None:
        store.runs.claim(run.id, nonce)
    return store.runs.get(run.id)


def running(store: Store, identity: Identity) -> Run:
    """A run that a process of this identity is said to work on."""
    run = make_run(store, identity.nonce)
    store.runs.identify(run.id, identity)
    return store.runs.begin(run.id, 10)


def test_a_run_whose_process_is_gone_is_interrupted_with_a_way_on(store: Store) -> None:
    """The error says what happened and how far it came; the hint how to start again."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    run = running(store, dataclasses.replace(processes.me("n"), pid=ended.pid))
    store.runs.progress(run.id, 4)
    Dispatcher(store).turn()
    run = store.runs.get(run.id)
    assert run.status == "interrupted"
    assert run.error == "the trainer vanished: it was killed, or the machine restarted, after step 4 of 10"
    assert run.hint == f"let it go on: workbench run resume {run.id}"


@pytest.mark.parametrize("changed", [{"start_ticks": 1}, {"boot_id": "another"}, {"nonce": "n"}])
def test_a_process_that_took_over_the_number_is_no_trainer_and_is_left_alone(
    store: Store, changed: dict[str, Any]
) -> None:
    """This test's own number, with another start, boot or nonce: interrupted, and nobody is signalled."""
    run = running(store, dataclasses.replace(processes.me("n"), **changed))
    store.runs.request(run.id, "cancel")
    Dispatcher(store, cancel_seconds=0).turn()
    assert store.runs.get(run.id).status == "cancelled"
    assert os.getpid()  # alive to say so


def test_a_held_lock_is_a_life_whatever_the_identity_says(store: Store) -> None:
    """The kernel drops it with its holder and not before."""
    run = running(store, dataclasses.replace(processes.me("n"), start_ticks=1))
    lock = processes.HeldLock.take(trainer_lock(store, run))
    assert lock is not None
    dispatcher = Dispatcher(store)
    with lock:
        dispatcher.turn()
        assert store.runs.get(run.id).status == "running"
    dispatcher.turn()
    assert store.runs.get(run.id).status == "interrupted"


def test_a_run_that_ended_and_was_removed_before_the_next_turn_stops_nothing(store: Store) -> None:
    run, other = running(store, processes.me("n")), make_run(store, None)
    dispatcher, child = Dispatcher(store), subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    dispatcher._children[run.id] = child
    store.alerts.append(run.id, 1, "divergence", "it diverges")
    store.runs.fail(run.id, "why", "what to do")
    store.runs.remove(run.id)
    store.runs.request(other.id, "pause")
    dispatcher.turn()
    assert dispatcher._children == {}


def test_a_claim_of_a_dispatcher_that_died_is_given_up_after_a_while(store: Store) -> None:
    """Nobody ever said who works on it: perhaps no trainer was started."""
    run = make_run(store)
    dispatcher = Dispatcher(store)
    dispatcher.turn()
    assert store.runs.get(run.id).status == "starting"
    time.sleep(IDENTIFY_SECONDS)
    dispatcher.turn()
    assert store.runs.get(run.id).status == "interrupted"


def test_a_trainer_that_does_not_hear_is_ended(store: Store, tmp_path: Path) -> None:
    """First by SIGTERM, then by SIGKILL; the run counts as cancelled."""
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-S", "-c", code, "deaf-nonce"]
    deaf = processes.spawn(argv, log=tmp_path / "log.txt", cwd=tmp_path)
    while "deaf" not in (tmp_path / "log.txt").read_text():
        time.sleep(0.01)
    identity = processes.find("deaf-nonce")
    assert identity is not None
    run = running(store, identity)
    store.runs.request(run.id, "cancel")
    dispatcher = Dispatcher(store, cancel_seconds=0.3)
    deadline = time.monotonic() + 10
    while store.runs.get(run.id).live and time.monotonic() < deadline:
        dispatcher.turn()
        deaf.poll()
        time.sleep(0.05)
    assert store.runs.get(run.id).status == "cancelled"
    assert deaf.wait() == -9


def test_a_run_that_died_after_publishing_is_completed(store: Store, tiny_causal: Path) -> None:
    """Its adapter is whole, so the work is done: only the last line was missing."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    run = running(store, dataclasses.replace(processes.me("n"), pid=ended.pid))
    model = store.models.add(str(tiny_causal), name="tiny")
    staged = store.root / "runs" / "staged"
    staged.mkdir()
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 1, "target_modules": ["q_proj"]}
    (staged / "adapter_config.json").write_text(json.dumps(config))
    tiny_models = tiny_models_module()
    at = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    values = tiny_models.array("f", [0.0] * 32)
    tiny_models.write_safetensors(staged / "adapter_model.safetensors", {at: ((1, 32), values)})
    store.adapters.publish(
        staged, name="whole", model=model, method="lora", run=run.id, trainable=32, lineage={}
    )
    Dispatcher(store).turn()
    run = store.runs.get(run.id)
    assert (run.status, run.adapter) == ("completed", "whole")


def test_one_run_at_a_time_in_the_order_they_came(store: Store) -> None:
    """The oldest is started; while it lives, the next ones wait."""
    runs = [make_run(store, None) for _ in range(3)]
    dispatcher = Dispatcher(store)
    dispatcher.turn()
    dispatcher.turn()
    trainer = processes.find(runs[0].id, str(store.root), "train")
    try:
        assert trainer is not None
        assert [store.runs.get(run.id).status for run in runs] == ["starting", "queued", "queued"]
    finally:
        assert trainer is not None and processes.terminate(trainer, signal.SIGKILL)


def test_runs_go_side_by_side_to_the_gpus_that_were_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each trainer sees its own; the catalog knows which; a run over two waits for two, and gets them."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    gpus = [Device(index, 80, 0) for index in (0, 1, 2)]
    dispatcher = Dispatcher(store, worker="fake_trainer", read_devices=lambda _: gpus)
    runs = [make_run(store, None, pace=0.5, nproc_per_node=over) for over in (1, 1, 2)]
    dispatcher.turn()
    first = [store.runs.get(run.id) for run in runs]
    assert [run.devices for run in first] == [(0,), (1,), ()]
    assert [run.status for run in first] == ["starting", "starting", "queued"]
    assert first[2].plan["waits_for"] == "2 GPUs at a time"
    for run in first[:2]:
        trainer = processes.find(run.id, str(store.root), "train")
        assert trainer is not None
        told = Path(f"/proc/{trainer.pid}/environ").read_bytes().decode().split("\0")
        assert f"CUDA_VISIBLE_DEVICES={run.devices[0]}" in told and "CUDA_DEVICE_ORDER=PCI_BUS_ID" in told
    deadline = time.monotonic() + 30
    while any(store.runs.get(run.id).status != "completed" for run in runs[:2]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    dispatcher.turn()
    third = store.runs.get(runs[2].id)
    assert (third.status, third.devices) == ("starting", (0, 1))
    for identity in processes.find_all(third.id, str(store.root), "train"):
        processes.terminate(identity, signal.SIGKILL)


def test_a_run_is_not_started_again_before_its_old_trainer_is_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Set aside and resumed while that one still ends: it is waited for, and then the run starts."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    run = make_run(store, None)
    dispatcher = Dispatcher(store, worker="fake_trainer", read_devices=lambda _: [Device(0, 80, 0)])
    old = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    dispatcher._children[run.id] = old
    dispatcher.turn()
    assert store.runs.get(run.id).status == "queued"
    old.kill()
    old.wait()
    lock = processes.HeldLock.take(trainer_lock(store, run))  # as that of a dispatcher that died
    assert lock is not None
    with lock:
        dispatcher.turn()
        assert store.runs.get(run.id).status == "queued"
    dispatcher.turn()
    assert store.runs.get(run.id).status == "starting"
    dispatcher._children[run.id].kill()
    dispatcher._children[run.id].wait()


def test_devices_are_read_now_and_then_and_at_once_where_other_runs_are_at_work(store: Store) -> None:
    """Each reading goes through the driver; what a run has left is not seen in an old one."""
    readings: list[list[str]] = []

    def read(alive: Iterable[Run]) -> list[Device]:
        readings.append([run.id for run in alive])
        return [Device(0, 80, 80)]

    busy = running(store, processes.me(""))
    waiting = make_run(store, None)
    store.runs.planned(waiting.id, predicted_bytes=10)
    dispatcher = Dispatcher(store, read_devices=read)
    for _ in range(3):
        dispatcher.turn()
    assert readings == [[busy.id]]
    store.runs.complete(busy.id, "made")
    dispatcher.turn()
    assert readings == [[busy.id], []]


def test_several_processes_are_started_by_torchrun_and_listen_to_nobody_else(store: Store) -> None:
    """No port of a rendezvous, sockets of the loopback, and the nonce in each process's arguments."""
    run = make_run(store, nproc_per_node=2)
    argv = command.trainer_argv(store, run, "n", "workbench.worker")
    assert argv[1:4] == ["-P", "-m", "torch.distributed.run"]
    assert {"--nproc-per-node=2", "--rdzv-conf=store_type=file", "--local-addr=127.0.0.1"} <= set(argv)
    assert argv[-7:] == ["workbench.worker", "train", run.id, "--store", str(store.root), "--nonce", "n"]
    told = command.trainer_environment(run)
    assert told["GLOO_SOCKET_IFNAME"] == told["NCCL_SOCKET_IFNAME"] == "lo"
    assert told["PYTHONSAFEPATH"] == told["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"


def tiny_models_module() -> ModuleType:
    """The module that the shared fixtures loaded."""
    return sys.modules["tiny_models"]
