"""Adapters that seem to do nothing: what they said beside their base, and what may be the reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.tui.present import answer_page, verdicts
from workbench.tui.present.verdicts import Sameness

if TYPE_CHECKING:
    from store import Store
    from workbench.tui.present.compare import Answer
    from workbench.tui.screens.conversation import Conversation

FEW_STEPS = 20


class Suspicions:
    """What has been seen of each adapter since the screen was opened."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Sameness] = {}

    def see(self, talk: Conversation) -> dict[str, Sameness]:
        """Take whole answers into account; what is known of those that never differed from the base."""
        base = next((answer for answer in talk.answers if answer.system is None), None)
        found: dict[str, Sameness] = {}
        for answer in talk.answers if base is not None else ():
            if answer.system is not None and base is not None:
                known = self._after(talk.model, answer.system, answer, base)
                if known.same == known.prompts:
                    found[answer.system] = known
        return found

    def _after(self, model: str, system: str, answer: Answer, base: Answer) -> Sameness:
        shown = (answer_page.shown_text(answer), answer_page.shown_text(base))
        known = self._known.get((model, system), Sameness())
        known = self._known[model, system] = known.after(verdicts.against(answer, base, shown))
        return known


def sentences(store: Store, talk: Conversation, found: dict[str, Sameness]) -> list[str]:
    """What is to be told of adapters that never differed from the base."""
    told = (verdicts.suspicion(name, known, reasons(store, name, talk)) for name, known in found.items())
    return [each for each in told if each is not None]


def reasons(store: Store, system: str, talk: Conversation) -> list[str]:
    """Why an adapter may say what its base says, as far as the store knows."""
    adapter = store.adapters.resolve(system)
    found: list[str] = []
    twins = _twins(store, system, talk.systems, adapter.fingerprint)
    if twins:
        found.append(f"Its weights are those of {', '.join(twins)}.")
    run = store.runs.find(adapter.known_run) if adapter.known_run else None
    if run is not None and run.step < FEW_STEPS:
        found.append(f"Its run made only {run.step} steps.")
    if run is not None and not talk.prompt.origin:
        dataset, template = run.example_data
        found.append(f"It was trained on {dataset} by {template}: {{key:compare.next_row}} takes such a row.")
    return found or ["Perhaps its run was short, its learning rate low, or lora_alpha near 0."]


def _twins(store: Store, system: str, systems: Sequence[str | None], fingerprint: str) -> list[str]:
    others = [each for each in systems if each is not None and each != system]
    return [each for each in others if store.adapters.resolve(each).fingerprint == fingerprint]
