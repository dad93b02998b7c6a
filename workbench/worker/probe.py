"""The probe: answers what planned runs take, one line of JSON for each line asked, until its input ends.

A form keeps one such process: the libraries are imported once, and rows are made into tokens once. Nothing
is written to the store.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from store import Store
from store.errors import StoreError
from store.models import Model
from workbench import telemetry
from workbench.runs import plan
from workbench.runs.options import RunOptions, make_options
from workbench.runs.probing import Alternative
from workbench.worker import adapting, alternatives, kernels, memory, swift
from workbench.worker.data import Data
from workbench.worker.failures import explain
from workbench.worker.loading import compute_device, prepare_process
from workbench.worker.longest import Batch, Shape, longest_batch
from workbench.worker.sampling import Sample, sample

CUDA_CONTEXT_BYTES = 512 << 20
"""Of a process on a GPU, before any tensor: the driver's context, kernels, cuBLAS' workspace."""


def main(store: Store) -> int:
    """Answer every line of the standard input.

    Args:
        store: An open store.
    """
    probe = Probe(store)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(probe.answer(json.loads(line))) + "\n")
        sys.stdout.flush()
    return 0


class Probe:
    """What is kept from one answer to the next: the rows of the run asked for last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._device = compute_device()
        self._overhead = overhead_bytes(self._device)
        self._known: tuple[Any, Sample] | None = None

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer one question.

        Args:
            asked: `options`, as `make_options` takes them; `free` bytes, beyond which alternatives are looked
                for; the `ratio` that earlier predictions were wrong by; `verify` to do a real step too.

        Returns:
            The figures, or `error` and `hint`.
        """
        try:
            options = make_options(asked["options"])
            return self._figures(options, asked)
        except StoreError as error:
            return {"error": error.what, "hint": error.remedy}
        except Exception as error:  # noqa: BLE001 (the process's door: the one who asks is told, and may ask on)
            what, hint = explain(error, "")
            return {"error": what, "hint": hint if "memory" in what else "start it without a plan"}

    def _figures(self, options: RunOptions, asked: dict[str, Any]) -> dict[str, Any]:
        model = self._store.models.get(options.model)
        prepare_process(model)
        rows = self._sample(model, options)
        read = rows.data(options, model)
        config = AutoConfig.from_pretrained(model.path, trust_remote_code=False, local_files_only=True)
        collate = swift.batch_collator(config, options.settings, rows.pad, self._device)
        batch, validation = (
            each and longest_batch(each, options.settings.batch_size, collate)
            for each in (read.train, read.validation)
        )
        assert batch is not None  # noqa: S101 (only the second may be)
        shapes = Shape.of(batch), None if validation is None else Shape.of(validation)
        predicted = memory.predict(self._store, model, options, *shapes, self._device)
        figures = {
            **dataclasses.asdict(predicted),
            "device": self._device.type,
            "overhead": self._overhead,
            "shapes": [dataclasses.asdict(each) if each else None for each in shapes],
            "rows_seen": rows.seen,
            "rows": rows.rows,
            "mean_tokens": rows.mean_tokens,
            "notes": notes(options, self._device),
            "alternatives": [],
        }
        if asked.get("free") is not None:
            found = self._alternatives(model, options, shapes, predicted.peak, asked)
            figures["alternatives"] = [dataclasses.asdict(each) for each in found]
        if asked.get("verify"):
            figures["measured"] = self._measured(model, options, read, batch, validation)
        return figures

    def _sample(self, model: Model, options: RunOptions) -> Sample:
        settings = options.settings
        key = (
            *(model.fingerprint, options.mixture, options.split),
            # By content: a template may be edited while the form is open.
            *(
                (each.dataset.fingerprint, each.template.hash)
                for each in plan.sources_of(self._store, options)
            ),
            *(plan.row_length(options, model), settings.seed, settings.max_eval_samples),
        )
        if self._known is None or self._known[0] != key:
            self._known = key, sample(self._store, model, options)
        return self._known[1]

    def _alternatives(
        self,
        model: Model,
        options: RunOptions,
        shapes: tuple[Shape, Shape | None],
        peak: int,
        asked: dict[str, Any],
    ) -> list[Alternative]:
        free, ratio = asked["free"], asked.get("ratio") or 1.0
        if peak * ratio + self._overhead <= free:
            return []
        return ways_out(self._store, model, options, shapes, self._device, free=free, ratio=ratio)

    def _measured(
        self, model: Model, options: RunOptions, read: Data, batch: Batch, validation: Batch | None
    ) -> dict[str, Any]:
        """A real step, with the model made ready as `train` makes it."""
        from workbench.worker.verifying import verify

        kernels.check(options.settings, self._device)
        adapted = adapting.adapt(adapting.load(model, options, self._device), model, options, read)
        swift.prepare(adapted, options, read, self._device)
        with tempfile.TemporaryDirectory() as folder:
            trainer = memory.make_trainer(self._store, model, options, adapted, Path(folder), self._device)
            return verify(trainer, batch, validation)


def ways_out(
    store: Store,
    model: Model,
    options: RunOptions,
    shapes: tuple[Shape, Shape | None],
    device: torch.device,
    *,
    free: int,
    ratio: float,
) -> list[Alternative]:
    """Changes that let a run fit.

    Args:
        store: An open store.
        model: The base's record.
        options: The run.
        shapes: Its largest training batch, and the largest validation batch if there is one.
        device: Where it computes.
        free: Bytes of the device.
        ratio: What earlier predictions were wrong by.
    """
    overhead = overhead_bytes(device)

    def needed(other: RunOptions) -> int:
        rows = other.settings.batch_size
        smaller = [each and each.with_rows(min(each.rows, rows)) for each in shapes]
        training, evaluation = smaller
        assert training is not None  # noqa: S101 (only the second may be)
        predicted = memory.predict(store, model, other, training, evaluation, device)
        return int(predicted.peak * ratio) + overhead

    return alternatives.find(options, free, needed)


def overhead_bytes(device: torch.device) -> int:
    """What a trainer takes of its device beside tensors: on a processor the program and its libraries."""
    import os

    return CUDA_CONTEXT_BYTES if device.type == "cuda" else telemetry.process_memory(os.getpid())


def notes(options: RunOptions, device: torch.device) -> list[str]:
    """What the prediction does not see of a run."""
    settings = options.settings
    unseen = {
        "flash attention is reckoned as sdpa": settings.attn_implementation == "flash_attention_2",
        "Liger's kernels take less than this": settings.use_liger_kernel,
        "a compiled model may take more or less": settings.torch_compile,
        "what devices share or exchange is not counted": settings.nproc_per_node > 1,
        "beginning from the base's or the data's directions takes more for a moment": (
            settings.init_lora_weights in ("pissa", "olora", "eva")
        ),
        "what the GPU's allocator holds back is not counted": device.type == "cuda",
    }
    return [text for text, applies in unseen.items() if applies]
