"""The columns of the Compare screen: one answer each, growing as it is spoken, all scrolled in lock-step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content

from workbench.tui.clean import safe
from workbench.tui.glyphs import glyphs
from workbench.tui.present import answer_page, chances
from workbench.tui.present import compare as present
from workbench.tui.present.answer_page import Look
from workbench.tui.present.cells import lines, quiet
from workbench.tui.present.compare import Answer
from workbench.tui.present.verdicts import Verdict, against
from workbench.tui.sentences import keyed
from workbench.tui.widgets.answer_view import TO_THE_END, AnswerView
from workbench.tui.widgets.lines import Lines

LEAST_WIDTH = 24
LEAST_HEIGHT = 9
"""Two rows of columns where each has this many lines."""


@dataclass(frozen=True)
class Grid:
    """How many columns stand beside and over each other, and which is the first in sight."""

    across: int
    down: int
    first: int

    @property
    def last(self) -> int:
        """The column after the last one in sight."""
        return self.first + self.across * self.down


def grid(count: int, width: int, height: int, first: int, wanted: int) -> Grid:
    """Fit columns into a place; those that find no room are reached by going on.

    Args:
        count: How many there are.
        width: Cells of the place.
        height: Lines of it.
        first: The first in sight until now.
        wanted: One that must be in sight.
    """
    fitting = max(width // LEAST_WIDTH, 1)
    down = min(max(height // LEAST_HEIGHT, 1), 2) if count > fitting else 1
    across = min(fitting, max(ceil(count / down), 1))
    room = across * down
    return Grid(across, down, max(min(max(first, wanted - room + 1), wanted, count - room), 0))


class Answers(Vertical):
    """The columns, and under them what else might have been said in a token's place."""

    DEFAULT_CSS = """
    Answers {
        #columns { layout: grid; height: 1fr; }
        #token { height: 3; padding: 0 2; display: none; }
        &.-detail #token { display: block; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.answers: list[Answer] = []
        self.verdicts: list[Verdict | None] = []
        """How each whole answer differs from the one that it is compared with."""
        self.detail = False
        """Tokens are shown by their probability."""
        self.compared: int | None = None
        """The column that the others are compared with; None marks no differences."""
        self.blind = False
        """Nothing tells whose answers these are."""
        self.alone: int | None = None
        """The only column in sight; None shows all."""
        self._views: list[AnswerView] = []
        self._titles: list[str] = []
        self._winner: int | None = None
        self._hint = ""
        self._grid = Grid(1, 1, 0)
        self._known: dict[str | None, Answer] = {}
        self._model = ""

    def compose(self) -> ComposeResult:
        """The place of the columns, and of the alternatives."""
        yield Container(id="columns")
        yield Lines(id="token")

    @property
    def focused_column(self) -> int | None:
        """The column that has the focus."""
        return next((at for at, view in enumerate(self._views) if view.has_focus), None)

    def offer(self, systems: Sequence[str | None], model: str) -> bool:
        """Put up the columns of those who could answer; an answer that was given comes back.

        Returns:
            Whether others are in sight than before.
        """
        now = {answer.system for answer in self.answers}
        if (now, self._model) == (set(systems), model):
            return False
        known = self._known if model == self._model else {}
        self._put_up([known.get(system, Answer(system)) for system in systems], model, present.HINT)
        self._compare()
        self._show()
        return True

    def forget(self, systems: Sequence[str | None], model: str) -> None:
        """Put up the columns of those who could answer, without any answer."""
        self._known = {}
        self._put_up(present.columns(systems), model, present.HINT)

    def open(self, systems: Sequence[str | None], model: str, *, blind: bool = False) -> None:
        """Put up empty columns, one per system that has been asked; blind ones have letters for names."""
        self._known = {}
        self._put_up(present.columns(systems), model, "", blind=blind)
        self._follow()

    def show(self, answers: Sequence[Answer]) -> None:
        """Show the answers as far as they are spoken."""
        self.answers = list(answers)
        self._known |= {answer.system: answer for answer in answers}
        if any(answer.output is not None for answer in answers):
            self._compare()
        self._show()

    def reveal(self, winner: int | None) -> None:
        """Tell whose answers these are, and which was found better."""
        self.blind, self._winner = False, winner
        self._titles = [present.title(answer.system, self._model) for answer in self.answers]
        self._entitle()
        self._show()

    def focus_first(self) -> None:
        """Put the focus on the first column."""
        self._views[0].focus()

    def compare_with_focused(self) -> None:
        """Compare the others with the column in focus; once more marks no differences."""
        chosen = self.focused_column
        if chosen is None:
            chosen = 0 if self.compared is None else self.compared
        self.compared = None if chosen == self.compared else chosen
        self._compare()
        self._show()

    def toggle_detail(self) -> None:
        """Show tokens by their probability, or differences again."""
        self.detail = not self.detail
        self.set_class(self.detail, "-detail")
        self._show()
        self._tell_token()
        self.call_after_refresh(self._arrange)

    def toggle_alone(self, system: str | None) -> None:
        """Show one column alone, or all of them again.

        Args:
            system: Whose column, where none has the focus; a blind one is not told by its name.
        """
        listed = [] if self.blind else [answer.system for answer in self.answers]
        named = listed.index(system) if system in listed else 0
        focused = self.focused_column
        self.alone = None if self.alone is not None else named if focused is None else focused
        self._arrange()

    def _put_up(self, answers: Sequence[Answer], model: str, hint: str, *, blind: bool = False) -> None:
        for view in self._views[len(answers) :]:
            view.remove()
        kept = self._views[: len(answers)]
        fresh = [AnswerView(classes="pane") for _ in answers[len(kept) :]]
        self._views = [*kept, *fresh]
        self.query_one("#columns").mount_all(fresh)
        self.answers, self._model, self._hint, self.blind = list(answers), model, hint, blind
        self.verdicts = [None] * len(answers)
        self.compared = 0 if len(answers) > 1 else None
        self.alone = self._winner = None
        self._grid = Grid(1, 1, 0)
        letters = (chr(ord("A") + at) for at in range(len(answers)))
        names = (present.title(answer.system, model) for answer in answers)
        self._titles = list(letters if blind else names)
        self._arrange()
        self._show()

    # Drawing

    def _show(self) -> None:
        best = answer_page.best(self.answers)
        look = Look(keyed(self, self._hint), self.blind, self.detail)
        compares = any(verdict is not None for verdict in self.verdicts)
        for at, (view, answer) in enumerate(zip(self._views, self.answers, strict=True)):
            own = replace(
                look,
                verdict=self.verdicts[at],
                compared=compares and at == self.compared,
                best=best[at],
            )
            view.show(answer_page.page(answer, own, glyphs(self)))

    def _entitle(self) -> None:
        hidden = sum(view.display for view in self._views) < len(self._views)
        for at, (view, title) in enumerate(zip(self._views, self._titles, strict=True)):
            place = f"  {at + 1} of {len(self._views)}" if hidden else ""
            view.border_title = safe(title + place)
            view.border_subtitle = safe("better") if at == self._winner else None

    def _compare(self) -> None:
        whole = [answer.output is not None for answer in self.answers]
        other = self.compared
        self.verdicts = [None] * len(self.answers)
        if other is None or other >= len(self.answers) or not whole[other]:
            return
        texts = [answer_page.shown_text(answer) for answer in self.answers]
        self.verdicts = [
            against(answer, self.answers[other], (texts[at], texts[other]))
            if whole[at] and at != other
            else None
            for at, answer in enumerate(self.answers)
        ]

    def _arrange(self) -> None:
        """Give each column in sight its place."""
        columns, focused = self.query_one("#columns"), self.focused_column
        size, first = columns.size, self._grid.first
        if self.alone is None:
            wanted = first if focused is None else focused
            self._grid = grid(len(self._views), size.width, size.height, first, wanted)
        else:
            self._grid = Grid(1, 1, self.alone)
        columns.styles.grid_size_columns = self._grid.across
        columns.styles.grid_size_rows = self._grid.down
        for at, view in enumerate(self._views):
            view.display = self._grid.first <= at < self._grid.last
        self._entitle()

    def on_resize(self) -> None:
        """Fit the columns into the new size."""
        self.call_after_refresh(self._arrange)

    # Moving

    def _follow(self) -> None:
        for view in self._views:
            view.top = TO_THE_END

    @on(AnswerView.Scrolled)
    def _scrolled(self, message: AnswerView.Scrolled) -> None:
        message.stop()
        shown = [view for view in self._views if view.display]
        last, now = max(view.last_top for view in shown), max(view.top for view in shown)
        wanted = now + message.by if message.top is None else message.top
        for view in self._views:
            # Who has come to the end follows what is still spoken.
            view.top = TO_THE_END if wanted >= last and message.top is None else max(wanted, 0)

    @on(AnswerView.Turned)
    def _turned(self, message: AnswerView.Turned) -> None:
        message.stop()
        to = self._views.index(message.view) + message.step
        if not 0 <= to < len(self._views):
            return
        self._views[to].display = True
        self._views[to].focus()
        self.alone = to if self.alone is not None else None
        self.call_after_refresh(self._arrange)

    @on(AnswerView.Moved)
    def _moved(self, message: AnswerView.Moved) -> None:
        message.stop()
        self._tell_token()

    def _tell_token(self) -> None:
        if self.detail:
            self.query_one(Lines).update(lines([self._token(), chances.legend()]))

    def _token(self) -> Content:
        at = self.focused_column
        if at is None:
            return quiet(
                keyed(self, "tab goes to a column, {key:answer.left} and {key:answer.right} to its tokens\n")
            )
        details, cursor = self.answers[at].details, self._views[at].cursor
        if cursor is not None and cursor < len(details):
            return chances.token_line(details, cursor, glyphs(self))
        whole = self.answers[at].output is not None
        return quiet("this server tells no probabilities\n" if whole else "nothing was said yet\n")
