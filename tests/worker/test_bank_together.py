"""Adapters of all kinds in one batch: every row answers as plain PEFT does with its adapter alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
from peft import (
    IA3Config,
    LNTuningConfig,
    LoraConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
)
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BitsAndBytesConfig,
    GPT2Config,
    GPT2LMHeadModel,
)

from store.adapters import Adapter
from workbench.composing.masking import load_codec
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker.answering import Limits, Question, Speaker
from workbench.worker.bank import Bank

House = Any  # of conftest.py
PROMPTS = (
    "Anna: Do you bring bread?",
    "Question: What does Ben bring to the market? Answer:",
    "Summarise this dialogue in one sentence: Anna and Ben meet at the market on Saturday.",
)


@pytest.fixture(params=["causal-fp32", "causal-nf4", "seq2seq-fp32", "seq2seq-nf4"])
def house(request: pytest.FixtureRequest, build: Callable[..., House]) -> House:
    family, precision = request.param.split("-")
    return build(request.getfixturevalue(f"tiny_{family}"), four_bit=precision == "nf4")


def loras(house: House) -> dict[str, Any]:
    """Eight of mixed ranks, targets and variants."""
    q, k, v, o = (f"{part}_proj" if house.causal else part for part in "qkvo")
    up, down = ("up_proj", "down_proj") if house.causal else ("wi_1", "wo")
    first = "model.layers.0.self_attn.q_proj" if house.causal else "decoder.block.0.layer.0.SelfAttention.q"
    return {
        "chat": house.lora(),
        "chat-v2": house.lora(r=16, lora_alpha=32, target_modules=[v, k]),
        "rank-one": house.lora(r=1, target_modules=[o]),
        "feed-forward": house.lora(r=3, target_modules=[up, down]),
        "everything": house.lora(r=8, target_modules="all-linear"),
        "rslora": house.lora(r=2, use_rslora=True, target_modules=[q, down]),
        "dora": house.lora(r=6, use_dora=True, target_modules=[q, up]),
        "patterns": house.lora(r=5, rank_pattern={first: 9}, alpha_pattern={v: 20}),
    }


def others(house: House) -> dict[str, Any]:
    """The kinds that PEFT does not hold beside LoRA, and one that it does not have."""
    k, v, down = ("k_proj", "v_proj", "down_proj") if house.causal else ("k", "v", "wo")
    norm = "post_attention_layernorm" if house.causal else "layer_norm"
    houlsby = TrainingSettings(reduction_factor=8, bottleneck_style="houlsby")
    return {
        "prompt": house.config(PromptTuningConfig, num_virtual_tokens=5),
        "p-tuning": house.config(PromptEncoderConfig, num_virtual_tokens=3, encoder_hidden_size=16),
        "prefix": house.config(PrefixTuningConfig, num_virtual_tokens=4),
        "long-prefix": house.config(PrefixTuningConfig, num_virtual_tokens=7),
        "ia3": house.config(IA3Config, target_modules=[k, v, down], feedforward_modules=[down]),
        "norms": house.config(LNTuningConfig, target_modules=[norm]),
        "houlsby": RunOptions("tiny", "d", "t", "bottleneck", settings=houlsby),
    }


def settled(house: House, configs: dict[str, Any]) -> list[Adapter | None]:
    """The adapters of some configurations, with the base before, in the middle and behind."""
    made = [house.add(name, config, seed) for seed, (name, config) in enumerate(configs.items())]
    half = len(made) // 2
    return [None, *made[:half], None, *made[half:], None]


def residents(house: House, adapters: list[Adapter | None]) -> list[Any]:
    return [None if adapter is None else house.bank.ready(adapter) for adapter in adapters]


def test_a_batch_of_every_kind_answers_row_by_row_as_plain_peft(house: House) -> None:
    """Token for token, with prompts of different lengths, and the base is untouched afterwards."""
    before = {name: weight.clone() for name, weight in house.model.state_dict().items()}
    inside = [(name, {*vars(module)}) for name, module in house.model.named_modules()]
    adapters = settled(house, loras(house) | others(house))
    rows = residents(house, adapters)
    assert house.bank.groups(rows) == [list(range(len(rows)))]
    prompts = [house.ids(PROMPTS[number % 3]) for number in range(len(rows))]
    expected = [house.plain(adapter, ids) for adapter, ids in zip(adapters, prompts, strict=True)]
    for row, (adapter, said) in enumerate(zip(adapters, house.say(rows, prompts), strict=True)):
        assert said == expected[row], adapter and adapter.name
    bare = {number: answer for number, answer in enumerate(expected) if adapters[number] is None}
    assert sum(answer not in bare.values() for answer in expected) >= len(rows) - 5
    after = house.model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    assert [(name, {*vars(module)}) for name, module in house.model.named_modules()] == inside


def test_rows_of_the_base_are_the_bases_to_the_last_digits(house: House) -> None:
    """Beside eight LoRA adapters, in one forward pass; those, on the other hand, move their rows."""
    rows = residents(house, settled(house, loras(house)))
    ids = torch.tensor([house.ids()] * len(rows))
    inputs = {"input_ids": ids}
    if not house.causal:
        inputs["decoder_input_ids"] = torch.zeros((len(rows), 1), dtype=torch.long)
    with torch.inference_mode():
        bare = house.model(**inputs).logits
        with house.bank.voice(rows) as voice:
            mixed = voice.forward(**inputs).logits
    for row, resident in enumerate(rows):
        moved = (mixed[row] - bare[row]).abs().max()
        assert moved < 1e-5 if resident is None else moved > 1e-3, resident


def test_switching_back_and_forth_between_batches_stays_right(causal: House) -> None:
    """The matrices lie end to end for one batch and are parted for another; no answer changes by it."""
    configs = loras(causal)
    adapters = [causal.add(name, config, seed) for seed, (name, config) in enumerate(configs.items())]
    rows, ids = residents(causal, [*adapters]), causal.ids()
    expected = [causal.plain(adapter, ids) for adapter in adapters]
    for chosen in ((0, 1, 2), (2, 3, 4, 5), (1,), (0, 5), (7, 6, 5), (0, 1, 2, 3, 4, 5, 6, 7), (3, 4), (4,)):
        for count in (1, 2):
            said = causal.say([rows[number] for number in chosen] * count, [ids] * len(chosen) * count)
            assert said == [expected[number] for number in chosen] * count, chosen


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_coarser_bases_move_as_under_plain_peft(causal: House, precision: str) -> None:
    """Within the rounding of bfloat16, and of 8 bits, whose outliers are those of the whole batch."""
    how: dict[str, Any] = {"dtype": torch.bfloat16}
    if precision == "int8":
        how = {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}

    def load() -> Any:
        return AutoModelForCausalLM.from_pretrained(causal.record.path, **how).eval()

    configs = loras(causal) | {name: others(causal)[name] for name in ("ia3", "norms")}
    adapters = settled(causal, configs)
    model = load()
    causal.bank = Bank(model, causal.record)
    ids = torch.tensor([causal.ids()] * len(adapters))
    with torch.inference_mode(), causal.bank.voice(residents(causal, adapters)) as voice:
        mixed = voice.forward(input_ids=ids).logits.float()
        for row, adapter in enumerate(adapters):
            alone = load() if adapter is None else PeftModel.from_pretrained(load(), adapter.path).eval()
            expected = alone(input_ids=ids[:1]).logits[0].float()
            assert (mixed[row] - expected).norm() < 0.05 * expected.norm(), adapter


def test_an_adapted_embedding_answers_as_plain_peft(causal: House) -> None:
    """PEFT saves the base's own embedding beside it; that is known again, and not taken."""
    adapters = settled(
        causal, {"words": causal.lora(target_modules=["embed_tokens", "q_proj"]), "chat": causal.lora()}
    )
    rows, ids = residents(causal, adapters), causal.ids()
    assert causal.bank.groups(rows) == [[0, 1, 2, 3, 4]]
    assert causal.say(rows, [ids] * 5) == [causal.plain(adapter, ids) for adapter in adapters]


