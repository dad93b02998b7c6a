"""Adapters: published whole with their lineage, checked against their base, hostile keys left behind."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import tiny_models

from store import BadInput, Conflict, NotFound, Store
from store.files import staging
from store.models import Model

RANK = 4


def write_lora(folder: Path, width: int = tiny_models.WIDTH, **changes: Any) -> Path:
    """Write what PEFT's save_pretrained writes for a LoRA of the tiny Llama's query projections."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "tiny",
        "r": RANK,
        "lora_alpha": 8,
        "target_modules": ["q_proj"],
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    source = random.Random(0)
    tensors = {}
    for layer in range(tiny_models.LAYERS):
        at = f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora"
        tensors[f"{at}_A.weight"] = tiny_models.random_tensor((RANK, width), source)
        tensors[f"{at}_B.weight"] = tiny_models.random_tensor((width, RANK), source)
    tiny_models.write_safetensors(folder / "adapter_model.safetensors", tensors)
    return folder


@pytest.fixture
def model(store: Store, tiny_causal: Path) -> Model:
    """The tiny Llama in the store."""
    return store.models.add(str(tiny_causal), name="tiny")


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    """A LoRA folder for the tiny Llama."""
    return write_lora(tmp_path / "my-lora")


def test_a_trained_adapter_is_published_with_its_lineage(store: Store, model: Model) -> None:
    with staging(store.root) as staged:
        write_lora(staged)
        (staged / "README.md").write_text("# Model card")
        adapter = store.adapters.publish(
            staged, name="a", model=model, method="lora", run="r1", trainable=512, lineage={"seed": 7}
        )
    assert (adapter.model, adapter.model_fingerprint) == ("tiny", model.fingerprint)
    assert (adapter.method, adapter.peft_type, adapter.run, adapter.trainable) == ("lora", "LORA", "r1", 512)
    lineage = json.loads((adapter.path / "lineage.json").read_text())
    assert lineage["seed"] == 7 and lineage["model_fingerprint"] == model.fingerprint
    assert {path.name for path in adapter.path.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "lineage.json", "README.md",
    }  # fmt: skip
    assert store.adapters.get("a") == adapter == store.adapters.list()[0]


@pytest.mark.usefixtures("model")
def test_an_adapter_from_outside_finds_its_base_by_name(store: Store, lora: Path) -> None:
    adapter = store.adapters.add(lora)
    assert (adapter.name, adapter.model, adapter.run, adapter.trainable) == ("my-lora", "tiny", None, 512)
    with pytest.raises(Conflict, match="the name 'my-lora' is taken by another adapter"):
        store.adapters.add(lora)


@pytest.mark.usefixtures("model")
def test_an_adapter_whose_base_is_unknown_asks_for_it(store: Store, tmp_path: Path) -> None:
    folder = write_lora(tmp_path / "x", base_model_name_or_path="owner/elsewhere")
    with pytest.raises(NotFound, match=r"base 'owner/elsewhere' is not in the store; name it with --model"):
        store.adapters.add(folder)
    assert store.adapters.add(folder, model="tiny").model == "tiny"


def test_hostile_keys_do_not_enter(store: Store, model: Model, tmp_path: Path) -> None:
    folder = write_lora(
        tmp_path / "x",
        base_model_name_or_path="tiny",
        auto_mapping={"parent_library": "evil", "base_model_class": "Evil"},
        megatron_core="evil.core",
        megatron_config={"evil": 1},
        tokenizer_kwargs={"trust_remote_code": True},
        tokenizer_name_or_path="evil/tokenizer",
        loftq_config={"evil": 1},
        runtime_config={"evil": 1},
        inference_mode=False,
    )
    (folder / "evil.py").write_text("raise SystemExit")
    (folder / "training_args.bin").write_bytes(b"\x80\x04")
    adapter = store.adapters.add(folder)
    text = (adapter.path / "adapter_config.json").read_text()
    assert "evil" not in text and "trust" not in text
    config = json.loads(text)
    assert config["inference_mode"] is True and config["base_model_name_or_path"] == model.source
    assert {path.name for path in adapter.path.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "lineage.json",
    }  # fmt: skip


@pytest.mark.usefixtures("model")
def test_an_adapter_of_another_base_is_refused(store: Store, tmp_path: Path) -> None:
    wide = write_lora(tmp_path / "wide", width=64)
    with pytest.raises(Conflict, match=r"does not fit 'tiny': model\.layers\.0\.self_attn\.q_proj is"):
        store.adapters.add(wide)


