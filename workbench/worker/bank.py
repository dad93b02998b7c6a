"""Several adapters over one loaded base, through PEFT and beside it: validate, load, switch, evict.

After every use the base is as it was, to the bit. It decodes nothing: it hands out a `Voice` for some rows.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, PeftModelForCausalLM, PeftModelForSeq2SeqLM
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from safetensors import SafetensorError
from transformers import PreTrainedModel

from store.adapters import Adapter
from store.errors import BadInput
from store.files import fingerprint_file
from store.models import Model
from store.peft_folder import OWN_KINDS, files_of
from workbench.worker.generate import Voice
from workbench.worker.guests import Guests
from workbench.worker.loading import first_line
from workbench.worker.screening import SOFT, kind_of, screen

_ALONE = ("modules_to_save", "trainable_token_indices", "target_parameters", "alora_invocation_tokens")
_FAULTS = (ValueError, RuntimeError, LookupError, TypeError, AttributeError, OSError, SafetensorError)
RESIDENT = 32  # more than one screen compares; the least recently used leaves first

_WRAPPERS: dict[str, Any] = {
    "causal": (PeftModelForCausalLM, "CAUSAL_LM"),
    "seq2seq": (PeftModelForSeq2SeqLM, "SEQ_2_SEQ_LM"),
}


@dataclass(frozen=True)
class Resident:
    """A validated adapter, known by its content.

    Attributes:
        key: The name PEFT knows it by: of one length for all, so that none contains another.
        adapter: Its record.
        config: Its PEFT configuration; plain values of the kinds that PEFT lacks.
    """

    key: str
    adapter: Adapter
    config: Any

    @property
    def kind(self) -> str:
        """PEFT's type, such as LORA, or ours of one that PEFT lacks."""
        return kind_of(self.config)

    @property
    def is_guest(self) -> bool:
        """Whether PEFT has nothing to do with it."""
        return self.kind in OWN_KINDS

    @property
    def layers(self) -> str:
        """Which adapters may stand inside the base together: those of one label.

        Plain LoRA shares; kinds that replace whole modules refuse each other in PEFT, in one order or the
        other, and stand alone.
        """
        alone = self.kind != "LORA" or any(getattr(self.config, name, None) for name in _ALONE)
        return self.key if alone else self.kind

    @property
    def mixes(self) -> bool:
        """Whether rows with it may share a batch with rows of other adapters (PEFT's `adapter_names`)."""
        return self.layers == "LORA" and not self.config.use_dora


