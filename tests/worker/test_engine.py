"""The engine: what it tells of each token, of adapters by any name, and what people should hear of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from store import Store
from store.errors import BadInput, Conflict
from workbench.link import Sampling
from workbench.worker.engine import Engine, Piece

House = Any  # of conftest.py
PROMPT = "Anna: Do you bring bread?"
WEIGHTS = "adapter_model.safetensors"


class Told:
    """An engine over a house's base, and what it says."""

    def __init__(self, house: House) -> None:
        self.house, self.engine = house, Engine(house.record)

    def say(self, *names: str | None, **sampling: Any) -> list[list[Piece]]:
        ids = self.engine.decoder.encode(PROMPT)
        rows = [(ids, resident) for resident in self.engine.residents(self.house.store, names)]
        pieces: list[list[Piece]] = [[] for _ in names]
        for piece in self.engine.speak(rows, Sampling(max_new_tokens=12, **sampling)):
            pieces[piece.row].append(piece)
        return pieces

    def whole(self, name: str | None) -> str | None:
        return self.say(name)[0][-1].whole


@pytest.fixture(params=["causal", "seq2seq"])
def told(request: pytest.FixtureRequest, build: Callable[..., House]) -> Told:
    return Told(build(request.getfixturevalue(f"tiny_{request.param}")))


@pytest.fixture
def causal_told(causal: House) -> Told:
    return Told(causal)


def test_each_token_is_told_with_what_else_could_have_been(told: Told) -> None:
    """By the model's own probabilities, as a pass of plain transformers gives them, at any temperature."""
    (pieces,) = told.say(None, alternatives=3, temperature=2.0, seed=1)
    details = [detail for piece in pieces for detail in piece.detail]
    spoken = [detail.id for detail in details]
    assert len(spoken) == pieces[-1].tokens > 1
    assert any(detail.id != detail.top[0][0] for detail in details)
    prompt, model = told.engine.decoder.encode(PROMPT), told.house.load()
    for count, detail in enumerate(details):
        if told.house.causal:
            inputs = {"input_ids": torch.tensor([prompt + spoken[:count]])}
        else:
            inputs = {
                "input_ids": torch.tensor([prompt]),
                "decoder_input_ids": torch.tensor([[0, *spoken[:count]]]),
            }
        with torch.inference_mode():
            chances = model(**inputs).logits[0, -1].softmax(-1)
        assert detail.chance == pytest.approx(float(chances[detail.id]), abs=1e-5)
        assert [each for each, _, _ in detail.top] == chances.topk(3).indices.tolist()
        assert [chance for _, _, chance in detail.top] == pytest.approx(
            chances.topk(3).values.tolist(), abs=1e-5
        )
        assert detail.text == told.engine.tokenizer.decode([detail.id])


def test_nothing_of_the_tokens_is_told_unless_asked_for(causal_told: Told) -> None:
    assert not any(piece.detail for pieces in causal_told.say(None, None) for piece in pieces)


def test_a_step_without_text_is_told_too(told: Told) -> None:
    """Whoever listens can stop an answer of special tokens alone."""
    told.engine.decoder._config.suppress_tokens = [token for token in range(384) if token != 1]
    for pieces in told.say(None, None):
        assert (pieces[-1].whole, pieces[-1].tokens, pieces[-1].truncated) == ("", 12, True)
    assert len(told.say(None)[0]) == 12


def test_a_checkpoint_of_a_run_speaks_and_the_next_one_takes_its_place(causal_told: Told) -> None:
    """By `RUN@STEP`, and by `RUN@latest` whichever is the newest; the store's own adapter is another."""
    house = causal_told.house
    lineage = {"base": {"name": "tiny", "fingerprint": house.record.fingerprint}}
    run = house.store.runs.create(
        name="notes", model="tiny", dataset="d", template="t", method="lora", settings={}, lineage=lineage
    )
    adapters = [house.add(name, house.lora(), seed) for seed, name in enumerate(("first", "second"))]
    expected = [causal_told.whole(adapter.name) for adapter in adapters]
    assert expected[0] != expected[1]
    for step, adapter in enumerate(adapters, start=1):
        with house.store.checkpoints.staging(run.id, step) as staged:
            for name in ("adapter_config.json", WEIGHTS):
                shutil.copyfile(adapter.path / name, staged / name)
            house.store.checkpoints.publish(run.id, step, staged)
        assert causal_told.whole("notes@latest") == expected[step - 1]
    assert causal_told.whole(f"{run.id}@1") == expected[0]
    assert causal_told.engine.bank.names.count("notes@latest") == 1


def test_a_checkpoint_of_another_base_is_refused(causal_told: Told) -> None:
    store: Store = causal_told.house.store
    run = store.runs.create(
        name="far", model="other", dataset="d", template="t", method="lora", settings={},
        lineage={"base": {"name": "other", "fingerprint": "f" * 64}},
    )  # fmt: skip
    adapter = causal_told.house.add("a", causal_told.house.lora())
    with store.checkpoints.staging(run.id, 1) as staged:
        for name in ("adapter_config.json", WEIGHTS):
            shutil.copyfile(adapter.path / name, staged / name)
        store.checkpoints.publish(run.id, 1, staged)
    with pytest.raises(Conflict, match="made for 'other'"):
        causal_told.whole("far@1")


def test_notes_say_who_left_and_who_changes_nothing_once(causal_told: Told) -> None:
    house, bank = causal_told.house, causal_told.engine.bank
    for seed, name in enumerate(("idle", "a", "b")):
        house.add(name, house.lora(), seed)
    path: Path = house.store.adapters.get("idle").path / WEIGHTS
    save_file({key: value * (".lora_B." not in key) for key, value in load_file(path).items()}, path)
    bank._limit = 2
    causal_told.say("idle", "a")
    (note,) = causal_told.engine.notes()
    assert note.startswith("adapter 'idle' changes nothing")
    causal_told.say("b")
    (note,) = causal_told.engine.notes()
    assert note.startswith("adapter 'idle' has left the memory")
    assert causal_told.engine.notes() == []


def diverged(house: House, name: str, config: Any) -> None:
    """An adapter whose weights are numbers, and so large that nothing they make is one."""
    path = house.add(name, config).path / WEIGHTS
    save_file({key: torch.full_like(value, 1e38) for key, value in load_file(path).items()}, path)


def test_a_diverged_adapter_ends_alone_and_is_named(told: Told) -> None:
    """Beside others in one batch and in one of its own; where nobody else speaks it is an error."""
    house = told.house
    house.add("fine", house.lora(r=8), 1)
    diverged(house, "loud", house.lora())
    diverged(house, "alone", house.lora(modules_to_save=["lm_head"]))
    names = (None, "loud", "fine", "alone", "loud")
    expected = {name: told.whole(name) for name in (None, "fine")}
    told.engine.notes()
    last = [pieces[-1] for pieces in told.say(*names)]
    assert [each.broken for each in last] == [False, True, False, True, True]
    assert [last[0].whole, last[2].whole] == [expected[None], expected["fine"]]
    assert told.engine.notes() == [
        f"adapter {name!r}: its scores are not numbers; train it again with a lower learning rate"
        for name in ("loud", "alone")
    ]
    with pytest.raises(BadInput, match="adapter 'loud': its scores are not numbers"):
        told.say("loud", "loud")
    assert told.whole(None) == expected[None]
