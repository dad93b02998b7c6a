"""The bank: every kind of adapter answers as plain PEFT, the base stays itself, a bad one harms nobody."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import (
    IA3Config,
    LNTuningConfig,
    LoHaConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
)
from safetensors.torch import load_file, save_file

from store.adapters import Adapter
from store.errors import BadInput
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker.bank import Resident

PROMPTS = ("Anna: Do you bring bread?", "Question: What does Ben bring to the market? Answer:")
WEIGHTS = "adapter_model.safetensors"
Plain = Callable[[Path, Path | None, list[int]], list[int]]
House = Any  # of conftest.py


@pytest.fixture(params=["causal", "seq2seq"])
def house(request: pytest.FixtureRequest, build: Callable[..., House]) -> House:
    return build(request.getfixturevalue(f"tiny_{request.param}"))


def ours(method: str, **settings: Any) -> RunOptions:
    return RunOptions("tiny", "d", "t", method, settings=TrainingSettings(**settings))


def every_kind(house: House) -> dict[str, Any]:
    values = "v_proj" if house.causal else "v"
    keys = "k_proj" if house.causal else "SelfAttention.k"
    norm = "input_layernorm" if house.causal else "layer_norm"
    return {
        "chat": house.lora(),
        "chat-v2": house.lora(r=8, lora_alpha=16, target_modules=[values, keys]),
        "dora": house.lora(use_dora=True),
        "rslora": house.lora(r=2, use_rslora=True),
        "loha": house.config(LoHaConfig, r=4, target_modules=[values]),
        "with-head": house.lora(modules_to_save=["lm_head"]),
        "with-layer": house.lora(modules_to_save=[keys]),
        "ia3": house.config(IA3Config, target_modules=[values], feedforward_modules=[]),
        "norms": house.config(LNTuningConfig, target_modules=[norm]),
        "prompt": house.config(PromptTuningConfig, num_virtual_tokens=5),
        "p-tuning": house.config(PromptEncoderConfig, num_virtual_tokens=5, encoder_hidden_size=16),
        "prefix": house.config(PrefixTuningConfig, num_virtual_tokens=5),
        "pfeiffer": ours("bottleneck", reduction_factor=4),
        "houlsby": ours("bottleneck", reduction_factor=8, bottleneck_style="houlsby"),
        "last-layer": ours("partial", last_layers=1),
        "head": ours("partial", target_modules=("lm_head",)),
        "whole": ours("full"),
        "whole-v2": ours("full"),
    }


def test_every_kind_answers_as_plain_peft_in_any_order(house: House, plain_answer: Plain) -> None:
    """Token for token, back and forth over one loaded base, whose own weights are untouched at the end.

    What PEFT lacks is loaded by the lines of its model card.
    """
    before = {name: weight.clone() for name, weight in house.model.state_dict().items()}
    adapters = [
        house.add(name, config, seed) for seed, (name, config) in enumerate(every_kind(house).items())
    ]
    expected = {
        adapter.name: plain_answer(house.record.path, adapter.path, house.ids()) for adapter in adapters
    }
    bare = plain_answer(house.record.path, None, house.ids())
    assert sum(answer != bare for answer in expected.values()) >= len(adapters) - 1
    for adapter in [*adapters, *reversed(adapters)]:
        assert house.answer(adapter) == expected[adapter.name], adapter.name
        assert house.answer(None) == bare, f"the base after {adapter.name}"
    house.answer(None)
    after = house.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())


def test_norm_tuning_of_what_is_no_norm_is_left_to_peft(causal: House) -> None:
    """An embedding answers as PEFT's does; a block of several modules it cannot load, which is said."""
    words = causal.add("words", causal.config(LNTuningConfig, target_modules=["embed_tokens"]))
    assert causal.bank.groups([None, causal.bank.ready(words)]) == [[0], [1]]
    assert causal.answer(words) == causal.plain(words, causal.ids()) != causal.answer(None)
    block = causal.add("block", causal.config(LNTuningConfig, target_modules=["mlp"]), 1)
    with pytest.raises(BadInput, match="adapter 'block' does not fit the model"):
        causal.bank.ready(block)


def test_what_cannot_share_a_batch_is_grouped_alone(causal: House) -> None:
    """Kinds that only PEFT computes, modules trained whole, other weights for the base."""
    kinds = every_kind(causal)
    names = ("chat", "dora", "prompt", "loha", "ia3", "with-head", "houlsby", "whole", "prefix", "norms")
    rows: list[Resident | None] = [
        None,
        *(causal.bank.ready(causal.add(name, kinds[name])) for name in names),
    ]
    assert causal.bank.groups(rows) == [[0, 1, 2, 3, 5, 7, 9, 10], [4], [6], [8]]


