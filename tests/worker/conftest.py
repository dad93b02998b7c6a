"""What the tests of the worker share: adapters with random weights, and what plain PEFT answers with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

Make = Callable[[Path, Path, Any, int], Path]
WINDOW = 24
SHAPE = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "max_position_embeddings", "pad_token_id", "bos_token_id", "eos_token_id",
)  # fmt: skip


def load_base(folder: Path) -> Any:
    """Load a base model's folder as plain transformers does."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    seq2seq = AutoConfig.from_pretrained(folder).is_encoder_decoder
    return (AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM).from_pretrained(folder).eval()


def adapted(model: Any, adapter: Path) -> Any:
    """Put what was trained over a loaded base as its model card says: by PEFT, or the card's own lines."""
    from peft import PeftModel
    from safetensors.torch import load_file

    from workbench.worker import bottleneck

    kind = json.loads((adapter / "adapter_config.json").read_text())["peft_type"]
    if kind == "BOTTLENECK":
        return bottleneck.load(model, adapter)
    if kind == "PARTIAL":
        model.load_state_dict(load_file(adapter / "adapter_model.safetensors"), strict=False)
        return model
    return PeftModel.from_pretrained(model, adapter).eval()


def load_adapted(base: Path, adapter: Path) -> Any:
    """Load a base's folder with what was trained; whole models load by themselves."""
    if (adapter / "full_config.json").is_file():
        return load_base(adapter)
    return adapted(load_base(base), adapter)


def speak(model: Any, ids: list[int], new_tokens: int) -> list[int]:
    """Answer greedily with whole forward passes, without a line of ours.

    `generate` keeps a cache, under a name that not every pair of releases of the two libraries agrees on, and
    soft prompts then answer wrongly.
    """
    import torch

    seq2seq = model.config.is_encoder_decoder
    spoken: list[int] = []
    for _ in range(new_tokens):
        prompt = torch.tensor([ids if seq2seq else ids + spoken])
        decoder = {}
        if seq2seq:
            started = [model.config.decoder_start_token_id, *spoken]
            decoder = {"decoder_input_ids": torch.tensor([started])}
        with torch.inference_mode():
            made = model(input_ids=prompt, attention_mask=torch.ones_like(prompt), **decoder)
        spoken.append(int(made.logits[0, -1].argmax()))
        if spoken[-1] == 2:
            return spoken[:-1]
    return spoken


class House:
    """A base with its bank, a store to keep adapters in, and shortcuts."""

    def __init__(
        self, store: Any, folder: Path, place: Path, make: Make, *, limit: int = 32, four_bit: bool = False
    ) -> None:
        from workbench.composing.masking import load_codec
        from workbench.worker.bank import Bank
        from workbench.worker.generate import Decoder
        from workbench.worker.loading import load_model

        self.store, self.place, self.make = store, place, make
        self.record = store.models.add(str(folder), name="tiny")
        self.load = lambda: load_model(self.record, four_bit=four_bit)
        self.model = self.load()
        self.decoder = Decoder(self.model, self.record, load_codec(self.record.path, self.record.family))
        self.bank = Bank(self.model, self.record, limit)
        self.causal = self.record.family == "causal"

    def config(self, kind: type, **options: Any) -> Any:
        """PEFT's configuration of a kind for this base."""
        return kind(task_type="CAUSAL_LM" if self.causal else "SEQ_2_SEQ_LM", **options)

    def lora(self, **options: Any) -> Any:
        """A LoRA, by default of queries and values."""
        from peft import LoraConfig

        targets = ["q_proj", "v_proj"] if self.causal else ["q", "v"]
        return self.config(LoraConfig, **{"r": 4, "target_modules": targets} | options)

    def add(self, name: str, config: Any, seed: int = 0) -> Any:
        """Make an adapter with random weights and bring it into the store."""
        made = self.make(self.record.path, self.place / name, config, seed)
        return self.store.adapters.add(made, name=name, model="tiny")

    def ids(self, prompt: str = "Anna: Do you bring bread?") -> list[int]:
        """The ids of a prompt."""
        return self.decoder.encode(prompt)

    def say(self, residents: Sequence[Any], prompts: Sequence[list[int]]) -> list[list[int]]:
        """Answer each prompt with its adapter, all in one batch."""
        from workbench.link import Sampling

        rows: list[list[int]] = [[] for _ in prompts]
        with self.bank.voice(residents) as voice:
            for step in self.decoder.decode(voice, prompts, Sampling(16)):
                for said in step:
                    if said.token is not None:
                        rows[said.row].append(said.token)
        return rows

    def answer(self, adapter: Any | None, prompt: str = "Anna: Do you bring bread?") -> list[int]:
        """Answer one prompt with one adapter, or the base."""
        resident = None if adapter is None else self.bank.ready(adapter)
        return self.say([resident], [self.ids(prompt)])[0]

    def plain(self, adapter: Any | None, ids: list[int]) -> list[int]:
        """What plain PEFT answers over a base of its own, in this house's precision."""
        model = self.load()
        return speak(model if adapter is None else adapted(model, adapter.path), ids, 16)


