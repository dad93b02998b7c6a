"""What is wrong with an example's tokens before anything is trained on them, each with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.composing.codec import Codec
from workbench.composing.masking import Tokens

ProblemKind = Literal["nothing-trained", "eos-missing", "prompt-cut", "completion-cut"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of one example; a fatal one makes training on it pointless."""

    kind: ProblemKind
    message: str
    remedy: str
    fatal: bool


def problems(tokens: Tokens, codec: Codec) -> list[Problem]:
    """List what is wrong with one example.

    Args:
        tokens: What `masking.mask` made of it.
        codec: The codec that it was made with.
    """
    trained = [token for token, learned in zip(tokens.ids, tokens.trained, strict=True) if learned]
    ends = trained[-1:] == [codec.eos]
    needed = _needed(tokens, ends)
    found = []
    if not any(token != codec.eos for token in trained):
        told = "no token of the completion is trained"
        found.append(Problem("nothing-trained", told, "mend the completion", fatal=True))
    if tokens.truncated_completion:
        told = f"the completion's last {tokens.truncated_completion} tokens and its EOS are cut off"
        remedy = f"set max_length to {needed} or more, or shorten the prompt or the completion"
        found.append(Problem("completion-cut", told, remedy, fatal=False))
    elif not ends:
        told = "the end-of-sequence token is not trained, so the model does not learn to stop here"
        found.append(Problem("eos-missing", told, f"set max_length to {needed} or more", fatal=False))
    if tokens.truncated_prompt:
        side = "first" if tokens.family == "causal" else "last"
        told = f"the prompt's {side} {tokens.truncated_prompt} tokens are cut off"
        remedy = f"set max_length to {needed} or more, or shorten the prompt"
        found.append(Problem("prompt-cut", told, remedy, fatal=False))
    return found


def _needed(tokens: Tokens, ends: bool) -> int:
    """The least max_length that would cut nothing."""
    cut = tokens.truncated_completion + (0 if ends else 1)
    if tokens.family == "causal":
        return len(tokens.ids) + tokens.truncated_prompt + cut
    return max(len(tokens.input_ids) + tokens.truncated_prompt, len(tokens.labels) + cut)
