"""Alerts of real trainings, and metrics exported by real packages."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import stocking
from transformers import TrainerControl, TrainerState, TrainingArguments

from store import Store
from store.errors import BadInput
from store.runs import Run
from workbench.runs import launch
from workbench.runs.alerts import Machine
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker.alarm import Alarm, machine_reader
from workbench.worker.pulse import Pulse
from workbench.worker.train import train


@pytest.fixture
def shop(stock: Store, dialogue_rows: list[dict[str, str]]) -> Store:
    """A store with all that a run of four rows needs."""
    stocking.add_rows(stock, "few", dialogue_rows[:4])
    return stock


def submitted(store: Store, **more: Any) -> Run:
    """A run that this process may train."""
    settings = TrainingSettings(**({"batch_size": 4, "num_samples": 0} | more))
    run = store.runs.claim(
        launch.submit(store, RunOptions("causal", "few", "t", settings=settings)).id, "here"
    )
    assert run is not None
    return run


def trained(store: Store, **more: Any) -> Run:
    """A run after its training."""
    run = submitted(store, **more)
    store.runs.complete(run.id, train(store, run, Pulse()).name)
    return store.runs.get(run.id)


def kinds(store: Store, run: Run) -> list[str]:
    """What a run was in trouble with; the machine's own state is not the test's affair."""
    return [each.kind for each in store.alerts.list(run.id) if each.kind not in ("memory", "disk")]


def test_a_loss_that_is_no_number_is_told_at_its_first_step(shop: Store) -> None:
    run = submitted(shop, max_steps=40, learning_rate=1e30)
    with pytest.raises(BadInput, match="the loss is nan"):
        train(shop, run, Pulse())
    assert kinds(shop, run) == ["nan"]
    (alert,) = [each for each in shop.alerts.list(run.id) if each.kind == "nan"]
    first = next(step for step, value in shop.metrics.series(run.id, "loss") if math.isnan(value))
    assert alert.step == first and f"step {first} is nan" in alert.message


def test_a_run_that_diverges_is_told(shop: Store) -> None:
    """A step size that wrecks what the first steps have learned, while every loss is a number."""
    rising = {"learning_rate": 0.8, "warmup_steps": 400, "lr_scheduler_type": "constant_with_warmup"}
    run = trained(shop, max_steps=90, **rising)
    losses = [value for _, value in shop.metrics.series(run.id, "loss")]
    assert all(map(math.isfinite, losses)) and losses[-1] > min(losses) + 2
    assert kinds(shop, run) == ["divergence"]


def test_a_run_that_learns_nothing_more_is_told_once_and_a_good_one_never(shop: Store) -> None:
    """With no step size at all; and three hundred good steps."""
    assert kinds(shop, trained(shop, max_steps=300, learning_rate=0.0)) == ["plateau"]
    assert kinds(shop, trained(shop, max_steps=60, learning_rate=0.01)) == []


def test_what_was_told_before_a_pause_is_not_told_again(shop: Store) -> None:
    """The watch knows the losses of the earlier attempt; alerts past its checkpoint give way."""
    run = submitted(shop)
    shop.metrics.append(run.id, [(step, "loss", 1.0 if step < 30 else 9.0) for step in range(1, 61)])
    shop.alerts.append(run.id, 40, "divergence", "told")
    shop.alerts.append(run.id, 70, "disk", "of an attempt that is no more")
    alarm = Alarm(shop, run.id, lambda: Machine((), 10**12, 0))
    state = TrainerState(global_step=60, max_steps=100)
    alarm.on_train_begin(TrainingArguments(output_dir="unused", report_to="none"), state, TrainerControl())
    alarm.hear([(step, "loss", 9.0) for step in range(61, 80)])
    assert [each.step for each in shop.alerts.list(run.id)] == [40]
    alarm.hear([(80, "loss", math.nan)])
    assert [each.kind for each in shop.alerts.list(run.id)] == ["divergence", "nan"]


def test_the_machine_is_read_as_it_is(shop: Store) -> None:
    """The host's memory, the run's own disk, and what the next checkpoint takes of it."""
    now = machine_reader(shop.root, lambda: 1200)()
    ((name, used, total),) = [each for each in now.devices if each[0] == "host"]
    assert (name, now.disk_needed) == ("host", 1200) and 0 < used < total
    stat = os.statvfs(shop.root)
    assert now.disk_free == pytest.approx(stat.f_bavail * stat.f_frsize, rel=0.05)


needs_tensorboard = pytest.mark.skipif(
    find_spec("tensorboard") is None, reason="tensorboard is not installed: pip install '.[export]'"
)


@needs_tensorboard
def test_every_point_is_in_tensorboards_file_at_its_own_step(shop: Store) -> None:
    """Losses, samples and validation alike, under transformers' usual tags."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = trained(shop, max_steps=6, eval_steps=3, num_samples=1, report_to="tensorboard")
    folder = shop.runs.folder(run) / "tensorboard"
    assert list(folder.glob("events.out.tfevents.*"))
    read = EventAccumulator(str(folder))
    read.Reload()
    for name in ("loss", "learning_rate", "grad_norm", "tokens_per_second", "sample_rougeL"):
        written = [(event.step, event.value) for event in read.Scalars(f"train/{name}")]
        points = shop.metrics.series(run.id, name)
        assert [step for step, _ in written] == [step for step, _ in points] and points
        assert [value for _, value in written] == pytest.approx([value for _, value in points], rel=1e-6)