@pytest.fixture
def build(store: Any, tmp_path: Path, make_adapter: Make) -> Callable[..., House]:
    """A function that builds a house over a model's folder."""
    return lambda folder, **options: House(store, folder, tmp_path, make_adapter, **options)


@pytest.fixture
def causal(build: Callable[..., House], tiny_causal: Path) -> House:
    """A house over the tiny Llama."""
    return build(tiny_causal)


@pytest.fixture
def windowed(build: Callable[..., House], tmp_path: Path) -> House:
    """A house over a Mistral that sees `WINDOW` places back."""
    import tiny_models
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        **{name: tiny_models.LLAMA_CONFIG[name] for name in SHAPE},
        sliding_window=WINDOW,
        initializer_range=0.3,
    )
    torch.manual_seed(0)
    MistralForCausalLM(config).save_pretrained(tmp_path / "windowed")
    return build(tiny_models.write_tokenizer(tmp_path / "windowed"))


@pytest.fixture(scope="session")
def plain_logits() -> Callable[[Path, Path | None], Any]:
    """A function that gives the logits of plain transformers, or plain PEFT, for a few tokens."""

    def logits(base: Path, adapter: Path | None = None) -> Any:
        import torch

        model = load_base(base) if adapter is None else load_adapted(base, adapter)
        inputs = {"input_ids": torch.tensor([[5, 9, 30, 41, 77, 12]])}
        if model.config.is_encoder_decoder:
            inputs["labels"] = torch.tensor([[50, 61, 8, 2]])
        with torch.inference_mode():
            return model(**inputs).logits

    return logits


@pytest.fixture(scope="session")
def make_adapter() -> Callable[[Path, Path, Any, int], Path]:
    """A function that saves an adapter whose weights are random, none of them zero.

    Of PEFT's kinds it is given a configuration, of ours a run's options.
    """

    def make(base: Path, target: Path, config: Any, seed: int) -> Path:
        import torch
        from peft import PeftConfig, get_peft_model

        from workbench.worker.methods import add_adapter
        from workbench.worker.publish import save

        torch.manual_seed(seed)
        ours = not isinstance(config, PeftConfig)
        model = add_adapter(load_base(base), config) if ours else get_peft_model(load_base(base), config)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.requires_grad:
                    weight.add_(torch.randn_like(weight) * 0.4)
        if ours:
            target.mkdir()
            save(model, config.method, target)
        else:
            model.save_pretrained(target)
        return target

    return make


@pytest.fixture(scope="session")
def plain_answer() -> Callable[[Path, Path | None, list[int], int], list[int]]:
    """A function that answers with plain transformers and PEFT, greedily."""

    def answer(base: Path, adapter: Path | None, ids: list[int], new_tokens: int = 16) -> list[int]:
        return speak(load_base(base) if adapter is None else load_adapted(base, adapter), ids, new_tokens)

    return answer
