"""One question to several systems under way: spoken on a lane's thread, taken by the loop at its own pace."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from store.errors import Unavailable
from workbench import client
from workbench.client import Event, Output, Token
from workbench.evaluation import rouge
from workbench.link import Sampling
from workbench.tui.present import compare as present
from workbench.tui.present.compare import Answer
from workbench.tui.screens.prompts import DataPrompt


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
        self.answers: list[Answer] = present.columns(systems)
        self._prompt = prompt
        self._sampling = sampling
        self._pieces: deque[tuple[int, str]] = deque()
        self._began = time.monotonic()
        self._stopped = False

    @property
    def seconds(self) -> float:
        """Time since the question."""
        return time.monotonic() - self._began

    def stop(self) -> None:
        """Have the answers end with the next token."""
        self._stopped = True

    def speak(self, root: Path) -> list[Answer]:
        """Ask, and listen to the end; on a lane's thread.

        Returns:
            The whole answers, scored where the data holds one.
        """
        prompt, references = self._prompt.prompt, self._prompt.references
        outputs = client.generate(root, self.model, self.systems, prompt, self._sampling, self._hear)
        return [self._answer(output, references) for output in outputs]

    def _hear(self, event: Event) -> None:
        if self._stopped:
            raise Unavailable("the answers were stopped", "press a to ask again")
        if isinstance(event, Token):
            self._pieces.append((event.row, event.text))

    def take(self) -> bool:
        """Move what was heard into the answers; on the loop. False where nothing was."""
        pieces = [self._pieces.popleft() for _ in range(len(self._pieces))]
        self.answers = present.spoken(self.answers, pieces)
        return bool(pieces)

    @staticmethod
    def _answer(output: Output, references: Sequence[str]) -> Answer:
        score = rouge.score(output.text, references)["rouge1"].fmeasure if references else None
        return Answer(output.adapter, output.text, output, score)
