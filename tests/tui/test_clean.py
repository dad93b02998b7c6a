"""Nothing from outside steers the terminal or is read as markup."""

from __future__ import annotations

import socket
import string
from pathlib import Path
from typing import cast

import pytest
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content

from store import Store
from workbench.tui.app import WorkbenchApp
from workbench.tui.clean import (
    LIMIT,
    AsciiFilter,
    ControlFilter,
    Filters,
    LinkFilter,
    clean,
    link_to,
    origin,
    page,
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


def test_filters_that_are_one_do_as_one_after_the_other() -> None:
    """The order counts: the sign that the net puts in place of a control is drawn in ASCII too."""
    segments = [Segment("a\x1b●")]
    (net,) = ControlFilter().apply(segments, BLACK)
    both = Filters([ControlFilter(), AsciiFilter()]).apply(segments, BLACK)
    assert both == AsciiFilter().apply([net], BLACK)
    assert not net.text.isascii() and both[0].text.isascii()


async def test_a_line_that_was_filtered_is_kept_until_the_theme_changes(store: Store) -> None:
    """The app hands the same filter to every line; with the terminal's own colours it is another."""
    async with WorkbenchApp(store.root).run_test() as pilot:
        app = cast("WorkbenchApp", pilot.app)
        (before,) = app.get_line_filters()
        assert app.get_line_filters() == [before]
        app.action_theme("terminal")
        await pilot.pause()
        (after,) = app.get_line_filters()
        assert after is not before


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
        link_to(Path("/a/text")).replace("file://", "file://elsewhere."): False,
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


def leads(made: Content) -> set[str]:
    """Where the links of a content lead."""
    links = (getattr(span.style, "link", None) for span in made.spans)
    return {link for link in links if link}


@pytest.mark.parametrize(
    "address",
    [
        "https://models.example.org/google/flan-t5-small",
        "https://example.org",
        "https://example.org:8443/a/b.json?x=1&y=%20z#part",
    ],
)
def test_the_address_of_a_page_is_a_link_to_itself(address: str) -> None:
    """In the lineage of an adapter, and as the source of a model or dataset."""
    assert page(address).plain == origin(address).plain == address
    assert leads(page(address)) == leads(origin(address)) == {address}
    style = Style(link=address)
    for part in (address, f"{address[:12]}  ", address[12:]):
        (segment,) = LinkFilter(link_to(Path("/store")) + "/").apply([Segment(part, style)], BLACK)
        assert segment.style is not None
        assert segment.style.link == address


@pytest.mark.parametrize(
    "hostile",
    [
        "http://example.org/",
        "HTTPS://example.org/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://bank.example@evil.example/",
        "https://user:password@evil.example/",
        "https://bank.example\\@evil.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://b\u0430nk.example/",
        "https://example.org/\x1b]8;;https://evil.example\x1b\\",
        "https://example.org/%1b]8",
        "https://example.org/%00",
        "https://example.org/%0d%0aevil",
        "https://example.org/a b",
        'https://example.org/"x',
        "https://example.org/\u202egpj.exe",
        "https://example.org/" + "a" * 400,
        " https://example.org/",
        "see https://example.org/",
        "https://",
        "https://localhost/",
    ],
)
def test_a_hostile_address_stays_plain_text(hostile: str) -> None:
    """Other schemes, names before the host, other alphabets, control bytes, also those in other clothes."""
    assert leads(page(hostile)) == leads(origin(hostile)) == set()
    (segment,) = LinkFilter(link_to(Path("/store")) + "/").apply(
        [Segment("example.org", Style(link=hostile))], BLACK
    )
    assert segment.style is not None
    assert segment.style.link is None


def test_a_link_never_leads_elsewhere_than_it_says() -> None:
    """The last net: whatever made it."""
    for text in ("https://bank.example/", "", "   "):
        (segment,) = LinkFilter(link_to(Path("/store")) + "/").apply(
            [Segment(text, Style(link="https://evil.example/"))], BLACK
        )
        assert segment.style is not None
        assert segment.style.link is None, text


def test_a_path_that_a_record_came_from_is_a_link_to_it() -> None:
    """From the root, without detours; in the lineage of an adapter, which others wrote, it is none."""
    assert leads(origin("/data/talk.jsonl")) == {link_to(Path("/data/talk.jsonl"))}
    assert leads(page("/data/talk.jsonl")) == set()
    for plain in ("data/talk.jsonl", "/data/../etc/passwd", "//host/share", "/a\x1b[2J", "google/flan", ""):
        assert leads(origin(plain)) == set(), plain


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
