"""One question to several systems under way: spoken on a lane's thread, taken by the loop at its own pace."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from store.errors import StoreError, Unavailable
from workbench import client
from workbench.client import Event, Line, Note, Restart, Token
from workbench.link import Sampling
from workbench.tui.present import compare as present
from workbench.tui.present.compare import Answer, DataPrompt, Piece

if TYPE_CHECKING:
    from store import Store


class Conversation:
    """What was asked of whom, and what has been answered so far.

    Args:
        model: The base.
        systems: Adapters' names; None is the bare base.
        prompt: The text they are shown, with the answers that the data holds to it.
        sampling: How tokens are chosen.
    """

    def __init__(
        self, model: str, systems: Sequence[str | None], prompt: DataPrompt, sampling: Sampling
    ) -> None:
        self.model = model
        self.systems = tuple(systems)
        self.prompt = prompt
        self.sampling = sampling
        self.answers: list[Answer] = present.columns(systems)
        self.asked: tuple[str | None, ...] = self.systems
        """The same; of a run the very checkpoint that answers, once that is known."""
        self.notes: list[str] = []
        """What the server told beside the answers."""
        self.restart: Restart | None = None
        """The server is being started again; None once it speaks."""
        self._events: deque[tuple[float, Event]] = deque()
        self._asked = time.monotonic()
        self._first: float | None = None
        self.stopped = False
        """Somebody has ended it."""
        self._line: Line | None = None

    @property
    def seconds(self) -> float:
        """Time since the question."""
        return time.monotonic() - self._asked

    def stop(self) -> None:
        """End the answers where they are."""
        self.stopped = True
        if self._line is not None:
            self._line.hang_up()

    def speak(self, store: Store) -> list[Answer]:
        """Ask, and listen to the end; on a lane's thread.

        Returns:
            The whole answers, scored where the data holds one; without their tokens, which `take` gathers.
        """
        self.asked = tuple(
            None if system is None else store.adapters.pinned(system) for system in self.systems
        )
        prompt, sampling = self.prompt.prompt, self.sampling
        try:
            told = client.generate(
                store.root, self.model, self.asked, prompt, sampling, self._hear, on_line=self._reach
            )
        except StoreError:
            self._check()  # who stopped the answers need not hear how they broke off
            raise
        ended = zip(self.systems, told, strict=True)
        return [present.whole(system, output, self.prompt.references) for system, output in ended]

    def _reach(self, line: Line) -> None:
        self._line = line
        self._check()

    def _check(self) -> None:
        if self.stopped:
            raise Unavailable("the answers were stopped", "press {key:compare.ask} to ask again")

    def _hear(self, event: Event) -> None:
        self._check()
        self._events.append((time.monotonic(), event))

    def take(self) -> bool:
        """Move what was heard into the answers; on the loop. False where nothing was."""
        heard = [self._events.popleft() for _ in range(len(self._events))]
        pieces: list[Piece] = []
        for moment, event in heard:
            match event:
                case Token():
                    self.restart = None
                    self._first = moment if self._first is None else self._first
                    pieces.append(Piece(event.row, event.text, event.details, moment - self._first))
                case Note():
                    self.notes.append(event.text)
                case Restart():
                    # Every answer begins anew.
                    pieces, self.answers = [], present.columns(self.systems)
                    self.restart, self._first = event, None
        self.answers = present.spoken(self.answers, pieces)
        return bool(heard)

    def finish(self, ended: Sequence[Answer]) -> list[Answer]:
        """The whole answers with the tokens that were told on the way."""
        self.take()
        spoken = zip(ended, self.answers, strict=True)
        self.answers = [replace(answer, details=said.details) for answer, said in spoken]
        return self.answers