@pytest.fixture
def gpt2(build: Callable[..., House], tmp_path: Path) -> House:
    """A base whose positions are learned, and whose layers lie transposed and have biases."""
    sizes = {
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 128,
        "vocab_size": tiny_models.VOCABULARY,
    }
    torch.manual_seed(0)
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    GPT2LMHeadModel(GPT2Config(**sizes, **ends, initializer_range=0.3)).save_pretrained(tmp_path / "gpt2")
    return build(tiny_models.write_tokenizer(tmp_path / "gpt2"))


def speak_in_groups(house: House, adapters: list[Adapter | None], prompt: list[int]) -> None:
    """Each of them answers one prompt as plain PEFT does, in as many batches as they need."""
    rows = residents(house, adapters)
    for group in house.bank.groups(rows):
        said = house.say([rows[row] for row in group], [prompt] * len(group))
        assert said == [house.plain(adapters[row], prompt) for row in group], group


def test_adapted_positions_answer_as_plain_peft_and_leave_the_others_alone(gpt2: House) -> None:
    """They are looked up once for all rows, so such an adapter speaks after the others."""
    configs = {"places": gpt2.lora(target_modules=["wpe"]), "chat": gpt2.lora(target_modules=["c_attn"])}
    adapters = settled(gpt2, configs)
    assert gpt2.bank.groups(residents(gpt2, adapters)) == [[0, 2, 3, 4], [1]]
    speak_in_groups(gpt2, adapters, gpt2.ids())


