"""How scores are spread, in text."""

from __future__ import annotations

from store.row_scores import Spread
from workbench.evaluation.row_scores import WORDS_OF_ROWS, by_frequency
from workbench.tui.glyphs import ASCII
from workbench.tui.present import overview

PAIRS = [("the cat", ("the cat sat",)), ("the dog", ("the bird sat",))]


def test_rare_and_common_words_are_recalled_apart() -> None:
    found = by_frequency(PAIRS)
    assert [(each.least, each.words, each.recalled) for each in found] == [(1, 2, 1), (2, 4, 2)]


def test_means_by_length_are_of_all_rows_in_the_range() -> None:
    spread = Spread(4, (), ((3, 1, 1.0), (4, 1, 0.5), (12, 2, 0.5)))
    assert overview.by_length(spread) == [("0-4", 2, 0.75), ("10-19", 2, 0.25)]


def test_an_overview_has_a_bar_per_part_and_works_in_ascii() -> None:
    spread = Spread(4, (3, *[0] * 8, 1), ((3, 4, 1.5),))
    told = overview.overview(
        [overview.SystemSpread("mine", spread, by_frequency(PAIRS))], "rouge1", ASCII
    ).plain
    assert told.isascii()
    assert "ROUGE-1 of 4 rows" in told
    assert f"0.0-0.1 {'#' * 24} 3" in told
    assert f"0.9-1.0 {'#' * 8} " in told
    assert "0.375 of 4 rows" in told
    assert "0.500 of 4 words" in told


def test_words_that_are_not_counted_yet_keep_nothing_else_back() -> None:
    many = Spread(2 * WORDS_OF_ROWS, (3, *[0] * 8, 1), ((3, 4, 1.5),))
    told = overview.overview([overview.SystemSpread("mine", many)], "rouge1").plain
    assert "ROUGE-1 of 20,000 rows" in told
    assert told.rstrip().endswith("first 10,000 rows\n          being counted")
