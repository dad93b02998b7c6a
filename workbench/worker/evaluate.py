"""The evaluation process: a split's prompts answered by base and adapters, into the store, then scored.

How texts are scored is known in `evaluation`; how they are spoken, in `engine`. The base is this process's
own: a model server answers people, who would wait behind a thousand rows, and takes prompts as typed text,
while an evaluation shows a model the very tokens that training does.
"""

from __future__ import annotations

import sys
import traceback
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from store import Store, open_store
from store.errors import Conflict, NotFound, StoreError
from store.evaluations import Evaluation, EvaluationRow
from workbench.composing.template import Example
from workbench.evaluating import SAMPLED, lock_path
from workbench.evaluation.report import corpus_scores
from workbench.link import Sampling
from workbench.processes import HeldLock
from workbench.runs.packages import PACKAGES, version
from workbench.worker import questions
from workbench.worker.failures import is_out_of_memory, not_numbers
from workbench.worker.questions import BATCH_TOKENS, Question, System

if TYPE_CHECKING:
    from workbench.worker.engine import Engine, Piece

WINDOW_ROWS = 256
"""So many rows are looked at together, to be asked in the order of their length."""


def main(root: Path, group: str) -> int:
    """Answer what a group's evaluations lack, and score them.

    Args:
        root: The store's folder.
        group: What one command entered.

    Returns:
        0 when all were scored; 1 when some failed, which their records and the log explain.

    Raises:
        NotFound: The group has nothing to do.
        Conflict: Another process is at it.
    """
    with open_store(root, create=False) as store, _sole(root, group):
        entered = [each for each in store.evaluations.list(group) if each.status != "completed"]
        if not entered:
            raise NotFound(f"evaluation group {group!r} has nothing to do", "start a new evaluation")
        try:
            return _answer_all(store, entered)
        except Exception as error:  # noqa: BLE001 (the process's door: every end is told)
            traceback.print_exc()
            told = error if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
            for each in store.evaluations.list(group):
                if each.status == "running":
                    store.evaluations.fail(each.id, str(told)[:500])
            return 1


def _sole(root: Path, group: str) -> HeldLock:
    lock = HeldLock.take(lock_path(root, group))
    if lock is None:
        raise Conflict(f"another process answers evaluation group {group}", "wait for it")
    return lock


def _answer_all(store: Store, entered: list[Evaluation]) -> int:
    versions = {name: version(name) for name in PACKAGES}
    begun = [store.evaluations.begin(each.id, versions) for each in entered]
    # Only now: these imports take seconds.
    from workbench.worker.engine import Engine

    work = _Work(store, Engine(store.models.get(begun[0].model)), begun[0])
    for evaluation in begun:
        work.take(evaluation)
    work.answer()
    return work.finish()


class _Work:
    """What one process does: evaluations that differ in who answers and in seeds and variants, not in else.

    Args:
        store: The store.
        engine: The base, loaded.
        example: One of the evaluations.
    """

    def __init__(self, store: Store, engine: Engine, example: Evaluation) -> None:
        self._store = store
        self._engine = engine
        self._rows = (example.dataset, example.split, example.total)
        self._sampling = Sampling(**{name: example.settings[name] for name in SAMPLED})
        self._systems: dict[str, System] = {}
        self._failed = 0
        self._most_tokens = BATCH_TOKENS
        self._chat = engine.decoder.causal and engine.decoder.codec.chat is not None

    def take(self, evaluation: Evaluation) -> None:
        """Take an evaluation up; one whose adapter cannot be used fails alone."""
        try:
            (resident,) = self._engine.residents(self._store, [evaluation.adapter])
            self._systems[evaluation.id] = questions.system(self._store, evaluation, resident)
        except StoreError as error:
            self._fail(evaluation, error)

    def answer(self) -> None:
        """Answer all that is not answered yet, window by window, and keep the answers batch by batch."""
        dataset, split, total = self._rows
        numbered = enumerate(self._store.datasets.rows(dataset, split, limit=total))
        new_tokens = self._sampling.max_new_tokens
        while window := list(islice(numbered, WINDOW_ROWS)):
            asked = questions.questions([*self._systems.values()], window, self._encode)
            for batch in questions.batches(asked, new_tokens, self._most_tokens):
                self._answer(batch)

    def finish(self) -> int:
        """Score what was answered.

        Returns:
            0 when nothing failed, else 1.
        """
        for each in self._systems.values():
            try:
                rows = self._store.evaluations.each(each.evaluation.id)
                scores = corpus_scores((row.prediction, row.references) for row in rows)
                self._store.evaluations.finish(each.evaluation.id, scores)
            except StoreError as error:
                self._fail(each.evaluation, error)
        return int(self._failed > 0)

    def _answer(self, batch: list[Question]) -> None:
        """Answer a batch; where that does not work, in parts, down to what it is that does not work."""
        batch = [each for each in batch if each.system.evaluation.id in self._systems]
        if not batch:
            return
        pieces, parts = self._try(batch)
        answered = list(zip(batch, pieces, strict=False))  # none where it is to be tried in parts
        for question, piece in answered:
            if piece.broken and question.system.evaluation.id in self._systems:
                self._give_up(question.system, not_numbers(question.system.evaluation.adapter))
        self._keep([each for each in answered if each[0].system.evaluation.id in self._systems])
        for part in parts:
            self._answer(part)

    def _try(self, batch: list[Question]) -> tuple[list[Piece], list[list[Question]]]:
        """The answers to a batch, or the parts that are to be tried in its place."""
        try:
            return self._speak(batch), []
        except StoreError as error:
            first = batch[0].system
            others = [each for each in batch if each.system is not first]
            if others:
                return [], [[each for each in batch if each.system is first], others]
            self._give_up(first, error)
            return [], []
        except Exception as error:
            if len(batch) == 1 or not is_out_of_memory(error):
                raise
            self._most_tokens = max(self._most_tokens // 2, 1)
            half = len(batch) // 2
            return [], [batch[:half], batch[half:]]

    def _speak(self, batch: list[Question]) -> list[Piece]:
        """The last piece of each question's answer, in their order."""
        whole: dict[int, Piece] = {}
        rows = [(each.ids, each.system.resident) for each in batch]
        seeds = [each.seed for each in batch]
        for piece in self._engine.speak(rows, self._sampling, seeds, len(batch)):
            if piece.whole is not None:
                whole[piece.row] = piece
        for note in self._engine.notes():
            sys.stderr.write(f"{note}\n")
        return [whole[row] for row in range(len(batch))]

    def _keep(self, answered: list[tuple[Question, Piece]]) -> None:
        kept: dict[str, list[EvaluationRow]] = {}
        for question, piece in answered:
            row = EvaluationRow(
                question.index,
                question.example.asked(causal=self._engine.decoder.causal, chat=self._chat),
                piece.whole or "",
                (question.example.completion,),
                question.source,
                piece.tokens,
                piece.truncated,
            )
            kept.setdefault(question.system.evaluation.id, []).append(row)
        for evaluation, rows in kept.items():
            self._store.evaluations.append(evaluation, rows)

    def _encode(self, example: Example) -> list[int]:
        return self._engine.decoder.encode(example, cut_for=self._sampling.max_new_tokens)

    def _give_up(self, system: System, error: StoreError) -> None:
        """Ask one no more; the others go on."""
        del self._systems[system.evaluation.id]
        self._fail(system.evaluation, error)

    def _fail(self, evaluation: Evaluation, error: StoreError) -> None:
        sys.stderr.write(f"error: {error}\n")
        self._store.evaluations.fail(evaluation.id, str(error))
        self._failed += 1
