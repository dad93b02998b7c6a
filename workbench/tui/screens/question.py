"""The question of the Compare screen: who is asked, what, and the answer that the data holds to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static, TextArea

from workbench.tui.clean import visible
from workbench.tui.present import compare as present
from workbench.tui.present.compare import DataPrompt, Speaker
from workbench.tui.screens import prompts
from workbench.tui.screens.prompts import Choice, Source
from workbench.tui.screens.systems import Systems
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.fields import Area

if TYPE_CHECKING:
    from workbench.tui.screen import Workbench

PROMPT_LIMIT = 100_000


class Question(Vertical):
    """The list of who can answer beside the prompt, and a line with the row's reference."""

    DEFAULT_CSS = """
    Question {
        height: 9;
        Horizontal { height: 1fr; }
        #systems { width: 32; }
        #prompt { width: 1fr; height: 1fr; }
        #reference { height: auto; max-height: 2; padding: 0 2; }
    }
    """

    class Changed(Message):
        """Others are asked."""

    @dataclass
    class Replaced(Message):
        """Another prompt stands there."""

        given: DataPrompt

    def __init__(self) -> None:
        super().__init__()
        self.model = ""
        self.by_hand = False
        """Somebody has chosen; what is made meanwhile no longer changes the choice."""
        self.row = -1
        """The number of the row that was taken last."""
        self.source: Source | None = None
        """The rows; None takes those that go with the marked adapters."""
        self._suggested: Choice | None = None
        self._listed: tuple[str, list[Speaker]] = ("", [])
        self._given = DataPrompt("")
        self._recalled: Saved | None = None

    def compose(self) -> ComposeResult:
        """List, prompt, reference."""
        with Horizontal():
            yield Systems(id="systems")
            prompt = Area(id="prompt", classes="pane", tab_behavior="focus")
            prompt.border_title = "prompt"
            yield prompt
        yield Static(id="reference", markup=False)

    @property
    def workbench(self) -> Workbench:
        """The app."""
        return cast("Workbench", self.app)

    @property
    def systems(self) -> Systems:
        """Who can answer."""
        return self.query_one(Systems)

    @property
    def field(self) -> TextArea:
        """Where the prompt is written."""
        return self.query_one(TextArea)

    @property
    def prompt(self) -> DataPrompt:
        """What is asked; a row of data brings its reference unless its text was changed."""
        text = self.field.text
        return self._given if text == visible(self._given.prompt, PROMPT_LIMIT) else DataPrompt(text)

    def why_not(self) -> str | None:
        """Why this question cannot be asked; None where it can."""
        if not self.model:
            return "there is no model; press {key:app.models} and add one"
        if not self.systems.chosen:
            return "nobody is marked; {key:table.mark} marks a line of the list"
        return (
            None
            if self.field.text.strip()
            else "the prompt is empty; {key:compare.prompt} writes one, {key:compare.next_row} takes a row"
        )

    def suggest(self, chosen: Callable[[Choice], None]) -> None:
        """Choose what was made last, unless somebody has chosen by hand.

        Args:
            chosen: Told once a row of its data is taken.
        """

        def found(choice: Choice | None) -> None:
            if choice is not None and choice != self._suggested and not self.by_hand:
                self._suggested = choice
                self.choose(choice, lambda: chosen(choice))

        self.workbench.ask("store", prompts.newest, found)

    def refresh_systems(self) -> None:
        """List again who can answer; the marks stay."""
        self.choose(Choice(self.model, tuple(self.systems.chosen)), None)

    def choose(self, choice: Choice, then: Callable[[], None] | None) -> None:
        """List a base and who can answer over it, mark those chosen, and fill an empty prompt with a row.

        Args:
            choice: What to choose.
            then: Told when there is a new prompt; None leaves a prompt that was written already.
        """

        def listed(speakers: list[Speaker]) -> None:
            # A run commits several times a second; an unchanged list is not put up again.
            if then is None and (choice.model, speakers) == self._listed:
                return
            self._listed = (choice.model, speakers)
            self.model = choice.model
            self.systems.open(choice.model, speakers, choice.systems)
            self.post_message(self.Changed())
            if then is not None or not self.field.text:
                self.take_row(self.row + 1, then)

        self.workbench.ask("store", lambda store: prompts.speakers(store, choice.model), listed)

    @property
    def remembered(self) -> dict[str, Any]:
        """Who is asked what, for another session: a text that was typed, or the row that was taken."""
        if self._recalled is not None:
            return dict(self._recalled)
        typed = "" if self.prompt.origin else self.field.text[:PROMPT_LIMIT]
        return {
            "model": self.model if self.by_hand or typed else "",
            "systems": self.systems.chosen,
            "row": self.row,
            "source": asdict(self.source) if self.source is not None else {},
            "typed": typed,
        }

    def recall(self, saved: Saved) -> None:
        """Ask who and what was asked when the screens were left, as far as it is still there."""
        self._recalled = saved
        model, source = chosen(saved, "model", str, ""), prompts.recalled_source(saved)
        typed, row = chosen(saved, "typed", str, ""), chosen(saved, "row", int, -1)
        systems = [
            each for each in chosen(saved, "systems", list, []) if each is None or isinstance(each, str)
        ]

        def found(known: tuple[bool, Source | None]) -> None:
            self._recalled = None
            there, self.source = known
            self.row = max(row, 0) - 1
            if typed:
                self.write(typed)
            if there:
                self.by_hand = True
                self.choose(Choice(model, tuple(systems)), None)

        self.workbench.ask("store", lambda store: prompts.still_there(store, model, source), found)

    def write(self, text: str) -> None:
        """Put a text into the prompt."""
        self._show(DataPrompt(text))

    def take_row(
        self,
        number: int,
        then: Callable[[], None] | None = None,
        lacking: Callable[[], None] | None = None,
    ) -> None:
        """Put a row of data into the prompt.

        Args:
            number: Which one; after the last comes the first.
            then: Told when it is there.
            lacking: Told when there is no data to take a row from.
        """
        model, systems, source = self.model, self.systems.chosen_adapters, self.source

        def taken(given: DataPrompt | None) -> None:
            told = lacking if given is None else then
            if given is not None:
                self.row = number
                self._show(given)
            if told is not None:
                told()

        self.workbench.ask("store", lambda store: prompts.take(store, model, systems, number, source), taken)

    def _show(self, given: DataPrompt) -> None:
        self._given = given
        self.field.load_text(visible(given.prompt, PROMPT_LIMIT))
        self.query_one("#reference", Static).update(present.reference(given))
        self.post_message(self.Replaced(given))
