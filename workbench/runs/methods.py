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
    virtual tokens take larger steps than low-rank updates, and the model's own weights smaller ones."""
    low_rank: bool = False
    """It trains LoRA's matrices: `r`, `lora_alpha` and `init_lora_weights` are its settings."""
    virtual_tokens: bool = False
    """It puts `num_virtual_tokens` positions before the row (a soft prompt)."""
    peft: bool = True
    """What it makes is a folder that plain PEFT loads."""


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "lora", "Low-rank updates beside the frozen linear layers; the usual choice", 2e-4, low_rank=True
        ),
        Method(
            "rslora",
            "LoRA scaled by the square root of the rank: steadier at high ranks",
            2e-4,
            low_rank=True,
        ),
        Method(
            "dora",
            "LoRA with a learned magnitude per output: a little better and slower",
            2e-4,
            low_rank=True,
        ),
        Method(
            "qlora", "LoRA over a base held in 4 bits (NF4): least memory for weights", 2e-4, low_rank=True
        ),
        Method("ia3", "Learned scales of keys, values and feed-forward inputs: very few parameters", 3e-3),
        Method(
            "prompt-tuning",
            "Learned virtual tokens before the prompt; the model itself is untouched",
            3e-3,
            virtual_tokens=True,
        ),
        Method(
            "prefix-tuning",
            "Learned keys and values before the row, in every layer; seen by all that follows",
            3e-3,
            virtual_tokens=True,
        ),
        Method(
            "p-tuning",
            "Virtual tokens that a small network makes: steadier to train than bare ones",
            1e-3,
            virtual_tokens=True,
        ),
        Method("ln-tuning", "The scales of the normalisation layers alone: very few parameters", 1e-3),
        Method(
            "bottleneck",
            "Small layers after feed-forward and attention (Houlsby, Pfeiffer); not a format of PEFT",
            5e-4,
            peft=False,
        ),
        Method(
            "partial",
            "The last layers themselves, or the modules named in target_modules; the rest is frozen",
            5e-5,
            peft=False,
        ),
        Method(
            "full",
            "Every weight: the yardstick; much memory, and it makes a whole model",
            2e-5,
            peft=False,
        ),
    )
}