def test_adapted_relative_positions_answer_as_plain_peft(
    build: Callable[..., House], tiny_seq2seq: Path
) -> None:
    """Those of T5, looked up for pairs of places and no row at all."""
    house = build(tiny_seq2seq)
    bias = house.lora(target_modules=["relative_attention_bias", "q"])
    adapters = settled(house, {"places": bias, "chat": house.lora()})
    assert house.bank.groups(residents(house, adapters)) == [[0, 2, 3, 4], [1]]
    speak_in_groups(house, adapters, house.ids())


def test_transposed_layers_answer_as_plain_peft(gpt2: House) -> None:
    """Those of GPT-2, whose weights lie the other way round, and which have biases."""
    house = gpt2
    lora = {"r": 4, "fan_in_fan_out": True, "target_modules": ["c_attn", "c_proj"]}
    adapters = settled(
        house,
        {
            "chat": house.config(LoraConfig, **lora),
            "dora": house.config(LoraConfig, **lora, use_dora=True),
            "bias": house.config(LoraConfig, **lora, lora_bias=True),
            "ia3": house.config(IA3Config, target_modules=["c_attn", "mlp.c_proj"],
                                feedforward_modules=["mlp.c_proj"], fan_in_fan_out=True),
            "norms": house.config(LNTuningConfig, target_modules=["ln_1", "ln_f"]),
            "prompt": house.config(PromptTuningConfig, num_virtual_tokens=4),
            "prefix": house.config(PrefixTuningConfig, num_virtual_tokens=4),
        },
    )  # fmt: skip
    rows = residents(house, adapters)
    assert house.bank.groups(rows) == [list(range(len(rows)))]
    prompts = [house.ids(PROMPTS[number % 3]) for number in range(len(rows))]
    expected = [house.plain(adapter, ids) for adapter, ids in zip(adapters, prompts, strict=True)]
    assert house.say(rows, prompts) == expected
    assert len({tuple(answer) for answer in expected}) > len(rows) - 3


