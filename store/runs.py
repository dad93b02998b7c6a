"""Runs: their record, table, status machine, requests and folder; what a run does is the worker's affair."""

from __future__ import annotations

import builtins
import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import tomli_w

from store.db import write
from store.errors import BadInput, Conflict, not_found
from store.files import check_name, inside, private_folder, write_atomic

if TYPE_CHECKING:
    from sqlite_utils import Database

Status = Literal["queued", "starting", "running", "paused", "completed", "failed", "cancelled", "interrupted"]
STATUSES: tuple[Status, ...] = get_args(Status)
LIVE: frozenset[Status] = frozenset({"starting", "running"})
ENDED: frozenset[Status] = frozenset({"completed", "failed", "cancelled", "interrupted"})

# From a status to those that may follow it.
MOVES: dict[Status, frozenset[Status]] = {
    "queued": frozenset({"starting", "cancelled"}),
    "starting": frozenset({"running", "failed", "cancelled", "interrupted"}),
    "running": frozenset({"completed", "failed", "cancelled", "interrupted"}),
}


@dataclass(frozen=True)
class Identity:
    """What tells one process from every other, even after its PID has been given away again.

    Args:
        boot_id: the kernel's id of this boot.
        pid: process id.
        start_ticks: the process's start, in clock ticks since boot.
        nonce: what the one who started it put into its arguments.
    """

    boot_id: str
    pid: int
    start_ticks: int
    nonce: str


@dataclass(frozen=True)
class Run:
    """One training run as the catalog knows it; times are seconds since the epoch, for display only.

    A run on a mixture names that, and its dataset and template are empty; any other has no mixture.
    """

    id: str
    name: str
    status: Status
    model: str
    dataset: str
    template: str
    method: str
    settings: dict[str, Any]
    identity: Identity | None
    step: int
    total_steps: int
    adapter: str | None
    error: str | None
    hint: str | None
    created: float
    started: float | None
    ended: float | None
    heartbeat: float | None
    request: str | None
    lineage: dict[str, Any]
    mixture: str | None = None

    @property
    def tasks(self) -> builtins.list[dict[str, Any]]:
        """What the lineage says of dataset and template: one pair, or one for each task of a mixture."""
        lineage = self.lineage
        return lineage["tasks"] if self.mixture else [{key: lineage[key] for key in ("dataset", "template")}]

    @property
    def example_data(self) -> tuple[str, str]:
        """The names of its dataset and its template; of a mixture those of the first task."""
        if not self.mixture:
            return self.dataset, self.template
        first = self.tasks[0]
        return first["dataset"]["name"], first["template"]["name"]

    @property
    def pid(self) -> int | None:
        """The worker's process id, when one has said who it is."""
        return self.identity.pid if self.identity else None

    @property
    def live(self) -> bool:
        """A worker should be alive for it."""
        return self.status in LIVE

    @property
    def over(self) -> bool:
        """Its status will not change again."""
        return self.status in ENDED


