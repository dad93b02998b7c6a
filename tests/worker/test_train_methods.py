"""Every method on both kinds of model: only the adapter is trained, and plain PEFT reproduces its logits."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import PeftModel
from transformers import AutoConfig, AutoModelForSeq2SeqLM, set_seed

from store import Store
from store.adapters import Adapter
from store.errors import BadInput
from store.models import Model
from store.runs import Run
from workbench.runs.methods import METHODS
from workbench.runs.options import RunOptions
from workbench.runs.training import TrainingSettings
from workbench.worker import lora_init, prefix
from workbench.worker.batches import collator
from workbench.worker.loading import compute_dtype, load_model, load_tokenizer
from workbench.worker.methods import CONFIGS, OWN, add_adapter, count_parameters
from workbench.worker.publish import publish_adapter
from workbench.worker.targets import linear_modules

FAMILIES = ("causal", "seq2seq")
PROMPT, TARGET = [5, 9, 30, 41, 77, 12], [50, 61, 8, 2]


@pytest.fixture
def models(store: Store, tiny_causal: Path, tiny_seq2seq: Path) -> dict[str, Model]:
    """Both kinds of model in a store."""
    return {
        "causal": store.models.add(str(tiny_causal), name="causal"),
        "seq2seq": store.models.add(str(tiny_seq2seq), name="seq2seq"),
    }


def batch(family: str) -> dict[str, torch.Tensor]:
    """Two rows of unequal length."""
    rows = []
    for cut in (0, 2):
        prompt = PROMPT[cut:]
        ids = prompt + TARGET if family == "causal" else prompt
        labels = [-100] * len(prompt) + TARGET if family == "causal" else TARGET
        rows.append({"input_ids": torch.tensor(ids), "labels": torch.tensor(labels)})
    return collator(0)(rows)


def options(method: str, **settings: Any) -> RunOptions:
    """A run of this method."""
    return RunOptions("m", "d", "t", method, settings=TrainingSettings(lora_dropout=0.0, **settings))


def steps(model: torch.nn.Module, family: str, count: int = 4) -> list[float]:
    """The losses of a few steps of training."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(count):
        loss = model(**batch(family)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def make_run(store: Store, method: str) -> Run:
    """A run for the adapter to point to."""
    dataset = {"name": "d", "split": "train", "fingerprint": "f"}
    lineage = {"dataset": dataset, "template": {"name": "t", "hash": "h"}, "versions": {}}
    return store.runs.create(
        name="adapter", model="m", dataset="d", template="t", method=method, settings={}, lineage=lineage
    )


def frozen_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A copy of what must not move."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}


def published(store: Store, model: Model, method: str, adapted: torch.nn.Module) -> Adapter:
    """The adapter in the store."""
    results = {"rows": 2, "skipped": 0, "steps": 4, "device": "cpu", "final": {}}
    return publish_adapter(store, make_run(store, method), model, adapted, results)


def loaded_plainly(adapter: Adapter, model: Model) -> torch.nn.Module:
    """What the model card's own lines make of the folder, with the base where the card names its source."""
    card = (adapter.path / "README.md").read_text()
    lines = card.partition("```python\n")[2].partition("```")[0]
    assert '"path/to/this/folder' in lines
    lines = lines.replace("path/to/this/folder", str(adapter.path))
    lines = lines.replace(json.dumps(model.source), json.dumps(str(model.path)))
    names: dict[str, Any] = {}
    exec(lines, names)  # noqa: S102 (the lines are ours, and whether they work is the question)
    loaded = names["model"].eval()
    assert isinstance(loaded, torch.nn.Module)
    return loaded


def test_every_method_offered_can_be_built() -> None:
    """The light list that people see and the heavy one that builds are the same."""
    assert [*CONFIGS, *OWN] == list(METHODS)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_its_part_alone_and_the_card_s_own_lines_reproduce_it(
    store: Store, models: dict[str, Model], method: str, family: str
) -> None:
    """The loss falls, frozen weights stay to the bit, and the published folder gives the same logits."""
    model = models[family]
    four_bit = method == "qlora"
    set_seed(0)
    adapted = add_adapter(load_model(model, four_bit=four_bit), options(method))
    frozen, trained = frozen_weights(adapted), count_parameters(adapted)[0]
    losses = steps(adapted, family, 8)
    assert losses[-1] < losses[0]
    for name, parameter in adapted.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name]), name
    assert bool(frozen) == (method != "full")

    inputs = batch(family)
    with torch.no_grad():
        expected = adapted.eval()(**inputs).logits
    adapter = published(store, model, method, adapted)
    assert adapter.trainable == trained
    again = (
        PeftModel.from_pretrained(load_model(model, four_bit=True), adapter.path).eval()
        if four_bit
        else loaded_plainly(adapter, model)
    )
    with torch.no_grad():
        bare = load_model(model)(**inputs).logits
        torch.testing.assert_close(again(**inputs).logits, expected, atol=1e-5, rtol=1e-5)
    moved = expected[:, -bare.shape[1] :] - bare  # virtual tokens stand first in causal logits
    assert float(moved.abs().max()) > 1e-2  # so that the equality above says something


