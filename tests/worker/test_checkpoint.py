"""Checkpoints and going on from them: losses and adapter are those of a run that was never stopped."""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stocking
import torch
from safetensors.torch import load_file

from store import Store
from store.checkpoints import faults
from store.errors import Conflict
from store.runs import Run
from workbench.runs import launch, lifecycle
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import keeping
from workbench.worker.pulse import Cancelled, Interrupted, Paused, Pulse
from workbench.worker.train import train

MIXTURE = 'name = "mix"\nseed = 5\n' + "".join(
    f'[[tasks]]\ndataset = "{name}"\ntemplate = "t"\n' for name in ("d", "more")
)
STEPS = 12  # of five in an epoch


@pytest.fixture
def shop(stock: Store, dialogue_rows: list[dict[str, str]]) -> Store:
    """A store with all that a run needs, and a mixture."""
    stocking.add_rows(stock, "more", dialogue_rows[10:])
    stocking.add_text(stock.mixtures, MIXTURE)
    return stock


class PausedAt(Pulse):
    """A pulse that is asked to pause, or told to end, while the run makes a step."""

    def __init__(self, step: int, *, kind: str = "pause") -> None:
        super().__init__()
        self._step, self._kind, self._seen = step, kind, 0

    def check(self) -> None:
        """The recorder asks at the end of each step; others ask in between, and do not count."""
        super().check()
        if not self._holding or sys._getframe(1).f_code.co_name != "on_step_end":
            return
        self._seen += 1
        if self._seen == self._step:
            getattr(self, self._kind)()
            super().check()


def submitted(
    store: Store, model: str = "causal", method: str = "lora", dataset: str = "d", **settings: Any
) -> Run:
    """A run that this process may train."""
    mixture = settings.pop("mixture", None)
    defaults = {"max_steps": STEPS, "batch_size": 4, "max_eval_samples": 0, "lora_dropout": 0.2, "r": 4}
    made = TrainingSettings(**(defaults | settings))
    data = {"mixture": mixture} if mixture else {"dataset": dataset, "template": "t"}
    return claimed(store, launch.submit(store, RunOptions(model, method=method, settings=made, **data)))


def claimed(store: Store, run: Run) -> Run:
    """The run as a dispatcher takes it."""
    taken = store.runs.claim(run.id, "here")
    assert taken is not None
    return taken


def finished(store: Store, run: Run, pulse: Pulse | None = None) -> Run:
    """A run after its training."""
    store.runs.complete(run.id, train(store, run, pulse or Pulse()).name)
    return store.runs.get(run.id)


def paused(store: Store, run: Run, steps: int) -> Run:
    """A run that was paused after so many steps of this attempt."""
    with pytest.raises(Paused):
        train(store, run, PausedAt(steps))
    return store.runs.paused(run.id)


def resumed(store: Store, run: Run, **changes: Any) -> Run:
    """A run taken up again."""
    return claimed(store, lifecycle.resume(store, run.id, changes))


def outcome(store: Store, run: Run) -> tuple[Any, ...]:
    """What must be the same to the bit: losses, validation losses, step sizes, norms, and the adapter."""
    names = ("loss", "eval_loss", "learning_rate", "grad_norm")
    series = [store.metrics.series(run.id, name) for name in names]
    return *series, store.adapters.get(str(run.adapter)).fingerprint


