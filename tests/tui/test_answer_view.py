"""A text among its neighbours: wrapped, marked, with figures below and a cursor over its tokens."""

from __future__ import annotations

from typing import Any

from textual.content import Content

from workbench.tui.widgets.answer_view import AnswerView, Mark, Page

TEXT = "one two three four five six seven eight nine ten eleven twelve"


def tokens(text: str) -> tuple[tuple[int, int], ...]:
    places, at = [], 0
    for word in text.split(" "):
        start = max(at - 1, 0)
        places.append((start, at + len(word)))
        at += len(word) + 1
    return tuple(places)


def foot(*lines: str) -> tuple[tuple[Content, ...], ...]:
    return tuple((Content(f"a longer form of {line}"), Content(line)) for line in lines)


async def test_a_text_is_wrapped_over_its_foot_in_the_form_that_fits(host: Any, settle: Any) -> None:
    view = AnswerView()
    app = host(view)
    async with app.run_test(size=(16, 8)) as pilot:
        view.show(Page(TEXT, foot=foot("3 tok")))
        await settle(pilot)
        assert [line.rstrip() for line in app.drawn()] == [
            "one two three",
            "four five six",
            "seven eight nine",
            "ten eleven",
            "twelve",
            "",
            "",
            "3 tok",
        ]


async def test_the_foot_leaves_half_of_the_lines_to_the_text(host: Any, settle: Any) -> None:
    view = AnswerView()
    app = host(view)
    async with app.run_test(size=(16, 4)) as pilot:
        view.show(Page(TEXT, foot=foot("first", "second", "third")))
        await settle(pilot)
        assert [line.rstrip() for line in app.drawn()[2:]] == ["first", "second"]


async def test_a_text_without_tokens_asks_to_scroll_and_to_go_to_its_neighbour(
    host: Any, settle: Any
) -> None:
    view = AnswerView()
    app = host(view)
    async with app.run_test(size=(16, 3)) as pilot:
        view.focus()
        view.show(Page(TEXT))
        await pilot.press("j", "G", "l", "h")
        await settle(pilot)
        assert [getattr(each, "by", None) or each.step for each in app.seen] == [1, 10**9, 1, -1]
        view.top = 10**9
        assert (view.top, view.last_top) == (2, 2)


async def test_a_cursor_goes_over_tokens_and_asks_for_its_line(host: Any, settle: Any) -> None:
    view = AnswerView()
    app = host(view)
    async with app.run_test(size=(16, 2)) as pilot:
        view.focus()
        view.show(Page(TEXT, tokens=tokens(TEXT)))
        await pilot.press("l")
        assert view.cursor == 1
        await pilot.press("j")
        await settle(pilot)
        assert TEXT[slice(*view.page.tokens[view.cursor or 0])] == " five"
        assert app.seen == []
        await pilot.press("j")
        await settle(pilot)
        assert [each.top for each in app.seen] == [1]
        await pilot.press("G")
        assert view.cursor == 11
        await pilot.press("g")
        assert view.cursor == 0


async def test_only_the_words_that_came_are_written(host: Any, settle: Any) -> None:
    view = AnswerView()
    app = host(view)
    written: list[Any] = []
    async with app.run_test(size=(40, 10)) as pilot:
        view.show(Page("Ben brings", foot=foot("2 tok")))
        await settle(pilot)
        refresh = view.refresh
        view.refresh = lambda *regions, **how: written.extend(regions) or refresh(*regions, **how)
        view.show(Page("Ben brings apples", foot=foot("3 tok")))
        assert sum(region.area for region in written) <= len(" apples") + len("3")


async def test_marks_and_the_cursor_are_drawn_over_line_ends(host: Any, settle: Any) -> None:
    view = AnswerView()
    app = host(view)
    async with app.run_test(size=(8, 6)) as pilot:
        view.show(Page("aaaa bbbb cccc", (Mark(2, 12, "bold"),)))
        await settle(pilot)
        bold = [
            "".join(character for character, style in view._draw_line(start, end, 8) if style == "bold")
            for start, end in view._lines
        ]
        assert bold == ["aa", "bbbb", "cc"]
