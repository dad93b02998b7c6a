"""Nothing from outside steers the terminal or is read as markup."""

from __future__ import annotations

import pytest
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.color import Color

from workbench.tui.clean import LIMIT, AsciiFilter, ControlFilter, clean, safe, visible

BLACK = Color(0, 0, 0)


def test_text_becomes_content_that_is_never_markup() -> None:
    assert safe("[@click=app.quit]x[/]").plain == "[@click=app.quit]x[/]"
    assert safe("[bold]x").spans == []


def test_a_field_is_cut_to_the_limit() -> None:
    assert len(clean("x" * 10_000_000)) == LIMIT
    assert len(safe("x" * 10_000_000).plain) == LIMIT


def test_one_line_stays_one_line_and_blocks_keep_their_lines() -> None:
    assert clean("a\nb") == "a↵b"
    assert visible("a\nb") == "a\nb"


@pytest.mark.parametrize("control", ["\x1b]52;c;AAAA\x07", "\x9b6n", "\x00", "\x7f", "\ud800", "\u202e"])
def test_the_net_lets_no_control_through(control: str) -> None:
    (segment,) = ControlFilter().apply([Segment(f"a{control}b", Style(bold=True))], BLACK)
    assert segment.text.startswith("a")
    assert segment.text.endswith("b")
    assert len(segment.text) == len(control) + 2
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in segment.text)
    assert segment.style == Style(bold=True)


def test_the_net_leaves_the_terminals_own_controls_and_plain_text_alone() -> None:
    segments = [Segment("\x1b[2J", None, [(ControlType.CLEAR,)]), Segment("plain ●")]
    assert ControlFilter().apply(segments, BLACK) == segments


def test_ascii_keeps_the_width_and_other_languages() -> None:
    (segment,) = AsciiFilter().apply([Segment("╭─ é日 ●… ┤█")], BLACK)
    assert segment.text == "+- é日 *~ +#"
