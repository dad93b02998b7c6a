"""What a checkpoint holds and how it is read back: weights, optimizer, schedule, random states, progress.

Everything is safetensors and JSON. Where the folder lies, and whether it is whole, is the store's affair;
when one is written is the keeper's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import Trainer, TrainerState

from store.errors import Conflict
from workbench.worker import plain, randomness, ranks

TRAINABLE = "trainable.safetensors"
OPTIMIZER = "optimizer.json"
RANDOMNESS = "randomness.json"
PROGRESS = "progress.json"
TRAINER_STATE = "trainer_state.json"  # transformers reads it by this name
_POSITION = ("global_step", "epoch", "train_batch_size", "logging_steps", "eval_steps", "save_steps")
_ROOM_BYTES = 32 * 1024 * 1024
_OWN_KEYS = frozenset({"params", "lr", "initial_lr", "weight_decay"})


@dataclass(frozen=True)
class Training:
    """What is trained, and what trains it."""

    model: nn.Module
    optimizer: Any
    """A torch optimizer, or accelerate's wrapper of one."""
    scheduler: Any
    scaler: Any = None
    """A GradScaler where the run is in float16."""

    @classmethod
    def of(cls, trainer: Trainer) -> Training:
        """What a trainer has at hand."""
        return cls(trainer.model, trainer.optimizer, trainer.lr_scheduler, trainer.accelerator.scaler)


@dataclass(frozen=True)
class Contents:
    """A training between two steps, as it is to be kept."""

    weights: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    randomness: list[Any]
    """That of every process that trains."""


def collect(training: Training) -> Contents:
    """Take what a checkpoint keeps; every process of a training must do so, and nothing is changed by it.

    What is sharded comes whole to the first process alone, which writes.
    """
    states = ranks.gathered(randomness.snapshot())
    with torch.no_grad():
        weights = {name: ranks.kept_by_first(weight) for name, weight in _trainable(training.model)}
        return Contents(weights, _optimizer_state(training), states)


def write(
    folder: Path, training: Training, contents: Contents, state: TrainerState, progress: dict[str, Any]
) -> None:
    """Fill an empty folder; the training that follows is the same as if nothing had been written.

    Args:
        folder: Where to.
        training: What the contents are of.
        contents: What `collect` has taken.
        state: Where the trainer is.
        progress: What else must be known to go on: plain values.
    """
    with randomness.untouched_randomness(), torch.no_grad():
        plain.save_tensors(folder / TRAINABLE, contents.weights)
        plain.save(folder / OPTIMIZER, contents.optimizer)
        position = {name: getattr(state, name) for name in _POSITION}
        documents = {RANDOMNESS: contents.randomness, PROGRESS: progress, TRAINER_STATE: position}
        for name, document in documents.items():
            (folder / name).write_text(json.dumps(document), encoding="utf-8")
        if isinstance(training.model, PeftModel):
            _write_adapter(folder, training.model, contents.weights)


def bytes_needed(training: Training) -> int:
    """The disk that `write` will take, reckoned from the tensors, with some room to spare."""
    weights = sum(tensor.nbytes for _, tensor in _trainable(training.model))
    copies = 2 if isinstance(training.model, PeftModel) else 1
    tensors = (
        value
        for state in _inner(training.optimizer).state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    )
    optimizer = sum({id(tensor): tensor.nbytes for tensor in tensors}.values())
    return copies * weights + optimizer + _ROOM_BYTES


def restore_weights(folder: Path, model: nn.Module) -> None:
    """Give a model the trained weights of a checkpoint.

    Raises:
        Conflict: Other weights are trained now than were then.
    """
    saved, now = plain.load_tensors(folder / TRAINABLE), dict(_trainable(model))
    fits = saved.keys() == now.keys() and all(saved[name].shape == now[name].shape for name in saved)
    if not fits or any(saved[name].dtype != now[name].dtype for name in saved):
        raise Conflict(
            f"{folder.name} holds other trained weights than this run has",
            "the run's method or settings have changed: start it anew with `workbench run retry`",
        )
    with torch.no_grad():
        for name, parameter in now.items():
            parameter.copy_(ranks.like(saved[name], parameter))


