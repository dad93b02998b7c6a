"""How the widgets look: pictures that are compared, with colour, without, and in ASCII.

After a wanted change: `pytest -n 0 tests/tui/test_snapshots.py --snapshot-update`, and look at the pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pytest
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from workbench.runs.fields import describe, setting
from workbench.tui.glyphs import ASCII, UNICODE, status_text
from workbench.tui.widgets.form import Form
from workbench.tui.widgets.line_chart import LineChart
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.token_flow import ViewToken
from workbench.tui.widgets.token_view import TokenView

pytestmark = pytest.mark.skipif(
    not version("textual").startswith("8.2."),
    reason="the pictures are of Textual 8.2",
)
CLASSES = ("plain", "matched", "clipped", "novel", "missed", "context", "trained", "special")


@dataclass(frozen=True)
class Few:
    """Settings enough for a picture."""

    r: int = setting(16, "adapter", "Rank of the low-rank updates", low=1, high=4096)
    optim: str = setting("adamw", "optimizer", "Optimizer", choices=("adamw", "sgd"))


def chart() -> LineChart:
    made = LineChart("loss", classes="pane")
    made.x_limit = 600
    points = [(step, 3 * math.exp(-step / 120) + 0.5 + 0.2 * math.sin(step * 7)) for step in range(1, 341)]
    points[199] = (200, math.nan)
    made.set_series("loss", points)
    made.set_series("eval_loss", [(step, 3 * math.exp(-step / 120) + 0.7) for step in range(30, 341, 30)])
    return made


def table(ascii: bool) -> LiveTable:
    columns = [Column("status", "status", 13), Column("name", "name"), Column("step", "step", 7, "right")]
    made = LiveTable(columns, title="runs", classes="pane")
    signs = ASCII if ascii else UNICODE
    made.set_rows(
        (status, [status_text(status, signs), f"run-{number} 日本 [b]", f"{number * 100}/600"])
        for number, status in enumerate(UNICODE.statuses)
    )
    return made


def tokens() -> TokenView:
    made = TokenView(title="prediction", legend=True, classes="pane")
    text = "the cat sat on the mat\nand went home because the night was cold"
    made.set_tokens(
        [
            ViewToken(f"{word} ", CLASSES[index % 8], "=~+-."[index % 5])
            for index, word in enumerate(text.split(" "))
        ]
    )
    return made


def gallery(ascii: bool = False) -> Widget:
    form = Vertical(Form(describe(Few)), classes="pane")
    return Horizontal(Vertical(table(ascii), tokens()), Vertical(chart(), form))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_widgets_look_as_they_should(snap_compare: Any, host: Any, size: tuple[int, int]) -> None:
    assert snap_compare(host(gallery()), terminal_size=size)


def test_without_colour_everything_can_still_be_told_apart(
    snap_compare: Any, host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(host(gallery()), terminal_size=(100, 30))


def test_in_ascii_nothing_is_missing(snap_compare: Any, host: Any) -> None:
    assert snap_compare(host(gallery(ascii=True), ascii=True), terminal_size=(100, 30))
