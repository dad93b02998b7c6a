"""A batch under each other: who is long, who is padding, where the decoder begins."""

from __future__ import annotations

from typing import Any

from workbench.tui.glyphs import ASCII, UNICODE
from workbench.tui.widgets.batch_view import BatchView, draw_line

LINES = ("cccctt", "cctttp", "ctpppp")


def text(row: Any) -> str:
    return "".join(character for character, _ in row)


def test_each_place_has_the_sign_of_what_it_holds() -> None:
    assert text(draw_line("cctp|tp", "7", 12, ASCII)) == "7 --#.|#.   "
    assert text(draw_line("cctp", "7", 6, UNICODE)) == "7 ▂▂▄·"


def test_a_long_row_is_drawn_to_scale() -> None:
    drawn = text(draw_line("c" * 400 + "t" * 200 + "p" * 200, "12", 23, ASCII))
    assert drawn == "12 " + "-" * 10 + "#" * 5 + "." * 5


def test_the_bar_between_encoder_and_decoder_is_never_lost() -> None:
    assert "|" in text(draw_line("c" * 500 + "|" + "t" * 100, "0", 30, ASCII))


async def test_a_batch_says_how_much_of_it_is_padding(host: Any) -> None:
    view = BatchView(classes="pane")
    app = host(view)
    async with app.run_test(size=(40, 10)) as pilot:
        view.show(LINES, 41)
        await pilot.pause()
        drawn = app.drawn()
        assert "batch of 3 rows, 28% padding" in drawn[0]
        assert [line[2:4] for line in drawn[1:4]] == ["41", "42", "43"]
