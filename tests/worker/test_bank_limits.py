"""What the bank holds and what it refuses: memory in bytes, hostile words, adapters without effect."""

from __future__ import annotations

import gc
import itertools
import json
from typing import Any

import pytest
import torch
from peft import PrefixTuningConfig, PromptTuningConfig
from safetensors.torch import load_file, save_file

from store.adapters import Adapter
from store.errors import BadInput
from workbench.worker.bank import Bank
from workbench.worker.reading import byte_count

House = Any  # of conftest.py
WEIGHTS = "adapter_model.safetensors"


def size(adapter: Adapter) -> int:
    """The bytes of an adapter's tensors, by its file."""
    return sum(weight.nbytes for weight in load_file(adapter.path / WEIGHTS).values())


def tensors_alive() -> int:
    """The bytes of all tensors of this process."""
    gc.collect()
    return byte_count(each for each in gc.get_objects() if type(each) in (torch.Tensor, torch.nn.Parameter))


def written(house: House, name: str, like: Adapter, seed: int) -> Adapter:
    """Another adapter of the same shapes, written without a model."""
    folder = house.place / name
    folder.mkdir()
    torch.manual_seed(seed)
    weights = {key: torch.randn_like(value) for key, value in load_file(like.path / WEIGHTS).items()}
    save_file(weights, folder / WEIGHTS)
    (folder / "adapter_config.json").write_text((like.path / "adapter_config.json").read_text())
    adapter: Adapter = house.store.adapters.add(folder, name=name, model="tiny")
    return adapter


def test_of_a_hundred_adapters_thirty_two_take_just_their_bytes(causal: House) -> None:
    """Whoever speaks with whom: what lies end to end is not held twice, and who leaves leaves nothing."""
    first = causal.add("a", causal.lora(r=8, target_modules="all-linear"))
    adapters = [first, *(written(causal, f"a{number}", first, number) for number in range(1, 100))]
    ids, each = causal.ids(), size(first)
    causal.answer(None)
    alone = tensors_alive()
    for start in (0, 9, 40, 84, 3):
        rows = [causal.bank.ready(adapter) for adapter in adapters[start : start + 16]]
        causal.say(rows, [ids] * 16)
        causal.say(rows[3:9], [ids] * 6)
    for adapter in adapters:
        causal.bank.ready(adapter)
    assert causal.bank.names == [adapter.name for adapter in adapters[-32:]]
    causal.say([causal.bank.ready(adapter) for adapter in adapters[-8:]], [ids] * 8)
    assert causal.bank.bytes == 32 * each
    del rows
    assert 0 <= tensors_alive() - alone <= 1.1 * 32 * each


def test_a_budget_of_bytes_lets_the_least_lately_used_go_and_says_so(causal: House) -> None:
    """What speaks now stays, even where that is more than the budget."""
    adapters = [causal.add(name, causal.lora(), seed) for seed, name in enumerate("abc")]
    ids, expected = causal.ids(), [causal.answer(adapter) for adapter in adapters]
    causal.bank = Bank(causal.model, causal.record, budget_bytes=2 * size(adapters[0]))
    rows = [causal.bank.ready(adapter) for adapter in adapters]
    assert causal.bank.names == ["b", "c"]
    assert "adapter 'a' has left the memory" in causal.bank.told[0]
    assert causal.say(rows, [ids] * 3) == expected
    assert causal.say(rows[:1], [ids]) == expected[:1]
    assert causal.bank.bytes <= 2 * size(adapters[0])
    small = Bank(causal.model, causal.record, budget_bytes=size(adapters[0]) - 1)
    with pytest.raises(BadInput, match="there is room for"):
        small.ready(adapters[0])
    alone = causal.bank.ready(causal.add("alone", causal.lora(modules_to_save=["lm_head"])))
    assert causal.say([alone], [ids]) and causal.bank.names == ["c", "a", "alone"]


