"""Adapters: their record, table, PEFT folder check and lineage card; loading one is the worker's business."""

from __future__ import annotations

import builtins
import hashlib
import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.checkpoints import MANIFEST, Checkpoint, Checkpoints
from store.configs import dump, read_json
from store.entries import check_free, drop, enter
from store.errors import BadInput, Conflict, NotFound, StoreError
from store.files import (
    check_name,
    copy_hashed,
    fingerprint_folder,
    folder_bytes,
    inside,
    name_from,
    shown,
    staging,
)
from store.models import JSON_FILES, PLAIN_FILES, Model, Models
from store.peft_folder import (
    CONFIG,
    FULL_CONFIG,
    WEIGHTS,
    check_fits,
    clean_config,
    files_of,
    method_of,
    read_config,
    read_tensors,
)
from store.runs import Run, Runs
from store.strangers import SOUND, folder_of, is_stranger, missing, told
from store.trashed_runs import KEPT_RUNS
from store.weights import Tensor, count_parameters, main_dtype

if TYPE_CHECKING:
    from sqlite_utils import Database

LINEAGE = "lineage.json"
README = "README.md"
MAX_README_BYTES = 1024 * 1024
MARK = "@"
"""Between a run and a step of it, as in `notes@400`; no name holds it."""
LATEST = "latest"
_STEP_DIGITS = 18  # SQLite's numbers have no room for more


@dataclass(frozen=True)
class Adapter:
    """A PEFT adapter in the store, or what the methods that PEFT lacks made (see `peft_folder`).

    Args:
        path: its folder; plain `PeftModel.from_pretrained` loads it, or its model card says what does.
        model: the base model's name.
        model_fingerprint: the base model's fingerprint when the adapter was made for it.
        method: our name of the training method.
        peft_type: PEFT's name of the adapter's kind, or ours of one that PEFT lacks.
        run: the id of the run that made it; None for one from outside.
        trainable: parameters in its file.
        bytes: of all its files.
        fingerprint: sha256 over its configuration and weights.
        created: seconds since the epoch.
        run_gone: that run is in the trash, or deleted.
    """

    name: str
    path: Path
    model: str
    model_fingerprint: str
    method: str
    peft_type: str
    run: str | None
    trainable: int
    bytes: int
    fingerprint: str
    created: float
    run_gone: bool = False

    @property
    def known_run(self) -> str | None:
        """The id of the run that made it; None where there is none, or none any more."""
        return None if self.run_gone else self.run


_FOUND = f"""*, run is not null and not exists (
    select 1 from runs where id = cast(substr(run, 2) as integer) and 'r' || id = run and id {KEPT_RUNS}
    ) as run_gone"""  # noqa: S608 (our own clause)
_ALL = f"adapters where {SOUND['adapter']} order by rowid desc"


