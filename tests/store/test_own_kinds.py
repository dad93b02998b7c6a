"""What PEFT has no format for: bottleneck adapters, changed weights of a base, and a whole trained model."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_models

from store import BadInput, Conflict, Store
from store.models import Model
from store.weights import read_header

PLACE = "model.layers.0.mlp"


@pytest.fixture
def model(store: Store, tiny_causal: Path) -> Model:
    """The tiny Llama in the store."""
    return store.models.add(str(tiny_causal), name="tiny")


def write(folder: Path, kind: str, shapes: dict[str, tuple[int, ...]], **keys: Any) -> Path:
    """Write an adapter's folder with random weights."""
    folder.mkdir()
    config = {"peft_type": kind, "base_model_name_or_path": "tiny", **keys}
    whole = kind == "FULL"
    (folder / ("full_config.json" if whole else "adapter_config.json")).write_text(json.dumps(config))
    source = random.Random(1)  # not the seed of the tiny models
    tensors = {name: tiny_models.random_tensor(shape, source) for name, shape in shapes.items()}
    tiny_models.write_safetensors(
        folder / ("model.safetensors" if whole else "adapter_model.safetensors"), tensors
    )
    return folder


def bottleneck_shapes(place: str = PLACE, width: int = tiny_models.WIDTH) -> dict[str, tuple[int, ...]]:
    """One adapter's tensors."""
    at = f"{place}.bottleneck"
    return {
        f"{at}.down.weight": (2, width),
        f"{at}.down.bias": (2,),
        f"{at}.up.weight": (width, 2),
        f"{at}.up.bias": (width,),
    }


@pytest.mark.usefixtures("model")
def test_bottleneck_adapters_come_in_with_adapterhub_s_names(store: Store, tmp_path: Path) -> None:
    keys = {
        "target_modules": [PLACE],
        "mh_adapter": False,
        "output_adapter": True,
        "reduction_factor": 16,
        "non_linearity": "relu",
        "scaling": 1.0,
    }
    adapter = store.adapters.add(write(tmp_path / "b", "BOTTLENECK", bottleneck_shapes(), evil="x", **keys))
    assert (adapter.method, adapter.peft_type, adapter.trainable) == ("bottleneck", "BOTTLENECK", 162)
    config = json.loads((adapter.path / "adapter_config.json").read_text())
    assert config.items() >= keys.items() and "evil" not in config


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("kind", "shapes", "told"),
    [
        ("BOTTLENECK", bottleneck_shapes(place="model.layers.9.mlp"), "has no place there"),
        ("BOTTLENECK", bottleneck_shapes(width=48), "has no place there"),
        ("BOTTLENECK", {"model.norm.weight": (32,)}, "has no place there"),
        ("PARTIAL", {"model.norm.weight": (48,)}, r"model\.norm\.weight is \(32,\) there, the adapter's is"),
        ("PARTIAL", {"encoder.norm.weight": (48,)}, "none of its weights is there"),
        ("FULL", {"lm_head.weight": (400, 32)}, r"lm_head\.weight is \(384, 32\) there"),
    ],
)
def test_what_does_not_fit_the_base_is_refused(
    store: Store, tmp_path: Path, kind: str, shapes: dict[str, tuple[int, ...]], told: str
) -> None:
    with pytest.raises(Conflict, match=told):
        store.adapters.add(write(tmp_path / "x", kind, shapes))
    assert store.adapters.list() == []


@pytest.mark.usefixtures("model")
def test_some_weights_of_the_base_come_in_under_its_own_names(store: Store, tmp_path: Path) -> None:
    shapes = {"model.layers.1.mlp.up_proj.weight": (64, 32), "model.norm.weight": (32,)}
    adapter = store.adapters.add(write(tmp_path / "p", "PARTIAL", shapes))
    assert (adapter.method, adapter.trainable) == ("partial", 64 * 32 + 32)


def test_a_whole_model_becomes_a_folder_that_is_a_base(store: Store, model: Model, tmp_path: Path) -> None:
    """The small files are those of the store's own base, whatever lies beside the weights."""
    header = read_header(model.path / "model.safetensors")
    folder = write(tmp_path / "w", "FULL", {name: tensor.shape for name, tensor in header.items()})
    (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "evil.Evil"}}))
    adapter = store.adapters.add(folder)
    assert (adapter.method, adapter.peft_type, adapter.trainable) == ("full", "FULL", model.parameters)
    assert "evil" not in (adapter.path / "config.json").read_text()
    assert not (adapter.path / "adapter_config.json").exists()  # transformers would look for an adapter
    again = store.models.add(str(adapter.path), name="grown")
    assert (again.architecture, again.parameters) == (model.architecture, model.parameters)
    assert again.fingerprint != model.fingerprint
    assert (again.path / "tokenizer.json").read_bytes() == (model.path / "tokenizer.json").read_bytes()


@pytest.mark.usefixtures("model")
def test_a_kind_that_does_not_go_with_its_files_is_refused(store: Store, tmp_path: Path) -> None:
    """Else a whole model would be looked for where an adapter lies, and the other way about."""
    partial = write(tmp_path / "p", "PARTIAL", {"model.norm.weight": (32,)})
    text = (partial / "adapter_config.json").read_text()
    (partial / "adapter_config.json").write_text(text.replace("PARTIAL", "FULL"))
    with pytest.raises(BadInput, match=r"whole models come with full_config\.json"):
        store.adapters.add(partial)
    whole = write(tmp_path / "w", "FULL", {"model.norm.weight": (32,)})
    shutil.move(whole / "model.safetensors", whole / "adapter_model.safetensors")
    with pytest.raises(BadInput, match=r"has no model\.safetensors"):
        store.adapters.add(whole)
