"""The tour's pictures: the demo trained where it is not yet, and its stops drawn."""

from __future__ import annotations

from pathlib import Path

from store import open_store
from workbench.cli.demo import completed_run, demo_store
from workbench.cli.screens import draw_stops
from workbench.cli.session import Session


def draw_tour(session: Session, folder: Path) -> list[Path]:
    """Save what each stop of the tour shows, as SVG.

    Args:
        session: Its `--store`, where one was given, takes the place of the demo's own store.
        folder: Where the pictures go.

    Returns:
        The files.

    Raises:
        Unavailable: The demo's run failed, or a stop did not show what it should.
    """
    root = demo_store(session)
    with open_store(root) as store:
        completed_run(store, quiet=session.as_json)
    return draw_stops(root, folder)
