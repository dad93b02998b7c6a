"""Bars stand for what there is: nothing is lost, the limit is seen, what lies beyond it looks different."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.tui.glyphs import ASCII, UNICODE
from workbench.tui.widgets.histogram import BAR_STYLE, BEYOND_STYLE, columns, histogram

BARS = [(9, 4), (19, 16), (29, 8), (39, 1)]


def text(rows: Any) -> list[str]:
    return ["".join(character for character, _ in row) for row in rows]


@pytest.mark.parametrize("count", [1, 3, 4, 7, 40, 200])
def test_all_that_is_counted_is_drawn_somewhere(count: int) -> None:
    assert sum(columns(BARS, 0, 39, count)) == pytest.approx(29)


def test_a_column_for_each_bar_has_its_count() -> None:
    assert columns(BARS, 0, 39, 4) == pytest.approx([4, 16, 8, 1])


def test_the_highest_bar_fills_the_height_and_the_least_is_still_seen() -> None:
    drawn = text(histogram([(0, 1), (1, 10_000)], 0, 2, 2, UNICODE))
    assert drawn == [" █", "▁█"]


def test_the_axis_tells_both_ends() -> None:
    assert text(histogram(BARS, 0, 40, 5, UNICODE))[-1].split() == ["0", "39"]


def test_what_is_beyond_the_limit_looks_different() -> None:
    rows = histogram(BARS, 0, 40, 5, UNICODE, limit=19)
    assert {style for character, style in rows[3][:20] if character != " "} == {BAR_STYLE}
    assert {style for character, style in rows[3][21:] if character != " "} == {BEYOND_STYLE}
    assert "cut at 19" in text(rows)[-1]
    assert any("┊" in line for line in text(rows))


def test_a_limit_far_away_is_not_on_the_axis() -> None:
    assert "cut" not in text(histogram(BARS, 0, 40, 5, UNICODE, limit=1024))[-1]


def test_in_ascii_no_other_sign_is_used() -> None:
    assert all(line.isascii() for line in text(histogram(BARS, 0, 40, 6, ASCII, limit=30)))


@pytest.mark.parametrize(("width", "height"), [(0, 3), (1, 1), (3, 2), (5, 9)])
def test_any_space_is_filled_exactly(width: int, height: int) -> None:
    for bars in (BARS, []):
        rows = histogram(bars, 0, width, height, UNICODE, limit=30)
        assert [len(row) for row in rows] == [width] * height
