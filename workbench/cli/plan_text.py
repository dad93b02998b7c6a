"""How a plan's size, memory, time and disk are written for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.cli import figures
from workbench.cli.output import cell, colour
from workbench.runs.estimate import Estimate
from workbench.runs.plan import Plan
from workbench.runs.probing import Memory

Pairs = list[tuple[str, str]]


def size_facts(planned: Plan) -> Pairs:
    """Write rows, steps and the peak learning rate as names and values."""
    return [
        ("rows", f"{planned.rows:,}"),
        ("steps", f"{planned.steps:,}" if planned.steps_exact else f"about {planned.steps:,}"),
        ("epochs", f"{planned.epochs:.3g}"),
        ("rows per step", f"{planned.rows_per_step:,}"),
        ("row length", f"at most {planned.row_length:,} tokens"),
        ("learning rate", f"{planned.learning_rate:g} at its peak"),
    ]


def estimate_facts(reckoned: Estimate) -> Pairs:
    """Write tokens, time and disk as names and values."""
    time = figures.duration(reckoned.seconds) if reckoned.seconds is not None else "-"
    disk = f"{figures.size(reckoned.disk_bytes)} of {figures.size(reckoned.disk_free)} free"
    if reckoned.disk_bytes is not None and reckoned.disk_bytes > reckoned.disk_free:
        disk = colour(f"{disk}: too little", "bad")
    tokens = "-" if reckoned.tokens_per_epoch is None else f"{reckoned.tokens_per_epoch:,}"
    return [
        ("tokens per epoch", tokens + (" (from a sample)" if reckoned.tokens_sampled else "")),
        ("time", f"{time} ({cell(reckoned.seconds_from)})"),
        ("disk", disk),
    ]


def memory_facts(memory: Memory) -> Pairs:
    """Write what a run takes in memory as names and values."""
    share = 100 * memory.trained / memory.total
    kinds = ", ".join(f"{cell(kind)} {figures.size(count)}" for kind, count in memory.by_dtype.items())
    pairs = [
        ("trained parameters", f"{memory.trained:,} of {memory.total:,} ({share:.3g} %)"),
        ("weights", f"{figures.size(memory.weights)} ({kinds})"),
        ("gradients", figures.size(memory.gradients)),
        ("optimizer states", figures.size(memory.optimizer)),
        ("activations", figures.size(memory.activations)),
        ("training batch", _batch(memory.shapes[0], memory.training, memory)),
        ("evaluation batch", _batch(memory.shapes[1], memory.evaluation, memory)),
        ("memory", _verdict(memory)),
    ]
    pairs += [("how sure", _certainty(memory))]
    pairs += [("measured", _measured(memory, memory.measured))] if memory.measured else []
    pairs += [("to make it fit", f"{each.text} ({figures.size(each.bytes)})") for each in memory.alternatives]
    if not memory.fits and not memory.alternatives:
        pairs.append(
            ("to make it fit", "nothing that was tried: take a smaller model or a shorter max_length")
        )
    return pairs + [("note", cell(each)) for each in memory.notes]


def _batch(shape: Mapping[str, Any] | None, peak: int | None, memory: Memory) -> str:
    if shape is None:
        return "-"
    tokens = f"{shape['source']} tokens"
    if shape["target"] != shape["source"]:
        tokens += f" and {shape['target']}"
    where = f"the longest of {memory.rows_seen:,}" + (
        f" rows looked at of {memory.rows:,}" if memory.rows_seen < memory.rows else " rows"
    )
    return f"{shape['rows']} rows of {tokens}, {where}: peak {figures.size(peak)}"


def _verdict(memory: Memory) -> str:
    where = "GPU" if memory.device == "cuda" else "host memory"
    said = f"{figures.size(memory.needed)} needed, {figures.size(memory.free)} of {where} free"
    if memory.fits:
        return f"{colour('fits', 'good')}: {said}"
    later = memory.needed <= memory.capacity
    word = "does not fit now, but would alone" if later else "does not fit"
    return f"{colour(word, 'bad')}: {said}"


def _certainty(memory: Memory) -> str:
    told = f"within {100 * memory.margin:.0f} %"
    if not memory.compared:
        return f"{told}; no run of this model, method and dtype was measured yet"
    runs = "run" if memory.compared == 1 else "runs"
    return f"{told}, corrected by {memory.ratio:.3f} after {memory.compared} measured {runs}"


def _measured(memory: Memory, found: Mapping[str, Any]) -> str:
    peak = found["measured_peak_bytes"]
    off = 100 * (memory.peak / peak - 1)
    return (
        f"peak {figures.size(peak)}, predicted {figures.size(memory.peak)} ({off:+.1f} %); "
        f"the process {figures.size(found['measured_process_bytes'])}; {found['step_seconds']:.2g} s a step"
    )
