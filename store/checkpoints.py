"""Checkpoints of runs: their rows, their folders, and whether those are whole; not what they hold.

A folder `runs/<id>/checkpoints/step-N/` describes itself: `manifest.json`, written last, names every file
with its size and SHA-256. The folders are the truth and the rows follow them, so that a death between the
two loses nothing.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import json
import math
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.db import write
from store.errors import NotFound
from store.files import fingerprint_file, inside, private_folder, seal, sync, write_atomic
from store.metrics import run_number

if TYPE_CHECKING:
    from sqlite_utils import Database

FOLDER = "checkpoints"
MANIFEST = "manifest.json"
FORMAT = 1
_STEP = re.compile(r"step-([1-9]\d{0,17})")


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint of a run."""

    run: str
    step: int
    bytes: int
    eval_loss: float | None
    """The validation loss at this very step, where one was taken."""
    created: float
    path: Path


@dataclass(frozen=True)
class Damage:
    """A checkpoint that is not what was written, and why."""

    step: int
    faults: tuple[str, ...]

    def __str__(self) -> str:
        return f"the checkpoint of step {self.step} is damaged: {'; '.join(self.faults[:3])}"


class Checkpoints:
    """The checkpoints of one store's runs."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def folder(self, run_id: str) -> Path:
        """Return the folder of a run's checkpoints, which need not be there."""
        return inside(self._root, "runs", run_id, FOLDER)

    def list(self, run_id: str) -> builtins.list[Checkpoint]:
        """Return a run's checkpoints, newest step first."""
        found = self._db.execute(
            "select step, bytes, eval_loss, created from checkpoints where run = ? order by step desc",
            [run_number(run_id)],
        )
        made = [
            Checkpoint(run_id, step, size, loss, created, self.folder(run_id) / f"step-{step}")
            for step, size, loss, created in found
        ]
        return [each for each in made if each.path.is_dir()]

    def get(self, run_id: str, step: int) -> Checkpoint:
        """Return one checkpoint.

        Raises:
            NotFound: there is none of that step.
        """
        made = self.list(run_id)
        for each in made:
            if each.step == step:
                return each
        steps = ", ".join(str(each.step) for each in made)
        remedy = f"it has checkpoints of the steps {steps}" if made else "it has no checkpoints"
        raise NotFound(f"run {run_id} has no checkpoint of step {step}", remedy)

    def newest(self, run_id: str) -> Checkpoint | None:
        """Return the newest checkpoint; whether it is whole has not been looked at."""
        return next(iter(self.list(run_id)), None)

    def best(self, run_id: str) -> Checkpoint | None:
        """Return the checkpoint of the lowest validation loss, the earliest of several such."""
        losses = [
            (each.eval_loss, each.step, each) for each in self.list(run_id) if each.eval_loss is not None
        ]
        return min(losses, default=(None, 0, None))[2]

    @contextlib.contextmanager
    def staging(self, run_id: str, step: int) -> Iterator[Path]:
        """Lend a fresh folder beside the place of a checkpoint; it is gone afterwards unless published."""
        place = private_folder(self.folder(run_id))
        staged = place / f".step-{step}.tmp-{secrets.token_hex(4)}"
        staged.mkdir(mode=0o700)
        try:
            yield staged
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def publish(self, run_id: str, step: int, staged: Path, eval_loss: float | None = None) -> Checkpoint:
        """Let a staged checkpoint appear whole: files, manifest, rename, and the row last.

        Args:
            run_id: the run.
            step: its step; a checkpoint of that step that is there already gives way.
            staged: the folder of `staging`, filled.
            eval_loss: the validation loss at this step.
        """
        finite = eval_loss if eval_loss is not None and math.isfinite(eval_loss) else None
        seal(staged)
        _write_manifest(staged, step, finite)
        target = self.folder(run_id) / f"step-{step}"
        if target.exists():
            self.remove(run_id, step)
        staged.rename(target)
        sync(target.parent)
        return self._record(run_id, target)

    def remove(self, run_id: str, step: int) -> None:
        """Remove a checkpoint; it vanishes as a whole."""
        name = f".gone-step-{step}-{secrets.token_hex(4)}"
        self._put_away(run_id, step, name)
        shutil.rmtree(self.folder(run_id) / name, ignore_errors=True)

    def newest_whole(self, run_id: str) -> tuple[Checkpoint | None, builtins.list[Damage]]:
        """Find the newest checkpoint that is what was written, and put damaged newer ones aside.

        What torn writes have left is removed, and a whole one without a row gets it. Only the run's own
        worker may call this.

        Returns:
            (the checkpoint, None where there is none; the damaged ones that were newer)
        """
        self._sweep(run_id)
        damages: builtins.list[Damage] = []
        for step in sorted(self._steps(run_id), reverse=True):
            path = self.folder(run_id) / f"step-{step}"
            if not (found := faults(path)):
                return self._record(run_id, path), damages
            damages.append(Damage(step, tuple(found)))
            shutil.rmtree(path.with_name(f"damaged-step-{step}"), ignore_errors=True)
            self._put_away(run_id, step, f"damaged-step-{step}")
        return None, damages

    def _record(self, run_id: str, path: Path) -> Checkpoint:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        step, size = manifest["step"], sum(each["bytes"] for each in manifest["files"].values())
        with write(self._db):
            self._db.execute(
                """insert into checkpoints (run, step, bytes, eval_loss, created) values (?, ?, ?, ?, ?)
                   on conflict do update set bytes = excluded.bytes, eval_loss = excluded.eval_loss""",
                [run_number(run_id), step, size, manifest["eval_loss"], manifest["created"]],
            )
        return self.get(run_id, step)

    def _put_away(self, run_id: str, step: int, name: str) -> None:
        path = self.folder(run_id) / f"step-{step}"
        with contextlib.suppress(FileNotFoundError):
            path.rename(path.with_name(name))
        with write(self._db):
            self._db.execute("delete from checkpoints where run = ? and step = ?", [run_number(run_id), step])

    def _sweep(self, run_id: str) -> None:
        """Remove what is neither a checkpoint nor on its way to be one: one worker at most writes here."""
        for path in self.folder(run_id).glob(".*"):
            shutil.rmtree(path, ignore_errors=True)

    def _steps(self, run_id: str) -> builtins.list[int]:
        names = [_STEP.fullmatch(path.name) for path in self.folder(run_id).glob("step-*")]
        return [int(match[1]) for match in names if match]