class Adapters:
    """The adapters of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def publish(
        self,
        staged: Path,
        *,
        name: str,
        model: Model,
        method: str,
        run: str | None,
        trainable: int,
        lineage: dict[str, Any],
    ) -> Adapter:
        """Move a finished adapter's folder into the store, whole, with its `lineage.json`.

        Args:
            staged: what PEFT's `save_pretrained` wrote, on the store's own disk (see `files.staging`); of a
                whole model its configuration as an adapter and its weights, the rest is the base's.
            name: what to call it; see `free_name`.
            model: the base model that it was trained on.
            method: our name of the training method.
            run: the id of the run that made it.
            trainable: parameters that were trained.
            lineage: what it was made of: fingerprints, hashes, seeds, versions.
        Raises:
            BadInput: the folder is no valid adapter.
            Conflict: the name is taken.
        """
        check_name(name)
        config_file, _ = files_of(staged)
        config, tensors = clean_config(read_config(staged), model), read_tensors(staged)
        config_file.write_text(dump(config), encoding="utf-8")
        if config_file.name == FULL_CONFIG:
            _complete(staged, model, tensors)
        adapter = Adapter(
            name=name,
            path=inside(self._root, "adapters", name),
            model=model.name,
            model_fingerprint=model.fingerprint,
            method=method,
            peft_type=config["peft_type"],
            run=run,
            trainable=trainable,
            bytes=folder_bytes(staged),
            fingerprint=fingerprint_folder(staged, skip=(LINEAGE, README)),
            created=time.time(),
        )
        card = {**lineage, **_row(adapter)}
        (staged / LINEAGE).write_text(dump(card), encoding="utf-8")
        enter(self._db, "adapter", _row(adapter), staged, adapter.path)
        return self.get(name)

    def add(
        self, folder: str | Path, *, name: str | None = None, model: str | None = None, force: bool = False
    ) -> Adapter:
        """Bring a PEFT folder from outside into the store, or one that a store of ours wrote.

        Args:
            folder: it holds adapter_config.json and adapter_model.safetensors.
            name: what to call it here; the folder's name when left out.
            model: its base model's name here; found by its configuration when left out.
            force: take it although it was made for a base with another fingerprint.
        Raises:
            BadInput: the folder is no valid adapter, or its base cannot be told.
            Conflict: the name is taken, or the adapter does not fit the base.
        """
        source = Path(folder).expanduser().absolute()
        wanted = check_name(name) if name else name_from(source.name)
        check_free(self._db, "adapter", wanted)
        config_file, weights = files_of(source)
        config = read_config(source)
        tensors = read_tensors(source)
        base = self._base_of(config, model)
        lineage = read_json(source / LINEAGE) if (source / LINEAGE).is_file() else {}
        self._check_lineage(wanted, lineage, base, force)
        check_fits(clean_config(config, base), tensors, base)
        with staging(self._root) as staged:
            (staged / config_file.name).write_text(dump(config), encoding="utf-8")
            copy_hashed(weights, staged / weights.name)
            if (source / README).is_file() and (source / README).stat().st_size <= MAX_README_BYTES:
                copy_hashed(source / README, staged / README)
            return self.publish(
                staged,
                name=wanted,
                model=base,
                method=method_of(config),
                run=None,
                trainable=count_parameters(tensors),
                lineage={"source": shown(source), "made_from": lineage},
            )

    def get(self, name: str) -> Adapter:
        """Return an adapter by its name.

        Raises:
            NotFound: there is none.
        """
        where = f"name = ? and {SOUND['adapter']}"
        for row in self._db.table("adapters").rows_where(where, [name], select=_FOUND):
            return _record(row, inside(self._root, "adapters", name))
        raise missing(self._db, "adapter", name, self.names())

    def resolve(self, name: str) -> Adapter:
        """Return an adapter by its name, or a run's checkpoint as one: `RUN@STEP` or `RUN@latest`.

        Raises:
            NotFound: there is none.
            BadInput: what follows the `@` is no step.
            Conflict: the run's checkpoints hold no adapter, or this one was removed meanwhile.
        """
        if MARK in name:
            return self._of_checkpoint(name)
        return self.get(name)

    def pinned(self, name: str) -> str:
        """Return a name that means the same tomorrow: the newest checkpoint of a run by its step.

        Raises:
            NotFound: there is no such run.
        """
        run, mark, step = name.rpartition(MARK)
        if not mark or step != LATEST:
            return name
        newest = Checkpoints(self._root, self._db).newest(Runs(self._root, self._db).get(run).id)
        return f"{run}{MARK}{newest.step}" if newest is not None else name

    def list(self, *, model: str | None = None, limit: int | None = None) -> builtins.list[Adapter]:
        """Return the adapters, newest first: all, or those of one base, or at most so many."""
        of_model, values = ("and model = ?", [model]) if model is not None else ("", [])
        found = self._db.table("adapters").rows_where(
            f"{SOUND['adapter']} {of_model}", values, select=_FOUND, order_by="rowid desc", limit=limit
        )
        return self._listed(found)

    def names(self, wanted: re.Pattern[str] | None = None) -> builtins.list[str]:
        """Return the names of all adapters, newest first, or of those in which a pattern finds something.

        Args:
            wanted: is looked for in the name, the base, the method and the run.
        """
        if wanted is None:
            found = self._db.execute(f"select name from {_ALL}")  # noqa: S608 (our own clauses)
            return [name for (name,) in found]
        found = self._db.execute(f"select name, model, method, coalesce(run, '') from {_ALL}")  # noqa: S608
        return [row[0] for row in found if wanted.search("\n".join(row)) is not None]

    def names_over(self, model: str) -> builtins.list[str]:
        """Return the names of a base's adapters, newest first."""
        where = f"model = ? and {SOUND['adapter']}"
        found = self._db.execute(f"select name from adapters where {where} order by rowid desc", [model])  # noqa: S608
        return [name for (name,) in found]

    def some(self, names: Sequence[str]) -> builtins.list[Adapter]:
        """Return the adapters of these names, in any order; a name that has none is passed over."""
        marks = ", ".join("?" * len(names))
        found = self._db.table("adapters").rows_where(
            f"name in ({marks}) and {SOUND['adapter']}", [*names], select=_FOUND
        )
        return self._listed(found)

    def count(self, *, model: str) -> int:
        """Return how many adapters there are for a base."""
        return self._db.table("adapters").count_where(f"model = ? and {SOUND['adapter']}", [model])

    def made_by(self, run_id: str) -> builtins.list[str]:
        """Return the names of the adapters that a run made."""
        where = f"run = ? and {SOUND['adapter']}"
        found = self._db.execute(f"select name from adapters where {where} order by rowid desc", [run_id])  # noqa: S608
        return [name for (name,) in found]

    def left_out(self) -> StoreError | None:
        """Tell of the rows that are no adapter's, and are in no list; None where there are none."""
        return told(self._db, "adapter")

    def remove(self, name: str) -> None:
        """Remove an adapter with its folder.

        Raises:
            NotFound: there is none.
            Conflict: a run that is queued or going on needs it.
        """
        if not is_stranger(self._db, "adapter", name):
            self.get(name)
        drop(self._db, "adapter", name, folder_of(self._root, "adapter", name), self._root)

    def free_name(self, wanted: str) -> str:
        """Return the name, or the name with the first number that makes it free: `-2`, `-3` …"""
        taken = {row["name"] for row in self._db.table("adapters").rows_where(select="name")}
        name, number = check_name(wanted), 1
        while name in taken or inside(self._root, "adapters", name).exists():
            number += 1
            name = f"{wanted[:120]}-{number}"
        return name

    def check_base(self, adapter: Adapter, model: Model, force: bool = False) -> None:
        """Refuse an adapter on another base than its own, unless forced.

        Raises:
            Conflict: the fingerprints differ.
        """
        if adapter.model_fingerprint != model.fingerprint and not force:
            raise Conflict(
                f"adapter {adapter.name!r} was made for {adapter.model!r}, whose fingerprint is not that of "
                f"{model.name!r}",
                f"use --model {adapter.model}; if you know that they fit: "
                f"workbench adapter add {adapter.path} --name NAME --model {model.name} --force",
            )

    def _of_checkpoint(self, name: str) -> Adapter:
        wanted, _, step = name.rpartition(MARK)
        run = Runs(self._root, self._db).get(wanted)
        found = _checkpoint(Checkpoints(self._root, self._db), run, step)
        if not (found.path / CONFIG).is_file():
            raise Conflict(
                f"the checkpoints of run {run.name!r} ({run.method}) hold no adapter to try",
                "wait for the run's end, which publishes one",
            )
        try:
            return self._read_checkpoint(name, run, found)
        except (FileNotFoundError, BadInput) as error:
            # Its run prunes while this reads.
            if isinstance(error, BadInput) and (found.path / MANIFEST).is_file():
                raise
            raise Conflict(
                f"the checkpoint of step {found.step} of run {run.name!r} has just gone", "ask again"
            ) from error

    def _read_checkpoint(self, name: str, run: Run, found: Checkpoint) -> Adapter:
        files = json.loads((found.path / MANIFEST).read_text(encoding="utf-8"))["files"]
        content = "".join(files[part]["sha256"] for part in (CONFIG, WEIGHTS))
        return Adapter(
            name=name,
            path=found.path,
            model=run.model,
            model_fingerprint=run.lineage["base"]["fingerprint"],
            method=run.method,
            peft_type=str(read_config(found.path).get("peft_type")),
            run=run.id,
            trainable=count_parameters(read_tensors(found.path)),
            bytes=sum(files[part]["bytes"] for part in (CONFIG, WEIGHTS)),
            fingerprint=hashlib.sha256(content.encode()).hexdigest(),
            created=found.created,
        )

    def _base_of(self, config: dict[str, Any], name: str | None) -> Model:
        models = Models(self._root, self._db)
        if name is not None:
            return models.get(name)
        origin = str(config.get("base_model_name_or_path"))
        known = models.list()
        named = [model for model in known if origin in (model.source, model.name, str(model.path))]
        if len(named) == 1:
            return named[0]
        names = ", ".join(model.name for model in known) or "none yet"
        raise NotFound(
            f"the adapter's base {origin!r} is not in the store", f"name it with --model; there are: {names}"
        )

    def _check_lineage(self, name: str, lineage: dict[str, Any], base: Model, force: bool) -> None:
        """An adapter that a store of ours wrote says which base it is for, to the bit."""
        fingerprint = lineage.get("model_fingerprint", base.fingerprint)
        if fingerprint != base.fingerprint and not force:
            raise Conflict(
                f"adapter {name!r} was made for another base (fingerprint {str(fingerprint)[:12]}…) "
                f"than {base.name!r} ({base.fingerprint[:12]}…)",
                "name its base with --model, or --force if you know that they fit",
            )

    def _listed(self, rows: Iterable[dict[str, Any]]) -> builtins.list[Adapter]:
        """Many records: that no link leads out of the store is looked at for their folder, not for each."""
        folder = inside(self._root, "adapters")
        return [_record(row, folder / row["name"]) for row in rows]


