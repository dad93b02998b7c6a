"""The figures of a whole split, against counting by hand."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from store.errors import BadInput
from store.templates import Template, Variant
from workbench.composing import bulk, masking
from workbench.composing.masking import Codec, Family
from workbench.composing.survey import BARS, packing_efficiency, padding_share, spread, survey
from workbench.composing.template import Composer

TEMPLATE = Template("t", "test", (Variant("v", "{{ a }} ", "{{ b }}"),))


def codec(family: Family) -> Codec:
    return Codec(lambda text: [10 + ord(letter) for letter in text], 1, 2, 0, family)


def figures(
    rows: list[dict[str, Any]], family: Family = "causal", length: int = 50, **more: Any
) -> dict[str, Any]:
    *_, found = survey(rows, Composer(TEMPLATE), codec(family), length, list(rows[0]), **more)
    return found.report(len(rows), 4, finished=True)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_every_count_is_the_sum_over_the_rows(family: Family) -> None:
    chance = random.Random(3)
    rows = [{"a": "x" * chance.randrange(1, 80), "b": "y" * chance.randrange(1, 40)} for _ in range(700)]
    found = figures(rows, family)
    composer = Composer(TEMPLATE)
    masked = [masking.mask(composer.example(at, row), codec(family), 50) for at, row in enumerate(rows)]
    assert (found["done"], found["rows"], found["total"]) == (700, 700, 700)
    assert found["trained_tokens"] == sum(sum(tokens.trained) for tokens in masked)
    assert found["truncated_prompts"] == sum(tokens.truncated_prompt > 0 for tokens in masked)
    assert found["truncated_completions"] == sum(tokens.truncated_completion > 0 for tokens in masked)
    longest = [max(len(tokens.input_ids), len(tokens.labels)) for tokens in masked]
    assert found["tokens"] == sum(longest)
    assert (found["row"]["min"], found["row"]["max"]) == (min(longest), max(longest))
    assert found["row"]["mean"] == pytest.approx(sum(longest) / 700)
    # Before the cut: the completion and its end.
    assert found["completion"]["max"] == max(len(row["b"]) for row in rows) + 1
    assert found["problems"]["prompt-cut"]["count"] == found["truncated_prompts"]
    first = next(at for at, tokens in enumerate(masked) if tokens.truncated_prompt)
    assert found["problems"]["prompt-cut"]["first"] == first


def test_what_cannot_be_learned_from_is_counted_with_its_row() -> None:
    found = figures([{"a": "x", "b": "y"}, {"a": "x", "b": " "}, {"a": "z", "b": "y"}, {"a": "q", "b": ""}])
    assert (found["rows"], found["empty"]) == (2, 2)
    problem = found["problems"]["not-rendered"]
    assert (problem["count"], problem["rows"], problem["fatal"]) == (2, [1, 3], True)
    assert "the completion is empty" in problem["message"]


def test_rows_that_are_refused_are_told_in_order_whatever_refuses_them() -> None:
    """The template some and the mask others, over several chunks that are rendered ahead."""
    rows = [{"a": "x", "b": " " if not at % 5 else "\ud800" if not at % 7 else "y"} for at in range(900)]

    def encode(text: str) -> list[int]:
        if "\ud800" in text:
            raise BadInput("no text", "mend it")
        return [10]

    told: list[int] = []
    made = bulk.masked(
        rows, Composer(TEMPLATE), Codec(encode, 1, 2, 0, "causal"), 50, lambda at, _: told.append(at)
    )
    assert [at for at, _, _ in made] == [at for at in range(900) if at % 5 and at % 7]
    assert told == [at for at in range(900) if not at % 5 or not at % 7]


def test_repeats_and_rows_of_other_splits_are_counted_by_what_the_template_reads() -> None:
    rows = [{"a": "x", "b": "y", "id": number} for number in range(3)] + [{"a": "z", "b": "y", "id": 9}]
    others = {"test": [{"a": "z", "b": "y", "id": 7}], "validation": [{"a": "n", "b": "n", "id": 1}]}
    found = figures(rows, others=others)
    assert found["duplicates"] == 2
    assert found["overlap"] == {"test": 1, "validation": 0}


@pytest.mark.parametrize(
    ("prompt", "system"),
    [
        ("Q", "{{ a }}"),
        ("{{ row | tojson }}", None),
        ("{% for name in ['a'] %}{{ row[name] }}{% endfor %}", None),
        ("{{ row.get('a') }}", None),
        ("{{ range }}", None),
    ],
)
def test_rows_are_told_apart_by_whatever_the_template_may_read(prompt: str, system: str | None) -> None:
    template = Template("t", "test", (Variant("v", prompt, "{{ b }}"),), system=system)
    rows = [{"a": f"x{number}", "range": number, "b": "y"} for number in range(6)]
    *_, found = survey(rows, Composer(template), codec("causal"), 90, list(rows[0]))
    assert found.duplicates == 0


def test_a_histogram_counts_every_length_once() -> None:
    lengths = Counter(random.Random(0).choices(range(3, 500), k=5000))
    found = spread(lengths)
    bars = found["histogram"]
    assert len(bars) <= BARS + 1
    below = 0
    for upper, count in bars:
        assert count == sum(times for length, times in lengths.items() if below < length <= upper)
        below = upper
    assert sum(count for _, count in bars) == 5000
    ordered = sorted(lengths.elements())
    assert found["median"] == ordered[2499]
    assert found["p95"] == ordered[4749]
    assert spread(Counter())["histogram"] == []
    assert spread(Counter({5: 1000, 5000: 1}))["histogram"] == [[5, 1000], [5000, 1]]


def test_the_share_of_padding_is_what_random_batches_have() -> None:
    chance = random.Random(1)
    lengths = [chance.randrange(1, 60) for _ in range(4000)]
    places = tokens = 0
    for _ in range(4000):
        batch = chance.choices(lengths, k=8)
        places += 8 * max(batch)
        tokens += sum(batch)
    assert padding_share(Counter(lengths), 8) == pytest.approx(1 - tokens / places, abs=0.01)
    assert padding_share(Counter({7: 100}), 8) == pytest.approx(0)
    assert padding_share(Counter(lengths), 1) == pytest.approx(0)


def best_fit(lengths: list[int], most: int) -> int:
    """Lines needed, row by row."""
    room: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [at for at, left in enumerate(room) if left >= length]
        if fitting:
            at = min(fitting, key=lambda each: room[each])
            room[at] -= length
        else:
            room.append(most - length)
    return len(room)


def test_packing_is_best_fit_decreasing() -> None:
    for seed in range(40):
        chance = random.Random(seed)
        lengths = [chance.randrange(1, 65) for _ in range(chance.randrange(1, 200))]
        expected = sum(lengths) / (best_fit(lengths, 64) * 64)
        assert packing_efficiency(Counter(lengths), 64) == pytest.approx(expected)
    assert packing_efficiency(Counter({64: 10}), 64) == 1
    assert packing_efficiency(Counter({33: 10}), 64) == pytest.approx(33 / 64)
    assert packing_efficiency(Counter(), 64) == 0
