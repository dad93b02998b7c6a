"""Signs and figures say what they stand for, in any terminal."""

from __future__ import annotations

import math
import typing

import pytest

from store.run_status import Status
from workbench.tui import glyphs
from workbench.tui.glyphs import ASCII, UNICODE, count_text, duration, number_text


def test_every_status_has_a_glyph_a_word_and_a_colour() -> None:
    for status in typing.get_args(Status):
        assert status in UNICODE.statuses
        assert status in ASCII.statuses
        assert status in glyphs.STATUS_STYLES
        assert glyphs.status_text(status).plain == f"{UNICODE.statuses[status]} {status}"
    assert len(set(UNICODE.statuses.values())) == len(UNICODE.statuses)
    assert len(set(ASCII.statuses.values())) == len(ASCII.statuses)


def test_the_ascii_set_is_ascii() -> None:
    signs = [*ASCII.statuses.values(), ASCII.bar, ASCII.bar_rest, ASCII.ellipsis, ASCII.mark, ASCII.left]
    assert all(sign.isascii() and len(sign) == 1 for sign in signs)


@pytest.mark.parametrize(("done", "filled"), [(0, 0), (5, 5), (10, 10), (20, 10), (-1, 0)])
def test_a_bar_is_always_as_wide_as_asked(done: int, filled: int) -> None:
    bar = glyphs.progress_bar(done, 10, 10).plain
    assert len(bar) == 10
    assert bar.count(UNICODE.bar) == filled
    assert len(glyphs.progress_bar(1, 0, 10).plain) == 10


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (192, "3m 12s"),
        (3840, "1h 04m"),
        (183_600, "2d 3h"),
        (None, "–"),
        (math.inf, "–"),
    ],
)
def test_durations_are_in_their_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(980, "980"), (999.6, "1k"), (12_345, "12.3k"), (1.35e6, "1.35M")]
)
def test_counts_take_at_most_five_characters(count: float, text: str) -> None:
    assert count_text(count) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"), (2.34567, "2.346"), (2e-5, "2.00e-05")],
)
def test_a_value_that_is_no_number_is_named(value: float, text: str) -> None:
    assert number_text(value) == text
