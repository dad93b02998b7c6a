"""Base models: their record, table and folder; bringing one in checks everything before it is seen."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.configs import (
    GENERATION_KEYS,
    TOKENIZER_KEYS,
    Family,
    allowed,
    clean_model_config,
    clean_tokenizer_config,
    dump,
    read_json,
)
from store.entries import CARD, check_free, drop, enter
from store.errors import BadInput, StoreError
from store.files import (
    check_name,
    combine,
    copy_hashed,
    fingerprint_file,
    folder_bytes,
    inside,
    name_from,
    staging,
)
from store.sources import Source, find_source
from store.strangers import SOUND, folder_of, is_stranger, missing, told
from store.weights import Tensor, count_parameters, main_dtype, read_weights

if TYPE_CHECKING:
    from sqlite_utils import Database

PLAIN_FILES = ("tokenizer.json", "vocab.json", "merges.txt", "chat_template.jinja")
JSON_FILES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "generation_config.json": lambda document: allowed(document, GENERATION_KEYS),
    "tokenizer_config.json": clean_tokenizer_config,
    "special_tokens_map.json": lambda document: allowed(document, TOKENIZER_KEYS),
    "added_tokens.json": lambda document: {key: n for key, n in document.items() if type(n) is int},
}
LENGTH_KEYS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length")


@dataclass(frozen=True)
class Model:
    """A base model in the store.

    Args:
        path: its folder, in transformers' form, with a configuration that we wrote.
        family: `causal` continues a prompt, `seq2seq` answers one.
        parameters: counted from the weights' headers.
        bytes: of all its files.
        vocabulary: rows of its embedding.
        max_length: tokens it was made for; None when its configuration does not say.
        chat_template: its tokenizer brings one.
        source: the folder or Hub repository it came from.
        revision: the Hub's commit.
        fingerprint: sha256 over configuration, tokenizer and weights; an adapter names it.
        created: seconds since the epoch.
    """

    name: str
    path: Path
    family: Family
    architecture: str
    parameters: int
    bytes: int
    dtype: str
    vocabulary: int
    max_length: int | None
    chat_template: bool
    source: str
    revision: str | None
    fingerprint: str
    created: float


class Models:
    """The base models of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def add(
        self,
        source: str,
        *,
        name: str | None = None,
        revision: str | None = None,
        origin: str | None = None,
    ) -> Model:
        """Bring a model into the store: checked, its configuration rewritten, published whole.

        Args:
            source: a transformers folder, or `owner/name` of a Hub repository, which is pinned to its commit.
            name: what to call it here; the folder's or the repository's name when left out.
            revision: a branch, tag or commit of the repository.
            origin: where it comes from, if the folder is only on its way.
        Raises:
            BadInput: no safetensors weights, no tokenizer.json, an unknown architecture, a damaged file.
            Conflict: the name is taken.
            NotFound, Unavailable: the Hub lacks it or does not answer.
        """
        wanted = check_name(name) if name else name_from(source.rstrip("/").rsplit("/", 1)[-1])
        check_free(self._db, "model", wanted)
        found = find_source(source, revision)
        if origin is not None:
            found = replace(found, origin=origin)
        with staging(self._root) as staged:
            model = self._stage(found, staged, wanted)
            row = {key: value for key, value in asdict(model).items() if key != "path"}
            enter(self._db, "model", row, staged, model.path)
        return model

    def get(self, name: str) -> Model:
        """Return a model by its name.

        Raises:
            NotFound: there is none.
        """
        for row in self._db.table("models").rows_where(f"name = ? and {SOUND['model']}", [name]):
            return _record(row, inside(self._root, "models", name))
        raise missing(self._db, "model", name, [model.name for model in self.list()])

    def list(self) -> builtins.list[Model]:
        """Return all models by name; that no link leads out of the store is looked at when one is used."""
        folder = inside(self._root, "models")
        found = self._db.table("models").rows_where(SOUND["model"], order_by="name")
        return [_record(row, folder / row["name"]) for row in found]

    def left_out(self) -> StoreError | None:
        """Tell of the rows that are no model's, and are in no list; None where there are none."""
        return told(self._db, "model")

    def remove(self, name: str) -> None:
        """Remove a model with its folder.

        Raises:
            NotFound: there is none.
            Conflict: a run that is queued or going on needs it.
        """
        if not is_stranger(self._db, "model", name):
            self.get(name)
        drop(self._db, "model", name, folder_of(self._root, "model", name), self._root)

    def _stage(self, source: Source, staged: Path, name: str) -> Model:
        """Write the clean copy and its card, and return the record that the catalog will hold."""
        config, architecture = clean_model_config(read_json(source.folder / "config.json"))
        tensors, weights = read_weights(source.folder)
        tokenizer = _check_tokenizer(source.folder)
        digests = {"config.json": _write(staged / "config.json", dump(config))}
        for file in weights:
            digests[file.name] = _bring(file, staged / file.name, link=source.cached)
        if len(weights) > 1 or weights[0].name != "model.safetensors":
            _write(staged / "model.safetensors.index.json", dump(_index(tensors, weights)))
        digests["tokenizer.json"] = _bring_tokenizer(source.folder, staged)
        model = Model(
            name=name,
            path=inside(self._root, "models", name),
            family=architecture.family,
            architecture=architecture.name,
            parameters=count_parameters(tensors),
            bytes=folder_bytes(staged),
            dtype=main_dtype(tensors),
            vocabulary=config["vocab_size"],
            max_length=_max_length(config, tokenizer),
            chat_template="chat_template" in tokenizer or (staged / "chat_template.jinja").exists(),
            source=source.origin,
            revision=source.revision,
            fingerprint=combine(digests),
            created=time.time(),
        )
        card = {key: value for key, value in asdict(model).items() if key != "path"}
        _write(staged / CARD, dump(card))
        return model