CASES: dict[str, dict[str, Any]] = {
    "lora": {},
    # Ten batches in an epoch: four steps, the last of them of one pass. A pulse is asked at every pass.
    "accumulation": {"batch_size": 2, "gradient_accumulation_steps": 3},
    "bf16": {"dtype": "bfloat16"},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "8-bit adamw": {"optim": "adamw_bnb_8bit", "r": 64},
    "paged adamw": {"optim": "paged_adamw_32bit"},
    "adafactor in bf16": {"optim": "adafactor", "dtype": "bfloat16"},
    "sgd": {"optim": "sgd", "learning_rate": 0.1},
    "cosine": {"lr_scheduler_type": "cosine", "warmup_steps": 3.0},
    "rarely logged": {"logging_steps": 5},
    "validated": {"max_eval_samples": 4, "eval_steps": 2},
    "validated each epoch": {"max_eval_samples": 4, "max_steps": -1, "num_train_epochs": 2.4},
    "prompt tuning": {"method": "prompt-tuning", "num_virtual_tokens": 4},
    "ia3": {"method": "ia3"},
    "dora": {"method": "dora"},
    "t5": {"model": "seq2seq"},
    "t5 prompt tuning": {"model": "seq2seq", "method": "prompt-tuning", "num_virtual_tokens": 4},
    "nf4, validated": {
        "method": "qlora",
        "max_eval_samples": 4,
        "eval_steps": 2,
        "optim": "paged_adamw_8bit",
    },
    "mixture": {"mixture": "mix"},
}


# What differs little from another case waits for the slow tests.
LIKE_OTHERS = (
    "sgd", "adafactor in bf16", "8-bit adamw", "gradient checkpointing", "t5 prompt tuning", "cosine",
    "validated each epoch", "rarely logged", "dora", "bf16",
)  # fmt: skip


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case in LIKE_OTHERS else ()) for case in CASES]
)
def test_a_paused_run_ends_as_one_never_stopped(shop: Store, case: str) -> None:
    """Paused twice, in the middle of an epoch and at the end of one: equal to the bit."""
    settings = CASES[case]
    through = finished(shop, submitted(shop, **settings))
    run = paused(shop, submitted(shop, **settings), 3)
    assert (run.status, run.step) == ("paused", 3)
    run = paused(shop, resumed(shop, run), 2)
    assert run.step == 5
    run = finished(shop, resumed(shop, run))
    assert run.attempts == 3 and run.total_steps == through.total_steps
    assert outcome(shop, run) == outcome(shop, through)


@pytest.mark.parametrize("case", ["lora", "prompt tuning", "validated"])
def test_taking_checkpoints_changes_nothing_of_the_training(shop: Store, case: str) -> None:
    """After every step, or none at all; and save_total_limit of them stay."""
    without = finished(shop, submitted(shop, **CASES[case]))
    each = finished(shop, submitted(shop, save_steps=1, save_total_limit=3, **CASES[case]))
    assert outcome(shop, each) == outcome(shop, without)
    kept = [made.step for made in shop.checkpoints.list(each.id)]
    assert kept[:3] == [12, 11, 10] and len(kept) <= 4
    assert shop.checkpoints.list(without.id) == []


def files(shop: Store, run: Run, step: int) -> list[Path]:
    """The files of a checkpoint."""
    return sorted(shop.checkpoints.get(run.id, step).path.iterdir())


def missing(path: Path) -> None:
    """A file that is gone."""
    path.unlink()


