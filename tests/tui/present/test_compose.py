"""What is said about templates, rendered rows and their tokens."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from store.errors import BadInput
from store.templates import Template, Variant
from workbench.composing.shown import Preview, PreviewToken, Problem
from workbench.tui.key_names import fill
from workbench.tui.present import compose
from workbench.tui.present.compose import Subject

TEMPLATE = Template(
    "talk", "dialogue", (Variant("one", "Q: {{ a }}", "{{ b }}"), Variant("two", "{{ a }}", "{{ b }}"))
)
NAMES = ["one", "two"]
keyed = partial(fill, keys={"app.datasets": "3", "app.models": "2"})
ON = Subject("talk", None, "data", "train", 3, 1200, "tiny")
TOKENS = (
    PreviewToken(7, "ab", "prompt", trained=False, cut=True),
    PreviewToken(1, "<s>", "special", trained=False),
    PreviewToken(8, "cd", "prompt", trained=False),
    PreviewToken(9, "ef", "completion", trained=True),
    PreviewToken(2, "</s>", "special", trained=True),
    PreviewToken(2, "", "padding", trained=False),
)
PROBLEM = Problem("prompt-cut", "the prompt is cut", "set max_length", False)
SHOWN = Preview(3, "two", "abcd", "ef", "", TOKENS, 4, True, (PROBLEM,))


def test_the_subject_says_row_variant_and_tokens() -> None:
    told = compose.subject(ON, SHOWN, NAMES, 128, keyed).plain
    assert told == "row 3/1,200 data train  variant two 2/2, its own  by tiny, cut at 128"
    by_hand = compose.subject(replace(ON, variant=1), SHOWN, NAMES, 128, keyed).plain
    assert "variant two 2/2  by" in by_hand


def test_what_is_not_chosen_says_which_key_chooses_it() -> None:
    told = compose.subject(replace(ON, dataset="", model=""), None, NAMES, 0, keyed).plain
    assert "of no dataset: press 3" in told
    assert "by no model: press 2" in told


def test_a_variant_named_like_a_marker_keeps_its_name() -> None:
    told = compose.subject(ON, replace(SHOWN, variant="{key:app.models}"), NAMES, 128, keyed).plain
    assert "variant {key:app.models}" in told


def test_every_token_is_trained_context_padding_or_cut_off() -> None:
    drawn = compose.tokens(TOKENS)
    assert [token.style_class for token in drawn] == [
        "cut off",
        "special",
        "context",
        "trained",
        "trained",
        "padding",
    ]
    assert "".join(token.text for token in drawn if token.style_class == "trained") == "ef</s>"


def test_without_colour_the_kinds_are_told_by_their_signs() -> None:
    """A mark before the token, or for padding the token's own sign."""
    drawn = {token.style_class: (token.mark, token.text) for token in compose.tokens(TOKENS)}
    assert drawn["trained"][0] == "="
    assert drawn["cut off"][0] == "!"
    assert drawn["context"][0] == drawn["padding"][0] == ""
    assert drawn["padding"][1] == "·"


def test_the_note_and_the_label_tell_the_id() -> None:
    [first, *_] = compose.tokens(TOKENS)
    assert first.label == "‹7›"
    assert first.note == "id 7, prompt, cut off: the model never sees it"


def test_of_a_book_that_is_cut_off_both_ends_are_shown() -> None:
    book = [PreviewToken(7, "x", "prompt", trained=False, cut=True)] * 90_000
    drawn = compose.tokens([*book, *TOKENS[1:]])
    assert len(drawn) == 2 * compose.CUT_SHOWN + 1 + len(TOKENS) - 1
    assert drawn[compose.CUT_SHOWN].text == "\n[88,000 more]\n"
    assert [token.style_class for token in drawn[-2:]] == ["trained", "padding"]


def test_the_totals_count_the_kinds() -> None:
    assert compose.totals(SHOWN).plain == "4 tokens, 2 trained, 1 cut off, 1 padding"
    assert compose.totals(replace(SHOWN, tokens=(), length=1)).plain == "1 token, 0 trained"


def test_the_problems_of_a_row_come_with_what_to_do() -> None:
    fatal = Problem("nothing-trained", "nothing is trained", "mend it", True)
    told = compose.problems(replace(SHOWN, problems=(fatal, PROBLEM))).plain
    assert told == "✗ nothing is trained: mend it\n! the prompt is cut: set max_length"


def test_without_tokens_the_text_is_shown_and_without_a_row_the_variant() -> None:
    assert compose.body(ON, replace(SHOWN, tokens=()), TEMPLATE).plain == "prompt\nabcd\n\ncompletion\nef"
    system = compose.body(ON, replace(SHOWN, system="be kind"), TEMPLATE).plain
    assert system.startswith("system\nbe kind")
    assert "Q: {{ a }}" in compose.body(ON, None, TEMPLATE).plain
    assert "not rendered" in compose.body(ON, None, TEMPLATE).plain
    assert "Q: " not in compose.body(replace(ON, variant=1), None, TEMPLATE).plain
    talk = Template("chat", "chat", (Variant("as-it-is", messages="messages"),))
    assert "'messages'" in compose.body(ON, None, talk).plain


def test_what_is_wrong_comes_with_the_remedy() -> None:
    told = compose.trouble(BadInput("no column 'x'", "use one of a, b")).plain
    assert told == "no column 'x': use one of a, b"


def test_the_list_names_good_and_broken_templates_in_one_order() -> None:
    fault = BadInput("/store/templates/a-bad.toml: Invalid value (at line 2, column 8)", "mend it")
    bad, good = compose.table([TEMPLATE], {"a-bad": fault})
    assert [getattr(cell, "plain", cell) for cell in good[1]] == ["talk", "dialogue", "2"]
    assert [getattr(cell, "plain", cell) for cell in bad[1]] == [
        "a-bad",
        "Invalid value (at line 2, column 8)",
        "!",
    ]


@pytest.mark.parametrize("text", ["0", "1,199", " 7 "])
def test_a_row_number_may_be_written_as_people_do(text: str) -> None:
    assert compose.row_fault(text, 1200) is None


@pytest.mark.parametrize("text", ["", "-1", "1200", "x"])
def test_what_is_no_row_number_is_refused_with_the_range(text: str) -> None:
    assert compose.row_fault(text, 1200) == "a number from 0 to 1,199"


def test_a_length_is_a_number_or_nothing() -> None:
    assert [compose.length_fault(text) is None for text in ("", "512", "1,024", "1", "-5", "long")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