def test_a_package_that_is_missing_is_told_before_the_run(shop: Store) -> None:
    """With the way to get it."""
    missing = [name for name in ("wandb", "trackio", "tensorboard") if find_spec(name) is None]
    if not missing:
        pytest.skip("all of them are installed")
    with pytest.raises(BadInput, match=f"needs the package {missing[0]}") as refused:
        submitted(shop, report_to=missing[0])
    assert f"pip install {missing[0]}" in refused.value.remedy
    assert shop.runs.list() == []


@pytest.mark.parametrize("package", ["trackio", "wandb"])
def test_other_exports_stay_on_this_disk(shop: Store, package: str) -> None:
    """In the run's folder, without a single connection to another machine."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    run = submitted(shop, max_steps=4, report_to=package)
    program = """
import socket, sys
connect = socket.socket.connect
def local(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        print("CONNECTED", address)
    return connect(self, address)
socket.socket.connect = local
from store import open_store
from workbench.worker.pulse import Pulse
from workbench.worker.train import train
with open_store(sys.argv[1]) as store:
    train(store, store.runs.get(sys.argv[2]), Pulse())
"""
    argv = [sys.executable, "-c", program, str(shop.root), run.id]
    told = subprocess.run(
        argv, capture_output=True, text=True, check=True, env=os.environ | {"HF_HUB_OFFLINE": "1"}
    )
    assert "CONNECTED" not in told.stdout and "not exported any more" not in told.stdout
    assert any(path.is_file() for path in (shop.runs.folder(run) / package).rglob("*"))
    assert len(shop.metrics.series(run.id, "loss")) == 4


def test_what_was_measured_before_training_is_exported_too(tmp_path: Path) -> None:
    """The base's probes are: step 0 comes first."""
    from transformers import TrainerCallback

    from workbench.worker.export import Export

    told: list[tuple[int, dict[str, float]]] = []

    class Listening(TrainerCallback):
        def on_log(self, _args: Any, state: TrainerState, *_: Any, logs: dict[str, float], **__: Any) -> None:
            told.append((state.global_step, logs))

    export = Export(Listening(), "run")
    export.hear([(0, "probe/other:t/loss", 3.0)])
    begun = (TrainingArguments(output_dir=str(tmp_path), report_to="none"), TrainerState(), TrainerControl())
    export.on_train_begin(*begun, model=None)
    export.hear([(1, "loss", 1.0)])
    assert told == [(0, {"probe/other:t/loss": 3.0}), (1, {"loss": 1.0})]


def test_an_export_that_fails_does_not_end_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told once in the log."""
    from transformers import TrainerCallback

    from workbench.worker.export import Export

    class Broken(TrainerCallback):
        def on_log(self, *_: Any, **__: Any) -> None:
            raise ConnectionError("no route")

    export = Export(Broken(), "run")
    begun = (TrainingArguments(output_dir=str(tmp_path), report_to="none"), TrainerState(), TrainerControl())
    export.on_train_begin(*begun, model=None)
    export.hear([(1, "loss", 1.0)])
    export.hear([(2, "loss", 1.0)])
    export.on_train_end(*begun)
    assert capsys.readouterr().out == "the metrics are not exported any more: ConnectionError: no route\n"