def restore_optimizer(folder: Path, training: Training) -> None:
    """Give the optimizer its moments and the schedule its position.

    The size of the steps follows from the run's settings as they are now, and the position: where nothing was
    changed, that is to the bit what it was.
    """
    saved = plain.load(folder / OPTIMIZER)
    optimizer, names = _inner(training.optimizer), _names(training.model)
    groups = [[names[id(parameter)] for parameter in group["params"]] for group in optimizer.param_groups]
    if groups != [group["params"] for group in saved["groups"]]:
        raise Conflict(
            f"the optimizer of {folder.name} is for other weights than this run's",
            "start the run anew with `workbench run retry`",
        )
    for group, was in zip(optimizer.param_groups, saved["groups"], strict=True):
        group.update({key: value for key, value in was.items() if key not in _OWN_KEYS})
        for parameter in group["params"]:
            name = names[id(parameter)]
            if name in saved["state"]:
                places = saved["places"].get(name, {})
                optimizer.state[parameter] = {
                    key: _placed(optimizer, parameter, value, places.get(key, "beside"))
                    for key, value in saved["state"][name].items()
                }
    _restore_schedule(training, saved["scheduler"])
    if training.scaler is not None and saved["scaler"] is not None:
        training.scaler.load_state_dict(saved["scaler"])


def restore_randomness(folder: Path) -> None:
    """Set all random generators of this process to what they were."""
    states = json.loads((folder / RANDOMNESS).read_text(encoding="utf-8"))
    randomness.restore(states[ranks.rank()])


def read_progress(folder: Path) -> dict[str, Any]:
    """What `write` was told of the run's progress."""
    progress: dict[str, Any] = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
    return progress


def _write_adapter(folder: Path, model: PeftModel, weights: dict[str, torch.Tensor]) -> None:
    """So that the folder can be tried as an adapter while the run goes on."""
    sharded = any(weight is not weights[name] for name, weight in _trainable(model))
    own = {"state_dict": weights} if sharded else {}
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False, **own)
    (folder / "README.md").unlink(missing_ok=True)


def _trainable(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    return ((name, weight) for name, weight in model.named_parameters() if weight.requires_grad)


def _names(model: nn.Module) -> dict[int, str]:
    return {id(parameter): name for name, parameter in model.named_parameters()}


def _inner(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer itself, out of accelerate's wrapper."""
    return getattr(optimizer, "optimizer", optimizer)


def _optimizer_state(training: Training) -> dict[str, Any]:
    optimizer, names = _inner(training.optimizer), _names(training.model)
    groups = [
        {**group, "params": [names[id(parameter)] for parameter in group["params"]]}
        for group in optimizer.param_groups
    ]
    states = {
        names[id(parameter)]: {
            key: ranks.kept_by_first(value) if isinstance(value, torch.Tensor) else value
            for key, value in optimizer.state[parameter].items()
        }
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter in optimizer.state
    }
    places = {
        names[id(parameter)]: _places(parameter, optimizer.state[parameter])
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter in optimizer.state
    }
    scheduler = training.scheduler
    return {
        "kind": type(optimizer).__name__,
        "groups": groups,
        "state": states,
        "places": {name: place for name, place in places.items() if place},
        "scheduler": {
            key: value
            for key, value in scheduler.state_dict().items()
            if key in ("last_epoch", "_step_count", "_last_lr", "base_lrs")
        },
        "scaler": training.scaler.state_dict() if training.scaler is not None else None,
    }


def _places(parameter: torch.Tensor, state: dict[str, Any]) -> dict[str, str]:
    """Where an optimizer holds what does not lie beside its parameter: in pages, or in the host's memory."""
    places = {}
    for key, value in state.items():
        if getattr(value, "is_paged", False):
            places[key] = "paged"
        elif isinstance(value, torch.Tensor) and value.device != parameter.device:
            places[key] = "host"
    return places


def _placed(optimizer: Any, parameter: torch.Tensor, value: Any, place: str) -> Any:
    """A saved value where the optimizer wants it, in the precision that it had.

    An optimizer's own `load_state_dict` would cast it to the parameter's, and a paged one lose its pages.
    """
    if not isinstance(value, torch.Tensor) or place == "host":
        return value
    if place == "paged":
        return optimizer.get_state_buffer(parameter, dtype=value.dtype).copy_(value)
    return ranks.like(value, parameter)


def _restore_schedule(training: Training, saved: dict[str, Any]) -> None:
    scheduler = training.scheduler
    if not isinstance(scheduler, LambdaLR):
        scheduler.load_state_dict(saved)
        return
    scheduler.last_epoch, scheduler._step_count = saved["last_epoch"], saved["_step_count"]
    rates = [
        base * share(scheduler.last_epoch)
        for base, share in zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    ]
    for group, rate in zip(_inner(training.optimizer).param_groups, rates, strict=True):
        group["lr"] = rate
    scheduler._last_lr = rates
