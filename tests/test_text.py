"""Text from outside: nothing in it steers or deceives a terminal, and nothing readable is lost."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.text import CUT_MARK, clean, visible

STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x9b31m", "<U+009B>31m"),
        ("safe\u202egnp.exe", "safe<U+202E>gnp.exe"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("\U000e0068\U000e0069", "<U+E0068><U+E0069>"),
        ("lone \udc80", "lone <U+DC80>"),
        ("two\nlines\r\nand a \r", "two↵lines↵and a ␍"),
        ("tab\tstop", "tab    stop"),
        ("del\x7f", "del␡"),
    ],
)
def test_steering_characters_become_visible(raw: str, shown: str) -> None:
    """Each is shown as what it is."""
    assert shown == clean(raw)


@pytest.mark.parametrize(
    "text", ["", "plain", "naïve 日本語 عربي ไทย", "❤️ 🎉", "[red]not markup[/red]", "e\u0301"]
)
def test_readable_text_stays_as_it_is(text: str) -> None:
    """Cleaning is no censoring."""
    assert text == clean(text)


def test_lines_stay_where_they_are_wanted() -> None:
    """A block of text keeps its line feeds and nothing else of that kind."""
    assert clean("a\nb\x1b\r\nc", keep_newlines=True) == "a\nb␛\nc"


def test_a_pile_of_marks_is_cut() -> None:
    """One letter cannot draw over the lines above it."""
    assert clean("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 4 + CUT_MARK + "b"


def test_a_long_text_is_cut_to_the_limit() -> None:
    """Ten megabytes in a cell cost no more than the limit, whatever the marks grow to."""
    assert len(clean("x" * 10_000_000, limit=50)) == 50
    assert len(clean("\x1b\x9b" * 100, limit=50)) == 50
    assert clean("x" * 50, limit=50) == "x" * 50


@given(st.text(st.characters(), max_size=200))
def test_no_steering_character_survives(text: str) -> None:
    """Of any text, only line feeds may remain, and only where they were asked for."""
    left = {
        each for each in clean(text, limit=5000, keep_newlines=True) if unicodedata.category(each) in STEERING
    }
    # These format characters are visible signs of Arabic, Syriac, Kaithi and Egyptian script.
    assert not {each for each in left - {"\n"} if not _is_a_visible_sign(each)}


@given(st.lists(st.text(max_size=20)))
def test_pieces_are_as_safe_as_the_whole(pieces: list[str]) -> None:
    """A stream cleaned piece by piece holds no control code either."""
    shown = "".join(visible(piece) for piece in pieces)
    assert not [each for each in shown if unicodedata.category(each) in ("Cc", "Cs")]


def _is_a_visible_sign(character: str) -> bool:
    code = ord(character)
    return (
        0x600 <= code <= 0x605
        or code in (0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)
        or 0x13430 <= code <= 0x1345F
    )
