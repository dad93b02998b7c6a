"""A trained adapter's way into the store: PEFT's format, a model card, its lineage, and all of it at once."""

from __future__ import annotations

import json
from textwrap import indent
from typing import Any

from peft import PeftModel

from store import Store
from store.adapters import Adapter
from store.files import staging
from store.models import Model
from store.runs import Run

_FAMILY_CLASSES = {"causal": "AutoModelForCausalLM", "seq2seq": "AutoModelForSeq2SeqLM"}


def publish_adapter(
    store: Store, run: Run, model: Model, adapted: PeftModel, results: dict[str, Any]
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
    trainable, total = adapted.get_nb_trainable_parameters()
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
        adapted.save_pretrained(str(staged), safe_serialization=True, save_embedding_layers=False)
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
    load = f"{_FAMILY_CLASSES[model.family]}.from_pretrained({json.dumps(model.source)}{_revision(model)})"
    return f"""---
base_model: {json.dumps(model.source)}
library_name: peft
tags:
- {run.method}
---

# {name}

An adapter ({run.method}) for the {model.architecture} base model `{_code(model.name)}`,
made by run `{run.id}` of the fine-tuning workbench.

## Load it

```python
from peft import PeftModel
from transformers import {_FAMILY_CLASSES[model.family]}

base = {load}
model = PeftModel.from_pretrained(base, "path/to/this/folder")
```

## What made it

- base model: `{_code(model.source)}`, fingerprint {model.fingerprint}
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


def _data(run: Run, lineage: dict[str, Any]) -> str:
    """What it was trained on: one dataset through one template, or the tasks of a mixture."""
    if run.mixture is None:
        return _task(lineage)
    mixture = lineage["mixture"]
    title = f"- mixture: `{_code(run.mixture)}`, hash {mixture['hash']}, order of seed {mixture['seed']}"
    tasks = []
    for number, task in enumerate(lineage["tasks"], start=1):
        told = indent(_task(task), "  ")
        drawn = f"{100 * task['share']:.3g} % of the examples, {task['draws']:,} drawn"
        tasks.append(f"- task {number}: {drawn} from {task['rows']:,} rows\n{told}")
    return "\n".join([title, *tasks])


def _task(told: dict[str, Any]) -> str:
    dataset, template = told["dataset"], told["template"]
    name, split = _code(dataset["name"]), _code(dataset["split"])
    return (
        f"- dataset: `{name}`, split `{split}`, fingerprint {dataset['fingerprint']}\n"
        f"- template: `{_code(template['name'])}`, hash {template['hash']}"
    )


def _revision(model: Model) -> str:
    return f", revision={json.dumps(model.revision)}" if model.revision else ""


def _plain(value: Any) -> str:
    return _code(json.dumps(value))


def _code(text: str) -> str:
    """Text from outside that may stand in a line of Markdown."""
    return " ".join(text.replace("`", "'").split())
