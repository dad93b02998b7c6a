"""Nothing from outside steers the terminal or is read as markup."""

from __future__ import annotations

import socket
import string
from pathlib import Path

import pytest
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.color import Color

from workbench.tui.clean import (
    LIMIT,
    AsciiFilter,
    ControlFilter,
    LinkFilter,
    clean,
    link_to,
    safe,
    visible,
)
from workbench.tui.present.cells import facts, outside, place

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


def test_only_links_below_a_place_of_ours_pass() -> None:
    ours = link_to(Path("/store")) + "/"
    assert ours == f"file://{socket.gethostname()}/store/"
    links = {
        link_to(Path("/store/models/tiny")): True,
        link_to(Path("/store/models/with spaces\x1b]8;;evil\n\u00e9")): True,  # percent-encoded
        ours + "\x1b\\evil": False,
        ours + "a b": False,
        link_to(Path("/elsewhere")): False,
        "https://example.org/": False,
        "javascript:alert(1)": False,
    }
    for link, passes in links.items():
        for beginning in (ours, ""):
            style = Style(bold=True, link=link)
            (segment,) = LinkFilter(beginning).apply([Segment("text", style)], BLACK)
            assert segment.style is not None
            assert (segment.style.link == link) is (passes and beginning == ours), link
            assert segment.style.bold
    assert all(character in string.printable for character in link_to(Path("/\x1b\u00e9\n")))


@pytest.mark.parametrize(
    "hostile",
    [
        "[link=https://evil.example]x[/link]",
        "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
        "[@click=app.quit]x[/]",
    ],
)
def test_no_text_of_data_can_make_a_link(hostile: str) -> None:
    folder = Path("/store/models/x")
    for made in (safe(hostile), outside(hostile), facts([("label", hostile)]), place(folder)):
        found = {getattr(span.style, "link", None) for span in made.spans}
        assert found <= {None, link_to(folder)}
        assert "\x1b" not in made.plain