def test_four_bit_training_keeps_its_gradients_after_an_evaluation(models: dict[str, Model]) -> None:
    """An evaluation changes no gradient after it, though bitsandbytes would repack weights on some CPUs."""

    def gradients(*, evaluate: bool) -> list[torch.Tensor]:
        set_seed(0)
        adapted = add_adapter(load_model(models["causal"], four_bit=True), options("qlora"))
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "lora_B" in name:
                    parameter.fill_(0.01)
            if evaluate:
                adapted.eval()(**batch("causal"))
        adapted.train()(**batch("causal")).loss.backward()
        return [p.grad for p in adapted.parameters() if p.grad is not None]

    base = load_model(models["causal"], four_bit=True)
    assert {m.support_avx512bf16_for_cpu for m in base.modules() if isinstance(m, Linear4bit)} == {False}
    for with_one, without in zip(gradients(evaluate=True), gradients(evaluate=False), strict=True):
        assert torch.equal(with_one, without)


@pytest.mark.parametrize("family", FAMILIES)
def test_recomputed_activations_give_the_same_gradients(models: dict[str, Model], family: str) -> None:
    """gradient_checkpointing changes memory, not what is learned."""

    def losses(*, recompute: bool) -> list[float]:
        set_seed(0)
        adapted = add_adapter(load_model(models[family]), options("lora", gradient_checkpointing=recompute))
        return steps(adapted, family)

    plain = losses(recompute=False)
    assert losses(recompute=True) == pytest.approx(plain, abs=1e-6)
    assert plain[-1] < plain[0]


