"""A fault told in words is found in the template's text, to the line and column."""

from __future__ import annotations

import pytest

from store.errors import BadInput
from store.templates import parse_template
from workbench.composing import template as composing
from workbench.tui.present.faults import Place, place

TEXT = '''name = "talk"
task = "dialogue"
system = "You are {{ role }}"

[[variants]]
name = "one"
prompt = """
Dialogue:
{{ dialogue }}
"""
completion = "{{ summary }}"

[[variants]]
name = "it's two"
prompt = """{{ dialogue }}
In short: """
completion = '{{ summary }}'
'''
COLUMNS = ("dialogue", "summary", "role")


def fault(text: str) -> str:
    """What is said of a template that is wrong."""
    with pytest.raises(BadInput) as caught:
        composing.check(parse_template(text, "the template"), COLUMNS)
    return caught.value.what


def pointed(text: str) -> str:
    """The text from the place of its fault to the end of the line."""
    found = place(fault(text), text)
    assert found is not None
    return text.split("\n")[found.line - 1][found.column - 1 :]


def test_a_good_template_has_no_fault() -> None:
    composing.check(parse_template(TEXT, "the template"), COLUMNS)


def test_toml_tells_line_and_column_itself() -> None:
    text = TEXT.replace('task = "dialogue"', "task = ?")
    assert place(fault(text), text) == Place(2, 8)


def test_a_text_that_ends_too_soon_is_marked_at_its_end() -> None:
    text = TEXT.rstrip()[:-1]
    found = place('the template: Expected "\'" (at end of document)', text)
    assert found == Place(len(text.split("\n")), len(text.split("\n")[-1]) + 1)


def test_a_fault_in_a_prompt_of_several_lines_is_found() -> None:
    text = TEXT.replace("Dialogue:\n{{ dialogue }}", "Dialogue:\n{{ dialogue }")
    assert place(fault(text), text) == Place(9, 13)


def test_a_fault_beside_the_opening_quotes_is_found() -> None:
    text = TEXT.replace('"""{{ dialogue }}', '"""{% dialogue }}')
    assert pointed(text).startswith("dialogue }}")


def test_a_fault_in_a_value_of_one_line_is_found() -> None:
    text = TEXT.replace('"{{ summary }}"', '"{{ summary | nosuch }}"')
    assert pointed(text).startswith("nosuch")


def test_a_column_that_is_not_there_is_found_by_its_name() -> None:
    text = TEXT.replace('"""{{ dialogue }}\nIn short', '"""{{ dialogue }} {{ dialog }}\nIn short')
    assert pointed(text).startswith("dialog }}")


def test_the_system_text_is_found() -> None:
    text = TEXT.replace("{{ role }}", "{{ rule }}")
    assert pointed(text).startswith("rule }}")


def test_an_unknown_key_is_found() -> None:
    text = TEXT.replace("completion = '", "completon = '")
    found = place(fault(text), text)
    assert found is not None
    assert text.split("\n")[found.line - 1].startswith("completon")


def test_what_has_no_place_gets_none() -> None:
    assert place("'variants' is missing", TEXT) is None
    assert place("variant 'nobody', prompt, line 2: odd", TEXT) is None
