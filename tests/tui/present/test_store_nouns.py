"""What is said about models, datasets, adapters and benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from store.adapters import Adapter
from store.datasets import Dataset
from store.evaluations import Evaluation
from store.lines import BadLine
from store.models import Model
from workbench.tui.clean import link_to
from workbench.tui.present import adapters, benchmarks, datasets, models

NOW = 1_000_000.0
MODEL = Model(
    name="tiny",
    path=Path("/store/models/tiny"),
    family="seq2seq",
    architecture="T5ForConditionalGeneration",
    parameters=61_888,
    bytes=262_000,
    dtype="float32",
    vocabulary=384,
    max_length=256,
    chat_template=False,
    source="google/tiny",
    revision="abc",
    fingerprint="0123456789abcdef",
    created=NOW - 7200,
)
DATASET = Dataset(
    name="talk",
    path=Path("/store/datasets/talk"),
    source="/data/talk.jsonl",
    format="jsonl",
    columns=("dialogue", "summary"),
    splits={"train": 1200, "test": 30},
    bytes=50_000,
    bad_lines=2,
    fingerprint="fedcba9876543210",
    created=NOW - 60,
)
ADAPTER = Adapter(
    name="mine",
    path=Path("/store/adapters/mine"),
    model="tiny",
    model_fingerprint=MODEL.fingerprint,
    method="lora",
    peft_type="LORA",
    run="r1",
    trainable=1280,
    bytes=9000,
    fingerprint="aa" * 20,
    created=NOW - 5,
)


def told(cells: tuple[Any, ...]) -> list[str]:
    return [getattr(cell, "plain", cell) for cell in cells]


def test_a_model_is_one_line_with_a_short_fingerprint() -> None:
    [(key, cells)] = models.table([MODEL])
    assert key == "tiny"
    assert told(cells) == ["tiny", "seq2seq", "61.9k", "256 kB", "float32", "0123456789", "google/tiny"]


def test_a_model_is_described_in_full() -> None:
    text = models.detail(MODEL, 1, NOW).plain
    for part in (
        "encoder-decoder",
        "61,888",
        "384 tokens",
        "256 tokens",
        "adapters       1",
        "abc",
        "models/tiny",
        "2h ago",
    ):
        assert part in text


def test_a_model_without_a_limit_says_so() -> None:
    assert "no limit stated" in models.detail(replace(MODEL, max_length=None), 0, NOW).plain


def test_a_dataset_is_one_line_with_its_splits_and_bad_lines() -> None:
    [(key, cells)] = datasets.table([DATASET])
    assert key == "talk"
    assert told(cells) == ["talk", "1,230", "train 1,200, test 30", "2", "jsonl", "48.8 kB", "2"]


def test_lines_left_out_are_told_with_file_line_and_reason() -> None:
    text = datasets.detail(DATASET, [BadLine("talk.jsonl", 7, "no JSON: \x1b[31m")], NOW, "f").plain
    assert "2 bad lines left out" in text
    assert "line 7 of talk.jsonl: no JSON: ␛[31m" in text


def test_an_adapter_is_one_line_and_one_from_outside_says_so() -> None:
    assert told(adapters.cells(ADAPTER, NOW)) == ["mine", "tiny", "lora", "r1", "1.28k", "8.79 kB", "5s"]
    assert told(adapters.cells(replace(ADAPTER, run=None), NOW))[3] == "added"


def test_lineage_is_told_part_by_part_and_cleaned() -> None:
    card = {"dataset": {"name": "talk\x1b", "at": {"row": 3}}, "seed": 1, "adapters": [], "probes": {}}
    text = adapters.detail(ADAPTER, card, NOW).plain
    assert text.endswith("\n\nlineage\nseed      1\nadapters  none\n\ndataset\nname    talk␛\nat.row  3")


def test_a_page_that_a_lineage_names_is_a_link_and_what_pretends_to_be_one_is_not() -> None:
    """Others wrote it: only what leads to just what is read."""
    page = "https://example.org/run/1"
    lineage = {
        "homepage": page,
        "hostile": ["https://a.example/"],
        "login": "https://example.org@evil.example/",
        "plain": "http://example.org/",
        "path": "/etc/passwd",
        "long": "https://example.org/" + "a" * 299,
    }
    spans = adapters.detail(ADAPTER, lineage, NOW).spans
    links = {getattr(span.style, "link", None) for span in spans} - {None, link_to(ADAPTER.path)}
    assert links == {page}


def test_adapters_of_two_bases_are_not_compared() -> None:
    other = replace(ADAPTER, name="o", model="other")
    assert adapters.why_not_compare([ADAPTER]) is None
    assert adapters.why_not_compare([]) == "no adapter is selected"
    assert "other, tiny" in (adapters.why_not_compare([ADAPTER, other]) or "")


def test_the_benchmarks_table_holds_completed_evaluations_only(
    make_evaluation: Callable[..., Evaluation],
) -> None:
    found = [make_evaluation(adapter="mine"), make_evaluation(id="e2", status="running", scores={})]
    [(key, cells)] = benchmarks.table(found, NOW)
    assert key == "e1"
    assert told(cells)[:3] == ["mine", "tiny", "dialogues test"]
    assert told(cells)[3:] == ["summarise", "4", "0.250", "0.100", "0.200", "12.3", "1h"]


def test_the_benchmarks_table_tells_apart_what_one_command_made(
    make_evaluation: Callable[..., Evaluation],
) -> None:
    drawn = {"temperature": 0.7, "seed": 2, "variant": "asks"}
    found = [make_evaluation(settings=drawn), make_evaluation(settings=drawn | {"variant": None, "seed": 0})]
    lines = [told(cells) for _, cells in benchmarks.table(found, NOW)]
    assert [line[0] for line in lines] == ["base asks seed 2", "base"]
    assert {line[3] for line in lines} == {"summarise at 0.7"}
