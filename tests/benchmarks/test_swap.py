"""How dear adapters are: many against a bare batch, a switch against PEFT's, a load against its bytes.

`pytest -m benchmark -n 0 -s tests/benchmarks/test_swap.py`

Times are the process's CPU time, with one thread, which other processes hardly change; what is compared runs
in turns, and medians are taken.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

from store import Store, open_store
from store.adapters import Adapter
from workbench.composing.masking import load_codec
from workbench.link import Sampling
from workbench.worker.bank import Bank, Resident
from workbench.worker.generate import Decoder
from workbench.worker.loading import load_model

pytestmark = pytest.mark.benchmark

RANKS = (4, 8, 16, 32, 4, 8, 16, 32)
PROMPT_TOKENS, NEW_TOKENS = 32, 12
TURNS = 5
SWITCHES = 50


class Desk:
    """A loaded base with resident adapters of some ranks."""

    def __init__(
        self, store: Store, place: Path, ranks: Sequence[int], layers: int, width: int, inner: int
    ) -> None:
        torch.manual_seed(0)
        config = LlamaConfig(
            hidden_size=width,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=width // 64,
            vocab_size=tiny_models.VOCABULARY,
            max_position_embeddings=256,
            bos_token_id=1,
            eos_token_id=None,  # every row speaks to the end
            pad_token_id=0,
        )
        LlamaForCausalLM(config).save_pretrained(place / "base")
        self.record = store.models.add(str(tiny_models.write_tokenizer(place / "base")), name="base")
        self.model = load_model(self.record)
        self.adapters = [self._adapter(store, place, number, rank) for number, rank in enumerate(ranks)]
        self.bank = Bank(self.model, self.record)
        self.decoder = Decoder(self.model, self.record, load_codec(self.record.path, self.record.family))
        self.decoder._ends = frozenset()
        self.residents = [self.bank.ready(adapter) for adapter in self.adapters]
        self.prompt = torch.randint(4, tiny_models.VOCABULARY, (PROMPT_TOKENS,)).tolist()

    def _adapter(self, store: Store, place: Path, number: int, rank: int) -> Adapter:
        folder = place / f"a{number}"
        with torch.device("meta"):
            bare = LlamaForCausalLM(self.model.config)
        config = LoraConfig(task_type="CAUSAL_LM", r=rank, target_modules="all-linear")
        shapes = get_peft_model_state_dict(get_peft_model(bare, config))
        folder.mkdir()
        config.save_pretrained(folder)
        weights = {name: torch.randn(shape.shape) * 0.02 for name, shape in shapes.items()}
        save_file(weights, folder / "adapter_model.safetensors")
        return store.adapters.add(folder, name=f"a{number}", model="base")

    def speak(self, rows: list[Resident | None], tokens: int = NEW_TOKENS) -> None:
        with self.bank.voice(rows) as voice:
            for _ in self.decoder.decode(voice, [self.prompt] * len(rows), Sampling(tokens)):
                pass


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = tmp_path_factory.mktemp("swap")
    with open_store(place / "store") as store:
        yield Desk(store, place, RANKS, layers=6, width=768, inner=2048)


def in_turns(**sides: Callable[[], Any]) -> dict[str, float]:
    """The median CPU seconds of each side, after one turn that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    gc.collect()
    for _ in range(TURNS + 1):
        for name, side in sides.items():
            began = time.process_time()
            side()
            taken[name].append(time.process_time() - began)
    return {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}


def test_eight_adapters_answer_at_once_for_little_more_than_a_bare_batch(desk: Desk) -> None:
    """At most 1.3 times."""
    rows: list[Resident | None] = [*desk.residents]
    took = in_turns(bare=lambda: desk.speak([None] * len(rows)), together=lambda: desk.speak(rows))
    ratio = took["together"] / took["bare"]
    print(f"\n8 adapters at once: {ratio:.2f}x of a bare batch of 8 rows")
    assert ratio <= 1.3


def test_a_switch_between_residents_is_many_times_quicker_than_pefts(desk: Desk) -> None:
    first, second = desk.residents[:2]
    peft = PeftModel.from_pretrained(load_model(desk.record), desk.adapters[0].path, adapter_name="a")
    peft.load_adapter(desk.adapters[1].path, adapter_name="b")

    def ours() -> None:
        for _ in range(SWITCHES):
            for resident in (first, second):
                with desk.bank.voice([resident]):
                    pass

    def theirs() -> None:
        for _ in range(SWITCHES):
            for name in ("a", "b"):
                peft.set_adapter(name, inference_mode=True)

    took = in_turns(ours=ours, theirs=theirs)
    ratio, one = took["theirs"] / took["ours"], took["ours"] / (2 * SWITCHES)
    print(f"\nswitch between residents: {one * 1000:.3f} ms there and back, {ratio:.0f}x quicker than PEFT's")
    assert ratio >= 5


def test_a_load_takes_little_more_than_reading_the_bytes(tmp_path: Path) -> None:
    """Of 448 matrices in 80 MB, as of rank 16 over eight billion weights in half precision; at most twice.

    The bytes are kept, as an adapter is: into memory that was just given back they would be read faster.
    """
    with open_store(tmp_path / "store") as store:
        desk = Desk(store, tmp_path, [128], layers=32, width=256, inner=688)
    (adapter,) = desk.adapters
    path = adapter.path / "adapter_model.safetensors"
    kept: list[bytes] = []

    def read() -> None:
        kept.append(path.read_bytes())
        del kept[:-2]

    def load() -> None:
        os.utime(path)  # what is there counts as new
        desk.bank.ready(adapter)

    took = in_turns(read=read, load=load)
    ratio = took["load"] / took["read"]
    megabytes = path.stat().st_size / 1e6
    print(f"\nload of {megabytes:.0f} MB: {ratio:.2f}x of reading them ({took['read'] * 1000:.1f} ms)")
    assert ratio <= 2


def test_the_first_token_after_a_switch_comes_as_soon_as_the_bases(desk: Desk) -> None:
    """At most 1.1 times; the adapter is another each time."""
    first, second = desk.residents[2], desk.residents[6]

    def switched() -> None:
        desk.speak([first], 1)
        desk.speak([second], 1)

    def bare() -> None:
        desk.speak([None], 1)
        desk.speak([None], 1)

    took = in_turns(bare=bare, switched=switched)
    ratio = took["switched"] / took["bare"]
    print(f"\nfirst token after a switch: {ratio:.2f}x of the base's")
    assert ratio <= 1.1
