"""Adapters as folders for other programs: PEFT, transformers, Ollama and llama.cpp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store import Store
from store.adapters import README, Adapter
from store.configs import read_json
from store.errors import BadInput
from store.files import building, copy_hashed, staging
from store.models import Model
from store.peft_folder import read_config
from workbench.adapters import cards, gguf, merging
from workbench.adapters.asking import Tell
from workbench.adapters.merging import Merging
from workbench.adapters.modelfile import modelfile
from workbench.composing.codec import load_codec

# What Ollama's own converter takes, of models and of adapters; its `convert` folder has the list.
OLLAMA_MODELS = frozenset(
    f"{name}ForCausalLM"
    for name in (
        "Llama",
        "Mistral",
        "Mixtral",
        "Gemma",
        "Gemma2",
        "Gemma3",
        "Phi3",
        "Qwen2",
        "Qwen3",
        "Cohere",
    )
)
OLLAMA_ADAPTERS = frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Gemma2ForCausalLM"})


@dataclass(frozen=True)
class Wish:
    """What is wanted.

    Args:
        format: One of `FORMATS`.
        adapter_only: For Ollama and GGUF: the LoRA alone, to be used beside its base.
        how: How to merge, where that is done.
    """

    format: str = "peft"
    adapter_only: bool = False
    how: Merging | None = None


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: Their names in the folder.
        check: The figures of the merge's check, if it was merged.
        warnings: What to know of it.
    """

    adapter: str
    format: str
    path: Path
    files: tuple[str, ...]
    check: dict[str, Any] | None
    warnings: tuple[str, ...]


def export(
    store: Store, name: str, output: Path, wish: Wish | None = None, tell: Tell | None = None
) -> Exported:
    """Write an adapter for another program.

    Args:
        store: An open store.
        name: The adapter.
        output: A folder that is not there yet.
        wish: What is wanted; by default a PEFT folder.
        tell: Called with how far it is.

    Raises:
        BadInput: It has no such form, or the merged model does not answer like the adapter.
        Conflict: Something is at the folder's place.
        NotFound: No such adapter, or its base is gone.
        Unavailable: The program that converts is not there, or failed.
    """
    wish = wish or Wish()
    with building(output) as folder:
        check = write(store, name, folder, wish, tell)
        warnings = tuple(check.pop("warnings")) if check else ()
        files = tuple(sorted(each.name for each in folder.iterdir()))
    return Exported(name, wish.format, output, files, check, warnings)


def write(
    store: Store, name: str, folder: Path, wish: Wish, tell: Tell | None = None
) -> dict[str, Any] | None:
    """Write an adapter into an empty folder.

    Returns:
        The figures of the merge's check and its warnings; None where nothing was merged.

    Raises:
        BadInput, NotFound, Unavailable: As `export`.
    """
    writer = FORMATS.get(wish.format)
    if writer is None:
        raise BadInput(f"no format {wish.format!r}", f"choose from {', '.join(FORMATS)}")
    if wish.adapter_only and wish.format not in ("ollama", "gguf"):
        raise BadInput(
            f"--adapter-only does not go with the format {wish.format}",
            "peft is the adapter alone; merged is the whole model",
        )
    adapter = store.adapters.get(name)
    return writer(store, adapter, folder, wish, tell)


def _peft(
    store: Store, adapter: Adapter, folder: Path, _wish: Wish, _tell: Tell | None
) -> dict[str, Any] | None:
    for file in sorted(adapter.path.iterdir()):
        if file.is_file() and file.name != README:
            copy_hashed(file, folder / file.name)
    (folder / README).write_text(cards.exported(store, adapter), encoding="utf-8")
    return None


def _merged(
    store: Store, adapter: Adapter, folder: Path, wish: Wish, tell: Tell | None
) -> dict[str, Any] | None:
    return merging.write(store, adapter.name, folder, wish.how, tell)


def _ollama(
    store: Store, adapter: Adapter, folder: Path, wish: Wish, tell: Tell | None
) -> dict[str, Any] | None:
    base = store.models.get(adapter.model)
    if base.architecture not in (OLLAMA_ADAPTERS if wish.adapter_only else OLLAMA_MODELS):
        raise BadInput(
            f"Ollama imports no {'adapters for ' if wish.adapter_only else ''}{base.architecture}",
            "leave --adapter-only out" if base.architecture in OLLAMA_MODELS else "try --format gguf",
        )
    if wish.adapter_only:
        _check_plain(adapter)
        _peft(store, adapter, folder, wish, tell)
        # A base that Ollama has by name may take its place.
        sources, check = [f"FROM {_path(base)}", "ADAPTER ."], None
    else:
        sources, check = ["FROM ."], _merged(store, adapter, folder, wish, tell)
    codec = load_codec(base.path, base.family)
    tokenizer = base.path / "tokenizer_config.json"
    adds_bos = tokenizer.is_file() and bool(read_json(tokenizer).get("add_bos_token"))
    text = modelfile(codec, cards.template_of(store, adapter), sources, adds_bos=adds_bos)
    (folder / "Modelfile").write_text(text, encoding="utf-8")
    return check


def _gguf(
    store: Store, adapter: Adapter, folder: Path, wish: Wish, tell: Tell | None
) -> dict[str, Any] | None:
    script = gguf.find(gguf.ADAPTER if wish.adapter_only else gguf.MODEL)
    target, check = folder / f"{adapter.name}.gguf", None
    if wish.adapter_only:
        _check_plain(adapter)
        base = store.models.get(adapter.model)
        gguf.convert(script, adapter.path, target, base.path)
        card = cards.exported(store, adapter)
    else:
        with staging(store.root) as whole:
            check = _merged(store, adapter, whole, wish, tell)
            card = (whole / README).read_text(encoding="utf-8")
            if tell is not None:
                tell("converting")
            gguf.convert(script, whole, target)
    (folder / README).write_text(card, encoding="utf-8")
    return check


def _check_plain(adapter: Adapter) -> None:
    """GGUF knows low-rank updates scaled by alpha over rank, one alpha for all, and nothing else.

    Raises:
        BadInput: The adapter is something else.
    """
    config = read_config(adapter.path)
    wrong = {
        f"{adapter.method} is not LoRA": adapter.peft_type != "LORA",
        "DoRA's lengths have no place there": config.get("use_dora"),
        "rsLoRA's scale is another": config.get("use_rslora"),
        "it scales some layers otherwise": config.get("alpha_pattern"),
        "it carries whole layers": config.get("modules_to_save"),
        "it learned biases": config.get("bias", "none") != "none",
        f"lora_alpha {config.get('lora_alpha')} is no whole number": not float(
            config.get("lora_alpha", 8)
        ).is_integer(),
    }
    reasons = [reason for reason, is_so in wrong.items() if is_so]
    if reasons:
        raise BadInput(
            f"adapter {adapter.name!r} has no form of its own there: {reasons[0]}",
            "leave --adapter-only out: merged it can be exported",
        )


def _path(base: Model) -> str:
    text = str(base.path)
    if any(letter in text for letter in '"\n'):
        raise BadInput(f"a Modelfile cannot name the folder {text}", "leave --adapter-only out")
    return f'"{text}"' if " " in text else text


FORMATS: dict[str, Callable[[Store, Adapter, Path, Wish, Tell | None], dict[str, Any] | None]] = {
    "peft": _peft,
    "merged": _merged,
    "ollama": _ollama,
    "gguf": _gguf,
}
