"""The ways to fine-tune, by PEFT's names, and what the light processes need to know of each.

How one is built from a loaded base is the worker's business.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """A way to fine-tune: PEFT's name for it, what it does in a line, and the step size it wants."""

    name: str
    help: str
    learning_rate: float
    """The default of `learning_rate` for a model 4096 wide; see `plan.learning_rate`. Scaling vectors and
    virtual tokens take larger steps than low-rank updates."""


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("lora", "Low-rank updates beside the frozen linear layers; the usual choice", 2e-4),
        Method("rslora", "LoRA scaled by the square root of the rank: steadier at high ranks", 2e-4),
        Method("dora", "LoRA with a learned magnitude per output: a little better, a little slower", 2e-4),
        Method("qlora", "LoRA over a base held in 4 bits (NF4): least memory for weights", 2e-4),
        Method("ia3", "Learned scales of keys, values and feed-forward inputs: very few parameters", 3e-3),
        Method(
            "prompt-tuning", "Learned virtual tokens before the prompt; the model itself is untouched", 3e-3
        ),
    )
}
