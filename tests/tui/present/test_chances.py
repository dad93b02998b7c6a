"""Tokens are told by how likely they were, with what might have stood in their place."""

from __future__ import annotations

from workbench.link import TokenDetail
from workbench.tui.present import chances


def detail(text: str, chance: float, *top: tuple[int, str, float], number: int = 7) -> TokenDetail:
    return TokenDetail(number, text, chance, top)


def test_tokens_stand_where_their_text_does_and_carry_their_bands_style() -> None:
    told = [detail("Ben", 0.95), detail(" brings", 0.6), detail("\n", 0.01), detail(" \x1b[2J", 0.05)]
    text, places, marks = chances.laid_out(told, 1000)
    assert text == "Ben brings\n ␛[2J"
    assert [text[start:end] for start, end in places] == ["Ben", " brings", "\n", " ␛[2J"]
    assert [(text[mark.start : mark.end], mark.style.split(" $")[0]) for mark in marks] == [
        ("brings", "$success"),
        ("␛[2J", "bold underline"),
    ]


def test_a_text_is_cut_between_tokens() -> None:
    assert chances.laid_out([detail("12345", 1.0), detail("67890", 1.0)], 9)[0] == "12345"


def test_the_bands_differ_without_colour() -> None:
    attributes = {style.split("$")[0] for _, _, style in chances.BANDS[1:]}
    assert len(attributes) == len(chances.BANDS) - 1
    assert [chances.band(chance)[0] for chance in (1.0, 0.9, 0.5, 0.1, 0.0)] == [
        "sure",
        "sure",
        "likely",
        "unsure",
        "unlikely",
    ]


def test_a_token_is_told_with_what_else_was_likely() -> None:
    told = detail(" brings", 0.832, (7, " brings", 0.832), (3, "\n", 0.1), (4, "", 0.0002), number=7)
    first, second = chances.token_line([detail("Ben", 1.0), told], 1).plain.split("\n")
    assert first == "token 2 of 2  ␣brings 83.2 % likely"
    assert second == "instead  ↵ 10.0 % · nothing <0.1 %"


def test_a_token_without_alternatives_says_so() -> None:
    assert "nothing is known" in chances.token_line([detail("a", 0.9999)], 0).plain
    assert chances.share(0.99995) == ">99.9 %" and chances.share(1.0) == "100.0 %"
