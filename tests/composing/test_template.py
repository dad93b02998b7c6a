"""Rendering, column checks and the choice among variants."""

from __future__ import annotations

from collections import Counter

import pytest

from store.errors import BadInput
from store.templates import Template, Variant
from workbench.composing.template import Example, check, choose, columns, render

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
        ("\n{{ dialogue", "line 2: unexpected end of template, expected 'end of print statement'"),
        ("{% foo %}", "line 1: Encountered unknown tag 'foo'"),
        ("{{ dialogue | shout }}", "line 1: No filter named 'shout'"),
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
    assert "variant 'one', prompt, line 1: unexpected end of template" in told
    assert "variant 'one', completion: the column 'sumary' is not there (did you mean 'summary'?)" in told
    assert "variant 'two', prompt: the column 'dialog' is not there (did you mean 'dialogue'?)" in told
    assert "variant 'two', completion is empty" in told
    assert caught.value.remedy == "the dataset has the columns dialogue, summary"


def test_a_check_passes_columns_that_a_template_can_do_without() -> None:
    source = "{{ note | default('none') }}{% if hint is defined %}{{ hint }}{% endif %}{{ dialogue }}"
    template = Template("t", "task", (variant(source),))
    check(template, ["dialogue", "summary"])
    assert prompt_of(source) == "noneAnn: hi\nBob: ho"


def test_a_check_tells_that_a_system_text_would_not_be_shown() -> None:
    template = Template("t", "task", (variant("x"),), system="Be brief.")
    with pytest.raises(
        BadInput, match="system text would not be shown: write it at the start of each prompt"
    ):
        check(template, ["summary"])


def test_variants_are_spread_evenly_and_the_same_seed_spreads_them_the_same() -> None:
    template = Template("t", "task", tuple(Variant(str(n), "", "x") for n in range(5)))
    chosen = [choose(template, index, 7).name for index in range(1000)]
    assert set(Counter(chosen).values()) == {200}
    assert chosen == [choose(template, index, 7).name for index in range(1000)]
    assert chosen != [choose(template, index, 8).name for index in range(1000)]
    blocks = [tuple(chosen[start : start + 5]) for start in range(0, 1000, 5)]
    assert all(len(set(block)) == 5 for block in blocks)
    assert len(set(blocks)) == 5, "a row's place in its block does not settle its variant"