def truncated(path: Path) -> None:
    """A file that was cut off."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    """A file with one bit of a byte in its middle turned round."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_checkpoint_holds_no_pickle_and_can_be_tried_as_an_adapter(shop: Store) -> None:
    """safetensors and JSON only, all private; plain PEFT loads the folder."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    run = paused(shop, submitted(shop), 3)
    made = shop.checkpoints.get(run.id, 3)
    assert {path.suffix for path in made.path.iterdir()} == {".json", ".safetensors"}
    assert {path.stat().st_mode & 0o777 for path in made.path.iterdir()} == {0o600}
    assert made.bytes == sum(
        path.stat().st_size for path in made.path.iterdir() if path.name != "manifest.json"
    )
    base = AutoModelForCausalLM.from_pretrained(shop.models.get("causal").path)
    model = PeftModel.from_pretrained(base, made.path)
    weights = load_file(made.path / "trainable.safetensors")
    loaded = dict(model.named_parameters())
    assert weights and all(torch.equal(loaded[name], weight) for name, weight in weights.items())


@pytest.mark.parametrize("harm", [missing, truncated, flipped])
def test_a_torn_checkpoint_is_never_gone_on_from(shop: Store, harm: Callable[[Path], None]) -> None:
    """Each file in turn: the one before is taken, log and alert say so, and the result is the same."""
    run = submitted(shop, save_steps=2)
    through = finished(shop, submitted(shop, save_steps=2))
    run = paused(shop, run, 5)
    place = shop.checkpoints.folder(run.id)
    kept = place.with_name("kept")
    shutil.copytree(place, kept)
    names = [path.name for path in files(shop, run, 5)]
    assert "manifest.json" in names and len(names) == 9
    for name in names:
        harm(place / "step-5" / name)
        assert faults(place / "step-5"), name
        found, damages = shop.checkpoints.newest_whole(run.id)
        assert found is not None and (found.step, [damage.step for damage in damages]) == (4, [5])
        assert name in str(damages[0])
        assert [each.step for each in shop.checkpoints.list(run.id)] == [4]
        shutil.rmtree(place)
        shutil.copytree(kept, place)
    harm(place / "step-5" / "optimizer.safetensors")
    run = finished(shop, resumed(shop, run))
    assert outcome(shop, run) == outcome(shop, through)
    (alert,) = shop.alerts.list(run.id)
    assert alert.message.startswith("the checkpoint of step 5 is damaged: optimizer.safetensors")
    assert alert.message.endswith("it goes on from step 4")


def test_without_a_whole_checkpoint_a_run_begins_anew_and_says_so(shop: Store) -> None:
    """The result is the same, and so is the series of losses."""
    through = finished(shop, submitted(shop))
    run = paused(shop, submitted(shop), 4)
    flipped(shop.checkpoints.get(run.id, 4).path / "trainable.safetensors")
    run = finished(shop, resumed(shop, run))
    assert outcome(shop, run) == outcome(shop, through)
    (alert,) = shop.alerts.list(run.id)
    assert "trainable.safetensors is not what was written" in alert.message
    assert alert.message.endswith("it begins anew, from step 0")


def test_what_torn_writes_left_is_swept_and_a_whole_one_without_a_row_is_taken(shop: Store) -> None:
    """As after a death while writing, and after one between the rename and the row."""
    run = paused(shop, submitted(shop), 4)
    place = shop.checkpoints.folder(run.id)
    shutil.copytree(place / "step-4", place / ".step-6.tmp-dead")
    shop.db.execute("delete from checkpoints")
    shop.db.conn.commit()
    assert shop.checkpoints.newest(run.id) is None
    found, damages = shop.checkpoints.newest_whole(run.id)
    assert found is not None and found.step == 4 and damages == []
    assert [path.name for path in place.iterdir()] == ["step-4"]
    assert shop.checkpoints.list(run.id) == [found]


def test_a_changed_learning_rate_takes_effect_from_the_pause_on(shop: Store) -> None:
    """Before it the series is the old one, after it the new one's; the lineage tells where."""
    through = finished(
        shop, submitted(shop, learning_rate=1e-3, lr_scheduler_type="constant", warmup_steps=0)
    )
    run = submitted(shop, learning_rate=1e-3, lr_scheduler_type="constant", warmup_steps=0)
    run = finished(shop, resumed(shop, paused(shop, run, 4), learning_rate=1e-2, max_steps=14))
    rates = [value for _, value in shop.metrics.series(run.id, "learning_rate")]
    assert rates == [1e-3] * 4 + [1e-2] * 10
    losses, before = (dict(shop.metrics.series(each.id, "loss")) for each in (run, through))
    assert {step: losses[step] for step in range(1, 6)} == {step: before[step] for step in range(1, 6)}
    assert losses[8] != before[8]
    (change,) = run.lineage["changes"]
    assert change == {"step": 4, "settings": {"learning_rate": [1e-3, 1e-2], "max_steps": [12, 14]}}
    lineage = json.loads((shop.adapters.get(str(run.adapter)).path / "lineage.json").read_text())
    assert lineage["changes"] == [change] and lineage["steps"] == 14