@pytest.mark.usefixtures("model")
def test_an_adapter_of_another_architecture_is_refused(store: Store, lora: Path, tiny_seq2seq: Path) -> None:
    store.models.add(str(tiny_seq2seq), name="t5")
    with pytest.raises(Conflict, match="q_proj is not there"):
        store.adapters.add(lora, model="t5")


def test_lineage_names_the_base_to_the_bit(store: Store, model: Model, lora: Path) -> None:
    (lora / "lineage.json").write_text(json.dumps({"model": "tiny", "model_fingerprint": "f" * 64}))
    with pytest.raises(Conflict, match=r"was made for another base \(fingerprint ffffffffffff…\)"):
        store.adapters.add(lora)
    adapter = store.adapters.add(lora, force=True)
    assert adapter.model_fingerprint == model.fingerprint


def test_an_adapter_is_refused_on_another_base_unless_forced(
    store: Store, model: Model, lora: Path, tiny_seq2seq: Path
) -> None:
    adapter = store.adapters.add(lora)
    other = store.models.add(str(tiny_seq2seq), name="t5")
    store.adapters.check_base(adapter, model)
    with pytest.raises(
        Conflict,
        match=r"fingerprint is not that of 't5'; use --model tiny; .* adapter add .* --model t5 --force",
    ):
        store.adapters.check_base(adapter, other)
    store.adapters.check_base(adapter, other, force=True)


@pytest.mark.usefixtures("model")
def test_a_soft_prompt_must_be_as_wide_as_the_base(store: Store, tmp_path: Path) -> None:
    for width, fits in ((tiny_models.WIDTH, True), (48, False)):
        folder = tmp_path / f"prompt-{width}"
        folder.mkdir()
        config = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 8, "base_model_name_or_path": "tiny"}
        text = {"prompt_tuning_init": "TEXT", "tokenizer_name_or_path": "evil/tokenizer"}
        (folder / "adapter_config.json").write_text(json.dumps(config | text))
        tensor = tiny_models.random_tensor((8, width), random.Random(0))
        tiny_models.write_safetensors(folder / "adapter_model.safetensors", {"prompt_embeddings": tensor})
        if fits:
            adapter = store.adapters.add(folder)
            assert (adapter.method, adapter.trainable) == ("prompt-tuning", 8 * width)
            assert "evil" not in (adapter.path / "adapter_config.json").read_text()
        else:
            with pytest.raises(Conflict, match="its soft prompt is 48 wide, the base 32"):
                store.adapters.add(folder)


@pytest.mark.parametrize(
    ("changes", "method"), [({}, "lora"), ({"use_dora": True}, "dora"), ({"use_rslora": True}, "rslora")]
)
@pytest.mark.usefixtures("model")
def test_the_method_is_told_by_the_configuration(
    store: Store, tmp_path: Path, changes: dict[str, Any], method: str
) -> None:
    assert store.adapters.add(write_lora(tmp_path / "x", **changes)).method == method


@pytest.mark.usefixtures("model")
def test_a_spoilt_folder_is_refused_in_one_line(store: Store, tmp_path: Path) -> None:
    def spoilt(name: str) -> Path:
        return write_lora(tmp_path / name)

    pickle, cut, bare, kind, text = map(spoilt, ("pickle", "cut", "bare", "kind", "text"))
    (pickle / "adapter_model.safetensors").rename(pickle / "adapter_model.bin")
    whole = (cut / "adapter_model.safetensors").read_bytes()
    (cut / "adapter_model.safetensors").write_bytes(whole[:-100])
    (bare / "adapter_model.safetensors").unlink()
    write_lora(kind, peft_type="EVIL")
    (text / "adapter_config.json").write_text("{")
    for folder, what in (
        (pickle, "holds its weights as pickle (adapter_model.bin)"),
        (cut, "adapter_model.safetensors is truncated or damaged"),
        (bare, "has no adapter_model.safetensors"),
        (kind, "adapters of the kind 'EVIL' are not supported"),
        (text, "is not valid JSON"),
        (tmp_path / "gone", "has no adapter_config.json"),
    ):
        with pytest.raises(BadInput) as caught:
            store.adapters.add(folder)
        assert what in caught.value.what and caught.value.remedy
    assert store.adapters.list() == [] and not list((store.root / "adapters").iterdir())


