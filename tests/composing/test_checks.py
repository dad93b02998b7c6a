"""Problems of an example's tokens, each with its remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.composing.checks import batch_problems, problems
from workbench.composing.masking import IGNORED, Batch, Codec, Family, collate, mask
from workbench.composing.template import Example

EOS = 2


def words(text: str) -> list[int]:
    return [10 + len(word) for word in text.split()]


def codec(family: Family) -> Codec:
    return Codec(words, 1 if family == "causal" else None, EOS, EOS, family)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_a_good_example_has_no_problem(family: Family) -> None:
    assert problems(mask(Example("a b c", "d e", "v"), codec(family), 20), codec(family)) == []


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_a_completion_without_a_token_is_fatal(family: Family) -> None:
    found = problems(mask(Example("a b", " ", "v"), codec(family), 20), codec(family))
    assert [(problem.kind, problem.fatal) for problem in found] == [("nothing-trained", True)]


def test_labels_that_do_not_end_in_eos_are_told() -> None:
    tokens = mask(Example("a", "b c", "v"), codec("causal"), 20)
    without = tokens._replace(labels=[*tokens.labels[:-1], IGNORED])
    found = problems(without, codec("causal"))
    assert [(problem.kind, problem.fatal) for problem in found] == [("eos-missing", False)]


@pytest.mark.parametrize(
    ("family", "max_length", "kinds"),
    [
        ("causal", 5, ["prompt-cut"]),
        ("causal", 3, ["eos-missing", "prompt-cut"]),
        ("causal", 2, ["completion-cut", "prompt-cut"]),
        ("seq2seq", 3, ["prompt-cut"]),
        ("seq2seq", 2, ["eos-missing", "prompt-cut"]),
    ],
)
def test_what_is_cut_off_is_told_with_the_length_that_would_cut_nothing(
    family: Family, max_length: int, kinds: list[str]
) -> None:
    example = Example("a b c", "d e", "v")
    found = problems(mask(example, codec(family), max_length), codec(family))
    assert [problem.kind for problem in found] == kinds
    for problem in found:
        needed = int(problem.remedy.split("max_length to ")[1].split()[0])
        assert problems(mask(example, codec(family), needed), codec(family)) == []
        assert problems(mask(example, codec(family), needed - 1), codec(family)) != []


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_no_length_is_advised_that_the_model_does_not_take(family: Family) -> None:
    example = Example("a b c d e f", "g h", "v")
    small = replace(codec(family), room=6)
    needed = 10 if family == "causal" else 7
    told = f"shorten the prompt: the row takes {needed} tokens, and the model 6 at most"
    (cut,) = problems(mask(example, small, 6), small)
    assert (cut.kind, cut.remedy) == ("prompt-cut", told)
    (cut,) = problems(mask(example, small, 5), small)
    assert cut.remedy == f"set max_length to 6, and {told}"
    (cut,) = problems(mask(example, small, 5), replace(small, room=needed))
    assert cut.remedy == f"set max_length to {needed} or more, or shorten the prompt"


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_padding_that_takes_an_equal_eos_along_is_fatal(family: Family) -> None:
    rows = [
        mask(Example("a b c", "d e", "v"), codec(family), 20),
        mask(Example("a", "d", "v"), codec(family), 20),
    ]
    batch = collate([(row.input_ids, row.labels) for row in rows], EOS)
    assert batch_problems(rows, batch) == []
    by_id = [[IGNORED if label == EOS else label for label in line] for line in batch.labels]
    (problem,) = batch_problems(rows, Batch(batch.input_ids, batch.attention_mask, by_id))
    assert (problem.kind, problem.fatal) == ("labels-changed", True)
    filled = [[EOS if label == IGNORED else label for label in line] for line in batch.labels]
    assert batch_problems(rows, Batch(batch.input_ids, batch.attention_mask, filled))


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_a_prompt_without_a_token_is_fatal(family: Family) -> None:
    """An encoder reads at least one; a causal model predicts nothing before its first token."""
    bare = Codec(words, None, EOS, EOS, family, ends_prompt=False)
    found = problems(mask(Example("", "d", "v"), bare, 20), bare)
    assert [(problem.kind, problem.fatal) for problem in found][:1] == [("nothing-trained", True)]