def test_more_epochs_can_be_asked_for_at_a_pause(shop: Store) -> None:
    """Of a mixture too, whose draws go on; eval_steps and logging_steps follow the settings."""
    run = paused(shop, submitted(shop, mixture="mix", max_steps=8, max_eval_samples=4, eval_steps=4), 3)
    run = finished(shop, resumed(shop, run, max_steps=16, eval_steps=5, logging_steps=2))
    assert (run.step, run.total_steps) == (16, 16)
    assert [step for step, _ in shop.metrics.series(run.id, "eval_loss")] == [5, 10, 15, 16]
    assert [step for step, _ in shop.metrics.series(run.id, "loss")] == [1, 2, 3, *range(4, 17, 2)]


def test_a_checkpoint_of_other_data_or_settings_is_refused(shop: Store) -> None:
    """With what differs; nothing is trained."""
    run = paused(shop, submitted(shop), 4)
    shop.runs.change(run.id, {**run.settings, "batch_size": 2})
    run = claimed(shop, shop.runs.resume(run.id))
    with pytest.raises(Conflict, match="batch_size was 4 and is 2; start it anew: workbench run retry"):
        train(shop, run, Pulse())


def test_the_best_weights_are_published_and_their_checkpoint_kept(
    shop: Store, dialogue_rows: list[dict[str, str]]
) -> None:
    """Where what is learned makes the validation rows less likely in the end: the best is not the last."""
    stocking.add_rows(shop, "contrary", dialogue_rows)
    stocking.add_rows(shop, "contrary", [{"dialogue": "0", "summary": "7" * 40}] * 4, split="validation")
    settings = {
        "max_eval_samples": 4,
        "eval_steps": 1,
        "learning_rate": 0.02,
        "lr_scheduler_type": "constant",
    }
    settings |= {"dataset": "contrary", "load_best_model_at_end": True, "save_total_limit": 1}
    run = finished(shop, submitted(shop, **settings))
    validated = dict(shop.metrics.series(run.id, "eval_loss"))
    best = min(validated, key=lambda step: validated[step])
    assert best < STEPS and validated[STEPS] > validated[best] + 0.5
    assert shop.checkpoints.best(run.id) == shop.checkpoints.get(run.id, best)
    adapter = shop.adapters.get(str(run.adapter)).path
    held = load_file(shop.checkpoints.get(run.id, best).path / "adapter_model.safetensors")
    published = load_file(adapter / "adapter_model.safetensors")
    assert all(torch.equal(published[name], held[name]) for name in held)
    lineage = json.loads((adapter / "lineage.json").read_text())
    assert lineage["published_step"] == best and lineage["final"]["eval_loss"] == validated[best]

    again = paused(shop, submitted(shop, **settings), 7)
    assert outcome(shop, finished(shop, resumed(shop, again))) == outcome(shop, run)


def test_a_run_that_gets_no_better_is_ended_early_and_its_patience_survives_a_pause(shop: Store) -> None:
    """Three validations without a better loss: no more steps, paused in between or not."""
    settings = {"max_eval_samples": 4, "eval_steps": 1, "learning_rate": 0.3, "lr_scheduler_type": "constant"}
    settings |= {"early_stopping_patience": 3, "max_steps": 40}
    through = finished(shop, submitted(shop, **settings))
    losses = [loss for _, loss in shop.metrics.series(through.id, "eval_loss")]
    assert 4 <= through.step < 40 and min(losses) == losses[-4] and len(losses) == through.step
    run = paused(shop, submitted(shop, **settings), through.step - 1)
    assert run.step == through.step - 1
    run = finished(shop, resumed(shop, run))
    assert outcome(shop, run) == outcome(shop, through)


def test_a_threshold_counts_small_gains_as_none(shop: Store) -> None:
    """A hundred nats better is never reached: the run ends after its patience."""
    settings = {"max_eval_samples": 4, "eval_steps": 1, "early_stopping_patience": 2}
    run = finished(shop, submitted(shop, early_stopping_threshold=100.0, **settings))
    assert run.step == 3