@pytest.mark.usefixtures("model")
def test_a_free_name_counts_up(store: Store, lora: Path) -> None:
    assert store.adapters.free_name("my-lora") == "my-lora"
    store.adapters.add(lora)
    assert store.adapters.free_name("my-lora") == "my-lora-2"
    (store.root / "adapters" / "my-lora-2").mkdir()
    assert store.adapters.free_name("my-lora") == "my-lora-3"


@pytest.mark.usefixtures("model")
def test_removing_an_adapter_takes_its_folder(store: Store, lora: Path) -> None:
    adapter = store.adapters.add(lora)
    store.adapters.remove("my-lora")
    assert not adapter.path.exists()
    with pytest.raises(NotFound, match="no adapter named 'my-lora'"):
        store.adapters.remove("my-lora")


def keep_checkpoint(store: Store, run_id: str, step: int, **files: Any) -> None:
    """A checkpoint that holds an adapter, and whatever else a trainer keeps."""
    with store.checkpoints.staging(run_id, step) as staged:
        write_lora(staged, **files)
        (staged / "trainable.safetensors").write_bytes(b"w" * 100)
        store.checkpoints.publish(run_id, step, staged)


def test_a_checkpoint_of_a_run_is_an_adapter_by_the_runs_name_and_a_step(store: Store, model: Model) -> None:
    """By name or id; the latest is the newest there is when it is asked for."""
    lineage = {"base": {"name": model.name, "fingerprint": model.fingerprint}}
    run = store.runs.create(
        name="notes", model="tiny", dataset="d", template="t", method="lora", settings={}, lineage=lineage
    )
    with pytest.raises(NotFound, match="no checkpoint yet"):
        store.adapters.resolve("notes@latest")
    keep_checkpoint(store, run.id, 10)
    first = store.adapters.resolve("notes@latest")
    keep_checkpoint(store, run.id, 20, lora_alpha=16)
    latest, by_id = store.adapters.resolve("notes@latest"), store.adapters.resolve(f"{run.id}@20")
    assert latest.path == by_id.path == store.checkpoints.get(run.id, 20).path
    assert store.adapters.resolve("notes@10").path == first.path
    assert (latest.name, by_id.name) == ("notes@latest", f"{run.id}@20")
    assert [store.adapters.pinned(name) for name in ("notes@latest", "notes@10")] == ["notes@20", "notes@10"]
    assert latest.fingerprint == by_id.fingerprint != first.fingerprint
    assert (latest.method, latest.peft_type, latest.run) == ("lora", "LORA", run.id)
    assert latest.trainable == 2 * tiny_models.LAYERS * RANK * tiny_models.WIDTH
    store.adapters.check_base(latest, model)


def test_a_checkpoint_that_goes_while_it_is_read_is_told(store: Store, model: Model) -> None:
    """A run prunes at any moment, file by file."""
    lineage = {"base": {"name": model.name, "fingerprint": model.fingerprint}}
    run = store.runs.create(
        name="notes", model="tiny", dataset="d", template="t", method="lora", settings={}, lineage=lineage
    )
    keep_checkpoint(store, run.id, 10)
    (store.checkpoints.get(run.id, 10).path / "manifest.json").unlink()
    with pytest.raises(Conflict, match="step 10 of run 'notes' has just gone; ask again"):
        store.adapters.resolve("notes@latest")


def test_a_checkpoint_that_is_not_there_is_told_with_those_that_are(store: Store) -> None:
    run = store.runs.create(
        name="notes", model="tiny", dataset="d", template="t", method="partial", settings={}, lineage={}
    )
    with store.checkpoints.staging(run.id, 5) as staged:
        (staged / "trainable.safetensors").write_bytes(b"w" * 100)
        store.checkpoints.publish(run.id, 5, staged)
    for name, error, told in (
        ("notes@7", NotFound, "checkpoints of the steps 5"),
        ("notes@newest", BadInput, "write notes@latest, or the step"),
        ("notes@" + "9" * 5000, BadInput, "write notes@latest, or the step"),
        ("note@5", NotFound, "did you mean 'notes'"),
        ("notes@5", Conflict, "hold no adapter to try"),
        ("notes", NotFound, "no adapter named 'notes'"),
    ):
        with pytest.raises(error, match=told):
            store.adapters.resolve(name)
