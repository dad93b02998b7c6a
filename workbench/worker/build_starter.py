"""Builds the starter from its seeds: data, tokenizer and an instruction-tuned base model. Run by hand.

python -m workbench.worker.build_starter [--output DIR]
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

from store.templates import Template
from workbench.starter import FOLDER, generator, instructions
from workbench.starter.tokenizer import EOS, PAD, UNKNOWN, build_tokenizer

SEED = 7
BATCH_TOKENS = 2048
"""Prompt tokens of one step, pads included."""
POOL = 1024
"""Examples that are sorted by length before they are cut into batches."""
WARMUP = 100
MAX_ANSWER = 48

Pair = tuple[list[int], list[int]]
"""Token ids of a prompt and of its answer, both with EOS."""


STEPS = 1500
LEARNING_RATE = 2e-3
WEIGHTS = {
    "answer-about-dialogue": 6,
    "answer-about-note": 2,
    "headline-of-note": 2,
    "report-speech": 2,
    "sentence-from-facts": 2,
}
"""How often a template is drawn, where that is not once."""

log = logging.getLogger("build_starter")


def main() -> None:
    """Write data, tokenizer and model under the output folder."""
    parser = argparse.ArgumentParser(description="Build the starter model and its data from their seeds.")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder that gets data/ and model/")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    generator.write(options.output / "data")
    tokenizer = build_tokenizer(instructions.sample_texts(SEED))
    log.info("tokenizer: %d tokens", tokenizer.get_vocab_size())
    model = new_model(tokenizer.get_vocab_size())
    log.info("model: %d weights", model.num_parameters())
    train(model, tokenizer)
    save(model, tokenizer, options.output / "model")
    report(model, tokenizer)


# The model


def new_model(vocabulary: int) -> T5ForConditionalGeneration:
    """A T5 of 1.6 million weights, tied embeddings."""
    torch.manual_seed(SEED)
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=vocabulary,
            d_model=128,
            d_kv=32,
            num_heads=4,
            d_ff=384,
            num_layers=4,
            num_decoder_layers=3,
            relative_attention_num_buckets=32,
            relative_attention_max_distance=64,
            feed_forward_proj="relu",
            dropout_rate=0.0,
            tie_word_embeddings=True,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
        )
    )


def train(model: T5ForConditionalGeneration, tokenizer: Tokenizer) -> None:
    """Tune the model on instructions, the answers in the loss, until the learning rate has run out."""
    optimizers = new_optimizers(model)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, rate) for optimizer in optimizers]
    batches = stream_batches(tokenizer)
    began, losses = time.monotonic(), []
    model.train()
    for step in range(1, STEPS + 1):
        loss = model(**next(batches)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for part in (*optimizers, *schedules):
            part.step()
        model.zero_grad()
        losses.append(loss.item())
        if step % 50 == 0:
            seconds = time.monotonic() - began
            log.info("step %d/%d  loss %.4f  %.0f s", step, STEPS, sum(losses[-50:]) / 50, seconds)
    model.eval()


def rate(step: int) -> float:
    """Linear warm-up, then a straight line down to nothing."""
    return min((step + 1) / WARMUP, (STEPS - step) / (STEPS - WARMUP))


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal, for matrices (https://kellerjordan.github.io/posts/muon/).

    It needs a third of the examples that AdamW needs here. PyTorch's own computes in bfloat16, which most
    processors only emulate.
    """

    def __init__(self, matrices: list[torch.nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum})

    def step(self, closure: None = None) -> None:  # noqa: ARG002 - the signature of torch's optimizers
        """Move every matrix by its update, scaled to the size of an AdamW update."""
        with torch.no_grad():
            for group in self.param_groups:
                for matrix in group["params"]:
                    self.move(matrix, group["lr"], group["momentum"])

    def move(self, matrix: torch.nn.Parameter, lr: float, momentum: float) -> None:
        """Update one matrix by its momentum, with Nesterov's look ahead."""
        memory = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
        memory.mul_(momentum).add_(matrix.grad)
        update = orthogonal(matrix.grad + momentum * memory)
        matrix.sub_(update, alpha=lr * 0.2 * math.sqrt(max(matrix.shape)))


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest orthogonal matrix, roughly: five Newton-Schulz steps with Muon's coefficients."""
    tall = matrix.size(0) > matrix.size(1)
    x = (matrix.T if tall else matrix) / (matrix.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x


def new_optimizers(
    model: T5ForConditionalGeneration,
) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for embeddings, position biases and norms."""
    matrices = [layer.weight for layer in model.modules() if isinstance(layer, torch.nn.Linear)]
    inner = {id(matrix) for matrix in matrices} - {id(model.shared.weight)}
    outer = [weight for weight in model.parameters() if id(weight) not in inner]
    return (
        Muon([matrix for matrix in matrices if id(matrix) in inner], LEARNING_RATE),
        torch.optim.AdamW(outer, lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01),
    )


def stream_batches(tokenizer: Tokenizer) -> Iterator[dict[str, torch.Tensor]]:
    """Batches without end, each of examples of like length and of at most `BATCH_TOKENS` prompt tokens."""
    rng = Random(SEED)  # noqa: S311 - reproducible data, not a secret
    examples = instructions.stream(rng, WEIGHTS)
    while True:
        pool = [encode(tokenizer, *next(examples)) for _ in range(POOL)]
        pool.sort(key=lambda pair: len(pair[0]))
        batches: list[list[Pair]] = [[]]
        for pair in pool:
            # The pool is sorted, so this pair is the longest of its batch.
            if len(pair[0]) * (len(batches[-1]) + 1) > BATCH_TOKENS:
                batches.append([])
            batches[-1].append(pair)
        rng.shuffle(batches)
        yield from map(to_tensors, batches)


def encode(tokenizer: Tokenizer, prompt: str, answer: str) -> Pair:
    """Token ids of an example."""
    return tokenizer.encode(prompt).ids, tokenizer.encode(answer).ids


def to_tensors(pairs: list[Pair]) -> dict[str, torch.Tensor]:
    """Pad a batch: ids and mask `# (batch, prompt)`, labels `# (batch, answer)`, pads out of the loss."""
    prompts = pad([prompt for prompt, _ in pairs], 0)
    return {
        "input_ids": prompts,
        "attention_mask": (prompts != 0).long(),
        "labels": pad([answer for _, answer in pairs], -100),
    }


def pad(sequences: list[list[int]], filler: int) -> torch.Tensor:
    """One tensor `# (batch, longest)` of sequences of different length."""
    longest = max(map(len, sequences))
    return torch.tensor([ids + [filler] * (longest - len(ids)) for ids in sequences])


# What comes out


def save(model: T5ForConditionalGeneration, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the model and the tokenizer as transformers reads them."""
    model.generation_config.max_new_tokens = MAX_ANSWER
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)
    log.info("saved %s", folder)


def report(model: T5ForConditionalGeneration, tokenizer: Tokenizer) -> None:
    """Log the exact match of each template on the test split, which tuning never saw."""
    scores = {
        template.name: exact_match(model, tokenizer, dataset, template)
        for dataset, template in instructions.tuned()
    }
    for name, score in (*scores.items(), ("mean", sum(scores.values()) / len(scores))):
        log.info("exact match  %-24s %.3f", name, score)


def exact_match(
    model: T5ForConditionalGeneration, tokenizer: Tokenizer, dataset: str, template: Template
) -> float:
    """The share of test rows that greedy decoding answers to the letter."""
    pairs = instructions.held_out(dataset, template)
    prompts = pad([tokenizer.encode(prompt).ids for prompt, _ in pairs], 0)
    with torch.inference_mode():
        generated = model.generate(
            input_ids=prompts,
            attention_mask=(prompts != 0).long(),
            do_sample=False,
            max_new_tokens=MAX_ANSWER,
        )
    answers = tokenizer.decode_batch(generated.tolist(), skip_special_tokens=True)
    return sum(answer == wanted for answer, (_, wanted) in zip(answers, pairs, strict=True)) / len(pairs)


if __name__ == "__main__":
    main()