def test_no_internal_name_contains_another(causal: House) -> None:
    """PEFT's prefix matching once zeroed `chat-v2` when `chat` was swapped."""
    residents = [
        causal.bank.ready(causal.add(name, causal.lora(), seed))
        for seed, name in enumerate(("a", "ab", "lora"))
    ]
    keys = [resident.key for resident in residents]
    assert len(set(keys)) == 3
    assert len({len(key) for key in keys}) == 1
    assert not any(part in key for key in keys for part in ("lora", "a.b", "weight"))


def test_an_adapter_replaced_on_disk_gives_its_new_answer(causal: House, plain_answer: Plain) -> None:
    old = causal.add("chat", causal.lora(), 1)
    before = causal.answer(old)
    causal.make(causal.record.path, causal.place / "new", causal.lora(r=8), 2)
    for name in (WEIGHTS, "adapter_config.json"):
        shutil.copyfile(causal.place / "new" / name, old.path / name)
    after = causal.answer(causal.store.adapters.get("chat"))
    assert after == plain_answer(causal.record.path, old.path, causal.ids()) != before
    assert causal.bank.names == ["chat"]


def test_two_names_of_one_content_stay_right_when_one_is_replaced(causal: House, plain_answer: Plain) -> None:
    first = causal.add("chat", causal.lora(), 1)
    twin = causal.store.adapters.add(causal.place / "chat", name="twin", model="tiny")
    expected = causal.answer(first)
    shutil.copyfile(
        causal.make(causal.record.path, causal.place / "b", causal.lora(), 2) / WEIGHTS, first.path / WEIGHTS
    )
    other = causal.bank.ready(twin)
    changed = causal.bank.ready(first)
    assert causal.say([other, changed], [causal.ids()] * 2) == [
        expected,
        plain_answer(causal.record.path, first.path, causal.ids()),
    ]


def test_the_least_recently_used_leaves_and_comes_back(
    build: Callable[..., House], tiny_causal: Path, plain_answer: Plain
) -> None:
    house = build(tiny_causal, limit=2)
    adapters = [house.add(name, house.lora(), seed) for seed, name in enumerate("abc")]
    expected = [plain_answer(house.record.path, adapter.path, house.ids()) for adapter in adapters]
    assert [house.answer(adapter) for adapter in adapters] == expected
    assert house.bank.names == ["b", "c"]
    assert house.answer(adapters[0]) == expected[0]
    assert house.bank.names == ["c", "a"]
    weights = [load_file(adapter.path / WEIGHTS) for adapter in adapters]
    sizes = [sum(weight.nbytes for weight in each.values()) for each in weights]
    assert house.bank.bytes == sizes[2] + sizes[0]
    assert house.bank.told[-1] == (
        "adapter 'b' has left the memory: it was used least lately, and 2 are kept"
    )


def spoil_with_nan(adapter: Adapter) -> None:
    weights = load_file(adapter.path / WEIGHTS)
    name = sorted(weights)[0]
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, adapter.path / WEIGHTS)


def truncate(adapter: Adapter) -> None:
    data = (adapter.path / WEIGHTS).read_bytes()
    (adapter.path / WEIGHTS).write_bytes(data[:-100])


def take_away(adapter: Adapter) -> None:
    (adapter.path / WEIGHTS).unlink()


def widen(adapter: Adapter) -> None:
    weights = {
        name: torch.ones(weight.shape[0], 77) for name, weight in load_file(adapter.path / WEIGHTS).items()
    }
    save_file(weights, adapter.path / WEIGHTS)


def drop_one(adapter: Adapter) -> None:
    weights = load_file(adapter.path / WEIGHTS)
    weights.pop(sorted(weights)[0])
    save_file(weights, adapter.path / WEIGHTS)


def bring_base_weights(adapter: Adapter) -> None:
    weights = load_file(adapter.path / WEIGHTS)
    weights["base_model.model.model.embed_tokens.weight"] = torch.zeros(384, 32)
    save_file(weights, adapter.path / WEIGHTS)


def reconfigure(old: str, new: str) -> Callable[[Adapter], None]:
    def change(adapter: Adapter) -> None:
        path = adapter.path / "adapter_config.json"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


