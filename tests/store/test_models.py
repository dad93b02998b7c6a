"""Models: what is taken, what is refused and why, and that nothing foreign gets past the allow-list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import BadInput, Conflict, NotFound, Store
from store.configs import ARCHITECTURES, clean_model_config


@pytest.fixture
def folder(tiny_causal: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may spoil."""
    return Path(shutil.copytree(tiny_causal, tmp_path / "model"))


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None takes a key away."""
    document = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


def test_a_causal_model_is_described(store: Store, tiny_causal: Path) -> None:
    model = store.models.add(str(tiny_causal), name="tiny")
    assert (model.name, model.family, model.architecture) == ("tiny", "causal", "LlamaForCausalLM")
    assert (model.parameters, model.dtype, model.vocabulary) == (45_216, "float32", 384)
    assert (model.max_length, model.chat_template, model.revision) == (256, False, None)
    assert model.source == str(tiny_causal) and model.bytes > 4 * 45_216
    assert store.models.get("tiny") == model == store.models.list()[0]


def test_a_seq2seq_model_is_described(store: Store, tiny_seq2seq: Path) -> None:
    model = store.models.add(str(tiny_seq2seq))
    assert (model.name, model.family) == ("tiny-seq2seq", "seq2seq")
    assert (model.architecture, model.parameters) == ("T5ForConditionalGeneration", 61_888)


def test_the_same_files_have_the_same_fingerprint(store: Store, tiny_causal: Path, folder: Path) -> None:
    (folder / "README.md").write_text("about")
    first, second = store.models.add(str(tiny_causal)), store.models.add(str(folder))
    assert first.fingerprint == second.fingerprint
    edit(folder / "config.json", rms_norm_eps=1e-6)
    assert store.models.add(str(folder), name="other").fingerprint != first.fingerprint


def test_only_known_files_and_keys_enter(store: Store, folder: Path) -> None:
    edit(
        folder / "config.json",
        auto_map={"AutoModelForCausalLM": "owner/repository--modeling.Evil"},
        _attn_implementation="owner/kernel",
        _attn_implementation_internal="owner/kernel",
        attn_implementation="owner/kernel",
        trust_remote_code=True,
        custom_pipelines={"x": {"impl": "evil.Pipeline"}},
        _name_or_path="../../elsewhere",
        some_future_key=1,
        rope_scaling={"rope_type": "linear", "factor": 2.0},
    )
    edit(
        folder / "tokenizer_config.json",
        auto_map={"AutoTokenizer": ["evil.T", None]},
        tokenizer_file="/etc/x",
    )
    edit(folder / "generation_config.json", custom_generate="owner/evil", temperature=0.7)
    for name in ("modeling_evil.py", "pytorch_model.bin", "adapter_config.json", "optimizer.pt", "README.md"):
        (folder / name).write_bytes(b"\x80\x04.")
    model = store.models.add(str(folder))
    assert {path.name for path in model.path.iterdir()} == {
        "card.json", "config.json", "generation_config.json", "model.safetensors", "special_tokens_map.json",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    written = {path.name: path.read_text() for path in model.path.glob("*config.json")}
    for text in written.values():
        assert not any(
            word in text for word in ("evil", "kernel", "auto_map", "remote", "elsewhere", "future")
        )
    config = json.loads(written["config.json"])
    assert config["rope_scaling"] == {"rope_type": "linear", "factor": 2.0} and config["hidden_size"] == 32
    assert json.loads(written["generation_config.json"])["temperature"] == 0.7


def test_values_that_are_no_plain_data_are_dropped(store: Store, folder: Path) -> None:
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    edit(folder / "config.json", rope_scaling=deep, hidden_act="x" * 200_000)
    config = json.loads((store.models.add(str(folder)).path / "config.json").read_text())
    assert "rope_scaling" not in config and "hidden_act" not in config


def test_a_chat_template_is_seen_wherever_it_is(store: Store, folder: Path) -> None:
    edit(folder / "tokenizer_config.json", chat_template="{{ messages }}")
    assert store.models.add(str(folder), name="a").chat_template
    edit(folder / "tokenizer_config.json", chat_template=None)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert store.models.add(str(folder), name="b").chat_template
    assert (store.models.get("b").path / "chat_template.jinja").exists()


SPOILERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "pickle only": (
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        "holds its weights as pickle only (pytorch_model.bin)",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
    "truncated": (
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-10]),
        "model.safetensors is truncated or damaged",
    ),
    "pickle in disguise": (
        lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04" + b"x" * 100),
        "model.safetensors is a pickle",
    ),
    "no config": (lambda f: (f / "config.json").unlink(), "config.json cannot be read"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "config.json is not valid JSON"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "has no tokenizer.json"),
    "broken tokenizer": (lambda f: (f / "tokenizer.json").write_text('{"a": '), "not valid JSON"),
    "other tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "describes no tokenizer"),
    "unknown type": (lambda f: edit(f / "config.json", model_type="lama"), "'lama' is not supported"),
    "own code": (
        lambda f: edit(f / "config.json", model_type="evil", auto_map={"AutoModel": "x.Y"}),
        "it brings its own code, which is never run",
    ),
    "no language model": (
        lambda f: edit(f / "config.json", architectures=["LlamaForSequenceClassification"]),
        "'LlamaForSequenceClassification' does not generate text",
    ),
    "quantised": (
        lambda f: edit(f / "config.json", quantization_config={"quant_method": "gptq"}),
        "quantised already",
    ),
    "no vocabulary": (lambda f: edit(f / "config.json", vocab_size=None), "has vocab_size None"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILERS)
def test_a_spoilt_folder_is_refused_in_one_line_with_the_remedy(
    store: Store, folder: Path, case: str
) -> None:
    spoil, what = SPOILERS[case]
    spoil(folder)
    with pytest.raises(BadInput) as caught:
        store.models.add(str(folder))
    assert what in caught.value.what
    assert caught.value.remedy and "\n" not in str(caught.value)
    assert store.models.list() == [] and not list((store.root / "models").iterdir())


def test_a_name_is_given_once(store: Store, tiny_causal: Path) -> None:
    store.models.add(str(tiny_causal))
    with pytest.raises(Conflict, match="the name 'tiny-causal' is taken by another model"):
        store.models.add(str(tiny_causal))


def test_a_folder_left_by_a_crash_is_not_overwritten(store: Store, tiny_causal: Path) -> None:
    (store.root / "models" / "tiny-causal").mkdir()
    with pytest.raises(Conflict, match="models/tiny-causal is on the disk already"):
        store.models.add(str(tiny_causal))


def test_a_missing_source_is_told_without_asking_the_network(store: Store, tmp_path: Path) -> None:
    for source in (str(tmp_path / "gone"), "./gone", "gone", "../../x", "a/b/c"):
        with pytest.raises(BadInput, match="there is no folder"):
            store.models.add(source, name="x")
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="is a file, not a model's folder"):
        store.models.add(str(tmp_path / "file"))
    with pytest.raises(BadInput, match="has no revision"):
        store.models.add(str(tmp_path), name="x", revision="main")


def test_a_wrong_name_is_answered_with_the_nearest(store: Store, tiny_causal: Path) -> None:
    store.models.add(str(tiny_causal))
    with pytest.raises(NotFound) as caught:
        store.models.get("tiny-casual")
    assert caught.value.remedy == "did you mean 'tiny-causal'?"


def test_removing_a_model_takes_its_folder(store: Store, tiny_causal: Path) -> None:
    model = store.models.add(str(tiny_causal))
    store.models.remove(model.name)
    assert not model.path.exists() and not list((store.root / ".staging").iterdir())
    with pytest.raises(NotFound, match="the store has none yet"):
        store.models.get(model.name)


def test_the_card_says_what_the_catalog_says(store: Store, tiny_causal: Path) -> None:
    model = store.models.add(str(tiny_causal))
    card = json.loads((model.path / "card.json").read_text())
    assert {key: getattr(model, key) for key in card} == card


def test_sharded_weights_enter_with_their_index(store: Store, folder: Path) -> None:
    shard = "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(folder / shard)
    model_names = json.loads((folder / shard).read_bytes()[8:].split(b"}}", 1)[0] + b"}}")
    weight_map = {name: shard for name in model_names if name != "__metadata__"}
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map})
    )
    model = store.models.add(str(folder))
    assert model.parameters == 45_216
    assert json.loads((model.path / "model.safetensors.index.json").read_text())["weight_map"] == weight_map


def test_real_models_are_brought_in(store: Store, shared_models: Path) -> None:
    llama = store.models.add(str(shared_models / "stories260K"))
    assert (llama.family, llama.parameters, llama.vocabulary, llama.max_length) == (
        "causal",
        260_032,
        512,
        512,
    )
    pegasus = store.models.add(str(shared_models / "aren-transliteration"))
    assert (pegasus.family, pegasus.parameters) == ("seq2seq", 222_336)


@pytest.mark.slow
@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_the_clean_copy_of_a_configuration_means_the_same_to_transformers(
    tmp_path: Path, model_type: str
) -> None:
    """No key that shapes one of the supported architectures may be lost for the sake of safety."""
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    original = CONFIG_MAPPING[model_type](architectures=[ARCHITECTURES[model_type].name], dtype="bfloat16")
    original.save_pretrained(tmp_path)
    cleaned, architecture = clean_model_config(json.loads((tmp_path / "config.json").read_text()))
    (tmp_path / "config.json").write_text(json.dumps(cleaned))
    again = AutoConfig.from_pretrained(tmp_path)
    own_names = {"_name_or_path", "transformers_version"}
    told, kept = ({k: v for k, v in c.to_dict().items() if k not in own_names} for c in (original, again))
    assert kept == told and architecture == ARCHITECTURES[model_type]


@pytest.mark.slow
def test_the_table_of_architectures_is_transformers_own() -> None:
    from transformers.models.auto import modeling_auto

    names = {
        "causal": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        "seq2seq": modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    }
    for model_type, architecture in ARCHITECTURES.items():
        assert names[architecture.family][model_type] == architecture.name
