"""The whole split in figures beside the row: they grow while a process looks through it, and grow old."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer

from workbench.tui.clean import clean, safe
from workbench.tui.present import figures as present
from workbench.tui.present.figures import Document
from workbench.tui.screens.previewing import Figures, Surveyor
from workbench.tui.sentences import keyed
from workbench.tui.widgets.live_table import Column, LiveTable
from workbench.tui.widgets.surface import Row, Surface, blank, cells, fit

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.composing.shown import SurveyRequest

SETTLE_SECONDS = 0.4
"""A split is looked through again when the template has been left alone for so long."""
KEPT = 8
COLUMNS = (
    Column("kind", "problem", minimum=12),
    Column("count", "rows", 7, align="right"),
    Column("first", "first", 7, align="right"),
)


class Drawing(Surface):
    """The figures themselves."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._document: Document | None = None
        self._stale = False
        self._told = ""

    def show(self, document: Document | None, *, stale: bool, told: str = "") -> None:
        """Show figures; for want of any, a sentence."""
        self._document, self._stale, self._told = document, stale, told
        self.redraw()

    def draw(self, width: int, height: int) -> list[Row]:
        """The figures, or the sentence."""
        if self._document is not None:
            return present.draw(self._document, width, height, stale=self._stale, signs=self.signs)
        lines = safe(keyed(self, self._told), "$muted").wrap(max(width, 1)) if self._told else []
        rows = [fit(cells(line), width) for line in lines[:height]]
        return [*rows, *(blank(width) for _ in range(height - len(rows)))]


class FiguresPane(Vertical):
    """Figures over a table of problems. Stale ones are dim until those of what is on show come in."""

    DEFAULT_CSS = """
    FiguresPane Drawing { height: 1fr; }
    FiguresPane LiveTable { height: 0; margin-top: 1; }
    """

    @dataclass
    class Chosen(Message):
        """A kind of problem was opened: its first row is wanted."""

        row: int

    def __init__(self, root: Path, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self.border_title = safe("all rows")
        self._surveyor = Surveyor(root, self.post_message)
        self._known: OrderedDict[tuple[SurveyRequest, str], Document] = OrderedDict()
        self._wanted: tuple[SurveyRequest, str] | None = None
        self._shown: tuple[tuple[SurveyRequest, str], Document] | None = None
        self._counting = False
        self._failed = False
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Figures, problems."""
        yield Drawing(id="figures")
        yield LiveTable(COLUMNS, empty="", id="kinds")

    def on_unmount(self) -> None:
        """End the process."""
        self._surveyor.stop()

    @property
    def counting(self) -> bool:
        """Whether a split is being looked through."""
        return self._counting

    @property
    def fresh(self) -> Document | None:
        """The figures of what is on show; None while there are only others, or none."""
        return self._shown[1] if self._shown is not None and self._shown[0] == self._wanted else None

    def want(self, request: SurveyRequest | None, fingerprint: str = "", why_none: str = "") -> None:
        """Show the figures of a split: those that are known, or new ones after a moment's rest.

        Args:
            request: What to look through; None where that cannot be.
            fingerprint: Of the data, so that figures of other data by that name are not taken for these.
            why_none: What is lacking.
        """
        wanted = (request, fingerprint) if request is not None else None
        if wanted is None:
            self._halt()
            self._wanted = self._shown = None
            self._draw(why_none)
        elif wanted != self._wanted:
            self._halt()
            self._wanted = wanted
            known = self._known.get(wanted)
            if known is not None:
                self._take(known)
            else:
                self._draw("counting …")
                self._timer = self.set_timer(SETTLE_SECONDS, self.start)

    def start(self) -> None:
        """Look through the split now."""
        self._halt()
        if self._wanted is not None:
            self._counting = True
            self._surveyor.start(self._wanted[0])
            self._title()

    def toggle(self) -> None:
        """End what goes on, or begin anew."""
        if self._counting or self._timer is not None:
            self._halt()
            self._title()
        else:
            self.start()

    @on(Figures)
    def _came(self, message: Figures) -> None:
        if self._wanted is None or message.request != self._wanted[0] or not self._counting:
            return
        if not self.query(Drawing):
            return  # closed meanwhile
        if message.document is None:
            self._counting, self._failed = False, True
            error = message.trouble
            self._draw(f"{clean(error.what)}: {clean(error.remedy)}" if error is not None else "")
            return
        if message.document["finished"]:
            self._counting = False
            self._known[self._wanted] = message.document
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._take(message.document)

    @on(LiveTable.Selected)
    def _opened(self, message: LiveTable.Selected) -> None:
        message.stop()
        if self._shown is not None and message.key in self._shown[1]["problems"]:
            self.post_message(self.Chosen(self._shown[1]["problems"][message.key]["first"]))

    def _halt(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._counting = self._failed = False
        self._surveyor.stop()

    def _take(self, document: Document) -> None:
        if self._wanted is not None:
            self._shown = (self._wanted, document)
        self._draw()

    def _draw(self, told: str = "") -> None:
        document = self._shown[1] if self._shown is not None else None
        stale = self.fresh is None
        self.query_one(Drawing).show(document, stale=stale, told=told)
        table = self.query_one(LiveTable)
        table.set_rows(present.problem_rows(document, stale=stale) if document is not None else [])
        table.styles.height = min(len(table.keys) + 1, 7) if table.keys else 0
        self._title()

    @property
    def _waits(self) -> bool:
        """Whether nothing is counted for another reason than that the user has stopped it."""
        return self._timer is not None or self._failed

    def _title(self) -> None:
        document = self.fresh
        if self._counting:
            told = "{key:compose.figures} stops"
        elif self._wanted is None or self._waits or (document and document["finished"]):
            told = "of before" if self._shown is not None and document is None else ""
        else:
            told = f"stopped at {document['done'] if document else 0:,}: {{key:compose.figures}} counts again"
        self.border_subtitle = Content(keyed(self, told)) if told else None