BAD = {
    "nan": (spoil_with_nan, "not numbers"),
    "truncated": (truncate, "truncated or damaged"),
    "missing": (take_away, "No such file"),
    "other-shape": (widen, "does not fit"),
    "incomplete": (drop_one, "missing or left over"),
    "base-weights": (bring_base_weights, "weights of the base itself"),
    "pissa": (reconfigure('"init_lora_weights": true', '"init_lora_weights": "pissa"'), "changed the base"),
    "biases": (reconfigure('"bias": "none"', '"bias": "all"'), "biases of the base"),
    "targets": (reconfigure('"q_proj"', '"no_such_layer"'), "does not fit"),
}


def test_a_bad_adapter_is_refused_in_one_line_and_harms_nobody(causal: House) -> None:
    good = causal.add("good", causal.lora(), 1)
    bare, expected = causal.answer(None), causal.answer(good)
    for seed, (name, (spoil, told)) in enumerate(BAD.items()):
        adapter = causal.add(name, causal.lora(target_modules=["q_proj"]), seed)
        spoil(adapter)
        with pytest.raises(BadInput, match=told) as refused:
            causal.bank.ready(adapter)
        assert f"adapter '{name}'" in str(refused.value)
        assert "\n" not in str(refused.value)
        assert causal.answer(good) == expected, f"good after {name}"
        assert causal.answer(None) == bare, f"the base after {name}"
        assert name not in causal.bank.names


def test_a_bad_first_adapter_leaves_the_base_clean(causal: House) -> None:
    """PEFT has put its layers in by the time it sees that the shapes are wrong."""
    bare = causal.answer(None)
    modules = [name for name, _ in causal.model.named_modules()]
    adapter = causal.add("wide", causal.lora(), 1)
    widen(adapter)
    with pytest.raises(BadInput, match="does not fit"):
        causal.bank.ready(adapter)
    assert [name for name, _ in causal.model.named_modules()] == modules
    assert causal.answer(None) == bare


BAD_GUESTS = {
    "lost-place": (
        "houlsby",
        reconfigure("model.layers.0.mlp", "model.layers.7.mlp"),
        "missing or left over",
    ),
    "odd-activation": ("houlsby", reconfigure('"relu"', '"system"'), "describes no bottleneck adapters"),
    "half": ("houlsby", drop_one, "missing or left over"),
    "overflown": ("last-layer", spoil_with_nan, "not numbers"),
    "wide": ("last-layer", widen, "there, not"),
    "foreign": ("last-layer", bring_base_weights, "base_model.model.model.embed_tokens.weight is not there"),
}


def test_a_bad_guest_is_refused_in_one_line_and_harms_nobody(causal: House) -> None:
    """Of the kinds that PEFT lacks; one that was there before answers as before."""
    kinds = every_kind(causal)
    good = causal.add("good", kinds["head"], 1)
    bare, expected = causal.answer(None), causal.answer(good)
    for seed, (name, (kind, spoil, told)) in enumerate(BAD_GUESTS.items()):
        adapter = causal.add(name, kinds[kind], seed)
        spoil(adapter)
        with pytest.raises(BadInput, match=told) as refused:
            causal.bank.ready(adapter)
        assert f"adapter '{name}'" in str(refused.value) and "\n" not in str(refused.value)
        assert causal.answer(good) == expected, f"good after {name}"
        assert causal.answer(None) == bare, f"the base after {name}"


def test_a_guest_leaves_even_when_its_answer_is_broken_off(causal: House) -> None:
    """The base's own weights and modules are back, the very same tensors."""
    own = {name: weight.data_ptr() for name, weight in causal.model.named_parameters()}
    bare = causal.answer(None)
    for seed, name in enumerate(("whole", "houlsby")):
        resident = causal.bank.ready(causal.add(name, every_kind(causal)[name], seed))
        with pytest.raises(KeyboardInterrupt), causal.bank.voice([resident]):
            raise KeyboardInterrupt
    assert {name: weight.data_ptr() for name, weight in causal.model.named_parameters()} == own
    assert causal.answer(None) == bare


def test_of_whole_models_one_is_in_memory(causal: House) -> None:
    """The one used last; the other comes back when asked for."""
    adapters = [
        causal.add(name, every_kind(causal)[name], seed) for seed, name in enumerate(("whole", "head"))
    ]
    expected = [causal.answer(adapter) for adapter in adapters]
    size = sum(weight.nbytes for weight in load_file(adapters[1].path / WEIGHTS).values())
    assert causal.bank.bytes == size
    assert [causal.answer(adapter) for adapter in adapters] == expected
