"""The Compare screen: one prompt, answered side by side by a base and its adapters as they speak."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from workbench.link import Sampling
from workbench.tui.live import CatalogChanged
from workbench.tui.present import compare as present
from workbench.tui.present.compare import Answer
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import dialogs
from workbench.tui.screens.answers import Answers
from workbench.tui.screens.conversation import Conversation
from workbench.tui.screens.form_dialog import FormDialog
from workbench.tui.screens.guide import Guide
from workbench.tui.screens.prompts import Choice
from workbench.tui.screens.question import Question
from workbench.tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from store.errors import StoreError

LANE = "generate"
FLUSH_SECONDS = 0.25


class CompareScreen(WorkbenchScreen):
    """The question above, the answers below."""

    scope = "compare"
    CSS = """
    CompareScreen {
        &.-medium Question { height: 13; }
        &.-tall Question { height: 17; }
        &.-wide #systems { width: 42; }
        #status { height: auto; max-height: 3; padding: 0 2; }
        #answers { height: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sampling = Sampling()
        self._talk: Conversation | None = None
        self._told = ""

    def compose_body(self) -> Iterable[Widget]:
        """Guide, question, answers, and what is going on."""
        yield Guide("compare")
        yield Question()
        yield Answers(id="answers")
        yield Static(id="status", markup=False)

    def on_mount(self) -> None:
        """Choose what was made last, and listen for answers."""
        self.set_interval(FLUSH_SECONDS, self._flush)
        self._question.systems.focus()
        self._tell()

    def on_screen_resume(self) -> None:
        """See what can be compared now."""
        self._look_again()

    def open_pair(self, model: str, adapters: Sequence[str | None]) -> None:
        """Choose a model and systems, take a row of their data and let them answer it."""
        self._question.by_hand = True
        self._question.choose(Choice(model, tuple(adapters)), self._ask_if_possible)

    def why_not(self, name: str) -> str | None:
        """What asking and stopping need."""
        if name == "stop":
            return None if self._talk is not None else "nobody is answering"
        if name != "ask":
            return None
        return "they are answering; x stops them" if self._talk is not None else self._question.why_not()

    @on(CatalogChanged)
    def _catalog_changed(self) -> None:
        if self.is_current:
            self._look_again()

    def _look_again(self) -> None:
        if self._question.by_hand and self._question.model:
            self._question.refresh_systems()
        else:
            self._question.suggest(self._suggested)

    @on(LiveTable.Marked)
    def _marked(self) -> None:
        self._question.by_hand = True
        self._question_changed()

    @on(Question.Changed)
    @on(TextArea.Changed)
    def _question_changed(self) -> None:
        if self._talk is None:
            self.query_one(Answers).offer(self._question.systems.chosen, self._question.model)
        self.refresh_chrome()

    @on(LiveTable.Selected)
    def _opened(self, message: LiveTable.Selected) -> None:
        message.table.action_mark()

    def action_prompt(self) -> None:
        """Write the prompt."""
        self._question.field.focus()

    def action_row(self) -> None:
        """Take the next row of the data that the marked adapters were made for."""
        self._question.take_row(lacking=lambda: self.workbench.say(present.NO_DATA, "warning"))

    def action_model(self) -> None:
        """Choose another base."""

        def chosen(name: str) -> None:
            self._question.by_hand = True
            self._question.choose(Choice(name, (None,)), None)

        def offer(names: list[str]) -> None:
            dialogs.choose(self.app, "base model", [(name, name) for name in names], chosen)

        self.ask(lambda store: [model.name for model in store.models.list()], offer)

    def action_sampling(self) -> None:
        """Set length, temperature and seed."""

        def entered(values: dict[str, Any] | None) -> None:
            if values is not None:
                self._sampling = Sampling(**values)
                self._tell()

        fields, now = present.sampling_fields(), asdict(self._sampling)
        self.app.push_screen(FormDialog("sampling", fields, values=now), entered)

    def action_stop(self) -> None:
        """End the answers where they are."""
        if self._talk is not None:
            self._talk.stop()

    def action_ask(self) -> None:
        """Let the marked systems answer the prompt."""
        question, systems = self._question, self._question.systems.chosen
        talk = self._talk = Conversation(question.model, systems, question.prompt, self._sampling)
        self.query_one(Answers).open(systems, question.model)
        self._tell()
        self.ask(lambda store: talk.speak(store.root), self._answered, lane=LANE, failed=self._failed)

    def _suggested(self, choice: Choice) -> None:
        # In the demo the answers come by themselves; elsewhere nobody has asked for a model to be loaded.
        if self.workbench.demo and len(choice.systems) > 1:
            self._ask_if_possible()

    def _ask_if_possible(self) -> None:
        if self.why_not("ask") is None:
            self.action_ask()

    def _flush(self) -> None:
        if self._talk is not None:
            if self._talk.take():
                self.query_one(Answers).show(self._talk.answers)
            self._tell()

    def _answered(self, answers: list[Answer]) -> None:
        self._talk = None
        self.query_one(Answers).show(answers)
        self._tell()

    def _failed(self, error: StoreError) -> None:
        self._flush()
        self._talk = None
        self._tell(present.trouble(error.what, error.remedy))

    def _tell(self, trouble: Content | None = None) -> None:
        """The line below: what is going on, what went wrong, or how tokens are chosen."""
        told: Content | str = trouble or present.sampling(self._sampling)
        if self._talk is not None:
            told = present.waiting(self._talk.seconds, self._talk.answers, self._talk.model)
        plain = str(told)
        if plain != self._told:
            self._told = plain
            self.query_one("#status", Static).update(told)
            self.refresh_chrome()

    @property
    def _question(self) -> Question:
        return self.query_one(Question)
