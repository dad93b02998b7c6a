"""A run's samples, one prompt at one step at a time: asked, answered, what would be right, word by word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.tui import actions
from workbench.tui.clean import clean, safe
from workbench.tui.glyphs import glyphs
from workbench.tui.present import pair
from workbench.tui.present.inspect import Metric
from workbench.tui.present.pair import Explanation
from workbench.tui.screens.pair_view import SystemPane
from workbench.tui.widgets.modal import Dialog

if TYPE_CHECKING:
    from textual.app import App

    from store import Store
    from store.runs import Run
    from store.samples import Sample
    from workbench.tui.screen import Workbench

METRIC: Metric = "rougeL"
PROMPT_LIMIT = 4000


def explained(sample: Sample) -> Explanation:
    """What each word of an answer earned."""
    return pair.explain(f"step {sample.step}", sample.prediction, [sample.reference], METRIC)


class SamplesView(Dialog[None]):
    """Steps and prompts to go through.

    Args:
        run: The run.
        samples: Its samples, in order of steps and prompts; at least one.
    """

    scope: ClassVar[str] = "samples"
    BINDINGS: ClassVar[list[BindingType]] = actions.bindings("samples")
    CSS = """
    SamplesView {
        align: center middle;
        .dialog { width: 96%; height: 94%; max-height: 94%; padding: 0 1; }
        #sample-place { height: 1; padding: 0 2; }
        #sample-prompt { height: auto; max-height: 30%; padding: 0 2; }
        #sample-prompt Static { height: auto; color: $text-muted; }
        SystemPane { height: 1fr; min-height: 6; }
    }
    """

    def __init__(self, run: Run, samples: Sequence[Sample]) -> None:
        super().__init__(
            f"samples of {run.id} {run.name}",
            "{key:samples.previous_step} {key:samples.next_step} step  "
            "{key:samples.next_prompt} {key:samples.previous_prompt} prompt  {key:samples.leave} close",
        )
        self._by_place = {(sample.step, sample.number): sample for sample in samples}
        self._steps = sorted({sample.step for sample in samples})
        self._numbers = sorted({sample.number for sample in samples})
        self._at = len(self._steps) - 1
        self._prompt = 0

    def compose_body(self) -> ComposeResult:
        """Where it is, the prompt, the answer beside the reference."""
        yield Static(id="sample-place", markup=False)
        with VerticalScroll(id="sample-prompt", can_focus=False):
            yield Static(id="sample-asked", markup=False)
        yield SystemPane()

    def on_mount(self) -> None:
        """Show the newest answer to the first prompt."""
        self._show()

    @property
    def shown(self) -> Sample | None:
        """The sample in sight; a step may lack a prompt."""
        return self._by_place.get((self._steps[self._at], self._numbers[self._prompt]))

    def copy_text(self) -> str | None:
        """The answer."""
        return self.shown.prediction if self.shown else None

    def action_next_step(self) -> None:
        """Show the same prompt's answer a step later."""
        self._go(at=self._at + 1)

    def action_previous_step(self) -> None:
        """Show the same prompt's answer a step before."""
        self._go(at=self._at - 1)

    def action_next_prompt(self) -> None:
        """Show the next prompt's answer at the same step."""
        self._go(prompt=self._prompt + 1)

    def action_previous_prompt(self) -> None:
        """Show the prompt's answer before at the same step."""
        self._go(prompt=self._prompt - 1)

    def _go(self, *, at: int | None = None, prompt: int | None = None) -> None:
        self._at = min(max(self._at if at is None else at, 0), len(self._steps) - 1)
        self._prompt = min(max(self._prompt if prompt is None else prompt, 0), len(self._numbers) - 1)
        self._show()

    def _show(self) -> None:
        sample = self.shown
        separator = glyphs(self).separator
        place = (
            f"step {self._steps[self._at]} ({self._at + 1} of {len(self._steps)}) {separator} "
            f"prompt {self._prompt + 1} of {len(self._numbers)}"
        )
        self.query_one("#sample-place", Static).update(safe(place, "bold"))
        asked = sample.prompt if sample else "not answered at this step"
        self.query_one("#sample-asked", Static).update(safe(asked, limit=PROMPT_LIMIT))
        if sample is not None:
            workbench = cast("Workbench", self.app)
            workbench.ask("samples", lambda _store: (sample, explained(sample)), self._explained)

    def _explained(self, found: tuple[Sample, Explanation]) -> None:
        # Whoever has gone on meanwhile waits for that answer.
        sample, explanation = found
        if sample is self.shown:
            self.query_one(SystemPane).show(explanation)


def open_samples(workbench: Workbench, run: Run) -> None:
    """Show a run's samples, or say that there are none yet."""

    def show(samples: list[Sample]) -> None:
        if samples:
            # The protocol names what screens ask for; pushing a dialog is the app's own affair.
            cast("App[None]", workbench).push_screen(SamplesView(run, samples))
        else:
            workbench.say(f"{clean(run.id)} has no samples yet: they come with each validation", "warning")

    def read(store: Store) -> list[Sample]:
        return store.samples.list(run.id)

    workbench.ask("samples", read, show)
