"""Rendering, column checks and the choice among variants."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from store.errors import BadInput
from store.templates import Template, Variant
from workbench.composing import program
from workbench.composing.sandbox import budget, output
from workbench.composing.template import Composer, Example, Turn, check, choose, columns, render, source_of

ROW = {"dialogue": "Ann: hi\nBob: ho", "summary": "They greet.", "turns": [{"who": "Ann"}, {"who": "Bob"}]}


def variant(prompt: str, completion: str = "{{ summary }}") -> Variant:
    return Variant("plain", prompt, completion)


def prompt_of(source: str, **row: object) -> str:
    return render(variant(source), {**ROW, **row}).prompt


def test_a_row_becomes_prompt_and_completion_with_every_line_break_kept() -> None:
    example = render(variant("Dialogue:\n{{ dialogue }}\nSummary:\n", "{{ summary }}\n"), ROW)
    assert example == Example("Dialogue:\nAnn: hi\nBob: ho\nSummary:\n", "They greet.\n", "plain")


def test_text_is_taken_as_it_is_without_html_escaping() -> None:
    assert prompt_of("{{ dialogue }}", dialogue="<b> & {{ x }}") == "<b> & {{ x }}"


def test_loops_and_conditions_work_over_nested_values() -> None:
    source = "{% for turn in turns %}{{ loop.index }}:{{ turn.who }}{{ ', ' if not loop.last }}{% endfor %}"
    assert prompt_of(source) == "1:Ann, 2:Bob"


def test_a_missing_value_is_an_empty_text_and_not_the_word_none() -> None:
    assert prompt_of("[{{ note }}][{{ 'a' ~ note }}]", note=None) == "[][a]"


def test_a_column_that_holds_json_stays_a_text() -> None:
    assert prompt_of("{{ meta }}", meta='{"a": 1}') == '{"a": 1}'


def test_json_is_written_as_it_is_read() -> None:
    assert prompt_of("{{ turns | tojson }}") == '[{"who": "Ann"}, {"who": "Bob"}]'
    assert prompt_of("{{ dialogue | tojson }}", dialogue="é<") == '"é<"'


def test_a_column_whose_name_is_no_identifier_is_reached_through_the_row() -> None:
    assert prompt_of("{{ row['section text'] }}", **{"section text": "S"}) == "S"


def test_an_unknown_column_is_told_with_the_nearest_and_all_there_are() -> None:
    with pytest.raises(BadInput) as caught:
        prompt_of("a\n{{ dialog }}")
    assert caught.value.what == (
        "variant 'plain', prompt, line 2: the column 'dialog' is not there (did you mean 'dialogue'?)"
    )
    assert caught.value.remedy == "the dataset has the columns dialogue, summary, turns"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("\n{{ dialogue", "line 2, column 12: unexpected end of template, expected 'end of print statement'"),
        ("{% foo %}", "line 1, column 4: Encountered unknown tag 'foo'"),
        ("{{ dialogue | shout }}", "line 1, column 15: No filter named 'shout'"),
        (
            "{{ dialogue }}\n{%- if a b %}",
            "line 2, column 10: expected token 'end of statement block', got 'b'",
        ),
        ("ok {# a #}\n {{ dialogue ? }}", "line 2, column 14: unexpected char '?' at 24"),
        ("{{ dialogue }} {{ )", "line 1, column 19: unexpected ')'"),
        ("\n\n{{ 1 + dialogue }}", "line 3: unsupported operand type(s) for +: 'int' and 'str'"),
        ("{{ 1 / 0 }}", "line 1: division by zero"),
        ("{{ dialogue | truncate(1) }}", "line 1: expected length >= 3, got 1"),
        ("{{ turns[0].name }}", "line 1: 'dict object' has no attribute 'name'"),
    ],
)
def test_a_fault_is_told_with_its_line(source: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        prompt_of(source)
    assert caught.value.what == f"variant 'plain', prompt, {told}"


@pytest.mark.parametrize("completion", ["{{ summary }}", " {{ summary }}\n"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_an_empty_completion_is_refused(completion: str, value: str | None) -> None:
    with pytest.raises(BadInput, match="the completion is empty for this row"):
        render(variant("x", completion), {"summary": value})


def test_the_columns_of_a_variant_are_those_of_both_parts() -> None:
    source = "{{ a }}{% for t in turns %}{{ t.who }}{{ loop.index }}{% endfor %}{{ row['b c'] }}{{ row.d }}"
    found = columns(variant(source, "{% set n = 1 %}{{ summary ~ n }}{% for i in range(2) %}{% endfor %}"))
    assert found == {"a", "turns", "b c", "d", "summary"}


@pytest.mark.parametrize(
    "source",
    [
        "{% for row in turns %}{{ row.who }} {% endfor %}",
        "{{ row.get('summary') }}",
        "{{ row.items() | list }}",
        "{{ row['dialogue'] }}{{ row.summary }}",
    ],
)
def test_a_row_is_a_columns_name_only_where_it_is_the_datasets(source: str) -> None:
    check(Template("t", "task", (variant(source),)), list(ROW))
    assert prompt_of(source)


def test_a_check_tells_every_problem_of_every_variant_at_once() -> None:
    template = Template(
        "t",
        "task",
        (
            Variant("one", "{{ dialog }} {{ summary", "{{ sumary }}"),
            Variant("two", "{{ dialog }}", " "),
        ),
    )
    with pytest.raises(BadInput) as caught:
        check(template, ["dialogue", "summary"])
    told = caught.value.what
    assert "variant 'one', prompt, line 1, column 24: unexpected end of template" in told
    assert "variant 'one', completion: the column 'sumary' is not there (did you mean 'summary'?)" in told
    assert "variant 'two', prompt: the column 'dialog' is not there (did you mean 'dialogue'?)" in told
    assert "variant 'two', completion is empty" in told
    assert caught.value.remedy == "the dataset has the columns dialogue, summary"


def test_a_column_that_many_variants_read_and_that_is_not_there_is_told_once() -> None:
    """With the first place, for the editor to point at, and how many others there are."""
    variants = tuple(
        Variant(f"v{number}", "{{ dialog }}", "{{ dialog }} {{ sumary }}") for number in range(3)
    )
    with pytest.raises(BadInput) as caught:
        check(Template("t", "task", variants), ["dialogue", "summary"])
    assert caught.value.what == (
        "template 't': variant 'v0', prompt and 5 more places: the column 'dialog' is not there (did you "
        "mean 'dialogue'?); variant 'v0', completion and 2 more places: the column 'sumary' is not there "
        "(did you mean 'summary'?)"
    )


def test_a_check_passes_columns_that_a_template_can_do_without() -> None:
    source = "{{ note | default('none') }}{% if hint is defined %}{{ hint }}{% endif %}{{ dialogue }}"
    template = Template("t", "task", (variant(source),))
    check(template, ["dialogue", "summary"])
    assert prompt_of(source) == "noneAnn: hi\nBob: ho"


def test_a_system_text_is_rendered_over_the_row_and_checked_like_the_rest() -> None:
    template = Template("t", "task", (variant("x"),), system="Summarise for {{ reader }}.")
    example = Composer(template).example(0, {**ROW, "reader": "a child"})
    assert (example.system, example.prompt) == ("Summarise for a child.", "x")
    with pytest.raises(BadInput, match="the system text: the column 'reader' is not there"):
        check(template, ["summary"])


SENTIMENT = Template(
    "s", "sentiment", (Variant("v", "{{ text }}", "{{ choices[label] }}"),), choices=("bad", "good")
)


def test_a_completion_is_one_of_the_answer_choices() -> None:
    check(SENTIMENT, ["text", "label"])
    assert Composer(SENTIMENT).example(0, {"text": "Fine.", "label": 1}).completion == "good"
    with pytest.raises(BadInput, match=r"tuple index out of range|no element 7"):
        Composer(SENTIMENT).example(0, {"text": "Fine.", "label": 7})
    other = replace(SENTIMENT, variants=(Variant("v", "{{ text }}", "{{ label }}"),))
    with pytest.raises(BadInput) as caught:
        Composer(other).example(0, {"text": "Fine.", "label": "great"})
    assert "the completion 'great' is none of the choices" in caught.value.what
    assert "bad, good" in caught.value.remedy


def test_choices_can_stand_in_a_column() -> None:
    template = replace(SENTIMENT, choices="options")
    row = {"text": "2 + 2?", "options": ["3", "4"], "label": 1}
    check(template, list(row))
    assert Composer(template).example(0, row).completion == "4"
    with pytest.raises(BadInput, match="choices: the column 'options' is not there"):
        check(template, ["text", "label"])
    with pytest.raises(BadInput, match="the column 'options' lists no choices in this row"):
        Composer(template).example(0, {**row, "options": None})


FEW_SHOT = Template("f", "task", (Variant("v", "Q: {{ q }}\nA:", " {{ a }}", shots=2),))
POOL = [{"q": f"q{number}", "a": f"a{number}"} for number in range(9)]


def test_few_shot_variants_show_other_rows_solved_and_never_the_row_itself() -> None:
    for index, row in enumerate(POOL * 20):
        example = Composer(FEW_SHOT, 1, POOL).example(index, row)
        first, second, own = example.prompt.split("\n\n")
        assert own == f"Q: {row['q']}\nA:"
        assert first != second
        for shot in (first, second):
            assert shot in [f"Q: {each['q']}\nA:\n {each['a']}" for each in POOL if each != row]
        assert example == Composer(FEW_SHOT, 1, POOL).example(index, row)
    with pytest.raises(BadInput, match="shows 2 other rows as examples, and there are 1"):
        Composer(FEW_SHOT, 1, POOL[:2]).example(0, POOL[0])


@pytest.mark.parametrize(
    "value",
    [
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Ho"},
            {"role": "user", "content": "Bye"},
        ],
        [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Hi"},
            {"from": "gpt", "value": "Ho"},
        ],
        [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "model", "content": "Ho"},
        ],
    ],
)
def test_a_conversation_ends_with_its_last_answer(value: object) -> None:
    template = Template("c", "chat", (Variant("v", messages="messages"),), loss="last")
    check(template, ["messages"])
    example = Composer(template).example(0, {"messages": value})
    assert example.turns == (Turn("system", "Be brief."), Turn("user", "Hi"), Turn("assistant", "Ho"))
    assert (example.prompt, example.completion) == ("System: Be brief.\n\nUser: Hi", "Ho")
    assert example.loss == "last"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("Hi", "holds no list of turns"),
        ([], "the assistant has no last answer"),
        ([{"role": "user", "content": "Hi"}], "the assistant has no last answer"),
        ([{"role": "tool", "content": "Hi"}], "turn 1 has the role 'tool'"),
        ([{"role": "user", "content": {"image": 1}}], "turn 1 is not text"),
        (["Hi"], "turn 1 is no object"),
    ],
)
def test_what_is_no_conversation_is_told(value: object, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        render(Variant("v", messages="m"), {"m": value})


def test_a_separator_stands_where_the_prompt_has_no_white_space_at_its_end() -> None:
    assert render(variant("a:"), ROW).separator == "\n"
    assert render(variant("a: "), ROW).separator == ""
    assert render(variant("a:"), ROW, separator=" => ").separator == " => "


def test_variants_are_spread_evenly_and_the_same_seed_spreads_them_the_same() -> None:
    template = Template("t", "task", tuple(Variant(str(n), "", "x") for n in range(5)))
    chosen = [choose(template, index, 7).name for index in range(1000)]
    assert set(Counter(chosen).values()) == {200}
    assert chosen == [choose(template, index, 7).name for index in range(1000)]
    assert chosen != [choose(template, index, 8).name for index in range(1000)]
    blocks = [tuple(chosen[start : start + 5]) for start in range(0, 1000, 5)]
    assert all(len(set(block)) == 5 for block in blocks)
    assert len(set(blocks)) == 5, "a row's place in its block does not settle its variant"


@pytest.mark.parametrize(
    "value", ["a text", "", None, 7, 1.5, True, ["a", None], {"b": 1}, "x\r\ny", "{{ a }}"]
)
def test_a_source_of_texts_and_names_alone_is_written_as_jinja2_writes_it(value: Any) -> None:
    """It is not run by Jinja2 at all, and no one shall see a difference."""
    for source in (
        "{{ a }}",
        "One: {{ a }}\r\n{{- a -}}  {# no #} two {{ row }}{{ b }}\n",
        "{% raw %}{{{% endraw %} x",
    ):
        values = {"a": value, "b": "b", "row": {"a": value}}
        read = program.read("here", source)
        assert read.plain is not None
        with budget():
            assert program.run("here", source, values, values) == output(read.compiled.generate(values))
    assert program.read("here", "{{ a | upper }}").plain is None
    assert program.read("here", "{% if a %}a{% endif %}").plain is None


def test_what_is_worked_on_is_the_columns_without_instruction_where_that_is_known() -> None:
    row = {**ROW, "question": "Who greets?", "number": 3}
    assert source_of(variant("Read this: {{ dialogue }}\nSummary:"), row) == ROW["dialogue"]
    assert source_of(variant("{{ question }} {{ dialogue }} {{ question }}"), row) == (
        f"Who greets?\n{ROW['dialogue']}"
    )
    offered = variant("{{ dialogue }} Choose from {{ choices }}.")
    assert source_of(offered, row, ("They greet.", "They leave the room.")) == ROW["dialogue"]


@pytest.mark.parametrize(
    "prompt", ["Short: {{ dialogue | trim }}", "{% for t in turns %}{{ t.who }} {% endfor %}", "Say a word."]
)
def test_where_instruction_and_material_cannot_be_told_apart_the_prompt_is_worked_on(prompt: str) -> None:
    assert source_of(variant(prompt), ROW) == prompt_of(prompt)


def test_examples_and_the_system_text_are_not_worked_on() -> None:
    template = Template(
        "t",
        "t",
        (Variant("few", "Text: {{ dialogue | upper }}", "{{ summary }}", shots=1),),
        system="Be brief.",
    )
    other = {"dialogue": "an example", "summary": "its answer"}
    composer = Composer(template, 0, [other])
    assert "its answer" in composer.example(3, ROW).prompt
    assert composer.source(3, ROW) == "Text: ANN: HI\nBOB: HO"


def test_in_a_conversation_all_that_was_said_before_the_answer_is_worked_on() -> None:
    roles = ("system", "user", "assistant", "user", "assistant")
    turns = [{"role": role, "content": f"{role} {at}"} for at, role in enumerate(roles)]
    assert source_of(Variant("talk", messages="talk"), {"talk": turns}) == "user 1\nassistant 2\nuser 3"
