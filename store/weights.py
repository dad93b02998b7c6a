"""The headers of safetensors files, read and checked without loading a tensor; no other format is known.

Layout: 8 bytes little-endian length, that many bytes of JSON, then the tensors' bytes without gaps
(as the format's own documentation says).
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.errors import BadInput

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64,
    "I64": 64, "U64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
DTYPE_NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float64"}
BUFFERS = re.compile(r"(^final_logits_bias|\.inv_freq|\.masked_bias|\.(attn|attention)\.bias)$")
PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz"})


@dataclass(frozen=True)
class Tensor:
    """A tensor as a header describes it: its type in safetensors' words and its shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name.

    Raises:
        BadInput: the file is a pickle, truncated, or breaks the format's rules.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        _refuse_pickle(path, start)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(MAX_HEADER_BYTES, size - 8):
            raise _bad(path, f"its header should be {length} bytes long, the file has {size}")
        text = file.read(length)
    document = _parse(path, text)
    document.pop("__metadata__", None)
    _check_spans(path, document, size - 8 - length)
    return {name: Tensor(entry["dtype"], tuple(entry["shape"])) for name, entry in document.items()}


def _refuse_pickle(path: Path, start: bytes) -> None:
    if start.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")):
        raise BadInput(
            f"{path.name} is a pickle, not safetensors: loading it could run code",
            "get or save the weights as safetensors (`save_pretrained` does)",
        )


def _bad(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path.name} is truncated or damaged: {reason}", "get the file again and compare its checksum"
    )


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise ValueError("a key stands twice")
        return table

    try:
        document = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"its header is not valid JSON ({error})") from error
    if not isinstance(document, dict):
        raise _bad(path, "its header is not a JSON object")
    return document


def _check_spans(path: Path, document: dict[str, Any], size: int) -> None:
    """Check that the tensors' bytes fill the rest of the file exactly, as their types and shapes say."""
    spans = sorted(_span(path, name, entry) for name, entry in document.items())
    position = 0
    for start, end, name in spans:
        if start != position:
            raise _bad(path, f"the bytes of {name!r} begin at {start}, not at {position}")
        position = end
    if position != size:
        raise _bad(path, f"its tensors take {position} bytes, the file has {size}")


def _span(path: Path, name: str, entry: Any) -> tuple[int, int, str]:
    try:
        dtype, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        whole = [*shape, start, end]
        if not all(type(number) is int and 0 <= number < 2**62 for number in whole):
            raise ValueError(f"{whole} are not sizes")
        bits = math.prod(shape) * BITS[dtype]
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, f"the entry of {name!r} is not valid ({error})") from error
    if bits != 8 * (end - start):
        raise _bad(path, f"{name!r} of {dtype} {shape} cannot take {end - start} bytes")
    return start, end, name


def read_weights(folder: Path) -> tuple[dict[str, Tensor], list[Path]]:
    """Return the tensors of a model's folder and the files that hold them: one, or shards with their index.

    Raises:
        BadInput: there are none, pickles only, a shard is missing, or a file is damaged.
    """
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file():
        return read_header(single), [single]
    if index.is_file():
        return _read_shards(folder, index)
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLE_SUFFIXES)
    if pickles:
        raise BadInput(
            f"{folder} holds its weights as pickle only ({pickles[0]}), which could run code when loaded",
            "convert it where you trust it: transformers' save_pretrained writes safetensors",
        )
    raise BadInput(
        f"{folder} has no model.safetensors", "name a transformers folder with safetensors weights"
    )


def _read_shards(folder: Path, index: Path) -> tuple[dict[str, Tensor], list[Path]]:
    try:
        weight_map = json.loads(index.read_bytes())["weight_map"]
        names = sorted(set(weight_map.values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{index.name} is not a valid index of shards", "get the folder again") from error
    tensors: dict[str, Tensor] = {}
    paths = []
    for name in names:
        path = folder / str(name)
        if "/" in str(name) or path.suffix != ".safetensors" or not path.is_file():
            raise BadInput(f"{index.name} names a shard that is not there: {name!r}", "get the missing file")
        tensors |= read_header(path)
        paths.append(path)
    missing = sorted(set(weight_map) - set(tensors))
    if missing:
        raise BadInput(
            f"the shards lack {len(missing)} tensors, such as {missing[0]!r}", "get the folder again"
        )
    return tensors, paths


def count_parameters(tensors: dict[str, Tensor]) -> int:
    """Return the number of parameters: the elements of all floating tensors but buffers and second copies.

    Older files hold masks and constants beside the weights, and T5's one embedding under three names.
    """
    copies = {f"{side}.embed_tokens.weight" for side in ("encoder", "decoder") if "shared.weight" in tensors}
    return sum(
        tensor.elements
        for name, tensor in tensors.items()
        if "F" in tensor.dtype and name not in copies and not BUFFERS.search(name)
    )


def main_dtype(tensors: dict[str, Tensor]) -> str:
    """Return the type that most parameters have, in torch's words."""
    totals: dict[str, int] = {}
    for tensor in tensors.values():
        totals[tensor.dtype] = totals.get(tensor.dtype, 0) + tensor.elements
    dtype = max(totals, key=lambda name: totals[name], default="F32")
    return DTYPE_NAMES.get(dtype, dtype.lower())
