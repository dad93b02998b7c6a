"""For any template and any row, at any length: the completion is learned, and nothing of the prompt is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.errors import BadInput
from store.templates import Template, Variant, format_template, parse_template
from workbench import starter
from workbench.composing.checks import problems
from workbench.composing.masking import IGNORED, SHORTEST, Codec, Family, load_codec, mask, prompt_ids
from workbench.composing.template import Composer, Example

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="{}#%"), max_size=30)
PARTS = st.lists(
    st.one_of(
        WORDS,
        st.sampled_from(
            [
                "{{ a }}",
                "{{ b }}",
                "{{ a | upper }}",
                "{{ b | trim }}\n",
                "{% if a %}{{ a }}{% else %}nothing{% endif %}",
                "{% for word in b.split() %}{{ loop.index }}. {{ word }}\n{% endfor %}",
                "{{ row['a'] | length }} ",
            ]
        ),
    ),
    min_size=1,
    max_size=5,
).map("".join)
ROWS = st.fixed_dictionaries({"a": WORDS, "b": WORDS})
LONG = 10_000
SPECIAL = ("<s>", "</s>", "<pad>", "<unk>")


@pytest.fixture(scope="module")
def codecs(tiny_causal: Path, tiny_seq2seq: Path) -> dict[tuple[str, Family], Codec]:
    """Byte-level BPE of both families, and the shipped model's own."""
    return {
        ("tiny", "causal"): load_codec(tiny_causal, "causal"),
        ("tiny", "seq2seq"): load_codec(tiny_seq2seq, "seq2seq"),
        ("starter", "seq2seq"): load_codec(starter.FOLDER / "model", "seq2seq"),
    }


@pytest.mark.parametrize("key", [("tiny", "causal"), ("tiny", "seq2seq"), ("starter", "seq2seq")])
@given(prompt=PARTS, completion=PARTS, row=ROWS, separator=st.none() | WORDS)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_learned_ids_decode_to_the_completion_and_its_end(
    codecs: dict[tuple[str, Family], Codec],
    key: tuple[str, Family],
    prompt: str,
    completion: str,
    row: dict[str, str],
    separator: str | None,
) -> None:
    """At every length from the shortest to one at which nothing is cut."""
    codec = codecs[key]
    template = Template("t", "test", (Variant("v", prompt, completion),), separator=separator)
    assert parse_template(format_template(template), "t") == template
    try:
        example = Composer(template).example(0, row)
    except BadInput as error:
        assert "the completion is empty" in error.what
        return
    whole = mask(example, codec, LONG)
    for length in range(SHORTEST, len(whole.ids) + 2):
        assert_only_the_completion_is_learned(example, codec, length, exact=key[0] == "tiny")


def assert_only_the_completion_is_learned(
    example: Example, codec: Codec, length: int, *, exact: bool
) -> None:
    """At one length; `exact` where the tokenizer gives back every text that it is given."""
    tokens = mask(example, codec, length)
    taught = [label for label in tokens.labels if label != IGNORED]
    whole = codec.encode(example.completion)
    kept = len(whole) - tokens.truncated_completion
    ended = len(taught) > kept
    assert taught == whole[:kept] + ([codec.eos] if ended else [])
    assert ended == (length > kept + (codec.bos is not None)) or tokens.family == "seq2seq"
    assert codec.decode is not None
    if exact and ended:
        assert codec.decode(taught[:-1]) == example.completion
    elif exact:
        # A letter of several bytes can be cut in two.
        assert example.completion.startswith(codec.decode(taught).rstrip("\N{REPLACEMENT CHARACTER}"))
    # Learned tokens stand in one run at the end: whatever is before them is context.
    assert tokens.trained == [False] * (len(tokens.ids) - len(taught)) + [True] * len(taught)
    assert len(tokens.input_ids) <= length and len(tokens.labels) <= length
    context = prompt_ids(example, codec)
    if codec.family == "causal":
        shown = tokens.ids[: len(tokens.ids) - len(taught)]
        assert tokens.truncated_prompt or shown == context
        assert not shown or context[-1:] == shown[-1:] or len(shown) == 1
    told = {problem.kind for problem in problems(tokens, codec, example)}
    assert ("prompt-cut" in told) == bool(tokens.truncated_prompt)
    assert ("completion-cut" in told) == bool(tokens.truncated_completion)
    assert ("special-in-data" in told) == any(
        mark in text for mark in SPECIAL for text in (example.prompt, example.completion)
    )
