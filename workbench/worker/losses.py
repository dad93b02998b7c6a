"""A model's loss on rows that it is not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from workbench.composing import masking


def mean_loss(model: torch.nn.Module, batches: Iterable[dict[str, Any]], check: Callable[[], None]) -> float:
    """The loss per trained token over all batches, NaN where there is none.

    Args as of `summed_loss`, and the model is left as by it.
    """
    total, count = summed_loss(model, batches, check)
    return total / count if count else float("nan")


def summed_loss(
    model: torch.nn.Module, batches: Iterable[dict[str, Any]], check: Callable[[], None]
) -> tuple[float, int]:
    """The losses of all trained tokens added up, and how many tokens that are.

    The model is left in evaluation mode.

    Args:
        model: With its adapter as it is.
        batches: On the model's device.
        check: Called before each; may raise to end.
    """
    model.eval()
    total, count = 0.0, 0
    for inputs in batches:
        check()
        labels = inputs["labels"]  # [batch, target]
        # A causal model predicts the next token: the first label has no prediction.
        predicted = labels if model.config.is_encoder_decoder else labels[:, 1:]
        tokens = int((predicted != masking.IGNORED).sum())
        loss = float(model(**inputs).loss)
        total += loss * tokens if tokens else 0.0
        count += tokens
    return total, count
