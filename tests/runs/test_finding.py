"""Runs are found by any of their words, in any case, by a regular expression."""

from __future__ import annotations

import pytest

from store import Store
from store.errors import BadInput
from workbench.runs import finding


def found(store: Store, text: str) -> list[str]:
    passes = finding.passing(finding.pattern(text))
    return [run.name for run in store.runs.list() if passes(run)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["beta-ia3", "alpha-lora"]),
        ("LORA", ["alpha-lora"]),
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


def test_what_is_no_pattern_is_refused_with_the_reason() -> None:
    with pytest.raises(BadInput, match="unterminated"):
        finding.pattern("(")


def test_a_pattern_still_being_typed_is_looked_for_as_it_stands() -> None:
    assert finding.lenient("a(").search("xA(y")
    assert not finding.lenient("a(").search("a")
    assert finding.lenient("a|b").search("b")
