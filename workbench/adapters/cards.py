"""Model cards of what leaves the store: where it comes from, what it scored, and how to load it.

Front matter as the Hugging Face Hub reads it. The card of a fresh adapter is its trainer's affair.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from store import Store
from store.adapters import LINEAGE, README, Adapter
from store.configs import read_json
from store.errors import NotFound
from store.evaluations import Evaluation
from store.models import Model
from store.peft_folder import OWN_KINDS
from store.sources import HUB_ID
from store.templates import Template, format_template
from workbench.text import markdown

SCORES = ("rouge1", "rouge2", "rougeL", "bleu")
_CLASSES = {"causal": "AutoModelForCausalLM", "seq2seq": "AutoModelForSeq2SeqLM"}


def lineage(adapter: Adapter) -> dict[str, Any]:
    """What an adapter's folder says of where it comes from; empty where it says nothing."""
    file = adapter.path / LINEAGE
    return read_json(file) if file.is_file() else {}


def template_of(store: Store, adapter: Adapter) -> Template | None:
    """The template that an adapter was trained with, of a mixture its first task's; None if it is gone."""
    known = lineage(adapter)
    tasks = known.get("tasks") or [known]
    name = (tasks[0].get("template") or {}).get("name") if isinstance(tasks[0], Mapping) else None
    try:
        return store.templates.get(name) if isinstance(name, str) else None
    except NotFound:
        return None


def exported(store: Store, adapter: Adapter) -> str:
    """The card of an adapter as it leaves the store: its own, or a plain one, and what is known by now."""
    own = adapter.path / README
    base = store.models.get(adapter.model)
    card = own.read_text(encoding="utf-8") if own.is_file() else _plain(adapter, base)
    return "\n".join([card.rstrip(), "", *_found_out(store, adapter)])


def for_the_hub(card: str, base: Model) -> str:
    """A card as the Hub takes it: it refuses a base that is a folder of somebody's own machine."""
    if HUB_ID.fullmatch(base.source):
        return card
    lines = card.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("base_model:", "base_model_relation:")))


def merged(store: Store, adapter: Adapter, check: Mapping[str, Any]) -> str:
    """The card of a merged model.

    Args:
        store: An open store.
        adapter: What was merged.
        check: The figures of the check.
    """
    base = store.models.get(adapter.model)
    into = {
        "stored": "its base's weights as they are",
        "dequantised": "its base as NF4 holds it, which it was trained on, made plain again",
    }
    return "\n".join(
        [
            _front(base, "transformers", adapter.method, relation="finetune"),
            f"# {adapter.name}, merged",
            "",
            f"{base.architecture} with adapter `{markdown(adapter.name)}` worked into {into[check['base']]}.",
            "",
            "## Load it",
            "",
            "```python",
            f"from transformers import {_CLASSES[base.family]}",
            "",
            f'model = {_CLASSES[base.family]}.from_pretrained("path/to/this/folder")',
            "```",
            "",
            "## Where it comes from",
            "",
            *_facts(adapter, base),
            f"- check: scores of {check['positions']} positions of {check['compared']} moved by "
            f"{check['difference']:.3g} of their deviation ({check['tolerance']:.3g} allowed), the likeliest "
            f"token stayed at {100 * check['agreement']:.4g} %",
            *(f"- note: {warning}" for warning in check["warnings"]),
            "",
            *_found_out(store, adapter),
        ]
    )


def combined(
    name: str, base: Model, parents: Sequence[tuple[Adapter, float]], method: str, details: Mapping[str, Any]
) -> str:
    """The card of a combination of adapters."""
    listed = [
        f"- {weight:g} × `{markdown(each.name)}` ({each.method}), fingerprint {each.fingerprint}"
        for each, weight in parents
    ]
    told = ", ".join(f"{key} {value}" for key, value in details.items() if value is not None)
    return "\n".join(
        [
            _front(base, "peft", "lora"),
            f"# {name}",
            "",
            f"A weighted combination (`{method}`; {told}) of LoRA adapters for `{markdown(base.name)}`:",
            "",
            *listed,
            "",
            *_loading(base),
            "",
        ]
    )


def _plain(adapter: Adapter, base: Model) -> str:
    peft = adapter.peft_type not in OWN_KINDS
    title = [
        _front(base, "peft" if peft else "transformers", adapter.method),
        f"# {adapter.name}",
        "",
        f"An adapter ({adapter.method}) for the {base.architecture} base model `{markdown(base.name)}`.",
        "",
    ]
    facts = ["## Where it comes from", "", *_facts(adapter, base), ""]
    return "\n".join([*title, *(_loading(base) if peft else []), "", *facts])


def _front(base: Model, library: str, tag: str, relation: str = "adapter") -> str:
    lines = ["---", f"base_model: {json.dumps(base.source)}", f"base_model_relation: {relation}"]
    return "\n".join([*lines, f"library_name: {library}", "tags:", f"- {tag}", "---", ""])


def _loading(base: Model) -> list[str]:
    cls = _CLASSES[base.family]
    revision = f", revision={json.dumps(base.revision)}" if base.revision else ""
    return [
        "## Load it",
        "",
        "```python",
        "from peft import PeftModel",
        f"from transformers import {cls}",
        "",
        f"base = {cls}.from_pretrained({json.dumps(base.source)}{revision})",
        'model = PeftModel.from_pretrained(base, "path/to/this/folder")',
        "```",
    ]


def _facts(adapter: Adapter, base: Model) -> list[str]:
    known = lineage(adapter)
    facts = [
        f"- base model: `{markdown(base.source)}`, fingerprint {base.fingerprint}",
        f"- adapter: `{markdown(adapter.name)}`, method {adapter.method}, fingerprint {adapter.fingerprint}",
    ]
    if adapter.run:
        facts.append(f"- run: `{adapter.run}`")
    facts += [
        f"- {noun}: `{markdown(str(told.get('name')))}`, {key} {markdown(str(told.get(key)))}"
        for task in known.get("tasks") or [known]
        for noun, key in (("dataset", "fingerprint"), ("template", "hash"))
        if isinstance(told := task.get(noun), dict)
    ]
    return facts


def _found_out(store: Store, adapter: Adapter) -> list[str]:
    """What the store knows of an adapter beside its files: its scores, and the template of its training."""
    scored = [each for each in store.evaluations.list() if _is_of(each, adapter)]
    lines = []
    if scored:
        heads = ["dataset", "split", "rows", *SCORES]
        lines += ["## Evaluations", "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        lines += [_scores(each) for each in scored]
        lines += ["", "ROUGE is the mean F-measure (0 to 1), BLEU that of the corpus (0 to 100).", ""]
    template = template_of(store, adapter)
    if template is not None:
        lines += ["## Template", "", "````toml", format_template(template).rstrip(), "````", ""]
    return lines


def _is_of(evaluation: Evaluation, adapter: Adapter) -> bool:
    content = evaluation.settings.get("adapter_fingerprint")
    return (
        evaluation.adapter == adapter.name
        and content in (None, adapter.fingerprint)
        and evaluation.status == "completed"
    )


def _scores(evaluation: Evaluation) -> str:
    figures = [evaluation.scores.get(name) for name in SCORES]
    told = ["-" if figure is None else f"{figure:.4g}" for figure in figures]
    cells = [markdown(evaluation.dataset), markdown(evaluation.split), str(evaluation.rows), *told]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
