"""A blind question: who answers behind which letter, and what is kept of the choice between them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from store.preferences import Candidate
from workbench.evaluation.wins import duels
from workbench.tui.present import votes as present
from workbench.tui.sentences import keyed
from workbench.tui.widgets.modal import Notice

if TYPE_CHECKING:
    from store import Store
    from store.preferences import Vote
    from workbench.evaluation.wins import Duel
    from workbench.tui.screen import WorkbenchScreen
    from workbench.tui.screens.conversation import Conversation


def shuffled(systems: Sequence[str | None]) -> list[str | None]:
    """The systems in an order that nobody can foresee."""
    return secrets.SystemRandom().sample(list(systems), len(systems))


def keep(store: Store, talk: Conversation, winner: int | None) -> Vote:
    """Keep which of a conversation's answers was found better; None where none was."""
    return store.preferences.add(
        model=talk.model,
        prompt=talk.prompt.prompt,
        references=talk.prompt.references,
        candidates=[
            Candidate(system, answer.text) for system, answer in zip(talk.asked, talk.answers, strict=True)
        ],
        winner=winner,
        sampling=asdict(talk.sampling),
    )


def show_wins(screen: WorkbenchScreen) -> None:
    """Show how often each was preferred over each other."""

    def found(counted: list[Duel]) -> None:
        screen.app.push_screen(Notice("wins", keyed(screen, present.table(counted))))

    screen.ask(lambda store: duels(store.preferences.list()), found)
