"""How fast a split is answered: in mixed batches by length, against one system after another in row order.

`pytest -m benchmark -n 0 -s tests/benchmarks/test_evaluating.py`

Times are the process's CPU time, with one thread; the two sides take turns, and medians are taken.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence

import pytest
import torch

from store import Store
from workbench import starter
from workbench.link import Sampling
from workbench.worker import questions
from workbench.worker.engine import Engine
from workbench.worker.questions import BATCH_TOKENS, Question

pytestmark = pytest.mark.benchmark

ROWS, TURNS = 120, 3
SAMPLING = Sampling(max_new_tokens=24)


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def ask(store: Store, engine: Engine, made: starter.Starter) -> list[Question]:
    """What two systems are asked: the base, with the variants dealt out in two ways."""
    systems = []
    for seed in (0, 1):
        evaluation = store.evaluations.create(
            model=made.model,
            adapter=None,
            dataset=made.dataset,
            split=made.test_split,
            template=made.template,
            total=ROWS,
            settings={"seed": seed, "variant": None},
        )
        systems.append(questions.system(store, evaluation, None))
    rows = enumerate(store.datasets.rows(made.dataset, made.test_split, limit=ROWS))
    return list(questions.questions(systems, rows, engine.decoder.encode))


def answer(engine: Engine, batches: Sequence[list[Question]]) -> tuple[float, dict[tuple[int, int], str]]:
    """CPU seconds, and every answer by its seed and row."""
    began = time.process_time()
    said: dict[tuple[int, int], str] = {}
    for batch in batches:
        rows = [(question.ids, question.system.resident) for question in batch]
        for piece in engine.speak(rows, SAMPLING, None, len(batch)):
            if piece.whole is not None:
                question = batch[piece.row]
                said[question.system.composer.seed, question.index] = piece.whole
    return time.process_time() - began, said


@pytest.mark.usefixtures("one_thread")
def test_mixed_batches_by_length_are_faster_than_one_system_after_another(store: Store) -> None:
    """And say the same."""
    made = starter.install(store)
    engine = Engine(store.models.get(made.model))
    asked = ask(store, engine, made)
    plain = []
    for seed in (0, 1):
        own = [question for question in asked if question.system.composer.seed == seed]
        plain += [own[start : start + 16] for start in range(0, len(own), 16)]
    mixed = list(questions.batches(asked, SAMPLING.max_new_tokens, BATCH_TOKENS))
    seconds: dict[str, list[float]] = {"plain": [], "mixed": []}
    for _ in range(TURNS + 1):
        before, expected = answer(engine, plain)
        after, said = answer(engine, mixed)
        assert said == expected
        seconds["plain"].append(before)
        seconds["mixed"].append(after)
    took = {name: statistics.median(each[1:]) for name, each in seconds.items()}
    ratio = took["plain"] / took["mixed"]
    print(f"\nmixed by length: {len(asked) / took['mixed']:.0f} answers/s, {ratio:.2f}x of 16 rows in order")
    assert ratio >= 1.2
