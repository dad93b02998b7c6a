"""What is shown of rows: one line each in a list, everything when one is opened."""

from __future__ import annotations

import re

from workbench.tui.present import rows

COLUMNS = ("dialogue", "summary")


def texts(line: rows.Line) -> list[str]:
    return [cell.text for cell in line.cells]


def test_a_line_has_its_number_and_each_value_on_one_line() -> None:
    line = rows.line(40, {"dialogue": "a\nb\x1b[2J", "summary": None, "other": 1}, COLUMNS)
    assert line.number == 40
    assert texts(line) == ["a↵b␛[2J", "null"]
    assert texts(rows.line(41, {"dialogue": {"x": [1]}, "summary": ""}, COLUMNS)) == ['{"x": [1]}', "empty"]
    assert texts(rows.line(42, {"dialogue": True, "summary": 0.123456789}, COLUMNS)) == ["true", "0.123457"]


def test_the_kinds_of_values_are_told_apart() -> None:
    values = ["text", 1, 1.5, True, None, "", [], {}]
    kinds = [rows.cell(value).kind for value in values]
    assert kinds == ["text", "number", "number", "other", "null", "null", "other", "other"]


def test_a_huge_value_is_cut_in_a_line_and_shows_what_was_looked_for() -> None:
    huge = "x" * 5_000_000 + " Needle " + "y" * 5_000_000
    assert len(rows.cell(huge).text) <= rows.CELL_LIMIT
    assert "Needle" not in rows.cell(huge).text
    found = rows.cell(huge, re.compile("needle", re.IGNORECASE))
    assert len(found.text) <= rows.CELL_LIMIT
    assert "Needle" in found.text
    assert found.text.startswith("…")


def test_a_row_in_full_keeps_line_feeds_and_says_what_each_value_is() -> None:
    row = {
        "text": "a\nb",
        "none": None,
        "blank": "",
        "number": 0.1234567891,
        "list": [1, 2],
        "object": {"key": "v" * 100},
    }
    shown = rows.sections(row, [*row])
    assert [section.title for section in shown] == [*row]
    assert [section.note for section in shown] == [
        "3 characters",
        "null",
        "empty",
        "number",
        "list of 2",
        "object of 1",
    ]
    assert shown[0].text == "a\nb"
    assert shown[3].text == "0.1234567891"
    assert shown[4].text == "[1, 2]"
    assert shown[5].text.startswith('{\n  "key"')


def test_a_conversation_is_shown_as_people_read_one() -> None:
    openai = [{"role": "user", "content": "Hi\nthere"}, {"role": "assistant", "content": "Hello"}]
    sharegpt = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
    assert rows.turns(openai) == "user:\nHi\nthere\n\nassistant:\nHello"
    assert rows.turns(sharegpt) == "human:\nHi\n\ngpt:\nHello"
    for other in ([], [1], [{"role": "user"}], [{"role": "user", "content": 1}], "text", None):
        assert rows.turns(other) == ""


def test_a_huge_row_is_shown_in_part_and_says_so() -> None:
    [section] = rows.sections({"text": "x" * 10_000_000}, ["text"])
    assert len(section.text) == rows.ROW_LIMIT
    assert section.note == "the first 400,000 of 10,000,000 characters; copying takes all"
    wide = {f"c{at}": "y" * 100_000 for at in range(1000)}
    assert sum(len(section.text) for section in rows.sections(wide, [*wide])) < 1_000_000


def test_where_one_stands_is_told() -> None:
    assert rows.place("talk", "train", 1204, 5_000_000) == "talk · train · row 1,204 of 5,000,000"
    assert rows.place("talk", "train", 0, 0) == "talk · train · no rows"
    found = rows.hit_place("talk", "train", "word", 2, 57, 1204)
    assert found == "talk · train · /word · hit 3 of 57, row 1,204"
    assert rows.hit_place("talk", "train", "word", None, 0, None) == "talk · train · /word"


def test_how_far_a_search_is_is_told() -> None:
    assert rows.search_state(57, 1_200_000, 5_000_000, searching=True) == "searching 24%: 57 rows so far"
    assert rows.search_state(1, 25, 100, searching=False) == "1 row in the first 25%; going on finds more"
    assert rows.search_state(57, 100, 100, searching=False) == "57 of 100 rows"
