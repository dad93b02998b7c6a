"""Lines of cells keep their width whatever is written into them."""

from __future__ import annotations

from textual.content import Content

from workbench.tui.widgets.surface import blank, cells, changed_spans, fit, put, put_cells, restyle


def text(row: list[tuple[str, str]]) -> str:
    return "".join(character for character, _ in row)


def test_a_wide_character_takes_two_cells_and_is_never_cut_in_half() -> None:
    row = blank(5)
    assert put(row, 0, "日本語") == 4
    assert len(row) == 5
    assert text(row) == "日本 "
    assert text(fit(cells("日本語"), 4)) == "日 …"
    assert len(fit(cells("日本語"), 4)) == 4


def test_a_combining_mark_joins_its_letter() -> None:
    row = blank(3)
    put(row, 0, "e\u0301x")
    assert [character for character, _ in row] == ["e\u0301", "x", " "]


def test_writing_past_the_end_is_cut() -> None:
    row = blank(3)
    assert put(row, 1, "abcdef") == 3
    assert put(row, 9, "x") == 9
    put_cells(row, 2, cells("long"))
    assert text(row) == " al"
    assert len(row) == 3


def test_a_plain_string_is_cleaned_and_content_keeps_its_styles() -> None:
    assert text(cells("a\x1b[31mb")) == "a␛[31mb"
    assert cells(Content.assemble("a", ("b", "$success"))) == [("a", ""), ("b", "$success")]


def test_fitting_pads_on_the_side_away_from_the_alignment() -> None:
    assert text(fit(cells("12"), 4, align="right")) == "  12"
    assert text(fit(cells("12"), 4)) == "12  "
    assert text(fit(cells("12345"), 4, ellipsis="~")) == "123~"


def test_only_the_span_that_differs_is_found() -> None:
    old, new = blank(10), blank(10)
    put(new, 3, "xy")
    assert changed_spans(old, old) == []
    assert changed_spans(old, new) == [(3, 5)]


def test_a_span_never_begins_or_ends_inside_a_wide_character() -> None:
    old, new = blank(6), blank(6)
    put(old, 2, "日")
    put(new, 3, "x")
    assert changed_spans(old, new) == [(2, 4)]
    assert changed_spans(new, old) == [(2, 4)]


def test_a_background_comes_last_in_a_style() -> None:
    assert restyle([("a", "bold $success")], "on $panel") == [("a", "bold $success on $panel")]


def test_parts_far_from_each_other_are_found_apart_and_close_ones_as_one() -> None:
    old, new = blank(60), blank(60)
    for place in (3, 8, 40):
        put(new, place, "x")
    assert changed_spans(old, new) == [(3, 9), (40, 41)]
