"""What is said about templates, rendered rows and their tokens."""

from __future__ import annotations

from dataclasses import replace

from store.errors import BadInput
from store.templates import Template, Variant
from workbench.composing.checks import Problem
from workbench.composing.masking import Codec, mask
from workbench.composing.template import Example
from workbench.tui.present import compose
from workbench.tui.present.compose import Subject

TEMPLATE = Template(
    "talk", "dialogue", (Variant("one", "Q: {{ a }}", "{{ b }}"), Variant("two", "{{ a }}", "{{ b }}"))
)
ON = Subject("talk", 1, "data", "train", 3, 1200, "tiny")
EXAMPLE = Example("ab", "cd", "one")


def codec(family: str) -> Codec:
    return Codec(lambda text: [ord(character) for character in text], None, 0, 0, family)  # type: ignore[arg-type]


def test_the_subject_says_variant_row_and_model() -> None:
    told = compose.subject(TEMPLATE, ON).plain
    assert told == "variant two 2/2  row 3/1,200 of data train  tokens of tiny"


def test_what_is_not_chosen_says_which_key_chooses_it() -> None:
    told = compose.subject(TEMPLATE, replace(ON, dataset="", model="")).plain
    assert "of no dataset: press r" in told
    assert "of no model: press m" in told


def test_the_trained_tokens_are_the_completion_and_the_end_and_nothing_else() -> None:
    for family in ("causal", "seq2seq"):
        masked = mask(EXAMPLE, codec(family), 50)
        drawn = compose.tokens(masked, [chr(token) if token else "</s>" for token in masked.ids])
        assert "".join(token.text for token in drawn if token.style_class == "completion") == "cd</s>"
        assert all(bool(token.mark) == (token.style_class == "completion") for token in drawn)
        assert "trained" in drawn[-1].note


def test_the_summary_counts_tokens_and_tells_what_is_wrong() -> None:
    masked = mask(EXAMPLE, codec("causal"), 4)
    problem = Problem("prompt-cut", "the prompt is cut", "set max_length", False)
    told = compose.summary(masked, [problem]).plain
    assert told == "4 tokens, 3 trained, 1 cut from the prompt\nthe prompt is cut: set max_length"


def test_without_a_row_the_variant_itself_is_shown() -> None:
    assert "Q: {{ a }}" in compose.body(TEMPLATE, replace(ON, variant=0), None).plain
    assert "not rendered" in compose.body(TEMPLATE, ON, None).plain
    assert compose.body(TEMPLATE, ON, EXAMPLE).plain == "prompt\nab\n\ncompletion\ncd"


def test_what_is_wrong_with_a_row_comes_with_the_remedy() -> None:
    assert (
        compose.trouble(BadInput("no column 'x'", "use one of a, b")).plain
        == "no column 'x': use one of a, b"
    )


def test_the_list_names_task_and_number_of_variants() -> None:
    [(key, cells)] = compose.table([TEMPLATE])
    assert key == "talk"
    assert [getattr(cell, "plain", cell) for cell in cells] == ["talk", "dialogue", "2"]
