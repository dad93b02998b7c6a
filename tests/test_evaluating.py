"""Evaluations asked for: mistakes that need no process, and what may go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import Store
from store.errors import BadInput, Conflict, NotFound
from store.evaluations import EvaluationRow
from workbench.evaluating import EvaluationOptions, evaluate, group_of, lock_path, resume, settle
from workbench.link import Sampling
from workbench.processes import HeldLock

GOOD = EvaluationOptions("causal", (None,), "d", "t")


def ask(store: Store, **changes: object) -> None:
    evaluate(store.root, EvaluationOptions(**vars(GOOD) | changes))


def test_an_evaluation_that_cannot_work_is_refused_before_it_begins(stock: Store, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    head = 'name = "bad"\ntask = "t"\n[[variants]]\nname = "v"\ncompletion = "{{ summary }}"\n'
    path.write_text(f'{head}prompt = "{{{{ dialog }}}}"\n')
    stock.templates.add(path, name="bad")
    with pytest.raises(BadInput, match="did you mean 'dialogue'"):
        ask(stock, template="bad")
    with pytest.raises(NotFound, match="no split 'test'"):
        ask(stock, split="test")
    with pytest.raises(NotFound, match="no dataset"):
        ask(stock, dataset="monologues")
    with pytest.raises(NotFound, match="no adapter"):
        ask(stock, adapters=("nobody",))
    with pytest.raises(BadInput, match="33 adapters"):
        ask(stock, adapters=(None,) * 33)
    with pytest.raises(NotFound, match="no variant 'other'; it has v0; all takes each"):
        ask(stock, variant="other")
    assert stock.evaluations.list() == []


def test_seeds_that_change_nothing_are_refused(stock: Store) -> None:
    with pytest.raises(BadInput, match="are the same for every seed"):
        ask(stock, seeds=(1, 2))
    with pytest.raises(BadInput, match="given twice"):
        ask(stock, seeds=(1, 1), sampling=Sampling(temperature=1.0))
    with pytest.raises(BadInput, match="makes 257 evaluations"):
        ask(stock, seeds=tuple(range(257)), sampling=Sampling(temperature=1.0))


def entered(store: Store) -> str:
    settings = {
        "model_fingerprint": store.models.get("causal").fingerprint,
        "adapter_fingerprint": None,
        "dataset_fingerprint": store.datasets.get("d").fingerprint,
        "template_hash": store.templates.get("t").hash,
    }
    made = store.evaluations.create(
        model="causal", adapter=None, dataset="d", split="train", template="t", total=2, settings=settings
    )
    return made.id


def test_only_what_stayed_the_same_goes_on(stock: Store, tmp_path: Path) -> None:
    identifier = entered(stock)
    stock.evaluations.interrupt(identifier, "it was interrupted")
    path = tmp_path / "t.toml"
    path.write_text('name = "t"\ntask = "t"\n[[variants]]\nname = "v"\nprompt = "?"\ncompletion = "!"\n')
    stock.templates.remove("t")
    stock.templates.add(path, name="t")
    with pytest.raises(Conflict, match="the template of evaluation e1 changed; evaluate anew"):
        resume(stock.root, identifier)
    with pytest.raises(NotFound, match="no evaluation group named 'g7'"):
        resume(stock.root, "g7")
    stock.evaluations.begin(identifier)
    stock.evaluations.append(identifier, [EvaluationRow(0, "?", "!", ("!",), None)])
    stock.evaluations.finish(identifier, {})
    with pytest.raises(Conflict, match="g1 is completed"):
        resume(stock.root, "g1")


def test_what_nothing_answers_any_more_is_set_aside(stock: Store) -> None:
    identifier = entered(stock)
    with HeldLock.take(lock_path(stock.root, "g1")) or pytest.fail("locked"):
        settle(stock)
        assert stock.evaluations.get(identifier).status == "running"
    settle(stock)
    assert [each.status for each in group_of(stock, identifier)] == ["interrupted"]
