"""The colours themselves: a palette for each theme, and those of terminals that have 16."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """What a theme is made of.

    Args:
        background: Of the screens.
        surface: Of header, footer and dialogs.
        panel: Of fields, and of every other token.
        cursor: Of the row under the cursor.
        border: Of panes out of focus.
        faint: Of what cannot be done now, and of axes.
        muted: Of what is said in passing.
        foreground: Of text.
        bright: Of text on the cursor.
        secondary: Beside the accent, where that is taken.
        accent: Of the focus, of keys, and of what is trained on.
        success: Of what went well, and of words that match.
        warning: Of what asks for attention, and of words that count only in part.
        error: Of what failed, and of words that are missing or new.
        series: Of the six lines of a chart.
    """

    background: str
    surface: str
    panel: str
    cursor: str
    border: str
    faint: str
    muted: str
    foreground: str
    bright: str
    secondary: str
    accent: str
    success: str
    warning: str
    error: str
    series: tuple[str, str, str, str, str, str]


NIGHT = Palette(
    background="#101315",
    surface="#161a1d",
    panel="#1f2428",
    cursor="#24404a",
    border="#343b42",
    faint="#4a5560",
    muted="#7d8a96",
    foreground="#c8d0d8",
    bright="#e6edf3",
    secondary="#4a7f8c",
    accent="#5fb3b3",
    success="#86b96f",
    warning="#d9a85c",
    error="#dd7370",
    series=("#5fb3b3", "#d9a85c", "#a78fd0", "#86b96f", "#dd7370", "#6f9fd8"),
)
LIGHT = Palette(
    background="#fbfbf9",
    surface="#f3f4f2",
    panel="#e9ebe9",
    cursor="#d3e6e6",
    border="#c3c8cb",
    faint="#899096",
    muted="#5d676f",
    foreground="#2b3238",
    bright="#101418",
    secondary="#3f7480",
    accent="#0b6266",
    success="#2f661c",
    warning="#7f4e00",
    error="#ab2a2b",
    series=("#0b6b6f", "#a06400", "#7346ad", "#3c7a26", "#b83232", "#2a63b0"),
)
HIGH_CONTRAST = Palette(
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    cursor="#002f45",
    border="#9a9a9a",
    faint="#9a9a9a",
    muted="#d0d0d0",
    foreground="#ffffff",
    bright="#ffffff",
    secondary="#8fd3ff",
    accent="#5fe0ff",
    success="#7dff7d",
    warning="#ffd75f",
    error="#ffb0ab",
    series=("#5fe0ff", "#ffd75f", "#d7a8ff", "#7dff7d", "#ff9a94", "#9fbcff"),
)
# The hues of Okabe and Ito (2008), so light or dark that eyes which see two hues as one tell them apart.
COLOUR_BLIND = Palette(
    background="#101315",
    surface="#161a1d",
    panel="#1f2428",
    cursor="#22303f",
    border="#3a424a",
    faint="#6b7681",
    muted="#98a4af",
    foreground="#d5dce3",
    bright="#f0f4f8",
    secondary="#5d87a8",
    accent="#98c8f8",
    success="#0cb07a",
    warning="#efe23c",
    error="#e8842f",
    series=("#95d0f5", "#eab95f", "#bd72a5", "#00a86d", "#ebef44", "#dc6b01"),
)
# Nothing here knows whether the terminal is dark or light: text has the terminal's own colour, and the cursor
# turns its two colours round.
TERMINAL = Palette(
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    cursor="ansi_blue",
    border="ansi_bright_black",
    faint="ansi_bright_black",
    muted="ansi_default",
    foreground="ansi_default",
    bright="ansi_bright_white",
    secondary="ansi_blue",
    accent="ansi_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    series=("ansi_cyan", "ansi_yellow", "ansi_magenta", "ansi_green", "ansi_red", "ansi_blue"),
)

# Rounded to the nearest of 16, most of the above would be grey. These are some of the 16, by the values that
# Rich rounds to them; the terminal draws them in its own shades.
NIGHT_OF_16 = Palette(
    background="#000000",
    surface="#000000",
    panel="#000000",
    cursor="#0000aa",
    border="#555555",
    faint="#555555",
    muted="#aaaaaa",
    foreground="#aaaaaa",
    bright="#ffffff",
    secondary="#00aaaa",
    accent="#00aaaa",
    success="#00aa00",
    warning="#ffff55",
    error="#ff5555",
    series=("#00aaaa", "#ffff55", "#ff55ff", "#00aa00", "#ff5555", "#5555ff"),
)
LIGHT_OF_16 = Palette(
    background="#ffffff",
    surface="#ffffff",
    panel="#ffffff",
    cursor="#55ffff",
    border="#555555",
    faint="#aaaaaa",
    muted="#555555",
    foreground="#000000",
    bright="#000000",
    secondary="#0000aa",
    accent="#0000aa",
    success="#00aa00",
    warning="#aa5500",
    error="#aa0000",
    series=("#0000aa", "#aa5500", "#aa00aa", "#00aa00", "#aa0000", "#00aaaa"),
)
BRIGHT_OF_16 = Palette(
    background="#000000",
    surface="#000000",
    panel="#000000",
    cursor="#0000aa",
    border="#aaaaaa",
    faint="#aaaaaa",
    muted="#ffffff",
    foreground="#ffffff",
    bright="#ffffff",
    secondary="#55ffff",
    accent="#55ffff",
    success="#55ff55",
    warning="#ffff55",
    error="#ff5555",
    series=("#55ffff", "#ffff55", "#ff55ff", "#55ff55", "#ff5555", "#5555ff"),
)
