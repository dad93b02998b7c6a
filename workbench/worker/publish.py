"""What was trained on its way into the store: its files, a model card, its lineage, and all of it at once."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent
from typing import Any

from peft import PeftModel
from safetensors.torch import save_file
from torch import nn

from store import Store
from store.adapters import Adapter
from store.configs import dump
from store.files import staging
from store.models import Model
from store.peft_folder import CONFIG, FULL_CONFIG, FULL_WEIGHTS, WEIGHTS
from store.runs import Run
from workbench.runs.methods import METHODS
from workbench.text import markdown
from workbench.worker import bottleneck, lora_init, selective
from workbench.worker.methods import count_parameters

_FAMILY_CLASSES = {"causal": "AutoModelForCausalLM", "seq2seq": "AutoModelForSeq2SeqLM"}
_FORMAT = {"format": "pt"}  # what transformers and PEFT write into a file's header, and look for


def publish_adapter(
    store: Store, run: Run, model: Model, adapted: nn.Module, results: dict[str, Any]
) -> Adapter:
    """Save an adapter beside its place, describe it, and let it appear whole.

    Args:
        store: An open store.
        run: The run that trained it.
        model: The base it belongs to.
        adapted: The trained model.
        results: What else its lineage tells: final losses, rows used, device.

    Returns:
        The adapter as the store knows it; its name is the run's, or the next free one.
    """
    name = store.adapters.free_name(run.name)
    trainable, total = count_parameters(adapted)
    lineage = {
        **run.lineage,
        "run": run.id,
        "method": run.method,
        "settings": run.settings,
        "trainable": trainable,
        "total": total,
        **results,
    }
    with staging(store.root) as staged:
        save(adapted, run.method, staged)
        (staged / "README.md").write_text(model_card(name, run, model, lineage), encoding="utf-8")
        return store.adapters.publish(
            staged,
            name=name,
            model=model,
            method=run.method,
            run=run.id,
            trainable=trainable,
            lineage=lineage,
        )


def save(adapted: nn.Module, method: str, folder: Path) -> None:
    """Write what was trained: a plain PEFT folder, or what stands in for one where PEFT lacks the method."""
    if METHODS[method].low_rank:
        config, weights = lora_init.published(adapted)
        config.inference_mode = True
        config.save_pretrained(str(folder))
        save_file({name: each.contiguous() for name, each in weights.items()}, folder / WEIGHTS, _FORMAT)
    elif isinstance(adapted, PeftModel):
        adapted.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    elif method == "bottleneck":
        (folder / CONFIG).write_text(dump(bottleneck.document(adapted)), encoding="utf-8")
        save_file(bottleneck.tensors(adapted), folder / WEIGHTS, _FORMAT)
    else:
        whole = method == "full"
        config_file, weights_file = (FULL_CONFIG, FULL_WEIGHTS) if whole else (CONFIG, WEIGHTS)
        (folder / config_file).write_text(dump(selective.document(adapted)), encoding="utf-8")
        save_file(selective.tensors(adapted), folder / weights_file, _FORMAT)


def model_card(name: str, run: Run, model: Model, lineage: dict[str, Any]) -> str:
    """The adapter's README: what it is, what made it, and how to load it without this program.

    Front matter as the Hugging Face Hub reads it.
    """
    losses = lineage.get("final", {})
    results = "\n".join(f"- {key}: {value:.6g}" for key, value in losses.items())
    settings = "\n".join(
        f"- {key}: {_plain(value)}" for key, value in run.settings.items() if value is not None
    )
    versions = ", ".join(f"{key} {value}" for key, value in run.lineage.get("versions", {}).items() if value)
    share = 100 * lineage["trainable"] / lineage["total"]
    return f"""---
base_model: {json.dumps(model.source)}
library_name: {"peft" if METHODS[run.method].peft else "transformers"}
tags:
- {run.method}
---

# {name}

{_WHAT.get(run.method, "An adapter ({method})").format(method=run.method)} for the {model.architecture}
base model `{markdown(model.name)}`,
made by run `{run.id}` of the fine-tuning workbench.

## Load it

{_loading(run.method, model)}

## What made it

- base model: `{markdown(model.source)}`, fingerprint {model.fingerprint}
{_data(run, lineage)}
- rows used: {lineage["rows"]}, skipped: {lineage["skipped"]}
- steps: {lineage["steps"]}
- trained parameters: {lineage["trainable"]:,} of {lineage["total"]:,} ({share:.3g} %)
- device: {lineage["device"]}
- versions: {versions}

## Final losses

{results}

## Settings

{settings}
"""


_WHAT = {
    "partial": "Some layers, trained anew ({method})",
    "full": "The whole model, trained anew ({method})",
}
_NOT_PEFT = {
    "bottleneck": "PEFT has no bottleneck adapters: **this folder does not load in plain PEFT.** With the "
    "workbench:",
    "partial": "This is no adapter of PEFT's: it holds the changed weights under transformers' own names.",
    "full": "This folder is a whole model, as transformers writes it; `workbench model add` makes it a base.",
}
_LOAD = {
    "bottleneck": """from transformers import {cls}
from workbench.worker import bottleneck

base = {base}
model = bottleneck.load(base, "path/to/this/folder")""",
    "partial": """from safetensors.torch import load_file
from transformers import {cls}

model = {base}
model.load_state_dict(load_file("path/to/this/folder/adapter_model.safetensors"), strict=False)""",
    "full": """from transformers import {cls}

model = {cls}.from_pretrained("path/to/this/folder")""",
}
_LOAD_PEFT = """from peft import PeftModel
from transformers import {cls}

base = {base}
model = PeftModel.from_pretrained(base, "path/to/this/folder")"""


def _loading(method: str, model: Model) -> str:
    """The lines that load it, and what must be known before."""
    cls = _FAMILY_CLASSES[model.family]
    base = f"{cls}.from_pretrained({json.dumps(model.source)}{_revision(model)})"
    lines = _LOAD.get(method, _LOAD_PEFT).format(cls=cls, base=base)
    told = f"{_NOT_PEFT[method]}\n\n" if method in _NOT_PEFT else ""
    return f"{told}```python\n{lines}\n```"


def _data(run: Run, lineage: dict[str, Any]) -> str:
    """What it was trained on: one dataset through one template, or the tasks of a mixture."""
    if run.mixture is None:
        return _task(lineage)
    mixture = lineage["mixture"]
    title = f"- mixture: `{markdown(run.mixture)}`, hash {mixture['hash']}, order of seed {mixture['seed']}"
    tasks = []
    for number, task in enumerate(lineage["tasks"], start=1):
        told = indent(_task(task), "  ")
        drawn = f"{100 * task['share']:.3g} % of the examples, {task['draws']:,} drawn"
        tasks.append(f"- task {number}: {drawn} from {task['rows']:,} rows\n{told}")
    return "\n".join([title, *tasks])


def _task(told: dict[str, Any]) -> str:
    dataset, template = told["dataset"], told["template"]
    name, split = markdown(dataset["name"]), markdown(dataset["split"])
    return (
        f"- dataset: `{name}`, split `{split}`, fingerprint {dataset['fingerprint']}\n"
        f"- template: `{markdown(template['name'])}`, hash {template['hash']}"
    )


def _revision(model: Model) -> str:
    return f", revision={json.dumps(model.revision)}" if model.revision else ""


def _plain(value: Any) -> str:
    return markdown(json.dumps(value))
