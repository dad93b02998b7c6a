"""The tour with pictures: the demo trained where it is not yet, its stops drawn, and the page around them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from store import open_store
from store.files import write_atomic
from workbench.cli.demo import completed_run, demo_store
from workbench.cli.pages import page
from workbench.cli.screens import draw_stops
from workbench.cli.session import Session
from workbench.handbook.page import Block, Heading, Page, Paragraph
from workbench.handbook.tour import STOPS
from workbench.handbook.writing import as_markdown


def draw_tour(session: Session, folder: Path) -> list[Path]:
    """Save what each stop of the tour shows, as SVG, and the page with these pictures, as Markdown.

    Args:
        session: Its `--store`, where one was given, takes the place of the demo's own store.
        folder: Where they go.

    Returns:
        The files.

    Raises:
        Unavailable: The demo's run failed, or a stop did not show what it should.
    """
    root = demo_store(session)
    with open_store(root) as store:
        completed_run(store, quiet=session.as_json)
    pictures = draw_stops(root, folder)
    written = folder.absolute() / "tour.md"
    write_atomic(written, as_markdown(_illustrated(page("tour"), pictures)))
    return [*pictures, written]


def _illustrated(plain: Page, pictures: list[Path]) -> Page:
    """Put each stop's picture under its heading."""
    of_heading = {stop.title: path.name for stop, path in zip(STOPS, pictures, strict=True)}
    blocks: list[Block] = []
    for block in plain.blocks:
        blocks.append(block)
        if isinstance(block, Heading) and block.text in of_heading:
            blocks.append(Paragraph(f"![{block.text}]({of_heading[block.text]})"))
    return replace(plain, blocks=tuple(blocks))
