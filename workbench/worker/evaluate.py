"""The evaluation process: a split's prompts answered by base and adapters, into the store, then scored.

How texts are scored is known in `evaluation`; how they are spoken, in `engine`.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from store import Store, open_store
from store.errors import BadInput, NotFound, StoreError
from store.evaluations import Evaluation, EvaluationRow
from workbench.composing.template import Example, composer
from workbench.evaluation.report import corpus_scores
from workbench.link import Sampling

if TYPE_CHECKING:
    from workbench.worker.engine import Engine


def main(root: Path, group: str) -> int:
    """Answer and score every running evaluation of a group.

    Args:
        root: The store's folder.
        group: What one command entered.

    Returns:
        0 when all were scored; 1 when some failed, which their records and the log explain.

    Raises:
        NotFound: The group has nothing to do.
    """
    with open_store(root, create=False) as store:
        entered = [each for each in store.evaluations.list(group) if each.status == "running"]
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


def _answer_all(store: Store, entered: list[Evaluation]) -> int:
    # Only now: these imports take seconds.
    from workbench.worker.engine import Engine

    engine = Engine(store.models.get(entered[0].model))
    failed = 0
    for evaluation in entered:
        try:
            _answer(store, engine, evaluation)
            pairs = ((row.prediction, row.references) for row in store.evaluations.rows(evaluation.id))
            store.evaluations.finish(evaluation.id, corpus_scores(pairs))
        except StoreError as error:
            sys.stderr.write(f"error: {error}\n")
            store.evaluations.fail(evaluation.id, str(error))
            failed += 1
    return 1 if failed else 0


def _answer(store: Store, engine: Engine, evaluation: Evaluation) -> None:
    """Answer the rows in their order, and keep the answers batch by batch."""
    from workbench.worker.engine import BATCH_ROWS

    sampling = Sampling(evaluation.settings["max_new_tokens"])
    (resident,) = engine.residents(store, [evaluation.adapter])
    asked = _questions(store, evaluation)
    decoder = engine.decoder
    chat = decoder.causal and decoder.codec.chat is not None
    while batch := list(islice(asked, BATCH_ROWS)):
        prompts = [decoder.encode(example, cut_for=sampling.max_new_tokens) for _, example in batch]
        predictions = [""] * len(batch)
        for piece in engine.speak([(prompt, resident) for prompt in prompts], sampling):
            if piece.whole is not None:
                predictions[piece.row] = piece.whole
        answered = [
            EvaluationRow(
                index,
                example.asked(causal=decoder.causal, chat=chat),
                prediction,
                (example.completion,),
                None,
            )
            for (index, example), prediction in zip(batch, predictions, strict=True)
        ]
        store.evaluations.append(evaluation.id, answered)


def _questions(store: Store, evaluation: Evaluation) -> Iterator[tuple[int, Example]]:
    """The rows of the split rendered, with their numbers; those that cannot be are told and left out."""
    dataset, template = store.datasets.get(evaluation.dataset), store.templates.get(evaluation.template)
    at_work = composer(store, dataset, template, evaluation.settings["variant_seed"])
    rows = store.datasets.rows(evaluation.dataset, evaluation.split, limit=evaluation.total)
    for index, row in enumerate(rows):
        try:
            yield index, at_work.example(index, row)
        except BadInput as error:
            sys.stderr.write(f"row {index} is left out: {error}\n")
