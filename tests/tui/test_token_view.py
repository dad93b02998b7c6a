"""Tokens wrap without losing a character, and a cursor goes over them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from workbench.tui.widgets.token_flow import TOKEN_STYLES, ViewToken, flow
from workbench.tui.widgets.token_view import TokenView

TEXT = "the cat sat on the mat and a very long word antidisestablishmentarianism came by"
WORDS = TEXT.split()


def tokens(*texts: str) -> list[ViewToken]:
    return [ViewToken(text) for text in texts]


def text_of(lines: Any) -> str:
    return "".join(character for line in lines for piece in line for character, _ in piece.row)


@pytest.mark.parametrize("width", [1, 2, 7, 20, 200])
def test_no_character_is_lost_and_no_line_is_too_wide(width: int) -> None:
    lines = flow(tokens(*(f"{word} " for word in WORDS)), width)
    assert text_of(lines) == "".join(f"{word} " for word in WORDS)
    assert all(piece.x + len(piece.row) <= width for line in lines for piece in line)


def test_a_token_that_fits_on_a_line_is_not_broken() -> None:
    lines = flow(tokens("aaaa ", "bbbb ", "cccc "), 12)
    assert [[piece.token for piece in line] for line in lines] == [[0, 1], [2]]


def test_a_line_feed_is_seen_and_ends_the_line() -> None:
    lines = flow(tokens("one\n", "two\n\n", "three"), 20)
    assert [text_of([line]) for line in lines] == ["one↵", "two↵", "↵", "three"]


def test_any_text_is_laid_out() -> None:
    chance = random.Random(7)
    alphabet = "ab \n日\u0301\x1b[]\u202e🙂"
    for _ in range(200):
        made = tokens(*("".join(chance.choices(alphabet, k=chance.randint(0, 9))) for _ in range(12)))
        for width in (1, 2, 3, 11):
            for line in flow(made, width):
                assert all(piece.row for piece in line)


def test_a_mark_stands_before_the_token_where_there_is_no_colour() -> None:
    marked = [ViewToken("cat", "matched", "=")]
    assert text_of(flow(marked, 20, marks=True)) == "=cat"
    assert text_of(flow(marked, 20)) == "cat"


def test_the_classes_differ_without_colour() -> None:
    attributes = {name: style.split("$")[0] for name, style in TOKEN_STYLES.items()}
    assert attributes["matched"] != attributes["clipped"] != attributes["novel"] != attributes["matched"]
    assert len({attributes[name] for name in ("trained", "context", "cut off", "padding")}) == 4


def test_a_label_stands_after_its_token_and_before_the_line_ends() -> None:
    labelled = [ViewToken("cat", label="7"), ViewToken(" sat\n", label="12"), ViewToken("on", label="3")]
    assert [text_of([line]) for line in flow(labelled, 20, labels=True)] == ["cat7  sat↵12 ", "on3 "]
    assert [text_of([line]) for line in flow(labelled, 20)] == ["cat sat↵", "on"]


def test_every_other_token_has_a_background_that_shows_where_it_ends() -> None:
    [line] = flow(tokens("un", "believ", "able"), 20, edges=True)
    assert ["on $panel" in piece.row[0][1] for piece in line] == [False, True, False]


async def test_the_cursor_tells_which_token_it_is_on(host: Any) -> None:
    view = TokenView()
    view.set_tokens([ViewToken(f"{word} ", partners=(number,)) for number, word in enumerate(WORDS)])
    app = host(view)
    async with app.run_test(size=(20, 6)) as pilot:
        await pilot.press("l", "l", "h", "j")
        await pilot.pause()
        moves = [message.index for message in app.seen]
        assert moves[:4] == [0, 1, 2, 1]
        assert app.seen[-1].token is view.tokens[view.cursor]
        await pilot.press("G")
        assert view.cursor == len(WORDS) - 1
        assert "came by" in " ".join(" ".join(pilot.app.drawn()).split())
        await pilot.press("g")
        assert view.cursor == 0


async def test_up_and_down_go_to_the_token_above_and_below(host: Any) -> None:
    view = TokenView()
    view.set_tokens(tokens("aaaa ", "bbbb ", "cccc ", "dddd\n", "\n", "eeee "))
    async with host(view).run_test(size=(10, 6)) as pilot:
        await pilot.press("l", "j")
        assert view.cursor == 3
        await pilot.press("j")
        assert view.cursor in (4, 5)
        await pilot.press("g", "j")
        assert view.cursor == 2
        await pilot.press("k")
        assert view.cursor == 0


async def test_highlighted_partners_come_into_sight(host: Any) -> None:
    view = TokenView()
    view.set_tokens(tokens(*(f"word{number}\n" for number in range(50))))
    async with host(view).run_test(size=(20, 6)) as pilot:
        view.can_focus = False
        pilot.app.set_focus(None)
        await pilot.pause()
        view.highlight({40})
        await pilot.pause()
        assert "word40" in " ".join(pilot.app.drawn())


async def test_the_legend_names_the_classes_there_are(host: Any) -> None:
    view = TokenView(legend=True)
    view.set_tokens([ViewToken("cat ", "matched", "="), ViewToken("dog", "novel", "+"), ViewToken(".")])
    async with host(view).run_test(size=(40, 6)) as pilot:
        assert pilot.app.drawn()[-1].split() == ["matched", "novel"]
    view = TokenView(legend=True)
    view.set_tokens([ViewToken("cat ", "matched", "="), ViewToken("dog", "novel", "+")])
    async with host(view, ascii=True).run_test(size=(40, 6)) as pilot:
        assert pilot.app.drawn()[-1].split() == ["=matched", "+novel"]
        assert pilot.app.drawn()[0].split() == ["=cat", "+dog"]
