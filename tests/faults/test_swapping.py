"""Adapters come, speak, are replaced and go, for several clients at once: every answer is right."""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from store import open_store
from workbench import client
from workbench.client import Sampling
from workbench.composing.masking import load_codec, prompt_ids
from workbench.telemetry import process_memory

PROMPT = "Anna: Do you bring bread?"
FEW = Sampling(max_new_tokens=6)
CONTENTS = 8
CLIENTS = 4
KEPT = 4  # adapters of one client at a time, at most
GROWTH_BYTES = 24 * 1024**2  # what 300 adapters of 280 kB would be if a third of them stayed
WEIGHTS = "adapter_model.safetensors"


@dataclass
class World:
    """A store with a model, folders to add adapters from, and what each of them must answer."""

    root: Path
    folders: list[Path]
    expected: list[str]
    bare: str
    faults: list[str] = field(default_factory=list)


def write_lora(folder: Path, like: Path, seed: int) -> Path:
    """Another adapter of the same shapes."""
    shutil.copytree(like, folder)
    torch.manual_seed(seed)
    weights = load_file(like / WEIGHTS)
    save_file({name: torch.randn_like(weight) * 0.3 for name, weight in weights.items()}, folder / WEIGHTS)
    return folder


def plain_text(base: Path, adapter: Path | None, ids: list[int]) -> str:
    """What plain PEFT answers, with a whole pass for each token."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base)
    speaker = (model if adapter is None else PeftModel.from_pretrained(model, adapter)).eval()
    spoken: list[int] = []
    while len(spoken) < FEW.max_new_tokens and 2 not in spoken:
        with torch.inference_mode():
            spoken.append(int(speaker(input_ids=torch.tensor([ids + spoken])).logits[0, -1].argmax()))
    return str(AutoTokenizer.from_pretrained(base).decode(spoken, skip_special_tokens=True))


@pytest.fixture
def world(tmp_path: Path, tiny_causal: Path) -> Iterator[World]:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    root, first = tmp_path / "store", tmp_path / "shapes"
    config = LoraConfig(task_type="CAUSAL_LM", r=64, target_modules="all-linear")
    get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_causal), config).save_pretrained(first)
    folders = [write_lora(tmp_path / f"content-{number}", first, number) for number in range(CONTENTS)]
    with open_store(root) as store:
        record = store.models.add(str(tiny_causal), name="tiny")
    ids = prompt_ids(PROMPT, load_codec(record.path, record.family))
    expected = [plain_text(record.path, folder, ids) for folder in folders]
    assert len(set(expected)) > CONTENTS / 2
    os.environ["OMP_NUM_THREADS"] = "1"
    yield World(root, folders, expected, plain_text(record.path, None, ids))
    client.stop_server(root, "tiny")


def live(world: World, number: int, operations: int) -> None:
    """One client: adds, replaces, removes and asks at random, and checks every answer."""
    chance = random.Random(number)
    mine: dict[str, int] = {}  # what each name holds now
    with open_store(world.root) as store:
        for operation in range(operations):
            kind = chance.choice(("load", "swap", "unload", "generate", "generate"))
            name = f"c{number}-{chance.randrange(KEPT)}"
            if name in mine and kind in ("unload", "swap"):
                store.adapters.remove(name)
                del mine[name]
            if name not in mine and kind in ("load", "swap"):
                mine[name] = chance.randrange(CONTENTS)
                store.adapters.add(world.folders[mine[name]], name=name, model="tiny")
            if kind in ("swap", "generate"):
                asked: list[str | None] = [None, *chance.sample(sorted(mine), min(len(mine), 3))]
                chance.shuffle(asked)
                for output in client.generate(world.root, "tiny", asked, PROMPT, FEW):
                    right = world.bare if output.adapter is None else world.expected[mine[output.adapter]]
                    if output.text != right:
                        world.faults.append(
                            f"client {number}, operation {operation}: {output} is not {right!r}"
                        )


def all_at_once(world: World, operations: int) -> None:
    """Every client in a thread of its own."""

    def one(number: int) -> None:
        try:
            live(world, number, operations // CLIENTS)
        except BaseException as error:
            world.faults.append(f"client {number}: {error!r}")
            raise

    threads = [threading.Thread(target=one, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_store(world.root) as store:
        for adapter in store.adapters.list():
            store.adapters.remove(adapter.name)


def soak(world: World, operations: int) -> None:
    all_at_once(world, max(100, operations // 4))  # until as many are resident as ever will be
    (server,) = client.server_status(world.root)
    before = process_memory(server.pid)
    all_at_once(world, operations)
    assert world.faults == []
    assert [now.pid for now in client.server_status(world.root)] == [server.pid]
    assert process_memory(server.pid) - before < GROWTH_BYTES


def test_four_clients_swap_adapters_and_every_answer_is_right(world: World) -> None:
    """A hundred operations at once."""
    all_at_once(world, 100)
    assert world.faults == []


@pytest.mark.slow
def test_a_thousand_operations_leave_nothing_behind(world: World) -> None:
    """One server answers them all, and takes no more memory than after the first."""
    soak(world, 1000)
