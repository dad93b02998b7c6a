"""What the preview says of every row of real sets, against the batches that the real Trainer draws."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainingArguments

from store import Store
from store.templates import Template, Variant, format_template
from workbench import starter
from workbench.composing import requests
from workbench.composing.masking import IGNORED, load_codec
from workbench.composing.shown import PreviewRequest
from workbench.composing.template import composer
from workbench.worker.batches import collator, tokenise
from workbench.worker.loading import load_model
from workbench.worker.trainer import RunTrainer

LENGTH = 160
SETS = {
    "mts-dialog": (
        "mts-dialog/MTS-Dialog-TrainingSet.csv",
        Template(
            "notes",
            "dialogue summarisation",
            (
                Variant("short", "{{ dialogue }}\nNote:", "{{ row['section_text'] }}"),
                Variant("asks", "Sum up this visit.\n\n{{ dialogue }}\n\n", "{{ row['section_text'] }}"),
                Variant("shown", "{{ dialogue[:200] }}\nNote:", "{{ row['section_text'] }}", shots=1),
            ),
            system="You are a medical scribe.",
        ),
    ),
    "commonsense-qa": (
        "commonsense-qa/dev_rand_split.jsonl",
        Template(
            "common",
            "commonsense",
            (
                Variant(
                    "lettered",
                    "{{ question.stem }}\n{% for each in question.choices %}"
                    "{{ each.label }}) {{ each.text }}\n"
                    "{% endfor %}Answer:",
                    "{{ answerKey }}",
                ),
            ),
            choices=("A", "B", "C", "D", "E"),
            separator=" ",
        ),
    ),
    "paws": (
        "t0-templates/paws_labeled_final_Rewrite.jsonl",
        Template("paws", "paraphrase", (Variant("as-is", "{{ prompt }}", "{{ completion }}"),)),
    ),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_trained_is_what_the_batches_of_the_trainer_learn(
    store: Store, shared_data: Path, shared_models: Path, tmp_path: Path, family: str, name: str
) -> None:
    """Every row: the same ids, `trained` where the label is not ignored, and nothing else in the batches."""
    file, template = SETS[name]
    source = shared_models / "stories260K" if family == "causal" else starter.FOLDER / "model"
    model = store.models.add(str(source), name="model")
    dataset = store.datasets.add(shared_data / file, name="data")
    request = PreviewRequest("data", "train", 0, "model", LENGTH, 42, format_template(template))
    shown = requests.make_previews(store, request, range(dataset.rows))
    expected = Counter(
        tuple((token.id, token.trained) for token in each.tokens if not token.cut) for each in shown
    )
    codec = load_codec(model.path, model.family)
    rows = tokenise(
        store.datasets.rows("data", "train"),
        composer(store, dataset, template, 42),
        codec,
        max_length=requests.row_length(model, LENGTH),
        folder=tmp_path,
        check=lambda: None,
    )
    assert len(rows) == dataset.rows
    found: Counter[tuple[tuple[int, bool], ...]] = Counter()
    for batch in _trainer(load_model(model), rows, codec.pad, tmp_path).get_train_dataloader():
        for source_ids, mask, labels in zip(
            batch["input_ids"].tolist(),
            batch["attention_mask"].tolist(),
            batch["labels"].tolist(),
            strict=True,
        ):
            if family == "causal":
                line = [
                    (token, label != IGNORED)
                    for token, real, label in zip(source_ids, mask, labels, strict=True)
                    if real or label != IGNORED
                ]
            else:
                line = [(token, False) for token, real in zip(source_ids, mask, strict=True) if real]
                line += [(label, True) for label in labels if label != IGNORED]
            found[tuple(line)] += 1
    assert found == expected


def _trainer(model: Any, rows: Any, pad: int, folder: Path) -> RunTrainer:
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=16,
        data_seed=42,
        use_cpu=True,
        report_to="none",
        remove_unused_columns=False,
    )
    return RunTrainer(
        recorder=None,
        pulse=None,
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=collator(pad),
    )
