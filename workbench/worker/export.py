"""A run's metrics for TensorBoard, Trackio or W&B as well, by transformers' own integrations, all offline.

Each value is handed on as it stands in the store, at its own step; nothing here can end a training.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments, integrations

PROJECT = "workbench"


class Export(TrainerCallback):
    """Hands points on to one of transformers' integrations; a listener of the recorder.

    Args:
        integration: transformers' callback.
        name: What the run is called there.
    """

    def __init__(self, integration: TrainerCallback, name: str) -> None:
        self._integration: TrainerCallback | None = integration
        self._name = name
        self._about: tuple[TrainingArguments, TrainerState, TrainerControl, torch.nn.Module] | None = None
        self._early: list[tuple[int, str, float]] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **more: Any
    ) -> None:
        """Open the integration's files."""
        own = copy.copy(args)
        own.run_name, own.project = self._name, PROJECT
        # Without these nothing is ever sent anywhere.
        own.trackio_space_id, own.trackio_static_space_id, own.trackio_bucket_id = None, False, None
        self._about = own, copy.copy(state), control, more["model"]
        self._ask("on_train_begin", self._about[1])
        self.hear(self._early)

    def hear(self, points: Sequence[tuple[int, str, float]]) -> None:
        """Take the points that were just written."""
        if self._about is None:
            self._early += points  # what was measured before the training began
            return
        by_step: dict[int, dict[str, float]] = {}
        for step, name, value in points:
            by_step.setdefault(step, {})[name] = value
        for step, values in by_step.items():
            at = copy.copy(self._about[1])
            at.global_step = step
            self._ask("on_log", at, logs=values)

    def on_train_end(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Close the integration's files."""
        self._ask("on_train_end", copy.copy(state))

    def _ask(self, event: str, state: TrainerState, **more: Any) -> None:
        if self._integration is None or self._about is None:
            return
        args, _, control, model = self._about
        try:
            getattr(self._integration, event)(args, state, control, model=model, **more)
        except Exception as error:  # noqa: BLE001 (another's code; hours of training must not end by it)
            self._integration = None
            sys.stdout.write(f"the metrics are not exported any more: {type(error).__name__}: {error}\n")


def exporter(report_to: str, folder: Path, name: str) -> Export | None:
    """Make the export that a run asks for.

    Args:
        report_to: `tensorboard`, `trackio`, `wandb` or `none`.
        folder: The run's; what is exported lies below it.
        name: The run's name.
    """
    if report_to == "none":
        return None
    place = folder / report_to
    place.mkdir(exist_ok=True)
    # Read by the packages when they are imported, which is when the callbacks are made.
    os.environ.update(
        TENSORBOARD_LOGGING_DIR=str(place),
        TRACKIO_DIR=str(place),
        WANDB_DIR=str(place),
        WANDB_MODE="offline",
        WANDB_PROJECT=PROJECT,
        WANDB_SILENT="true",
    )
    made = {
        "tensorboard": integrations.TensorBoardCallback,
        "trackio": integrations.TrackioCallback,
        "wandb": integrations.WandbCallback,
    }
    return Export(made[report_to](), name)