def test_every_linear_layer_but_the_head_is_a_target(models: dict[str, Model]) -> None:
    """By the names that the architecture gives them."""
    assert linear_modules(load_model(models["causal"])) == sorted(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    )
    assert linear_modules(load_model(models["seq2seq"])) == ["k", "o", "q", "v", "wi_0", "wi_1", "wo"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("beginning", ["gaussian", "orthogonal", "pissa", "olora", "eva"])
@pytest.mark.parametrize("method", ["lora", "rslora"])
def test_lora_begins_as_asked_and_fits_the_untouched_base(
    store: Store, models: dict[str, Model], method: str, beginning: str, family: str
) -> None:
    """It begins with the base's own logits; after training plain PEFT reproduces it on the base as it was."""
    model, inputs = models[family], batch(family)
    asked = options(method, init_lora_weights=beginning, r=4, lora_alpha=6, batch_size=2)
    set_seed(0)
    rows = [{name: batch(family)[name][0] for name in ("input_ids", "labels")}] * 8
    first = lora_init.first_batches(rows, collator(0), asked.settings, causal=family == "causal")
    adapted = add_adapter(load_model(model), asked, first)
    plain = add_adapter(load_model(model), options(method, r=4, lora_alpha=6))
    trained = count_parameters(adapted)[0]
    assert trained == count_parameters(plain)[0]
    with torch.no_grad():
        bare = load_model(model)(**inputs).logits
        torch.testing.assert_close(adapted.eval()(**inputs).logits, bare, atol=2e-5, rtol=1e-5)
    losses = steps(adapted.train(), family, 8)
    assert losses[-1] < losses[0]
    with torch.no_grad():
        expected = adapted.eval()(**inputs).logits
        assert float((expected - bare).abs().max()) > 1e-2
    adapter = published(store, model, method, adapted)
    assert adapter.trainable == trained
    config = json.loads((adapter.path / "adapter_config.json").read_text())
    assert config["init_lora_weights"] is True
    assert config["r"] == (8 if beginning in ("pissa", "olora") else 4)
    with torch.no_grad():
        again = loaded_plainly(adapter, model)(**inputs).logits
    torch.testing.assert_close(again, expected, atol=3e-5, rtol=1e-5)


def test_eva_takes_the_directions_of_the_data(models: dict[str, Model]) -> None:
    """Its rows are orthonormal and hold more of the layer's real inputs than random directions do."""
    asked = options("lora", init_lora_weights="eva", r=4, batch_size=2)
    rows = [{name: batch("causal")[name][0] for name in ("input_ids", "labels")}] * 8
    first = list(lora_init.first_batches(rows, collator(0), asked.settings, causal=True))
    adapted = add_adapter(load_model(models["causal"]), asked, first)
    layer = adapted.base_model.model.model.layers[1].mlp.down_proj
    seen: list[torch.Tensor] = []
    layer.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0][0]))
    with torch.no_grad():
        adapted.eval()(**first[0])
    directions = layer.lora_A["default"].weight  # [r, in]
    torch.testing.assert_close(directions @ directions.T, torch.eye(4), atol=1e-4, rtol=0)
    centred = seen[0] - seen[0].mean(dim=0)  # [tokens, in]
    best = torch.linalg.svdvals(centred)[:4].square().sum()
    assert float((centred @ directions.T).square().sum() / best) > 0.98


def test_eva_begins_over_four_bits_too(models: dict[str, Model]) -> None:
    """It only looks at the layers' inputs; what it takes does not change the base."""
    asked = options("qlora", init_lora_weights="eva", r=4, batch_size=2)
    rows = [{name: batch("causal")[name][0] for name in ("input_ids", "labels")}] * 8
    first = lora_init.first_batches(rows, collator(0), asked.settings, causal=True)
    adapted = add_adapter(load_model(models["causal"], four_bit=True), asked, first)
    for name, weight in adapted.named_parameters():
        if "lora_A" in name:
            torch.testing.assert_close(weight @ weight.T, torch.eye(4), atol=1e-4, rtol=0)
    losses = steps(adapted, "causal")
    assert losses[-1] < losses[0]


def test_data_of_too_few_directions_ends_eva_with_a_reason(models: dict[str, Model]) -> None:
    """Not in a loop without an end: one token repeated has one direction, not sixteen."""
    asked = options("lora", init_lora_weights="eva", batch_size=2)
    row = {"input_ids": torch.full((40,), 7), "labels": torch.full((40,), 7)}
    first = lora_init.first_batches([row] * 8, collator(0), asked.settings, causal=True)
    with pytest.raises(BadInput, match="eva finds fewer directions in the training data than r"):
        add_adapter(load_model(models["causal"]), asked, first)
    few = lora_init.first_batches([row], collator(0), asked.settings, causal=True)
    with pytest.raises(BadInput, match="eva needs 64 tokens in 2 rows or more"):
        add_adapter(load_model(models["causal"]), asked, few)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_soft_prompt_begins_with_the_text_asked_for(models: dict[str, Model], family: str) -> None:
    """With its words' own embeddings, by the model's own tokenizer, without a look at the network."""
    text, base = "Summarise this dialogue", load_model(models[family])
    ids = load_tokenizer(models[family])(text)["input_ids"]
    asked = options("prompt-tuning", prompt_tuning_init_text=text, num_virtual_tokens=len(ids) + 2)
    adapted = add_adapter(base, asked)
    prompt = adapted.prompt_encoder["default"].embedding.weight
    words = base.get_input_embeddings().weight
    assert torch.equal(prompt, words[torch.tensor(ids + ids[:2])])