def test_a_run_killed_between_its_last_checkpoint_and_its_end_publishes_the_same(shop: Store) -> None:
    """The checkpoint is of the last step: nothing is trained any more."""
    through = finished(shop, submitted(shop, save_steps=4, logging_steps=5))
    run = submitted(shop, save_steps=4, logging_steps=5)
    train(shop, run, Pulse())  # and it died before it could say so
    shop.adapters.remove(shop.adapters.list()[-1].name)
    shop.runs.interrupt(run.id, "killed")
    run = finished(shop, resumed(shop, run))
    assert (run.step, run.total_steps, run.attempts) == (12, 12, 2)
    assert outcome(shop, run) == outcome(shop, through)


def test_a_terminated_trainer_leaves_a_checkpoint_and_a_run_that_goes_on(shop: Store) -> None:
    """SIGTERM is a pause that nobody asked for; a cancel leaves none."""
    run = submitted(shop)
    with pytest.raises(Interrupted):
        train(shop, run, PausedAt(3, kind="interrupt"))
    newest = shop.checkpoints.newest(run.id)
    assert newest is not None and newest.step == 3
    run = submitted(shop)
    with pytest.raises(Cancelled):
        train(shop, run, PausedAt(3, kind="stop"))
    assert shop.checkpoints.list(run.id) == []


def test_a_pause_before_the_first_step_costs_nothing(shop: Store) -> None:
    """No checkpoint is needed: the run begins at the beginning."""
    run, pulse = submitted(shop), Pulse()
    pulse.pause()
    with pytest.raises(Paused):
        train(shop, run, pulse)
    assert shop.checkpoints.list(run.id) == []
    run = shop.runs.paused(run.id)
    assert finished(shop, resumed(shop, run)).step == STEPS


def test_a_full_disk_is_told_and_ends_nothing(
    shop: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No checkpoint is begun that would not fit; a pause is then declined, and the run completes."""
    monkeypatch.setattr(keeping.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 1000))
    run = submitted(shop, save_steps=6)
    shop.runs.request(run.id, "pause")
    run = finished(shop, run, PausedAt(3))
    assert run.step == STEPS and shop.checkpoints.list(run.id) == []
    told = [(alert.kind, alert.step) for alert in shop.alerts.list(run.id)]
    assert told == [("disk", 1), ("pause", 3)]  # one shortage is told once
    assert "free some space" in shop.alerts.list(run.id)[0].message
    log = capsys.readouterr().out
    assert [f"step {step}: no checkpoint: it needs" in log for step in (3, 6, 12)] == [True] * 3


def test_points_that_are_measured_again_take_the_place_of_the_old_ones(shop: Store) -> None:
    """After a death at step 9 with a checkpoint of step 4, nothing is lost before it is measured again."""
    run = submitted(shop, save_steps=4)
    with pytest.raises(Cancelled):
        train(shop, run, PausedAt(10, kind="stop"))
    shop.checkpoints.remove(run.id, 8)
    shop.runs.interrupt(run.id, "killed")
    before = shop.metrics.series(run.id, "loss")
    assert [step for step, _ in before] == list(range(1, 10))
    run = resumed(shop, run)
    with pytest.raises(Cancelled):
        train(shop, run, FirstStep(shop, run, before))
    assert shop.metrics.series(run.id, "loss") == before[:5]  # it was cancelled after its step 5


class FirstStep(Pulse):
    """Looks, at the end of the first step of a new attempt, that nothing has been lost; then cancels."""

    def __init__(self, shop: Store, run: Run, before: list[tuple[int, float]]) -> None:
        super().__init__()
        self._shop, self._run, self._before = shop, run, before

    def check(self) -> None:
        """The recorder asks at the end of each step."""
        if self._holding:
            assert self._shop.metrics.series(self._run.id, "loss") == self._before
            self.stop()
        super().check()


def test_a_diverging_run_keeps_its_good_checkpoints(shop: Store) -> None:
    """Weights that are no numbers push nothing out."""
    run = submitted(shop, save_steps=1, save_total_limit=1, learning_rate=1e30, max_steps=20, warmup_steps=0)
    with pytest.raises(Exception, match="the loss is nan"):
        train(shop, run, Pulse())
    losses = dict(shop.metrics.series(run.id, "loss"))
    made = [each.step for each in shop.checkpoints.list(run.id)]
    assert made and all(math.isfinite(losses[step]) for step in made)
