"""Runs are found by any of their words, by a regular expression."""

from __future__ import annotations

import pytest

from store import Store, patterns
from workbench.runs import finding


def found(store: Store, text: str) -> list[str]:
    passes = finding.passing(patterns.pattern(text))
    return [run.name for run in store.runs.list() if passes(run)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["beta-ia3", "alpha-lora"]),
        ("lora", ["alpha-lora"]),
        ("LORA", []),
        ("lora|ia3", ["beta-ia3", "alpha-lora"]),
        ("^r2$", ["beta-ia3"]),
        ("^alpha", ["alpha-lora"]),
        ("news", ["beta-ia3"]),
        ("queued", ["beta-ia3", "alpha-lora"]),
        ("alpha.*tiny", []),
    ],
)
def test_a_pattern_is_looked_for_in_each_word_by_itself(store: Store, text: str, expected: list[str]) -> None:
    for name, method, dataset in (("alpha-lora", "lora", "dialogues"), ("beta-ia3", "ia3", "news")):
        store.runs.create(
            name=name, model="tiny", dataset=dataset, template="t", method=method, settings={}, lineage={}
        )
    assert found(store, text) == expected