def test_a_prefix_begins_as_words_would(models: dict[str, Model]) -> None:
    """Before any training the model answers as if drawn words stood before the prompt."""
    base = load_model(models["causal"])
    adapted = add_adapter(base, options("prefix-tuning", num_virtual_tokens=5)).eval()
    set_seed(3)
    words = torch.randint(WORDS, (1, 5))
    set_seed(3)
    prefix.begin(adapted)
    prompt = torch.tensor([PROMPT])
    with torch.no_grad():
        expected = base(torch.cat((words, prompt), dim=1)).logits[:, 5:]
        seen = adapted(input_ids=prompt, attention_mask=torch.ones_like(prompt)).logits
    torch.testing.assert_close(seen, expected, atol=1e-5, rtol=1e-5)


def test_each_layer_of_a_decoder_reads_its_own_words(models: dict[str, Model]) -> None:
    """PEFT deals an encoder-decoder's prefix out in another order; of three layers each has a pair."""
    config = AutoConfig.from_pretrained(models["seq2seq"].path, num_decoder_layers=3)
    base = AutoModelForSeq2SeqLM.from_config(config)
    adapted = add_adapter(base, options("prefix-tuning", num_virtual_tokens=5)).eval()
    set_seed(3)
    words = torch.randint(WORDS, (1, 5))
    set_seed(3)
    prefix.begin(adapted)
    with torch.no_grad():
        own = base(input_ids=words, decoder_input_ids=words, use_cache=True).past_key_values
        read = adapted.get_prompt(1)
    for mine, theirs in zip(read.self_attention_cache.layers, own.self_attention_cache.layers, strict=True):
        torch.testing.assert_close(mine.keys, theirs.keys)
        torch.testing.assert_close(mine.values, theirs.values)


WIDTH, INNER, WORDS = 32, 64, 384
LLAMA_LAYER = 4 * WIDTH * WIDTH + 3 * WIDTH * INNER + 2 * WIDTH
T5_ENCODER_LAYER = 4 * WIDTH * WIDTH + 3 * WIDTH * INNER + 2 * WIDTH
T5_DECODER_LAYER = 8 * WIDTH * WIDTH + 3 * WIDTH * INNER + 3 * WIDTH


def bottlenecks(places: int, inner: int) -> int:
    """Two projections with biases at each place."""
    return places * (2 * WIDTH * inner + inner + WIDTH)


