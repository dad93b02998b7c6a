"""The colours of the product, once: one design in several themes, each also in 16 colours."""

from __future__ import annotations

from textual.theme import Theme

from workbench.tui import palettes
from workbench.tui.palettes import Palette

THEME_NAMES = ("night", "light", "high-contrast", "colour-blind", "terminal")


def theme(name: str, *, sixteen: bool = False) -> Theme:
    """The theme of a name.

    Args:
        name: One of `THEME_NAMES`.
        sixteen: The terminal has no more than 16 colours.
    """
    match name:
        case "light":
            return _made(name, palettes.LIGHT_OF_16 if sixteen else palettes.LIGHT, dark=False)
        case "high-contrast":
            return _made(name, palettes.BRIGHT_OF_16 if sixteen else palettes.HIGH_CONTRAST)
        case "colour-blind":
            return _made(name, palettes.BRIGHT_OF_16 if sixteen else palettes.COLOUR_BLIND)
        case "terminal":
            return _of_the_terminal(_made(name, palettes.TERMINAL))
        case _:
            return _made(name, palettes.NIGHT_OF_16 if sixteen else palettes.NIGHT)


def _made(name: str, palette: Palette, *, dark: bool = True) -> Theme:
    return Theme(
        name=f"workbench-{name}",
        dark=dark,
        background=palette.background,
        surface=palette.surface,
        panel=palette.panel,
        foreground=palette.foreground,
        primary=palette.accent,
        secondary=palette.secondary,
        accent=palette.accent,
        success=palette.success,
        warning=palette.warning,
        error=palette.error,
        variables=_variables(palette),
    )


def _variables(palette: Palette) -> dict[str, str]:
    return {
        "border": palette.border,
        "border-blurred": palette.border,
        "text": palette.foreground,
        "text-muted": palette.muted,
        "text-disabled": palette.faint,
        "muted": palette.muted,
        "faint": palette.faint,
        **{f"series-{number}": colour for number, colour in enumerate(palette.series, start=1)},
        "footer-key-foreground": palette.accent,
        "input-cursor-background": palette.accent,
        "input-cursor-foreground": palette.background,
        "input-selection-background": f"{palette.accent} 30%",
        "block-cursor-background": palette.cursor,
        "block-cursor-foreground": palette.bright,
        "block-cursor-text-style": "none",
        "block-hover-background": palette.panel,
        "scrollbar": palette.border,
        "scrollbar-hover": palette.faint,
        "scrollbar-active": palette.accent,
        "scrollbar-background": palette.background,
        "scrollbar-background-hover": palette.background,
        "scrollbar-background-active": palette.background,
        "scrollbar-corner-color": palette.background,
    }


def _of_the_terminal(made: Theme) -> Theme:
    """Without mixtures of colours, which the 16 have none of."""
    made.ansi = True
    made.variables |= {
        # Textual's own styles ask for these of every theme that leaves colours to the terminal.
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "input-cursor-foreground": "ansi_black",
        "input-selection-background": "ansi_blue",
        "input-selection-foreground": "ansi_bright_white",
    }
    return made


NIGHT = theme("night")
SIXTEEN = theme("night", sixteen=True)