class Bank:
    """The adapters over one base; used from one thread."""

    def __init__(self, base: PreTrainedModel, record: Model, resident_limit: int = RESIDENT) -> None:
        self._base = base
        self._record = record
        self._limit = resident_limit
        self._wrap, self._task = _WRAPPERS[record.family]
        self._own = frozenset(base.state_dict())  # names of its weights, before any layer is wrapped
        self._residents: dict[str, Resident] = {}  # in order of use, the latest last
        self._injected: PeftModel | None = None  # the one wrapper whose layers stand inside the base now
        self._layers = ""  # the label of those layers
        self._soft: dict[str, PeftModel] = {}  # prompt learning leaves the base's layers alone
        self._guests = Guests(base)
        self._keys: dict[Path, tuple[object, str]] = {}

    @property
    def names(self) -> list[str]:
        """The names of the resident adapters, the latest used last."""
        return [resident.adapter.name for resident in self._residents.values()]

    def ready(self, adapter: Adapter) -> Resident:
        """Make an adapter resident, unless this very content is already.

        Args:
            adapter: The record; its base must have been checked.

        Returns:
            The resident to ask a voice for.

        Raises:
            BadInput: It can't be used; what is resident stays as it was.
        """
        key = self._key(adapter)
        known = self._residents.pop(key, None)
        for old in [each for each in self._residents.values() if each.adapter.name == adapter.name]:
            self._evict(old)
        # Two names may stand for one content: the record asked for last says where it lies.
        config = known.config if known else screen(adapter, self._record, self._own, self._task)
        resident = Resident(key, adapter, config)
        self._place(resident)
        self._residents[key] = resident
        while len(self._residents) > self._limit:
            self._evict(next(iter(self._residents.values())))
        return resident

    def groups(self, rows: Sequence[Resident | None]) -> list[list[int]]:
        """Which rows can be decoded together: indexes of base and plain LoRA rows, then of each other one."""
        together: dict[str, list[int]] = {}
        for index, resident in enumerate(rows):
            label = "" if resident is None or resident.mixes else resident.key
            together.setdefault(label, []).append(index)
        return list(together.values())

    def pads(self, resident: Resident | None) -> bool:
        """Whether prompts of different lengths may share a batch; a causal soft prompt allows no padding."""
        return resident is None or resident.kind not in SOFT or self._task != "CAUSAL_LM"

    @contextlib.contextmanager
    def voice(self, rows: Sequence[Resident | None]) -> Iterator[Voice]:
        """Switch on one adapter per row of a batch for as long as the voice is used.

        Args:
            rows: Rows of one of the `groups`; None is the bare base.
        """
        distinct = {row.key: row for row in rows if row is not None}
        for resident in distinct.values():
            self._place(resident)
        if not distinct:
            with self._bare():
                yield Voice(self._base, self._base)
        elif len(distinct) == 1 and None not in rows:
            (resident,) = distinct.values()
            with self._alone(resident) as voice:
                yield voice
        else:
            names = [row.key if row is not None else "__base__" for row in rows]
            yield _mixed(self._wrapper(next(iter(distinct.values()))), names)

    @contextlib.contextmanager
    def _bare(self) -> Iterator[None]:
        with self._injected.disable_adapter() if self._injected is not None else contextlib.nullcontext():
            yield

    @contextlib.contextmanager
    def _alone(self, resident: Resident) -> Iterator[Voice]:
        if resident.is_guest:
            with self._bare(), self._guests.visit(resident.key):
                yield Voice(self._base, self._base)
            return
        wrapper = self._wrapper(resident)
        wrapper.set_adapter(resident.key, inference_mode=True)
        if resident.kind not in SOFT:
            yield Voice(wrapper, wrapper)
            return
        with self._bare():
            # After the first pass the soft prompt stands in the cache: the wrapper would put it in again.
            virtual = resident.config.num_virtual_tokens if self._task == "CAUSAL_LM" else 0
            yield Voice(wrapper, self._base, virtual_tokens=virtual)

    def _wrapper(self, resident: Resident) -> PeftModel:
        wrapper = self._soft.get(resident.kind) if resident.kind in SOFT else self._injected
        if wrapper is None:
            raise RuntimeError(f"adapter {resident.adapter.name} is not placed")
        return wrapper

    def _place(self, resident: Resident) -> None:
        """See that it is in memory; of PEFT's layers those of one label at a time stand inside the base."""
        if resident.is_guest and resident.key in self._guests:
            return
        if resident.kind in SOFT or resident.is_guest:
            wrapper = self._soft.get(resident.kind)
        else:
            if self._injected is not None and self._layers != resident.layers:
                self._strip()
            wrapper = self._injected
        if wrapper is not None and resident.key in wrapper.peft_config:
            return
        try:
            self._load(resident, wrapper)
            if self._key(resident.adapter) != resident.key:
                raise ValueError("its files change while they are read")
        except torch.OutOfMemoryError:
            raise
        except _FAULTS as error:
            # PEFT may have put in some of the layers: take all out, the others come back when asked for.
            self._soft.pop(resident.kind, None)
            self._guests.remove(resident.key)
            if resident.kind not in SOFT and not resident.is_guest:
                self._strip()
            raise BadInput(
                f"adapter {resident.adapter.name!r} does not fit the model ({first_line(error)})",
                "use the base it was trained on, or remove it",
            ) from error

    def _load(self, resident: Resident, wrapper: PeftModel | None) -> None:
        path, key = resident.adapter.path, resident.key
        if isinstance(resident.config, dict):
            try:
                self._guests.add(key, resident.config, path)
            except BadInput as error:
                raise ValueError(error.what) from error
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PEFT warns of is checked here
            if wrapper is None:
                wrapper = self._wrap(self._base, resident.config, key)
            else:
                wrapper.add_adapter(key, resident.config)
            renamed = getattr(self._base, "_checkpoint_conversion_mapping", None) or {}
            result = wrapper.load_adapter(
                str(path),
                key,
                torch_device=str(self._base.device),
                key_mapping=None if resident.kind in SOFT else renamed,
            )
        wrapper.requires_grad_(False)
        if resident.kind in SOFT:
            self._soft[resident.kind] = wrapper
            return
        self._injected, self._layers = wrapper, resident.layers
        wrong = sorted({*result.missing_keys, *result.unexpected_keys})
        if wrong:
            first = wrong[0].replace(f"{key}.", "")
            raise ValueError(f"{len(wrong)} weights are missing or left over, such as {first}")

    def _evict(self, resident: Resident) -> None:
        del self._residents[resident.key]
        if resident.is_guest:
            self._guests.remove(resident.key)
            return
        wrapper = self._soft.get(resident.kind) if resident.kind in SOFT else self._injected
        if wrapper is None or resident.key not in wrapper.peft_config:
            return
        if len(wrapper.peft_config) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that another adapter is active now
                wrapper.delete_adapter(resident.key)
        elif resident.kind in SOFT:
            del self._soft[resident.kind]
        else:
            self._strip()

    def _strip(self) -> None:
        """Take every layer of PEFT out of the base again; its own modules were only wrapped."""
        inside = "\0"  # the layer last taken out: what lies in it went with it
        for name, module in list(self._base.named_modules()):
            if name.startswith(inside) or not isinstance(module, (BaseTunerLayer, AuxiliaryTrainingWrapper)):
                continue
            layer = isinstance(module, BaseTunerLayer)
            parent, _, child = name.rpartition(".")
            original = module.get_base_layer() if layer else module.original_module
            setattr(self._base.get_submodule(parent), child, original)
            inside = f"{name}."
        if "peft_config" in vars(self._base):
            del self._base.peft_config
        self._injected = None

    def _key(self, adapter: Adapter) -> str:
        """A name made of the content of the two files that matter, read again when one of them changes."""
        folder = adapter.path
        paths = files_of(folder)
        try:
            stats = [path.stat() for path in paths]
            seen = tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for stat in stats)
            known = self._keys.get(folder)
            if known is None or known[0] != seen:
                digests = "".join(fingerprint_file(path) for path in paths)
                known = self._keys[folder] = (seen, "a" + hashlib.sha256(digests.encode()).hexdigest()[:31])
        except OSError as error:
            raise BadInput(
                f"adapter {adapter.name!r} cannot be read ({error.filename}: {error.strerror})",
                "add it again",
            ) from error
        return known[1]


def _mixed(wrapper: PeftModel, names: list[str]) -> Voice:
    def forward(**inputs: Any) -> Any:
        return wrapper(adapter_names=names, **inputs)

    return Voice(forward, forward)