def test_a_batch_that_has_no_room_leaves_its_adapters_whole(
    causal: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that ends while matrices are laid end to end spoils no later answer."""
    adapters = [causal.add(name, causal.lora(), seed) for seed, name in enumerate("ab")]
    ids, expected = causal.ids(), [causal.answer(adapter) for adapter in adapters]
    rows = [causal.bank.ready(adapter) for adapter in adapters]
    cat, calls = torch.cat, itertools.count()

    def narrow(tensors: Any, *others: Any, **named: Any) -> torch.Tensor:
        if next(calls) == 3:
            raise torch.OutOfMemoryError
        return cat(tensors, *others, **named)

    with monkeypatch.context() as patched, pytest.raises(torch.OutOfMemoryError):
        patched.setattr(torch, "cat", narrow)
        causal.say(rows, [ids] * 2)
    assert causal.say(rows, [ids] * 2) == expected


def test_an_adapter_that_changes_nothing_is_known(causal: House) -> None:
    """Zeros beside the base; one that does something is not suspected."""
    works = causal.add("works", causal.lora())
    idle = causal.add("idle", causal.lora(), 1)
    weights = {
        name: torch.zeros_like(weight) if ".lora_B." in name else weight
        for name, weight in load_file(idle.path / WEIGHTS).items()
    }
    save_file(weights, idle.path / WEIGHTS)
    assert causal.bank.effect(causal.bank.ready(works)) is None
    told = causal.bank.effect(causal.bank.ready(idle))
    assert told is not None and told.startswith("adapter 'idle' changes nothing: ")
    assert causal.answer(idle) == causal.answer(None)


HOSTILE: dict[str, dict[str, Any]] = {
    "no-rank": {"r": 0},
    "rank-of-words": {"r": "4; import os"},
    "other-rank": {"r": 5},
    "scale-without-end": {"lora_alpha": 1e308},
    "scale-of-words": {"lora_alpha": "much"},
    "pattern": {"rank_pattern": {"q_proj": 10**9}},
    "endless-expression": {"target_modules": "(.*.*)*x"},
    "endless-pattern": {"rank_pattern": {"(.*.*)*x": 4}},
    "no-module": {"target_modules": ["nothing"]},
    "another-kind": {"peft_type": "IA3", "feedforward_modules": []},
    "no-kind": {"peft_type": "__import__('os')"},
    "replaces-layers": {"layer_replication": [[0, 2], [0, 2]]},
    "whole-modules": {"modules_to_save": ["lm_head"]},
}


def test_hostile_words_are_one_error_and_the_others_still_answer(causal: House) -> None:
    """A batch with all that is left answers as before; base and adapter are untouched."""
    good = causal.add("good", causal.lora(), 1)
    bare, expected = causal.answer(None), causal.answer(good)
    for seed, (name, words) in enumerate(HOSTILE.items()):
        adapter = causal.add(name, causal.lora(), seed)
        path = adapter.path / "adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | words))
        with pytest.raises(BadInput) as refused:
            causal.bank.ready(adapter)
        assert f"adapter {name!r}" in str(refused.value) and "\n" not in str(refused.value), name
        rows = [None, causal.bank.ready(good)]
        assert causal.say(rows, [causal.ids()] * 2) == [bare, expected], name


def test_soft_prompts_of_other_bases_are_refused(causal: House) -> None:
    """By their width, their layers or their heads, before a word is spoken."""
    for name, config in (
        ("prompt", causal.config(PromptTuningConfig, num_virtual_tokens=4)),
        ("prefix", causal.config(PrefixTuningConfig, num_virtual_tokens=4)),
    ):
        adapter = causal.add(name, config)
        weights = load_file(adapter.path / WEIGHTS)
        save_file({key: value[:, :24].contiguous() for key, value in weights.items()}, adapter.path / WEIGHTS)
        with pytest.raises(BadInput, match=f"adapter '{name}' does not fit the model"):
            causal.bank.ready(adapter)
    heads = causal.add("heads", causal.config(PrefixTuningConfig, num_virtual_tokens=4))
    path = heads.path / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_attention_heads": 2}))
    with pytest.raises(BadInput, match="its prefix is for layers of"):
        causal.bank.ready(heads)
    assert causal.bank.names == []
