"""The Compare screen: one prompt, answered side by side by a base and its adapters as they speak."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TextArea

from store.errors import BadInput
from workbench.client import RESTARTS
from workbench.link import Sampling
from workbench.tui.inbox import InboxChanged
from workbench.tui.live import CatalogChanged
from workbench.tui.present import compare as present
from workbench.tui.present import votes
from workbench.tui.present.chances import ALTERNATIVES
from workbench.tui.present.compare import Answer, DataPrompt
from workbench.tui.screen import WorkbenchScreen
from workbench.tui.screens import asking, ballot
from workbench.tui.screens.answers import Answers
from workbench.tui.screens.conversation import Conversation
from workbench.tui.screens.guide import Guide
from workbench.tui.screens.inbox_line import InboxLine
from workbench.tui.screens.prompts import Choice
from workbench.tui.screens.question import Question
from workbench.tui.screens.suspecting import Suspicions, sentences
from workbench.tui.sentences import keyed
from workbench.tui.state import Saved, chosen
from workbench.tui.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from store.errors import StoreError
    from store.preferences import Vote

LANE = "generate"
FLUSH_SECONDS = 0.25


class CompareScreen(WorkbenchScreen):
    """The question above, the answers below."""

    scope = "compare"
    CSS = """
    CompareScreen {
        &.-medium Question { height: 13; }
        &.-tall Question { height: 17; }
        &.-normal #systems { width: 38; }
        &.-wide #systems { width: 44; }
        #answers { height: 1fr; }
        &.-short #token { height: 2; }
        #status { height: auto; max-height: 4; padding: 0 2; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sampling = Sampling(alternatives=ALTERNATIVES)
        self._blind = False
        self._talk: Conversation | None = None
        self._ended: Conversation | None = None
        """The last one, while its answers are to be voted on."""
        self._asked: DataPrompt | None = None
        """What the answers in sight are answers to."""
        self._suspicions = Suspicions()
        self._told = ""

    def compose_body(self) -> Iterable[Widget]:
        """Guide, inbox, question, answers, and what is going on."""
        yield Guide("compare")
        yield InboxLine(id="inbox")
        yield Question()
        yield Answers(id="answers")
        yield Static(id="status", markup=False)

    def on_mount(self) -> None:
        """Choose what was made last, and listen for answers."""
        self.set_interval(FLUSH_SECONDS, self._flush)
        self._question.systems.focus()
        self._tell()

    def remember(self) -> dict[str, Any]:
        """Who is asked what, and how."""
        asked = {"question": self._question.remembered, "sampling": asdict(self._sampling)}
        return super().remember() | asked | {"blind": self._blind}

    def recall(self, saved: Saved) -> None:
        """Ask in the same way; the question finds out what of it is still there."""
        kept = chosen(saved, "sampling", dict, {})
        known = {each.name for each in fields(Sampling)} & kept.keys()
        with contextlib.suppress(BadInput):  # of another version: the usual one
            self._sampling = replace(self._sampling, **{name: kept[name] for name in known})
        self._blind = chosen(saved, "blind", bool, False)
        self._question.recall(chosen(saved, "question", dict, {}))
        self._tell()
        super().recall(saved)

    def on_screen_resume(self) -> None:
        """See what can be compared now."""
        self._look_again()

    def open_pair(self, model: str, adapters: Sequence[str | None]) -> None:
        """Choose a model and systems, take a row of their data and let them answer it."""
        self._question.by_hand = True
        self._question.choose(Choice(model, tuple(adapters)), self._ask_if_possible)

    def why_not(self, name: str) -> str | None:
        """What asking, stopping and voting need."""
        if name == "stop":
            return None if self._talk is not None else "nobody is answering"
        if name in ("ask", "next"):
            return (
                "they are answering; {key:compare.stop} stops them"
                if self._talk is not None
                else self._question.why_not()
            )
        if name == "better" and self._ended is not None and self._answers.focused_column is None:
            return "tab goes to the answers, {key:answer.left} and {key:answer.right} to the better one"
        if name in ("better", "equal"):
            return (
                None
                if self._ended is not None
                else "{key:compare.blind} asks blindly, and a vote is for whole answers"
            )
        return None

    @on(CatalogChanged)
    def _catalog_changed(self) -> None:
        if self.is_current:
            self._look_again()

    @on(InboxChanged)
    def _inbox_changed(self, message: InboxChanged) -> None:
        self.query_one(InboxLine).take(message.state)

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
        if self._talk is None and self._answers.offer(self._question.systems.chosen, self._question.model):
            self._ended = None
        self.refresh_chrome()

    @on(Question.Replaced)
    def _prompt_replaced(self, message: Question.Replaced) -> None:
        # Answers to another prompt beside this one, and its reference, would be misread. One that was asked
        # at once may have been answered before this is told.
        if self._talk is None and message.given != self._asked:
            self._ended = self._asked = None
            self._answers.forget(self._question.systems.chosen, self._question.model)

    @on(LiveTable.Selected)
    def _opened(self, message: LiveTable.Selected) -> None:
        message.table.action_mark()

    def action_prompt(self) -> None:
        """Write the prompt."""
        self._question.field.focus()

    def action_choose(self, what: str) -> None:
        """Choose an earlier prompt, rows, one of them, or another base."""
        asking.CHOICES[what](self, self._question)

    def action_row(self, step: int) -> None:
        """Take the row of data so many after this one."""
        self._take_row(step, None)

    def action_next(self) -> None:
        """Take the next row, and ask."""
        self._take_row(1, self._ask_if_possible)

    def _take_row(self, step: int, then: Callable[[], None] | None) -> None:
        question = self._question
        question.take_row(
            question.row + step, then, lacking=lambda: self.workbench.say(present.NO_DATA, "warning")
        )

    def action_sampling(self) -> None:
        """Set length, temperature and seed."""

        def chosen(sampling: Sampling) -> None:
            self._sampling = sampling
            self._tell()

        asking.sampling(self, self._sampling, chosen)

    def action_stop(self) -> None:
        """End the answers where they are."""
        if self._talk is not None:
            self._talk.stop()

    def action_ask(self) -> None:
        """Let the marked systems answer the prompt."""
        question = self._question
        blind = self._blind and len(question.systems.chosen) > 1
        systems = ballot.shuffled(question.systems.chosen) if blind else question.systems.chosen
        talk = self._talk = Conversation(question.model, systems, question.prompt, self._sampling)
        self._ended, self._asked = None, talk.prompt
        self._answers.open(systems, question.model, blind=blind)
        self._tell()
        if not talk.prompt.origin:
            self.ask(lambda store: store.prompts.use(talk.prompt.prompt))
        self.ask(
            talk.speak,
            lambda answers: self._answered(talk, answers),
            lane=LANE,
            failed=self._failed,
        )

    def action_detail(self) -> None:
        """Show tokens by their probability, or differences again."""
        self._answers.toggle_detail()

    def action_against(self) -> None:
        """Compare the others with the column in focus."""
        self._answers.compare_with_focused()

    def action_solo(self) -> None:
        """Show the column in focus alone, or all again."""
        self._answers.toggle_alone(self._question.systems.under_cursor)

    def action_blind(self) -> None:
        """Ask blindly from now on, or openly again."""
        self._blind = not self._blind
        self._tell()

    def action_better(self) -> None:
        """Vote for the column in focus."""
        self._vote(self._answers.focused_column)

    def action_equal(self) -> None:
        """Vote that none of them is better."""
        self._vote(None)

    def _vote(self, winner: int | None) -> None:
        talk, self._ended = self._ended, None

        def kept(vote: Vote) -> None:
            self._tell(Content(keyed(self, votes.kept(vote))))

        if talk is not None:
            # At once: when the vote is kept, the next question may stand there already.
            self._answers.reveal(winner)
            self.ask(lambda store: ballot.keep(store, talk, winner), kept)

    def action_wins(self) -> None:
        """Show what the votes have come to."""
        ballot.show_wins(self)

    def action_inbox(self) -> None:
        """Show what lies in the inbox."""
        self.query_one(InboxLine).open()

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
                self._answers.show(self._talk.answers)
            self._tell()

    def _answered(self, talk: Conversation, answers: list[Answer]) -> None:
        self._talk = None
        self._answers.show(talk.finish(answers))
        found = self._suspicions.see(talk)
        if self._answers.blind:
            self._ended = talk
            if self.focused is not self._question.field:
                self._answers.focus_first()
            self._tell(Content(keyed(self, votes.ASK)))
        else:
            self._tell(present.told(talk.notes))
            self.ask(lambda store: [*talk.notes, *sentences(store, talk, found)], self._tell_facts)
        self.refresh_chrome()

    def _tell_facts(self, facts: list[str]) -> None:
        if facts and self._talk is None:
            self._tell(present.told(facts))

    def _failed(self, error: StoreError) -> None:
        self._flush()
        self._talk = None
        self._tell(present.trouble(error.what, error.remedy))

    def _tell(self, news: Content | None = None) -> None:
        """The line below: what is going on, what came of it, or how the next answers are asked for."""
        talk = self._talk
        told: Content | str = news if news else present.sampling(self._sampling, blind=self._blind)
        if talk is not None and talk.stopped:
            told = "stopping"
        elif talk is not None and talk.restart is not None:
            told = present.restarted(talk.restart, RESTARTS)
        elif talk is not None:
            told = present.waiting(talk.seconds, talk.answers, talk.model)
        plain = str(told)
        if plain != self._told:
            self._told = plain
            self.query_one("#status", Static).update(told)
            self.refresh_chrome()

    @property
    def _question(self) -> Question:
        return self.query_one(Question)

    @property
    def _answers(self) -> Answers:
        return self.query_one(Answers)
