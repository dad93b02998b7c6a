"""Of a change somewhere in a line only the changed cells are written."""

from __future__ import annotations

import io

from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from workbench.tui.narrow import narrowed


def written(update: ChopsUpdate) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None)
    return narrowed(update).render_segments(console)  # type: ignore[union-attr]


def line(text: str) -> Strip:
    return Strip([Segment(text)], len(text))


def test_a_part_is_written_from_its_own_first_cell() -> None:
    update = ChopsUpdate([{0: line("0123456789")}], [(0, 4, 6)], [[10]])
    assert written(update) == "\x1b[1;5H45"


def test_several_parts_of_a_line_are_written_each_for_itself() -> None:
    update = ChopsUpdate([{0: line("0123456789")}], [(0, 1, 2), (0, 8, 10)], [[10]])
    assert written(update) == "\x1b[1;2H1\x1b[1;9H89"


def test_a_part_across_widgets_is_written_from_each() -> None:
    update = ChopsUpdate([{0: line("01234"), 5: line("56789")}], [(0, 3, 7)], [[5, 10]])
    assert written(update) == "\x1b[1;4H34\x1b[1;6H56"


def test_what_is_covered_is_not_written() -> None:
    update = ChopsUpdate([{0: None, 5: line("56789")}], [(0, 0, 10)], [[5, 10]])
    assert written(update) == "\x1b[1;6H56789"


def test_what_is_no_part_passes_unchanged() -> None:
    assert narrowed(None) is None
