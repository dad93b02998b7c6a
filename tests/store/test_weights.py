"""Headers of safetensors files: what is read, and every way to break one."""

from __future__ import annotations

import json
import random
from array import array
from pathlib import Path
from typing import Any

import pytest
import tiny_models

from store import BadInput, StoreError
from store.weights import count_parameters, main_dtype, read_header, read_weights


def save(path: Path, header: Any, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(dtype: str, shape: list[Any], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_a_header_tells_names_types_and_shapes(tmp_path: Path) -> None:
    tensors = {"a": ((2, 3), array("f", range(6))), "b": ((4,), array("f", range(4)))}
    path = tiny_models.write_safetensors(tmp_path / "model.safetensors", tensors)
    header = read_header(path)
    assert {name: (tensor.dtype, tensor.shape) for name, tensor in header.items()} == {
        "a": ("F32", (2, 3)),
        "b": ("F32", (4,)),
    }
    assert count_parameters(header) == 10 and main_dtype(header) == "float32"


def test_what_the_library_writes_is_accepted(tmp_path: Path) -> None:
    """Types of all widths, an empty tensor, a scalar, as the reference implementation lays them out."""
    numpy = pytest.importorskip("numpy")
    save_file = pytest.importorskip("safetensors.numpy").save_file
    kinds = ("float16", "float32", "float64", "int8", "int64", "uint8", "bool")
    tensors = {kind: numpy.ones((3, 2), kind) for kind in kinds}
    tensors |= {"empty": numpy.ones((0, 7), "float32"), "scalar": numpy.array(1, "float32")}
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "pt"})
    header = read_header(tmp_path / "m.safetensors")
    assert {name: tensor.shape for name, tensor in header.items()} == {
        name: tensor.shape for name, tensor in tensors.items()
    }


@pytest.mark.parametrize("cut", [0, 4, 7, 8, 9, 100, -1, -1000])
def test_a_truncated_file_is_told_as_such(tiny_causal: Path, tmp_path: Path, cut: int) -> None:
    whole = (tiny_causal / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:cut])
    with pytest.raises(BadInput, match=r"model\.safetensors is truncated or damaged"):
        read_header(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"not json", b""),
        (b"[]", b""),
        (b'{"a": ' + b"[" * 100_000, b""),
        (b"{" + b",".join([b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'] * 2) + b"}", b"x"),
        ({"a": entry("U8", [2], 0, 1)}, b"x"),
        ({"a": entry("U8", [1], 0, 1)}, b"xy"),
        ({"a": entry("U8", [1], 1, 2)}, b"xy"),
        ({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 1, 3)}, b"xyz"),
        ({"a": entry("X8", [1], 0, 1)}, b"x"),
        ({"a": entry("U8", [-1], 0, -1)}, b""),
        ({"a": entry("U8", [True], 0, 1)}, b"x"),
        ({"a": entry("U8", [1.0], 0, 1)}, b"x"),
        ({"a": entry("F32", [2**61, 2**61], 0, 4)}, b"xxxx"),
        ({"a": {"dtype": "U8", "shape": [1]}}, b"x"),
        ({"a": {"dtype": ["U8"], "shape": [1], "data_offsets": [0, 1]}}, b"x"),
        ({"a": 7}, b""),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_header_that_breaks_the_rules_is_refused(tmp_path: Path, header: Any, data: bytes) -> None:
    with pytest.raises(BadInput, match="truncated or damaged"):
        read_header(save(tmp_path / "m.safetensors", header, data))


@pytest.mark.parametrize("start", [b"\x80\x02}q\x00.", b"\x80\x04\x95", b"PK\x03\x04" + b"\0" * 30])
def test_a_pickle_under_a_safe_name_is_refused_as_a_pickle(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(start + b"\0" * 100)
    with pytest.raises(BadInput, match="is a pickle"):
        read_header(tmp_path / "model.safetensors")


def test_two_thousand_mutants_make_a_clean_error_or_none(tiny_causal: Path, tmp_path: Path) -> None:
    whole = (tiny_causal / "model.safetensors").read_bytes()[:6000]
    source = random.Random(1)
    path = tmp_path / "m.safetensors"
    for _ in range(2000):
        mutant = bytearray(whole)
        for _ in range(source.choice((1, 3, 20))):
            mutant[source.randrange(2500)] = source.randrange(256)
        path.write_bytes(mutant)
        with pytest.raises(StoreError):  # all are truncated at least
            read_header(path)


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    for name, file in names.items():
        tiny_models.write_safetensors(tmp_path / file, {name: ((2,), array("f", (1.0, 2.0)))})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}))
    tensors, files = read_weights(tmp_path)
    assert (sorted(tensors), [file.name for file in files]) == (["a", "b"], sorted(names.values()))
    for weight_map in ({"a": "../x.safetensors"}, {"a": "gone.safetensors"}, {"c": names["a"]}, "no map"):
        index.write_text(json.dumps({"weight_map": weight_map}))
        with pytest.raises(BadInput):
            read_weights(tmp_path)