def _checkpoint(checkpoints: Checkpoints, run: Run, step: str) -> Checkpoint:
    if step == LATEST:
        newest = checkpoints.newest(run.id)
        if newest is None:
            raise NotFound(f"run {run.name!r} has no checkpoint yet", "wait for its first one")
        return newest
    if not (step.isascii() and step.isdigit() and len(step) <= _STEP_DIGITS):
        raise BadInput(
            f"{step[:60]!r} is no step of run {run.name!r}",
            f"write {run.name}{MARK}{LATEST}, or the step of a checkpoint",
        )
    return checkpoints.get(run.id, int(step))


def _complete(staged: Path, model: Model, tensors: dict[str, Tensor]) -> None:
    """Make a whole model's weights a folder that transformers loads: the small files are the base's."""
    config = read_json(model.path / "config.json") | {"dtype": main_dtype(tensors)}
    (staged / "config.json").write_text(dump(config), encoding="utf-8")
    for name in (*JSON_FILES, *PLAIN_FILES):
        if (model.path / name).is_file():
            copy_hashed(model.path / name, staged / name)


def _record(row: dict[str, Any], path: Path) -> Adapter:
    return Adapter(**{**row, "run_gone": bool(row["run_gone"])}, path=path)


def _row(adapter: Adapter) -> dict[str, Any]:
    return {key: value for key, value in asdict(adapter).items() if key not in ("path", "run_gone")}
