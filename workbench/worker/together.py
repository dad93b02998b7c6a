"""Training as one of several processes: meet, agree with the leader, add up, part; alone it does nothing."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import distributed
from torch.utils.data import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from store import Store
from store.runs import Run
from workbench.runs.command import meeting_point
from workbench.worker import ranks
from workbench.worker.group import Released, read_group, together

_DECISIONS = (
    "should_training_stop",
    "should_epoch_stop",
    "should_save",
    "should_evaluate",
    "should_log",
)


def leads() -> bool:
    """Whether this process writes for all."""
    return ranks.rank() == 0


def meet(store: Store, run: Run, device: torch.device) -> None:
    """Wait for the other processes of a run, where it has any.

    They find each other by a file in the run's folder, and their sockets are the loopback's alone.

    Args:
        store: An open store.
        run: The run.
        device: Where this process computes.

    Raises:
        BadInput: More or fewer were started than were asked for.
    """
    group = read_group(run)
    if group.size == 1:
        return
    attempt = f"{os.environ['TORCHELASTIC_RUN_ID']}-{os.environ['TORCHELASTIC_RESTART_COUNT']}"
    place = meeting_point(store.runs.folder(run), attempt)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group(
        # Decisions are taken on the processor, without waiting for a GPU.
        "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
        store=distributed.FileStore(str(place), group.size),
        rank=group.rank,
        world_size=group.size,
    )


def part() -> None:
    """Wait until all are through, and go on alone.

    Raises:
        Released: This process has only followed.
    """
    if not together():
        return
    led = leads()
    distributed.barrier()
    distributed.destroy_process_group()
    if not led:
        raise Released


def vary_randomness(seed: int) -> None:
    """Let each follower drop out other values than the leader; its own are those of a process alone."""
    if not leads():
        torch.manual_seed(seed + distributed.get_rank())


def shared_pass(loss: torch.Tensor, tokens: int) -> tuple[torch.Tensor, int]:
    """One pass over all processes: the mean of their losses, shares of the step's, and all their tokens.

    Args:
        loss: This process's, a scalar.
        tokens: This process's.
    """
    if not together():
        return loss, tokens
    mean, counted = loss.double() / ranks.size(), torch.tensor(tokens)
    distributed.all_reduce(mean)
    # On the processor: nobody waits for a device to know how many tokens it has read.
    distributed.all_reduce(counted)
    return mean.to(loss.dtype), int(counted)


def totals(*numbers: float) -> list[float]:
    """Each of these numbers added up over all processes."""
    if not together():
        return list(numbers)
    added = torch.tensor(numbers, dtype=torch.float64)
    distributed.all_reduce(added)
    return added.tolist()


def callbacks(watching: list[TrainerCallback]) -> list[TrainerCallback]:
    """What watches and steers a training: with the leader, whom the others then follow."""
    if not together():
        return watching
    return [*(watching if leads() else []), LeaderDecides()]


class LeaderDecides(TrainerCallback):
    """Makes every process do what the leader does: a clock or a request is read by one of them alone."""

    def on_step_end(
        self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop, save, evaluate and log after the same steps."""
        _agree(control)

    def on_epoch_end(
        self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The same after an epoch."""
        _agree(control)

    def on_evaluate(
        self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The same after an evaluation, which may have been the last."""
        _agree(control)


class Share(Dataset[Any]):
    """This process's rows of those that all go through together; every process has as many.

    The last ones get a row in which no token counts.
    """

    def __init__(self, rows: Any, ignored: int) -> None:
        self._rows = rows
        self._ignored = ignored
        self._first = ranks.rank()
        self._step = ranks.size()

    def __len__(self) -> int:
        return -(-len(self._rows) // self._step)

    def __getitem__(self, index: int) -> Any:
        at = self._first + index * self._step
        row = self._rows[min(at, len(self._rows) - 1)]
        if at < len(self._rows):
            return row
        return [self._emptied(each) for each in row] if isinstance(row, list) else self._emptied(row)

    def _emptied(self, row: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {**row, "labels": torch.full_like(row["labels"], self._ignored)}


def _agree(control: TrainerControl) -> None:
    chosen = ranks.all_decided([getattr(control, name) for name in _DECISIONS])
    for name, decided in zip(_DECISIONS, chosen, strict=True):
        setattr(control, name, decided)
