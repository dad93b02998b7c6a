"""The colours of the product, once: a calm dark theme with one accent, and the same in 16 colours."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from textual.theme import Theme

NIGHT = Theme(
    name="workbench-night",
    dark=True,
    background="#101315",
    surface="#161a1d",
    panel="#1f2428",
    foreground="#c8d0d8",
    primary="#5fb3b3",
    secondary="#4a7f8c",
    accent="#5fb3b3",
    success="#86b96f",
    warning="#d9a85c",
    error="#dd7370",
    variables={
        "border": "#343b42",
        "border-blurred": "#343b42",
        "text": "#c8d0d8",
        "text-muted": "#7d8a96",
        "text-disabled": "#4a5560",
        "muted": "#7d8a96",
        "faint": "#4a5560",
        "series-1": "#5fb3b3",
        "series-2": "#d9a85c",
        "series-3": "#a78fd0",
        "series-4": "#86b96f",
        "series-5": "#dd7370",
        "series-6": "#6f9fd8",
        "footer-key-foreground": "#5fb3b3",
        "input-cursor-background": "#5fb3b3",
        "input-cursor-foreground": "#101315",
        "input-selection-background": "#5fb3b3 30%",
        "block-cursor-background": "#24404a",
        "block-cursor-foreground": "#e6edf3",
        "block-cursor-text-style": "none",
        "block-hover-background": "#1f2428",
        "scrollbar": "#343b42",
        "scrollbar-hover": "#4a5560",
        "scrollbar-active": "#5fb3b3",
        "scrollbar-background": "#101315",
        "scrollbar-background-hover": "#101315",
        "scrollbar-background-active": "#101315",
        "scrollbar-corner-color": "#101315",
    },
)

# Rounded to the nearest of 16, most of the above would be grey. These are some of the 16, by the values that
# Rich rounds to them; the terminal draws them in its own shades.
_OF_SIXTEEN = {
    "#101315": "#000000",
    "#161a1d": "#000000",
    "#1f2428": "#000000",
    "#343b42": "#555555",
    "#4a5560": "#555555",
    "#7d8a96": "#aaaaaa",
    "#c8d0d8": "#aaaaaa",
    "#e6edf3": "#ffffff",
    "#24404a": "#0000aa",
    "#4a7f8c": "#00aaaa",
    "#5fb3b3": "#00aaaa",
    "#86b96f": "#00aa00",
    "#d9a85c": "#aa5500",
    "#dd7370": "#ff5555",
    "#a78fd0": "#ff55ff",
    "#6f9fd8": "#5555ff",
}


def _in_sixteen(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    colour, space, opacity = value.partition(" ")
    return _OF_SIXTEEN.get(colour, colour) + space + opacity


_plain = {each.name: _in_sixteen(getattr(NIGHT, each.name)) for each in fields(Theme)}
_variables = {name: _in_sixteen(value) for name, value in NIGHT.variables.items()}
SIXTEEN = replace(NIGHT, **{**_plain, "name": "workbench-sixteen", "variables": _variables})
