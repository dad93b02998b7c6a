"""What is wrong with an example's tokens before anything is trained on them, each with its remedy."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.composing.codec import Codec
from workbench.composing.masking import IGNORED, Batch, Tokens
from workbench.composing.shown import Problem
from workbench.composing.template import Example


def problems(tokens: Tokens, codec: Codec, example: Example | None = None) -> list[Problem]:
    """List what is wrong with one example, the worst first.

    Args:
        tokens: What `masking.mask` made of it.
        codec: The codec that it was made with.
        example: The example itself, for what its tokens do not tell.
    """
    found = [*_of_learning(tokens, codec), *_of_marks(tokens, codec)]
    if example is not None and example.turns and codec.chat is None and codec.family == "causal":
        told = "the model has no chat template, so the speakers are told apart by their names in plain text"
        remedy = "use an instruction-tuned model, or a template with prompt and completion"
        found.append(Problem("chat-template-missing", told, remedy, fatal=False))
    return sorted(found, key=lambda problem: not problem.fatal) if found else found


def batch_problems(rows: Sequence[Tokens], batch: Batch) -> list[Problem]:
    """Whether a batch learns what its rows learn: padding that is masked by its id takes an equal EOS along.

    Args:
        rows: The rows, in the batch's order.
        batch: What the collator made of them.
    """
    for tokens, labels, ids in zip(rows, batch.labels, batch.input_ids, strict=True):
        own, inner = len(tokens.labels), len(tokens.input_ids)
        filled = any(label != IGNORED for label in labels[own:])
        if filled or labels[:own] != tokens.labels or ids[:inner] != tokens.input_ids:
            told = (
                "the batch learns other tokens than its rows: padding or the end of a row is masked wrongly"
            )
            remedy = "report it, with the model's name: training would teach the wrong thing"
            return [Problem("labels-changed", told, remedy, fatal=True)]
    return []


def _of_learning(tokens: Tokens, codec: Codec) -> list[Problem]:
    """Whether the model learns something, learns to stop, and sees all there is."""
    last = tokens.labels[-1] if tokens.labels else IGNORED
    ends = last == codec.eos or last in codec.special
    found = []
    if not tokens.input_ids or (tokens.family == "causal" and len(tokens.input_ids) < 2):
        told = "the prompt has no tokens, and the model needs something to go on"
        found.append(Problem("nothing-trained", told, "write something into the prompt", fatal=True))
    elif not _teaches(tokens, codec):
        told = "no token of the completion is trained"
        found.append(Problem("nothing-trained", told, "mend the completion", fatal=True))
    if tokens.truncated_completion:
        told = f"the completion's last {tokens.truncated_completion} tokens and its EOS are cut off"
        remedy = _longer(tokens, ends, codec, "the prompt or the completion")
        found.append(Problem("completion-cut", told, remedy, fatal=False))
    elif not ends:
        told = "the end-of-sequence token is not trained, so the model does not learn to stop here"
        remedy = _longer(tokens, ends, codec)
        found.append(Problem("eos-missing", told, remedy, fatal=False))
    elif codec.ends and last not in codec.ends:
        told = f"the chat template ends an answer with token {last}, at which other programs do not stop"
        remedy = "name it in eos_token_id of the model's generation_config.json"
        found.append(Problem("eos-unknown", told, remedy, fatal=False))
    if tokens.truncated_prompt:
        side = "first" if tokens.family == "causal" else "last"
        told = f"the prompt's {side} {tokens.truncated_prompt} tokens are cut off"
        remedy = _longer(tokens, ends, codec, "the prompt")
        found.append(Problem("prompt-cut", told, remedy, fatal=False))
    return found


def _of_marks(tokens: Tokens, codec: Codec) -> list[Problem]:
    """Whether special tokens stand where they should, once each."""
    found = []
    if codec.bos is not None and tokens.input_ids[:2] == [codec.bos, codec.bos]:
        told = "the text begins with two BOS tokens"
        found.append(Problem("bos-doubled", told, "take the BOS token out of the template", fatal=False))
    if tokens.stray:
        told = f"the row's own text holds the special token {tokens.stray!r}"
        remedy = "take it out of the data: the model reads it as a mark, not as text"
        found.append(Problem("special-in-data", told, remedy, fatal=False))
    return found


def _teaches(tokens: Tokens, codec: Codec) -> bool:
    """Whether any learned token is more than the end: mostly the one before it tells at once.

    A causal model predicts the next token, so nobody predicts the first one.
    """
    labels = tokens.labels if tokens.family == "seq2seq" else tokens.labels[1:]
    return any(label not in (IGNORED, codec.eos) for label in reversed(labels))


def _longer(tokens: Tokens, ends: bool, codec: Codec, parts: str = "") -> str:
    """What keeps a row whole: a max_length that cuts nothing, as far as the model takes it.

    Args:
        tokens: The row.
        ends: Whether its end is among its tokens.
        codec: Knows what the model takes.
        parts: What could be shortened instead.
    """
    needed = _needed(tokens, ends)
    if codec.room is None or needed <= codec.room:
        return f"set max_length to {needed} or more" + (f", or shorten {parts}" if parts else "")
    shorter = f"shorten {parts or 'the prompt or the completion'}"
    if max(len(tokens.input_ids), len(tokens.labels)) < codec.room:
        shorter = f"set max_length to {codec.room}, and {shorter}"
    return f"{shorter}: the row takes {needed:,} tokens, and the model {codec.room:,} at most"


def _needed(tokens: Tokens, ends: bool) -> int:
    """The least max_length that would cut nothing."""
    cut = tokens.truncated_completion + (0 if ends else 1)
    if tokens.family == "causal":
        return len(tokens.ids) + tokens.truncated_prompt + cut
    return max(len(tokens.input_ids) + tokens.truncated_prompt, len(tokens.labels) + cut)
