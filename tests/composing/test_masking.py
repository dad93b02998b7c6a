"""What is learned and what is only shown, at every length."""

from __future__ import annotations

import random

import pytest

from store.errors import BadInput
from workbench.composing.masking import IGNORED, Codec, Family, Span, Tokens, mask, prompt_ids
from workbench.composing.template import Example

BOS, EOS, PAD = 1, 2, 0
FIRST_LETTER = 10


def letters(text: str) -> list[int]:
    return [FIRST_LETTER + ord(letter) for letter in text]


def text_of(ids: list[int]) -> str:
    return "".join(chr(token - FIRST_LETTER) for token in ids)


def codec(family: Family, *, bos: int | None = BOS, ends_prompt: bool = True) -> Codec:
    return Codec(letters, bos, EOS, PAD, family, ends_prompt)


def learned(tokens: Tokens) -> list[int]:
    return [label for label in tokens.labels if label != IGNORED]


def test_a_causal_example_is_one_sequence_of_which_the_completion_and_eos_are_learned() -> None:
    tokens = mask(Example("ab", "xyz", "v"), codec("causal"), 100)
    assert tokens.input_ids == [BOS, *letters("abxyz"), EOS]
    assert tokens.labels == [IGNORED, IGNORED, IGNORED, *letters("xyz"), EOS]
    assert tokens.spans == (
        Span("special", 0, 1),
        Span("prompt", 1, 3),
        Span("completion", 3, 6),
        Span("special", 6, 7),
    )
    assert tokens.ids == tokens.input_ids
    assert tokens.trained == [False, False, False, True, True, True, True]
    assert (tokens.truncated_prompt, tokens.truncated_completion) == (0, 0)


def test_a_seq2seq_example_has_the_prompt_in_the_encoder_and_learns_all_of_the_decoder() -> None:
    tokens = mask(Example("ab", "xyz", "v"), codec("seq2seq", bos=None), 100)
    assert tokens.input_ids == [*letters("ab"), EOS]
    assert tokens.labels == [*letters("xyz"), EOS]
    assert tokens.spans == (
        Span("prompt", 0, 2),
        Span("special", 2, 3),
        Span("completion", 3, 6),
        Span("special", 6, 7),
    )
    assert tokens.ids == tokens.input_ids + tokens.labels
    assert tokens.trained == [False, False, False, True, True, True, True]


def test_a_tokenizer_that_adds_no_eos_to_a_source_text_gets_none() -> None:
    tokens = mask(Example("ab", "x", "v"), codec("seq2seq", bos=None, ends_prompt=False), 100)
    assert tokens.input_ids == letters("ab")
    assert tokens.labels == [*letters("x"), EOS]


def test_eos_is_learned_also_where_it_is_the_padding() -> None:
    tokens = mask(Example("a", "x", "v"), Codec(letters, None, EOS, EOS, "causal"), 100)
    assert tokens.labels == [IGNORED, *letters("x"), EOS]


def test_a_causal_prompt_loses_its_left_before_the_completion_loses_anything() -> None:
    tokens = mask(Example("abcdef", "xyz", "v"), codec("causal"), 7)
    assert tokens.input_ids == [BOS, *letters("efxyz"), EOS]
    assert (tokens.truncated_prompt, tokens.truncated_completion) == (4, 0)


def test_a_seq2seq_prompt_loses_its_right_and_keeps_its_eos() -> None:
    tokens = mask(Example("abcdef", "xyz", "v"), codec("seq2seq", bos=None), 4)
    assert tokens.input_ids == [*letters("abc"), EOS]
    assert tokens.labels == [*letters("xyz"), EOS]
    assert tokens.truncated_prompt == 3


def test_a_completion_that_is_cut_off_does_not_teach_to_stop_there() -> None:
    tokens = mask(Example("ab", "uvwxyz", "v"), codec("causal"), 5)
    assert tokens.input_ids == [BOS, *letters("uvwx")]
    assert learned(tokens) == letters("uvwx")
    assert (tokens.truncated_prompt, tokens.truncated_completion) == (2, 2)
    assert learned(mask(Example("ab", "wxyz", "v"), codec("causal"), 5)) == letters("wxyz")


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
@pytest.mark.parametrize("bos", [None, BOS])
def test_the_learned_ids_are_the_completion_and_nothing_of_the_prompt_at_every_length(
    family: Family, bos: int | None
) -> None:
    chance = random.Random(0)
    for _ in range(60):
        prompt = "".join(chance.choices("abc", k=chance.randrange(0, 12)))
        completion = "".join(chance.choices("xyz", k=chance.randrange(1, 12)))
        for max_length in range(2, 30):
            tokens = mask(Example(prompt, completion, "v"), codec(family, bos=bos), max_length)
            taught = learned(tokens)
            kept = completion[: len(completion) - tokens.truncated_completion]
            assert kept, "something of the completion always stays"
            ending = taught[len(kept) :]
            assert taught == letters(kept) + ending
            assert ending == [EOS] or (ending == [] and max(map(len, (tokens.ids, taught))) >= max_length)
            assert not (ending and tokens.truncated_completion), "a text cut off does not end"
            assert len(tokens.input_ids) <= max_length
            assert len(tokens.labels) <= max_length
            shown = [
                tokens.ids[at] for span in tokens.spans if span.kind == "prompt" for at in span_range(span)
            ]
            cut = tokens.truncated_prompt
            assert text_of(shown) == (prompt[cut:] if family == "causal" else prompt[: len(prompt) - cut])
            if family == "causal" and not ending:
                assert not shown, "the completion loses something only when no prompt is left"


def span_range(span: Span) -> range:
    return range(span.start, span.end)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
def test_spans_cover_every_token_once(family: Family) -> None:
    for max_length in range(2, 20):
        tokens = mask(Example("abcdef", "uvwxyz", "v"), codec(family), max_length)
        assert [at for span in tokens.spans for at in span_range(span)] == list(range(len(tokens.ids)))
        assert len(tokens.trained) == len(tokens.ids)


@pytest.mark.parametrize("family", ["causal", "seq2seq"])
@pytest.mark.parametrize("max_length", [None, 3, 5, 50])
def test_generation_starts_from_exactly_what_training_shows(family: Family, max_length: int | None) -> None:
    tokens = mask(Example("abcdef", "x", "v"), codec(family), 50 if max_length is None else max_length)
    shown = prompt_ids("abcdef", codec(family), max_length)
    if family == "seq2seq":
        assert shown == tokens.input_ids
    else:
        context = tokens.input_ids[: tokens.labels.count(IGNORED)]
        # Generation has the room that training needs for the completion.
        assert shown[:1] == context[:1] == [BOS]
        assert shown[1:][-len(context[1:]) or len(shown) :] == context[1:]
        assert max_length is None or len(shown) <= max_length


def test_a_length_without_room_is_refused() -> None:
    with pytest.raises(BadInput, match="max_length 1 has no room for a completion; set at least 2"):
        mask(Example("a", "x", "v"), codec("causal"), 1)