def faults(folder: Path) -> list[str]:
    """Tell in what a checkpoint's folder differs from what was written; nothing where it is whole."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        told = manifest.pop("checksum")
        if told != _checksum(manifest):
            return [f"{MANIFEST} is not what was written"]
        if manifest["format"] != FORMAT:
            return [f"{MANIFEST} is of format {manifest['format']}, which this release does not know"]
        if folder.name != f"step-{manifest['step']}":
            return [f"{MANIFEST} is that of step {manifest['step']}"]
        files: dict[str, dict[str, Any]] = manifest["files"]
    except FileNotFoundError:
        return [f"{MANIFEST} is missing"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{MANIFEST} is not what was written"]
    return [fault for name, of in files.items() if (fault := _file_fault(folder / name, of))]


def _file_fault(path: Path, of: dict[str, Any]) -> str | None:
    if not path.is_file() or path.is_symlink():
        return f"{path.name} is missing"
    size = path.stat().st_size
    if size != of["bytes"]:
        return f"{path.name} has {size:,} bytes of {of['bytes']:,}"
    return None if fingerprint_file(path) == of["sha256"] else f"{path.name} is not what was written"


def _write_manifest(folder: Path, step: int, eval_loss: float | None) -> None:
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": fingerprint_file(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {
        "format": FORMAT,
        "step": step,
        "eval_loss": eval_loss,
        "created": time.time(),
        "files": files,
    }
    text = json.dumps({**manifest, "checksum": _checksum(manifest)}, indent=1)
    write_atomic(folder / MANIFEST, text + "\n")


def _checksum(manifest: dict[str, Any]) -> str:
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
