"""The library: many tasks in many phrasings, each of which works, and none of which is there twice."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from store.errors import BadInput, NotFound
from store.templates import Template, Variant, parse_template
from workbench.composing.library import FOLDER, columns_of, entry, fitted, library, names
from workbench.composing.renaming import Expression, quoted, renamed, renamed_source
from workbench.composing.template import Composer, check, columns, render

ISSUE_TASKS = {
    "summarisation",
    "dialogue-summarisation",
    "sentiment",
    "paraphrase",
    "inference",
    "question-answering",
    "multiple-choice",
    "translation",
    "topic",
    "commonsense",
    "code-comment",
    "instruction",
}
TAKEN_AS_THEY_ARE = {"prompt-completion", "conversation", "plain-text"}
"""Whose rows are written out already, so that there is one way only."""

VALUES: dict[str, Any] = {
    "text": "The river rose in the night. By noon the road was under water.",
    "summary": "A flood closed the road.",
    "dialogue": "Ada: Is it raining?\nBen: It is.",
    "paraphrase": "In the night the river swelled.",
    "sentence": "The cup fits in the bag because _ is small.",
    "sentence1": "The shop opens at nine.",
    "sentence2": "At nine the shop opens.",
    "premise": "The glass fell.",
    "hypothesis": "Something fell.",
    "context": "Bees live in hives.",
    "passage": "Bees live in hives.",
    "question": "cause",
    "answer": "two",
    "options": ["one", "two", "three"],
    "choice1": "Someone pushed it.",
    "choice2": "It was empty.",
    "option1": "the cup",
    "option2": "the bag",
    "source": "Guten Tag.",
    "target": "Good day.",
    "source_language": "German",
    "target_language": "English",
    "title": "River over the road",
    "keywords": ["river", "road"],
    "correction": "He goes.",
    "simple": "The road is shut.",
    "data": {"who": "Tom", "plan": "swim"},
    "code": "def twice(x):\n    return 2 * x",
    "comment": "Doubles a number.",
    "instruction": "Name a colour.",
    "input": "sky",
    "output": "blue",
    "prompt": "2 + 2 =",
    "completion": "4",
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
    "label": 1,
}
ANSWERS = {"multiple-choice-letters": "B", "fill-the-gap": "2", "word-problem": "4 + 4 = 8"}


def row_of(name: str, **changes: Any) -> dict[str, Any]:
    row = {column: VALUES[column] for column in columns_of(name)}
    if name in ANSWERS:
        row["answer"] = ANSWERS[name]
    return row | changes


def examples(template: Template, row: dict[str, Any]) -> list[Any]:
    pool = [{**row, "number": number} for number in range(8)]
    composer = Composer(template, pool=pool)
    return [composer.example(0, row, number) for number in range(len(template.variants))]


def test_there_are_twelve_tasks_and_more_in_five_phrasings_and_more() -> None:
    assert set(names()) >= ISSUE_TASKS
    several = [template for template in library() if template.name not in TAKEN_AS_THEY_ARE]
    assert len(several) >= 12
    assert all(len(template.variants) >= 5 for template in several)


@pytest.mark.parametrize("name", names())
def test_every_variant_is_accepted_and_renders(name: str) -> None:
    text, template = entry(name)
    row = row_of(name)
    check(template, row)
    assert template.name == name
    assert set().union(*map(columns, template.variants)) - {"choices"} <= set(columns_of(name))
    for example in examples(template, row):
        assert example.completion.strip()
        assert not re.search(r"\{[{%#]|[%#}]\}|None|\n\n\n", example.prompt + example.completion)
        assert example.prompt == example.prompt.lstrip()
        assert not example.prompt.endswith(" ")
    assert text.startswith("# ")


def test_a_column_that_a_template_says_it_reads_is_read() -> None:
    for template in library():
        listed = {template.choices} if isinstance(template.choices, str) else set()
        read = set().union(listed, *map(columns, template.variants))
        assert set(columns_of(template.name)) == read - {"choices"}, template.name


def test_no_wording_is_there_twice() -> None:
    """Within a task the words differ, whatever the columns; among tasks at least words and columns do."""
    everywhere: set[str] = set()
    for template in library():
        within: set[str] = set()
        for variant in template.variants:
            source = " ".join(variant.prompt.lower().split())
            words = " ".join(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", source).split()) or source
            assert words not in within, f"{template.name}: {variant.name}"
            within.add(words)
            whole = f"{source} {variant.completion} {variant.messages}"
            assert whole not in everywhere, f"{template.name}: {variant.name}"
            everywhere.add(whole)


def test_some_variants_show_examples_and_some_are_inverted() -> None:
    templates = library()
    assert sum(any(variant.shots for variant in template.variants) for template in templates) >= 20
    inverted = [
        template.name
        for template in templates
        if len({variant.completion for variant in template.variants}) > 1
        or template.name.endswith("-writing")
    ]
    assert len(inverted) >= 12


@pytest.mark.parametrize("template", [each for each in library() if isinstance(each.choices, tuple)])
@pytest.mark.parametrize("kind", ["text", "number", "digit"])
def test_the_completions_of_a_classification_are_its_choices(template: Template, kind: str) -> None:
    for number, choice in enumerate(template.choices):
        label = {"text": choice, "number": number, "digit": str(number)}[kind]
        for example in examples(template, row_of(template.name, label=label)):
            assert example.completion == choice


@pytest.mark.parametrize("label", [-1, "-1", None, "", "no such label", 99])
def test_a_label_that_is_none_of_the_choices_is_refused(label: Any) -> None:
    for template in library():
        if template.choices and "label" in columns_of(template.name):
            for number in range(len(template.variants)):
                with pytest.raises(BadInput):
                    Composer(template, pool=[row_of(template.name)] * 5).example(
                        0, row_of(template.name, label=label), number
                    )


@pytest.mark.parametrize("answer", ["two", 1, "1"])
def test_the_answer_to_a_multiple_choice_is_told_by_text_or_number(answer: Any) -> None:
    for name in ("multiple-choice", "continuation"):
        for example in examples(entry(name)[1], row_of(name, answer=answer)):
            assert example.completion == "two"


def test_an_instruction_does_without_an_input() -> None:
    template = entry("instruction")[1]
    for row in (
        {"instruction": "Sing.", "output": "La."},
        {"instruction": "Sing.", "input": None, "output": "La."},
    ):
        for example in examples(template, row):
            assert "None" not in example.prompt
    assert "sky" in examples(template, row_of("instruction"))[0].prompt


def test_the_library_is_not_read_before_it_is_asked_for() -> None:
    code = (
        "import builtins, sys, pathlib; opened = []\n"
        "read = pathlib.Path.read_text\n"
        "pathlib.Path.read_text = lambda self, *a, **k: (opened.append(self), read(self, *a, **k))[1]\n"
        "from workbench.composing import library\n"
        "assert len(library.names()) > 12 and not opened\n"
        "library.entry('topic'); library.entry('topic'); assert len(opened) == 1\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="summarisation"):
        entry("sumarisation")


def test_the_files_are_part_of_the_package() -> None:
    assert FOLDER.is_dir()
    assert (FOLDER.parent / "__init__.py").is_file()


@pytest.mark.parametrize("name", names())
def test_a_fitted_template_reads_the_datasets_columns_and_says_the_same(name: str) -> None:
    odd = {column: f'{column} "of" the\\set' for column in columns_of(name)}
    row = row_of(name)
    template = parse_template(fitted(name, odd), name)
    before = examples(entry(name)[1], row)
    check(template, odd.values())
    after = examples(template, {odd[column]: value for column, value in row.items()})
    assert [(e.prompt, e.completion, e.turns) for e in after] == [
        (e.prompt, e.completion, e.turns) for e in before
    ]


@pytest.mark.parametrize("name", names())
def test_a_column_may_be_called_like_anything_in_the_template(name: str) -> None:
    for called in (
        "choices",
        "choice",
        "option",
        "row",
        "loop",
        "words",
        "value",
        "key",
        "if",
        "in",
        "not",
        "naïve",
    ):
        for column in columns_of(name):
            row = row_of(name)
            text = fitted(name, {column: called})
            template = parse_template(text, name)
            after = examples(template, {called if c == column else c: v for c, v in row.items()})
            before = examples(entry(name)[1], row)
            assert [(e.prompt, e.completion) for e in after] == [(e.prompt, e.completion) for e in before]


def test_fitting_keeps_comments_and_wording() -> None:
    text, _ = entry("question-answering")
    assert fitted("question-answering", {}) == text
    changed = fitted("question-answering", {"context": "passage"})
    assert changed == re.sub(r"\bcontext\b(?=  )|(?<=\{\{ )context\b", "passage", text)


def test_an_expression_takes_the_place_of_a_column() -> None:
    source = "{{ options | join }}{{ options[0] }}{{ x if a in options else options.first }}{{ options }}"
    filtered = Expression('q.c | map(attribute="t") | list')
    assert renamed_source(source, {"options": filtered}) == (
        f"{{{{ {filtered} | join }}}}{{{{ ({filtered})[0] }}}}"
        f"{{{{ x if a in {filtered} else ({filtered}).first }}}}{{{{ {filtered} }}}}"
    )
    either = Expression('a if b else "c"')
    assert renamed_source("{{ x ~ y }}{{ x }}", {"x": either}) == (
        '{{ (a if b else "c") ~ y }}{{ a if b else "c" }}'
    )
    assert renamed_source("in {{ x }}: {{ x | upper }}", {"x": Expression('"German"')}) == (
        'in German: {{ "German" | upper }}'
    )


def test_only_variables_are_renamed() -> None:
    source = (
        "text {# text #}{{ row.text }}{{ x | text }}{{ f(text=text) }}{{ x is text }}{{ x is not text }}"
        "{% raw %}{{ text }}{% endraw %}{{ not text }}{{ 'text' }}{%- if text -%} text {%- endif %}"
    )
    mended = (
        source.replace("x | text", "x | title")
        .replace("is text", "is mapping")
        .replace("is not text", "is not mapping")
    )
    assert renamed_source(mended, {"text": "body"}) == (
        "text {# text #}{{ row.text }}{{ x | title }}{{ f(text=body) }}{{ x is mapping }}"
        "{{ x is not mapping }}{% raw %}{{ text }}{% endraw %}{{ not body }}{{ 'text' }}"
        "{%- if body -%} text {%- endif %}"
    )


def test_choices_that_an_expression_takes_the_place_of_are_no_column_any_more() -> None:
    text = fitted("multiple-choice", {"options": Expression("[a, b]"), "answer": "c"})
    template = parse_template(text, "t")
    assert template.choices == ()
    assert render(template.variants[0], {"question": "Q", "a": "x", "b": "y", "c": 1}).completion == "y"


def test_every_text_survives_being_quoted() -> None:
    for text in (
        "",
        "a",
        'say "a"',
        "it's",
        "\\d",
        "'''",
        '"""',
        'x"""',
        "a\nb",
        "a\r\nb",
        "\x7f\0",
        "tab\t",
        '\\"',
        "'''\\\"\"\"",
    ):
        for tall in (False, True):
            assert tomllib.loads(f"v = {quoted(text, tall=tall)}")["v"] == text


def test_a_users_own_template_is_renamed_too() -> None:
    text = "\n".join(
        [
            'name = "t"',
            'task = """',
            'x"""',
            "system = '{{ a }}'",
            "[[variants]]",
            'name = "a"',
            "prompt = '''",
            "{{ a }}'''  # a",
            'completion="{{b}}"',
        ]
    )
    assert parse_template(renamed(text, {"a": "c", "b": "d e"}), "t") == Template(
        "t", "x", (Variant("a", "{{ c }}", '{{row["d e"]}}'),), system="{{ c }}"
    )