class Runs:
    """The runs of one store."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db

    def create(
        self,
        *,
        name: str,
        model: str,
        method: str,
        settings: dict[str, Any],
        lineage: dict[str, Any],
        dataset: str = "",
        template: str = "",
        split: str | None = None,
        mixture: str | None = None,
    ) -> Run:
        """Enter a queued run, with its folder and its `run.toml`, from which it can be started again.

        Args:
            split: the dataset's split, where it is not the usual one.
            mixture: what it is trained on, in the place of a dataset and a template.
        Raises:
            BadInput: the name is invalid, or looks like a run's id.
        """
        if re.fullmatch(r"r\d+", check_name(name)):
            raise BadInput(f"{name!r} looks like a run's id", "choose another --name")
        data = {"mixture": mixture} if mixture else {"dataset": dataset, "template": template}
        described = {"name": name, "model": model, **data, "method": method}
        row: dict[str, Any] = {"dataset": dataset, "template": template, **described, "status": "queued"}
        row |= {"settings": _json(settings), "lineage": _json(lineage), "created": time.time()}
        with write(self._db):
            number = self._db.table("runs").insert(row).last_pk
            folder = private_folder(inside(self._root, "runs", f"r{number}"))
            present = {key: value for key, value in settings.items() if value is not None}
            chosen = {"split": split} if split else {}
            write_atomic(folder / "run.toml", tomli_w.dumps({**described, **chosen, "settings": present}))
        return self.get(f"r{number}")

    def get(self, id_or_name: str) -> Run:
        """Return a run by its id, or the newest one of that name.

        Raises:
            NotFound: there is none.
        """
        number = _number(id_or_name)
        where, value = ("id = ?", number) if number is not None else ("name = ?", id_or_name)
        for row in self._db.table("runs").rows_where(where, [value], order_by="id desc", limit=1):
            return _run(row)
        known = [row["name"] for row in self._db.table("runs").rows_where(order_by="id desc", limit=100)]
        raise not_found("run", id_or_name, dict.fromkeys(known))

    def list(self, status: Status | None = None) -> builtins.list[Run]:
        """Return the runs, newest first, all or those of one status."""
        where = "status = ?" if status else None
        found = self._db.table("runs").rows_where(where, [status] if status else [], order_by="id desc")
        return [_run(row) for row in found]

    def folder(self, run: Run) -> Path:
        """Return a run's folder, where its worker's current directory is."""
        return inside(self._root, "runs", run.id)

    def log_path(self, run: Run) -> Path:
        """Return the file that the worker's output goes to."""
        return self.folder(run) / "log.txt"

    def claim(self, id: str, nonce: str) -> Run | None:
        """Take a queued run to start it; None when someone else has taken or cancelled it."""
        with write(self._db):
            taken = self._db.execute(
                """update runs set status = 'starting', nonce = ?, started = ?
                   where id = ? and status = 'queued'""",
                [nonce, time.time(), _number(self.get(id).id)],
            ).rowcount
        return self.get(id) if taken else None

    def identify(self, id: str, identity: Identity) -> None:
        """Record which process works on a run.

        Raises:
            Conflict: the run was claimed with another nonce, or is not live.
        """
        with write(self._db):
            run = self.get(id)
            nonce = self._db.execute("select nonce from runs where id = ?", [_number(run.id)]).fetchone()[0]
            if not run.live or nonce != identity.nonce:
                raise Conflict(
                    f"run {run.id} ({run.status}) is not this process's to work on", "start a new run"
                )
            self._set(run, identity=_json(asdict(identity)), heartbeat=time.time())

    def begin(self, id: str, total_steps: int) -> Run:
        """Move a starting run to running, with the number of optimizer steps it will take."""
        return self._move(id, "running", total_steps=total_steps, heartbeat=time.time())

    def progress(self, id: str, step: int) -> None:
        """Record the step just finished, and that the worker lives.

        Raises:
            Conflict: the run is not running any more.
        """
        with write(self._db, durable=False):
            counted = self._db.execute(
                "update runs set step = ?, heartbeat = ? where id = ? and status = 'running'",
                [step, time.time(), _number(id)],
            ).rowcount
            if not counted:
                run = self.get(id)
                raise Conflict(f"run {run.id} is {run.status}, not running", "end this worker")

    def heartbeat(self, id: str) -> None:
        """Record that the worker lives while no step is finished, as during loading or evaluation."""
        with write(self._db, durable=False):
            run = self.get(id)
            if run.live:
                self._set(run, heartbeat=time.time())

    def complete(self, id: str, adapter: str) -> Run:
        """End a run that has published its adapter."""
        return self._move(id, "completed", adapter=adapter, request=None)

    def fail(self, id: str, error: str, hint: str) -> Run:
        """End a run by an error, with what to do about it."""
        return self._move(id, "failed", error=error, hint=hint, request=None)

    def cancelled(self, id: str) -> Run:
        """End a run that has obeyed a request to cancel."""
        return self._move(id, "cancelled", request=None)

    def interrupt(self, id: str, error: str, hint: str | None = None) -> Run:
        """End a run whose process has vanished."""
        return self._move(id, "interrupted", error=error, hint=hint)

    def request(self, id: str, request: Literal["cancel"]) -> Run:
        """Ask a run's worker for something; a queued run has none and is cancelled at once.

        Raises:
            Conflict: the run has ended.
        """
        with write(self._db):
            run = self.get(id)
            if run.status == "queued":
                return self._move(run.id, "cancelled")
            if run.over:
                raise Conflict(f"run {run.id} is {run.status} already", "nothing is left to cancel")
            self._set(run, request=request)
        return self.get(run.id)

    def requested(self, id: str) -> str | None:
        """Return what has been asked of a run and not been answered yet."""
        found = self._db.execute("select request from runs where id = ?", [_number(id)]).fetchone()
        return found[0] if found else None

    def _move(self, id: str, status: Status, **values: Any) -> Run:
        with write(self._db):
            run = self.get(id)
            if status not in MOVES.get(run.status, ()):
                raise Conflict(
                    f"run {run.id} is {run.status} and cannot become {status}",
                    "see it with `workbench run show`",
                )
            if status in ENDED:
                values["ended"] = time.time()
            self._set(run, status=status, **values)
        return self.get(run.id)

    def _set(self, run: Run, **values: Any) -> None:
        self._db.table("runs").update(int(run.id[1:]), values)


def _number(id: str) -> int | None:
    match = re.fullmatch(r"r([1-9]\d{0,17})", id)
    return int(match[1]) if match else None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _run(row: dict[str, Any]) -> Run:
    fields = {key: value for key, value in row.items() if key != "nonce"}
    identity = json.loads(row["identity"]) if row["identity"] else None
    fields |= {
        "id": f"r{row['id']}",
        "settings": json.loads(row["settings"]),
        "lineage": json.loads(row["lineage"]),
        "identity": Identity(**identity) if identity else None,
    }
    return Run(**fields)