# Two layers, T5 two on each side; 20 virtual tokens.
COUNTS = {
    ("causal", "lora", ("r", 4)): 2 * 4 * (4 * 2 * WIDTH + 3 * (WIDTH + INNER)),
    ("causal", "dora", ("r", 4)): 2 * (4 * (4 * 2 * WIDTH + 3 * (WIDTH + INNER)) + 5 * WIDTH + 2 * INNER),
    ("causal", "ia3", ()): 2 * (2 * WIDTH + INNER),
    ("causal", "prompt-tuning", ()): 20 * WIDTH,
    ("seq2seq", "prompt-tuning", ()): 20 * WIDTH,
    ("causal", "prefix-tuning", ()): 20 * 2 * 2 * WIDTH,
    ("seq2seq", "prefix-tuning", ()): 20 * 2 * 2 * WIDTH,
    ("seq2seq", "p-tuning", ("encoder_hidden_size", 8)): 20 * WIDTH + 2 * 8 * WIDTH + 8 * 8 + 8 + 8 + WIDTH,
    ("causal", "ln-tuning", ()): 5 * WIDTH,
    ("seq2seq", "ln-tuning", ()): (2 * 2 + 2 * 3 + 2) * WIDTH,
    ("causal", "bottleneck", ()): bottlenecks(2, 2),
    ("causal", "bottleneck", ("bottleneck_style", "houlsby")): bottlenecks(4, 2),
    ("seq2seq", "bottleneck", ("bottleneck_style", "houlsby")): bottlenecks(2 * 2 + 2 * 3, 2),
    ("causal", "bottleneck", ("reduction_factor", 1000)): bottlenecks(2, 1),
    ("causal", "partial", ("last_layers", 1)): LLAMA_LAYER,
    ("seq2seq", "partial", ("last_layers", 1)): T5_ENCODER_LAYER + T5_DECODER_LAYER,
    ("seq2seq", "partial", ("target_modules", ("lm_head",))): WORDS * WIDTH,
    ("causal", "full", ()): 2 * WORDS * WIDTH + 2 * LLAMA_LAYER + WIDTH,
    ("seq2seq", "full", ()): (
        WORDS * WIDTH + 2 * (T5_ENCODER_LAYER + T5_DECODER_LAYER) + 2 * WIDTH + 2 * 8 * 4
    ),
}


@pytest.mark.parametrize("case", COUNTS, ids=lambda case: "-".join(map(str, case)))
def test_trained_parameters_are_what_arithmetic_says(models: dict[str, Model], case: Any) -> None:
    """A tied weight counts once, and a soft prompt's tokens once."""
    family, method, setting = case
    settings = dict([setting]) if setting else {}
    adapted = add_adapter(load_model(models[family]), options(method, **settings))
    assert count_parameters(adapted)[0] == COUNTS[case]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["ln-tuning", "bottleneck", "partial", "full", "prefix-tuning"])
def test_a_base_in_half_precision_learns_in_full(models: dict[str, Model], method: str, family: str) -> None:
    """A step far below bfloat16's grain is not lost, and what is frozen stays in bfloat16."""
    adapted = add_adapter(load_model(models[family], dtype="bfloat16"), options(method))
    trained = [each for each in adapted.parameters() if each.requires_grad]
    assert {each.dtype for each in trained} == {torch.float32}
    assert {each.dtype for each in adapted.parameters() if not each.requires_grad} <= {torch.bfloat16}
    before = [each.detach().clone() for each in trained]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, weight_decay=0.0)
    for _ in range(2):  # what stands before a zero matrix moves with the second
        with torch.autocast("cpu", dtype=torch.bfloat16):
            adapted(**batch(family)).loss.backward()
        optimizer.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, trained, strict=True))


def test_target_modules_that_are_not_there_are_told(models: dict[str, Model]) -> None:
    """With those that are."""
    with pytest.raises(BadInput, match=r"target_modules names query, .*choose from down_proj, .*q_proj"):
        add_adapter(load_model(models["causal"]), options("lora", target_modules=("query", "v_proj")))


def test_a_model_of_the_other_kind_is_refused(models: dict[str, Model]) -> None:
    """A causal head is not guessed from an encoder-decoder's folder."""
    wrong = dataclasses.replace(models["seq2seq"], family="causal")
    with pytest.raises(BadInput, match="does not load as a causal model"):
        load_model(wrong)


def test_precision_is_chosen_by_the_device() -> None:
    """float32 on a processor, unless asked otherwise."""
    cpu = torch.device("cpu")
    assert compute_dtype("auto", cpu) == torch.float32
    assert compute_dtype("bfloat16", cpu) == torch.bfloat16
