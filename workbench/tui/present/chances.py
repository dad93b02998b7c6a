"""How sure a model was of each token: its band of probability, and what else it might have said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from workbench.tui.clean import clean, visible
from workbench.tui.glyphs import UNICODE, Glyphs
from workbench.tui.present.cells import STRONG, lines, quiet
from workbench.tui.widgets.answer_view import Mark

if TYPE_CHECKING:
    from workbench.link import TokenDetail

ALTERNATIVES = 8
"""How many of the likeliest tokens are asked for."""
TOKEN_LIMIT = 60
SPACE, FEED = "␣", "↵"

# Underline and bold tell the bands apart where there is no colour.
BANDS: Sequence[tuple[float, str, str]] = (
    (0.9, "sure", ""),
    (0.5, "likely", "$success"),
    (0.1, "unsure", "underline $warning"),
    (0.0, "unlikely", "bold underline $error"),
)
"""From which probability on a band begins, its name and its style, the likeliest first."""


def band(chance: float) -> tuple[str, str]:
    """The name and the style of the band that a probability lies in."""
    return next((name, style) for least, name, style in BANDS if chance >= least or least == 0.0)


def laid_out(details: Sequence[TokenDetail], limit: int) -> tuple[str, list[tuple[int, int]], list[Mark]]:
    """The text that tokens make, where each of them stands in it, and its band's style where it has one."""
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    marks: list[Mark] = []
    end = 0
    for each in details:
        part = visible(each.text, limit)
        if end + len(part) > limit:
            break
        start, end = end, end + len(part)
        parts.append(part)
        places.append((start, end))
        _, style = band(each.chance)
        if style and part.strip():
            # The white space around it is not underlined.
            marks.append(Mark(start + len(part) - len(part.lstrip()), start + len(part.rstrip()), style))
    return "".join(parts), places, marks


def legend() -> Content:
    """The bands in their styles."""
    return Content("  ").join(
        Content.assemble((name, style), quiet(f" from {least:.0%}" if least else " below"))
        for least, name, style in BANDS
    )


def token_line(details: Sequence[TokenDetail], at: int, signs: Glyphs = UNICODE) -> Content:
    """One token: which of how many it is, its probability, and what else was likely in its place."""
    spoken = details[at]
    name, style = band(spoken.chance)
    told = Content.assemble(
        quiet(f"token {at + 1} of {len(details)}  "),
        (quoted(spoken.text), STRONG),
        " ",
        (f"{share(spoken.chance)} {name}", style),
    )
    others = [(text, chance) for number, text, chance in spoken.top if number != spoken.id]
    if not others:
        return lines([told, quiet("nothing is known of other tokens in its place")])
    between = f" {signs.separator} "
    instead = Content(between).join(
        Content.assemble(quoted(text), quiet(f" {share(chance)}")) for text, chance in others
    )
    return lines([told, Content.assemble(quiet("instead  "), instead)])


def quoted(text: str) -> str:
    """A token's text with its white space made visible at its ends."""
    shown = clean(text, TOKEN_LIMIT).replace("\n", FEED)
    core = shown.strip(" ")
    if not core:
        return SPACE * len(shown) or "nothing"
    before = len(shown) - len(shown.lstrip(" "))
    return SPACE * before + core + SPACE * (len(shown) - before - len(core))


def share(chance: float) -> str:
    """A probability in percent, exact where it matters: near nothing and near all."""
    percent = chance * 100
    if 0 < percent < 0.1:
        return "<0.1 %"
    if 99.9 < percent < 100:
        return ">99.9 %"
    return f"{percent:.1f} %"
