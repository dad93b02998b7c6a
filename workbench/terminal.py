"""What the terminal can do and how calmly to draw on it, from its environment and the settings.

It reads variables such as TERM and changes none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.settings import UiSection

Colours = Literal["none", "16", "256", "truecolor"]
Profile = Literal["local", "ssh"]

FRAMES_PER_SECOND: dict[Profile, int] = {"local": 30, "ssh": 12}
"""Local: what a key did is seen within 1/30 s. Over a line each frame costs bytes."""

ESCAPE_MS, ESCAPE_MS_AFAR = 25, 100
"""So long an escape may be the beginning of another key: over a line, what follows it may come late."""

_SSH = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_TRUECOLOR_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour", "rio")
_TRUECOLOR_PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "WarpTerminal", "mintty", "rio")
_TRUECOLOR_VARIABLES = ("KONSOLE_VERSION", "WT_SESSION", "KITTY_WINDOW_ID", "ALACRITTY_WINDOW_ID")
_FIRST_TRUECOLOR_VTE = 3600
_FIRST_VTE_WITH_LINKS = 5001  # 5000 crashed on them
_COLOURLESS_TERMS = ("dumb", "vt100", "vt102", "vt220", "vt320", "xterm-mono")


@dataclass(frozen=True)
class Terminal:
    """How the screens are drawn on one terminal."""

    profile: Profile
    colours: Colours
    multiplexer: Literal["", "tmux", "screen"]
    frames: int
    """The most frames per second."""
    escape_ms: int
    """How many milliseconds after an escape the rest of an arrow key may come."""
    sync: bool
    """Frames are bracketed, where the terminal knows how, so that it shows each one whole (mode 2026)."""
    mouse: bool
    links: bool
    """Paths are sent as links (OSC 8), which a click opens."""


def look_at(ui: UiSection, environment: Mapping[str, str]) -> Terminal:
    """Decide how to draw.

    Args:
        ui: What the person chose; what is left on `auto` is decided by the environment.
        environment: The variables of the process.
    """
    profile = _profile(ui, environment)
    multiplexer: Literal["", "tmux", "screen"] = (
        "tmux" if environment.get("TMUX") else "screen" if environment.get("STY") else ""
    )
    return Terminal(
        profile=profile,
        colours=_colours(ui, environment, multiplexer),
        multiplexer=multiplexer,
        frames=FRAMES_PER_SECOND[profile],
        # A multiplexer on this machine has waited for the line already, and hands on whole keys.
        escape_ms=ESCAPE_MS if profile == "local" or multiplexer else ESCAPE_MS_AFAR,
        # tmux 3.7 repaints its whole pane at the end of each such frame, earlier ones do not know it.
        sync=ui.sync == "auto" and not multiplexer,
        mouse=ui.mouse,
        links=_takes_links(environment, multiplexer),
    )


def _profile(ui: UiSection, environment: Mapping[str, str]) -> Profile:
    if ui.profile != "auto":
        return "ssh" if ui.profile == "ssh" else "local"
    return "ssh" if any(environment.get(name) for name in _SSH) else "local"


def _colours(ui: UiSection, environment: Mapping[str, str], multiplexer: str) -> Colours:
    term = environment.get("TERM", "").lower()
    if ui.color == "never" or environment.get("NO_COLOR"):
        return "none"
    for wanted in ("16", "256", "truecolor"):
        if ui.color == wanted:
            return wanted
    if term in _COLOURLESS_TERMS:
        return "none"
    if multiplexer == "screen":  # it hands on what it was started with, and draws 256 at most
        return "256" if "256" in term else "16"
    if _is_truecolor(environment, term):
        return "truecolor"
    return "256" if "256color" in term else "16"


def _takes_links(environment: Mapping[str, str], multiplexer: str) -> bool:
    if multiplexer:  # tmux hands them on where it is told to, but is asked by no variable
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM", "").lower() in _TRUECOLOR_TERMS
        or environment.get("TERM_PROGRAM") in _TRUECOLOR_PROGRAMS
        or any(environment.get(name) for name in _TRUECOLOR_VARIABLES)
        or (vte.isdecimal() and int(vte) >= _FIRST_VTE_WITH_LINKS)
    )


def _is_truecolor(environment: Mapping[str, str], term: str) -> bool:
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
        or term.endswith("-direct")
        or term in _TRUECOLOR_TERMS
        or environment.get("TERM_PROGRAM") in _TRUECOLOR_PROGRAMS
        or any(environment.get(name) for name in _TRUECOLOR_VARIABLES)
        or (vte.isdecimal() and int(vte) >= _FIRST_TRUECOLOR_VTE)
    )
