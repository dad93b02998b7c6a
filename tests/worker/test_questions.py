"""Batches of an evaluation: like lengths together, the longest first, within what is to be kept."""

from __future__ import annotations

import random

from workbench.composing.template import Example
from workbench.worker import questions
from workbench.worker.questions import BATCH_ROWS, Question


def asked(lengths: list[int]) -> list[Question]:
    system: questions.System = None  # type: ignore[assignment]  # batches do not look at it
    return [
        Question(system, index, Example("", "", ""), "", [1] * length, 0)
        for index, length in enumerate(lengths)
    ]


def test_every_question_is_in_one_batch_and_the_longest_come_first() -> None:
    chance = random.Random(0)
    lengths = [chance.randrange(1, 300) for _ in range(500)]
    made = list(questions.batches(asked(lengths), 20, 2_000))
    flat = [question for batch in made for question in batch]
    assert sorted(question.index for question in flat) == list(range(500))
    assert [len(question.ids) for question in flat] == sorted(lengths, reverse=True)
    assert all(len(batch) * (len(batch[0].ids) + 20) <= 2_000 for batch in made)
    # None could have taken the next one too.
    for batch in made[:-1]:
        assert (len(batch) + 1) * (len(batch[0].ids) + 20) > 2_000 or len(batch) == BATCH_ROWS


def test_a_batch_has_no_end_of_rows_and_one_question_always_has_room() -> None:
    assert [len(batch) for batch in questions.batches(asked([1] * 130), 1, 10_000)] == [64, 64, 2]
    assert [len(batch) for batch in questions.batches(asked([500, 3]), 1, 10)] == [1, 1]
    assert list(questions.batches([], 1, 10)) == []
