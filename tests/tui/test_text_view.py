"""Long texts are wrapped, scrolled and searched."""

from __future__ import annotations

import random
import time
from typing import Any

from rich.cells import cell_len

from workbench.tui.widgets.text_view import Section, TextView, fold

WORDS = [
    "the",
    "a",
    "train",
    "東京",
    "größe",
    "émile",
    "loss",
    "gradient",
    "unbelievably-long-compound-words",
]


def text_of(count: int, seed: int = 0) -> str:
    chooser = random.Random(seed)
    return "".join(chooser.choice(WORDS) + chooser.choice(" \n   ") for _ in range(count))


def test_folded_lines_fit_and_together_are_the_text() -> None:
    for seed in range(20):
        for width in (1, 2, 7, 20, 80):
            text = text_of(60, seed)
            lines = [text[start:end] for start, end in fold(text, width)]
            assert all(cell_len(line) <= max(width, 2) for line in lines)
            assert "".join("".join(lines).split()) == "".join(text.split())


def test_lines_break_at_spaces_and_line_feeds() -> None:
    text = "one two three\nfour\n\nfive-six-seven"
    assert [text[start:end] for start, end in fold(text, 8)] == [
        "one two",
        "three",
        "four",
        "",
        "five-six",
        "-seven",
    ]
    assert fold("", 10) == [(0, 0)]


def test_the_longest_row_that_is_shown_is_folded_at_once() -> None:
    text = text_of(60_000)
    begun = time.perf_counter()
    fold(text, 100)
    assert time.perf_counter() - begun < 2


async def test_a_text_is_scrolled_to_its_end_and_its_sections_are_gone_through(host: Any) -> None:
    view = TextView()
    app = host(view)
    async with app.run_test(size=(40, 10)) as pilot:
        view.show([Section("dialogue", text_of(200), "note"), Section("summary", "the last words")])
        assert "dialogue  note" in app.drawn()[0]
        await pilot.press("G")
        assert "the last words" in "\n".join(app.drawn())
        assert view.section in (0, 1)
        await pilot.press("g", "l")
        assert view.section == 1
        assert "the last words" in "\n".join(app.drawn())
        await pilot.press("h")
        assert "dialogue  note" in app.drawn()[0]


async def test_a_search_goes_from_match_to_match_in_any_case_and_over_line_ends(host: Any) -> None:
    view = TextView()
    app = host(view)
    async with app.run_test(size=(40, 10)) as pilot:
        filler = "some words that fill the lines of this text\n" * 40
        view.show([Section("a", filler + "First NEEDLE\n" + filler), Section("b", "second needle")])
        view.search("needle")
        await pilot.pause()
        assert "First NEEDLE" in "\n".join(app.drawn())
        assert view.match == "match 1 of 2"
        view.step_hit(1)
        assert "second needle" in "\n".join(app.drawn())
        assert view.section == 1
        view.step_hit(1)
        assert view.match == "match 1 of 2"
        view.search("nothing like it")
        assert view.match == "no match"
        view.search("words that fill the lines of this")  # longer than a line
        assert view.match.endswith("of 80")


async def test_a_resized_text_stays_at_its_place(host: Any) -> None:
    view = TextView()
    app = host(view)
    async with app.run_test(size=(80, 10)) as pilot:
        text = "\n".join(f"line {number} of this text with some more words after it" for number in range(300))
        view.show([Section("a", text)])
        await pilot.press(*["ctrl+d"] * 20)
        first = app.drawn()[0].split(" of")[0]
        await pilot.resize_terminal(30, 10)
        await pilot.pause(0.1)
        assert first in app.drawn()[0]