SIZES: dict[str, dict[str, Any]] = {
    "bart": {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
             "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "init_std": 0.3,
             "max_position_embeddings": 128, "decoder_start_token_id": 2, "forced_eos_token_id": None},
    "opt": {"hidden_size": 32, "num_hidden_layers": 2, "ffn_dim": 64, "num_attention_heads": 4,
            "max_position_embeddings": 128, "word_embed_proj_dim": 32, "init_std": 0.3},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3},
    "gpt_neox": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
                 "max_position_embeddings": 128, "initializer_range": 0.3},
    "gemma2": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8,
               "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 128,
               "initializer_range": 0.3, "sliding_window": 64},
    "qwen3": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8,
              "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 128,
              "initializer_range": 0.3},
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(SIZES))
def test_other_architectures_answer_row_by_row_as_plain_peft(
    build: Callable[..., House], tmp_path: Path, kind: str
) -> None:
    """Learned, rotary and no positions, scaled embeddings, fused projections, windows; padded and not.

    A decoder whose positions are learned counts a prefix too: such adapters speak after the others.
    """
    torch.manual_seed(0)
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "vocab_size": tiny_models.VOCABULARY}
    config = AutoConfig.for_model(kind, **ends, **SIZES[kind])
    model = (AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM).from_config(config)
    model.save_pretrained(tmp_path / kind)
    house = build(tiny_models.write_tokenizer(tmp_path / kind))
    adapters = settled(
        house,
        {
            "lora": house.lora(target_modules="all-linear"),
            "dora": house.lora(target_modules="all-linear", use_dora=True),
            "prompt": house.config(PromptTuningConfig, num_virtual_tokens=3),
            "prefix": house.config(PrefixTuningConfig, num_virtual_tokens=3),
        },
    )
    rows = residents(house, adapters)
    prefixed = [number for number, adapter in enumerate(adapters) if adapter and adapter.name == "prefix"]
    assert house.bank.groups(rows)[1:] == ([prefixed] if kind == "bart" else [])
    for group in house.bank.groups(rows):
        for prompts in ([house.ids(PROMPTS[number % 3]) for number in group], [house.ids()] * len(group)):
            expected = [house.plain(adapters[row], ids) for row, ids in zip(group, prompts, strict=True)]
            assert house.say([rows[row] for row in group], prompts) == expected


def test_a_window_counts_no_padding_between_a_prefix_and_its_prompt(windowed: House) -> None:
    """A prefix stands beside prompts of other lengths only where no answer reaches the window's end."""
    adapters = settled(
        windowed,
        {
            "prefix": windowed.config(PrefixTuningConfig, num_virtual_tokens=4),
            "long-prefix": windowed.config(PrefixTuningConfig, num_virtual_tokens=7),
            "prompt": windowed.config(PromptTuningConfig, num_virtual_tokens=5),
            "lora": windowed.lora(),
        },
    )
    asked = [(adapter, windowed.ids(prompt)[:11]) for prompt in PROMPTS for adapter in adapters]
    asked += [(adapter, ids[:6]) for adapter, ids in asked[:5]]
    rows, lengths = residents(windowed, [adapter for adapter, _ in asked]), [len(ids) for _, ids in asked]
    groups = windowed.bank.groups(rows, lengths, new_tokens=16)
    expected = [windowed.plain(adapter, ids) for adapter, ids in asked]
    assert sorted(row for group in groups for row in group) == list(range(len(asked)))
    for group in groups:
        said = windowed.say([rows[row] for row in group], [asked[row][1] for row in group])
        assert said == [expected[row] for row in group]
    assert len(groups) == 1 + 3, "bare rows and others, and each length of those with a prefix"
    assert len(windowed.bank.groups(rows, lengths, new_tokens=1)) == 1
    alike = [row for row, (adapter, _) in enumerate(asked) if adapter is None or adapter.name != "prompt"][:4]
    same = windowed.bank.groups([rows[row] for row in alike], [lengths[row] for row in alike], new_tokens=16)
    assert same == [[0, 1, 2, 3]], "one prompt, without padding"


def test_samples_of_a_run_count_no_padding_either(windowed: House) -> None:
    """A prefix in training answers several prompts as it answers each alone."""
    adapter = windowed.add("prefix", windowed.config(PrefixTuningConfig, num_virtual_tokens=7))
    base = windowed.load()
    codec = load_codec(windowed.record.path, windowed.record.family)
    speaker = Speaker(base, windowed.record, codec, Limits(100, 16, batch_size=8), lambda: None)
    model = PeftModel.from_pretrained(base, adapter.path)
    asked = [
        Question(tuple(windowed.ids(prompt)[:count]), "", "") for prompt in PROMPTS for count in (11, 5, 8)
    ]
    alone = [speaker.answers(model, [question])[0] for question in asked]
    assert speaker.answers(model, asked) == alone
    assert len(set(alone)) > 1
