"""Several adapters over one loaded base, whatever their kinds: validate, load, switch, evict.

After every use the base is as it was, to the bit. It decodes nothing: it hands out a `Voice` for some rows.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import PreTrainedModel

from store.adapters import Adapter
from store.errors import BadInput
from store.models import Model
from store.peft_folder import PREFIX, files_of
from workbench.worker import openings, parts, reading
from workbench.worker.failures import is_out_of_memory
from workbench.worker.generate import Voice
from workbench.worker.loading import first_line
from workbench.worker.openings import NOTHING, SOFT, Opening, attention_window, lengths_apart
from workbench.worker.parts import Parts
from workbench.worker.room import free_bytes
from workbench.worker.rowwise import Rows
from workbench.worker.screening import kind_of, screen
from workbench.worker.standalone import Standalone

RESIDENT = 32  # more than one screen compares; the least recently used leaves first
_FREE_SHARE = 0.5  # of the memory left beside the base; the rest is for keys and values
_TASKS = {"causal": "CAUSAL_LM", "seq2seq": "SEQ_2_SEQ_LM"}
_FAULTS = (
    ValueError, RuntimeError, LookupError, TypeError, AttributeError, ArithmeticError, OSError,
    SafetensorError,
)  # fmt: skip


@dataclass(frozen=True)
class Resident:
    """A validated adapter, known by what lies in its files.

    Attributes:
        key: The name it goes by inside: of one length for all, so that none contains another.
        adapter: Its record.
        config: Its PEFT configuration; plain values of the kinds that PEFT lacks.
        mixes: Whether rows with it may share a batch with rows of other adapters.
        virtual_tokens: Those that it puts before a prompt.
        prefix_tokens: Those whose keys it puts before a prompt.
    """

    key: str
    adapter: Adapter
    config: Any
    mixes: bool
    virtual_tokens: int = 0
    prefix_tokens: int = 0


@dataclass(frozen=True)
class _Loaded:
    """What of an adapter is in memory; nothing where it stands alone, which comes when it is asked for."""

    parts: Parts = field(default_factory=dict)
    opening: Opening = NOTHING
    bytes: int = 0
    idle: bool = False


class Bank:
    """The adapters over one base; used from one thread.

    Args:
        base: The base.
        record: Its record.
        resident_limit: The most adapters in memory.
        budget_bytes: The most memory for those that share it; by default half of what the base has left.

    Attributes:
        told: What the people who ask should hear of, sentence by sentence.
    """

    def __init__(
        self,
        base: PreTrainedModel,
        record: Model,
        resident_limit: int = RESIDENT,
        budget_bytes: int | None = None,
    ) -> None:
        self.told: list[str] = []
        self._base = base
        self._record = record
        self._limit = resident_limit
        self._budget = int(free_bytes(base.device) * _FREE_SHARE) if budget_bytes is None else budget_bytes
        self._precision = base.dtype
        self._window = attention_window(base)
        self._own = frozenset(base.state_dict())  # names of its weights, before any layer is wrapped
        self._modules = dict(base.named_modules())
        self._shared = _in_several_places(base)
        self._residents: dict[str, Resident] = {}  # in order of use, the latest last
        self._loaded: dict[str, _Loaded] = {}
        self._rows = Rows(self._modules)
        self._standalone = Standalone(base, record)

    @property
    def names(self) -> list[str]:
        """The names of the resident adapters, the latest used last."""
        return [resident.adapter.name for resident in self._residents.values()]

    @property
    def bytes(self) -> int:
        """The memory that adapters take beside the base."""
        return sum(loaded.bytes for loaded in self._loaded.values()) + self._standalone.bytes

    def ready(self, adapter: Adapter) -> Resident:
        """Make an adapter resident, unless it is, with what its files hold now.

        Args:
            adapter: The record; its base must have been checked.

        Returns:
            The resident to ask a voice for.

        Raises:
            BadInput: It can't be used; what is resident stays as it was.
        """
        key = _key(adapter)
        known = self._residents.pop(key, None)
        if known is not None:
            self._residents[key] = known
            return known
        config = screen(adapter, self._record, self._own, _TASKS[self._record.family])
        loaded = self._load(key, adapter, config)
        for old in [each for each in self._residents.values() if each.adapter.name == adapter.name]:
            self._evict(old)
        opening = NOTHING if loaded is None else loaded.opening
        resident = self._residents[key] = Resident(
            key,
            adapter,
            config,
            mixes=loaded is not None and self._may_mix(loaded),
            virtual_tokens=opening.virtual_tokens,
            prefix_tokens=opening.prefix_tokens,
        )
        self._make_room(keep={key})
        return resident

    def effect(self, resident: Resident) -> str | None:
        """Why an adapter changes nothing, in a sentence; None where it does, or where nobody can tell."""
        loaded = self._loaded.get(resident.key)
        if loaded is None or not loaded.idle:
            return None
        return (
            f"adapter {resident.adapter.name!r} changes nothing: what it adds to the base is zero, "
            "as before the first step of a training"
        )

    def groups(
        self, rows: Sequence[Resident | None], prompt_tokens: Sequence[int] = (), new_tokens: int = 0
    ) -> list[list[int]]:
        """Which rows can be decoded together: indexes of base and mixing rows, then of each other one.

        Args:
            rows: The adapter of each row; None is the base.
            prompt_tokens: Of each row; none are given where all are of one length.
            new_tokens: The most tokens of an answer.
        """
        lengths = [
            tokens + (0 if resident is None else resident.virtual_tokens)
            for tokens, resident in zip(prompt_tokens or [0] * len(rows), rows, strict=True)
        ]
        prefixes = [0 if resident is None else resident.prefix_tokens for resident in rows]
        apart = lengths_apart(prefixes, lengths, new_tokens, self._window)
        together: dict[tuple[str, int], list[int]] = {}
        for index, (resident, length) in enumerate(zip(rows, apart, strict=True)):
            label = "" if resident is None or resident.mixes else resident.key
            together.setdefault((label, length), []).append(index)
        return list(together.values())

    @contextlib.contextmanager
    def voice(self, rows: Sequence[Resident | None]) -> Iterator[Voice]:
        """Switch on one adapter per row of a batch for as long as the voice is used.

        Args:
            rows: Rows of one of the `groups`; None is the bare base.

        Raises:
            BadInput: What has left the memory meanwhile can't be loaded again.
        """
        distinct = {row.key: row for row in rows if row is not None}
        for resident in distinct.values():
            self._recall(resident)
        self._make_room(keep=set(distinct))
        first = next(iter(distinct.values()), None)
        if first is not None and first.key in self._standalone:
            with self._standalone.speaking() as forward:
                yield Voice(forward)
            return
        self._standalone.clear()
        loaded = [None if row is None else self._loaded[row.key] for row in rows]
        standing = [
            (row.key, each.parts) if row is not None and each is not None and each.parts else None
            for row, each in zip(rows, loaded, strict=True)
        ]
        opened = tuple(NOTHING if each is None else each.opening for each in loaded)
        with self._rows.standing(standing):
            yield Voice(self._base, opened)

    def _recall(self, resident: Resident) -> None:
        """See that it is in memory: it may have left it since it was made ready."""
        if resident.key in self._loaded or resident.key in self._standalone:
            return
        if _key(resident.adapter) != resident.key:
            raise BadInput(f"adapter {resident.adapter.name!r} has changed on the disk", "ask again")
        self._load(resident.key, resident.adapter, resident.config)
        self._residents[resident.key] = resident

    def _load(self, key: str, adapter: Adapter, config: Any) -> _Loaded | None:
        """Bring an adapter into memory.

        Returns:
            What is in memory of it; None where it stands alone.
        """
        try:
            with torch.no_grad():
                loaded = self._read(key, adapter.path, config)
            if _key(adapter) != key:
                raise ValueError("its files change while they are read")
        except BadInput as error:
            raise BadInput(f"adapter {adapter.name!r}: {error.what}", error.remedy) from error
        except _FAULTS as error:
            if is_out_of_memory(error):
                raise
            raise BadInput(
                f"adapter {adapter.name!r} does not fit the model ({first_line(error)})",
                "use the base it was trained on, or remove it",
            ) from error
        if loaded is None:
            return None
        if loaded.bytes > self._budget:
            raise BadInput(
                f"adapter {adapter.name!r} takes {loaded.bytes:,} bytes, there is room for {self._budget:,}",
                "merge it into a model of its own",
            )
        self._loaded[key] = loaded
        return loaded

    def _read(self, key: str, folder: Path, config: Any) -> _Loaded | None:
        """What an adapter's files hold; None where it is one that stands alone, and does so now."""
        path, kind = files_of(folder)[1], kind_of(config)
        precision = torch.float32 if kind == "BOTTLENECK" else self._precision
        tensors = reading.read(path, self._base.device, precision)
        if kind in SOFT:
            opening = openings.of_file(config, tensors)
            self._standalone.clear()
            openings.check(opening, self._base)
            return _Loaded(opening=opening, bytes=reading.byte_count(tensors.values()))
        if kind not in ("PARTIAL", "FULL"):
            own = self._without_the_bases(tensors)
            taken = parts.read(config, own, self._modules, self._shared)
            if taken is not None:
                size = reading.byte_count(parts.tensors_of(taken))
                return _Loaded(taken, bytes=size, idle=parts.changes_nothing(taken, self._modules))
        self._standalone.place(key, config, folder, tensors)
        return None

    def _without_the_bases(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Drop the copies of the base's own weights that PEFT saves beside adapted embeddings."""
        kept = {}
        for name, value in tensors.items():
            path, found, rest = name.removeprefix(PREFIX).partition(".base_layer.")
            if not found:
                kept[name] = value
                continue
            weight = getattr(self._modules.get(path), rest, None)
            if weight is None or not torch.equal(weight, value.to(weight.dtype)):
                raise ValueError(f"it carries a changed weight of the base itself, {path}.{rest}")
        return kept

    def _may_mix(self, loaded: _Loaded) -> bool:
        # Experts are given the tokens of all rows in one line, in an order of their own.
        if any(".experts." in f".{path}." for path in loaded.parts):
            return False
        # Words are looked up row by row; positions, say, once for all rows.
        words = self._base.get_input_embeddings()
        adapted = (self._modules[path] for path in loaded.parts)
        if any(type(module) is nn.Embedding and module is not words for module in adapted):
            return False
        # A decoder that counts its positions from the cache would count another row's prefix too.
        counts = self._base.config.is_encoder_decoder and not hasattr(
            self._base.config, "relative_attention_num_buckets"
        )
        return not (loaded.opening.prefix and counts)

    def _make_room(self, keep: set[str]) -> None:
        """Let the least recently used go until the rest fits; what is to speak now stays."""
        for resident in list(self._residents.values()):
            crowded = len(self._residents) > self._limit
            # Whoever stands alone is one at a time, and no smaller for others' leaving.
            if not crowded and self.bytes - self._standalone.bytes <= self._budget:
                return
            if resident.key in keep:
                continue
            self._evict(resident)
            why = f"{self._limit} are kept" if crowded else f"there is room for {self._budget:,} bytes"
            self.told.append(
                f"adapter {resident.adapter.name!r} has left the memory: it was used least lately, and {why}"
            )

    def _evict(self, resident: Resident) -> None:
        del self._residents[resident.key]
        self._loaded.pop(resident.key, None)
        self._rows.forget(resident.key)
        if resident.key in self._standalone:
            self._standalone.clear()


def _key(adapter: Adapter) -> str:
    """A name made of where an adapter's two files lie and when they last changed.

    Raises:
        BadInput: They can't be looked at.
    """
    seen: list[object] = []
    try:
        for path in files_of(adapter.path):
            stat = path.stat()
            seen += [str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    except OSError as error:
        raise BadInput(
            f"adapter {adapter.name!r} cannot be read ({error.filename}: {error.strerror})", "add it again"
        ) from error
    return "a" + hashlib.sha256(repr(seen).encode()).hexdigest()[:31]


def _in_several_places(base: nn.Module) -> frozenset[str]:
    """Paths of modules that have others too: PEFT adapts such a module in the first place alone."""
    places: dict[int, list[str]] = {}
    for path, module in base.named_modules(remove_duplicate=False):
        places.setdefault(id(module), []).append(path)
    return frozenset(path for paths in places.values() if len(paths) > 1 for path in paths)
