"""From the command line into the screens."""

from __future__ import annotations

from pathlib import Path

from store.errors import Unavailable
from workbench.settings import Settings, UiSection, load_settings


def open_screens(root: Path, ui: UiSection, *, demo: bool = False, fresh: bool = False) -> None:
    """Run the screens on a store until the user leaves.

    Args:
        root: The store's folder.
        ui: What the settings say about drawing.
        demo: Show the sentences that lead a newcomer through the screens.
        fresh: Begin without what was shown when the screens were left.

    Raises:
        BadInput: The settings name keys or actions that there are not, or the same key twice.
    """
    settings = load_settings(Path.cwd())
    # Loads textual, which no other command needs.
    from workbench.tui.start import run_app

    code = run_app(root, ui, settings, demo=demo, fresh=fresh)
    if code:
        raise SystemExit(code)


def serve_screens(root: Path, ui: UiSection, port: int) -> None:
    """Serve the screens to browsers on this machine, until interrupted.

    Raises:
        Unavailable: textual-serve is not installed, or the port is taken.
    """
    try:
        # An extra that brings a web server along.
        from workbench.cli.web import serve
    except ImportError as error:
        remedy = "pip install 'finetuning-workbench[web]'"
        raise Unavailable("the screens in a browser need textual-serve", remedy) from error
    serve(root, ui, port)


def draw_screens(root: Path, target: Path) -> None:
    """Save what the screens show of a store as an SVG picture, without a terminal."""
    # Loads textual, which no other command needs.
    from workbench.tui.picture import save_picture

    save_picture(root, target)


def draw_stops(root: Path, folder: Path) -> list[Path]:
    """Save what the screens show at each stop of the tour as SVG pictures, without a terminal."""
    # Loads textual, which no other command needs.
    from workbench.tui.picture import save_stops

    return save_stops(root, folder)


def key_groups(settings: Settings) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Every action of the screens by where it works: keys by the settings, name, and what it does.

    Raises:
        BadInput: The settings name keys or actions that there are not, or the same key twice.
    """
    # Loads textual, which no other command needs.
    from workbench.tui import key_table

    return key_table.key_groups(settings)