def _record(row: dict[str, Any], path: Path) -> Model:
    return Model(**{**row, "path": path, "chat_template": bool(row["chat_template"])})


def _check_tokenizer(folder: Path) -> dict[str, Any]:
    """Check that there is a fast tokenizer, and return its clean configuration (empty without one)."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BadInput(
            f"{folder} has no tokenizer.json",
            "write one where the model works: AutoTokenizer.from_pretrained(…).save_pretrained(…)",
        )
    if not isinstance(read_json(path).get("model"), dict):
        raise BadInput(f"{path} describes no tokenizer", "get the original tokenizer.json")
    config = folder / "tokenizer_config.json"
    return clean_tokenizer_config(read_json(config)) if config.is_file() else {}


def _bring_tokenizer(folder: Path, staged: Path) -> str:
    """Copy the small files beside the weights, JSON cleaned; return the digest of tokenizer.json."""
    for name, clean in JSON_FILES.items():
        if (folder / name).is_file():
            _write(staged / name, dump(clean(read_json(folder / name))))
    for name in PLAIN_FILES:
        if (folder / name).is_file():
            copy_hashed(folder / name, staged / name)
    return fingerprint_file(staged / "tokenizer.json")


def _bring(file: Path, target: Path, *, link: bool) -> str:
    """Bring a file of weights: a second name for the Hub cache's own file where that can be, else a copy."""
    if not link:
        return copy_hashed(file, target)
    try:
        target.hardlink_to(file.resolve())
    except OSError:  # another file system, or a cache of another user
        return copy_hashed(file, target)
    return fingerprint_file(target)


def _index(tensors: dict[str, Tensor], weights: builtins.list[Path]) -> dict[str, Any]:
    from store.weights import read_header

    weight_map = {name: file.name for file in weights for name in read_header(file)}
    return {"metadata": {"total_parameters": count_parameters(tensors)}, "weight_map": weight_map}


def _max_length(config: dict[str, Any], tokenizer: dict[str, Any]) -> int | None:
    lengths = [config.get(key) for key in LENGTH_KEYS] + [tokenizer.get("model_max_length")]
    # Tokenizers without a limit say 1e30.
    known = [length for length in lengths if type(length) is int and 0 < length < 10_000_000]
    return known[0] if known else None


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return fingerprint_file(path)
