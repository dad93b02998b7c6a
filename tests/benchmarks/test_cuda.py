"""On a GPU: tokens per second and peak memory of our settings against plain ones, for a Llama of 1.2 billion.

`pytest -m benchmark -n 0 -s tests/benchmarks/test_cuda.py`

Weights and rows are random; the shape is Llama 3.2 1B's, and lengths are log-normal, as those of instruction
sets are. Without a GPU it is skipped.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from store.models import Model
from workbench.runs.options import RunOptions
from workbench.runs.packing import pack_epoch
from workbench.runs.training import TrainingSettings
from workbench.worker import methods, packing
from workbench.worker.batches import collator
from workbench.worker.forward import TrainingForward
from workbench.worker.loading import load_model

pytestmark = pytest.mark.benchmark

CAPACITY = 1024
SHAPE: dict[str, Any] = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128_256,
    "max_position_embeddings": CAPACITY,
    "tie_word_embeddings": True,
}
Row = dict[str, torch.Tensor]


def rows_of(count: int, vocabulary: int) -> list[Row]:
    """Random rows, of each of which the last third is learned."""
    chance, generator = random.Random(0), torch.Generator().manual_seed(0)
    rows = []
    for _ in range(count):
        length = min(CAPACITY, max(8, round(chance.lognormvariate(4.8, 0.8))))
        ids = torch.randint(vocabulary, (length,), generator=generator)
        labels = torch.where(torch.arange(length) < length * 2 // 3, -100, ids)
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def batches_of(rows: list[Row]) -> dict[str, list[dict[str, Any]]]:
    """The same rows as plain batches, as batches whose labels' places are told, and packed."""
    plain, lean = collator(0, multiple_of=8), packing.padded_collator(0, multiple_of=8, shifts=True)
    lengths = [(len(row["input_ids"]), 0) for row in rows]
    packs = [
        [rows[row] for row in each] for each in pack_epoch(range(len(rows)), lengths, CAPACITY, "benchmark")
    ]
    packed = packing.causal_collator(0, multiple_of=8)

    def cut(what: Sequence[Any], size: int, collate: Callable[..., Any]) -> list[dict[str, Any]]:
        return [dict(collate(what[at : at + size])) for at in range(0, len(what), size)]

    return {"plain": cut(rows, 8, plain), "labels only": cut(rows, 8, lean), "packed": cut(packs, 2, packed)}


def measure(
    model: torch.nn.Module, batches: list[dict[str, Any]], device: torch.device
) -> tuple[float, float]:
    """The seconds of a pass over the batches, each a step, and the peak of memory in GiB."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.0)
    placed = [packing.placed(batch, device) for batch in batches]

    def a_pass() -> None:
        for batch in placed:
            with torch.autocast(device.type, torch.bfloat16):
                loss = model(**batch).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()

    a_pass()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    begun = time.monotonic()
    a_pass()
    seconds = time.monotonic() - begun
    peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else 0.0
    return seconds, peak


def compare(
    folder: Path, method: str, device: torch.device, shape: dict[str, Any], rows: int
) -> dict[str, float]:
    """Print a line for each way; the useful tokens per second of each, as multiples of the plain way's."""
    vocabulary = shape["vocab_size"]
    record = Model(
        name="bench",
        path=folder,
        family="causal",
        architecture="LlamaForCausalLM",
        parameters=0,
        bytes=0,
        dtype="bfloat16",
        vocabulary=vocabulary,
        max_length=CAPACITY,
        chat_template=False,
        source="",
        revision=None,
        fingerprint="",
        created=0.0,
    )
    base = load_model(record, dtype="bfloat16", device=device, four_bit=method == "qlora")
    model = methods.add_adapter(base, RunOptions("m", "d", "t", method, settings=TrainingSettings()))
    made = rows_of(rows, vocabulary)
    tokens = sum(len(row["input_ids"]) for row in made)
    batches = batches_of(made)
    speed: dict[str, list[float]] = {name: [] for name in batches}
    memory: dict[str, float] = {}
    forward = TrainingForward(base)
    lean = forward.choose(model, packing.placed(batches["labels only"][0], device))
    for _ in range(3):
        for name, each in batches.items():
            forward.way = "plain" if name == "plain" else lean
            seconds, memory[name] = measure(model, each, device)
            speed[name].append(tokens / seconds)
    medians = {name: statistics.median(each) for name, each in speed.items()}
    for name, rate in medians.items():
        print(f"\n{method:6} {name:12} {rate:10,.0f} useful tokens/s, peak {memory[name]:6.2f} GiB", end="")
    print()
    assert lean == "chunked"
    if device.type == "cuda":
        assert memory["labels only"] < memory["plain"]
    return {name: rate / medians["plain"] for name, rate in medians.items()}


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_a_billion_weights_in_bfloat16_and_in_four_bits(tmp_path: Path, method: str) -> None:
    """Logits where labels are take less memory, and packed rows less time."""
    if not torch.cuda.is_available():
        pytest.skip("this machine has no GPU")
    device = torch.device("cuda", 0)
    torch.manual_seed(0)
    with device:
        LlamaForCausalLM(LlamaConfig(**SHAPE, dtype="bfloat16")).to(torch.bfloat16).save_pretrained(tmp_path)
    torch.cuda.empty_cache()
    ratios = compare(tmp_path, method, device, SHAPE, 128)
    assert ratios["packed"] > 1.5 and ratios["labels only"] > 1
