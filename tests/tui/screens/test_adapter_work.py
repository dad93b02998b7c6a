"""Stories of work on adapters from their screen: measured side by side, combined; what cannot be says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_models

from store import Store


@pytest.fixture
def adapted(store: Store, tiny_causal: Path, tmp_path: Path) -> Store:
    """A store with two LoRA adapters of one base."""
    store.models.add(str(tiny_causal), name="tiny")
    for seed, name in enumerate(("chat", "notes")):
        folder = tmp_path / name
        folder.mkdir()
        config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4}
        config |= {"target_modules": ["q_proj"], "base_model_name_or_path": "x"}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        source, width = tiny_models.random.Random(seed), tiny_models.WIDTH
        tensors = {
            f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{part}.weight": (
                tiny_models.random_tensor(shape, source)
            )
            for layer in range(tiny_models.LAYERS)
            for part, shape in (("A", (2, width)), ("B", (width, 2)))
        }
        tiny_models.write_safetensors(folder / "adapter_model.safetensors", tensors)
        store.adapters.add(folder, model="tiny")
    return store


async def test_two_marked_adapters_are_measured_and_combined(adapted: Store, opened: Any, look: Any) -> None:
    async with opened(adapted.root) as pilot:
        await pilot.press("5")
        await look.wait(pilot, "notes")
        await pilot.press("b")
        await look.wait(pilot, "mark two or more LoRA adapters")
        await pilot.press("space", "j", "space", "D")
        await look.wait(pilot, "cosine", 60)
        await look.wait(pilot, "layers.1.self_attn.q_proj.weight")
        await pilot.press("escape", "b")
        await look.wait(pilot, "weight of chat")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "notes-chat is added", 60)
        assert adapted.adapters.get("notes-chat").method == "lora"


async def test_a_merge_and_an_export_ask_first(
    adapted: Store, opened: Any, look: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(adapted.root, size=(80, 24)) as pilot:
        await pilot.press("5")
        await look.wait(pilot, "notes")
        await pilot.press("m")
        await look.wait(pilot, "notes-merged")
        await pilot.press("escape", "e")
        await look.wait(pilot, "adapter_only")
        (tmp_path / "notes").rename(tmp_path / "elsewhere")
        await pilot.press("ctrl+s")
        await look.wait(pilot, "notes is in")
        assert (tmp_path / "notes" / "README.md").is_file()
