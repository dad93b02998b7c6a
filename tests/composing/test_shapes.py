"""Known shapes of datasets are recognised, and the template drafted for each works on its rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import BadInput
from store.rows import examine, items
from store.templates import Template, parse_template
from workbench.composing.shapes import Suggestion, draft, recognise
from workbench.composing.template import Composer, Example, check

Row = dict[str, Any]
LABELLED = [{"label": "A", "text": "x"}, {"label": "B", "text": "y"}]
LABELLED_ROWS = [LABELLED]
OPTIONS = [["x", "y", "z"]]
PROSE = [
    "It rains.",
    "The sun came out at last.",
    "We sat in the garden until the evening.",
    "Then it got cold.",
]
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
SHARED = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]


def rows_of(count: int = 12, **columns: Any) -> list[Row]:
    """Rows whose columns take their values in turn from the lists; any other value stands in every row."""
    return [
        {name: each[number % len(each)] if type(each) is list else each for name, each in columns.items()}
        for number in range(count)
    ]


def best(rows: Sequence[Mapping[str, Any]]) -> Suggestion:
    return recognise(list(dict.fromkeys(key for row in rows for key in row)), rows)[0]


def drafted(rows: Sequence[Mapping[str, Any]], suggestion: Suggestion | None = None) -> Template:
    template = parse_template(draft(suggestion or best(rows), "mine"), "the draft")
    check(template, list(dict.fromkeys(key for row in rows for key in row)))
    assert template.name == "mine"
    return template


def examples(rows: Sequence[Row], row: int = 0) -> list[Example]:
    template = drafted(rows)
    pool = [{**each, "number": number} for number, each in enumerate(rows)]
    composer = Composer(template, pool=pool)
    return [composer.example(row, rows[row], number) for number in range(len(template.variants))]


@pytest.mark.parametrize(
    ("columns", "template"),
    [
        ({"instruction": PROSE, "input": ["", "x y"], "output": PROSE}, "instruction"),
        ({"instruction": PROSE, "output": PROSE}, "instruction"),
        ({"instruction": PROSE, "context": PROSE, "response": PROSE, "category": ["a", "b"]}, "instruction"),
        ({"prompt": PROSE, "completion": PROSE}, "prompt-completion"),
        ({"prompt": PROSE, "response": PROSE}, "prompt-completion"),
        ({"Prompt": PROSE, "Completion": PROSE}, "prompt-completion"),
        ({"input": PROSE, "output": PROSE}, "prompt-completion"),
        ({"inputs": PROSE, "targets": PROSE}, "prompt-completion"),
        ({"source": PROSE, "target": PROSE}, "prompt-completion"),
        ({"question": PROSE, "answer": PROSE}, "open-question"),
        ({"question": PROSE, "answer": ["2 + 2 = 4\n#### 4", "#### 12"]}, "word-problem"),
        ({"text": PROSE, "summary": PROSE}, "summarisation"),
        ({"document": PROSE, "summary": PROSE, "id": ["1", "2"]}, "summarisation"),
        ({"article": PROSE, "highlights": PROSE, "id": ["1", "2"]}, "summarisation"),
        ({"dialogue": PROSE, "summary": PROSE}, "dialogue-summarisation"),
        ({"text": ["Ada: Hi!\nBen: Hello."], "summary": PROSE}, "dialogue-summarisation"),
        ({"article": PROSE, "title": PROSE}, "headline"),
        ({"text": PROSE, "keywords": "a, b"}, "keywords"),
        ({"premise": PROSE, "hypothesis": PROSE, "label": [0, 1, 2]}, "inference"),
        ({"sentence1": PROSE, "sentence2": PROSE, "label": ["entailment", "not_entailment"]}, "inference"),
        ({"sentence1": PROSE, "sentence2": PROSE, "label": [0, 1]}, "paraphrase-detection"),
        ({"question1": PROSE, "question2": PROSE, "is_duplicate": ["0", "1"]}, "paraphrase-detection"),
        ({"text": PROSE, "paraphrase": PROSE}, "paraphrase"),
        ({"context": PROSE, "question": PROSE, "answer": PROSE}, "question-answering"),
        ({"passage": PROSE, "question": PROSE, "answer": [True, False]}, "yes-no-question"),
        ({"sentence": PROSE, "label": [0, 1]}, "sentiment"),
        ({"review": PROSE, "sentiment": ["positive", "negative"]}, "sentiment"),
        ({"text": PROSE, "label": [0, 1, 2, 3]}, "topic"),
        ({"text": PROSE, "intent": ["book", "cancel", "greet"]}, "topic"),
        ({"sentence": PROSE, "label": ["acceptable", "unacceptable"]}, "acceptability"),
        ({"de": PROSE, "en": PROSE}, "translation"),
        ({"English": PROSE, "French": PROSE}, "translation"),
        ({"original": PROSE, "corrected": PROSE}, "grammar-correction"),
        ({"complex": PROSE, "simple": PROSE}, "simplification"),
        ({"meaning_representation": PROSE, "human_reference": PROSE}, "data-to-text"),
        ({"code": PROSE, "docstring": PROSE}, "code-comment"),
        ({"func_code_string": PROSE, "func_documentation_string": PROSE, "language": "go"}, "code-comment"),
        ({"text": PROSE}, "plain-text"),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
def test_a_known_shape_is_recognised_and_drafted(columns: dict[str, Any], template: str) -> None:
    rows = rows_of(**columns)
    assert best(rows).template == template
    for number in range(len(rows)):
        assert all(example.completion for example in examples(rows, number))


def test_conversations_are_recognised_by_what_they_hold() -> None:
    for column, turns, kind in (
        ("messages", TURNS, "OpenAI"),
        ("conversations", SHARED, "ShareGPT"),
        ("x", SHARED, "S"),
    ):
        rows = [{column: turns, "id": str(number)} for number in range(9)]
        assert kind in best(rows).shape
        assert best(rows).mapping == {"messages": column}
        assert [turn.content for turn in examples(rows)[0].turns] == ["Hi", "Hello"]


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        (rows_of(question=PROSE, choices=OPTIONS, answer=[1, 0]), "y"),
        (rows_of(question=PROSE, choices=OPTIONS, answer="y"), "y"),
        (rows_of(question=PROSE, choices=OPTIONS, answer="B"), "y"),
        (rows_of(question=PROSE, options=OPTIONS, answer=["2", "1", "3"]), "y"),
        (rows_of(question=PROSE, A="x", B="y", C="z", D="w", answer="B"), "y"),
        (rows_of(question=PROSE, A="x", B="y", C="z", D="w", answer=[1, 0]), "y"),
        (rows_of(question=PROSE, opa="x", opb="y", opc="z", opd="w", cop=[1, 0, 3]), "y"),
        (rows_of(goal=PROSE, sol1=PROSE, sol2="y", label=[1, 0]), "y"),
        (rows_of(question=PROSE, answerA="x", answerB="y", answerC="z", label=["2", "3"]), "y"),
        (rows_of(ctx=PROSE, endings=OPTIONS, label=["1", "0", "2"]), "y"),
        (rows_of(question=PROSE, choices={"label": ["A", "B"], "text": ["x", "y"]}, answerKey="B"), "y"),
        (rows_of(question=PROSE, choices={"label": ["1", "2"], "text": ["x", "y"]}, answerKey="2"), "y"),
        (rows_of(question={"stem": "What is it?", "choices": LABELLED}, answerKey="B"), "y"),
        (rows_of(question_stem=PROSE, choices=LABELLED_ROWS, answerKey="B"), "y"),
        (rows_of(input=PROSE, target_scores={"x": 0, "y": 1, "z": 0}), "y"),
    ],
    ids=lambda value: ", ".join(value[0]) if isinstance(value, list) else "",
)  # fmt: skip
def test_options_and_their_answer_are_found_however_they_are_written(rows: list[Row], answer: str) -> None:
    assert best(rows).template in {"multiple-choice", "continuation"}
    for example in examples(rows):
        assert example.completion == answer
        assert example.variant == "without-options" or "x" in example.prompt or PROSE[0] in example.prompt


def test_the_story_before_a_question_is_part_of_it() -> None:
    rows = rows_of(article="Once upon a time.", question=PROSE, options=[["x", "y"]], answer="A")
    assert all("Once upon a time." in example.prompt for example in examples(rows))


@pytest.mark.parametrize(
    ("labels", "choices", "completion"),
    [
        ([0, 1], ("negative", "positive"), "negative"),
        (["1", "0"], ("negative", "positive"), "positive"),
        ([True, False], ("class 0", "class 1"), "class 1"),
        (["Positive", "Negative"], ("Negative", "Positive"), "Positive"),
        (["positive", "positive"], ("negative", "positive"), "positive"),
        ([3, 0, 1, 2, 4], ("class 0", "class 1", "class 2", "class 3", "class 4"), "class 3"),
        ([2, 1, 3, 4], ("world", "sports", "business", "science"), "sports"),
        (["b c", "a", 'say "d"'], ("a", "b c", 'say "d"'), "b c"),
    ],
)
def test_the_labels_of_the_rows_become_the_choices(
    labels: list[Any], choices: tuple[str, ...], completion: str
) -> None:
    rows = rows_of(24, text=[f"{text} {n}" for n, text in enumerate(PROSE * 6)], label=labels)
    assert drafted(rows).choices == choices
    assert {example.completion for example in examples(rows)} == {completion}


def test_what_a_number_stands_for_is_said_and_to_be_checked() -> None:
    text = draft(best(rows_of(sentence=PROSE, label=[0, 1])), "mine")
    assert "# `label` is a number: 0 for 'negative', 1 for 'positive'; compare that" in text


def test_rows_without_a_label_are_refused_not_guessed() -> None:
    rows = rows_of(premise=PROSE, hypothesis=PROSE, label=[0, 1, 2])
    composer = Composer(drafted(rows), pool=rows)
    with pytest.raises(BadInput, match="completion is empty"):
        composer.example(0, {**rows[0], "label": -1}, 0)


def test_answers_within_a_column_are_found() -> None:
    squad = rows_of(context=PROSE, question=PROSE, answers={"text": ["rain"], "answer_start": [0]})
    assert {e.completion for e in examples(squad) if e.variant != "write-the-question"} == {"rain"}
    unanswerable = rows_of(20, context=PROSE, question=PROSE, answers=[{"text": ["rain"]}, {"text": []}])
    assert "unanswerable" in {example.completion for example in examples(unanswerable, 1)}


def test_the_end_mark_of_another_model_is_taken_off() -> None:
    rows = rows_of(prompt=PROSE, completion="Yes.<|endoftext|>")
    assert examples(rows)[0].completion == "Yes."
    assert any("<|endoftext|>" in note for note in best(rows).notes)


def test_a_file_without_a_header_is_told_and_works_nevertheless() -> None:
    rows = rows_of(
        **{"How many legs has a spider?": PROSE, "six": "a", "eight": "b", "ten": "c", "B": ["A", "C"]}
    )
    assert "no header" in best(rows).notes[0]
    assert {example.completion for example in examples(rows)} == {"a"}
    lines = rows_of(text=[f"{text}\t{n % 2}" for n, text in enumerate(PROSE)])
    assert {example.completion for example in examples(lines, 1)} == {"positive"}


def test_columns_of_no_known_shape_get_a_guess_that_says_so() -> None:
    rows = rows_of(
        id=["1", "2"],
        heading=["ab", "cd"],
        brief="A long text, much longer than the others.",
        verdict=PROSE[:2],
    )
    guess = best(rows)
    assert guess.mapping == {"prompt": "brief", "completion": "verdict"}
    assert guess.score < 0.2
    assert "guess" in draft(guess, "mine")


def test_columns_without_any_text_get_no_suggestion() -> None:
    assert recognise(["a", "b"], rows_of(a=[1, 2], b=[0.5, 0.25])) == []
    assert recognise([], []) == []
    assert recognise(["a"], []) == []


def test_a_column_that_most_rows_lack_is_not_built_upon() -> None:
    rows = rows_of(prompt=PROSE, completion=[None, None, None, "x"], answer=PROSE)
    assert best(rows).mapping["completion"] == "answer"


def test_no_example_rows_are_asked_for_that_are_not_there() -> None:
    rows = rows_of(3, premise=PROSE, hypothesis=PROSE, label=[0, 1, 2])
    assert max(variant.shots for variant in drafted(rows).variants) < 3
    assert all(examples(rows, number) for number in range(3))


def test_the_best_come_first_and_each_can_be_drafted() -> None:
    rows = rows_of(article=PROSE, highlights=PROSE, title=PROSE, label=["a", "b"])
    found = recognise(list(rows[0]), rows)
    assert {"summarisation", "headline", "topic"} <= {suggestion.template for suggestion in found}
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    for suggestion in found:
        composer = Composer(drafted(rows, suggestion), pool=rows)
        assert composer.example(0, rows[0]).completion


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["text", "label", "messages", "question", "options", "answer", "prompt", "a b", "if", "A", "B"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(NAMES | st.text(min_size=1, max_size=8), VALUES, max_size=5), max_size=12))
def test_whatever_the_rows_hold_every_suggestion_is_a_valid_template(rows: list[Row]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for suggestion in recognise(columns, rows):
        template = parse_template(draft(suggestion, "mine"), "the draft")
        check(template, columns)
        assert 0 < suggestion.score <= 1
        assert math.isfinite(suggestion.score)


EXPECTED = {
    "bigbench/bbh": "prompt-completion",
    "bigbench/date": "multiple-choice",
    "bigbench/strategyqa": "prompt-completion",
    "commonsense-qa": "multiple-choice",
    "mmlu": "multiple-choice",
    "mts-dialog": "dialogue-summarisation",
    "self-instruct": "instruction",
    "sentiment-sentences": "sentiment",
    "superglue/BoolQ": "yes-no-question",
    "superglue/COPA": "commonsense",
    "t0-templates": "prompt-completion",
    "metric-truth/rouge": "plain-text",
}


def test_every_real_set_is_recognised_and_its_rows_render(shared_data: Path) -> None:
    seen = set()
    for path in sorted(shared_data.rglob("*")):
        place = path.relative_to(shared_data).as_posix()
        expected = next((name for start, name in EXPECTED.items() if place.startswith(start)), None)
        if expected and path.suffix in {".jsonl", ".json", ".csv", ".txt"} and path.name != "readme.txt":
            if place.startswith("metric-truth") and path.suffix == ".json":
                continue  # expected scores, not rows
            format = {".jsonl": "jsonl", ".json": "json", ".csv": "csv", ".txt": "text"}[path.suffix]
            assert_renders(read(path, format), expected, place)
            seen.add(expected)
    assert seen == set(EXPECTED.values())


def test_the_real_pairs_of_languages_are_recognised(shared_data: Path) -> None:
    for first in ("deu", "fra"):
        stem = shared_data / "tatoeba" / f"tatoeba.{first}-eng"
        pairs = zip(read(Path(f"{stem}.{first}"), "text"), read(Path(f"{stem}.eng"), "text"), strict=True)
        rows = [{first: one["text"], "eng": other["text"]} for one, other in pairs]
        assert_renders(rows, "translation", first)


def test_the_real_reviews_are_recognised_as_a_table_without_header(shared_data: Path) -> None:
    for path in (shared_data / "sentiment-sentences").glob("*labelled.txt"):
        rows = read(path, "tsv")
        assert_renders(rows, "sentiment", path.name)


def read(path: Path, format: Any) -> list[Row]:
    return [item.row for layout in examine(path, format) for item in items(path, layout) if item.row]


def assert_renders(rows: list[Row], expected: str, place: str) -> None:
    suggestion = best(rows)
    assert suggestion.template == expected, place
    composer = Composer(drafted(rows, suggestion), pool=rows[:256])
    for number, row in enumerate(rows[:200]):
        try:
            composer.example(number, row)
        except BadInput as error:
            assert "empty" in error.what, f"{place}, row {number}: {error}"
