"""The door to the screens: sets what Textual reads once from the environment, then imports and runs them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from store.errors import Unavailable
from workbench.settings import Settings, UiSection
from workbench.terminal import Terminal, look_at
from workbench.tui.garbage import collect_rarely

_COLOUR_SYSTEMS = {"16": "standard", "256": "256", "truecolor": "truecolor"}  # as Textual names them


def run_app(
    root: Path,
    ui: UiSection | None = None,
    settings: Settings | None = None,
    *,
    demo: bool = False,
    fresh: bool = False,
) -> int:
    """Run the screens on a store until the user leaves.

    Args:
        root: The store's folder.
        ui: What the settings and the command line say about drawing.
        settings: What the settings say about keys and the trash.
        demo: Show the sentences that lead a newcomer through the screens.
        fresh: Begin without what was shown when the screens were left.

    Returns:
        The exit code.

    Raises:
        Unavailable: when there is no terminal to draw on.
        BadInput: when the settings name keys or actions that there are not, or the same key twice.
    """
    ui = ui or UiSection()
    in_browser = is_in_browser()
    if not in_browser and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Unavailable("this is no terminal", "open one, or use the commands: `workbench --help`")
    terminal = look_at(ui, os.environ)
    prepare_environment(terminal)
    collect_rarely()
    # Textual reads its settings while it is imported, so not before this line.
    from workbench.tui import keymap
    from workbench.tui.app import WorkbenchApp
    from workbench.tui.garbage import Sweeper, let_frames_go
    from workbench.tui.hangup import HangUpGuard
    from workbench.tui.remembering import Memory

    let_frames_go()
    settings = settings or Settings()
    app = WorkbenchApp(
        root,
        demo=demo,
        ascii=ui.ascii or not (in_browser or _speaks_utf8()),
        sync=terminal.sync,
        keys=keymap.read(settings),
        # A theme that was chosen on the screens since comes before that of the settings.
        memory=Memory(root, ui.theme, fresh=fresh),
        trash_days=settings.store.trash_days,
        links=terminal.links,
        sweeper=Sweeper(),
    )
    HangUpGuard(app.leave).install()
    app.run(mouse=terminal.mouse)
    return app.return_code or 0


def is_in_browser() -> bool:
    """Tell whether a web server has started this process to draw in a page: it names its own driver."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def prepare_environment(terminal: Terminal | None = None) -> None:
    """Choose settings that suit the terminal, which may be far away; what the user has set stays."""
    terminal = terminal or look_at(UiSection(), os.environ)
    os.environ.setdefault("TEXTUAL_FPS", str(terminal.frames))
    os.environ.setdefault("ESCDELAY", str(terminal.escape_ms))
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    if terminal.colours in _COLOUR_SYSTEMS:
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", _COLOUR_SYSTEMS[terminal.colours])
    else:
        os.environ["NO_COLOR"] = "1"


def _speaks_utf8() -> bool:
    return (sys.stderr.encoding or "").lower().replace("-", "") == "utf8"
